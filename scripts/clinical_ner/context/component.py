"""The context component: sets the attributes of mentions from cues around them and from the headings of their sections.

In: doc.ents and, if `clinical_sections` or another component has set them, sentences and sections.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import ensure_path

from ..factory import Factory
from ..version import check_version
from .matching import Cue, CueMatcher, Words, without_space
from .rules import ATTRIBUTES, DEFAULT_RULES, OPPOSITES, ContextRule, ContextRules, parse_rules, read_rules
from .scope import Target, distance, find_edges
from .sentences import sentence_bounds, split_sentences

FILE = "context_rules.json"
MODIFIERS = "modifiers"
NEGATED = "NEGATED_EXISTENCE"
BLANK = re.compile(r"\n[ \t]*\n\s*")
# A sentence, and the start of another.
PROSE = re.compile(r"[A-Z][^\n]{10,300}?[a-z)][.?!] +[A-Z]|[A-Z][^\n]{60,}")
# Negations that say nothing of the past. "No longer" and "never had" do.
DENIAL = re.compile(
    r"(?:no|nil|not|den(?:y|ies|ied|ying)|without|none|neg)\b"
    r"(?!.*\b(?:longer|further|more|again|recur\w*|residual|current\w*|ongoing|active|now)\b)",
    re.IGNORECASE,
)
# What each category leaves no place for.
OUTWEIGHED = {NEGATED: ("POSSIBLE_EXISTENCE", "HYPOTHETICAL"), "FAMILY": ("HISTORICAL",), "ALLERGY": ("HISTORICAL",)}
# The labels of medications, in the words of the default rules.
MEDICATIONS = frozenset(("CHEMICAL", "DRUG", "MEDICATION", "TREATMENT"))


def make_context(nlp: Language, name: str, rules: str | Path | None, replace: bool) -> "Context":
    """Return the component.

    nlp (Language): the pipeline.
    name (str): the component's name in it.
    rules (str | Path | None): a file of rules in medspaCy's JSON format, beside the default ones.
    replace (bool): whether to use these rules only.
    RETURNS (Context): the component.
    RAISES (ValueError): a rule is wrong, or `replace` is set without rules.
    """
    check_version(nlp)
    return Context(nlp, ensure_path(rules) if rules else None, replace=replace)


def add_attributes() -> None:
    """Register the attributes with spaCy's Span. They are None until the component has run."""
    for name in (*ATTRIBUTES.values(), MODIFIERS):
        if not Span.has_extension(name):
            Span.set_extension(name, default=None)


class Context:
    """A component that sets whether a mention is negated, uncertain, past, hypothetical, a relative's or an allergy.

    Chapman et al. (2001), https://doi.org/10.1006/jbin.2001.1029, and Harkema et al. (2009),
    https://doi.org/10.1016/j.jbi.2009.05.002.
    """

    def __init__(self, nlp: Language, path: Path | None = None, *, replace: bool = False):
        """Read the rules.

        nlp (Language): the pipeline, for its vocabulary and tokenizer.
        path (Path | None): a file of rules. If it does not exist, they have to come from a saved pipeline.
        replace (bool): whether to leave out the default rules.
        RAISES (ValueError): a rule is wrong, or `replace` is set without rules.
        """
        if replace and path is None:
            raise ValueError("replace = true needs rules = a file")
        self.nlp = nlp
        self.path = path
        self.matcher: CueMatcher | None = None
        add_attributes()
        default = ContextRules(()) if replace else read_rules(DEFAULT_RULES, nlp.vocab)
        self.rules: ContextRules | None = default
        if path is not None:
            # A saved pipeline brings its rules, and may be loaded where the file is not.
            self.rules = default.extended(read_rules(path, nlp.vocab)) if path.is_file() else None

    def __call__(self, doc: Doc) -> Doc:
        """Set the attributes of a document's mentions.

        doc (Doc): the document with its mentions.
        RETURNS (Doc): the same document.
        RAISES (ValueError): the file of rules does not exist.
        """
        if not doc.ents:
            return doc
        rules = self.get_rules()
        if self.matcher is None:
            self.matcher = CueMatcher(rules.rules, self.nlp.tokenizer)
        words = without_space(doc)
        if not words.places:
            # A mention of white space.
            return doc
        targets = find_targets(doc, words)
        bounds = sentence_bounds(doc, words)
        titles = find_all_titles(doc)
        found_cues = outside_titles(self.matcher(doc, words, bounds), words, titles)
        cues = outside_mentions(found_cues, targets)
        edges = find_edges(split_sentences(doc, words, bounds, cues, targets), rules.terminating_types)
        heading_rules: dict[tuple[str, int], list[ContextRule]] = {}
        for ent, target, (section, title) in zip(doc.ents, targets, find_titles(doc), strict=True):
            found = without_opposites(edges.get(target.number, ()), target)
            key = (section, title.start if title is not None else -1)
            if key not in heading_rules:
                heading_rules[key] = rules_of_heading(rules, section, title)
            heading = section_modifiers(ent, title, heading_rules[key], edges.get(target.number, ()))
            set_attributes(ent, [*heading, *as_modifiers(found, doc, words)])
        return doc

    def get_rules(self) -> ContextRules:
        """Return the rules, or raise a ValueError if their file does not exist."""
        if self.rules is None:
            raise ValueError(f"the file of context rules {self.path} is not there")
        return self.rules

    def initialize(self, get_examples: Callable[[], Iterable] | None = None, *, nlp: Language | None = None) -> None:
        """Check that there are rules, before a training. The tokenizer may be another one than before."""
        self.get_rules()
        self.matcher = None

    def set_rules(self, data: Any) -> None:
        """Replace the rules by the content of a saved file."""
        self.rules = parse_rules(data, self.nlp.vocab)
        self.matcher = None

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Return the rules as bytes."""
        return json.dumps(self.get_rules().to_dict()).encode("utf8")

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "Context":
        """Replace the rules by those of `to_bytes`."""
        self.set_rules(json.loads(data))
        return self

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Write the rules to a folder."""
        folder = ensure_path(path)
        folder.mkdir(parents=True, exist_ok=True)
        lines = json.dumps(self.get_rules().to_dict(), indent=1, ensure_ascii=False)
        (folder / FILE).write_text(lines, encoding="utf8")

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "Context":
        """Replace the rules by those of `to_disk`."""
        self.set_rules(json.loads((ensure_path(path) / FILE).read_text(encoding="utf8")))
        return self


