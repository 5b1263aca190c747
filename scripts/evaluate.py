"""Score a trained pipeline on the test split, with intervals, slices, peers and an analysis of the errors.

In: training/<run>/model-best, assets/<profile>, corpus/<profile>. Out: metrics/<run>/scores.json, errors.jsonl and
predictions.jsonl; other files in that folder are kept. Only errors.jsonl quotes the documents.
"""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from scripts.catalog.corpora import choose_labels
from scripts.errors import shown_to_user
from scripts.evaluation.formatting import show_linking, show_scores


def evaluate_cli(
    model: Annotated[str, typer.Argument(help="Pipeline: a folder, a wheel or an installed package")],
    source: Annotated[Path, typer.Argument(help="Folder with train.jsonl and test.jsonl")],
    corpus: Annotated[Path, typer.Argument(help="Folder with test.spacy and report.json")],
    output: Annotated[Path, typer.Argument(help="Folder for scores.json, errors.jsonl and predictions.jsonl")],
    labels: Annotated[str, typer.Option(help="Entity type patterns and their labels; empty for the corpus's")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap")] = 0,
    encoder: Annotated[Path | None, typer.Option(help="Folder of the encoder")] = None,
    log: Annotated[Path | None, typer.Option(help="Training log")] = None,
    peers: Annotated[Path | None, typer.Option(help="Folder with the output of published systems")] = None,
    text: Annotated[bool, typer.Option(help="Quote the documents in errors.jsonl")] = True,
    gpu_id: Annotated[int, typer.Option(help="Number of the GPU, or -1 for the CPU")] = -1,
) -> None:
    """Score a trained pipeline on the test split."""
    with shown_to_user():
        # This imports spaCy and torch, which takes seconds, and --help needs neither.
        from scripts.evaluation.pipeline_scores import EvaluationOptions, evaluate

        options = EvaluationOptions(
            labels=choose_labels(labels, corpus.name),
            seed=seed,
            encoder=encoder,
            log=log,
            peers=peers,
            text=text,
            gpu_id=gpu_id,
            command=shlex.join(["python", "-m", "scripts.evaluate", *sys.argv[1:]]),
        )
        scores = evaluate(model, source, corpus, output, options)
    show_scores({output.name: scores["scores"], **scores["peers"]})
    if scores["linking"]:
        show_linking(scores["linking"])
    msg.good(f"Scores, errors and predictions are in {output}")
    if text:
        msg.info("errors.jsonl quotes the documents. If they are private, use --no-text before you share the folder.")


if __name__ == "__main__":
    typer.run(evaluate_cli)
