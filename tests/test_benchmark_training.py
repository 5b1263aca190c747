"""Both ways of training run on the same batches, and are scored alike."""

from pathlib import Path

import pytest
import srsly

from scripts.benchmark_training import OURS, PLAIN, benchmark_training
from scripts.errors import ProjectError
from tests.conftest import CONFIG


def test_whole_run(project: Path, tmp_path: Path) -> None:
    config, encoder, corpus = (project / name for name in ("configs/ner.cfg", "tiny", "corpus"))
    output = tmp_path / "benchmark" / "training.json"
    figures = benchmark_training(config, encoder, corpus, output, heads=["token"], max_steps=100, command="-m x")
    assert srsly.read_json(output).keys() == figures.keys()
    assert list(figures["runs"]) == [OURS.format(head="token"), PLAIN]
    for run in figures["runs"].values():
        assert run["steps"] == 100
        assert run["f1"] == 1.0
    ours, plain = figures["runs"].values()
    assert figures["ratios"] == {OURS.format(head="token"): pytest.approx(ours["seconds"] / plain["seconds"])}
    assert figures["settings"]["optimizer"]["learn_rate"]["initial_rate"] == 0.005
    assert [path.name for path in output.parent.iterdir()] == ["training.json"]


def test_without_a_corpus(project: Path, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="spacy project run convert"):
        benchmark_training(CONFIG, project / "tiny", tmp_path, tmp_path / "training.json", max_steps=1)
    assert not (tmp_path / "training.json").exists()
