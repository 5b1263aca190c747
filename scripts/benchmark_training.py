"""Measure training with each head beside Hugging Face's Trainer: wall time and strict F1 on dev, in turn.

In: what `train` reads. Out: metrics/benchmark/training.json. All have the same encoder, corpus, batches, number of
updates, learning rate and schedule, score dev as often and keep their best weights; the pipelines are not kept.
"""

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import spacy
import srsly
import typer
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab
from wasabi import msg

from scripts.annotation.mentions import doc_mentions
from scripts.benchmarks.assess import strict_scores
from scripts.benchmarks.machine import describe_machine, set_threads
from scripts.benchmarks.plain_trainer import train_plain
from scripts.errors import shown_to_user
from scripts.evaluation.formatting import percent
from scripts.evaluation.scoring import MEASURES
from scripts.files import moved_into_place
from scripts.pipelines import load_pipeline
from scripts.train import load_training_config, train

OURS = "scripts.train, {head} head"
PLAIN = "Hugging Face Trainer"


def benchmark_training(
    config: Path,
    encoder: Path,
    corpus: Path,
    output: Path,
    *,
    heads: Sequence[str] = ("transition",),
    seed: int = 0,
    max_steps: int,
    threads: int = 0,
    command: str = "",
) -> dict[str, Any]:
    """Train in both ways on the CPU, and write the figures. The fields of training.json:

    command, encoder, machine, settings: what was measured on what; settings is the config's [training].
    runs: for each head, and for the Trainer, seconds (all of it: reading, training, scoring dev), steps (updates
        made), seconds_per_step, and precision, recall and f1, BioCreative's strict micro scores on dev.
    ratios: the seconds a step of each head to those of the Trainer.

    config (Path): the spaCy config.
    encoder (Path): the folder of the encoder.
    corpus (Path): the folder with train.spacy and dev.spacy.
    output (Path): the JSON file for the figures.
    heads (Sequence[str]): the named-entity heads to train with, one after the other.
    seed (int): the seed of all.
    max_steps (int): the number of weight updates. The project's own training may stop earlier, by its patience.
    threads (int): the encoder's threads; 0 leaves it to PyTorch.
    command (str): the command line, to be kept with the figures.
    RETURNS (dict[str, Any]): what training.json holds.
    RAISES (ProjectError): the encoder, the head or the corpus is not there, or there is no step to train.
    """
    set_threads(threads)
    given = {"seed": seed, "max_steps": max_steps}
    with TemporaryDirectory() as folder:
        runs = {
            OURS.format(head=head): run_ours(config, encoder, corpus, Path(folder) / head, head=head, **given)
            for head in heads
        }
        settings = load_training_config(
            config, encoder, head=heads[0], corpus=corpus, log=Path("log"), gpu_id=-1, **given
        )
        plain = run_plain(settings, encoder, corpus, Path(folder) / "plain", seed=seed)
    figures = {
        "command": command,
        "encoder": encoder.name,
        "machine": describe_machine(),
        "settings": settings["training"],
        "runs": {**runs, PLAIN: plain},
        "ratios": {name: run["seconds_per_step"] / plain["seconds_per_step"] for name, run in runs.items()},
    }
    with moved_into_place(output) as partial:
        srsly.write_json(partial, figures)
    return figures


def run_ours(
    config: Path, encoder: Path, corpus: Path, output: Path, *, head: str, seed: int, max_steps: int
) -> dict[str, Any]:
    """Train as the project does, and score on dev; see `benchmark_training`."""
    started = time.perf_counter()
    best = train(config, encoder, corpus, output, head=head, seed=seed, max_steps=max_steps)
    seconds = time.perf_counter() - started
    steps = list(srsly.read_jsonl(output / "log.jsonl"))[-1]["step"]
    nlp = load_pipeline(str(best))
    dev = read_docs(corpus / "dev.spacy", nlp.vocab)
    gold = {str(number): doc_mentions(doc) for number, doc in enumerate(dev)}
    found = {str(number): doc_mentions(doc) for number, doc in enumerate(nlp.pipe(doc.text for doc in dev))}
    return {"seconds": seconds, "steps": steps, "seconds_per_step": seconds / steps, **strict_scores(gold, found)}


def run_plain(settings: dict[str, Any], encoder: Path, corpus: Path, output: Path, *, seed: int) -> dict[str, Any]:
    """Train by the Trainer, and score on dev; see `benchmark_training`."""
    started = time.perf_counter()
    vocab = spacy.blank("en").vocab
    docs, dev = (read_docs(corpus / f"{split}.spacy", vocab) for split in ("train", "dev"))
    labels = sorted({ent.label_ for doc in docs for ent in doc.ents})
    trainer = train_plain(settings, encoder, docs, dev, output, labels=labels, seed=seed)
    seconds, steps = time.perf_counter() - started, trainer.state.global_step
    scores = trainer.evaluate()
    measures = {measure: scores[f"eval_{measure}"] for measure in MEASURES}
    return {"seconds": seconds, "steps": steps, "seconds_per_step": seconds / steps, **measures}


def read_docs(path: Path, vocab: Vocab) -> list[Doc]:
    """Read the documents of a split."""
    return list(DocBin().from_disk(path).get_docs(vocab))


def benchmark_training_cli(
    config: Annotated[Path, typer.Argument(help="spaCy config")],
    encoder: Annotated[Path, typer.Argument(help="Folder of the encoder")],
    corpus: Annotated[Path, typer.Argument(help="Folder with train.spacy and dev.spacy")],
    output: Annotated[Path, typer.Argument(help="JSON file for the figures")],
    heads: Annotated[str, typer.Option(help="Named-entity heads, separated by spaces")] = "transition token",
    seed: Annotated[int, typer.Option(help="Seed of all")] = 0,
    max_steps: Annotated[int, typer.Option(help="Number of weight updates")] = 1600,
    threads: Annotated[int, typer.Option(help="Threads of the encoder, 0 for PyTorch's own choice", min=0)] = 0,
) -> None:
    """Measure training beside Hugging Face's Trainer."""
    with shown_to_user():
        figures = benchmark_training(
            config,
            encoder,
            corpus,
            output,
            heads=heads.split(),
            seed=seed,
            max_steps=max_steps,
            threads=threads,
            command=shlex.join(["python", "-m", "scripts.benchmark_training", *sys.argv[1:]]),
        )
    rows = [
        (
            name,
            f"{run['seconds']:.0f}",
            run["steps"],
            f"{run['seconds_per_step']:.3f}",
            f"{figures['ratios'].get(name, 1):.2f}",
            percent(run["f1"]),
        )
        for name, run in figures["runs"].items()
    ]
    header = ("", "Seconds", "Updates", "Seconds an update", "of the Trainer's", "F1 on dev")
    msg.table(rows, header=header, divider=True, aligns=("l", "r", "r", "r", "r", "r"))
    msg.good(f"All figures are in {output}")


if __name__ == "__main__":
    typer.run(benchmark_training_cli)
