"""Candidates for OMOP's tables: only what the patient has and takes, and rows that a database takes."""

import csv
import json
import re
import sqlite3
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scripts.annotate import annotate
from scripts.annotation.options import AnnotateOptions
from scripts.formats.clinical import OMOP_SYSTEM, ClinicalOptions, LinkedVocabulary
from scripts.formats.omop import OmopWriter
from scripts.formats.omop_tables import TABLES, OmopTablesWriter
from scripts.formats.writing import WriteOptions
from scripts.records.documents import Document, Passage
from scripts.records.mentions import Mention
from tests.annotation.pipelines import make_context_pipeline
from tests.formats.generated import annotated
from tests.formats.reading_back import read_csv, read_modifiers

DDL = Path(__file__).with_name("omop_ddl.sql")
ATHENA = LinkedVocabulary(OMOP_SYSTEM, {"10160-0": 3_000_001})
OPTIONS = WriteOptions(
    system="en_test 1.0",
    begun=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    clinical=ClinicalOptions(omop_tables=True),
    vocabulary=ATHENA,
)
# What PostgreSQL checks of a type, and SQLite does not. They are no part of the DDL.
CHECKS = {
    "integer": "typeof({0}) = 'integer' AND {0} BETWEEN -2147483648 AND 2147483647",
    "date": "date({0}, '+0 days') = {0}",
    "timestamp": "datetime({0}, '+0 days') = {0}",
}
PRESENT = dict.fromkeys(
    ("is_negated", "is_uncertain", "is_historical", "is_hypothetical", "is_family", "is_allergy"), False
)


def write(documents, folder: Path, number_from: int = 1) -> tuple[dict[str, list[dict]], Counter]:
    """Write documents, and return the rows of each table, and what was left out."""
    writer = OmopTablesWriter(OPTIONS)
    prepared = [writer.prepare(document) for document in documents]
    writer.write(prepared, folder / "part", number_from=number_from)
    rows = {table: read_csv(folder / "part" / f"{table}.csv") for table in TABLES}
    return rows, writer.left_out(prepared)


def with_checks(ddl: str) -> str:
    """Return the DDL with checks of the types, which SQLite only knows by name."""

    def checked(match: re.Match) -> str:
        column, kind, length = match[1], match[2], match[3]
        check = f"length({column}) <= {length}" if length else CHECKS.get(kind, "1").format(column)
        return f"{match[0]} CHECK ({column} IS NULL OR ({check}))"

    return re.sub(r'^ +("?\w+"?) (\w+)(?:\((\d+)\))? (?:NOT )?NULL', checked, ddl, flags=re.MULTILINE)


def make_database(documents) -> sqlite3.Connection:
    """Return a database with the tables, and with what the notes and their concepts refer to."""
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA foreign_keys = ON")
    database.executescript(with_checks(DDL.read_text(encoding="utf8")))
    concepts = {"0", "32858", "3000001", *(mention.concept for note in documents for mention in note.mentions)}
    database.executemany("INSERT INTO concept VALUES (?, 'name')", [(int(concept),) for concept in concepts])
    database.executemany("INSERT INTO person VALUES (?)", [(number,) for number in range(1, 20)])
    database.executemany("INSERT INTO visit_occurrence VALUES (?, 1)", [(number,) for number in range(1, 201)])
    return database


def load(database: sqlite3.Connection, folder: Path) -> None:
    """Load the files into the tables, as COPY does: an empty cell is NULL."""
    for table in TABLES:
        with (folder / f"{table}.csv").open(encoding="utf8", newline="") as file:
            header, *rows = csv.reader(file)
        columns = ", ".join(f'"{name}"' for name in header)
        places = ", ".join("?" * len(header))
        cells = [[None if cell == "" else cell for cell in row] for row in rows]
        database.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", cells)


