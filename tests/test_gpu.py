"""A GPU that is not there is refused, one that is there is used."""

import pytest
import torch

from scripts import gpu
from scripts.errors import ProjectError


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Two GPUs as PyTorch would report them, and the list of those that were made current."""
    used: list[int] = []
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(gpu, "has_cupy", True)
    monkeypatch.setattr(gpu, "set_gpu_allocator", lambda name: None)
    monkeypatch.setattr(gpu, "require_gpu", used.append)
    return used


def test_gpu_that_is_there_is_used(used: list[int]) -> None:
    gpu.use_gpu(1)
    assert used == [1]


def test_cpu_needs_nothing(used: list[int]) -> None:
    gpu.use_gpu(-1)
    assert used == []


def test_gpu_that_is_not_there(used: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ProjectError, match=r"There is no GPU 2\. There are 2, numbered from 0.*gpu_id -1"):
        gpu.use_gpu(2)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ProjectError, match=r"There is no GPU 0\. PyTorch finds none"):
        gpu.use_gpu(0)
    assert used == []


def test_gpu_without_cupy(used: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "has_cupy", False)
    with pytest.raises(ProjectError, match="spaCy needs CuPy"):
        gpu.use_gpu(0)
    assert used == []
