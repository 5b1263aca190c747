"""What the readers of all formats share: the file, the options, and how a row becomes a note."""

import csv
import io
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, time
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from scripts.errors import ProjectError
from scripts.formats.decoding import first_undecoded
from scripts.records.notes import Note, Rejected

ID_COLUMN = "id"
# How cells are quoted: as in RFC 4180, or not at all.
Quoting = Literal["standard", "none"]
# An integer as pandas writes it in a column with gaps. Above 15 digits a float can't tell neighbours apart.
WHOLE_FLOAT = re.compile("(0|[1-9][0-9]{0,14})[.]0+", re.ASCII)
# A value that is not there, not even as null.
MISSING = object()


class Damaged(Exception):
    """A file that is not what its name says, or was cut short."""


# What reading a damaged file raises.
DAMAGED = (OSError, csv.Error, pa.ArrowException, Damaged)
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

    text_column (str): the column with the text, in formats that have columns; "note.text" is the key "text" in the
        object "note", unless there is a column of that name.
    id_column (str): the column with the id. The default one may be missing.
    encoding (str): the encoding of files without a byte order mark. BioC XML declares its own; in Parquet it is that of
        binary text.
    delimiter (str | None): the character between the cells of CSV and TSV; the format's own if None.
    quoting (Quoting | None): how cells of CSV and TSV are quoted. If None, "standard" for CSV and "none" for TSV, and
        rows that contradict this are rejected.
    folder_ids (bool): whether ids that are made of file names include the folder as it was given.
    whole_ids (bool): whether an id like "11.0" is the integer 11.
    RAISES (ProjectError): both columns are the same, or the encoding or the delimiter can't be one.
    """

    text_column: str = "text"
    id_column: str = ID_COLUMN
    encoding: str = "utf-8"
    delimiter: str | None = None
    quoting: Quoting | None = None
    folder_ids: bool = False
    whole_ids: bool = False

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
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise ProjectError(
                f"The delimiter {self.delimiter!r} is not one character, or a quote or a line end",
                "Give --delimiter ';' for example, and $'\\t' for a tab.",
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the options by name."""
        return asdict(self)


class Reader(NamedTuple):
    """How to read notes from a format.

    read_notes (Callable): yields the notes of a file.
    read_header (Callable | None): returns the names of its columns, in formats that have a header.
    count_rows (Callable | None): returns its number of rows, and how many of them are on several lines, in formats
        where a stray quote makes one row of several.
    """

    read_notes: Callable[[io.BufferedReader, Source, ReadOptions], Iterator[Note | Rejected]]
    read_header: Callable[[io.BufferedReader, Source, ReadOptions], list[str]] | None = None
    count_rows: Callable[[io.BufferedReader, ReadOptions], tuple[int, int]] | None = None


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
    text, rest = take(row, options.text_column)
    identifier, columns = take(rest, options.id_column)
    text, identifier = (as_text(value, options.encoding) for value in (text, identifier))
    name = note_id(None if identifier is MISSING else identifier, whole=options.whole_ids)
    problem = problem or text_problem(text, options)
    if problem or not isinstance(text, str):
        return Rejected(name or f"{source.name}:{number}", problem)
    return Note(name or f"{source.stem}:{number}", text, {key: as_json(value) for key, value in columns.items()})


def take(row: dict[str, Any], name: str) -> tuple[Any, dict[str, Any]]:
    """Return a value of a row, and the row without it.

    row (dict[str, Any]): value by column; a value may be an object.
    name (str): the column, or the keys that lead to it, separated by periods.
    RETURNS (tuple[Any, dict[str, Any]]): the value, `MISSING` if there is none, and all other columns.
    """
    if name in row:
        return row[name], {key: value for key, value in row.items() if key != name}
    outer, _, inner = name.partition(".")
    if not inner or not isinstance(row.get(outer), dict):
        return MISSING, row
    value, rest = take(row[outer], inner)
    return value, {**row, outer: rest}


def as_text(value: Any, encoding: str) -> Any:
    """Return bytes as text if they are in an encoding, and every other value as it is."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode(encoding)
    except UnicodeError:
        return value


def text_problem(text: Any, options: ReadOptions) -> str:
    """Return why a value is no text, "" if it is one."""
    if text is MISSING:
        return f"no column '{options.text_column}'"
    if isinstance(text, bytes):
        return f"the text is bytes that are not {options.encoding.upper()}"
    if not isinstance(text, str):
        return f"the text is {TYPE_NAMES.get(type(text), type(text).__name__)}, not a string"
    undecoded = first_undecoded(text)
    return f"character {undecoded} of the text is half of a surrogate pair" if undecoded else ""


def note_id(value: Any, *, whole: bool = False) -> str:
    """Return a value as a note's id.

    value (Any): the value.
    whole (bool): whether "11.0" is the integer 11.
    RETURNS (str): the id, "" if the value is none.
    """
    value = as_json(value)
    identifier = "" if value is None else str(value)
    if whole and (integer := WHOLE_FLOAT.fullmatch(identifier)):
        identifier = integer[1]
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
