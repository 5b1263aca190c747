"""The ways from texts to entities that are measured side by side, all over the weights of one encoder.

Each takes a pipeline and its encoder, and gives a `Prepare`: from texts to the run over them that is timed.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy
import torch
from spacy.language import Language
from spacy.util import registry
from spacy_transformers.data_classes import HFObjects
from spacy_transformers.pipeline_component import DEFAULT_CONFIG
from transformers import AutoModelForTokenClassification, PretrainedConfig, PreTrainedModel
from transformers import pipeline as hugging_face_pipeline

from scripts.errors import ProjectError
from scripts.pipelines import entity_pipes, load_pipeline

Run = Callable[[], Any]
Prepare = Callable[[list[str]], Run]

# What spaCy's own configs give to a pipeline with a transformer.
STOCK_BATCH_SIZE = 128
# How many wordpieces go through the bare encoder at once: a little faster than 512 or 4096 on a CPU.
BARE_BATCH = 2048

OURS = "this pipeline"
HUGGING_FACE = "Hugging Face pipeline"
BARE = "bare encoder"


@dataclass(frozen=True)
class Contender:
    """A way from texts to entities.

    nlp (Language): its pipeline, or the one whose encoder it has.
    encoder (torch.nn.Module): the encoder, the same one for all.
    prepare (Callable): gives the run over texts. What it does itself is not timed.
    """

    nlp: Language
    encoder: torch.nn.Module
    prepare: Prepare


def get_encoder(nlp: Language) -> HFObjects:
    """Give a pipeline's encoder and tokenizer.

    nlp (Language): the pipeline.
    RETURNS (HFObjects): both, as spacy-transformers puts them into another model.
    RAISES (ProjectError): it has none, or not the project's own kind.
    """
    model = nlp.get_pipe("transformer").model if "transformer" in nlp.pipe_names else None
    if model is None or not hasattr(model, "batch_wordpieces"):
        raise ProjectError(
            f"The pipeline '{nlp.meta['lang']}_{nlp.meta['name']}' has no encoder that reads windows of wordpieces",
            "Give a pipeline that this project trained, training/<run>/model-best for instance.",
        )
    return HFObjects(model.tokenizer, model.transformer, None)


def as_it_is(nlp: Language, encoder: HFObjects) -> Prepare:
    """Run the pipeline with its own settings."""
    return lambda texts: lambda: consume(nlp.pipe(texts))


def with_strided_spans(nlp: Language, encoder: HFObjects, *, window: int, stride: int) -> Prepare:
    """Run a pipeline with spacy-transformers' own model in the place of ours, with its defaults, and the same head.

    nlp (Language): a pipeline of its own, which is changed.
    encoder (HFObjects): the encoder to put in.
    window (int): how many tokens are read together.
    stride (int): after how many of them the next window begins.
    RETURNS (Prepare): for texts, a run over them.
    """
    stock = DEFAULT_CONFIG["transformer"]
    spans = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": window, "stride": stride}
    model = registry.resolve({"model": stock["model"] | {"name": "", "get_spans": spans}})["model"]
    model.attrs["set_transformer"](model, encoder)
    component = nlp.get_pipe("transformer")
    component.model = model
    component.cfg["max_batch_items"] = stock["max_batch_items"]
    nlp.batch_size = STOCK_BATCH_SIZE
    return as_it_is(nlp, encoder)


def with_hugging_face(nlp: Language, encoder: HFObjects, *, batch_size: int, by_length: bool = False) -> Prepare:
    """Run `transformers.pipeline`, with a stride for the texts that are longer than the encoder's limit.

    nlp (Language): the pipeline, for its labels and, where it has one, its head of BIO tags.
    encoder (HFObjects): the encoder.
    batch_size (int): how many texts go through the encoder at once.
    by_length (bool): whether the texts are sorted by their length before.
    RETURNS (Prepare): for texts, a run over them.
    """
    model = make_tagger(nlp, encoder)
    annotate = hugging_face_pipeline(
        "token-classification",
        model=model,
        tokenizer=encoder.tokenizer,
        aggregation_strategy="simple",
        stride=wordpiece_limit(encoder) // 8,
    )

    def prepare(texts: list[str]) -> Run:
        # Thinc leaves an encoder in training mode when it has used it.
        model.eval()
        return lambda: annotate(sorted(texts, key=len) if by_length else texts, batch_size=batch_size)

    return prepare


def make_tagger(nlp: Language, encoder: HFObjects) -> PreTrainedModel:
    """Put the encoder itself into transformers' model for token classification, with the head's weights.

    nlp (Language): the pipeline. Where its head gives no BIO tags to each token, the model finds nothing, which is the
        least work for what comes behind it: random weights would find something everywhere.
    encoder (HFObjects): the encoder.
    RETURNS (PreTrainedModel): the model.
    """
    head = nlp.get_pipe(entity_pipes(nlp)[0])
    tags = ["O", *(f"{position}-{label}" for label in head.labels for position in "BI")]
    config: PretrainedConfig = deepcopy(encoder.transformer.config)
    config.id2label, config.label2id = dict(enumerate(tags)), {tag: number for number, tag in enumerate(tags)}
    model = AutoModelForTokenClassification.from_config(config)
    setattr(model, model.base_model_prefix, encoder.transformer)
    with torch.no_grad():
        if getattr(head, "tags", None) == tags:
            (linear,) = head.model.get_ref("output_layer").layers
            for parameter, name in ((model.classifier.weight, "W"), (model.classifier.bias, "b")):
                parameter.copy_(torch.from_numpy(numpy.array(linear.get_param(name))))
        else:
            model.classifier.weight.zero_()
            model.classifier.bias.copy_(torch.tensor([float(tag == "O") for tag in tags]))
    return model


def with_bare_encoder(nlp: Language, encoder: HFObjects, *, row_wordpieces: int) -> Prepare:
    """Run nothing but the encoder, over rows that are full to the last place: the limit of what is to be had.

    The texts' wordpieces stand one after the other in the rows; nothing is padded, masked or read twice, and there are
    no special ones. It finds nothing.

    nlp (Language): not used.
    encoder (HFObjects): the encoder.
    row_wordpieces (int): the length of a row; the encoder's limit, where that is lower.
    RETURNS (Prepare): for texts, a run over them.
    """
    length = min(row_wordpieces, wordpiece_limit(encoder))

    def prepare(texts: list[str]) -> Run:
        batches = pack(wordpiece_ids(encoder, texts), length)
        encoder.transformer.eval()

        def run() -> None:
            with torch.inference_mode():
                for batch in batches:
                    encoder.transformer(input_ids=batch)

        return run

    return prepare


def pack(ids: list[int], length: int) -> list[torch.Tensor]:
    """Cut wordpieces into rows, and rows into batches.

    ids (list[int]): the wordpieces.
    length (int): how many are in a row.
    RETURNS (list[torch.Tensor]): int64, (rows, length); what is left at the end is a row by itself.
    """
    full = len(ids) - len(ids) % length
    batches = torch.tensor(ids[:full], dtype=torch.int64).view(-1, length).split(max(BARE_BATCH // length, 1))
    rest = torch.tensor([ids[full:]], dtype=torch.int64)
    return [batch for batch in (*batches, rest) if batch.numel()]


def wordpiece_ids(encoder: HFObjects, texts: list[str]) -> list[int]:
    """Give the wordpieces of all texts one after the other, without special ones."""
    encoded = encoder.tokenizer(texts, add_special_tokens=False, verbose=False)
    return [piece for ids in encoded.input_ids for piece in ids]


def wordpiece_limit(encoder: HFObjects) -> int:
    """Give how many wordpieces the encoder takes at most, special ones included."""
    return min(encoder.tokenizer.model_max_length, encoder.transformer.config.max_position_embeddings)


def consume(docs: Iterable[Any]) -> None:
    """Run through an iterator and keep nothing of it."""
    deque(docs, maxlen=0)


STRIDED = {
    f"spaCy, strided spans {window}/{stride}": partial(with_strided_spans, window=window, stride=stride)
    for window, stride in ((128, 96), (256, 224))
}
PIPELINES = {OURS: as_it_is, **STRIDED}
HUGGING_FACES = {
    f"{HUGGING_FACE}, one text at a time": partial(with_hugging_face, batch_size=1),
    f"{HUGGING_FACE}, batches of 8": partial(with_hugging_face, batch_size=8),
    **{
        f"{HUGGING_FACE}, batches of {size}, sorted": partial(with_hugging_face, batch_size=size, by_length=True)
        for size in (8, 32)
    },
}
BARES = {
    f"{BARE}, rows of {length} wordpieces": partial(with_bare_encoder, row_wordpieces=length)
    for length in (128, 256, 512)
}
CONTENDERS: dict[str, Callable[[Language, HFObjects], Prepare]] = {**PIPELINES, **HUGGING_FACES, **BARES}


def make_contenders(model: str, others: Sequence[str] = ()) -> dict[str, Contender]:
    """Make all contenders over the very same weights, and beside them other pipelines with their own.

    model (str): the pipeline.
    others (Sequence[str]): further pipelines of this project, run as they are.
    RETURNS (dict[str, Contender]): the contenders by name; the others' names are those given.
    """
    shared = load_pipeline(model)
    encoder = get_encoder(shared)
    contenders = {}
    for name, make in CONTENDERS.items():
        # Strided spans change the pipeline, all others can share one.
        nlp = load_pipeline(model) if name in STRIDED else shared
        contenders[name] = Contender(nlp, encoder.transformer, make(nlp, encoder))
    for name in others:
        nlp = load_pipeline(name)
        own = get_encoder(nlp)
        contenders[name] = Contender(nlp, own.transformer, as_it_is(nlp, own))
    return contenders
