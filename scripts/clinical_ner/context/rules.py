"""The rules of the context component, in medspaCy's JSON format: read, checked, written.

In: a JSON file, {"context_rules": [{"literal": "no", "category": "NEGATED_EXISTENCE", "direction": "FORWARD"}, ...]}.
Files written for medspaCy work unchanged. `scope`, `terminates`, `at_end`, `sections` and `terminating_types` are ours.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from spacy.matcher import Matcher
from spacy.vocab import Vocab

DEFAULT_RULES = Path(__file__).parent / "rules.json"
# The attribute that a cue of each category sets. medspaCy's names, except for the allergy.
ATTRIBUTES = {
    "NEGATED_EXISTENCE": "is_negated",
    "POSSIBLE_EXISTENCE": "is_uncertain",
    "HISTORICAL": "is_historical",
    "HYPOTHETICAL": "is_hypothetical",
    "FAMILY": "is_family",
    "ALLERGY": "is_allergy",
}
# These set no attribute: the nearer one of a pair wins.
OPPOSITES = {"CURRENT": "HISTORICAL", "PATIENT": "FAMILY", "PRESENT": "NEGATED_EXISTENCE", "ACTUAL": "HYPOTHETICAL"}
CATEGORIES = (*ATTRIBUTES, *OPPOSITES)
DIRECTIONS = ("FORWARD", "BACKWARD", "BIDIRECTIONAL", "TERMINATE", "PSEUDO")
SCOPES = ("sentence", "list", "item")
COLLECTIONS = ("allowed_types", "excluded_types", "terminated_by", "terminates")
LIMITS = ("max_scope", "max_targets")


@dataclass(frozen=True, eq=False)
class ContextRule:
    """A cue and what it does to mentions.

    literal (str): the cue's words, matched without case. With a pattern it is only a name.
    category (str): what the cue says of a mention, see ATTRIBUTES. Any name for TERMINATE and PSEUDO.
    direction (str): where its mentions are: FORWARD, BACKWARD, BIDIRECTIONAL; TERMINATE ends the scope of other cues,
        PSEUDO prevents shorter cues inside it.
    pattern (list | str | None): a pattern of spaCy's Matcher, or a regular expression over the text, without case.
    allowed_types, excluded_types (frozenset[str] | None): labels that the cue can, or can't, modify, in upper case.
    max_scope (int | None): how many tokens from the cue a mention can start, white space not counted.
    max_targets (int | None): the most mentions that the cue modifies, the nearest first.
    terminated_by (frozenset[str]): categories whose cues end its scope, too.
    terminates (frozenset[str] | None): with TERMINATE, the categories that it ends; None for all.
    scope (str): "sentence"; "list", the next item and those joined to it by "and" or "or"; or "item".
    at_end (bool): whether the cue counts only before a punctuation mark or its sentence's end.
    metadata (Any): anything; it is kept. A cue with {"weak": true} does not outweigh a heading.
    """

    literal: str
    category: str
    direction: str = "BIDIRECTIONAL"
    pattern: list[dict[str, Any]] | str | None = None
    allowed_types: frozenset[str] | None = None
    excluded_types: frozenset[str] | None = None
    max_scope: int | None = None
    max_targets: int | None = None
    terminated_by: frozenset[str] = frozenset()
    terminates: frozenset[str] | None = None
    scope: str = "sentence"
    at_end: bool = False
    metadata: Any = None

    def allows(self, label: str) -> bool:
        """Return whether the cue can modify mentions with a label."""
        label = label.upper()
        if self.allowed_types is not None:
            return label in self.allowed_types
        return self.excluded_types is None or label not in self.excluded_types

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """The regular expression of a rule for headings: its pattern, or else the words of its literal."""
        own = self.pattern if isinstance(self.pattern, str) else rf"(?<!\w){re.escape(self.literal)}(?!\w)"
        return re.compile(own, re.IGNORECASE)

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as it is in a file, without the values that are the default."""
        values = {name: value for name, value in asdict(self).items() if value != DEFAULTS.get(name)}
        return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in values.items()}


