"""doccano's JSON Lines for sequence labelling, and its JSON: a note and its labels.

https://doccano.github.io/doccano/
"""

import io
from collections.abc import Iterator
from functools import partial
from typing import Any

from scripts.formats.annotated import needed_text, read_rows, span_of
from scripts.formats.drafts import DraftWriter, least_confidence, mention_details, with_details
from scripts.formats.json_values import read_objects
from scripts.formats.reading import ReadOptions, Source, note_id
from scripts.records.annotated import AnnotatedDocument, Annotation, LeftOut
from scripts.records.documents import Document, Passage


def read_annotated(
    file: io.BufferedReader, source: Source, options: ReadOptions
) -> Iterator[AnnotatedDocument | LeftOut]:
    """Read the examples of an export."""
    return read_rows(read_objects(file, source, options), partial(read_example, source), source, "doccano's export")


def read_example(source: Source, example: dict[str, Any], number: int) -> AnnotatedDocument:
    """Return the document of an example. Its id is that of the note, or doccano's own."""
    labels: list[Any] = next(
        (example[name] for name in ("entities", "label", "labels") if example.get(name) is not None), []
    )
    details = example.get("mentions") or []
    relations = len(example.get("relations") or ())
    return AnnotatedDocument(
        note_id(example.get("note_id")) or note_id(example.get("id")) or f"{source.stem}:{number}",
        (Passage("note", needed_text(example["text"])),),
        tuple(with_details(read_label(label), details) for label in labels),
        columns=example.get("columns") or {},
        left_out={"relations": relations} if relations else {},
    )


def read_label(label: Any) -> Annotation:
    """Return a label as a mention: [start, end, label], or an object if the project has relations."""
    if isinstance(label, dict):
        label = (label["start_offset"], label["end_offset"], label["label"])
    start, end, name = label
    return Annotation(needed_text(name), (span_of(start, end),))


class DoccanoWriter(DraftWriter):
    """A line for each note: "text" and "label", which doccano imports, and the rest, which it keeps as metadata.

    The rest is "note_id", "model", "least_confidence", "mentions" and "columns". "mentions" has what doccano's labels
    have no place for: score, id and attributes of each mention, found again by label and offsets.
    """

    suffix = ".doccano.jsonl"

    def make_row(self, document: Document) -> dict[str, Any]:
        mentions = [
            {"start": mention.start, "end": mention.end, "label": mention.label, **mention_details(mention)}
            for mention in document.mentions
        ]
        row = {
            "text": document.text,
            "label": [[mention.start, mention.end, mention.label] for mention in document.mentions],
            "note_id": document.id,
            "model": self.options.system,
            "mentions": mentions,
        }
        least = least_confidence(self.confidences(row))
        return {**row, "least_confidence": least, "columns": dict(document.columns)}

    @staticmethod
    def confidences(row: dict[str, Any]) -> list[float]:
        return [mention["score"] for mention in row["mentions"] if "score" in mention]
