"""The report's plots as inline SVG, each with a description and a table of its figures.

The page sets the colours: an element of class "series-N" has the colour of that series, all others that of the text.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup

from scripts.evaluation.formatting import percent
from scripts.reporting.score_tables import Table, error_table, plain, shown_rows, whole, with_interval

# In units of the drawing, which are slightly smaller than a pixel on a phone.
WIDTH = 420
LINE = 18
BAR = 14
LEFT = 48
COLOURS = 6
# The style of a standalone file.
ALONE = (
    "svg { background: #fff; color: #333 } text { font: 12px sans-serif; fill: #333 } .grid { stroke: #ccc }"
    " .open { fill: #fff } .series-0 { color: #b35900 } .series-1 { color: #0059b3 }"
)
DASHES = ("none", "6 3", "2 3", "8 3 2 3")

Element = ElementTree.Element


@dataclass(frozen=True)
class Plot:
    """A plot with its description and its figures.

    name (str): its id on the page.
    title (str): what it shows.
    description (str): what can be seen in it.
    svg (Markup): the drawing.
    table (Table): its figures.
    """

    name: str
    title: str
    description: str
    svg: Markup
    table: Table


@dataclass(frozen=True)
class Axis:
    """A range of values and the range of the drawing that it is mapped to.

    low (float): the lowest value.
    high (float): the highest value, above the lowest.
    start (float): the coordinate of the lowest value.
    end (float): the coordinate of the highest value.
    """

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the coordinate of a value."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return about five round values."""
        rough = (self.high - self.low) / 5
        power = 10 ** floor(log10(rough))
        step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return [round(number * step, 10) for number in range(first, last + 1)]


def to_round(value: float) -> float:
    """Return the next round value, at which a scale from zero ends."""
    step = Axis(0, value, 0, 1).ticks()[1]
    return ceil(value / step - 1e-9) * step


def add(parent: Element, tag: str, text: str = "", **attributes: Any) -> Element:
    """Add an element. Underscores in attribute names become hyphens, a trailing one is removed."""
    named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    element = ElementTree.SubElement(
        parent, tag, {name: f"{value:.1f}" if isinstance(value, float) else str(value) for name, value in named.items()}
    )
    element.text = text or None
    return element


def drawing(name: str, title: str, description: str, height: float) -> Element:
    """Create a drawing that a screen reader announces by its title and description."""
    attributes = {"role": "img", "aria-labelledby": f"{name}-title {name}-desc", "viewBox": f"0 0 {WIDTH} {height:.0f}"}
    svg = Element("svg", attributes)
    add(svg, "title", title, id=f"{name}-title")
    add(svg, "desc", description, id=f"{name}-desc")
    return svg


def to_markup(svg: Element) -> Markup:
    """Return the drawing as escaped text."""
    return Markup(ElementTree.tostring(svg, encoding="unicode"))


def series(number: int) -> str:
    """Return the class that has the colour of a series."""
    return f"series-{number % COLOURS}"


def draw_axes(svg: Element, across: Axis, up: Axis, titles: tuple[str, str]) -> None:
    """Draw a grid with its values and the titles of the axes."""
    for value in across.ticks():
        x = across.at(value)
        add(svg, "line", class_="grid", x1=x, x2=x, y1=up.start, y2=up.end)
        add(svg, "text", f"{value:g}", x=x, y=up.start + 16, text_anchor="middle")
    for value in up.ticks():
        y = up.at(value)
        add(svg, "line", class_="grid", x1=across.start, x2=across.end, y1=y, y2=y)
        add(svg, "text", f"{value:g}", x=across.start - 6, y=y + 4, text_anchor="end")
    add(svg, "text", titles[0], x=(across.start + across.end) / 2, y=up.start + 34, text_anchor="middle")
    add(svg, "text", titles[1], x=4, y=up.end - 10)


