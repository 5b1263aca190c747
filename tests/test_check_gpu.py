"""The steps of check-gpu on a CPU: it agrees with itself, and a pipeline that differs fails."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
import torch
from typer.testing import CliRunner

from scripts import check_gpu as command
from scripts.check_gpu import Options, Report, check_gpu, run_step
from scripts.gpu_check import checks, material, measurements
from scripts.gpu_check.checks import (
    Check,
    check_gradients,
    compare_gradients,
    compare_mentions,
    compare_scores,
    encoder_model,
    find_mentions,
    load_for_gradients,
)
from scripts.gpu_check.material import Notes, make_material, make_random_encoder, make_silent_pipeline
from scripts.gpu_check.measurements import CONTENDERS, measure
from tests.encoders import TINY

CPU = -1


def run_here(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function in this process."""
    return function(*args)


@pytest.fixture
def small(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The small project's records in place of generated notes, and its config, by which a tiny encoder learns them."""

    def copy_records(output: Path, **_: Any) -> None:
        shutil.copytree(project / "records", output)

    monkeypatch.setattr(material, "generate_notes", copy_records)
    for module in (checks, material):
        monkeypatch.setattr(module, "CONFIG", project / "configs" / "ner.cfg")
    return project


def test_cpu_agrees_with_itself(small: Path, tmp_path: Path) -> None:
    options = Options(gpu_id=CPU, steps=40, rounds=1, shape=TINY, run=run_here)
    report = check_gpu(small / "tiny", tmp_path / "gpu", options)
    assert report.passed
    names = [
        *(f"{what}, {head} head" for head in ("transition", "token") for what in ("F1 on dev", "same mentions")),
        "relative error of gradients in mixed precision",
    ]
    assert [(check.name, check.value) for check in report.checks] == list(
        zip(names, (0.0, 1.0, 0.0, 1.0, 0.0), strict=True)
    )
    assert report.checks[1].details["mentions"] == 20
    written = srsly.read_json(tmp_path / "gpu" / "cpu.json")
    assert written["passed"] is True and written["device"] == {"name": "CPU"}
    assert written["checks"] == [check._asdict() for check in report.checks]
    measured = {(row["encoder"], row["contender"], row["precision"]) for row in written["measurements"]}
    assert measured == {
        (encoder, contender, precision)
        for encoder in ("MiniLM", "BERT-base, random weights")
        for contender in CONTENDERS
        for precision in ("fp32", "mixed")
    }
    assert all(row["words_per_second"] > 0 and row["memory_mib"] > 0 for row in written["measurements"])


def test_other_mentions_fail(small: Path, trained: Path, tmp_path: Path) -> None:
    expected = find_mentions(str(trained), small / "records" / "test.jsonl", CPU)
    assert compare_mentions("same", expected, expected) == Check(
        "same", 1.0, "at least 0.999", True, {"documents": 10, "mentions": 20, "different": 0}
    )
    make_silent_pipeline(small / "tiny", small / "corpus", tmp_path / "silent", seed=0)
    silent = find_mentions(str(tmp_path / "silent"), small / "records" / "test.jsonl", CPU)
    assert compare_mentions("same", expected, silent)[1:4] == (0.0, "at least 0.999", False)
    # Without mentions nothing has been compared.
    assert compare_mentions("same", silent, silent)[1:4] == (0.0, "at least 0.999", False)


@pytest.mark.parametrize(("different", "passed"), [(0, True), (1, True), (2, False)])
def test_one_mention_in_a_thousand_may_differ(different: int, passed: bool) -> None:
    expected = {"1": {(start, start + 1, "Disease") for start in range(1000)}}
    found = {"1": {mention for mention in expected["1"] if mention[0] >= different}}
    assert compare_mentions("same", expected, found).passed is passed


def test_other_gradients_fail(small: Path, trained: Path) -> None:
    records = small / "records" / "dev.jsonl"
    assert check_gradients("same", str(trained), records, CPU).value == 0
    plain, other = (load_for_gradients(str(trained), mixed_precision=False) for _ in range(2))
    # As if gradients were scaled and not unscaled by a few percent.
    encoder_model(other).shim._model.embeddings.LayerNorm.weight.register_hook(lambda gradient: 1.5 * gradient)
    check = compare_gradients("same", plain, other, ["aspirin caused gout in 3 rats."])
    assert not check.passed and check.value is not None and check.value > 0.01


def test_gradients_that_overflow_are_an_error(trained: Path) -> None:
    nlp = load_for_gradients(str(trained), mixed_precision=False)
    encoder_model(nlp).transformer.embeddings.LayerNorm.weight.register_hook(lambda gradient: gradient * float("inf"))
    with pytest.raises(ValueError, match="The gradient has infinite values with 16384 wordpieces at once"):
        compare_gradients("same", nlp, nlp, ["aspirin caused gout in 3 rats."])


@pytest.mark.parametrize(("cpu", "gpu", "passed"), [(0.6, 0.64, True), (0.64, 0.6, True), (0.6, 0.54, False)])
def test_scores_may_differ_by_five_points(cpu: float, gpu: float, passed: bool) -> None:
    check = compare_scores("F1", cpu, gpu)
    assert check.passed is passed
    assert check.details == {"f1_cpu": cpu, "f1_gpu": gpu}


def test_failing_step_is_a_result_and_others_are_run() -> None:
    report = Report()

    def fail() -> None:
        raise RuntimeError("CUDA error: out of memory")

    run_step("Training", fail, report)
    run_step("Gradients", lambda: report.checks.append(Check("gradients", 0.0, "at most 1", True, {})), report)
    assert report.checks[0] == Check(
        "Training", None, "no error", False, {"error": "RuntimeError: CUDA error: out of memory"}
    )
    assert report.checks[1].passed and not report.passed
    assert not Report().passed


def test_material_is_made_of_generated_notes(project: Path, tmp_path: Path) -> None:
    made = make_material(project / "tiny", tmp_path, notes=Notes(2, 1, 1), seed=0, shape=TINY)
    assert len(list(srsly.read_jsonl(made.records / "train.jsonl"))) == 2
    assert (made.corpus / "dev.spacy").is_file()
    nlp = spacy.load(made.base)
    assert encoder_model(nlp).transformer.config.hidden_size == TINY["hidden_size"]
    assert not nlp("aspirin caused gout in 3 rats.").ents


def test_random_encoder_has_the_shape_of_bert_base(project: Path, tmp_path: Path) -> None:
    make_random_encoder(project / "tiny", tmp_path / "base")
    config = srsly.read_json(tmp_path / "base" / "config.json")
    shape = ("num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size", "max_position_embeddings")
    assert [config[key] for key in shape] == [12, 768, 12, 3072, 512]


def test_contenders_find_the_same(small: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = measure(str(trained), small / "records" / "test.jsonl", False, 2, CPU)
    assert [row["contender"] for row in rows] == list(CONTENDERS)
    assert all(len(row["seconds"]) == 2 for row in rows)
    monkeypatch.setattr(measurements, "time_once", lambda run: 2.0)
    words = 70
    for row in measure(str(trained), small / "records" / "test.jsonl", True, 1, CPU):
        assert row["words_per_second"] == words / 2 and row["precision"] == "mixed"


def test_without_a_gpu_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    app = command.typer.Typer()
    app.command()(command.check_gpu_cli)
    result = CliRunner().invoke(app, [str(tmp_path / "encoder"), str(tmp_path / "gpu")])
    assert result.exit_code == 1
    assert "There is no GPU 0" in result.output and "--gpu-id -1" not in result.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("passed", "exit_code"), [(True, 0), (False, 1)])
def test_exit_code_tells_whether_all_passed(monkeypatch: pytest.MonkeyPatch, passed: bool, exit_code: int) -> None:
    check = Check("same mentions", 0.5, "at least 0.999", passed, {})
    monkeypatch.setattr(command, "check_gpu", lambda *_: Report([check]))
    app = command.typer.Typer()
    app.command()(command.check_gpu_cli)
    result = CliRunner().invoke(app, ["encoder", "gpu"])
    assert result.exit_code == exit_code
    assert ("1 of 1 checks failed: same mentions" in result.output) is not passed