DEFAULTS = {one.name: one.default for one in fields(ContextRule) if one.name not in ("literal", "category")}


@dataclass(frozen=True)
class ContextRules:
    """All that the component is told.

    rules (tuple[ContextRule, ...]): the cues.
    sections (dict[str, ContextRule]): what a section's heading says of its mentions, by the section's category.
    headings (tuple[ContextRule, ...]): what words in a heading say of the mentions of its section.
    terminating_types (dict[str, frozenset[str]]): by category, those whose cues end its scope.
    """

    rules: tuple[ContextRule, ...]
    sections: dict[str, ContextRule] = field(default_factory=dict)
    headings: tuple[ContextRule, ...] = ()
    terminating_types: dict[str, frozenset[str]] = field(default_factory=dict)

    def extended(self, other: "ContextRules") -> "ContextRules":
        """Return these rules and others. Where both have an entry for a section or a category, the others' counts."""
        return ContextRules(
            rules=(*self.rules, *other.rules),
            sections={**self.sections, **other.sections},
            headings=(*self.headings, *other.headings),
            terminating_types={**self.terminating_types, **other.terminating_types},
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the content of a file with these rules."""
        return {
            "context_rules": [rule.to_dict() for rule in self.rules],
            "sections": {name: rule.to_dict() for name, rule in self.sections.items()},
            "headings": [rule.to_dict() for rule in self.headings],
            "terminating_types": {name: sorted(ends) for name, ends in self.terminating_types.items()},
        }


def read_rules(path: Path, vocab: Vocab) -> ContextRules:
    """Read a file of rules.

    path (Path): a JSON file in medspaCy's format.
    vocab (Vocab): the vocabulary of the pipeline, to check patterns.
    RETURNS (ContextRules): the rules.
    RAISES (ValueError): the file is not JSON, or a rule is wrong; with its number, from 1.
    """
    try:
        data = json.loads(path.read_text(encoding="utf8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    try:
        return parse_rules(data, vocab)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def parse_rules(data: Any, vocab: Vocab) -> ContextRules:
    """Check the content of a file of rules; see `read_rules`."""
    if not isinstance(data, Mapping) or not isinstance(data.get("context_rules"), list):
        raise ValueError('context rules must be {"context_rules": [...]}')
    if unknown := set(data) - {"context_rules", "sections", "headings", "terminating_types"}:
        raise ValueError(f"context rules have an unknown key: {', '.join(sorted(map(str, unknown)))}")
    matcher = Matcher(vocab, validate=True)
    return ContextRules(
        rules=tuple(parse_rule(rule, number, matcher) for number, rule in enumerate(data["context_rules"], 1)),
        sections=parse_sections(data.get("sections") or {}, matcher),
        headings=parse_headings(data.get("headings") or [], matcher),
        terminating_types=parse_terminating_types(data.get("terminating_types") or {}),
    )


def parse_sections(data: Any, matcher: Matcher) -> dict[str, ContextRule]:
    """Check what sections say of their mentions: a category, or a rule without a literal."""
    if not isinstance(data, Mapping):
        raise ValueError("sections must be a table of section categories and context categories")
    sections = {}
    for name, value in data.items():
        rule = {"category": value} if isinstance(value, str) else value
        try:
            sections[name] = checked_rule({"literal": name, **rule}, matcher)
        except (TypeError, ValueError) as error:
            raise ValueError(f"sections: {name}: {error}") from error
    return sections


def parse_headings(data: Any, matcher: Matcher) -> tuple[ContextRule, ...]:
    """Check what words in headings say of the mentions below: rules with a literal or a regular expression."""
    if not isinstance(data, list):
        raise ValueError("headings must be a list of rules")
    rules = tuple(parse_rule(rule, number, matcher, kind="heading rule") for number, rule in enumerate(data, 1))
    for number, rule in enumerate(rules, 1):
        if isinstance(rule.pattern, list):
            raise ValueError(f"heading rule {number} ({rule.literal!r}): its pattern must be a regular expression")
    return rules


def parse_terminating_types(data: Any) -> dict[str, frozenset[str]]:
    """Check which categories end the scope of others."""
    if not isinstance(data, Mapping):
        raise ValueError("terminating_types must be a table of category and categories")
    return {name.upper(): upper_names(ends, f"terminating_types: {name}") for name, ends in data.items()}


def parse_rule(data: Any, number: int, matcher: Matcher, *, kind: str = "context rule") -> ContextRule:
    """Check one rule.

    data (Any): the rule as it is in the file.
    number (int): its number in the file, from 1.
    matcher (Matcher): checks its pattern.
    kind (str): what it is called in messages.
    RETURNS (ContextRule): the rule, names in upper case.
    RAISES (ValueError): something is wrong with it.
    """
    try:
        return checked_rule(data, matcher)
    except ValueError as error:
        literal = data.get("literal") if isinstance(data, Mapping) else None
        raise ValueError(f"{kind} {number}{f' ({literal!r})' if literal else ''}: {error}") from error


def checked_rule(data: Any, matcher: Matcher) -> ContextRule:
    """Check one rule; see `parse_rule`."""
    if not isinstance(data, Mapping):
        raise ValueError("it must be a table with literal, category and direction")
    if unknown := set(data) - {one.name for one in fields(ContextRule)}:
        raise ValueError(f"unknown key: {', '.join(sorted(map(str, unknown)))}")
    # medspaCy's own file has "pattern": null.
    values = {name: value for name, value in data.items() if value is not None}
    literal = values.get("literal")
    if not isinstance(literal, str) or not literal.strip():
        raise ValueError("it has no literal")
    values["direction"] = one_of(str(values.get("direction", "BIDIRECTIONAL")).upper(), DIRECTIONS, "direction")
    values["category"] = str(values.get("category", "")).upper()
    if values["direction"] not in ("TERMINATE", "PSEUDO"):
        one_of(values["category"], CATEGORIES, "category")
    for name in COLLECTIONS:
        if name in values:
            values[name] = upper_names(values[name], name)
    if "allowed_types" in values and "excluded_types" in values:
        raise ValueError("only one of allowed_types and excluded_types can be given")
    for name in LIMITS:
        if name in values and (type(values[name]) is not int or values[name] <= 0):
            raise ValueError(f"{name} must be a whole number above 0, not {values[name]!r}")
    one_of(values.get("scope", SCOPES[0]), SCOPES, "scope")
    if not isinstance(values.get("at_end", False), bool):
        raise ValueError(f"at_end must be true or false, not {values['at_end']!r}")
    check_pattern(values.get("pattern"), matcher)
    return ContextRule(**values)


def one_of(value: Any, allowed: Iterable[str], name: str) -> Any:
    """Return a value if it is allowed, or raise a ValueError."""
    if value not in allowed:
        raise ValueError(f"{name} {value!r} is not one of {', '.join(allowed)}")
    return value


def upper_names(value: Any, name: str) -> frozenset[str]:
    """Return a list of names in upper case, or raise a ValueError."""
    if isinstance(value, str) or not isinstance(value, Iterable) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"{name} must be a list of names, not {value!r}")
    return frozenset(one.upper() for one in value)


def check_pattern(pattern: Any, matcher: Matcher) -> None:
    """Raise a ValueError if a pattern is neither one of spaCy's Matcher nor a regular expression."""
    if pattern is None:
        return
    try:
        if isinstance(pattern, str):
            re.compile(pattern)
        else:
            matcher.add("pattern", [pattern])
    except Exception as error:
        # spaCy raises errors of several types; their messages have several lines.
        raise ValueError(f"its pattern is wrong: {' '.join(str(error).split())}") from error
    if not pattern:
        raise ValueError("its pattern is empty")