def draw_marker(parent: Element, shape: int, x: float, y: float) -> None:
    """Draw a point: filled for the run, an open shape for the others."""
    if shape == 0:
        add(parent, "circle", cx=x, cy=y, r=5, fill="currentColor")
        return
    corners = {
        1: [(0, -6), (6, 0), (0, 6), (-6, 0)],
        2: [(0, -6), (6, 5), (-6, 5)],
        0: [(-5, -5), (5, -5), (5, 5), (-5, 5)],
    }[shape % 3]
    points = " ".join(f"{x + right:.1f},{y + down:.1f}" for right, down in corners)
    add(parent, "polygon", class_="open", points=points, stroke="currentColor", stroke_width=2)


def plot_precision_recall(scores: dict[str, Any]) -> Plot:
    """Plot precision over recall by label with 95% intervals, for the run and the published systems."""
    points = find_points(scores)
    title = "Precision and recall by label"
    rows = [(f"{system}, {label}", with_interval(row, "precision"), with_interval(row, "recall"))
            for system, label, _, row in points]  # fmt: skip
    drawn = [point for point in points if None not in (point[3]["precision"], point[3]["recall"])]
    described = "; ".join(f"{name}: precision {precision}, recall {recall}" for name, precision, recall in rows)
    top = 24 + 4 + 300
    svg = drawing("precision-recall", title, f"With 95% intervals. {described}.", top + 44 + LINE * len(drawn))
    edges = [bound for *_, row in drawn for measure in ("precision", "recall") for bound in bounds_of(row, measure)]
    lowest = max(0, floor(min(edges, default=0) * 10 - 0.2) * 10)
    across, up = Axis(lowest, 100, LEFT, WIDTH - 12), Axis(lowest, 100, top, 28)
    draw_axes(svg, across, up, ("Recall, %", "Precision, %"))
    shapes = {system: number for number, system in enumerate(dict.fromkeys(point[0] for point in points))}
    for number, (system, label, colour, row) in enumerate(drawn):
        group = add(svg, "g", class_=series(colour))
        x, y = across.at(100 * row["recall"]), up.at(100 * row["precision"])
        left, right = (across.at(100 * bound) for bound in bounds_of(row, "recall"))
        low, high = (up.at(100 * bound) for bound in bounds_of(row, "precision"))
        add(group, "line", x1=left, x2=right, y1=y, y2=y, stroke="currentColor", stroke_width=2)
        add(group, "line", x1=x, x2=x, y1=low, y2=high, stroke="currentColor", stroke_width=2)
        draw_marker(group, shapes[system], x, y)
        draw_marker(group, shapes[system], LEFT + 6.0, top + 56.0 + LINE * number)
        add(svg, "text", f"{system}, {label}", x=LEFT + 20, y=top + 60 + LINE * number)
    return Plot(
        "precision-recall", title, described, to_markup(svg), Table(title, ("Point", "Precision", "Recall"), rows)
    )


def find_points(scores: dict[str, Any]) -> list[tuple[str, str, int, dict[str, Any]]]:
    """Return system, label, the label's number and scores of each point, without duplicates from unions of systems."""
    points: dict[tuple[str, float | None, float | None], tuple[str, str, int, dict[str, Any]]] = {}
    for system, table in {scores["run"]: scores["scores"], **scores["peers"]}.items():
        for number, label in enumerate(scores["labels"]):
            if label in table:
                row = table[label]
                points.setdefault((label, row["precision"], row["recall"]), (system, label, number, row))
    return list(points.values())


def bounds_of(row: dict[str, Any], measure: str) -> list[float]:
    """Return a measure's interval or, without one, the measure itself."""
    return row["intervals"][measure] or [row[measure]] * 2


