"""AnnotatedNote notes in brat's standoff format: a .txt with the text as given and a .ann with the mentions, by `bioc`.

In: annotated notes. Out: a folder. https://brat.nlplab.org/standoff.html
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote, unquote

from bioc import brat

from scripts.annotation.engine import AnnotatedNote, Entity
from scripts.errors import ProjectError
from scripts.formats import PUBTATOR_BREAK

# Most file systems hold names of 255 bytes, and these end in .txt.
NAME_LENGTH = 250


class BratWriter:
    """A folder with two files for each note."""

    suffix = ""

    def prepare(self, annotated: AnnotatedNote) -> brat.BratDocument:
        """Give a note as `bioc` has it.

        RAISES (ProjectError): its id is no file's name, or a label or an id in a knowledge base breaks the format.
        """
        document = brat.BratDocument()
        document.id, document.text = file_name(annotated.note.id), annotated.note.text
        for number, entity in enumerate(annotated.entities, start=1):
            document.add_annotation(make_entity(entity, number))
            if entity.kb_id:
                document.add_annotation(make_note(entity.kb_id, number))
        return document

    def write(self, prepared: Sequence[brat.BratDocument], path: Path, *, number_from: int) -> None:
        """Write the files of notes into a folder."""
        path.mkdir()
        for document in prepared:
            # "x": two names that are one to the file system must not become one note.
            with (
                (path / f"{document.id}.txt").open("x", encoding="utf8", newline="") as text,
                (path / f"{document.id}.ann").open("x", encoding="utf8", newline="") as annotations,
            ):
                brat.dump(document, text, annotations)


def file_name(identifier: str) -> str:
    """Give the name of a note's files: its id, with what is neither letter, digit nor one of "_-~." percent-encoded.

    RAISES (ProjectError): the id is empty or too long.
    """
    name = re.sub(r"^\.", "%2E", quote(identifier, safe=""))
    if not 0 < len(name) <= NAME_LENGTH:
        raise ProjectError(f"its id makes a file name of {len(name)} bytes, and there must be 1 to {NAME_LENGTH}")
    return name


def identifier_of(name: str) -> str:
    """Give the id of a note whose files have a name, without .txt or .ann: what `file_name` was given."""
    return unquote(name)


def make_entity(entity: Entity, number: int) -> brat.BratEntity:
    """Give an entity with a span for each line that it stands on: brat refuses a line end within a span."""
    if re.search(r"\s", entity.label) or not entity.label:
        raise ProjectError(f"the label {entity.label!r} can't be written as brat, which wants no spaces in it")
    made = brat.BratEntity()
    made.id, made.type = f"T{number}", entity.label
    spans = list(line_spans(entity))
    for start, end in spans:
        made.add_span(start, end)
    made.text = " ".join(entity.text[start - entity.start : end - entity.start] for start, end in spans)
    return made


def line_spans(entity: Entity) -> Iterator[tuple[int, int]]:
    """Give the parts of an entity between tabs and line ends, as offsets in the note's text."""
    start = entity.start
    for part in PUBTATOR_BREAK.split(entity.text):
        if part:
            yield start, start + len(part)
        start += len(part) + 1


def make_note(concept: str, number: int) -> brat.BratNote:
    """Give an id in a knowledge base as a note on an entity, which `bioc` can write; it has no normalizations."""
    if PUBTATOR_BREAK.search(concept):
        raise ProjectError(f"the id {concept!r} can't be written as brat, which wants one line without tabs")
    note = brat.BratNote()
    note.id, note.type, note.refid, note.text = f"#{number}", "AnnotatorNotes", f"T{number}", concept
    return note
