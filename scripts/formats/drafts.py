"""Drafts: notes with the mentions of a pipeline, for people to correct in Prodigy, doccano or Label Studio.

Each is a JSON object on a line of its own, so that a queue can be put into another order without holding it in memory.
"""

import json
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from scripts.formats.writing import Writer, dump_json
from scripts.records.annotated import Annotation, links_to
from scripts.records.documents import Document
from scripts.records.mentions import Mention
from scripts.records.states import mention_states


class DraftWriter(Writer):
    """A JSON object for each document, as a tool for annotation imports it."""

    # What is before the first object, between two, and after the last one.
    opening: ClassVar[str] = ""
    between: ClassVar[str] = "\n"
    closing: ClassVar[str] = "\n"

    @abstractmethod
    def make_row(self, document: Document) -> dict[str, Any]:
        """Return a document as the tool imports it."""

    @staticmethod
    @abstractmethod
    def confidences(row: dict[str, Any]) -> list[float]:
        """Return the confidences of the mentions in what `make_row` returned."""

    def prepare(self, document: Document) -> bytes:
        return dump_json(self.make_row(document)).encode()

    def write(self, prepared: Sequence[bytes], path: Path, *, number_from: int = 1) -> None:
        with path.open("wb") as file:
            if prepared or self.opening:
                file.write(self.opening.encode())
                file.write(self.between.encode().join(prepared))
                file.write(self.closing.encode())


def parse_row(line: bytes) -> dict[str, Any] | None:
    """Return the object on a line of what a `DraftWriter` wrote, None if it is the start or the end of a list."""
    content = line.strip().removesuffix(b",")
    return None if content in (b"", b"[", b"]") else json.loads(content)


def least_confidence(confidences: Sequence[float]) -> float | None:
    """Return the lowest confidence, which shows how much a note needs a person; None if there is none."""
    return min(confidences, default=None)


def mention_details(mention: Mention) -> dict[str, Any]:
    """Return what is known of a mention besides its label and offsets, without what is not."""
    details = {"score": mention.confidence, "kb_id": mention.concept or None, "attributes": dict(mention.attributes)}
    return {name: value for name, value in details.items() if value not in (None, {})}


def in_words(mention: Mention) -> list[str]:
    """Return what an annotator should see of a mention: its states and its concept."""
    return [*mention_states(mention.attributes), *([mention.concept] if mention.concept else [])]


def read_details(details: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an annotation that `mention_details` wrote. The tools have no place to correct them."""
    score = details.get("score")
    return {
        "confidence": None if score is None else float(score),
        "links": links_to(details.get("kb_id")),
        "attributes": details.get("attributes") or {},
        "is_drafted": "kb_id" in details or "attributes" in details,
    }


def with_details(annotation: Annotation, details: Sequence[dict[str, Any]]) -> Annotation:
    """Return an annotation with the details of the mention that was drafted at its place, if it has not been changed.

    annotation (Annotation): the annotation.
    details (Sequence[dict[str, Any]]): "start", "end", "label" and the details of each mention in the draft.
    RETURNS (Annotation): the annotation.
    """
    place = (*annotation.spans[0], annotation.type)
    for each in details:
        if (each["start"], each["end"], each["label"]) == place:
            return Annotation(annotation.type, annotation.spans, annotation.surface, **read_details(each))
    return annotation
