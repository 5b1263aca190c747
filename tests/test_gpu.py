"""A GPU that is not there is refused, one that is there is used."""

import re
from pathlib import Path

import pytest
import torch

from scripts import gpu
from scripts.errors import ProjectError

ROOT = Path(__file__).parents[1]
# The CUDA that torch's build on PyPI requires, by torch's version.
CUDA_OF_TORCH = {"2.13": "13"}


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[int | str]:
    """Two GPUs as PyTorch would report them, and the list of what was done with them, in order."""
    used: list[int | str] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(gpu, "has_cupy", True)
    monkeypatch.setattr(gpu, "has_cupy_gpu", True)
    monkeypatch.setattr(gpu, "set_gpu_allocator", used.append)
    monkeypatch.setattr(gpu, "require_gpu", used.append)
    return used


def test_gpu_that_is_there_is_used_as_often_as_asked_for(used: list[int | str]) -> None:
    gpu.use_gpu(1)
    gpu.use_gpu(1)
    # In this order: thinc ignores the allocator while its device is the CPU.
    assert used == [1, "pytorch", 1, "pytorch"]


def test_cpu_needs_nothing(used: list[int | str]) -> None:
    gpu.use_gpu(-1)
    assert used == []


def test_gpu_that_is_not_there(used: list[int | str], monkeypatch: pytest.MonkeyPatch) -> None:
    advice = r".*give --gpu-id -1\.$"
    with pytest.raises(ProjectError, match=r"There is no GPU 2\. There are 2, numbered from 0\." + advice):
        gpu.use_gpu(2)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(
        ProjectError, match=r"no GPU 0\. PyTorch, built for CUDA 13\.0, finds none on this machine" + advice
    ):
        gpu.use_gpu(0)
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(ProjectError, match=r"no GPU 0\. This PyTorch is built for the CPU only\." + advice):
        gpu.use_gpu(0)
    with pytest.raises(ProjectError, match=r"no GPU 0\. .*--vars\.gpu_id -1 to `spacy project run`, or --gpu-id -1"):
        gpu.use_gpu(0, advice=gpu.ON_CPU_IN_PROJECT)
    assert used == []


@pytest.mark.parametrize(
    ("lacking", "message"),
    [
        ("has_cupy", "spaCy needs CuPy .* not installed .*pip install -r requirements-gpu.txt"),
        ("has_cupy_gpu", r"PyTorch, built for CUDA 13\.0, finds the GPU, and CuPy .* does not.*requirements-gpu.txt"),
    ],
)
def test_gpu_without_cupy(used: list[int | str], monkeypatch: pytest.MonkeyPatch, lacking: str, message: str) -> None:
    monkeypatch.setattr(gpu, lacking, False)
    with pytest.raises(ProjectError, match=message):
        gpu.use_gpu(0)
    assert used == []


def test_cupy_is_built_for_the_cuda_of_the_pinned_torch() -> None:
    """A new torch in constraints.txt may bring another CUDA: look it up, and add it here."""
    torch_version = re.search(r"^torch==(\d+\.\d+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    cupy = re.search(r"^cupy-cuda(\d+)x", (ROOT / "requirements-gpu.txt").read_text(), re.MULTILINE)
    assert torch_version and cupy
    assert cupy[1] == CUDA_OF_TORCH[torch_version[1]]
