"""annotate is measured from files to files; the soak kills runs, counts what they wrote, and fails if annotate does."""

from pathlib import Path

import pytest
import srsly

from scripts.annotate import annotate
from scripts.benchmarks.annotate import (
    benchmark_annotate,
    check_soak,
    count_output,
    run_killed,
    same_bytes,
    soak_annotate,
    write_notes,
)
from scripts.errors import ProjectError
from scripts.records.bigbio import write_records
from tests.annotation.pipelines import make_pipeline
from tests.marked import make_record

FINE = {
    "undisturbed": {"lost": 0, "doubled": 0},
    "killed": {"kills": 3, "same_bytes": True},
    "memory_ratio": 1.2,
}


@pytest.fixture
def model(tmp_path: Path) -> str:
    make_pipeline().to_disk(tmp_path / "model")
    return str(tmp_path / "model")


def test_benchmark(tmp_path: Path, model: str) -> None:
    records = [make_record("[Chemical Aspirin] works.", document_id=str(number)) for number in range(3)]
    write_records(records, tmp_path / "test.jsonl")
    benchmark_annotate(model, tmp_path / "test.jsonl", tmp_path / "annotate.json", rounds=1)
    figures = srsly.read_json(tmp_path / "annotate.json")
    assert figures["documents"] == 3
    assert list(figures["contenders"]) == ["nlp.pipe", "annotate", "annotate, 2 processes"]
    rates = {name: row["words_per_second"] for name, row in figures["contenders"].items()}
    ratio = figures["contenders"]["annotate"]["words_per_second_ratio"]
    assert ratio == pytest.approx(rates["annotate"] / rates["nlp.pipe"])


def test_soak(tmp_path: Path, model: str) -> None:
    soak_annotate(model, tmp_path / "soak.json", notes=60, kills=1, counts=(2, 9))
    figures = srsly.read_json(tmp_path / "soak.json")
    undisturbed = figures["undisturbed"]
    assert (undisturbed["notes"], undisturbed["parts"]) == (60, 1)
    assert (undisturbed["lost"], undisturbed["doubled"]) == (0, 0)
    assert undisturbed["words"] > 60 * 20
    assert figures["killed"]["same_bytes"] is True
    assert figures["memory_ratio"] == pytest.approx(figures["memory"]["9"] / figures["memory"]["2"])


def test_what_is_lost_or_doubled_is_counted(tmp_path: Path, model: str) -> None:
    notes = write_notes(["aspirin", "gout", "aspirin for gout"], tmp_path / "notes.jsonl")
    annotate(model, [str(notes)], tmp_path / "run")
    fine = {"notes": 3, "words": 5, "entities": 4, "parts": 1, "lost": 0, "doubled": 0}
    assert count_output(tmp_path / "run", 3) == fine
    (part,) = (tmp_path / "run" / "parts").iterdir()
    first, _, third = part.read_text().splitlines()
    part.write_text(f"{first}\n{third}\n{third}\n")
    assert count_output(tmp_path / "run", 3) == {**fine, "entities": 5, "lost": 1, "doubled": 1}


def test_runs_are_killed_and_go_on(tmp_path: Path, model: str) -> None:
    notes = write_notes(["aspirin", "gout"], tmp_path / "notes.jsonl")
    assert run_killed(model, notes, tmp_path / "run", [0.01, 0.02]) == 2
    assert count_output(tmp_path / "run", 2)["notes"] == 2
    run_killed(model, notes, tmp_path / "undisturbed", [])
    assert same_bytes(tmp_path / "run", tmp_path / "undisturbed")
    (tmp_path / "run" / "rejected.jsonl").write_text("{}")
    assert not same_bytes(tmp_path / "run", tmp_path / "undisturbed")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"undisturbed": {"lost": 1, "doubled": 0}}, "1 notes were lost and 0 doubled"),
        ({"undisturbed": {"lost": 0, "doubled": 2}}, "0 notes were lost and 2 doubled"),
        ({"killed": {"kills": 3, "same_bytes": False}}, "The output after 3 kills differs"),
        ({"memory_ratio": 1.3}, "need 1.30 times the memory"),
    ],
)
def test_what_is_broken_is_an_error(change: dict, message: str) -> None:
    check_soak(FINE)
    with pytest.raises(ProjectError, match=message):
        check_soak(FINE | change)


def test_soak_without_a_pipeline(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="exit code 1"):
        soak_annotate(str(tmp_path / "nothing"), tmp_path / "soak.json", notes=1)
    assert not (tmp_path / "soak.json").exists()
