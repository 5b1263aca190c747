"""The soak kills runs, counts what they wrote, and fails where annotate lost or changed something."""

from pathlib import Path

import pytest
import srsly

from scripts import soak_annotate as command
from scripts.annotate import annotate
from scripts.bench_annotate import write_notes
from scripts.errors import ProjectError
from scripts.soak_annotate import check, run_killed, same_bytes, soak_annotate, take_stock
from tests.annotation.pipelines import make_pipeline

FINE = {
    "undisturbed": {"lost": 0, "doubled": 0},
    "killed": {"kills": 3, "same_bytes": True},
    "memory_ratio": 1.2,
}


@pytest.fixture
def model(tmp_path: Path) -> str:
    make_pipeline().to_disk(tmp_path / "model")
    return str(tmp_path / "model")


def test_figures_are_written(tmp_path: Path, model: str) -> None:
    output = tmp_path / "soak.json"
    figures = soak_annotate(model, output, notes=60, kills=1, counts=(2, 9))
    undisturbed = figures["undisturbed"]
    assert (undisturbed["notes"], undisturbed["parts"]) == (60, 1)
    assert (undisturbed["lost"], undisturbed["doubled"]) == (0, 0)
    assert undisturbed["words"] > 60 * 20
    assert figures["killed"]["same_bytes"] is True
    assert figures["memory_ratio"] == pytest.approx(figures["memory"]["9"] / figures["memory"]["2"])
    assert srsly.read_json(output).keys() == figures.keys()


def test_what_is_lost_or_doubled_is_counted(tmp_path: Path, model: str) -> None:
    notes = write_notes(["aspirin", "gout", "aspirin for gout"], tmp_path / "notes.jsonl")
    annotate(model, [str(notes)], tmp_path / "run")
    fine = {"notes": 3, "words": 5, "entities": 4, "parts": 1, "lost": 0, "doubled": 0}
    assert take_stock(tmp_path / "run", 3) == fine
    (part,) = (tmp_path / "run" / "parts").iterdir()
    first, _, third = part.read_text().splitlines()
    part.write_text(f"{first}\n{third}\n{third}\n")
    assert take_stock(tmp_path / "run", 3) == {**fine, "entities": 5, "lost": 1, "doubled": 1}


def test_runs_are_killed_and_go_on(tmp_path: Path, model: str) -> None:
    notes = write_notes(["aspirin", "gout"], tmp_path / "notes.jsonl")
    assert run_killed(model, notes, tmp_path / "run", [0.01, 0.02]) == 2
    assert take_stock(tmp_path / "run", 2)["notes"] == 2
    run_killed(model, notes, tmp_path / "undisturbed", [])
    assert same_bytes(tmp_path / "run", tmp_path / "undisturbed")
    (tmp_path / "run" / "rejected.jsonl").write_text("{}")
    assert not same_bytes(tmp_path / "run", tmp_path / "undisturbed")


@pytest.mark.parametrize(
    ("kind", "change", "message"),
    [
        ("undisturbed", {"lost": 1}, "1 notes were lost and 0 doubled"),
        ("undisturbed", {"doubled": 2}, "0 notes were lost and 2 doubled"),
        ("killed", {"same_bytes": False}, "After 3 kills the parts are others"),
    ],
)
def test_what_is_broken_is_an_error(kind: str, change: dict, message: str) -> None:
    check(FINE)
    with pytest.raises(ProjectError, match=message):
        check(FINE | {kind: FINE[kind] | change})


def test_memory_that_grows_is_an_error() -> None:
    with pytest.raises(ProjectError, match="The many tiny notes take"):
        check(FINE | {"memory_ratio": 1.3})


def test_without_a_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "LOOK_EVERY", 0.01)
    with pytest.raises(ProjectError, match="exit code 1"):
        soak_annotate(str(tmp_path / "nothing"), tmp_path / "soak.json", notes=1)
    assert not (tmp_path / "soak.json").exists()
