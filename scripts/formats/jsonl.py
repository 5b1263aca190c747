"""JSON Lines: a JSON object for each note, or a BioC document."""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, repeat
from pathlib import Path
from typing import Any

from scripts.formats.bioc import document_note
from scripts.formats.decoding import first_undecoded, not_decoded, open_text
from scripts.formats.reading import MISSING, ReadOptions, Source, row_note, take
from scripts.formats.writing import Writer, document_row, dump_json
from scripts.records.documents import Document
from scripts.records.notes import Note, Rejected


def read_notes(file: io.BufferedReader, source: Source, options: ReadOptions) -> Iterator[Note | Rejected]:
    """Read a JSON object from each line. Empty lines are skipped."""
    return lines_notes(open_text(file, options.encoding, newline="\n"), source, options)


def lines_notes(lines: Iterable[str], source: Source, options: ReadOptions) -> Iterator[Note | Rejected]:
    """Return the notes of lines."""
    # Not a loop, which would keep a line, maybe of a gigabyte, until it has the next.
    return filter(None, map(line_note, lines, count(1), repeat(source), repeat(options)))


def line_note(line: str, number: int, source: Source, options: ReadOptions) -> Note | Rejected | None:
    """Return a line as a note, None if it is empty."""
    if line.isspace():
        return None
    undecoded = first_undecoded(line)
    problem = not_decoded(options.encoding, undecoded, " of the line") if undecoded else ""
    where = f"{source.name}:{number}"
    try:
        row = json.loads(line)
        if isinstance(row, dict):
            return object_note(row, number, source, options, problem=problem)
        return Rejected(where, problem or "not a JSON object")
    except json.JSONDecodeError as error:
        return Rejected(where, problem or f"not JSON (line {number}, column {error.colno})")
    except (RecursionError, ValueError):
        return Rejected(where, problem or "JSON that is nested too deep, or has a number of too many digits")


def object_note(
    row: dict[str, Any],
    number: int,
    source: Source,
    options: ReadOptions,
    *,
    problem: str = "",
    is_document: bool = False,
) -> Note | Rejected:
    """Return a JSON object as a note.

    row (dict[str, Any]): the object.
    number (int): its number, which becomes its id if it has none.
    source (Source): the file.
    options (ReadOptions): the names of the columns.
    problem (str): why it can't be read, if that is known.
    is_document (bool): whether it is a BioC document. If not, it is one if it has passages and no column with a text.
    RETURNS (Note | Rejected): the note.
    """
    is_document = is_document or ("passages" in row and take(row, options.text_column)[0] is MISSING)
    if is_document and not problem:
        return document_note(row, number, source)
    return row_note(row, number, source, options, problem)


class JsonlWriter(Writer):
    """A JSON object for each document: "id", "text" if it is kept, "entities" and "columns".

    Each entity has "text", "label", "start", "end", "confidence", "kb_id" and "attributes", an object.
    """

    suffix = ".jsonl"
    can_leave_out_text = True

    def prepare(self, document: Document) -> bytes:
        return f"{dump_json(document_row(document, keep_text=self.options.keep_text))}\n".encode()

    def write(self, prepared: Sequence[bytes], path: Path, *, number_from: int = 1) -> None:
        with path.open("wb") as file:
            file.writelines(prepared)
