"""Mentions and their labels: what a record's annotations are to everything after `fetch-corpus`.

In: BigBio records. Out: flat mentions with offsets in the document's text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from scripts.errors import ProjectError
from scripts.records.bigbio import Record

DEFAULT_LABELS = "Chem*=Chemical Dis*=Disease"


@dataclass(frozen=True)
class Mention:
    """One mention in a document's text, annotated or predicted.

    start (int): offset of its first character (code points).
    end (int): offset after its last character.
    label (str): what it is a mention of, e.g. "Disease".
    concept (str): its ids in a knowledge base, joined by "|"; empty if there is none.
    confidence (float | None): how sure the pipeline is, from 0 to 1; None if it does not say.
    attributes (Mapping[str, Any]): what else is known of it, by name; all of it can be written as JSON.
    """

    start: int
    end: int
    label: str
    concept: str = ""
    confidence: float | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict, hash=False)


def parse_labels(text: str) -> dict[str, str]:
    """Read which of a corpus' entity types get which label.

    text (str): pairs of a type's pattern and a label, e.g. "Chem*=Chemical Dis*=Disease".
    RETURNS (dict[str, str]): label by pattern, in the order given; the first that fits a type counts.
    RAISES (ProjectError): a pair is not of that form.
    """
    pairs = [pair.split("=") for pair in text.split()]
    if not pairs or any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise ProjectError(f"Can't read the labels '{text}'", f"Give pairs of a pattern and a label: {DEFAULT_LABELS}")
    return dict(pairs)


def find_label(entity_type: str, labels: dict[str, str]) -> str | None:
    """Give the label of an entity type, or None if no pattern fits it."""
    return next((label for pattern, label in labels.items() if fnmatchcase(entity_type, pattern)), None)


def annotations(record: Record) -> list[dict]:
    """Give the entities of all the passages of a document."""
    return [entity for passage in record["passages"] for entity in passage["entities"]]


def mentions(record: Record, labels: dict[str, str]) -> list[Mention]:
    """Give a document's mentions as flat spans: discontinuous ones whole, overlaps resolved longest first.

    This is the set the published results are scored on: on BC5CDR test, span for span, the PubTator file's.

    record (Record): a document with its annotations.
    labels (dict[str, str]): label by pattern of the entity type.
    RETURNS (list[Mention]): the mentions by position, none overlapping another.
    """
    # spaCy imports torch, which takes seconds, and most commands that read mentions load no pipeline.
    from spacy.util import filter_spans

    return filter_spans(whole_mentions(record, labels))


def whole_mentions(record: Record, labels: dict[str, str]) -> list[Mention]:
    """Give each annotation as one span, from its lowest start to its highest end."""
    return [
        Mention(
            start=min(start for start, _ in entity["offsets"]),
            end=max(end for _, end in entity["offsets"]),
            label=find_label(entity["type"], labels),
            concept="|".join(link["db_id"] for link in entity["normalized"]),
        )
        for entity in annotations(record)
    ]
