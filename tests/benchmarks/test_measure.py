"""What is counted and timed is what went through the encoder; memory is that of a new process."""

import time
from multiprocessing import get_start_method
from pathlib import Path

import numpy
import pytest
import torch

from scripts.benchmarks import measure
from scripts.benchmarks.contenders import OURS
from scripts.benchmarks.measure import (
    PROC,
    forget_peak,
    in_new_process,
    most_memory,
    peak_memory,
    time_note,
    time_run,
)


class Encoder(torch.nn.Module):
    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        time.sleep(0.02)
        return input_ids


IDS = torch.zeros((2, 5), dtype=torch.int64)
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])


@pytest.mark.parametrize(
    ("args", "kwargs", "read"),
    [
        ((IDS,), {}, 10),
        ((IDS, MASK), {}, 7),
        ((IDS,), {"attention_mask": MASK.float()}, 7),
        ((), {"input_ids": IDS, "attention_mask": MASK}, 7),
    ],
)
def test_what_goes_through_the_encoder_is_counted(args: tuple, kwargs: dict, read: int) -> None:
    encoder = Encoder()

    def run() -> None:
        for _ in range(3):
            encoder(*args, **kwargs)
        time.sleep(0.05)

    counted = time_run(encoder, run)
    assert (counted["rows"], counted["read"], counted["computed"]) == (6, 3 * read, 30)
    assert counted["encoder_seconds"] >= 0.06
    assert counted["seconds"] >= counted["encoder_seconds"] + 0.05
    assert not encoder._forward_hooks and not encoder._forward_pre_hooks


def test_a_failed_run_leaves_no_hooks() -> None:
    encoder = Encoder()
    with pytest.raises(ZeroDivisionError):
        time_run(encoder, lambda: 1 / 0)
    assert not encoder._forward_hooks and not encoder._forward_pre_hooks


def test_the_note_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "REPETITIONS", 5)
    given = []
    assert time_note(lambda texts: lambda: given.append(texts), "a note") < 0.1
    assert given == [["a note"]] * 5


@pytest.mark.skipif(not PROC.is_dir(), reason="needs /proc")
def test_the_peak_of_memory_is_forgotten() -> None:
    forget_peak()
    before = most_memory()
    numpy.ones(400_000_000 // 8)
    assert before + 350 < most_memory() < before + 450
    forget_peak()
    assert most_memory() < before + 100


def test_memory_is_that_of_a_process_of_its_own(trained: Path) -> None:
    numpy.ones(int(1.5e9) // 8)
    memory = peak_memory(str(trained), OURS, ["aspirin caused gout"] * 3, threads=1)
    assert 100 < memory["loaded"] <= memory["peak"] < 1500


def start_method() -> str:
    return get_start_method()


def test_a_new_process_starts_others_as_this_one_does() -> None:
    assert in_new_process(start_method) == get_start_method()
