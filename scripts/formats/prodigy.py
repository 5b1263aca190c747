"""Prodigy's JSON Lines: a task for each note, with its mentions as spans.

https://prodi.gy/docs/api-interfaces
"""

import io
from collections.abc import Iterator
from functools import partial
from typing import Any

from scripts.formats.annotated import needed_text, read_rows, span_of
from scripts.formats.drafts import DraftWriter, in_words, least_confidence, mention_details, read_details
from scripts.formats.json_values import read_objects
from scripts.formats.reading import ReadOptions, Source, note_id
from scripts.records.annotated import AnnotatedDocument, Annotation, LeftOut
from scripts.records.documents import Document, Passage

ACCEPTED = "accept"


def read_annotated(
    file: io.BufferedReader, source: Source, options: ReadOptions
) -> Iterator[AnnotatedDocument | LeftOut]:
    """Read the tasks that were accepted; one without an answer is a draft."""
    return read_rows(read_objects(file, source, options), partial(read_task, source), source, "Prodigy's JSON Lines")


def read_task(source: Source, task: dict[str, Any], number: int) -> AnnotatedDocument | LeftOut:
    """Return the document of a task."""
    answer = task.get("answer")
    if answer not in (None, ACCEPTED):
        return LeftOut(f"tasks_with_answer_{answer}")
    # Of one suggestion it is known whether it is right, and nothing of the rest of the text.
    if task.get("_is_binary"):
        return LeftOut("tasks_with_one_suggestion")
    meta = task.get("meta") or {}
    relations = len(task.get("relations") or ())
    return AnnotatedDocument(
        note_id(meta.get("id")) or note_id(task.get("id")) or f"{source.stem}:{number}",
        (Passage("note", needed_text(task["text"])),),
        tuple(map(read_span, task.get("spans") or ())),
        columns=task.get("columns") or {},
        is_draft=answer is None,
        left_out={"relations": relations} if relations else {},
    )


def read_span(span: dict[str, Any]) -> Annotation:
    """Return a span as a mention."""
    return Annotation(
        needed_text(span["label"]), (span_of(span["start"], span["end"]),), span.get("text"), **read_details(span)
    )


class ProdigyWriter(DraftWriter):
    """A task for each note: "text", "spans", "meta", which the card shows, and "columns".

    Each span has "start", "end", "label", "text" and, where they are known, "score", "kb_id" and "attributes".
    """

    suffix = ".prodigy.jsonl"

    def make_row(self, document: Document) -> dict[str, Any]:
        spans = [
            {
                "start": mention.start,
                "end": mention.end,
                "label": mention.label,
                "text": document.text[mention.start : mention.end],
                **mention_details(mention),
            }
            for mention in document.mentions
        ]
        row = {"text": document.text, "spans": spans}
        shown = {
            "id": document.id,
            "model": self.options.system,
            "least_confidence": least_confidence(self.confidences(row)),
            "context": "; ".join(
                f"{mention.label} {number}: {', '.join(in_words(mention))}"
                for number, mention in enumerate(document.mentions, start=1)
                if in_words(mention)
            ),
        }
        meta = {name: value for name, value in shown.items() if value not in (None, "") or name == "id"}
        return {**row, "meta": meta, "columns": dict(document.columns)}

    @staticmethod
    def confidences(row: dict[str, Any]) -> list[float]:
        return [span["score"] for span in row["spans"] if "score" in span]
