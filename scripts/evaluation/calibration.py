"""Calibrate a pipeline's confidences on dev or other splits, and measure on other documents what it changes.

Out: calibration.json, .md and .svg, and the calibrated pipeline. `scripts.calibrate` is its command line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import srsly

from scripts.evaluation.confidence import Judged, find_confidence, fit_calibration, in_words, judge, read_gold
from scripts.evaluation.formatting import percent
from scripts.evaluation.reliability import BINS, calibration_error, reliability, thresholds
from scripts.files import moved_into_place
from scripts.gpu import ON_CPU_IN_PROJECT, use_gpu
from scripts.pipelines import load_pipeline
from scripts.reporting.plots import draw_reliability

# How many parts documents are cut into where they both fit the calibration and measure it.
FOLDS = 5


@dataclass(frozen=True)
class CalibrateOptions:
    """How to calibrate.

    splits (Sequence[str]): the splits that the calibration is fitted on. The pipeline must not be trained on them.
    output (Path | None): the folder for the calibrated pipeline.
    gpu_id (int): the GPU's number, or -1 for the CPU.
    command (str): the command line, which is kept with the figures.
    """

    splits: Sequence[str] = ("dev",)
    output: Path | None = None
    gpu_id: int = -1
    command: str = ""


def calibrate(model: str, corpus: Path, metrics: Path, options: CalibrateOptions | None = None) -> dict[str, Any]:
    """Calibrate a pipeline, and measure the quality of its confidences.

    They are measured on test. If there is no test split, or the calibration is fitted on it, they are cross-validated:
    the confidences of a fifth of the documents are those of a calibration that is fitted on the others.

    model (str): the pipeline: a folder, a wheel or an installed package.
    corpus (Path): the folder with dev.spacy and test.spacy, or with the splits that are named.
    metrics (Path): the folder for calibration.json, .md and .svg; other files in it are kept.
    options (CalibrateOptions | None): how to calibrate.
    RETURNS (dict[str, Any]): the content of calibration.json: run, command, fitted_on, calibration by label, and the
        result of `measure_calibration` for the splits that it is fitted on, and for "test" or "cross_validation".
    RAISES (ProjectError): the pipeline has no confidences, or a split is missing.
    """
    options = options or CalibrateOptions()
    use_gpu(options.gpu_id, advice=ON_CPU_IN_PROJECT)
    nlp = load_pipeline(model)
    component = find_confidence(nlp)
    gold = [doc for split in options.splits for doc in read_gold(corpus / f"{split}.spacy", nlp)]
    has_test = (corpus / "test.spacy").is_file() and "test" not in options.splits
    folds = [judge(nlp, gold)] if has_test else [judge(nlp, gold[start::FOLDS]) for start in range(FOLDS)]
    fitted = join_judged(folds)
    component.calibration = fit_calibration(fitted)
    measured = {"+".join(options.splits): (fitted, fitted.confidences(component.calibration))}
    if has_test:
        test = judge(nlp, read_gold(corpus / "test.spacy", nlp))
        measured["test"] = (test, test.confidences(component.calibration))
    else:
        measured["cross_validation"] = (fitted, cross_validated(folds))
    figures = {
        "run": metrics.name,
        "command": options.command,
        "fitted_on": list(options.splits),
        "calibration": component.calibration,
        **{name: measure_calibration(judged, values) for name, (judged, values) in measured.items()},
    }
    if options.output:
        with moved_into_place(options.output) as partial:
            nlp.to_disk(partial)
    write_calibration(figures, metrics)
    return figures


def join_judged(parts: Sequence[Judged]) -> Judged:
    """Return what a pipeline finds in several parts of a corpus as one."""
    return Judged(
        [label for part in parts for label in part.labels],
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.right for part in parts]),
        sum(part.mentions for part in parts),
    )


def cross_validated(folds: Sequence[Judged]) -> np.ndarray:
    """Return the confidences of each fold with a calibration that is fitted on the other folds.

    folds (Sequence[Judged]): what a pipeline finds in each part of the documents.
    RETURNS (ndarray): the confidences, in the order of `join_judged`.
    RAISES (ProjectError): without one of the folds, no calibration can be fitted.
    """
    others = ([*folds[:number], *folds[number + 1 :]] for number in range(len(folds)))
    return np.concatenate(
        [fold.confidences(fit_calibration(join_judged(rest))) for fold, rest in zip(folds, others, strict=True)]
    )


def measure_calibration(judged: Judged, values: np.ndarray) -> dict[str, Any]:
    """Compare a pipeline's confidences and precision on documents, before and after calibration.

    judged (Judged): what it finds in them.
    values (ndarray): its confidences after calibration, (entities,).
    RETURNS (dict[str, Any]): mentions, entities; calibration_error and reliability, before and after; thresholds.
    """
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


def measured_on(figures: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return in words which documents the calibration is measured on, and the figures of these."""
    if "test" in figures:
        return "test", figures["test"]
    return "documents that it was not fitted on (cross-validation)", figures["cross_validation"]


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
    """Return the figures as Markdown."""
    where, measured = measured_on(figures)
    errors = measured["calibration_error"]
    rows = [
        f"| {row['threshold']:.2f} | {row['entities']:,} | {percent(row['precision'])} | {percent(row['recall'])} |"
        for row in measured["thresholds"]
    ]
    return "\n".join(
        [
            f"# What the confidences of {figures['run']} are worth",
            "",
            f"Calibrated on {', '.join(figures['fitted_on'])}. {in_words(figures['calibration'])}.",
            "",
            f"Expected calibration error over the {measured['entities']:,} entities found in {where}, in {BINS} bins:"
            f" {errors['before']:.4f} before, {errors['after']:.4f} after.",
            "",
            "![Precision by confidence](calibration.svg)",
            "",
            f"Dropping entities below a threshold leaves, on {where}:",
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
    """Return a plot of precision over confidence, before and after, as a standalone SVG file."""
    _, measured = measured_on(figures)
    series = {
        f"{state}: error {error:.4f}": measured["reliability"][state]
        for state, error in measured["calibration_error"].items()
    }
    return draw_reliability(series, alone=True) + "\n"
