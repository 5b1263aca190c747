"""All ways of computing the encoder give nearly its vectors, and the best one is chosen by speed and F1."""

from pathlib import Path
from typing import Any

import pytest
import srsly
import torch
from transformers import AutoModel, PreTrainedModel

from scripts import benchmark_precision as module
from scripts.benchmark_precision import benchmark_precision, check_peers, choose, summarize
from scripts.benchmarks.precisions import CONTENDERS, FP32, INT8
from scripts.errors import ProjectError
from tests.conftest import LABELS

EXACT = {FP32, "ONNX Runtime fp32", "OpenVINO fp32"}


@pytest.fixture(scope="module")
def encoder(project: Path) -> PreTrainedModel:
    return AutoModel.from_pretrained(project / "tiny").eval()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the ONNX files are; the contenders share them."""
    return tmp_path_factory.mktemp("onnx")


@pytest.mark.parametrize("name", CONTENDERS)
def test_contender_gives_nearly_the_encoders_vectors(name: str, encoder: PreTrainedModel, folder: Path) -> None:
    contender = CONTENDERS[name](encoder, folder).eval()
    ids, mask = torch.tensor([[2, 5, 6, 7, 3], [2, 8, 3, 0, 0]]), torch.tensor([[1.0] * 5, [1.0] * 3 + [0.0] * 2])
    with torch.no_grad():
        expected, found = (
            model(input_ids=ids, attention_mask=mask).last_hidden_state[mask.bool()] for model in (encoder, contender)
        )
    error = float((found - expected).norm() / expected.norm())
    low, high = (0, 1e-5) if name in EXACT else (1e-5, 0.05)
    assert low <= error < high


def test_whole_run(project: Path, trained: Path, tmp_path: Path) -> None:
    records = project / "records"
    figures = benchmark_precision(
        str(trained),
        records / "dev.jsonl",
        records / "test.jsonl",
        tmp_path,
        labels=LABELS,
        rounds=2,
        documents=5,
        threads=1,
        command="python -m x",
    )
    assert srsly.read_json(tmp_path / "precision.json").keys() == figures.keys()
    assert figures["documents"] == {"dev": 5, "test": 5}
    assert list(figures["dev"]) == list(CONTENDERS) and list(figures["test"]) == [FP32, INT8]
    for row in (*figures["dev"].values(), *figures["test"].values()):
        assert row["f1"] == 1.0 and len(row["seconds"]) == 2
    assert {"onnxruntime", "openvino", "torch"} <= figures["machine"]["versions"].keys()
    page = (tmp_path / "precision.md").read_text(encoding="utf8")
    assert "`python -m x`" in page and all(page.count(f"| {name} |") == 1 for name in set(CONTENDERS) - {FP32, INT8})
    assert all(page.count(f"| {name} |") == 2 for name in (FP32, INT8))


def test_figures() -> None:
    rows = summarize({FP32: [2.0, 4.0, 3.0], "other": [1.0, 1.0, 2.0]}, {FP32: 0.8, "other": 0.79}, 900)
    assert rows["other"] == {
        "words_per_second": 225.0,
        "of_fp32": 2.0,
        "f1": 0.79,
        "f1_lost": pytest.approx(0.01),
        "seconds": [1.0, 1.0, 2.0],
    }
    assert (rows[FP32]["of_fp32"], rows[FP32]["f1_lost"]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("others", "best"),
    [
        ({"a": (1.4, 0.003), "b": (1.7, 0.004)}, "a"),
        ({"a": (1.2, 0.0), "b": (1.3, -0.001)}, "b"),
        ({"a": (1.1, 0.0), "b": (1.7, 0.02)}, None),
    ],
)
def test_choice(others: dict[str, tuple[float, float]], best: str | None) -> None:
    rows: dict[str, dict[str, Any]] = {
        name: {"of_fp32": ratio, "f1_lost": lost} for name, (ratio, lost) in {FP32: (1.0, 0.0), **others}.items()
    }
    assert choose(rows) == best


def test_missing_libraries_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PEERS", ("onnx", "not_there"))
    with pytest.raises(ProjectError, match=r"Not installed: not_there\. Run: pip install -r requirements-precision"):
        check_peers()
