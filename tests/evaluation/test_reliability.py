"""The figures of calibration are those of the textbook."""

import numpy
import pytest

from scripts.evaluation.reliability import calibration_error, reliability, thresholds


def test_reliability_and_its_error() -> None:
    values = numpy.array([0.91, 0.93, 0.95, 0.97, 0.5, 1.0])
    right = numpy.array([True, True, True, False, False, True])
    bins = reliability(values, right)
    assert [(row["low"], row["high"], row["entities"]) for row in bins] == [(7 / 15, 8 / 15, 1), (13 / 15, 14 / 15, 2),
                                                                           (14 / 15, 1, 3)]  # fmt: skip
    assert [row["confidence"] for row in bins] == pytest.approx([0.5, 0.92, 2.92 / 3])
    assert [row["precision"] for row in bins] == pytest.approx([0, 1, 2 / 3])
    assert calibration_error(bins) == pytest.approx((0.5 + 2 * 0.08 + (2.92 - 2)) / 6)
    assert calibration_error([]) == 0


def test_thresholds() -> None:
    rows = thresholds(numpy.array([0.4, 0.65, 0.85]), numpy.array([False, True, True]), 4)
    found = [(row["threshold"], row["entities"], row["precision"], row["recall"]) for row in rows]
    assert found[0] == (0.0, 3, 2 / 3, 0.5)
    assert (0.6, 2, 1.0, 0.5) in found
    assert found[-1] == (0.99, 0, None, 0.0)