def test_all_rows_of_200_generated_notes_go_into_the_tables(tmp_path, generated):
    rows, left_out = write(generated, tmp_path)
    database = make_database(generated)
    load(database, tmp_path / "part")
    counts = {table: database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}
    assert counts == {table: len(rows[table]) for table in TABLES}
    assert counts["note_nlp"] == sum(len(note.mentions) for note in generated)
    assert counts["condition_occurrence"] > 500 and counts["drug_exposure"] > 500
    assert set(left_out) == {
        "no row in CONDITION_OCCURRENCE or DRUG_EXPOSURE: the note has no patient",
        "no row in CONDITION_OCCURRENCE or DRUG_EXPOSURE: the note has no date",
    }
    # A candidate has the number of its mention, whose row says that it is there.
    query = """SELECT count(*) FROM note_nlp JOIN {0} ON note_nlp_id = {0}_id
               WHERE term_exists = 'Y' AND term_temporal = 'present' AND note_nlp_concept_id = {1}_concept_id"""
    for table, name in (("condition_occurrence", "condition"), ("drug_exposure", "drug")):
        assert database.execute(query.format(table, name)).fetchone()[0] == counts[table]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("person_id", "99"),
        ("person_id", None),
        ("condition_start_date", "2026-02-30"),
        ("condition_source_value", "x" * 51),
        ("condition_concept_id", str(2**31)),
        ("condition_occurrence_id", "1"),
    ],
)
def test_the_tables_refuse_what_a_database_refuses(tmp_path, column, value):
    rows, _ = write([make_document(("Disease", {}))], tmp_path)
    row = {name: cell or None for name, cell in rows["condition_occurrence"][0].items()}
    insert = f"INSERT INTO condition_occurrence ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
    database = make_database([])
    database.execute(insert, list(row.values()))
    with pytest.raises(sqlite3.IntegrityError):
        database.execute(insert, list({**row, "condition_occurrence_id": "2", column: value}.values()))


def make_document(*mentions, columns=None) -> Document:
    """Return a note of mentions, given as label and attributes; "text" and "concept" among these are the mention's."""
    texts, found = [], []
    for label, given in mentions:
        attributes = dict(given)
        text, concept = attributes.pop("text", "gout"), attributes.pop("concept", "")
        start = sum(len(each) + 1 for each in texts)
        found.append(Mention(start, start + len(text), label, concept, attributes={**PRESENT, **attributes}))
        texts.append(text)
    columns = {"person_id": 12, "note_date": "2026-01-31", **(columns or {})}
    return Document("7", (Passage("note", " ".join(texts)),), tuple(found), columns=columns)


def action(value: str) -> dict:
    return {"medication": {"action": {"text": value, "start": 0, "end": 4, "value": value}}}


@pytest.mark.parametrize(
    ("label", "attributes", "table"),
    [
        ("Disease", {}, "condition_occurrence"),
        ("Chemical", {}, "drug_exposure"),
        ("Chemical", action("start"), "drug_exposure"),
        *(("Disease", {name: True}, None) for name in PRESENT),
        *(("Chemical", {name: True}, None) for name in PRESENT),
        ("Chemical", action("stop"), None),
        ("Chemical", action("hold"), None),
        ("Disease", {"section_category": "allergies"}, None),
        ("Gene", {}, None),
        # Without context, nothing is known to be present.
        ("Disease", dict.fromkeys(PRESENT), None),
    ],
)
def test_candidates(tmp_path, label, attributes, table):
    document = make_document((label, attributes))
    if None in attributes.values():
        document = Document("7", document.passages, (Mention(0, 4, label),), columns=document.columns)
    rows, left_out = write([document], tmp_path)
    assert [name for name in ("condition_occurrence", "drug_exposure") if rows[name]] == [table] * bool(table)
    assert not left_out


