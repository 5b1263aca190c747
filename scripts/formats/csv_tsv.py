"""CSV and TSV: notes are read from rows with a header; in CSV, a row for each mention is written."""

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any, Literal, NamedTuple

from scripts.errors import ProjectError
from scripts.formats.decoding import first_undecoded, not_decoded, open_text
from scripts.formats.reading import Quoting, Reader, ReadOptions, Source, row_note
from scripts.formats.writing import Writer, document_row, dump_json, encodable
from scripts.records.documents import Document
from scripts.records.notes import Note, Rejected

# What a C long holds everywhere.
FIELD_SIZE = 2**31 - 1
# How often the lines of a file are read again on average, at most.
MOST_REPEATED = 5
COLUMNS = ("id", "start", "end", "label", "text", "confidence", "kb_id", "attributes", "columns")
# A cell as RFC 4180 quotes one that has quotes in it.
QUOTED = re.compile('"(?:[^"]|"")*""(?:[^"]|"")*"')
LINE_END = re.compile("\r\n|\r|\n")

BAD_QUOTE = "a quote is not doubled or, up to the file's end, not closed"
AFTER_BAD_QUOTE = "it follows a row with a bad quote, and its cells are not like those of the rows before"
HIDDEN_ROWS = "a quoted cell runs over lines that look like rows: a stray quote? If not, give --quoting standard"
LOOKS_QUOTED = (
    "its text looks quoted, and TSV is read without quoting: give --quoting standard,"
    " or --quoting none if the quotes belong to the text"
)


class Layout(NamedTuple):
    """How the rows of a file are written.

    delimiter (str): the character between cells.
    quoting (Quoting): how cells are quoted.
    is_certain (bool): whether the user has named the quoting.
    """

    delimiter: str
    quoting: Quoting
    is_certain: bool


def make_reader(delimiter: str, quoting: Quoting) -> Reader:
    """Return the reader of a format, CSV or TSV.

    delimiter (str): its delimiter, unless the options name one.
    quoting (Quoting): its quoting, unless the options name one.
    RETURNS (Reader): the reader.
    """

    def layout(options: ReadOptions) -> Layout:
        return Layout(options.delimiter or delimiter, options.quoting or quoting, options.quoting is not None)

    def read_header(file: io.BufferedReader, source: Source, options: ReadOptions) -> list[str]:
        """Return the names of the columns.

        RAISES (ProjectError): the header is in another encoding.
        """
        header = next(read_rows(file, options, layout(options)))
        if any(map(first_undecoded, header or [])):
            raise ProjectError(
                f"The header of {source.path} is not {options.encoding.upper()}", "Name its encoding with --encoding."
            )
        return header or []

    def read_notes(file: io.BufferedReader, source: Source, options: ReadOptions) -> Iterator[Note | Rejected]:
        """Read a note from each row. Empty lines are skipped."""
        rows = read_rows(file, options, layout(options))
        header = next(rows)
        table = Table(header or [], source, options, layout(options))
        return chain.from_iterable(map(table.notes, rows))

    def count_rows(file: io.BufferedReader, options: ReadOptions) -> tuple[int, int]:
        """Return the number of rows without the header, and how many of them are on several lines."""
        rows = islice(read_rows(file, options, layout(options)), 1, None)
        found = Counter(any(map(LINE_END.search, cells or [])) for cells in rows if cells != [])
        return found.total(), found[True]

    return Reader(read_notes, read_header, count_rows)


def read_rows(file: io.BufferedReader, options: ReadOptions, layout: Layout) -> Iterator[list[str] | None]:
    """Yield the rows of a file, starting with its header.

    YIELDS (list[str] | None): the cells of a row, none for an empty line; None for a line that is given up because of a
        bad quote.
    RAISES (csv.Error): the header has a bad quote.
    """
    csv.field_size_limit(FIELD_SIZE)
    lines = Lines(open_text(file, options.encoding, newline=""))
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if layout.quoting == "standard" else csv.QUOTE_NONE
    # Without "strict", a quote that is not closed makes the rest of a file one field, and is no error.
    rows = csv.reader(lines, delimiter=layout.delimiter, quoting=quoting, strict=True)
    yield next(rows, [])
    while True:
        lines.taken.clear()
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield from repeat(None, lines.give_up())


class Lines:
    """The lines of a file. Those of a row that could not be read can be read again.

    lines (Iterator[str]): the lines.
    """

    def __init__(self, lines: Iterator[str]):
        self.lines = lines
        self.taken: list[str] = []
        self.waiting: deque[str] = deque()
        self.fresh = self.repeated = 0

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        if self.waiting:
            line = self.waiting.popleft()
        else:
            line = next(self.lines)
            self.fresh += 1
        self.taken.append(line)
        return line

    def give_up(self) -> int:
        """Give up the first line of a row, and let the others be read again.

        RETURNS (int): how many lines were given up: all of them if most lines were read several times already, which
            bounds the time for a file in which every line opens a quote.
        """
        if self.repeated > MOST_REPEATED * self.fresh:
            return len(self.taken)
        self.waiting.extendleft(reversed(self.taken[1:]))
        self.repeated += len(self.taken) - 1
        return 1


