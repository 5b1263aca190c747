"""Train on from a pipeline that is trained already: its encoder, its head and its rules.

In: a wheel, a folder or an installed package. Out: a pipeline that spaCy's training loop continues with.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.util import registry
from spacy.vocab import Vocab
from thinc.api import Config

from scripts.clinical_ner.ner.token_classifier import TOKEN_CLASSIFIER, TokenClassifier
from scripts.clinical_ner.registration import register
from scripts.errors import ProjectError
from scripts.evaluation.confidence import read_gold
from scripts.pipelines import load_pipeline

# What a training sets; the rest of the config is the base's.
SECTIONS = ("paths", "system", "corpora", "training", "initialize", "pretraining")


@dataclass(frozen=True)
class Base:
    """The pipeline to train on from, and how.

    model (str): a folder, a wheel or an installed package.
    corpus (Path | None): the folder with dev.spacy of the corpus that it was trained on, to see what it forgets.
    rate (float): the highest learning rate.
    epochs (int): how often each document is seen: the number of weight updates depends on the number of documents.
    """

    model: str
    corpus: Path | None = None
    rate: float = 5e-5
    epochs: int = 10


def base_settings(base: Base, train: Path, settings: Config, max_steps: int) -> dict[str, Any]:
    """Return what differs from a training from the bare encoder: the number of updates, the rate, its warm-up, and how
    often dev is scored.

    base (Base): the pipeline to train on from.
    train (Path): the split to train on, which `convert` has written.
    settings (Config): the settings of the training, with its batcher.
    max_steps (int): the most weight updates.
    RETURNS (dict[str, Any]): values of the config by dotted names.
    """
    steps = min(max_steps, base.epochs * count_updates(train, settings))
    every = max(steps // 5, 1)
    return {
        "training.max_steps": steps,
        "training.optimizer.learn_rate.initial_rate": base.rate,
        "training.optimizer.learn_rate.warmup_steps": steps // 10,
        "training.eval_frequency": every,
        "training.patience": 3 * every,
    }


def count_updates(train: Path, settings: Config) -> int:
    """Return the number of weight updates in which training sees each document once.

    train (Path): the split to train on.
    settings (Config): the settings of the training, with its batcher.
    """
    batcher = registry.resolve({"batcher": settings["training"]["batcher"]})["batcher"]
    return sum(1 for _ in batcher(read_docs(train)))


def load_base(base: Base, settings: Config) -> Language:
    """Load a trained pipeline to train on.

    base (Base): the pipeline.
    settings (Config): the settings of this training. Their labels are those of the pipeline and of the training data.
    RETURNS (Language): the pipeline with these settings. Labels that are new to its head are added to it.
    RAISES (ProjectError): it can't be trained on: it lacks an encoder or a head, or its head can't learn a new label.
    """
    trained = load_pipeline(base.model)
    if not {"transformer", "ner"} <= set(trained.pipe_names):
        raise ProjectError(
            f"{base.model} can't be trained on: it has no transformer or no ner",
            "Use a pipeline that this project has trained.",
        )
    register()
    model = settings["components"]["transformer"]["model"]
    changes = {"mixed_precision": model["mixed_precision"], "precision": "fp32"}
    # Saved and loaded again, because a wheel brings its own code, and settings can only be changed in loading.
    with TemporaryDirectory() as folder:
        trained.to_disk(folder)
        nlp = spacy.load(folder, config={"components": {"transformer": {"model": changes}}})
    nlp.config = Config({**nlp.config, **{name: settings[name] for name in SECTIONS}})
    nlp.meta["base"] = {"name": f"{trained.meta['lang']}_{trained.meta['name']}", "version": trained.meta["version"]}
    add_labels(nlp, read_labels(Path(settings["paths"]["train"])))
    return nlp


def read_labels(path: Path) -> list[str]:
    """Return the labels in a split that `convert` has written, sorted."""
    return sorted({ent.label_ for doc in read_docs(path) for ent in doc.ents})


def read_docs(path: Path) -> list[Doc]:
    """Read the documents of a split."""
    return list(DocBin().from_disk(path).get_docs(Vocab()))


def add_labels(nlp: Language, labels: Iterable[str]) -> None:
    """Add labels to a trained head.

    RAISES (ProjectError): a label is new, and the head is spaCy's own.
    """
    head = nlp.get_pipe("ner")
    new = [label for label in labels if label not in cast(Any, head).labels]
    if new and nlp.get_pipe_meta("ner").factory != TOKEN_CLASSIFIER.name:
        raise ProjectError(
            f"{', '.join(new)} is new to the pipeline, and spaCy's own head can't learn it",
            "Start from a pipeline with the token head, or give the data the labels that the pipeline has.",
        )
    for label in new:
        cast(TokenClassifier, head).add_label(label)


def score_dev(nlp: Language, corpus: Path, *, split: str = "dev") -> float:
    """Return F1 on the dev split of a corpus, or another one, by spaCy's scorer.

    nlp (Language): the pipeline.
    corpus (Path): the folder with dev.spacy.
    split (str): the split.
    RETURNS (float): micro F1 of entities, 0 if there are none.
    RAISES (ProjectError): the split is missing.
    """
    gold = read_gold(corpus / f"{split}.spacy", nlp)
    return nlp.evaluate([Example(nlp.make_doc(doc.text), doc) for doc in gold])["ents_f"] or 0.0
