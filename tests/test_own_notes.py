"""The whole story on generated notes: pre-annotate notes of another style, correct them, train on, compare.

It needs the quickstart's wheel, which .ci/run has built before the tests; with a tiny pipeline there is nothing to see.
"""

import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import srsly
from faker import Faker

from scripts.catalog.corpora import choose_labels
from scripts.compare import compare
from scripts.evaluation.splits import Split
from scripts.generate_notes import generate_note, split_records, to_record
from scripts.records.bigbio import Record, document_id, document_text
from scripts.records.mentions import flat_mentions
from scripts.synthetic.templates import NOTE_TYPES, read_layouts, read_values
from scripts.synthetic.terms import read_terms

ROOT = Path(__file__).parents[1]
WHEELS = sorted((ROOT / "packages" / "synthetic_minilm").glob("*/dist/*.whl"))
LABELS = choose_labels("", "own_notes")
# How long training on may take on two cores. Processor time is counted, because other tests run at the same time.
SECONDS, CORES = 180, 2
CORRECTED, HELD_OUT = 40, 60


def notes_of_another_style(count: int) -> list[Record]:
    """Return notes in the wording of the test split, which no training has seen, with the names of the training split.

    The notes that are held out have other names, so that whatever gets better is the style.
    """
    values, fake = read_values(), Faker("en_US")
    terms = [term for term in read_terms() if term.split == "train"]
    layouts = read_layouts("test", values)
    records = []
    for number in range(count):
        note_type, identifier = NOTE_TYPES[number % len(NOTE_TYPES)], f"own-{number:02}"
        fake.seed_instance(identifier)
        note = generate_note(layouts[note_type], terms, values, fake)
        records.append(to_record(note, document_id=identifier, note_type=note_type))
    return records


def task(record: Record, draft: dict[str, Any]) -> dict[str, Any]:
    """Return a draft as Prodigy exports it once a person has corrected it: right spans stay as they are."""
    drafted = {(span["start"], span["end"], span["label"]): span for span in draft.get("spans", [])}
    keys = [(mention.start, mention.end, mention.label) for mention in flat_mentions(record, LABELS)]
    spans = [drafted.get(key, dict(zip(("start", "end", "label"), key, strict=True))) for key in keys]
    new = {"text": document_text(record), "meta": {"id": document_id(record)}}
    return {**new, **draft, "spans": spans, "answer": "accept", "_view_id": "ner_manual"}


def run(folder: Path, *command: str) -> None:
    """Run a command of the project in a folder."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def processor_seconds() -> float:
    """Return the processor time of the commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.fixture
def hospital(tmp_path: Path) -> Path:
    """A checkout with what the quickstart has left, and 40 notes to correct."""
    for name in ("configs", "project.yml", "scripts", "assets/encoders", "assets/synthetic", "corpus/synthetic"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / name)
    rows = [{"id": document_id(record), "text": document_text(record)} for record in notes_of_another_style(CORRECTED)]
    srsly.write_jsonl(tmp_path / "notes.jsonl", rows)
    return tmp_path


@pytest.mark.skipif(not WHEELS, reason="needs the quickstart's wheel: run make quickstart")
@pytest.mark.timeout(900)
def test_a_wheel_learns_the_style_of_a_hospital_from_forty_corrected_notes(hospital: Path) -> None:
    wheel = str(WHEELS[-1])
    run(hospital, "scripts.annotate", wheel, "notes.jsonl", "drafts", "--format", "prodigy", "--by", "uncertainty")
    drafts = [row for path in sorted((hospital / "drafts/queue").iterdir()) for row in srsly.read_jsonl(path)]
    records = {document_id(record): record for record in notes_of_another_style(CORRECTED)}
    assert sorted(draft["meta"]["id"] for draft in drafts) == sorted(records)
    corrected = [task(records[draft["meta"]["id"]], draft) for draft in drafts]
    assert sum(before["spans"] != after["spans"] for before, after in zip(drafts, corrected, strict=True)) > 10
    held_out = [task(record, {}) for record in split_records("test", seed=0, count=HELD_OUT)]
    for split, tasks in {"train": corrected, "test": held_out}.items():
        (hospital / "own" / split).mkdir(parents=True)
        srsly.write_jsonl(hospital / "own" / split / "db-out.jsonl", tasks)

    own = ("--vars.profile", "own_notes")
    run(hospital, "spacy", "project", "run", "fetch-corpus", ".", *own, "--vars.corpus_source", "own")
    run(hospital, "spacy", "project", "run", "convert", ".", *own)
    report = srsly.read_json(hospital / "corpus/own_notes/report.json")
    assert [report[split]["documents"] for split in ("train", "dev", "test")] == [34, 6, HELD_OUT]

    started = processor_seconds()
    base = ("--vars.base", wheel, "--vars.base_corpus", "corpus/synthetic")
    run(hospital, "spacy", "project", "run", "train", ".", *own, "--vars.encoder", "minilm", *base)
    assert processor_seconds() - started < CORES * SECONDS

    pipelines = [wheel, str(hospital / "training/own_notes_minilm/model-best")]
    scores = {}
    for name, split in {"own_notes": "test", "synthetic": "dev"}.items():
        documents = Split(hospital / "assets" / name, hospital / "corpus" / name, LABELS, split)
        tables = compare(pipelines, split=documents)["scores"].values()
        scores[name] = [table["micro"]["f1"] for table in tables]
    before, after = scores["own_notes"]
    assert after > before
    before, after = scores["synthetic"]
    assert after >= before - 0.02
