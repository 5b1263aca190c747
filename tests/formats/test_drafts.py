"""Notes that a pipeline has annotated can be corrected in three tools, and are read back with all that was known."""

import json
from dataclasses import replace

import pytest
from hypothesis import given

from scripts.annotation.queue import write_queue
from scripts.formats.registry import DRAFT_FORMATS, WRITERS
from scripts.formats.writing import WriteOptions
from scripts.generate_notes import split_records
from scripts.records.bigbio import document_id, document_text
from scripts.records.documents import Document, Passage
from scripts.records.mentions import DEFAULT_LABELS, flat_mentions, parse_labels
from tests.formats.documents import documents, make_document
from tests.formats.reading_back import read_drafts

OPTIONS = WriteOptions(system="en_test 1.0")
NOTE = make_document(
    "No aspirin for gout.",
    [(1, 2, "Chemical", 0.5, "D001241"), (3, 4, "Disease", None, "")],
    identifier="17",
    columns={"ward": "3B"},
    attributes=[{"is_negated": True, "dose": {"value": 81}}, {}],
)


def write(notes, folder, format):
    writer = WRITERS[format](OPTIONS)
    path = folder / f"part{writer.suffix}"
    writer.write([writer.prepare(note) for note in notes], path)
    return path


def facts(note):
    return note.id, note.text, note.mentions, dict(note.columns)


def generated_notes(number):
    """Return generated notes with gold mentions as a pipeline would find them, with confidences."""
    notes = []
    for record in split_records("test", seed=0, count=number):
        mentions = flat_mentions(record, parse_labels(DEFAULT_LABELS))
        sure = [replace(mention, confidence=(mention.start * 7919 % 1000) / 1000) for mention in mentions]
        notes.append(Document(document_id(record), (Passage("note", document_text(record)),), tuple(sure)))
    return notes


@pytest.mark.parametrize("format", DRAFT_FORMATS)
@given(notes=documents())
def test_nothing_is_lost_between_writing_and_reading(tmp_path_factory, format, notes):
    found = read_drafts(write(notes, tmp_path_factory.mktemp("drafts"), format), format)
    assert list(map(facts, found)) == list(map(facts, notes))
    assert all(document.is_draft for document in found) or format == "doccano"


@pytest.mark.parametrize("format", DRAFT_FORMATS)
def test_generated_notes_are_read_back_whole(tmp_path, format):
    notes = generated_notes(20)
    assert sum(len(note.mentions) for note in notes) > 200
    assert any(mention.attributes for note in notes for mention in note.mentions)
    assert list(map(facts, read_drafts(write(notes, tmp_path, format), format))) == list(map(facts, notes))


def test_prodigy_as_written(tmp_path):
    assert json.loads(write([NOTE], tmp_path, "prodigy").read_text()) == {
        "text": "No aspirin for gout.",
        "spans": [
            {
                "start": 3,
                "end": 10,
                "label": "Chemical",
                "text": "aspirin",
                "score": 0.5,
                "kb_id": "D001241",
                "attributes": {"is_negated": True, "dose": {"value": 81}},
            },
            {"start": 15, "end": 19, "label": "Disease", "text": "gout"},
        ],
        "meta": {
            "id": "17",
            "model": "en_test 1.0",
            "least_confidence": 0.5,
            "context": "Chemical 1: denied, D001241",
        },
        "columns": {"ward": "3B"},
    }


def test_doccano_as_written(tmp_path):
    assert json.loads(write([NOTE], tmp_path, "doccano").read_text()) == {
        "text": "No aspirin for gout.",
        "label": [[3, 10, "Chemical"], [15, 19, "Disease"]],
        "note_id": "17",
        "model": "en_test 1.0",
        "mentions": [
            {
                "start": 3,
                "end": 10,
                "label": "Chemical",
                "score": 0.5,
                "kb_id": "D001241",
                "attributes": {"is_negated": True, "dose": {"value": 81}},
            },
            {"start": 15, "end": 19, "label": "Disease"},
        ],
        "least_confidence": 0.5,
        "columns": {"ward": "3B"},
    }


def test_label_studio_as_written(tmp_path):
    assert json.loads(write([NOTE], tmp_path, "labelstudio").read_text()) == [
        {
            "data": {"text": "No aspirin for gout.", "note_id": "17", "columns": {"ward": "3B"}},
            "predictions": [
                {
                    "model_version": "en_test 1.0",
                    "score": 0.5,
                    "result": [
                        {
                            "id": "m1",
                            "from_name": "label",
                            "to_name": "text",
                            "type": "labels",
                            "value": {"start": 3, "end": 10, "text": "aspirin", "labels": ["Chemical"]},
                            "score": 0.5,
                            "meta": {
                                "text": ["denied", "D001241"],
                                "kb_id": "D001241",
                                "attributes": {"is_negated": True, "dose": {"value": 81}},
                            },
                        },
                        {
                            "id": "m2",
                            "from_name": "label",
                            "to_name": "text",
                            "type": "labels",
                            "value": {"start": 15, "end": 19, "text": "gout", "labels": ["Disease"]},
                        },
                    ],
                }
            ],
        }
    ]


def test_a_corrected_mention_of_doccano_loses_what_was_said_of_the_old_one(tmp_path):
    path = write([NOTE], tmp_path, "doccano")
    row = json.loads(path.read_text())
    row["label"] = [[0, 10, "Chemical"], [15, 19, "Disease"]]
    path.write_text(json.dumps(row))
    (document,) = read_drafts(path, "doccano")
    assert [(m.start, m.end, m.concept, m.confidence, dict(m.attributes)) for m in document.mentions] == [
        (0, 10, "", None, {}),
        (15, 19, "", None, {}),
    ]


def sure(identifier, *confidences):
    """Return a note of gouts that were found with confidences."""
    ents = [(number, number + 1, "Disease", confidence, "") for number, confidence in enumerate(confidences)]
    return make_document(" ".join(["gout"] * len(confidences)) or "well", ents, identifier=identifier)


QUEUED = [
    sure("none"),
    sure("0.9", 0.9),
    sure("0.2", 0.9, 0.2),
    sure("0.2 twice", 0.2, 0.2),
    sure("unknown", None),
    sure("0.5", 0.5),
    sure("0.2 again", 0.9, 0.2),
]


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize("part", [1, 2, 100])
@pytest.mark.parametrize("format", DRAFT_FORMATS)
def test_the_least_sure_notes_come_first_in_however_many_files(tmp_path, format, part, size):
    writer = WRITERS[format](OPTIONS)
    (tmp_path / "parts").mkdir()
    names = []
    for start in range(0, len(QUEUED), part):
        names.append(f"part-{len(names):05}{writer.suffix}")
        writer.write(list(map(writer.prepare, QUEUED[start : start + part])), tmp_path / "parts" / names[-1])
    files = sorted(write_queue(tmp_path, names, writer, size=size).iterdir())
    found = [[document.id for document in read_drafts(file, format)] for file in files]
    assert [name for names in found for name in names] == [
        "0.2 twice",
        "0.2",
        "0.2 again",
        "0.5",
        "0.9",
        "none",
        "unknown",
    ]
    assert len(found) == -(-len(QUEUED) // size) and all(len(names) <= size for names in found)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert facts(read_drafts(files[0], format)[0]) == facts(QUEUED[3])
