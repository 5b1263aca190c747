"""A table for people: a row for each concept of a note and what is said of it, as CSV, Parquet or an Excel workbook.

In: documents with their mentions. Out: rows that a spreadsheet, pandas or DuckDB can filter without reading JSON.
"""

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.errors import ProjectError
from scripts.formats.clinical import mention_concepts, note_date, note_person, order_of, order_text
from scripts.formats.writing import WRITE_DEFAULTS, WriteOptions, Writer, encodable
from scripts.records.documents import Document
from scripts.records.mentions import Mention
from scripts.records.states import mention_states

SCHEMA = pa.schema(
    [
        pa.field("person_id", pa.string()),
        pa.field("note_id", pa.string(), nullable=False),
        pa.field("date", pa.date32()),
        pa.field("label", pa.string(), nullable=False),
        pa.field("state", pa.string()),
        pa.field("code", pa.string()),
        pa.field("name", pa.string(), nullable=False),
        pa.field("dose", pa.string()),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("mentions", pa.int64(), nullable=False),
        pa.field("confidence", pa.float64()),
    ]
)
# The rows of a sheet of Excel, the header among them, and the characters of a cell.
SHEET_ROWS, CELL_LENGTH = 2**20, 32_767
# The first time that a ZIP archive can have.
NO_TIME = (1980, 1, 1, 0, 0, 0)
# What XML and so a workbook can't hold.
UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

Row = dict[str, Any]


class TableWriter(Writer):
    """A row of `SCHEMA` for each concept, label and state in a note. Notes without mentions have no rows.

    The name is the concept's or, without one, the first mention; the dose is that of the first mention with an order.
    """

    settings = ("table_format", "person_column", "date_column")
    can_leave_out_text = True

    def __init__(self, options: WriteOptions = WRITE_DEFAULTS):
        super().__init__(options)
        self.suffix = f".{options.clinical.table_format}"

    def prepare(self, document: Document) -> list[Row]:
        note = {
            "person_id": encodable(note_person(document, self.options.clinical)) or None,
            "note_id": encodable(document.id),
            "date": note_date(document, self.options.clinical),
        }
        return [{**note, **row} for row in concept_rows(document)]

    def write(self, prepared: Sequence[list[Row]], path: Path, *, number_from: int = 1) -> None:
        WRITE_TABLE[self.options.clinical.table_format](list(chain.from_iterable(prepared)), path)


def concept_rows(document: Document) -> list[Row]:
    """Return the rows of a note without what they share, in the order of the first mentions."""
    groups: dict[tuple[str, ...], Row] = {}
    for mention in document.mentions:
        surface = " ".join(document.text[mention.start : mention.end].split())
        state = ", ".join(mention_states(mention.attributes))
        for concept in mention_concepts(mention):
            key = (mention.label, state, concept.id or surface.casefold())
            row = groups.setdefault(key, first_row(mention, state, concept.id, concept.name or surface))
            add_mention(row, mention)
    return list(groups.values())


def first_row(mention: Mention, state: str, code: str, name: str) -> Row:
    """Return the row of a concept before its mentions are added."""
    return {
        "label": encodable(mention.label),
        "state": state or None,
        "code": encodable(code) or None,
        "name": encodable(name),
        "dose": None,
        "start": mention.start,
        "mentions": 0,
        "confidence": None,
    }


def add_mention(row: Row, mention: Mention) -> None:
    """Add a mention to the row of its concept: it counts, and the highest confidence and the first dose are kept."""
    row["mentions"] += 1
    row["dose"] = row["dose"] or encodable(order_text(order_of(mention))) or None
    found = [each for each in (row["confidence"], mention.confidence) if each is not None]
    row["confidence"] = max(found, default=None)


def write_csv(rows: Iterable[Row], path: Path) -> None:
    """Write a table as CSV."""
    with path.open("w", encoding="utf8", newline="") as file:
        writer = csv.DictWriter(file, SCHEMA.names)
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(rows: Sequence[Row], path: Path) -> None:
    """Write a table as Parquet."""
    pq.write_table(pa.Table.from_pylist(list(rows), schema=SCHEMA), path, compression="zstd")


def write_xlsx(rows: Sequence[Row], path: Path) -> None:
    """Write a table as a workbook with one sheet.

    RAISES (ProjectError): there are more rows than a sheet can have.
    """
    # It takes 0.2 seconds, and most runs write no workbook.
    from openpyxl import Workbook
    from openpyxl.writer.excel import ExcelWriter

    if len(rows) >= SHEET_ROWS:
        raise ProjectError(
            f"The table has {len(rows)} rows, and a sheet of Excel at most {SHEET_ROWS - 1}",
            "Give a smaller --part-size, or --table-format csv.",
        )
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("mentions")
    sheet.freeze_panes = "A2"
    sheet.append(SCHEMA.names)
    for row in rows:
        sheet.append([make_cell(sheet, row[name]) for name in SCHEMA.names])
    workbook.properties.created = workbook.properties.modified = datetime(*NO_TIME)
    content = BytesIO()
    # Not by `save`, which writes the time.
    with ZipFile(content, "w", ZIP_DEFLATED) as archive:
        ExcelWriter(workbook, archive).write_data()
    repack(content, path)


def make_cell(sheet: Any, value: Any) -> Any:
    """Return a value as a workbook can hold it. A text is never a formula."""
    from openpyxl.cell import WriteOnlyCell

    if not isinstance(value, str):
        return value
    made = WriteOnlyCell(sheet, UNWRITABLE.sub("\ufffd", value)[:CELL_LENGTH])
    made.data_type = "s"
    return made


def repack(content: BytesIO, path: Path) -> None:
    """Write an archive without the times of its files, so that the same rows give the same bytes."""
    with ZipFile(content) as archive, ZipFile(path, "w", ZIP_DEFLATED) as written:
        for name in archive.namelist():
            written.writestr(ZipInfo(name, NO_TIME), archive.read(name), ZIP_DEFLATED)


WRITE_TABLE: dict[str, Callable[[list[Row], Path], None]] = {
    "csv": write_csv,
    "parquet": write_parquet,
    "xlsx": write_xlsx,
}
