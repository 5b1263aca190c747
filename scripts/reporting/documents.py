"""A document with gold over predicted mentions, cut into pieces of text that a page can colour.

In: lines of predictions.jsonl and errors.jsonl, and the documents' texts. Errors are named by their place in that file.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from scripts.evaluation.error_analysis import CLASSES
from scripts.reporting.tables import plain

DOCUMENTS_SHOWN = 30


@dataclass(frozen=True)
class Mark:
    """A mention on one of the two sides.

    start (int): offset of its first character.
    end (int): offset after its last character.
    label (str): its label.
    gold (bool): whether the annotators made it, or the system.
    kind (str): its class of error, or "right".
    error (int | None): the number of its error.
    """

    start: int
    end: int
    label: str
    gold: bool
    kind: str
    error: int | None


@dataclass(frozen=True)
class Segment:
    """A stretch of text over which nothing begins or ends: `gold` and `predicted` are a `Mark.kind`, or None."""

    text: str
    gold: str | None
    predicted: str | None


@dataclass(frozen=True)
class Piece:
    """Plain text, or mentions that overlap each other.

    segments (list[Segment]): their texts joined are the piece's text.
    errors (list[int]): the numbers of the errors in it.
    notes (list[tuple[str, str]]): class and description of each error, once.
    label (str): the labels in it.
    """

    segments: list[Segment]
    errors: list[int]
    notes: list[tuple[str, str]]
    label: str


def worst_documents(
    predictions: list[dict[str, Any]], errors: list[dict[str, Any]], texts: dict[str, str]
) -> list[dict[str, Any]]:
    """Give the documents with the most errors.

    predictions (list[dict]): the lines of predictions.jsonl.
    errors (list[dict]): the lines of errors.jsonl.
    texts (dict[str, str]): the documents' texts by id.
    RETURNS (list[dict]): id; errors, their number; classes, their number by class; mentions, the number of gold ones;
        pieces, the text with its mentions.
    """
    numbered = defaultdict(dict)
    for number, error in enumerate(errors):
        key = (error["side"] == "false_negative", error["start"], error["end"], error["label"])
        numbered[error["id"]][key] = number
    worst = sorted(
        (row for row in predictions if row["id"] in numbered), key=lambda row: (-len(numbered[row["id"]]), row["id"])
    )
    documents = []
    for row in worst[:DOCUMENTS_SHOWN]:
        own = numbered[row["id"]]
        classes = Counter(errors[number]["class"] for number in own.values())
        documents.append(
            {
                "id": row["id"],
                "errors": len(own),
                "classes": {name: classes[name] for name in CLASSES if classes[name]},
                "mentions": len(row["gold"]),
                "pieces": list(cut(texts[row["id"]], find_marks(row, own, errors), errors)),
            }
        )
    return documents


def find_marks(
    row: dict[str, Any], numbered: dict[tuple[bool, int, int, str], int], errors: list[dict[str, Any]]
) -> list[Mark]:
    """Give a document's mentions of both sides, each with its error."""
    marks = []
    for gold in (True, False):
        for start, end, label in row["gold" if gold else "predicted"]:
            number = numbered.get((gold, start, end, label))
            kind = "right" if number is None else errors[number]["class"]
            marks.append(Mark(start, end, label, gold, kind, number))
    return sorted(marks, key=lambda mark: (mark.start, mark.end, not mark.gold))


def cut(text: str, marks: list[Mark], errors: list[dict[str, Any]]) -> Iterator[Piece]:
    """Cut a text into plain pieces and pieces of overlapping mentions.

    text (str): the document's text.
    marks (list[Mark]): its mentions by position.
    errors (list[dict]): the lines of errors.jsonl.
    YIELDS (Piece): the pieces in order; joined they are the text.
    """
    last = 0
    for cluster in overlapping(marks):
        start, end = cluster[0].start, max(mark.end for mark in cluster)
        if last < start:
            yield Piece([Segment(text[last:start], None, None)], [], [], "")
        own = [mark.error for mark in cluster if mark.error is not None]
        notes = dict.fromkeys((errors[number]["class"], describe(errors[number])) for number in own)
        labels = dict.fromkeys(mark.label for mark in cluster)
        yield Piece(list(divide(text, cluster)), own, list(notes), ", ".join(labels))
        last = end
    if last < len(text):
        yield Piece([Segment(text[last:], None, None)], [], [], "")


def overlapping(marks: list[Mark]) -> Iterator[list[Mark]]:
    """Put together the mentions that share characters, directly or through others."""
    cluster: list[Mark] = []
    for mark in marks:
        if cluster and mark.start >= max(other.end for other in cluster):
            yield cluster
            cluster = []
        cluster.append(mark)
    if cluster:
        yield cluster


def divide(text: str, cluster: list[Mark]) -> Iterator[Segment]:
    """Divide overlapping mentions where one of them begins or ends."""
    bounds = sorted({bound for mark in cluster for bound in (mark.start, mark.end)})
    for start, end in pairwise(bounds):
        kinds = {mark.gold: mark.kind for mark in cluster if mark.start <= start and end <= mark.end}
        yield Segment(text[start:end], kinds.get(True), kinds.get(False))


def describe(error: dict[str, Any]) -> str:
    """Say in a few words what is wrong."""
    if error["class"] == "boundary":
        return f"{error['label']} {plain(error['boundary'])}"
    if error["class"] == "wrong_label":
        gold, predicted = (
            ", ".join(dict.fromkeys(label for *_, label in error[side])) for side in ("gold", "predicted")
        )
        return f"{gold} taken for {predicted}"
    return f"{error['class']} {error['label']}"
