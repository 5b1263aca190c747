"""The plots' scales by hand, and drawings that hold their figures as text, escaped."""

from typing import Any
from xml.etree import ElementTree

import pytest

from scripts.reporting.plots import Axis, draw_bars, plot_curves, plot_precision_recall, to_round

ROW = {
    "precision": 0.9,
    "recall": 0.8,
    "f1": 0.847059,
    "intervals": {"precision": [0.7, 0.95], "recall": [0.7, 0.95]},
}
UNDEFINED = {"precision": None, "recall": 0.0, "f1": 0.0, "intervals": {"precision": None, "recall": [0.0, 0.0]}}


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (70, 100, [70, 80, 90, 100]),
        (85, 100, [85, 90, 95, 100]),
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, 0.003, [0, 0.001, 0.002, 0.003]),
        (0, 1600, [0, 500, 1000, 1500]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert Axis(low, high, 0, 1).ticks() == expected


def test_axis_maps_values_to_places() -> None:
    axis = Axis(50, 100, 200, 100)
    assert [axis.at(value) for value in (50, 75, 100)] == [200, 150, 100]


@pytest.mark.parametrize(("value", "expected"), [(14300, 15000), (100, 100), (0.9, 1.0), (7, 8)])
def test_scale_ends_at_a_round_value(value: float, expected: float) -> None:
    assert to_round(value) == pytest.approx(expected)


def scores_of(rows: dict[str, dict[str, Any]], peers: dict[str, dict] | None = None) -> dict[str, Any]:
    return {"run": "mine", "labels": list(rows), "scores": rows, "peers": peers or {}}


def test_undefined_points_are_in_the_table_and_not_in_the_drawing() -> None:
    plot = plot_precision_recall(scores_of({"Chemical": ROW, "Disease": UNDEFINED}))
    assert plot.table.rows == [
        ("mine, Chemical", "90.00 (70.00 to 95.00)", "80.00 (70.00 to 95.00)"),
        ("mine, Disease", "-", "0.00 (0.00 to 0.00)"),
    ]
    texts = [element.text for element in ElementTree.fromstring(plot.svg).iter("text")]
    assert "mine, Chemical" in texts
    assert "mine, Disease" not in texts


def test_systems_put_together_are_not_drawn_twice() -> None:
    peer = {**ROW, "precision": 0.5}
    plot = plot_precision_recall(scores_of({"Chemical": ROW}, {"A": {"Chemical": peer}, "A + B": {"Chemical": peer}}))
    assert [name for name, *_ in plot.table.rows] == ["mine, Chemical", "A, Chemical"]


def test_nothing_defined_is_still_a_drawing() -> None:
    plot = plot_precision_recall(scores_of({"Disease": UNDEFINED}))
    assert not list(ElementTree.fromstring(plot.svg).iter("circle"))


def test_bars_are_as_long_as_their_values_and_labels_are_escaped() -> None:
    drawing = draw_bars(
        "bars", "Title", "What is seen", {"<b>": [(10, "ten"), (5, "five"), (None, "-")], "none": [(0, "0")]}
    )
    assert "&lt;b&gt;" in drawing
    root = ElementTree.fromstring(drawing)
    assert root.attrib["role"] == "img"
    assert [root.find(tag).text for tag in ("title", "desc")] == ["Title", "What is seen"]
    lengths = [float(bar.attrib["width"]) for bar in root.iter("rect")]
    assert lengths == [lengths[0], lengths[0] / 2, 0, 0]
    assert lengths[0] > 0


def test_curves_skip_what_is_undefined() -> None:
    plot = plot_curves(
        "curves",
        "Title",
        "%",
        {"recall": [(0, 0.0), (50, 61.25)], "precision": [(0, float("nan")), (50, 70.0)], "F1": []},
    )
    assert plot.table.header == ("Step", "recall", "precision")
    assert plot.table.rows == [("0", "0.00", "-"), ("50", "61.25", "70.00")]
    assert plot_curves("curves", "Title", "%", {"F1": []}) is None