def test_columns(tmp_path, components):
    text = "MEDS: metformin 500 mg PO BID x 14 days\nHPI: has gout"
    spans = [(6, 15, "Chemical", "1503297"), (text.index("gout"), len(text), "Disease", "440674")]
    columns = {"person_id": 12, "note_date": "2026-01-31 10:00", "visit_occurrence_id": 5, "provider_id": "x"}
    document = annotated(components, text, spans, columns=columns)
    rows, _ = write([document], tmp_path, number_from=41)
    (drug,), (condition,) = rows["drug_exposure"], rows["condition_occurrence"]
    assert {name: value for name, value in drug.items() if value} == {
        "drug_exposure_id": "41",
        "person_id": "12",
        "drug_concept_id": "1503297",
        "drug_exposure_start_date": "2026-01-31",
        "drug_exposure_end_date": "2026-02-13",
        "drug_type_concept_id": "32858",
        "days_supply": "14",
        "sig": "500 mg PO BID x 14 days",
        "visit_occurrence_id": "5",
        "drug_source_value": "metformin",
        "drug_source_concept_id": "1503297",
        "route_source_value": "PO",
        "dose_unit_source_value": "mg",
    }
    assert {name: value for name, value in condition.items() if value} == {
        "condition_occurrence_id": "42",
        "person_id": "12",
        "condition_concept_id": "440674",
        "condition_start_date": "2026-01-31",
        "condition_type_concept_id": "32858",
        "visit_occurrence_id": "5",
        "condition_source_value": "gout",
        "condition_source_concept_id": "440674",
    }
    assert [row["section_concept_id"] for row in rows["note_nlp"]] == ["3000001", "0"]


@pytest.mark.parametrize(
    ("order", "supply", "end"),
    [
        ("", "", "2026-01-31"),
        ("x 7 days", "7", "2026-02-06"),
        ("for 2 weeks", "14", "2026-02-13"),
        ("40 mg daily x 5 days, then 20 mg daily x 5 days, then stop", "10", "2026-02-09"),
        ("40 mg daily x 5 days, then 20 mg daily", "", "2026-01-31"),
        ("for 3-5 days", "", "2026-01-31"),
        ("for 2 months", "", "2026-01-31"),
        ("for 99999999 days", "", "2026-01-31"),
    ],
)
def test_end_of_a_drug(tmp_path, components, order, supply, end):
    document = annotated(
        components,
        f"Takes prednisone {order}",
        [(6, 16, "Chemical", "")],
        columns={"person_id": 1, "note_date": "2026-01-31"},
    )
    rows, _ = write([document], tmp_path)
    (row,) = rows["drug_exposure"]
    assert (row["days_supply"], row["drug_exposure_end_date"]) == (supply, end)


def test_a_concept_of_a_note_is_one_candidate(tmp_path):
    order = {"medication": {"dose": {"text": "1 g", "start": 0, "end": 3, "value": 1, "unit": "g"}}}
    document = make_document(
        ("Chemical", {"text": "ASA", "concept": "1112807"}),
        ("Chemical", {"text": "aspirin", "concept": "1112807", **order}),
        ("Disease", {"text": "Gout"}),
        ("Disease", {"text": "gout"}),
        ("Disease", {"text": "fever"}),
    )
    rows, _ = write([document], tmp_path)
    assert [(row["drug_exposure_id"], row["sig"]) for row in rows["drug_exposure"]] == [("2", "1 g")]
    assert [row["condition_occurrence_id"] for row in rows["condition_occurrence"]] == ["3", "5"]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"person_id": None}, "the note has no patient"),
        ({"person_id": "A7"}, "the patient is no integer"),
        ({"note_date": None}, "the note has no date"),
        ({"note_date": "31.01.2026"}, "the note has no date"),
    ],
)
def test_what_lacks_a_required_column_is_left_out_and_counted(tmp_path, columns, reason):
    document = make_document(("Disease", {}), ("Chemical", {"text": "aspirin"}), columns=columns)
    rows, left_out = write([document], tmp_path)
    assert left_out == {f"no row in CONDITION_OCCURRENCE or DRUG_EXPOSURE: {reason}": 2}
    assert [len(rows[table]) for table in TABLES] == [2, 0, 0]


