"""The table for people: a row for each concept of a note and what is said of it, the same in every format."""

import csv
import json
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from scripts.annotate import annotate
from scripts.annotation.options import AnnotateOptions
from scripts.errors import ProjectError
from scripts.formats import table
from scripts.formats.clinical import ClinicalOptions
from scripts.formats.table import SCHEMA, TableWriter
from scripts.formats.writing import WriteOptions
from scripts.records.documents import Document, Passage
from scripts.records.mentions import Mention
from tests.annotation.pipelines import make_context_pipeline

FORMATS = ["csv", "parquet", "xlsx"]
GOUT = [{"id": "D006073", "name": "Gout", "score": 0.9}]
DOSE = {"dose": {"text": "1 g", "start": 20, "end": 23, "value": 1, "unit": "g"}}


def note(*mentions, text="gout Gout GOUT aspirin =1+1 fever\x07", identifier="7", **columns) -> Document:
    return Document(identifier, (Passage("note", text),), mentions, columns=columns)


NOTE = note(
    Mention(0, 4, "Disease", "D006073", 0.5, {"is_negated": False, "kb_candidates": GOUT}),
    Mention(5, 9, "Disease", "D006073", 0.75, {"is_negated": False, "kb_candidates": GOUT}),
    Mention(10, 14, "Disease", "D006073", None, {"is_negated": True, "kb_candidates": GOUT}),
    Mention(15, 22, "Chemical", attributes={"is_negated": False, "is_family": True, "medication": DOSE}),
    Mention(23, 27, "Chemical"),
    Mention(28, 34, "Disease"),
    person_id=12.0,
    note_date="2026-01-31T10:00",
)
ROWS = [
    ("12", "7", date(2026, 1, 31), "Disease", "present", "D006073", "Gout", None, 0, 2, 0.75),
    ("12", "7", date(2026, 1, 31), "Disease", "denied", "D006073", "Gout", None, 10, 1, None),
    ("12", "7", date(2026, 1, 31), "Chemical", "family", None, "aspirin", "1 g", 15, 1, None),
    ("12", "7", date(2026, 1, 31), "Chemical", None, None, "=1+1", None, 23, 1, None),
    ("12", "7", date(2026, 1, 31), "Disease", None, None, "fever\x07", None, 28, 1, None),
]


def write(documents, folder, format):
    """Write documents, and return the path."""
    writer = TableWriter(WriteOptions(clinical=ClinicalOptions(table_format=format)))
    path = folder / f"part{writer.suffix}"
    writer.write([writer.prepare(document) for document in documents], path)
    return path


def read(path):
    """Return header and rows of a table."""
    if path.suffix == ".parquet":
        read = pq.read_table(path)
        assert read.schema == SCHEMA
        return read.schema.names, [tuple(row.values()) for row in read.to_pylist()]
    if path.suffix == ".xlsx":
        header, *rows = load_workbook(path)["mentions"].iter_rows(values_only=True)
        # Excel knows only dates with a time.
        return list(header), [tuple(getattr(cell, "date", lambda cell=cell: cell)() for cell in row) for row in rows]
    header, *rows = csv.reader(path.open(encoding="utf8", newline=""))
    return header, [tuple(cell or None for cell in row) for row in rows]


@pytest.mark.parametrize("format", FORMATS)
def test_rows(tmp_path, format):
    expected = ROWS
    if format == "csv":
        expected = [tuple(None if cell is None else str(cell) for cell in row) for row in ROWS]
    if format == "xlsx":
        # A workbook can't hold the character.
        expected = [tuple("fever\ufffd" if cell == "fever\x07" else cell for cell in row) for row in ROWS]
    assert read(write([NOTE, note(), note(identifier="8")], tmp_path, format)) == (SCHEMA.names, expected)


def test_a_text_is_no_formula(tmp_path):
    sheet = load_workbook(write([NOTE], tmp_path, "xlsx"))["mentions"]
    assert [cell.data_type for cell in sheet["G"]] == ["s"] * 6


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_notes_give_the_same_bytes(tmp_path, format):
    paths = []
    for name in "ab":
        (tmp_path / name).mkdir()
        paths.append(write([NOTE], tmp_path / name, format))
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize("format", FORMATS)
def test_no_notes(tmp_path, format):
    assert read(write([], tmp_path, format)) == (SCHEMA.names, [])


