"""Learning curves of training on: F1 on a new corpus and on the old one, by the number of new documents.

A trained pipeline is trained on with some documents of a new corpus, 15% of which choose the best weights, for each
combination of number, rate, epochs and seed. A smaller set of documents is part of each larger one with the same seed.
"""

import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple

import srsly
from spacy.tokens import Doc
from tqdm import tqdm
from typer import Argument, Option

from scripts.base_pipeline import Base, read_docs, score_dev
from scripts.benchmarks.harness import Model, Output, Taken, make_rows, save_figures
from scripts.errors import ProjectError
from scripts.formats.docbin import make_doc_bin
from scripts.pipelines import load_pipeline
from scripts.train import TrainOptions, train

SHARE_OF_DEV = 0.15
BEFORE = "before training"
COLUMNS = {
    "F1 on the new test": ("new_f1", ".2%"),
    "F1 on the old dev": ("old_f1", ".2%"),
    "updates": ("steps", ".0f"),
    "seconds": ("seconds", ".0f"),
}


class Setting(NamedTuple):
    """How to train on.

    documents (int): the number of new documents, those for dev included.
    rate (float): the highest learning rate.
    epochs (int): how often each document is seen.
    """

    documents: int
    rate: float
    epochs: int

    def __str__(self) -> str:
        return f"{self.documents} documents, rate {self.rate:g}, {self.epochs} epochs"


def benchmark_few_documents(
    config: Annotated[Path, Argument(help="spaCy config")],
    encoder: Annotated[Path, Argument(help="Folder of the encoder that the pipeline was trained with")],
    base: Model,
    new: Annotated[Path, Argument(help="New corpus: folder with train.spacy and test.spacy")],
    old: Annotated[Path, Argument(help="Corpus that the pipeline was trained on: folder with dev.spacy")],
    output: Output,
    documents: Annotated[str, Option(help="Numbers of documents, separated by spaces")] = "20 50 100 200",
    rates: Annotated[str, Option(help="Highest learning rates, separated by spaces")] = "5e-5",
    epochs: Annotated[str, Option(help="How often each document is seen, separated by spaces")] = "10",
    seeds: Annotated[str, Option(help="Seeds of the choice of documents and of training")] = "0",
) -> None:
    """Train a pipeline on with few documents of a new corpus. The fields of the JSON file:

    base, new, old, encoder: the names; seeds.
    settings: by setting, documents, rate, epochs, steps, seconds of training, and the micro F1 of spaCy's scorer on
    the new test and the old dev; medians over the seeds, and "rounds" with those of each seed. "before training" is the
    pipeline as it was.
    """
    settings = make_settings(documents, rates, epochs)
    chosen = [int(seed) for seed in seeds.split()]
    docs = read_docs(new / "train.spacy")
    check_settings(settings, len(docs))
    names = {"base": Path(base).name, "new": new.name, "old": old.name, "encoder": encoder.name}
    taken: Taken = {BEFORE: [score_both(base, new, old)]}
    for setting in tqdm(settings, desc="Settings", disable=None):
        taken[str(setting)] = []
        for seed in chosen:
            with TemporaryDirectory() as folder:
                corpus, run = Path(folder) / "corpus", Path(folder) / "run"
                write_part(docs, corpus, number=setting.documents, seed=seed)
                options = TrainOptions(10**6, seed=seed, base=Base(base, None, setting.rate, setting.epochs))
                figures = run_training(config, encoder, corpus, run, options)
                scores = score_both(str(run / "model-best"), new, old)
            taken[str(setting)].append({**setting._asdict(), **figures, **scores})
        # After each setting, because all of them take hours.
        rows = make_rows(taken, BEFORE)
        figures = {**names, "seeds": chosen, "rounds": len(chosen), "settings": rows}
        save_figures(output, figures, {new.name: (rows, COLUMNS)})


def make_settings(documents: str, rates: str, epochs: str) -> list[Setting]:
    """Return each combination of numbers of documents, rates and epochs, which spaces separate."""
    combined = product(map(int, documents.split()), map(float, rates.split()), map(int, epochs.split()))
    return [Setting(*each) for each in combined]


def check_settings(settings: Sequence[Setting], available: int) -> None:
    """Check that there are enough documents.

    RAISES (ProjectError): a number of documents is too small to have both train and dev, or larger than the corpus.
    """
    for documents in sorted({setting.documents for setting in settings}):
        if not 2 <= documents <= available:
            raise ProjectError(
                f"Can't train on {documents} of {available} documents", f"Choose from 2 to {available}: --documents."
            )


def write_part(docs: Sequence[Doc], folder: Path, *, number: int, seed: int) -> None:
    """Write some documents of a split as a corpus with train.spacy and dev.spacy.

    docs (Sequence[Doc]): the documents to draw from.
    folder (Path): the new folder.
    number (int): how many documents to draw.
    seed (int): the seed of the order in which they are drawn.
    """
    drawn = list(docs)
    Random(seed).shuffle(drawn)
    of_dev = max(round(SHARE_OF_DEV * number), 1)
    folder.mkdir()
    make_doc_bin(drawn[:of_dev]).to_disk(folder / "dev.spacy")
    make_doc_bin(drawn[of_dev:number]).to_disk(folder / "train.spacy")


def run_training(config: Path, encoder: Path, corpus: Path, run: Path, options: TrainOptions) -> dict[str, Any]:
    """Train, and return the number of updates and the seconds."""
    started = time.perf_counter()
    train(config, encoder, corpus, run, options)
    seconds = time.perf_counter() - started
    return {"steps": list(srsly.read_jsonl(run / "log.jsonl"))[-1]["step"], "seconds": seconds}


def score_both(model: str, new: Path, old: Path) -> dict[str, float]:
    """Return a pipeline's F1 on the test split of the new corpus and on the dev split of the old one."""
    nlp = load_pipeline(model)
    return {"new_f1": score_dev(nlp, new, split="test"), "old_f1": score_dev(nlp, old)}
