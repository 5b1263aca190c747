"""Scores on parts of a test split: by corpus, seen and unseen names, short and long ones, abbreviations, sections ...

The part is derived from a mention's offsets and text, so gold and predicted mentions are divided by the same rule and
the parts of a group add up to the whole. Composite is a property of the annotation: no prediction is wrong in it.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from scripts.evaluation.scoring import MatchKey, ScoredDocument, count_outcomes, match_key, tabulate
from scripts.records.bigbio import Record, document_text
from scripts.records.joining import corpus_name
from scripts.records.mentions import Mention, flat_mentions, whole_mentions

# "HOSPITAL COURSE: admitted with ...", or any words alone on their line before a colon.
SECTION_HEADER = re.compile(r"^[ \t]*([A-Z][A-Z0-9 /&-]{1,40}|[A-Z][\w /&-]{1,40}(?=:[ \t]*$)):", re.MULTILINE)
# Scores are committed without any text: a header that only a few documents have might be a person's name.
DOCUMENTS_OF_A_SECTION = 5


def surface_form(text: str) -> str:
    """Return a mention's text with single spaces and without case."""
    return " ".join(text.split()).casefold()


@dataclass(frozen=True)
class Names:
    """The names that are annotated in the training split.

    forms (set[tuple[str, str]]): surface form and label of each mention.
    forms_by_concept (dict[str, set[str]]): surface forms by MeSH id, or by the ids that the corpus has.
    """

    forms: set[tuple[str, str]] = field(default_factory=set)
    forms_by_concept: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))


def collect_names(records: Iterable[Record], labels: dict[str, str]) -> Names:
    """Collect the names of a split's flat mentions.

    records (Iterable[Record]): the documents.
    labels (dict[str, str]): label by pattern of the entity type.
    RETURNS (Names): the surface forms, also by concept.
    """
    names = Names()
    for record in records:
        text = document_text(record)
        for mention in flat_mentions(record, labels):
            form = surface_form(text[mention.start : mention.end])
            names.forms.add((form, mention.label))
            for concept in concepts(mention):
                names.forms_by_concept[concept].add(form)
    return names


def concepts(mention: Mention) -> list[str]:
    """Return the ids that a mention is linked to, without "-1" and the like, which mean none."""
    return [concept for concept in mention.concept.split("|") if concept and not concept.startswith("-")]


@dataclass(frozen=True)
class Context:
    """What a document says about the mentions in it.

    text (str): the document's text.
    short_forms (set[str]): the abbreviations that it defines.
    long_forms (set[str]): their long forms.
    passages (list[tuple[int, str]]): start and type of each passage.
    headers (list[tuple[int, str]]): start and name of each section.
    composite (set[MatchKey]): flat mentions that overlap other annotations or have several ids.
    corpus (str): the name of its corpus, empty if that is not joined with others.
    """

    text: str
    short_forms: set[str]
    long_forms: set[str]
    passages: list[tuple[int, str]]
    headers: list[tuple[int, str]]
    composite: set[MatchKey]
    corpus: str = ""

    def form(self, mention: Mention) -> str:
        """Return a mention's surface form."""
        return surface_form(self.text[mention.start : mention.end])


def read_context(record: Record, labels: dict[str, str]) -> Context:
    """Collect what is needed to divide the mentions of a document.

    record (Record): the document.
    labels (dict[str, str]): label by pattern of the entity type.
    RETURNS (Context): the same for gold and predicted mentions.
    """
    # This imports spaCy and torch, which takes seconds, and `report` uses this module without them.
    from scripts.clinical_ner.ner.abbreviations import find_definitions

    text = document_text(record)
    definitions = find_definitions(text)
    starts = accumulate((len(passage["text"]) + 1 for passage in record["passages"]), initial=0)
    return Context(
        text=text,
        short_forms={surface_form(definition.short) for definition in definitions},
        long_forms={surface_form(definition.long) for definition in definitions},
        passages=list(zip(starts, (passage["type"] for passage in record["passages"]), strict=False)),
        headers=[(match.start(), " ".join(match[1].lower().split())) for match in SECTION_HEADER.finditer(text)],
        composite=find_composites(record, labels),
        corpus=corpus_name(record),
    )


def find_composites(record: Record, labels: dict[str, str]) -> set[MatchKey]:
    """Return the flat mentions that overlap other annotations or have several ids.

    record (Record): the document.
    labels (dict[str, str]): label by pattern of the entity type.
    RETURNS (set[MatchKey]): e.g. "hepatic and renal toxicity", annotated as a whole and in its parts.
    """
    annotated = whole_mentions(record, labels)
    return {
        match_key(mention)
        for mention in flat_mentions(record, labels)
        if len(concepts(mention)) > 1
        or sum(other.start < mention.end and mention.start < other.end for other in annotated) > 1
    }


