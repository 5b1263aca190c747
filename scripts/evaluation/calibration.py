"""Calibrate a pipeline's confidences on dev, and measure on test what it changes.

Out: calibration.json, .md and .svg, and the calibrated pipeline. `scripts.calibrate` is its command line.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import srsly

from scripts.clinical_ner.ner.calibration import Calibration
from scripts.evaluation.confidence import Judged, find_confidence, fit_calibration, in_words, judge, read_gold
from scripts.evaluation.formatting import percent
from scripts.evaluation.reliability import BINS, calibration_error, reliability, thresholds
from scripts.files import moved_into_place
from scripts.gpu import ON_CPU_IN_PROJECT, use_gpu
from scripts.pipelines import load_pipeline
from scripts.reporting.plots import draw_reliability


def calibrate(
    model: str, corpus: Path, metrics: Path, *, output: Path | None = None, gpu_id: int = -1, command: str = ""
) -> dict[str, Any]:
    """Calibrate a pipeline on dev, and measure the quality of its confidences on test.

    model (str): the pipeline: a folder, a wheel or an installed package.
    corpus (Path): the folder with dev.spacy and test.spacy.
    metrics (Path): the folder for calibration.json, .md and .svg; other files in it are kept.
    output (Path | None): the folder for the calibrated pipeline.
    gpu_id (int): the GPU's number, or -1 for the CPU.
    command (str): the command line, which is kept with the figures.
    RETURNS (dict[str, Any]): the content of calibration.json: run, command, calibration by label, and the result of
        `measure_calibration` by split.
    RAISES (ProjectError): the pipeline has no confidences, or a split is missing.
    """
    use_gpu(gpu_id, advice=ON_CPU_IN_PROJECT)
    nlp = load_pipeline(model)
    component = find_confidence(nlp)
    splits = {split: judge(nlp, read_gold(corpus / f"{split}.spacy", nlp)) for split in ("dev", "test")}
    component.calibration = fit_calibration(splits["dev"])
    figures = {
        "run": metrics.name,
        "command": command,
        "calibration": component.calibration,
        **{split: measure_calibration(judged, component.calibration) for split, judged in splits.items()},
    }
    if output:
        with moved_into_place(output) as partial:
            nlp.to_disk(partial)
    write_calibration(figures, metrics)
    return figures


def measure_calibration(judged: Judged, calibration: Mapping[str, Calibration]) -> dict[str, Any]:
    """Compare a pipeline's confidences and precision on a split, before and after calibration.

    judged (Judged): what it finds in the split.
    calibration (Mapping[str, Calibration]): the calibration by label.
    RETURNS (dict[str, Any]): mentions, entities; calibration_error and reliability, before and after; thresholds.
    """
    values = judged.confidences(calibration)
    bins = {
        "before": reliability(judged.confidences({}), judged.right),
        "after": reliability(values, judged.right),
    }
    return {
        "mentions": judged.mentions,
        "entities": len(values),
        "calibration_error": {state: calibration_error(rows) for state, rows in bins.items()},
        "reliability": bins,
        "thresholds": thresholds(values, judged.right, judged.mentions),
    }


def write_calibration(figures: dict[str, Any], metrics: Path) -> None:
    """Write the figures, the table and the plot."""
    writers: dict[str, Callable[[Path], Any]] = {
        "json": lambda path: srsly.write_json(path, figures),
        "md": lambda path: path.write_text(calibration_markdown(figures), encoding="utf8"),
        "svg": lambda path: path.write_text(calibration_svg(figures), encoding="utf8"),
    }
    for suffix, writer in writers.items():
        with moved_into_place(metrics / f"calibration.{suffix}") as partial:
            writer(partial)


def calibration_markdown(figures: dict[str, Any]) -> str:
    """Return the figures of test as Markdown."""
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
            f"Calibrated on dev. {in_words(figures['calibration'])}.",
            "",
            f"Expected calibration error over the {test['entities']:,} entities found in test, in {BINS} bins:"
            f" {errors['before']:.4f} before, {errors['after']:.4f} after.",
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


def calibration_svg(figures: dict[str, Any]) -> str:
    """Return a plot of precision over confidence on test, before and after, as a standalone SVG file."""
    test = figures["test"]
    series = {
        f"{state}: error {error:.4f}": test["reliability"][state] for state, error in test["calibration_error"].items()
    }
    return draw_reliability(series, alone=True) + "\n"
