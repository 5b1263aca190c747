"""The rules of headings: what medspaCy's JSON holds, checked and put into tables.

In: section_rules.json beside this file, a file of the user, or entries of the config.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from spacy.matcher import Matcher
from spacy.vocab import Vocab

DEFAULT_RULES = Path(__file__).with_name("section_rules.json")
KEYS = ("literal", "category", "pattern", "parents", "parent_required", "max_scope", "metadata")
BRACKETED = re.compile(r"\([^()]*\)")
# A hyphen, a space or nothing between them: follow-up, follow up.
SEPARATORS = re.compile(r"[\s\-\u2010-\u2015_*#=.,\u00a0]+")
LAST_WORD = re.compile(r"[\s\-/]")
# Between two headings in one: "CC/HPI", "Labs and imaging".
JOINTS = re.compile(r" ?[/+] ?| and ")
FRINGE = " \t:;>-=*_#[].,|"
LONGEST = 80

# A path, rules, or medspaCy's {"section_rules": [...]}.
Source = str | Path | Sequence[Mapping[str, Any]] | Mapping[str, Any]


@dataclass(frozen=True)
class SectionRule:
    """A heading and what it means, as in medspaCy.

    literal (str): the heading, in any case and with or without its colon. With a pattern it is only the rule's name.
    category (str | None): the category of the section that it starts. None for one within a section: "HEENT".
    pattern (str | list | None): a regular expression that is searched for in headings, or a pattern of spaCy's Matcher
        for the whole text.
    parents (tuple[str, ...]): the categories of the sections that it can be a part of.
    parent_required (bool): whether it is a heading only within one of them.
    max_scope (int | None): the maximum number of tokens of its body.
    metadata (Mapping[str, Any]): "loinc" is its code, "line" limits it to its own line, "in_abstract" is its category
        in an abstract, and "abstract" says that a text which has it is one. "in_report" and "report" are the same for
        radiology reports. It is a heading only at the start of a line with "starts_line", and only with nothing behind
        it on its line with "alone", or only with a colon with "colon". With "title" it is the title of the note where
        it is the first line and no list follows. With "exact" no other words belong to it. With "bare" text may follow
        its capitals without a sign: "PMH asthma". With "column" it may where other lines of the note have such
        headings too: "Exam normal" below "PMH asthma". With one of these, or "row", it needs only a colon behind
        another heading on the same line: "PMH: asthma DH: nil All: nil". "before" has other categories and the regular
        expressions of texts behind the heading that it has them in front of: "EXAM: CT chest". "in_letter" is its
        category in a letter to a doctor. With "in_body" the pattern is for how the text under an unknown heading
        starts.
    """

    literal: str
    category: str | None
    pattern: str | list[dict[str, Any]] | None = None
    parents: tuple[str, ...] = ()
    parent_required: bool = False
    max_scope: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def category_before(self, text: str) -> str | None:
        """Return the category of the section that the heading starts in front of a text."""
        others = self.metadata.get("before", {})
        found = (name for name, pattern in others.items() if re.match(pattern, text, re.IGNORECASE))
        return next(found, self.category)

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as it is written in JSON, without what it does not say."""
        values = {**vars(self), "parents": list(self.parents), "metadata": dict(self.metadata)}
        return {key: values[key] for key in KEYS if values[key] or key == "category" or values[key] == 0}


