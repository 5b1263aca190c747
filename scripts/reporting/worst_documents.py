"""The documents with the most errors, divided into stretches of text that a page can colour.

In: rows of predictions.jsonl and errors.jsonl, and the documents' texts. An error's number is its row in errors.jsonl.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from scripts.evaluation.error_analysis import CLASSES
from scripts.reporting.score_tables import plain

WORST_SHOWN = 30


@dataclass(frozen=True)
class Mark:
    """A mention on one of the two sides.

    start (int): offset of its first character.
    end (int): offset after its last character.
    label (str): its label.
    gold (bool): whether it is annotated or predicted.
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
    """A part of a stretch in which no mention starts or ends. `gold` and `predicted` are a `Mark.kind` or None."""

    text: str
    gold: str | None
    predicted: str | None


@dataclass(frozen=True)
class Stretch:
    """A stretch of plain text, or of mentions that overlap each other.

    segments (list[Segment]): its parts; their texts joined are its text.
    errors (list[int]): the numbers of the errors in it.
    notes (list[tuple[str, str]]): class and description of the errors, without duplicates.
    label (str): the labels in it.
    """

    segments: list[Segment]
    errors: list[int]
    notes: list[tuple[str, str]]
    label: str


def find_worst_documents(
    predictions: list[dict[str, Any]], errors: list[dict[str, Any]], texts: dict[str, str]
) -> list[dict[str, Any]]:
    """Return the documents with the most errors.

    predictions (list[dict]): the rows of predictions.jsonl.
    errors (list[dict]): the rows of errors.jsonl.
    texts (dict[str, str]): the documents' texts by id.
    RETURNS (list[dict]): id; errors, their number; classes, their number by class; mentions, the number of gold ones;
        stretches, the text with its mentions.
    """
    numbered: dict[str, dict[tuple[bool, int, int, str], int]] = defaultdict(dict)
    for number, error in enumerate(errors):
        key = (error["side"] == "false_negative", error["start"], error["end"], error["label"])
        numbered[error["id"]][key] = number
    worst = sorted(
        (row for row in predictions if row["id"] in numbered), key=lambda row: (-len(numbered[row["id"]]), row["id"])
    )
    documents = []
    for row in worst[:WORST_SHOWN]:
        own = numbered[row["id"]]
        classes = Counter(errors[number]["class"] for number in own.values())
        documents.append(
            {
                "id": row["id"],
                "errors": len(own),
                "classes": {name: classes[name] for name in CLASSES if classes[name]},
                "mentions": len(row["gold"]),
                "stretches": list(divide_text(texts[row["id"]], find_marks(row, own, errors), errors)),
            }
        )
    return documents


def find_marks(
    row: dict[str, Any], numbered: dict[tuple[bool, int, int, str], int], errors: list[dict[str, Any]]
) -> list[Mark]:
    """Return the mentions of both sides of a document, each with its error."""
    marks = []
    for gold in (True, False):
        for start, end, label in row["gold" if gold else "predicted"]:
            number = numbered.get((gold, start, end, label))
            kind = "right" if number is None else errors[number]["class"]
            marks.append(Mark(start, end, label, gold, kind, number))
    return sorted(marks, key=lambda mark: (mark.start, mark.end, not mark.gold))


def divide_text(text: str, marks: list[Mark], errors: list[dict[str, Any]]) -> Iterator[Stretch]:
    """Divide a text into stretches of plain text and of overlapping mentions.

    text (str): the document's text.
    marks (list[Mark]): its mentions by position.
    errors (list[dict]): the rows of errors.jsonl.
    YIELDS (Stretch): the stretches in order; joined, they are the text.
    """
    last = 0
    for cluster in group_overlapping(marks):
        start, end = cluster[0].start, max(mark.end for mark in cluster)
        if last < start:
            yield Stretch([Segment(text[last:start], None, None)], [], [], "")
        own = [mark.error for mark in cluster if mark.error is not None]
        notes = dict.fromkeys((errors[number]["class"], describe_error(errors[number])) for number in own)
        labels = dict.fromkeys(mark.label for mark in cluster)
        yield Stretch(list(divide_cluster(text, cluster)), own, list(notes), ", ".join(labels))
        last = end
    if last < len(text):
        yield Stretch([Segment(text[last:], None, None)], [], [], "")


def group_overlapping(marks: list[Mark]) -> Iterator[list[Mark]]:
    """Group the mentions that share characters, directly or through others."""
    cluster: list[Mark] = []
    for mark in marks:
        if cluster and mark.start >= max(other.end for other in cluster):
            yield cluster
            cluster = []
        cluster.append(mark)
    if cluster:
        yield cluster


def divide_cluster(text: str, cluster: list[Mark]) -> Iterator[Segment]:
    """Divide overlapping mentions at each position where one of them starts or ends."""
    bounds = sorted({bound for mark in cluster for bound in (mark.start, mark.end)})
    for start, end in pairwise(bounds):
        kinds = {mark.gold: mark.kind for mark in cluster if mark.start <= start and end <= mark.end}
        yield Segment(text[start:end], kinds.get(True), kinds.get(False))


def describe_error(error: dict[str, Any]) -> str:
    """Describe in a few words what is wrong."""
    if error["class"] == "boundary":
        return f"{error['label']} {plain(error['boundary'])}"
    if error["class"] == "wrong_label":
        gold, predicted = (
            ", ".join(dict.fromkeys(label for *_, label in error[side])) for side in ("gold", "predicted")
        )
        return f"{gold} taken for {predicted}"
    return f"{error['class']} {error['label']}"