@pytest.mark.parametrize(
    ("columns", "person", "day"),
    [
        ({}, None, None),
        ({"person_id": None, "note_date": None}, None, None),
        ({"person_id": "A 7", "note_date": "yesterday"}, "A 7", None),
        ({"person_id": 7, "note_date": "2026-02-30"}, "7", None),
    ],
)
def test_patients_and_dates(columns, person, day):
    document = note(Mention(0, 4, "Disease"), **columns)
    (row,) = TableWriter().prepare(document)
    assert (row["person_id"], row["date"]) == (person, day)


def test_a_composite_mention_has_a_row_for_each_concept():
    candidates = [{"id": "D1|D2", "name": "Hepatitis | Nephritis", "score": 0.9}]
    rows = TableWriter().prepare(note(Mention(0, 4, "Disease", "D1|D2", attributes={"kb_candidates": candidates})))
    assert [(row["code"], row["name"], row["mentions"]) for row in rows] == [
        ("D1", "Hepatitis", 1),
        ("D2", "Nephritis", 1),
    ]


def test_a_sheet_that_is_full_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "SHEET_ROWS", 5)
    with pytest.raises(ProjectError, match="The table has 5 rows, and a sheet of Excel at most 4"):
        write([NOTE], tmp_path, "xlsx")


@pytest.mark.parametrize("value", ["\ud800", "a\ud800"])
def test_half_a_surrogate_pair_is_refused(value):
    with pytest.raises(UnicodeEncodeError):
        TableWriter().prepare(note(Mention(0, 4, "Disease", value)))


@pytest.mark.parametrize("format", FORMATS)
def test_annotate(tmp_path, format):
    make_context_pipeline().to_disk(tmp_path / "model")
    notes = tmp_path / "notes.jsonl"
    notes.write_text(json.dumps({"id": "1", "text": "No gout. Takes aspirin.", "mrn": "A7"}) + "\n")
    options = AnnotateOptions(format="table", clinical=ClinicalOptions(table_format=format, person_column="mrn"))
    annotate(str(tmp_path / "model"), [str(notes)], tmp_path / "run", options)
    header, rows = read(tmp_path / "run" / "parts" / f"part-00000.{format}")
    found = [dict(zip(header, row, strict=True)) for row in rows]
    assert [(row["person_id"], row["name"], row["state"]) for row in found] == [
        ("A7", "gout", "denied"),
        ("A7", "aspirin", "present"),
    ]


def test_the_question_of_the_documentation(tmp_path):
    """Patients with diabetes, not denied, not a relative's, on metformin: what docs/how-to/table.md shows."""
    rows = [
        ("1", "diabetes", "Disease", {}),
        ("1", "metformin", "Chemical", {}),
        ("2", "diabetes", "Disease", {"is_family": True}),
        ("2", "metformin", "Chemical", {}),
        ("3", "diabetes", "Disease", {"is_negated": True}),
        ("3", "metformin", "Chemical", {}),
        ("4", "diabetes", "Disease", {}),
        ("4", "metformin", "Chemical", {"is_negated": True}),
        ("5", "diabetes", "Disease", {"is_historical": True}),
        ("5", "metformin", "Chemical", {}),
    ]
    documents = [
        note(
            Mention(0, len(text), label, attributes={"is_negated": False, **attributes}),
            text=text,
            identifier=str(number),
            person_id=person,
        )
        for number, (person, text, label, attributes) in enumerate(rows)
    ]
    path = write(documents, tmp_path, "csv")
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "table.md").read_text(encoding="utf8")
    code = page.partition("```python\n")[2].partition("```")[0]
    assert "annotations/table/parts" in code
    names: dict = {}
    exec(code.replace('"annotations/table/parts"', repr(str(path.parent))), names)
    assert names["patients"] == ["1", "5"]
