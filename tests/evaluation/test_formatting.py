"""Tables show percent with two decimals, and a dash where nothing is defined."""

import numpy as np
import pytest

from scripts.evaluation.formatting import format_interval, percent, show_scores
from scripts.evaluation.scoring import score


@pytest.mark.parametrize(("value", "shown"), [(None, "-"), (0.0, "0.00"), (0.802434, "80.24"), (1.0, "100.00")])
def test_percent(value: float | None, shown: str) -> None:
    assert percent(value) == shown


@pytest.mark.parametrize(("bounds", "shown"), [(None, "-"), ([0.5, 0.75], "50.00 to 75.00")])
def test_interval(bounds: list[float] | None, shown: str) -> None:
    assert format_interval(bounds) == shown


def test_averages_are_shown_for_several_labels_only(capsys: pytest.CaptureFixture) -> None:
    two = score(np.array([[[3, 1, 1], [0, 0, 2]]]), ["Chemical", "Disease"], seed=0)
    one = score(np.array([[[0, 0, 0]]]), ["Disease"], seed=0)
    show_scores({"ours": two, "theirs": one})
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row for row in rows if row[:1] in (["ours"], ["theirs"])] == [
        ["ours", "Chemical", "75.00", "75.00", "75.00", "75.00", "to", "75.00", "3", "1", "1"],
        ["ours", "Disease", "-", "0.00", "0.00", "0.00", "to", "0.00", "0", "0", "2"],
        ["ours", "micro", "75.00", "50.00", "60.00", "60.00", "to", "60.00", "3", "1", "3"],
        ["ours", "macro", "-", "37.50", "37.50", "37.50", "to", "37.50"],
        ["theirs", "Disease", "-", "-", "-", "-", "0", "0", "0"],
    ]