def find_targets(doc: Doc, words: Words) -> list[Target]:
    """Return the mentions of a document, their tokens counted without white space."""
    places = np.asarray(words.places)
    starts = np.searchsorted(places, [ent.start for ent in doc.ents]).tolist()
    ends = np.searchsorted(places, [ent.end for ent in doc.ents]).tolist()
    labels = [ent.label_ for ent in doc.ents]
    return [Target(*values, number) for number, values in enumerate(zip(starts, ends, labels, strict=True))]


def outside_mentions(cues: Sequence[Cue], targets: Sequence[Target]) -> list[Cue]:
    """Return the cues that are not within a mention: "non" of "non-Hodgkin lymphoma" is none."""
    starts = [target.start for target in targets]

    def is_outside(cue: Cue) -> bool:
        number = bisect_right(starts, cue.start) - 1
        return number < 0 or targets[number].end < cue.end

    return [cue for cue in cues if is_outside(cue)]


def outside_titles(cues: Sequence[Cue], words: Words, titles: Sequence[tuple[int, int]]) -> list[Cue]:
    """Return the cues that are not within the heading of a section, which `section_modifiers` reads.

    cues (Sequence[Cue]): the cues in order.
    words (Words): the words of the document.
    titles (Sequence[tuple[int, int]]): the tokens of the headings in order.
    RETURNS (list[Cue]): those left.
    """
    starts = [start for start, _ in titles]

    def is_outside(cue: Cue) -> bool:
        place = words.places[cue.start]
        number = bisect_right(starts, place) - 1
        return number < 0 or place >= titles[number][1]

    return [cue for cue in cues if is_outside(cue)]


def without_opposites(cues: Iterable[Cue], target: Target) -> list[Cue]:
    """Return the cues of a mention without those that a nearer cue of the opposite category outweighs, in order.

    In "history of MI, chest pain today" the pain is nearer to "today".
    """
    left = sorted(cues, key=lambda cue: cue.start)
    if any(cue.rule.category == "ALLERGY" for cue in left):
        # "Avoid penicillin, allergic" is no more than an allergy; "no allergy to penicillin" is none.
        left = [cue for cue in left if cue.rule.category != NEGATED or cue.rule.allowed_types is None]
    for opposite, category in OPPOSITES.items():
        near = min((distance(cue, target) for cue in left if cue.rule.category == opposite), default=None)
        if near is not None:
            left = [cue for cue in left if cue.rule.category != category or is_nearer(cue, target, near)]
    return left


def is_nearer(cue: Cue, target: Target, near: int) -> bool:
    """Return whether a cue is nearer to a mention than an opposite one, or behind it and as near but for a comma.

    What is said last holds: "started on sertraline, which she stopped".
    """
    is_behind = cue.start >= target.end
    return distance(cue, target) < near + 2 * is_behind


def as_modifiers(cues: Iterable[Cue], doc: Doc, words: Words) -> list[dict[str, Any]]:
    """Return cues that set an attribute with their offsets in the text."""
    spans = [(cue.rule.category, doc[words.places[cue.start] : words.places[cue.end - 1] + 1]) for cue in cues]
    return [modifier(category, span) for category, span in spans if category in ATTRIBUTES]


def modifier(category: str, span: Span) -> dict[str, Any]:
    """Return what says that a mention is of a category, as in JSON."""
    return {"category": category, "start": span.start_char, "end": span.end_char}