def draw_bars(name: str, title: str, description: str, groups: dict[str, list[tuple[float | None, str]]]) -> Markup:
    """Draw horizontal bars in groups, each with its figure.

    name (str): the drawing's id.
    title (str): its title.
    description (str): what can be seen in it.
    groups (dict[str, list]): by group, value and text of each bar; the first bars of all groups share a colour.
    RETURNS (Markup): the drawing.
    """
    height = sum(LINE + len(bars) * (BAR + 5) + 8 for bars in groups.values())
    svg = drawing(name, title, description, height)
    highest = max((value or 0 for bars in groups.values() for value, _ in bars), default=0) or 1
    across, y = Axis(0, highest, 0, WIDTH - 190), 0.0
    for group, bars in groups.items():
        add(svg, "text", group, class_="strong", x=0, y=y + 13)
        y += LINE
        for number, (value, text) in enumerate(bars):
            length = across.at(value or 0)
            add(svg, "rect", class_=series(number), x=0, y=y, width=length, height=BAR, fill="currentColor")
            add(svg, "text", text, x=length + 6, y=y + 12)
            y += BAR + 5
        y += 8
    return to_markup(svg)


def plot_classes(scores: dict[str, Any]) -> Plot:
    """Plot the number of errors by class and label."""
    table = error_table(scores, "by_class", "class")
    groups = {
        plain(name): [(counts[label], f"{whole(counts[label])} {label}") for label in scores["labels"]]
        for name, counts in scores["errors"]["by_class"].items()
    }
    described = "; ".join(f"{name}: {', '.join(text for _, text in bars)}" for name, bars in groups.items())
    svg = draw_bars("error-classes", table.title, f"{described}.", groups)
    return Plot("error-classes", table.title, described, svg, table)


def plot_training(scores: dict[str, Any]) -> Plot | None:
    """Plot F1 on mentions with names that occur in the training split, and on the others."""
    parts = {part["part"]: part["scores"] for part in scores["slices"] if part["group"] == "training"}
    if not parts:
        return None
    rows, groups = [], {}
    for name in shown_rows(scores["scores"]):
        if name != "macro":
            found = [(part, table[name]) for part, table in sorted(parts.items())]
            groups[name] = [(row["f1"], f"{percent(row['f1'])} {part}") for part, row in found]
            rows += [(f"{name}, {part}", whole(row["tp"] + row["fn"]), percent(row["f1"])) for part, row in found]
    title = "F1 on names seen in training and unseen ones"
    described = "; ".join(f"{name}: {', '.join(text for _, text in bars)}" for name, bars in groups.items())
    svg = draw_bars("seen-unseen", title, f"{described}.", groups)
    return Plot("seen-unseen", title, described, svg, Table(title, ("Label and part", "Mentions", "F1"), rows))


def plot_learning(scores: dict[str, Any]) -> list[Plot]:
    """Plot scores on dev and losses over the training steps, if there is a training log."""
    log = scores["learning"]
    if not log:
        return []
    names = {"precision": "precision", "recall": "recall", "f1": "F1"}
    curves = {
        name: [(row["step"], 100 * row[measure]) for row in log if row[measure] is not None]
        for measure, name in names.items()
    }
    losses = {key: [(row["step"], row["losses"][key]) for row in log] for key in log[0]["losses"]}
    plots = [
        plot_curves("learning-scores", "Scores on dev by training step", "%", curves, highest=100),
        plot_curves("learning-losses", "Loss since the last evaluation, by training step", "Loss", losses),
    ]
    return [plot for plot in plots if plot]


