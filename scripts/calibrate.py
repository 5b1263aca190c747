"""Make a pipeline's confidences mean what they say: calibrate them on dev, and show on test what it changed.

In: a pipeline with the token head, and corpus/<profile>/{dev,test}.spacy. Out: metrics/<run>/calibration.json, .md and
.svg; and the calibrated pipeline, where a folder for it is given. `train` has fitted the same calibration already.
"""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import srsly
import typer
from spacy.language import Language
from wasabi import msg

from scripts.confidence import Judged, confidences, find_head, fit_calibration, in_words, judge, read_gold
from scripts.errors import shown_to_user
from scripts.evaluation.reliability import BINS, calibration_error, reliability, thresholds
from scripts.evaluation.tables import percent
from scripts.files import moved_into_place
from scripts.gpu import use_gpu
from scripts.pipelines import load_pipeline
from scripts.reporting.plots import draw_reliability


def describe(nlp: Language, judged: Judged) -> dict[str, Any]:
    """Give the calibration of a pipeline on a split, before and after."""
    values, right = confidences(nlp, judged, find_head(nlp)[1].calibration)
    bins = {"before": reliability(*confidences(nlp, judged, {})), "after": reliability(values, right)}
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
    """Calibrate a pipeline on dev, and tell what its confidences are worth on test.

    model (str): the pipeline: a folder, a wheel or an installed package.
    corpus (Path): the folder with dev.spacy and test.spacy.
    metrics (Path): the folder for calibration.json, .md and .svg; other files in it stay.
    output (Path | None): the folder for the calibrated pipeline.
    gpu_id (int): the GPU's number, or -1 for the CPU.
    command (str): the command line, to be kept with the figures.
    RETURNS (dict[str, Any]): what calibration.json holds: calibration by label, and by split what `describe` gives.
    RAISES (ProjectError): the pipeline has no confidences, or a split is missing.
    """
    use_gpu(gpu_id)
    nlp = load_pipeline(model)
    _, head = find_head(nlp)
    splits = {split: judge(nlp, read_gold(corpus / f"{split}.spacy", nlp)) for split in ("dev", "test")}
    head.calibration = fit_calibration(head, splits["dev"])
    figures = {
        "run": metrics.name,
        "command": command,
        "calibration": head.calibration,
        **{split: describe(nlp, judged) for split, judged in splits.items()},
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
        "svg": lambda path: path.write_text(draw_figures(figures), encoding="utf8"),
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


def draw_figures(figures: dict[str, Any]) -> str:
    """Draw precision over confidence on test, before and after, as a file of its own."""
    test = figures["test"]
    series = {
        f"{state}: error {error:.4f}": test["reliability"][state] for state, error in test["calibration_error"].items()
    }
    return draw_reliability(series, alone=True) + "\n"


def calibrate_cli(
    model: Annotated[str, typer.Argument(help="Pipeline: a folder, a wheel or an installed package")],
    corpus: Annotated[Path, typer.Argument(help="Folder with dev.spacy and test.spacy")],
    metrics: Annotated[Path, typer.Argument(help="Folder for calibration.json, .md and .svg")],
    output: Annotated[Path | None, typer.Option(help="Folder for the calibrated pipeline")] = None,
    gpu_id: Annotated[int, typer.Option(help="Number of the GPU, or -1 for the CPU")] = -1,
) -> None:
    """Calibrate a pipeline's confidences on dev, and show on test what they are worth."""
    command = shlex.join(["python", "-m", "scripts.calibrate", *sys.argv[1:]])
    with shown_to_user():
        figures = calibrate(model, corpus, metrics, output=output, gpu_id=gpu_id, command=command)
    errors = figures["test"]["calibration_error"]
    msg.good(
        f"Expected calibration error on test {errors['before']:.4f} before, {errors['after']:.4f} after",
        in_words(figures["calibration"]),
    )
    if output:
        msg.good(f"The calibrated pipeline is in {output}")


if __name__ == "__main__":
    typer.run(calibrate_cli)