def rules_of_heading(rules: ContextRules, section: str, title: Span | None) -> list[ContextRule]:
    """Return what a section's heading says of its mentions: by the section's category, and by the heading's words."""
    if title is None:
        return []
    own = [rules.sections[section]] if section in rules.sections else []
    return [*own, *(rule for rule in rules.headings if rule.expression.search(title.text))]


def section_modifiers(
    ent: Span, title: Span | None, heading: Sequence[ContextRule], cues: Sequence[Cue]
) -> list[dict[str, Any]]:
    """Return what the heading of a mention's section says of it, unless a cue says the opposite."""
    if title is None:
        return []
    opposed = {OPPOSITES.get(cue.rule.category) for cue in cues if not is_weak(cue.rule)}
    if any(map(is_denial, cues)):
        # "PMH: no gout" says nothing of the past.
        opposed.add("HISTORICAL")
    categories = [rule.category for rule in heading if rule.allows(ent.label_) and rule.category not in opposed]
    return [modifier(category, title) for category in dict.fromkeys(categories)]


def is_denial(cue: Cue) -> bool:
    """Return whether a cue says that something is not there: "no", "denies". "Resolved" says that it was."""
    return cue.rule.category == NEGATED and DENIAL.match(cue.rule.literal) is not None


def is_weak(rule: ContextRule) -> bool:
    """Return whether a cue may be a part of a diagnosis and says nothing against a heading: "PMH: recurrent gout"."""
    return isinstance(rule.metadata, Mapping) and bool(rule.metadata.get("weak"))


def without_outweighed(modifiers: list[dict[str, Any]], label: str) -> list[dict[str, Any]]:
    """Return modifiers without those that another one leaves no place for.

    "Workup for DVT was negative" leaves no doubt, "previously on warfarin, stopped" is stopped, a relative's illness
    has no past of its own, and what is an allergy was not a treatment.
    """
    found = {one["category"] for one in modifiers}
    outweighed = {name for category in found for name in OUTWEIGHED.get(category, ())}
    if NEGATED in found and label.upper() in MEDICATIONS:
        outweighed.add("HISTORICAL")
    return [one for one in modifiers if one["category"] not in outweighed]


def set_attributes(ent: Span, modifiers: list[dict[str, Any]]) -> None:
    """Set the attributes of a mention."""
    modifiers = without_outweighed(modifiers, ent.label_)
    categories = {one["category"] for one in modifiers}
    attributes = ent._
    for category, name in ATTRIBUTES.items():
        attributes.set(name, category in categories)
    attributes.set(MODIFIERS, modifiers)


def find_all_titles(doc: Doc) -> list[tuple[int, int]]:
    """Return the tokens of the headings of a document's sections in order; none if nothing has found sections."""
    sections = doc._.sections if Doc.has_extension("sections") else None
    return [each.title_span for each in sections or () if each.title_span[0] < each.title_span[1]]


def find_titles(doc: Doc) -> list[tuple[str, Span | None]]:
    """Return category and heading of the section of each mention: ("", None) if nothing has found sections."""
    sections = doc._.sections if Doc.has_extension("sections") else None
    if not sections:
        return [("", None)] * len(doc.ents)
    starts = [section.section_span[0] for section in sections]
    numbers = [max(bisect_right(starts, ent.start) - 1, 0) for ent in doc.ents]
    text = doc.text
    ends = {number: end_of_heading(doc, text, sections[number]) for number in {*numbers}}
    return [
        (sections[number].category or "", title_of(doc, sections[number].title_span))
        if ent.start_char < ends[number]
        else ("", None)
        for number, ent in zip(numbers, doc.ents, strict=True)
    ]


def end_of_heading(doc: Doc, text: str, section: Any) -> int:
    """Return the offset up to which a heading says something of the mentions of its section.

    In a letter, "Allergies: penicillin" is a line of its own, and the paragraph behind it is about something else.

    doc (Doc): the document.
    text (str): its text.
    section (Any): a section with a `section_span` and a `title_span`, in tokens.
    RETURNS (int): the end of the section, or of its first paragraph.
    """
    end = doc[slice(*section.section_span)].end_char
    title = title_of(doc, section.title_span)
    blank = BLANK.search(text, title.end_char, end) if title else None
    if title is None or blank is None or not PROSE.match(text, blank.end(), end):
        return end
    has_text = text[title.end_char : text.find("\n", title.end_char)].strip()
    return blank.start() if has_text else end


def title_of(doc: Doc, bounds: tuple[int, int]) -> Span | None:
    """Return the heading of a section, or None if it has none."""
    start, end = bounds
    return doc[start:end] if start < end else None


CONTEXT = Factory(
    "clinical_context",
    make_context,
    {
        "requires": ["doc.ents"],
        "assigns": [f"span._.{name}" for name in (*ATTRIBUTES.values(), MODIFIERS)],
        "default_config": {"rules": None, "replace": False},
    },
)
