"""The hand-written notes as a corpus."""

from pathlib import Path

from scripts.convert import convert
from scripts.records.bigbio import document_text, read_corpus
from scripts.records.mentions import DEFAULT_LABELS, parse_labels
from tests.clinical_ner.notes.records import write_notes
from tests.clinical_ner.notes.test_notes import NOTES


def test_notes_are_a_corpus(tmp_path: Path) -> None:
    write_notes(tmp_path / "records")
    records = read_corpus(tmp_path / "records")["test"]
    assert [document_text(record) for record in records] == [note.text for note in NOTES]
    report = convert(tmp_path / "records", tmp_path / "corpus", labels=parse_labels(DEFAULT_LABELS))
    assert report["test"]["mentions"] == sum(len(note.mentions) for note in NOTES)
    first = records[0]["passages"][0]["entities"]
    assert [{each["name"]: each["value"] for each in entity["attributes"]}["is_negated"] for entity in first[:4]] == [
        "false",
        "false",
        "false",
        "true",
    ]
