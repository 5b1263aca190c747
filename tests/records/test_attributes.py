"""Attributes and sections of records are read exactly; what was not annotated is absent."""

import pytest

from scripts.errors import ProjectError
from scripts.records.attributes import read_attributes, write_attributes
from scripts.records.bigbio import read_records, write_records
from scripts.records.checks import check_record
from scripts.records.sections import Section, gold_sections, section_at, trim_title
from tests.marked import make_record

LABELS = {"Disease": "Disease"}
SECTION = {"category": "history", "title": [0, 2], "body": [4, 8]}


def test_attributes_come_back_with_their_types():
    values = {"is_negated": True, "dose": {"value": 81.5, "unit": "mg"}, "n": 0, "is_family": False}
    assert read_attributes({"attributes": write_attributes({**values, "unknown": None})}) == values
    assert read_attributes({}) == {}


def test_optional_fields_are_kept_where_they_are_and_absent_where_not(tmp_path):
    plain, annotated = (
        make_record("Hx: [Disease gout]", document_id="1"),
        make_record("Hx: [Disease gout]", document_id="2"),
    )
    annotated["passages"][0]["entities"][0]["attributes"] = write_attributes({"is_negated": False})
    annotated["passages"][0]["sections"] = [SECTION]
    write_records([plain, annotated], tmp_path / "test.jsonl")
    assert read_records(tmp_path / "test.jsonl") == [plain, annotated]
    assert gold_sections(plain) is None
    assert gold_sections(annotated) == [Section("history", (0, 2), (4, 8))]


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ([{"name": "is negated", "value": "true"}], "'is negated' is there twice, or is no name"),
        ([{"name": "x", "value": "1"}, {"name": "x", "value": "1"}], "'x' is there twice"),
        ([{"name": "x", "value": "SECRET"}], "The value of the attribute 'x' is not JSON"),
    ],
)
def test_malformed_attributes_are_refused_and_not_quoted(attributes, message):
    record = make_record("[Disease gout]")
    record["passages"][0]["entities"][0]["attributes"] = attributes
    with pytest.raises(ProjectError, match=message) as error:
        check_record(record, LABELS)
    assert "entity '1_0_0'" in str(error.value)
    assert "SECRET" not in str(error.value)


@pytest.mark.parametrize(("field", "offsets"), [("title", [0, 9]), ("body", [3]), ("body", [5, 4])])
def test_sections_outside_the_text_are_refused(field, offsets):
    record = make_record("Hx: gout")
    record["passages"][0]["sections"] = [SECTION, {**SECTION, field: offsets}]
    with pytest.raises(ProjectError, match=f"section 2 has the {field} "):
        check_record(record, LABELS)


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("PMH:", "PMH"),
        ("## Past history", "Past history"),
        ("**Allergies:**", "Allergies"),
        ("3. FAMILY HISTORY -", "FAMILY HISTORY"),
        ("IV) Plan", "Plan"),
        ("S>", "S"),
        ("24h events (HD 2):", "24h events (HD 2"),
        ("***", "***"),
    ],
)
def test_titles_are_trimmed(heading, title):
    start, end = trim_title(f"x\n{heading}\ny", 2, 2 + len(heading))
    assert f"x\n{heading}\ny"[start:end] == title


@pytest.mark.parametrize(("offset", "category"), [(3, None), (4, "history"), (7, "history"), (8, None)])
def test_the_section_of_a_character(offset, category):
    assert section_at([Section("history", (0, 2), (4, 8))], offset) == category
