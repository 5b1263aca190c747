"""Excel workbooks: a note in each row of the first sheet, whose first row is the header."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from scripts.formats.reading import Damaged, ReadOptions, Source, row_note
from scripts.records.notes import Note, Rejected

if TYPE_CHECKING:
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet


def read_header(file: io.BufferedReader, source: Source, options: ReadOptions) -> list[str]:
    """Return the names of the columns.

    RAISES (Damaged): the file is no workbook.
    """
    first, *_ = open_sheets(file)
    return [name for name in header_of(next(sheet_rows(first), [])) if name]


def read_notes(file: io.BufferedReader, source: Source, options: ReadOptions) -> Iterator[Note | Rejected]:
    """Read a note from each row of the first sheet. Empty rows are skipped; further sheets are rejected."""
    first, *others = open_sheets(file)
    rows = sheet_rows(first)
    header = header_of(next(rows, []))
    for number, cells in enumerate(rows, start=1):
        yield cells_note(cells, header, number, source, options)
    for number, sheet in enumerate(others, start=2):
        if next(sheet_rows(sheet), None):
            yield Rejected(f"{source.name}:sheet {number}", "only the first sheet of a workbook is read")


@contextmanager
def workbook_errors() -> Iterator[None]:
    """Turn whatever the archive, the parser and openpyxl raise for a damaged workbook into one kind of error."""
    try:
        yield
    except Exception as error:
        raise Damaged from error


def open_sheets(file: io.BufferedReader) -> "list[ReadOnlyWorksheet]":
    """Return the sheets of a workbook, at least one.

    RAISES (Damaged): the file is no workbook.
    """
    # It takes 0.2 seconds, and most commands read no workbook.
    from openpyxl import load_workbook

    with workbook_errors():
        sheets = load_workbook(file, read_only=True, data_only=True).worksheets
    if not sheets:
        raise Damaged
    return sheets


def sheet_rows(sheet: "ReadOnlyWorksheet") -> Iterator[list[Any]]:
    """Yield the cells of the rows that are not empty, without empty ones at the end.

    RAISES (Damaged): the sheet can't be read to its end.
    """
    from openpyxl.utils.escape import unescape

    with workbook_errors():
        # What a sheet says of its own size may be wrong.
        sheet.reset_dimensions()
        for row in sheet.iter_rows(values_only=True):
            # Excel writes a carriage return as _x000D_.
            cells = [unescape(cell) if isinstance(cell, str) else cell for cell in row]
            while cells and cells[-1] is None:
                cells.pop()
            if cells:
                yield cells


def header_of(cells: list[Any]) -> list[str]:
    """Return the names of columns, "" for those that have none."""
    return ["" if cell is None else str(cell) for cell in cells]


def cells_note(
    cells: list[Any], header: list[str], number: int, source: Source, options: ReadOptions
) -> Note | Rejected:
    """Return the cells of a row as a note."""
    row = dict(zip(header, [*cells, *[None] * (len(header) - len(cells))], strict=False))
    has_name = [*map(bool, header), *[False] * (len(cells) - len(header))]
    unnamed = any(cell is not None and not named for cell, named in zip(cells, has_name, strict=False))
    row.pop("", None)
    return row_note(row, number, source, options, "a cell is in a column without a name" if unnamed else "")
