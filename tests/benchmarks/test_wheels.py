"""Wheels are measured in processes that know nothing of this project, beside plain spacy-transformers."""

from pathlib import Path
from zipfile import ZipFile

import pytest
import srsly

from scripts.benchmarks.wheels import PLAIN, benchmark_wheels, run_processes, save_plain, unpack
from scripts.errors import ProjectError
from scripts.records.bigbio import write_records
from scripts.train import TrainOptions, train
from tests.marked import make_record
from tests.wheels import make_wheel

# A package that spaCy loads as a pipeline, and that finds gout, in a process without this project.
STUB = """
import sys
from pathlib import Path
import spacy

def load(**kwargs):
    assert not [name for name in sys.modules if name.partition(".")[0] in ("scripts", "harness", "annotate")]
    assert not [path for path in sys.path if (Path(path) / "scripts").exists() or (Path(path) / "harness.py").exists()]
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Disease", "pattern": "{word}"}])
    return nlp
"""


def make_stub(path: Path, word: str) -> Path:
    path.parent.mkdir()
    with ZipFile(path, "w") as wheel:
        wheel.writestr("en_stub/__init__.py", STUB.replace("{word}", word))
        wheel.writestr("en_stub-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: en_stub\nVersion: 1.0\n")
    return path


@pytest.fixture
def records(tmp_path: Path) -> Path:
    records = [make_record("[Chemical aspirin] caused [Disease gout].", document_id=str(number)) for number in range(5)]
    write_records(records, tmp_path / "test.jsonl")
    return tmp_path / "test.jsonl"


def test_wheels_of_one_name_do_not_meet(tmp_path: Path) -> None:
    srsly.write_json(tmp_path / "texts.json", ["gout and gout, but aspirin"] * 130)
    wheels = {word: make_stub(tmp_path / word / "en_stub-1.0-py3-none-any.whl", word) for word in ("gout", "aspirin")}
    starts = {word: (unpack(wheel, tmp_path / f"{word}_code"), ("en_stub",)) for word, wheel in wheels.items()}
    figures = run_processes(starts, tmp_path / "texts.json", 130)
    assert {word: row["entities"] for word, row in figures.items()} == {"gout": 260, "aspirin": 130}
    for row in figures.values():
        assert row["cold_start"] > row["seconds"] > 0
        assert 30 < row["memory"] < 1000


@pytest.fixture(scope="module")
def models(project: Path, trained: Path) -> dict[str, Path]:
    """A pipeline with each head."""
    config, encoder, corpus = (project / name for name in ("configs/ner.cfg", "tiny", "corpus"))
    options = TrainOptions(100, head="transition")
    return {"token": trained, "transition": train(config, encoder, corpus, project / "transition", options)}


@pytest.mark.parametrize(("head", "precisions"), [("transition", ["fp32"]), ("token", ["fp32", "int8"])])
def test_whole_run(
    head: str, precisions: list[str], models: dict[str, Path], project: Path, records: Path, tmp_path: Path
) -> None:
    wheels = [make_wheel(project, models[head], tmp_path / each, precision=each) for each in precisions]
    benchmark_wheels(wheels, records, tmp_path / "wheels.json", rounds=1)
    rows = srsly.read_json(tmp_path / "wheels.json")["contenders"]
    assert list(rows) == [*map(str, wheels), PLAIN]
    # With the same weights and a text that is one window for all, nothing but the way there differs.
    assert {row["entities"] for row in rows.values()} == {10}
    assert all(row[f"{figure}_ratio"] > 0 for row in rows.values() for figure in ("cold_start", "memory"))
    assert "cold start, of the first's" in (tmp_path / "wheels.md").read_text(encoding="utf8")


def test_plain_needs_no_code_of_this_project(models: dict[str, Path], tmp_path: Path) -> None:
    assert save_plain(models["transition"], tmp_path / "plain") == (str(tmp_path / "plain"),)
    saved = srsly.read_json(tmp_path / "plain" / "meta.json")
    assert saved["pipeline"] == ["transformer", "ner"]
    assert "clinical" not in (tmp_path / "plain" / "config.cfg").read_text(encoding="utf8")


def test_what_is_no_wheel(records: Path, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="is not a wheel"):
        benchmark_wheels([records], records, tmp_path / "wheels.json")


def test_a_pipeline_that_cannot_be_loaded(tmp_path: Path) -> None:
    srsly.write_json(tmp_path / "texts.json", [])
    with pytest.raises(ProjectError, match="could not be loaded"):
        run_processes({"nothing": (tmp_path, ("nothing",))}, tmp_path / "texts.json", 0)
