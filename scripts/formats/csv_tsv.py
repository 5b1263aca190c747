"""CSV and TSV: notes are read from rows with a header; in CSV, a row for each mention is written."""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

from scripts.errors import ProjectError
from scripts.formats.decoding import first_undecoded, not_decoded, open_text
from scripts.formats.reading import Reader, ReadOptions, Source, row_note
from scripts.formats.writing import Writer, document_row, dump_json, encodable
from scripts.records.documents import Document
from scripts.records.notes import Note, Rejected

# What a C long holds everywhere.
FIELD_SIZE = 2**31 - 1
COLUMNS = ("id", "start", "end", "label", "text", "confidence", "kb_id", "attributes", "columns")


def make_reader(delimiter: str) -> Reader:
    """Return the reader of a format with a delimiter: the only difference between CSV and TSV."""

    def read_header(file: io.BufferedReader, source: Source, options: ReadOptions) -> list[str]:
        """Return the names of the columns.

        RAISES (ProjectError): the header is in another encoding.
        """
        names = next(csv_rows(file, options, delimiter), [])
        if any(map(first_undecoded, names)):
            raise ProjectError(
                f"The header of {source.path} is not {options.encoding.upper()}", "Name its encoding with --encoding."
            )
        return names

    def read_notes(file: io.BufferedReader, source: Source, options: ReadOptions) -> Iterator[Note | Rejected]:
        """Read a note from each row. Empty lines are skipped."""
        rows = csv_rows(file, options, delimiter)
        header = next(rows, [])
        for number in count(1):
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error:
                # Reading goes on with the next line; if the quote was never closed there is none.
                problem = "a quote is not doubled or, up to the file's end, not closed"
                yield Rejected(f"{source.name}:{number}", problem)
                continue
            if row:
                yield cells_note(row, header, number, source, options)

    return Reader(read_notes, read_header)


def csv_rows(file: io.BufferedReader, options: ReadOptions, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows of a file, starting with its header."""
    csv.field_size_limit(FIELD_SIZE)
    # Without "strict", a quote that is not closed makes the rest of a file one field, and is no error.
    return csv.reader(open_text(file, options.encoding, newline=""), delimiter=delimiter, strict=True)


def cells_note(
    cells: list[str], header: list[str], number: int, source: Source, options: ReadOptions
) -> Note | Rejected:
    """Return the cells of a row as a note."""
    if len(cells) != len(header):
        # Which of them is the id can't be known.
        problem = f"the row has {len(cells)} columns, and the header {len(header)}"
        return Rejected(f"{source.name}:{number}", problem)
    row = dict(zip(header, cells, strict=True))
    undecoded = ((name, first_undecoded(cell)) for name, cell in row.items())
    problems = (not_decoded(options.encoding, place, f" of column '{name}'") for name, place in undecoded if place)
    return row_note(row, number, source, options, next(problems, ""))


class CsvWriter(Writer):
    """A row of `COLUMNS` for each mention. Documents without mentions have no rows.

    "attributes" and "columns", the other columns of the input, are JSON objects.
    """

    suffix = ".csv"

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
