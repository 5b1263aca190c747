"""Notes to correct come with the least sure ones first, and what people make of them is a corpus."""

import json

import pytest
from spacy.language import Language

from scripts.annotation import local_engine
from scripts.annotation.local_engine import annotate_locally
from scripts.annotation.options import AnnotateOptions
from scripts.annotation.readers import read_inputs
from scripts.corpora.reading import read_corpus_files
from scripts.formats.registry import DRAFT_FORMATS
from scripts.records.bigbio import document_id, document_text
from scripts.records.mentions import annotations
from scripts.records.notes import Note
from tests.annotation.pipelines import make_pipeline
from tests.corpora.samples import NOTES, OF_WORDS, SAMPLES, spaced, write_files
from tests.formats.reading_back import read_drafts

# By how sure the pipeline is of each gout in them: one less for each word before it.
TEXTS = {"sure": "gout", "none": "well", "least": "a a a a gout", "two": "a gout and gout", "less": "a a a gout"}
EXPECTED = ["least", "two", "less", "sure", "none"]


@Language.component("queue_tests_confidence", assigns=["span._.confidence"])
def set_confidence(doc):
    """Be less sure of a mention with each word before it."""
    for ent in doc.ents:
        ent._.confidence = 1 - ent.start / 10
    return doc


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "unsure"
    make_pipeline("annotate_tests_link", "queue_tests_confidence", "annotate_tests_attributes").to_disk(path)
    return str(path)


@pytest.fixture
def notes(tmp_path):
    path = tmp_path / "notes.jsonl"
    rows = [{"id": name, "text": text, "ward": "3B"} for name, text in TEXTS.items()]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


def run(model, notes, output, **options):
    options = {"by": "uncertainty", "part_size": 2, **options}
    return annotate_locally(model, [notes], output, AnnotateOptions(**options))


def queued(output, format):
    """Return the ids of a queue, in its order."""
    return [document.id for path in sorted(output.iterdir()) for document in read_drafts(path, format)]


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("format", DRAFT_FORMATS)
def test_the_least_sure_notes_are_the_first(tmp_path, model, notes, format):
    run(model, notes, tmp_path / "run", format=format)
    assert queued(tmp_path / "run" / "queue", format) == EXPECTED
    assert queued(tmp_path / "run" / "parts", format) == list(TEXTS)
    assert len(list((tmp_path / "run" / "queue").iterdir())) == 3
    run(model, notes, tmp_path / "again", format=format, processes=2)
    assert {name: content for name, content in files(tmp_path / "again").items() if "queue" in name} == {
        name: content for name, content in files(tmp_path / "run").items() if "queue" in name
    }


def test_a_finished_run_can_be_put_into_order_later_and_again(tmp_path, model, notes):
    run(model, notes, tmp_path / "run", format="prodigy", by="")
    assert not (tmp_path / "run" / "queue").exists()
    before = files(tmp_path / "run")
    for _ in range(2):
        summary = run(model, notes, tmp_path / "run", format="prodigy")
        assert (summary.notes, summary.before) == (5, 5)
        assert queued(tmp_path / "run" / "queue", "prodigy") == EXPECTED
    after = files(tmp_path / "run")
    assert {name: content for name, content in after.items() if "queue" not in name} == before


def test_a_run_that_is_killed_before_its_queue_makes_it_when_it_goes_on(tmp_path, model, notes, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(local_engine, "write_queue", stop)
        with pytest.raises(KeyboardInterrupt):
            run(model, notes, tmp_path / "run", format="doccano")
    run(model, notes, tmp_path / "run", format="doccano")
    assert queued(tmp_path / "run" / "queue", "doccano") == EXPECTED


def test_a_run_that_starts_over_leaves_no_old_queue(tmp_path, model, notes):
    run(model, notes, tmp_path / "run", format="prodigy")
    run(model, notes, tmp_path / "run", format="prodigy", by="", labels=("Disease",), overwrite=True)
    assert not (tmp_path / "run" / "queue").exists()


def test_corrected_notes_are_a_corpus(tmp_path, model, notes):
    run(model, notes, tmp_path / "run", format="prodigy", part_size=100)
    (path,) = (tmp_path / "run" / "queue").iterdir()
    tasks = [json.loads(line) for line in path.read_text().splitlines()]
    assert tasks[0]["meta"] == {
        "id": "least",
        "model": "en_pipeline 0.0.0",
        "least_confidence": 0.6,
        "context": "Disease 1: denied",
    }
    answers = ["accept", "accept", "reject", "accept"]
    for task, answer in zip(tasks, answers, strict=False):
        task["answer"] = answer
    tasks[0]["spans"] = []
    corrected = tmp_path / "corrected.jsonl"
    corrected.write_text("".join(f"{json.dumps(task)}\n" for task in tasks))
    corpus, report = read_corpus_files(corrected)
    records = {document_id(record): record for split in corpus.values() for record in split}
    # What the pipeline says besides is no gold: nobody could correct it.
    assert report["counts"] == {"drafted_attributes": 6, "tasks_with_answer_reject": 1, "uncorrected_drafts": 1}
    assert {name: document_text(record) for name, record in records.items()} == {
        name: TEXTS[name] for name in ("least", "two", "sure")
    }
    assert annotations(records["least"]) == []
    (entity,) = annotations(records["sure"])
    assert entity == {"id": "T1", "offsets": [[0, 4]], "text": ["gout"], "type": "Disease", "normalized": []}


@pytest.mark.parametrize("sample", ["conll", "docbin"])
def test_annotate_reads_the_texts_of_files_that_a_corpus_is_read_from(tmp_path, sample):
    folder = write_files(SAMPLES[sample](spaced(NOTES) if sample in OF_WORDS else NOTES), tmp_path)
    expected = spaced(NOTES) if sample in OF_WORDS else NOTES
    assert list(read_inputs([str(folder)])) == [Note(name, text, {}) for name, (text, _) in expected.items()]


@pytest.mark.parametrize(("name", "why"), [("a.spacy", "not a DocBin of spaCy"), ("a.conll", "line 1: 3 columns")])
def test_a_damaged_file_of_these_formats_is_rejected_without_its_text(tmp_path, name, why):
    (tmp_path / name).write_text("SECRET words here\nx\n" if name == "a.spacy" else "a b\nSECRET words here\n")
    (rejected,) = [note for note in read_inputs([str(tmp_path)]) if not isinstance(note, Note)]
    assert rejected.id == name
    assert why.replace("line 1", "line 2") in rejected.reason and "SECRET" not in rejected.reason