@dataclass(frozen=True)
class RuleTable:
    """Rules, ready to be looked up.

    rules (tuple[SectionRule, ...]): the rules. Of two with the same literal the last applies.
    codes (Mapping[str, str]): the LOINC code of a category, for rules that have none of their own.
    qualifiers (Mapping[str, Sequence[str]]): "before" and "after" are words around a heading that do not change what it
        is: "current", "on admission".
    """

    rules: tuple[SectionRule, ...]
    codes: Mapping[str, str]
    qualifiers: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @cached_property
    def literals(self) -> dict[str, SectionRule]:
        """The rules without a pattern, by their normalized literal."""
        return {normalize(rule.literal): rule for rule in self.rules if not rule.pattern}

    @cached_property
    def in_row(self) -> frozenset[str]:
        """The literals that need nothing but a colon behind a heading on the same line."""
        keys = {"bare", "column", "row"}
        return frozenset(words for words, rule in self.literals.items() if rule.metadata.keys() & keys)

    @cached_property
    def first_words(self) -> frozenset[str]:
        """The first words of the literals that may need no sign, and of what may be before them."""
        keys = {"bare", "column"}
        first = (words.split()[0] for words, rule in self.literals.items() if rule.metadata.keys() & keys)
        return frozenset((*first, *self.around[0]))

    @cached_property
    def last_words(self) -> frozenset[str]:
        """The last words of all literals: nothing else can end a heading within a line."""
        return frozenset(LAST_WORD.split(words)[-1] for words in (*self.literals, *self.qualifiers.get("after", ())))

    @cached_property
    def expressions(self) -> list[tuple[re.Pattern[str], SectionRule]]:
        """The rules with a regular expression. The first that matches applies, those added last before others."""
        return self.compile(in_body=False)

    @cached_property
    def body_expressions(self) -> list[tuple[re.Pattern[str], SectionRule]]:
        """The rules with a regular expression for what follows an unknown heading."""
        return self.compile(in_body=True)

    def compile(self, *, in_body: bool) -> list[tuple[re.Pattern[str], SectionRule]]:
        """Return the rules with a regular expression for headings, or for what follows them; the last rule first."""
        return [
            (re.compile(rule.pattern, re.IGNORECASE), rule)
            for rule in reversed(self.rules)
            if isinstance(rule.pattern, str) and bool(rule.metadata.get("in_body")) == in_body
        ]

    def find(self, name: str) -> SectionRule | None:
        """Return the rule of a heading's exact words, or of the first of several headings in one, or None.

        name (str): the heading: "Past Medical History:", "CC/HPI", "Labs & imaging".
        RETURNS (SectionRule | None): the rule.
        """
        plain = normalize(name)
        return self.find_one(plain) or self.find_joined(plain)

    def find_one(self, plain: str) -> SectionRule | None:
        """Return the rule of a normalized heading, with or without its qualifiers, or None."""
        if plain in self.literals:
            return self.literals[plain]
        rule = self.literals.get(self.without_qualifiers(plain))
        return None if rule is None or rule.metadata.get("exact") else rule

    @cached_property
    def around(self) -> tuple[frozenset[str], frozenset[str]]:
        """The qualifiers before and after a heading."""
        return frozenset(self.qualifiers.get("before", ())), frozenset(self.qualifiers.get("after", ()))

    def without_qualifiers(self, plain: str, *, at_end: bool = True) -> str:
        """Return a heading without the words around it that do not change what it is.

        plain (str): the normalized heading: "current medications on admission".
        at_end (bool): whether to leave out words behind it too, not only those before it.
        RETURNS (str): "medications", or what is left when a rule knows it.
        """
        before, after = self.around
        words = plain.split()
        while len(words) > 1 and " ".join(words) not in self.literals:
            ends = [size for size in range(len(words) - 1, 0, -1) if " ".join(words[-size:]) in after]
            if ends and at_end:
                words = words[: -ends[0]]
            elif words[0] in before:
                words = words[1:]
            else:
                break
        return " ".join(words)

    def find_start(self, name: str) -> SectionRule | None:
        """Return the rule of words that text follows, or None. They may have qualifiers before them only."""
        return self.literals.get(self.without_qualifiers(normalize(name), at_end=False))

    def find_joined(self, plain: str) -> SectionRule | None:
        """Return the rule of the first of several headings in one, or of the one that is an abbreviation, or None.

        plain (str): the normalized heading.
        """
        parts = JOINTS.split(plain)
        rules = [self.find_one(part) for part in parts] if len(parts) > 1 and min(map(len, parts)) > 1 else []
        known = [rule for rule in rules if rule is not None and not rule.metadata.get("line")]
        same_kind = len({rule.category is None for rule in known}) == 1
        if same_kind and len(known) == len(parts):
            return known[0]
        # "Birth/PMH": the abbreviation decides.
        sure = [rule for rule in known if rule.metadata.get("bare")]
        return sure[0] if sure and len(parts) == 2 and len(plain.split()) < 4 else None

    def search(self, name: str) -> SectionRule | None:
        """Return the rule whose regular expression is found in a heading, or None."""
        return next((rule for expression, rule in self.expressions if expression.search(name)), None)

    def search_body(self, body: str) -> SectionRule | None:
        """Return the rule whose regular expression matches how the text under an unknown heading starts, or None."""
        return next((rule for expression, rule in self.body_expressions if expression.match(body)), None)

    def code(self, rule: SectionRule, category: str | None) -> str | None:
        """Return the LOINC code of a section that a rule starts, or None if it has none."""
        own = rule.metadata.get("loinc") if category == rule.category else None
        return own or self.codes.get(category or "")

    def make_matcher(self, vocab: Vocab) -> Matcher | None:
        """Return a matcher for the rules with a pattern of tokens, by their number; None if there are none."""
        matcher = Matcher(vocab)
        for number, rule in enumerate(self.rules):
            if isinstance(rule.pattern, list):
                matcher.add(str(number), [rule.pattern], greedy="LONGEST")
        return matcher if len(matcher) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the table as it is written in JSON."""
        return {
            "codes": dict(self.codes),
            "qualifiers": {side: list(words) for side, words in self.qualifiers.items()},
            "section_rules": [rule.to_dict() for rule in self.rules],
        }


def normalize(name: str) -> str:
    """Return a heading in lower case, without brackets, signs around it and differences of hyphens and spaces.

    name (str): a heading: "Past Medical History (PMH):".
    RETURNS (str): "past medical history".
    """
    plain = name.strip(FRINGE).lower().replace("\u2019", "'").replace("&", " and ")
    if "(" in plain:
        plain = BRACKETED.sub(" ", plain)
    return SEPARATORS.sub(" ", plain).strip(FRINGE)


def read_table(rules: Source | None = None, extra: Source | None = None) -> RuleTable:
    """Read rules.

    rules (Source | None): rules in place of the library's. None for those.
    extra (Source | None): rules in addition. They go before the others.
    RETURNS (RuleTable): the rules.
    RAISES (ValueError): they can't be read, or one is wrong. The message has its number and what is wrong.
    """
    codes: dict[str, str] = {}
    qualifiers: dict[str, list[str]] = {}
    checked: list[SectionRule] = []
    for source in (DEFAULT_RULES if rules is None else rules, extra):
        if source is not None:
            data = read_source(source)
            codes.update(data.get("codes", {}))
            for side, words in check_qualifiers(data.get("qualifiers", {})).items():
                qualifiers[side] = [*qualifiers.get(side, ()), *map(normalize, words)]
            checked += [check_rule(rule, number) for number, rule in enumerate(data["section_rules"], start=1)]
    return RuleTable(tuple(checked), codes, qualifiers)


def read_source(source: Source) -> Mapping[str, Any]:
    """Return rules as medspaCy's JSON has them.

    source (Source): a file, the content of one, or its list of rules.
    RETURNS (Mapping[str, Any]): a mapping with "section_rules".
    RAISES (ValueError): the file can't be read or is not JSON, or has no such list.
    """
    if isinstance(source, (str, Path)):
        try:
            source = json.loads(Path(source).read_text(encoding="utf8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"The section rules in {source} can't be read: {error}") from error
    data = source if isinstance(source, Mapping) else {"section_rules": source}
    rules = data.get("section_rules")
    if not isinstance(rules, (list, tuple)):
        raise ValueError("Section rules must be a list, or have one under 'section_rules'")
    return data


def check_qualifiers(qualifiers: Any) -> Mapping[str, Sequence[str]]:
    """Return the qualifiers of a source, or raise a ValueError if they are not lists of words by side."""
    if not isinstance(qualifiers, Mapping) or not set(qualifiers) <= {"before", "after"}:
        raise ValueError("The 'qualifiers' of section rules must be an object with 'before' and 'after'")
    for side, words in qualifiers.items():
        if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) for word in words):
            raise ValueError(f"The 'qualifiers' {side} headings must be a list of words")
    return qualifiers


def check_rule(rule: Any, number: int) -> SectionRule:
    """Return a rule, checked.

    rule (Any): the rule as read from JSON.
    number (int): its number in the list, from 1.
    RETURNS (SectionRule): the rule.
    RAISES (ValueError): it is wrong. The message has its number and what is wrong.
    """
    problem = find_problem(rule)
    if problem:
        raise ValueError(f"Section rule {number}: {problem}")
    return SectionRule(**{**rule, "parents": tuple(rule.get("parents") or ()), "metadata": rule.get("metadata") or {}})


def find_problem(rule: Any) -> str | None:
    """Return what is wrong with a rule as read from JSON, or None."""
    if not isinstance(rule, Mapping):
        return f"it must be an object, not {type(rule).__name__}"
    if unknown := [key for key in rule if key not in KEYS]:
        return f"it has the unknown key '{unknown[0]}'; known are {', '.join(KEYS)}"
    literal, category, scope = rule.get("literal"), rule.get("category"), rule.get("max_scope")
    if not isinstance(literal, str) or not normalize(literal):
        return "it needs a 'literal' with a letter or digit"
    if len(literal) > LONGEST and not rule.get("pattern"):
        return f"its 'literal' has {len(literal)} characters; a heading has at most {LONGEST}"
    if "category" not in rule or not (category is None or (isinstance(category, str) and category.strip())):
        return "it needs a 'category': a name, or null for a heading within a section"
    if scope is not None and (not isinstance(scope, int) or isinstance(scope, bool) or scope < 0):
        return f"its 'max_scope' ({scope}) must be a number of tokens"
    if not isinstance(rule.get("metadata") or {}, Mapping):
        return "its 'metadata' must be an object"
    parents = rule.get("parents") or ()
    if isinstance(parents, str) or not all(isinstance(parent, str) for parent in parents):
        return "its 'parents' must be a list of categories"
    if rule.get("parent_required") and not parents:
        return "it requires a parent and names none"
    return find_pattern_problem(rule.get("pattern"))


def find_pattern_problem(pattern: Any) -> str | None:
    """Return what is wrong with the pattern of a rule, or None."""
    try:
        if isinstance(pattern, str):
            re.compile(pattern)
        elif pattern is not None:
            Matcher(Vocab(), validate=True).add("rule", [pattern])
    except (re.error, ValueError, TypeError, KeyError) as error:
        return f"its 'pattern' is broken: {' '.join(str(error).split())}"
    return None