class Table:
    """The rows of a file, as notes.

    A stray quote at the start of a cell makes one cell of all rows up to the next quote, and is no error in CSV. It
    shows in lines of the cell that have as many columns as the header and an id like that of the row itself; without a
    column of ids, other cells like those of the row. A file of one column has nothing to compare.

    header (list[str]): the names of the columns.
    source (Source): the file.
    options (ReadOptions): how to read it.
    layout (Layout): how its rows are written.
    """

    def __init__(self, header: list[str], source: Source, options: ReadOptions, layout: Layout):
        self.header, self.source, self.options, self.layout = header, source, options, layout
        others = [name for name in header if name != options.text_column]
        keys = [options.id_column] if options.id_column in header else others
        self.compared = [header.index(name) for name in keys]
        self.number = 0
        self.kinds: list[str] | None = None
        self.is_in_doubt = False

    def notes(self, cells: list[str] | None) -> Iterator[Note | Rejected]:
        """Yield the notes of a row: one or, if a stray quote hides rows in it, a rejection for each."""
        if cells == []:
            return
        problem, rows = self.problem(cells)
        for _ in range(rows):
            self.number += 1
            yield Rejected(f"{self.source.name}:{self.number}", problem) if problem else self.note(cells or [])

    def problem(self, cells: list[str] | None) -> tuple[str, int]:
        """Return why a row can't be read, "" if it can, and how many rows it is in truth."""
        if cells is None:
            self.is_in_doubt = True
            return BAD_QUOTE, 1
        if len(cells) != len(self.header):
            # Which of them is the id can't be known.
            return f"the row has {len(cells)} columns, and the header {len(self.header)}", 1
        kinds = [kind_of(cells[place]) for place in self.compared]
        if self.is_in_doubt and self.kinds not in (None, kinds):
            return AFTER_BAD_QUOTE, 1
        longer = [] if self.layout.is_certain else [place for place, cell in enumerate(cells) if LINE_END.search(cell)]
        rows = max((self.rows_in_cell(cells, place) for place in longer), default=1)
        if rows > 1:
            return HIDDEN_ROWS, rows
        self.is_in_doubt, self.kinds = False, kinds
        return "", 1

    def rows_in_cell(self, cells: list[str], column: int) -> int:
        """Return how many rows a row with a line end in a cell is in truth: 1 unless most of its lines look like rows.

        cells (list[str]): the cells of the row.
        column (int): the place of the cell.
        RETURNS (int): the number of rows.
        """
        lines = [line for line in LINE_END.split(cells[column]) if line]
        judged = alike = 0
        for number, line in enumerate(lines):
            is_first, is_last = number == 0, number == len(lines) - 1
            row = [*cells[:column] * is_first, *line.split(self.layout.delimiter), *cells[column + 1 :] * is_last]
            # The row's own cells before and after the quotes prove nothing.
            places = [p for p in self.compared if not (is_first and p < column) and not (is_last and p > column)]
            judged += bool(places)
            alike += (
                bool(places)
                and len(row) == len(self.header)
                and all(kind_of(row[place]) == kind_of(cells[place]) for place in places)
            )
        return len(lines) - judged + alike if alike > judged / 2 else 1

    def note(self, cells: list[str]) -> Note | Rejected:
        """Return a row that can be read as a note."""
        row = dict(zip(self.header, cells, strict=True))
        undecoded = ((name, first_undecoded(cell)) for name, cell in row.items())
        problems = [
            not_decoded(self.options.encoding, place, f" of column '{name}'") for name, place in undecoded if place
        ]
        if not self.layout.is_certain and self.layout.quoting == "none":
            problems += [LOOKS_QUOTED] * bool(QUOTED.fullmatch(row[self.options.text_column]))
        return row_note(row, self.number, self.source, self.options, next(iter(problems), ""))


def kind_of(cell: str) -> str:
    """Return what sort of cell it is: empty, a number, one word with or without a digit, or several words."""
    if cell.isdecimal():
        return "number"
    if len(cell.split()) != 1:
        return "words" if cell.strip() else ""
    return "code" if any(map(str.isdecimal, cell)) else "word"


class CsvWriter(Writer):
    """A row of `COLUMNS` for each mention. Documents without mentions have no rows.

    "attributes" and "columns", the other columns of the input, are JSON objects.
    """

    suffix = ".csv"
    can_leave_out_text = True

    def prepare(self, document: Document) -> list[dict[str, Any]]:
        row = document_row(document, keep_text=False)
        shared = {"id": encodable(row["id"]), "columns": encodable(dump_json(row["columns"]))}
        return [
            {**entity, "attributes": encodable(dump_json(entity["attributes"])), **shared} for entity in row["entities"]
        ]

    def write(self, prepared: Sequence[list[dict[str, Any]]], path: Path, *, number_from: int = 1) -> None:
        # newline: lines end as in RFC 4180, and line ends in a mention are kept.
        with path.open("w", encoding="utf8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(chain.from_iterable(prepared))