def plot_curves(
    name: str, title: str, unit: str, curves: dict[str, list[tuple[int, float]]], *, highest: float = 0
) -> Plot | None:
    """Plot values over steps.

    name (str): the plot's id.
    title (str): its title.
    unit (str): the unit of the values.
    curves (dict[str, list]): step and value of each point, by curve.
    highest (float): the end of the scale; 0 for the next round number above the highest value.
    RETURNS (Plot | None): None if there is nothing to plot.
    """
    # A loss can be NaN, in mixed precision for instance.
    finite = {curve: [point for point in points if isfinite(point[1])] for curve, points in curves.items()}
    curves = {curve: points for curve, points in finite.items() if points}
    if not curves:
        return None
    steps = sorted({step for points in curves.values() for step, _ in points})
    high = highest or to_round(max(value for points in curves.values() for _, value in points) or 1)
    described = "; ".join(
        f"{curve}: {points[0][1]:.2f} at step {points[0][0]}, {points[-1][1]:.2f} at step {points[-1][0]}"
        for curve, points in curves.items()
    )
    svg = drawing(name, title, f"{described}.", 272 + LINE * len(curves))
    across, up = Axis(0, max(*steps, 1), LEFT + 6, WIDTH - 16), Axis(0, high, 220, 28)
    draw_axes(svg, across, up, ("Step", unit))
    for number, (curve, points) in enumerate(curves.items()):
        style: dict[str, Any] = {
            "fill": "none",
            "stroke": "currentColor",
            "stroke_width": 2,
            "stroke_dasharray": DASHES[number % 4],
        }
        group = add(svg, "g", class_=series(number))
        add(group, "polyline", points=" ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in points), **style)
        if len(points) == 1:
            draw_marker(group, 0, across.at(points[0][0]), up.at(points[0][1]))
        y = 282.0 + LINE * (number - 0.5)
        add(group, "line", x1=LEFT + 6, x2=LEFT + 34, y1=y, y2=y, **style)
        add(svg, "text", curve, x=LEFT + 42, y=y + 4)
    values = [{step: f"{value:.2f}" for step, value in points} for points in curves.values()]
    rows = [(whole(step), *(points.get(step, "-") for points in values)) for step in steps]
    return Plot(name, title, described, to_markup(svg), Table(title, ("Step", *curves), rows))


def plot_reliability(scores: dict[str, Any]) -> Plot | None:
    """Plot precision over confidence, if the pipeline gives one."""
    confidence = scores.get("confidence")
    if not confidence:
        return None
    described = f"Expected calibration error {confidence['calibration_error']:.4f}"
    rows = [
        (
            f"{row['low']:.2f} to {row['high']:.2f}",
            whole(row["entities"]),
            f"{row['confidence']:.3f}",
            percent(row["precision"]),
        )
        for row in confidence["reliability"]
    ]
    return Plot(
        "reliability",
        "Precision by confidence",
        described,
        draw_reliability({described: confidence["reliability"]}),
        Table("Precision by confidence", ("Confidence", "Entities", "Mean confidence", "Precision"), rows),
    )


def draw_reliability(series_bins: dict[str, list[dict[str, Any]]], *, alone: bool = False) -> Markup:
    """Draw precision over confidence, with the diagonal on which they are equal.

    series_bins (dict[str, list[dict]]): the bins of `reliability` by the text that describes them.
    alone (bool): whether the drawing is a standalone file, which has its own colours.
    RETURNS (Markup): the drawing.
    """
    height = 296 + LINE * len(series_bins)
    svg = drawing("reliability", "Precision by confidence", f"{'; '.join(series_bins)}.", height)
    if alone:
        svg.set("xmlns", "http://www.w3.org/2000/svg")
        add(svg, "style", ALONE)
    across, up = Axis(0, 1, LEFT, WIDTH - 12), Axis(0, 1, 250, 28)
    draw_axes(svg, across, up, ("Confidence", "Precision"))
    ends: dict[str, Any] = {"x1": across.start, "x2": across.end, "y1": up.start, "y2": up.end}
    add(svg, "line", **ends, stroke="currentColor", stroke_dasharray=DASHES[2])
    for number, (said, bins) in enumerate(series_bins.items()):
        group = add(svg, "g", class_=series(number))
        points = [(across.at(row["confidence"]), up.at(row["precision"])) for row in bins]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        add(group, "polyline", points=line, fill="none", stroke="currentColor", stroke_width=2)
        for x, y in points:
            draw_marker(group, number, x, y)
        legend = 298 + LINE * number
        draw_marker(group, number, LEFT + 8, legend)
        add(svg, "text", said, x=LEFT + 20, y=legend + 4)
    return to_markup(svg)


def draw_plots(scores: dict[str, Any]) -> list[Plot]:
    """Return the plots for which a run has figures."""
    plots: Iterable[Plot | None] = (
        plot_precision_recall(scores),
        plot_classes(scores),
        plot_training(scores),
        plot_reliability(scores),
        *plot_learning(scores),
    )
    return [plot for plot in plots if plot]
