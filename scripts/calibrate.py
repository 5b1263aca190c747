"""Make a pipeline's confidences mean what they say: fit a temperature on dev, and show on test what it changed.

In: a pipeline with the token head, and corpus/<profile>/{dev,test}.spacy. Out: metrics/<run>/calibration.json, .md and
.svg; and the calibrated pipeline, where a folder for it is given. `train` has fitted the same temperature already.
"""

import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import numpy
import srsly
import typer
from thinc.types import Floats1d
from wasabi import msg

from scripts.confidence import Judged, confidences, find_head, fit_temperature, judge, read_gold
from scripts.errors import shown_to_user
from scripts.evaluation.tables import percent
from scripts.files import moved_into_place
from scripts.gpu import use_gpu
from scripts.pipelines import load_pipeline
from scripts.reporting.plots import Axis, add, draw_axes, drawing, to_markup
from scripts.runtime.token_classifier import TokenClassifier

# As in Guo et al., On calibration of modern neural networks, ICML 2017.
BINS = 15
THRESHOLDS = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


def reliability(values: Floats1d, right: numpy.ndarray) -> list[dict[str, Any]]:
    """Compare confidence and precision, by confidence.

    values (Floats1d): the entities' confidences.
    right (numpy.ndarray): bool, whether each is right.
    RETURNS (list[dict]): for each of the bins that holds entities: low, high, entities, confidence, precision.
    """
    places = numpy.minimum((values * BINS).astype(int), BINS - 1)
    return [
        {
            "low": place / BINS,
            "high": (place + 1) / BINS,
            "entities": int((places == place).sum()),
            "confidence": float(values[places == place].mean()),
            "precision": float(right[places == place].mean()),
        }
        for place in sorted(set(places.tolist()))
    ]


def calibration_error(bins: Iterable[dict[str, Any]]) -> float:
    """Give the expected calibration error: the mean distance of confidence and precision, by entities."""
    bins = list(bins)
    distance = sum(row["entities"] * abs(row["confidence"] - row["precision"]) for row in bins)
    return distance / max(sum(row["entities"] for row in bins), 1)


def thresholds(values: Floats1d, right: numpy.ndarray, mentions: int) -> list[dict[str, Any]]:
    """Tell what is left when entities below a confidence are dropped.

    values (Floats1d): the entities' confidences.
    right (numpy.ndarray): bool, whether each is right.
    mentions (int): how many gold mentions there are.
    RETURNS (list[dict]): threshold, entities, precision, recall; precision is None where nothing is left.
    """
    kept = [(threshold, values >= threshold) for threshold in THRESHOLDS]
    return [
        {
            "threshold": threshold,
            "entities": int(keep.sum()),
            "precision": float(right[keep].mean()) if keep.any() else None,
            "recall": float(right[keep].sum() / mentions) if mentions else None,
        }
        for threshold, keep in kept
    ]


def describe(head: TokenClassifier, judged: Judged) -> dict[str, Any]:
    """Give the calibration of a head on a split, without a temperature and with its own."""
    values, right = confidences(head, judged, head.temperature)
    states = {"before": confidences(head, judged, 1.0), "after": (values, right)}
    bins = {state: reliability(*pair) for state, pair in states.items()}
    return {
        "mentions": judged.mentions,
        "entities": len(values),
        "calibration_error": {state: calibration_error(rows) for state, rows in bins.items()},
        "reliability": bins,
        "thresholds": thresholds(values, right, judged.mentions),
    }


def calibrate(
    model: str, corpus: Path, metrics: Path, *, output: Path | None = None, gpu_id: int = -1, command: str = ""
) -> dict[str, Any]:
    """Fit the temperature of a pipeline on dev, and tell what its confidences are worth on test.

    model (str): the pipeline: a folder, a wheel or an installed package.
    corpus (Path): the folder with dev.spacy and test.spacy.
    metrics (Path): the folder for calibration.json, .md and .svg; other files in it stay.
    output (Path | None): the folder for the calibrated pipeline.
    gpu_id (int): the GPU's number, or -1 for the CPU.
    command (str): the command line, to be kept with the figures.
    RETURNS (dict[str, Any]): what calibration.json holds: temperature, and by split what `describe` gives.
    RAISES (ProjectError): the pipeline has no confidences, or a split is missing.
    """
    use_gpu(gpu_id)
    nlp = load_pipeline(model)
    _, head = find_head(nlp)
    splits = {split: judge(nlp, read_gold(corpus / f"{split}.spacy", nlp)) for split in ("dev", "test")}
    head.temperature = fit_temperature(head, splits["dev"])
    figures = {
        "run": metrics.name,
        "command": command,
        "temperature": head.temperature,
        **{split: describe(head, judged) for split, judged in splits.items()},
    }
    if output:
        with moved_into_place(output) as partial:
            nlp.to_disk(partial)
    write(figures, metrics)
    return figures