@pytest.mark.parametrize(
    ("vocabulary", "concept", "expected"),
    [
        (ATHENA, "320128", 320128),
        (ATHENA, "320128|201820", 320128),
        (ATHENA, "", 0),
        (ATHENA, "D006973", 0),
        (ATHENA, "9999999999", 0),
        (LinkedVocabulary(), "320128", 0),
        (LinkedVocabulary("https://www.nlm.nih.gov/mesh"), "320128", 0),
    ],
)
def test_concept_ids_are_those_of_an_athena_vocabulary(vocabulary, concept, expected):
    document = make_document(("Disease", {"concept": concept}))
    (row,) = OmopWriter(OPTIONS._replace(vocabulary=vocabulary)).prepare(document)
    assert (row["note_nlp_concept_id"], row["note_nlp_source_concept_id"]) == (expected, expected)


def test_an_order_has_a_modifier_for_each_attribute(components):
    document = annotated(components, "Metoprolol 25 mg PO BID, held", [(0, 10, "Chemical", "")])
    (row,) = OmopWriter(OPTIONS).prepare(document)
    modifiers = read_modifiers(row["term_modifiers"])
    assert "medication" not in modifiers
    assert modifiers["strength"] == {"text": "25 mg", "start": 11, "end": 16, "value": 25, "unit": "mg"}
    assert {name: modifiers[name]["text"] for name in ("route", "frequency", "action")} == {
        "route": "PO",
        "frequency": "BID",
        "action": "held",
    }


def test_a_long_taper_loses_its_steps_and_not_its_note(components):
    taper = ", then ".join(f"{dose} mg PO daily x 5 days" for dose in range(60, 10, -5))
    document = annotated(components, f"Prednisone {taper}", [(0, 10, "Chemical", "")])
    (row,) = OmopWriter(OPTIONS).prepare(document)
    modifiers = read_modifiers(row["term_modifiers"])
    assert modifiers["strength"]["text"] == "60 mg" and "steps" not in modifiers
    assert len(row["term_modifiers"]) <= 2000


def test_another_attribute_with_the_name_of_an_order_is_refused():
    order = {"medication": {"dose": {"text": "1 g", "start": 0, "end": 3}}, "dose": "SECRET"}
    with pytest.raises(ValueError, match="'dose' can't be written as OMOP, where") as caught:
        OmopWriter(OPTIONS).prepare(make_document(("Chemical", order)))
    assert "SECRET" not in str(caught.value)


def test_annotate_writes_a_folder_for_each_part_and_counts(tmp_path):
    make_context_pipeline().to_disk(tmp_path / "model")
    notes = tmp_path / "notes.jsonl"
    given = [
        {"id": "1", "text": "No gout. Takes aspirin.", "mrn": 5, "day": "2026-01-31"},
        {"id": "2", "text": "Has gout.", "mrn": 6, "day": "2026-01-30"},
        {"id": "3", "text": "Has gout, takes aspirin.", "mrn": 6},
    ]
    notes.write_text("".join(json.dumps(row) + "\n" for row in given))
    clinical = ClinicalOptions(omop_tables=True, person_column="mrn", date_column="day")
    options = AnnotateOptions(format="omop", part_size=1, clinical=clinical)
    summary = annotate(str(tmp_path / "model"), [str(notes)], tmp_path / "run", options)
    assert summary.left_out == {"no row in CONDITION_OCCURRENCE or DRUG_EXPOSURE: the note has no date": 2}
    parts = sorted((tmp_path / "run" / "parts").iterdir())
    assert [part.name for part in parts] == ["part-00000", "part-00001", "part-00002"]
    rows = {table: [row for part in parts for row in read_csv(part / f"{table}.csv")] for table in TABLES}
    assert [row["note_nlp_id"] for row in rows["note_nlp"]] == ["1", "2", "3", "4", "5"]
    assert [(row["drug_exposure_id"], row["person_id"]) for row in rows["drug_exposure"]] == [("2", "5")]
    assert [row["condition_occurrence_id"] for row in rows["condition_occurrence"]] == ["3"]
    # Run again, it finds the parts as they are.
    assert annotate(str(tmp_path / "model"), [str(notes)], tmp_path / "run", options).before == 3
