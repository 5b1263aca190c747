"""The checks: does a GPU find, learn and train the same as the CPU? Each function works on the device it is given."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import spacy
import srsly
import torch
from spacy.language import Language
from spacy.tokens import Doc
from transformers.file_utils import ModelOutput

from scripts.annotation.mentions import doc_mentions
from scripts.clinical_ner.encoder.transformer import WindowedTransformer, forward
from scripts.clinical_ner.registration import register
from scripts.evaluation.scoring import MatchKey, match_key
from scripts.gpu import use_gpu
from scripts.gpu_check.material import CONFIG
from scripts.pipelines import load_pipeline
from scripts.records.bigbio import document_id, document_text, read_records
from scripts.train import TrainOptions, train

# By document id, what was found in it.
Found = dict[str, set[MatchKey]]

LEAST_AGREEMENT = 0.999
LARGEST_GRADIENT_ERROR = 1e-2
# Two trainings of 150 updates that differ in rounding alone are that far apart: 80.07 and 77.59 on an H200.
LARGEST_F1_DIFFERENCE = 0.05
# Wordpieces that the encoder reads at once in the gradient check: a single group for all notes, and many groups.
GROUP_SIZES = (16384, 512)
# So many notes are read for a gradient.
GRADIENT_NOTES = 8
# About what a head sends to the encoder. Scaled by 65,536 it stays below what half precision can hold.
GRADIENT_SIZE = 1e-3


class Check(NamedTuple):
    """The result of a check.

    name (str): what was checked.
    value (float | None): what was measured; None if that failed.
    limit (str): what it has to be, "at least 0.999" for instance.
    passed (bool): whether it is.
    details (dict[str, Any]): other figures, or the error.
    """

    name: str
    value: float | None
    limit: str
    passed: bool
    details: dict[str, Any]


def at_least(name: str, value: float, limit: float, **details: Any) -> Check:
    """Return a check of a value that must not be lower than its limit."""
    return Check(name, value, f"at least {limit:g}", value >= limit, details)


def at_most(name: str, value: float, limit: float, **details: Any) -> Check:
    """Return a check of a value that must not be higher than its limit."""
    return Check(name, value, f"at most {limit:g}", value <= limit, details)


def find_mentions(model: str, records: Path, gpu_id: int) -> Found:
    """Run a pipeline over documents on a device.

    model (str): the pipeline.
    records (Path): JSONL file of BigBio records.
    gpu_id (int): the GPU's number, or -1 for the CPU.
    RETURNS (Found): what it found.
    """
    use_gpu(gpu_id)
    nlp = load_pipeline(model)
    texts = {document_id(record): document_text(record) for record in read_records(records)}
    docs = zip(texts, nlp.pipe(texts.values()), strict=True)
    return {identifier: {match_key(mention) for mention in doc_mentions(doc)} for identifier, doc in docs}


def compare_mentions(name: str, expected: Found, found: Found) -> Check:
    """Check that two devices find the same mentions.

    name (str): the check's name.
    expected (Found): what the CPU found.
    found (Found): what the GPU found in the same documents.
    RETURNS (Check): the share of mentions found by both among those found by either; it fails without mentions.
    """
    either = sum(len(mentions | found[document]) for document, mentions in expected.items())
    both = sum(len(mentions & found[document]) for document, mentions in expected.items())
    agreement = both / either if either else 0.0
    return at_least(name, agreement, LEAST_AGREEMENT, documents=len(expected), mentions=either, different=either - both)


def load_for_gradients(model: str, *, mixed_precision: bool) -> Language:
    """Load a pipeline without dropout, in a precision."""
    register()
    nlp = spacy.load(model, config={"components": {"transformer": {"model": {"mixed_precision": mixed_precision}}}})
    for module in encoder_model(nlp).transformer.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return nlp


def encoder_model(nlp: Language) -> WindowedTransformer:
    """Return the model of a pipeline's `transformer` component."""
    component: Any = nlp.get_pipe("transformer")
    return component.model


def encoder_gradient(nlp: Language, docs: list[Doc], batch_wordpieces: int) -> torch.Tensor:
    """Return the gradient of the encoder's weights for random gradients of its output, the same ones in each call.

    nlp (Language): the pipeline.
    docs (list[Doc]): the documents.
    batch_wordpieces (int): how many wordpieces go through the encoder at once.
    RETURNS (torch.Tensor): the gradient of all weights, one after the other, on the CPU.
    RAISES (ValueError): it has overflowed.
    """
    model = encoder_model(nlp)
    model.batch_wordpieces = batch_wordpieces
    for parameter in model.transformer.parameters():
        parameter.grad = None
    batch, backprop = forward(model, docs, True)
    vectors: Any = batch.model_output
    generator = torch.Generator().manual_seed(0)
    d_vectors: Any = GRADIENT_SIZE * torch.randn(vectors.last_hidden_state.shape, generator=generator)
    d_output = ModelOutput(last_hidden_state=d_vectors.to(vectors.last_hidden_state.device))
    backprop(replace(batch, model_output=d_output))
    found = [weights.grad for weights in model.transformer.parameters() if weights.grad is not None]
    gradient = torch.cat([each.flatten() for each in found]).cpu()
    if not gradient.isfinite().all():
        raise ValueError(f"The gradient has infinite values with {batch_wordpieces} wordpieces at once")
    return gradient


def compare_gradients(name: str, expected: Language, found: Language, texts: list[str]) -> Check:
    """Check that two pipelines have the same gradients, whether the encoder reads all windows at once or in groups.

    name (str): the check's name.
    expected (Language): the pipeline in fp32.
    found (Language): the same in mixed precision.
    texts (list[str]): texts to read.
    RETURNS (Check): the larger relative error.
    """
    docs = [expected.make_doc(text) for text in texts]
    errors = {}
    for size in GROUP_SIZES:
        exact, other = (encoder_gradient(nlp, docs, size) for nlp in (expected, found))
        errors[f"groups of {size} wordpieces"] = float((other - exact).norm() / exact.norm())
    return at_most(name, max(errors.values()), LARGEST_GRADIENT_ERROR, **errors)


def check_gradients(name: str, model: str, records: Path, gpu_id: int) -> Check:
    """Check the gradients in mixed precision on a device; see `compare_gradients`."""
    use_gpu(gpu_id)
    texts = [document_text(record) for record in read_records(records)[:GRADIENT_NOTES]]
    expected, found = (load_for_gradients(model, mixed_precision=mixed) for mixed in (False, True))
    return compare_gradients(name, expected, found, texts)


def train_on(encoder: Path, corpus: Path, output: Path, options: TrainOptions) -> float:
    """Train a pipeline on a device; see `scripts.train.train`.

    RETURNS (float): F1 on dev.
    """
    best = train(CONFIG, encoder, corpus, output, options)
    meta: Mapping[str, Any] = srsly.read_json(best / "meta.json")
    return meta["performance"]["ents_f"]


def compare_scores(name: str, expected: float, found: float) -> Check:
    """Check that training on a GPU ends with about the same F1 on dev.

    name (str): the check's name.
    expected (float): F1 of the pipeline that was trained on the CPU.
    found (float): F1 of the one that was trained on the GPU.
    RETURNS (Check): the difference between them.
    """
    return at_most(name, abs(expected - found), LARGEST_F1_DIFFERENCE, f1_cpu=expected, f1_gpu=found)
