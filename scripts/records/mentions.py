"""Mentions and their labels.

In: BigBio records. Out: flat mentions with offsets in the document's text, as every command after `fetch-corpus` uses
them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import Any, cast

from scripts.errors import ProjectError
from scripts.records.attributes import read_attributes
from scripts.records.bigbio import Record, document_text

DEFAULT_LABELS = "Chem*=Chemical Dis*=Disease"
# The label of entity types that are not wanted: their mentions are left out.
IGNORED = "-"
# An id that is a name: "term:chest-pain" is what a vocabulary calls chest pain.
TERM = "term:"


@dataclass(frozen=True)
class Mention:
    """One mention in a document's text, annotated or predicted.

    start (int): offset of its first character, in code points.
    end (int): offset after its last character.
    label (str): what it is a mention of, e.g. "Disease".
    concept (str): its ids in a knowledge base, joined by "|"; empty if there is none.
    confidence (float | None): the pipeline's confidence, from 0 to 1; None if it gives none.
    attributes (Mapping[str, Any]): other facts about it by name; the values can be written as JSON.
    """

    start: int
    end: int
    label: str
    concept: str = ""
    confidence: float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def to_row(self, surface: str) -> dict[str, Any]:
        """Return the fields that an entity has in every output: files, the service's answers and its page.

        surface (str): the mention's text.
        RETURNS (dict[str, Any]): "text", "label", "start", "end", "confidence", "kb_id" and "attributes".
        """
        return {
            "text": surface,
            "label": self.label,
            "start": self.start,
            "end": self.end,
            "confidence": self.confidence,
            "kb_id": self.concept or None,
            "attributes": dict(self.attributes),
        }


def parse_labels(text: str) -> dict[str, str]:
    """Parse the mapping from a corpus's entity types to labels.

    text (str): pairs of a pattern and a label, e.g. "Chem*=Chemical Dis*=Disease".
    RETURNS (dict[str, str]): label by pattern, in the order given; the first pattern that matches a type applies. The
        label "-" leaves out the mentions of a type.
    RAISES (ProjectError): a pair does not have that form.
    """
    pairs = [pair.split("=") for pair in text.split()]
    if not pairs or any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise ProjectError(f"Can't read the labels '{text}'", f"Give pairs of a pattern and a label: {DEFAULT_LABELS}")
    return dict(pairs)


def find_label(entity_type: str, labels: Mapping[str, str]) -> str | None:
    """Return the label of an entity type, or None if no pattern matches it."""
    return next((label for pattern, label in labels.items() if fnmatchcase(entity_type, pattern)), None)


def annotations(record: Record) -> list[dict[str, Any]]:
    """Return the entities of all passages of a document."""
    return [entity for passage in record["passages"] for entity in passage["entities"]]


def label_names(labels: Mapping[str, str]) -> list[str]:
    """Return the labels that mentions can have, sorted."""
    return sorted(set(labels.values()) - {IGNORED})


def wanted_entities(record: Record, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the entities of a document whose type is not one to leave out."""
    return [entity for entity in annotations(record) if find_label(entity["type"], labels) != IGNORED]


def flat_mentions(record: Record, labels: dict[str, str]) -> list[Mention]:
    """Return a document's mentions as flat spans: discontinuous ones as a whole, overlaps resolved longest first.

    Published results are scored on this set: on BC5CDR test, these are the spans of the PubTator file.

    record (Record): a document with its annotations.
    labels (dict[str, str]): label by pattern of the entity type.
    RETURNS (list[Mention]): the mentions by position, without overlaps.
    """
    return filter_overlaps(whole_mentions(record, labels))


def filter_overlaps(mentions: Iterable[Mention]) -> list[Mention]:
    """Keep the longest of overlapping mentions; of equally long ones, the first. As `spacy.util.filter_spans` does.

    mentions (Iterable[Mention]): the mentions.
    RETURNS (list[Mention]): the mentions that are kept, by position.
    """
    kept: list[Mention] = []
    covered: set[int] = set()
    for mention in sorted(mentions, key=lambda mention: (mention.start - mention.end, mention.start)):
        # The mentions before it are at least as long: one that overlaps it covers its first or last character.
        if covered.isdisjoint((mention.start, mention.end - 1)):
            kept.append(mention)
            covered.update(range(mention.start, mention.end))
    return sorted(kept, key=attrgetter("start"))


def whole_mentions(record: Record, labels: dict[str, str]) -> list[Mention]:
    """Return each annotation as one span without white space at its ends; one of white space only is left out.

    record (Record): a document that `check_record` has accepted, so that each entity type has a label.
    labels (dict[str, str]): label by pattern of the entity type.
    RETURNS (list[Mention]): the mentions in the record's order.
    """
    text = document_text(record)
    trimmed = (trim(mention, text) for mention in annotated_mentions(record, labels))
    return [mention for mention in trimmed if mention is not None]


def annotated_mentions(record: Record, labels: dict[str, str]) -> list[Mention]:
    """Return each annotation as one span, from its lowest start to its highest end; see `whole_mentions`."""
    return [
        Mention(
            start=min(start for start, _ in entity["offsets"]),
            end=max(end for _, end in entity["offsets"]),
            label=cast(str, find_label(entity["type"], labels)),
            concept="|".join(link["db_id"] for link in entity["normalized"]),
            attributes=read_attributes(entity),
        )
        for entity in wanted_entities(record, labels)
    ]


def trim(mention: Mention, text: str) -> Mention | None:
    """Return a mention without the white space at its ends, None if nothing is left."""
    surface = text[mention.start : mention.end]
    if not surface.strip():
        return None
    start = mention.end - len(surface.lstrip())
    return replace(mention, start=start, end=start + len(surface.strip()))
