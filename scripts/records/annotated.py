"""Annotated documents, as the readers of all formats return them, and how they become records."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple

from scripts.records.attributes import write_attributes
from scripts.records.bigbio import Record
from scripts.records.documents import Passage
from scripts.records.mentions import Mention

# The name of a knowledge base that a file does not name.
UNNAMED = "kb"


@dataclass(frozen=True)
class Annotation:
    """A mention as a file has it.

    type (str): its entity type, which `convert` maps to a label.
    spans (tuple[tuple[int, int], ...]): start and end of each of its parts, as the file counts them.
    surface (str | None): its text in the file, parts joined by a space; None if the file does not repeat it.
    links (tuple[tuple[str, str], ...]): knowledge base and id of each of its concepts.
    attributes (Mapping[str, Any]): other facts about it by name; the values can be written as JSON.
    confidence (float | None): the confidence of the pipeline that found it.
    is_drafted (bool): whether links and attributes are those of a pipeline, and were only carried along by the tool in
        which people corrected the mention.
    chosen (frozenset[str]): the attributes that people chose nevertheless.
    """

    type: str
    spans: tuple[tuple[int, int], ...]
    surface: str | None = field(default=None, repr=False)
    links: tuple[tuple[str, str], ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict, hash=False)
    confidence: float | None = None
    is_drafted: bool = False
    chosen: frozenset[str] = frozenset()

    @property
    def gold_attributes(self) -> dict[str, Any]:
        """The attributes that people annotated, or could correct."""
        return {name: value for name, value in self.attributes.items() if not self.is_drafted or name in self.chosen}

    @property
    def mention(self) -> Mention:
        """The annotation as one span, from its lowest start to its highest end."""
        return Mention(
            start=min(start for start, _ in self.spans),
            end=max(end for _, end in self.spans),
            label=self.type,
            concept="|".join(identifier for _, identifier in self.links),
            confidence=self.confidence,
            attributes=self.attributes,
        )


@dataclass(frozen=True)
class AnnotatedDocument:
    """A document with its annotations.

    id (str): its id.
    passages (tuple[Passage, ...]): its text in parts, joined by one space.
    annotations (tuple[Annotation, ...]): its mentions.
    columns (Mapping[str, Any]): other columns of the note that `annotate` passed through.
    is_draft (bool): whether only a pipeline has annotated it so far.
    left_out (Mapping[str, int]): how many of what else the file has of it, e.g. "relations".
    """

    id: str
    passages: tuple[Passage, ...] = field(repr=False)
    annotations: tuple[Annotation, ...]
    columns: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)
    is_draft: bool = False
    left_out: Mapping[str, int] = field(default_factory=dict, hash=False)

    @cached_property
    def text(self) -> str:
        """The passages joined by one space."""
        return " ".join(passage.text for passage in self.passages)

    @property
    def mentions(self) -> tuple[Mention, ...]:
        """The annotations as mentions, each as one span."""
        return tuple(annotation.mention for annotation in self.annotations)


class LeftOut(NamedTuple):
    """A document that is not for training, e.g. because a person rejected it.

    reason (str): why, as the report counts it.
    """

    reason: str


def links_to(concept: Any) -> tuple[tuple[str, str], ...]:
    """Return the links to concepts of no named knowledge base.

    concept (Any): their ids, joined by "|"; None or "" if there is none.
    RETURNS (tuple[tuple[str, str], ...]): knowledge base and id of each.
    """
    return tuple((UNNAMED, identifier) for identifier in str(concept or "").split("|") if identifier)


def to_record(document: AnnotatedDocument) -> Record:
    """Return a document as a record, which has no place for confidences and other columns.

    Links and attributes that nobody could correct are left out: in a record, they would be gold.

    document (AnnotatedDocument): the document.
    RETURNS (Record): the record. The "text" of an entity is None if the file did not repeat it.
    """
    passages = [
        {"document_id": document.id, "type": passage.type, "text": passage.text, "entities": [], "relations": []}
        for passage in document.passages
    ]
    entities = [entity(annotation, f"T{number}") for number, annotation in enumerate(document.annotations, start=1)]
    return with_entities({"passages": passages}, entities)


def entity(annotation: Annotation, identifier: str) -> dict[str, Any]:
    """Return an annotation as an entity of a record."""
    made = {
        "id": identifier,
        "offsets": [list(span) for span in annotation.spans],
        "text": None if annotation.surface is None else [annotation.surface],
        "type": annotation.type,
        "normalized": [
            {"db_name": name, "db_id": identifier} for name, identifier in annotation.links if not annotation.is_drafted
        ],
    }
    attributes = {attribute_name(name): value for name, value in annotation.gold_attributes.items()}
    return {**made, "attributes": write_attributes(attributes)} if attributes else made


def attribute_name(name: str) -> str:
    """Return the name of an attribute as one that Python can have: other tools allow white space and hyphens."""
    return re.sub(r"\W|^(?=\d)", "_", name) or "_"


def with_entities(record: Record, entities: Sequence[dict[str, Any]]) -> Record:
    """Return a record with other entities, each in the passage in which it starts.

    One outside of all passages goes into the first or the last, so that `convert` reports it.

    record (Record): a document.
    entities (Sequence[dict[str, Any]]): the entities; offsets are those of the document.
    RETURNS (Record): the record.
    """
    passages = [{**passage, "entities": []} for passage in record["passages"]]
    starts = [0, *accumulate(len(passage["text"]) + 1 for passage in passages[:-1])]
    for each in entities:
        place = max(bisect_right(starts, min(start for start, _ in each["offsets"])) - 1, 0)
        passages[place]["entities"].append(each)
    return {"passages": passages}
