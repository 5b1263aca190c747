"""Calibrate a pipeline's confidences on dev or other splits, and measure on other documents what it changes.

In: a pipeline with the token head, and corpus/<profile>/{dev,test}.spacy. Out: metrics/<run>/calibration.json, .md and
.svg, and the calibrated pipeline if a folder for it is given. `train` has already fitted the same calibration.
"""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from scripts.errors import shown_to_user


def calibrate_cli(
    model: Annotated[str, typer.Argument(help="Pipeline: a folder, a wheel or an installed package")],
    corpus: Annotated[Path, typer.Argument(help="Folder with dev.spacy, and test.spacy if there is one")],
    metrics: Annotated[Path, typer.Argument(help="Folder for calibration.json, .md and .svg")],
    splits: Annotated[
        str,
        typer.Option(
            help="Splits to fit on, separated by spaces: 'train dev test' if the pipeline was trained on none of them."
            " Without a test split that is left, the figures are cross-validated"
        ),
    ] = "dev",
    output: Annotated[Path | None, typer.Option(help="Folder for the calibrated pipeline")] = None,
    gpu_id: Annotated[int, typer.Option(help="Number of the GPU, or -1 for the CPU")] = -1,
) -> None:
    """Calibrate a pipeline's confidences, and measure what it changes on documents that it is not fitted on."""
    # This imports spaCy and torch, which takes seconds, and --help needs neither.
    from scripts.evaluation.calibration import CalibrateOptions, calibrate, measured_on
    from scripts.evaluation.confidence import in_words

    command = shlex.join(["python", "-m", "scripts.calibrate", *sys.argv[1:]])
    with shown_to_user():
        figures = calibrate(model, corpus, metrics, CalibrateOptions(splits.split(), output, gpu_id, command))
    where, measured = measured_on(figures)
    errors = measured["calibration_error"]
    msg.good(
        f"Expected calibration error on {where} {errors['before']:.4f} before, {errors['after']:.4f} after",
        in_words(figures["calibration"]),
    )
    if output:
        msg.good(f"The calibrated pipeline is in {output}")


if __name__ == "__main__":
    typer.run(calibrate_cli)
