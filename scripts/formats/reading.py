"""What the readers of all formats share: the file, the options, and how a row becomes a note."""

import csv
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, time
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from scripts.errors import ProjectError
from scripts.formats.decoding import first_undecoded
from scripts.records.notes import Note, Rejected

ID_COLUMN = "id"
# What reading a damaged file raises.
DAMAGED = (OSError, csv.Error, pa.ArrowException)
TYPE_NAMES = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


class Source(NamedTuple):
    """A file of notes.

    path (Path): the file, or "-" for standard input.
    name (str): its name; in a folder that was given, its path from there on.
    stem (str): the name without the suffixes.
    suffix (str): the end of its name that tells the format, e.g. ".csv".
    compression (str | None): how it is compressed, "gzip" or "zstd".
    store (str): the URI of the object store in which `path` is; "" for a file of this machine.
    """

    path: Path
    name: str
    stem: str
    suffix: str
    compression: str | None
    store: str = ""

    @property
    def uri(self) -> str:
        """Its path, or its URI in an object store."""
        return f"{self.store.partition('://')[0]}://{self.path}" if self.store else str(self.path)


@dataclass(frozen=True)
class ReadOptions:
    """How to read files of notes.

    text_column (str): the column with the text, in formats that have columns.
    id_column (str): the column with the id. The default one may be missing.
    encoding (str): the encoding of files without a byte order mark. BioC XML declares its own, and Parquet has none.
    RAISES (ProjectError): both columns are the same, or the encoding is unknown.
    """

    text_column: str = "text"
    id_column: str = ID_COLUMN
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        # Ids are shown in messages, and texts must not be.
        if self.text_column == self.id_column:
            raise ProjectError(f"The column '{self.id_column}' can't be both id and text", "Name two columns.")
        try:
            "".encode(self.encoding)
        except LookupError as error:
            raise ProjectError(
                f"Unknown encoding '{self.encoding}'", "Name one that Python knows, e.g. utf-8, cp1252 or utf-16."
            ) from error

    def as_dict(self) -> dict[str, str]:
        """Return the options by name."""
        return asdict(self)


class Reader(NamedTuple):
    """How to read notes from a format.

    read_notes (Callable): yields the notes of a file.
    read_header (Callable | None): returns the names of its columns, in formats that have a header.
    """

    read_notes: Callable[[io.BufferedReader, Source, ReadOptions], Iterator[Note | Rejected]]
    read_header: Callable[[io.BufferedReader, Source, ReadOptions], list[str]] | None = None


def row_note(
    row: dict[str, Any], number: int, source: Source, options: ReadOptions, problem: str = ""
) -> Note | Rejected:
    """Return a row as a note.

    row (dict[str, Any]): value by column.
    number (int): the row's number, which becomes its id if it has none.
    source (Source): the file.
    options (ReadOptions): the names of the columns.
    problem (str): why the row can't be read, if that is known.
    RETURNS (Note | Rejected): the note; rejected if there is a problem, or no text.
    """
    identifier = note_id(row.get(options.id_column))
    text = row.get(options.text_column)
    problem = problem or text_problem(row, options)
    if problem or not isinstance(text, str):
        return Rejected(identifier or f"{source.name}:{number}", problem)
    columns = {name: as_json(row[name]) for name in row if name not in (options.text_column, options.id_column)}
    return Note(identifier or f"{source.stem}:{number}", text, columns)


def text_problem(row: dict[str, Any], options: ReadOptions) -> str:
    """Return why a row has no text, "" if it has one."""
    if options.text_column not in row:
        return f"no column '{options.text_column}'"
    text = row[options.text_column]
    if not isinstance(text, str):
        return f"the text is {TYPE_NAMES.get(type(text), type(text).__name__)}, not a string"
    undecoded = first_undecoded(text)
    return f"character {undecoded} of the text is half of a surrogate pair" if undecoded else ""


def note_id(value: Any) -> str:
    """Return a value as a note's id, "" if it is none."""
    value = as_json(value)
    identifier = "" if value is None else str(value)
    return "" if first_undecoded(identifier) else identifier


def as_json(value: Any) -> Any:
    """Return a value as JSON has it.

    Dates and times become ISO 8601, decimals, durations and bytes are written as Python does it, and NaN and infinity
    become null.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, dict):
        return {str(key): as_json(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(inner) for inner in value]
    return value.isoformat() if isinstance(value, (date, time)) else str(value)