def enclosing_name(starts: list[tuple[int, str]], mention: Mention) -> str:
    """Return the name of the passage or section that a mention starts in, or "none" if it is before the first."""
    return next((name for start, name in reversed(starts) if start <= mention.start), "none")


def groups(contexts: dict[str, Context], names: Names) -> dict[str, Callable[[Mention, Context], str]]:
    """Return the ways to divide mentions that apply to this corpus.

    contexts (dict[str, Context]): the context of each document, by id.
    names (Names): the names in the training split.
    RETURNS (dict[str, Callable]): by group, a function that returns the part of a mention.
    """
    documents_with = Counter(name for context in contexts.values() for name in {name for _, name in context.headers})
    sections = {name for name, documents in documents_with.items() if documents >= DOCUMENTS_OF_A_SECTION}

    def section(mention: Mention, context: Context) -> str:
        return enclosing_name([header for header in context.headers if header[1] in sections], mention)

    found: dict[str, Callable[[Mention, Context], str]] = {
        "training": lambda mention, context: (
            "seen" if (context.form(mention), mention.label) in names.forms else "unseen"
        ),
        "length": lambda mention, context: "multi-word" if " " in context.form(mention) else "single-word",
        "abbreviation": abbreviation_part,
        "composite": lambda mention, context: "composite" if match_key(mention) in context.composite else "plain",
    }
    if len({context.corpus for context in contexts.values()}) > 1:
        found = {"corpus": lambda mention, context: context.corpus} | found
    if len({kind for context in contexts.values() for _, kind in context.passages}) > 1:
        found["position"] = lambda mention, context: enclosing_name(context.passages, mention)
    return found | ({"section": section} if sections else {})


def abbreviation_part(mention: Mention, context: Context) -> str:
    """Return whether a mention is an abbreviation that its document defines, its long form, or neither."""
    form = context.form(mention)
    return "short form" if form in context.short_forms else "long form" if form in context.long_forms else "other"


def score_slices(
    documents: list[ScoredDocument], contexts: dict[str, Context], names: Names, labels: list[str]
) -> list[dict[str, Any]]:
    """Score each part of each group.

    documents (list[ScoredDocument]): the documents.
    contexts (dict[str, Context]): the context of each document, by id.
    names (Names): the names in the training split.
    labels (list[str]): all labels that occur.
    RETURNS (list[dict]): "group", "part" and "scores" (the table of `scoring.tabulate`), by group and size.
    """
    rows = []
    for group, part_of in groups(contexts, names).items():
        parts = divide_mentions(documents, contexts, part_of)
        tables = {name: tabulate(count_outcomes(part, labels), labels) for name, part in parts.items()}
        if group == "composite":
            tables = {name: recall_only(table) for name, table in tables.items()}
        sizes = {name: sum(len(document.gold) for document in part) for name, part in parts.items()}
        rows += [
            {"group": group, "part": name, "scores": tables[name]}
            for name in sorted(tables, key=lambda name: (-sizes[name], name))
        ]
    return rows


def divide_mentions(
    documents: list[ScoredDocument], contexts: dict[str, Context], part_of: Callable[[Mention, Context], str]
) -> dict[str, list[ScoredDocument]]:
    """Divide the mentions of each document by part.

    documents (list[ScoredDocument]): the documents.
    contexts (dict[str, Context]): the context of each document, by id.
    part_of (Callable): returns the part of a mention.
    RETURNS (dict[str, list[ScoredDocument]]): by part, the documents with the mentions of that part only.
    """
    parts: dict[str, list[ScoredDocument]] = defaultdict(list)
    for document in documents:
        sides: list[dict[str, list[Mention]]] = []
        for side in (document.gold, document.predicted):
            divided = defaultdict(list)
            for mention in side:
                divided[part_of(mention, contexts[document.id])].append(mention)
            sides.append(divided)
        for name in sorted({*sides[0], *sides[1]}):
            parts[name].append(ScoredDocument(document.id, sides[0][name], sides[1][name]))
    return parts


def recall_only(table: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Remove what depends on wrong predictions from a table."""
    return {
        name: {**row, "precision": None, "f1": None} | ({"fp": None} if "fp" in row else {})
        for name, row in table.items()
    }