def write(figures: dict[str, Any], metrics: Path) -> None:
    """Write the figures, the table and the plot."""
    writers: dict[str, Callable[[Path], Any]] = {
        "json": lambda path: srsly.write_json(path, figures),
        "md": lambda path: path.write_text(make_table(figures), encoding="utf8"),
        "svg": lambda path: path.write_text(plot_reliability(figures), encoding="utf8"),
    }
    for suffix, writer in writers.items():
        with moved_into_place(metrics / f"calibration.{suffix}") as partial:
            writer(partial)


def make_table(figures: dict[str, Any]) -> str:
    """Give the figures of test as Markdown."""
    test = figures["test"]
    errors = test["calibration_error"]
    rows = [
        f"| {row['threshold']:.2f} | {row['entities']:,} | {percent(row['precision'])} | {percent(row['recall'])} |"
        for row in test["thresholds"]
    ]
    return "\n".join(
        [
            f"# What the confidences of {figures['run']} are worth",
            "",
            f"Temperature, fitted on dev: {figures['temperature']:.3f}. Expected calibration error over the"
            f" {test['entities']:,} entities found in test, in {BINS} bins: {errors['before']:.4f} before,"
            f" {errors['after']:.4f} after.",
            "",
            "![Precision by confidence](calibration.svg)",
            "",
            "Dropping entities below a threshold leaves, on test:",
            "",
            "| threshold | entities | precision | recall |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            f"Made by `{figures['command']}`." if figures["command"] else "",
            "",
        ]
    )


def plot_reliability(figures: dict[str, Any]) -> str:
    """Draw precision over confidence on test, before and after; on the diagonal they are the same."""
    errors, bins = figures["test"]["calibration_error"], figures["test"]["reliability"]
    described = "; ".join(f"{state}: expected calibration error {errors[state]:.4f}" for state in bins)
    svg = drawing("reliability", "Precision by confidence", f"{described}.", 330)
    svg.set("xmlns", "http://www.w3.org/2000/svg")
    add(svg, "style", "text { font: 12px sans-serif } .grid { stroke: #ccc } svg { background: #fff }")
    across, up = Axis(0, 1, 54, 404), Axis(0, 1, 250, 28)
    draw_axes(svg, across, up, ("Confidence", "Precision"))
    add(svg, "line", x1=across.at(0), x2=across.at(1), y1=up.at(0), y2=up.at(1), stroke="#888", stroke_dasharray="2 3")
    for number, (state, colour) in enumerate((("before", "#b35900"), ("after", "#0059b3"))):
        points = [(across.at(row["confidence"]), up.at(row["precision"])) for row in bins[state]]
        add(svg, "polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), fill="none", stroke=colour)
        for x, y in points:
            add(svg, "circle", cx=x, cy=y, r=4, fill=colour)
        label = f"{state}: expected calibration error {errors[state]:.4f}"
        add(svg, "circle", cx=62, cy=302 + 18 * number, r=4, fill=colour)
        add(svg, "text", label, x=72, y=306 + 18 * number)
    return to_markup(svg) + "\n"


def calibrate_cli(
    model: Annotated[str, typer.Argument(help="Pipeline: a folder, a wheel or an installed package")],
    corpus: Annotated[Path, typer.Argument(help="Folder with dev.spacy and test.spacy")],
    metrics: Annotated[Path, typer.Argument(help="Folder for calibration.json, .md and .svg")],
    output: Annotated[Path | None, typer.Option(help="Folder for the calibrated pipeline")] = None,
    gpu_id: Annotated[int, typer.Option(help="Number of the GPU, or -1 for the CPU")] = -1,
) -> None:
    """Fit the temperature of a pipeline's confidences on dev, and show on test what they are worth."""
    command = shlex.join(["python", "-m", "scripts.calibrate", *sys.argv[1:]])
    with shown_to_user():
        figures = calibrate(model, corpus, metrics, output=output, gpu_id=gpu_id, command=command)
    errors = figures["test"]["calibration_error"]
    msg.good(
        f"Temperature {figures['temperature']:.3f}; expected calibration error on test {errors['before']:.4f} before,"
        f" {errors['after']:.4f} after"
    )
    if output:
        msg.good(f"The calibrated pipeline is in {output}")


if __name__ == "__main__":
    typer.run(calibrate_cli)
