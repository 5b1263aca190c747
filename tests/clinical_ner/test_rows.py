"""Rows are grouped by length within the limits of the encoder's device."""

import numpy
import pytest
import torch

from scripts.clinical_ner.encoder.rows import CPU_LIMITS, GPU_LIMITS, GroupLimits, Row, group_by_length, limits_for


def group_lengths(lengths: list[int], limits: GroupLimits) -> list[list[int]]:
    rows = [Row(numpy.zeros(length, dtype="i8"), *[numpy.zeros(0, dtype="i8")] * 2) for length in lengths]
    return [[len(row.ids) for row in group] for group in group_by_length(rows, limits)]


@pytest.mark.parametrize(
    ("lengths", "wordpieces", "padding", "groups"),
    [
        ([10, 100, 95, 94], 1000, 0.05, [[100, 95], [94], [10]]),
        ([10, 100, 50, 49], 1000, 0.5, [[100, 50], [49], [10]]),
        ([50, 50, 50, 49], 150, 0.05, [[50, 50, 50], [49]]),
        ([512], 100, 0.05, [[512]]),
        ([], 100, 0.05, []),
    ],
)
def test_rows_are_grouped_with_little_padding(
    lengths: list[int], wordpieces: int, padding: float, groups: list[list[int]]
) -> None:
    assert group_lengths(lengths, GroupLimits(wordpieces, padding)) == groups


def test_limits_fit_the_device() -> None:
    assert limits_for(torch.device("cpu")) == CPU_LIMITS
    assert limits_for(torch.device("cuda", 1)) == GPU_LIMITS
    # Three documents of a training batch are one group on a GPU.
    assert group_lengths([310, 290, 180], GPU_LIMITS) == [[310, 290, 180]]
    assert len(group_lengths([310, 290, 180], CPU_LIMITS)) == 3
