"""The ways from texts to entities that `speed` compares, all with the weights of one encoder."""

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

import torch
from spacy.language import Language
from spacy.util import registry
from spacy_transformers.data_classes import HFObjects
from spacy_transformers.pipeline_component import DEFAULT_CONFIG
from torch.ao.quantization import per_channel_dynamic_qconfig, quantize_dynamic
from transformers import AutoModelForTokenClassification, PreTrainedModel
from transformers import pipeline as hugging_face_pipeline

from scripts.benchmarks.harness import BLOCK
from scripts.errors import ProjectError
from scripts.pipelines import entity_pipes, load_pipeline

# From texts to a run over them. Only the run is timed.
Prepare = Callable[[list[str]], Callable[[], Any]]
Makers = dict[str, Callable[[Language, HFObjects], Prepare]]

# How many wordpieces go through the bare encoder at once: a little faster than 512 or 4096 on a CPU.
BARE_BATCH = 2048


class Contender(NamedTuple):
    """A way from texts to entities, and the pipeline and the encoder that it uses."""

    nlp: Language
    encoder: torch.nn.Module
    prepare: Prepare


def get_encoder(nlp: Language) -> HFObjects:
    """Return the encoder and the tokenizer of a pipeline, as spacy-transformers puts them into another model.

    RAISES (ProjectError): the pipeline has no encoder, or not the project's own kind.
    """
    model = getattr(dict(nlp.pipeline).get("transformer"), "model", None)
    if model is None or not hasattr(model, "batch_wordpieces"):
        raise ProjectError(
            f"The pipeline '{nlp.meta['lang']}_{nlp.meta['name']}' has no encoder that reads windows of wordpieces",
            "Use a pipeline that this project trained, for instance training/<run>/model-best.",
        )
    return HFObjects(model.tokenizer, model.transformer, None)


def wordpiece_limit(encoder: HFObjects) -> int:
    """Return the largest number of wordpieces that the encoder reads, special ones included."""
    return encoder.tokenizer.model_max_length


def own_settings(nlp: Language, encoder: HFObjects) -> Prepare:
    """Run the pipeline with its own settings."""
    return lambda texts: lambda: deque(nlp.pipe(texts), maxlen=0)


def in_precision(nlp: Language, encoder: HFObjects, *, precision: str) -> Prepare:
    """Run the pipeline in a precision. A wheel in int8 has fp32 weights too."""
    component: Any = nlp.get_pipe("transformer")
    component.model.precision = precision
    return own_settings(nlp, encoder)


def torch_int8(nlp: Language, encoder: HFObjects) -> Prepare:
    """Run the pipeline with torch's own dynamic quantization, which has one activation scale for each batch."""
    component: Any = nlp.get_pipe("transformer")
    layers = {torch.nn.Linear: per_channel_dynamic_qconfig}
    with warnings.catch_warnings():
        # Torch announces that its quantization moves to another package.
        warnings.simplefilter("ignore")
        quantize_dynamic(component.model.transformer.eval(), layers, inplace=True)
    return in_precision(nlp, encoder, precision="fp32")


def strided_config(*, window: int, stride: int) -> dict[str, Any]:
    """Return the config of spacy-transformers' own model, with its defaults and strided spans."""
    spans = {"@span_getters": "spacy-transformers.strided_spans.v1", "window": window, "stride": stride}
    return DEFAULT_CONFIG["transformer"]["model"] | {"name": "", "get_spans": spans}


def strided_spans(nlp: Language, encoder: HFObjects, *, window: int, stride: int) -> Prepare:
    """Run the pipeline with spacy-transformers' own model instead of ours, with its defaults and the same head.

    window, stride (int): the number of tokens in a span, and between the starts of two spans.
    """
    model = registry.resolve({"model": strided_config(window=window, stride=stride)})["model"]
    model.attrs["set_transformer"](model, encoder)
    component: Any = nlp.get_pipe("transformer")
    component.model = model
    component.cfg["max_batch_items"] = DEFAULT_CONFIG["transformer"]["max_batch_items"]
    nlp.batch_size = BLOCK
    return own_settings(nlp, encoder)


def hugging_face(nlp: Language, encoder: HFObjects, *, batch_size: int, by_length: bool = False) -> Prepare:
    """Run `transformers.pipeline`, with a stride for texts that are longer than the encoder's limit.

    batch_size (int): how many texts go through the encoder at once.
    by_length (bool): whether the texts are sorted by length.
    """
    model, stride = make_tagger(nlp, encoder), wordpiece_limit(encoder) // 8
    options = {"tokenizer": encoder.tokenizer, "aggregation_strategy": "simple", "stride": stride}
    # By default it would move the encoder to a GPU.
    options["device"] = encoder.transformer.device
    annotate = hugging_face_pipeline("token-classification", model=model, **options)

    def prepare(texts: list[str]) -> Callable[[], Any]:
        # Thinc leaves an encoder in training mode.
        model.eval()
        return lambda: annotate(sorted(texts, key=len) if by_length else texts, batch_size=batch_size)

    return prepare


def make_tagger(nlp: Language, encoder: HFObjects) -> PreTrainedModel:
    """Put the encoder into transformers' model for token classification, which finds nothing.

    Our heads are no linear layer over single tokens, as that model's is. To find nothing is the least work for what
    follows it; random weights would find something everywhere.
    """
    head: Any = nlp.get_pipe(entity_pipes(nlp)[0])
    tags = ["O", *(f"{position}-{label}" for label in head.labels for position in "BI")]
    config = deepcopy(encoder.transformer.config)
    config.id2label, config.label2id = dict(enumerate(tags)), {tag: number for number, tag in enumerate(tags)}
    model = AutoModelForTokenClassification.from_config(config)
    setattr(model, model.base_model_prefix, encoder.transformer)
    bias = torch.tensor([float(tag == "O") for tag in tags])
    model.classifier.load_state_dict({"weight": torch.zeros_like(model.classifier.weight), "bias": bias})
    return model.to(encoder.transformer.device)


def bare_encoder(nlp: Language, encoder: HFObjects, *, row_wordpieces: int) -> Prepare:
    """Run only the encoder, which finds nothing, over full rows: the highest speed that is possible.

    The wordpieces of all texts follow each other in rows of `row_wordpieces`, or of the encoder's limit if that is
    lower, without special ones. Nothing is padded or read twice.
    """
    length = min(row_wordpieces, wordpiece_limit(encoder))

    @torch.inference_mode()
    def run(batches: list[torch.Tensor]) -> None:
        for batch in batches:
            encoder.transformer(input_ids=batch)

    def prepare(texts: list[str]) -> Callable[[], None]:
        encoded = encoder.tokenizer(texts, add_special_tokens=False, verbose=False)
        encoder.transformer.eval()
        return partial(run, cut_rows([piece for ids in encoded.input_ids for piece in ids], length))

    return prepare


def cut_rows(ids: list[int], length: int) -> list[torch.Tensor]:
    """Cut wordpieces into rows, and rows into batches; see `BARE_BATCH`. The rest is a row by itself."""
    full = len(ids) - len(ids) % length
    batches = torch.tensor(ids[:full], dtype=torch.int64).view(-1, length).split(max(BARE_BATCH // length, 1))
    rest = torch.tensor([ids[full:]], dtype=torch.int64)
    return [batch for batch in (*batches, rest) if batch.numel()]


OURS = "this pipeline"
HUGGING_FACE = "Hugging Face pipeline"
STRIDED: Makers = {
    f"spaCy, strided spans {window}/{stride}": partial(strided_spans, window=window, stride=stride)
    for window, stride in ((128, 96), (256, 224))
}
PIPELINES: Makers = {OURS: own_settings, **STRIDED}
HUGGING_FACES: Makers = {
    f"{HUGGING_FACE}, one text at a time": partial(hugging_face, batch_size=1),
    f"{HUGGING_FACE}, batches of 8": partial(hugging_face, batch_size=8),
    f"{HUGGING_FACE}, batches of 8, sorted": partial(hugging_face, batch_size=8, by_length=True),
    f"{HUGGING_FACE}, batches of 32, sorted": partial(hugging_face, batch_size=32, by_length=True),
}
BARES: Makers = {
    f"bare encoder, rows of {length} wordpieces": partial(bare_encoder, row_wordpieces=length)
    for length in (128, 256, 512)
}
PRECISIONS: Makers = {
    "fp32": partial(in_precision, precision="fp32"),
    "int8: a scale for each token and each output": partial(in_precision, precision="int8"),
    "torch's int8: a scale for each batch and each output": torch_int8,
}
# What changes the pipeline, so that each has its own.
CHANGED = (*STRIDED, *PRECISIONS)


def make_contenders(model: str, makers: Makers, others: Sequence[str] = ()) -> dict[str, Contender]:
    """Make contenders with the weights of one encoder, and other pipelines with their own.

    model (str): the pipeline.
    makers (Makers): what makes each contender from the pipeline and the encoder.
    others (Sequence[str]): further pipelines of this project, run with their own settings.
    RETURNS (dict[str, Contender]): the contenders by name; the others' names are those given.
    """
    shared = load_pipeline(model)
    encoder = get_encoder(shared)
    contenders = {}
    for name, make in [*makers.items(), *((other, own_settings) for other in others)]:
        nlp: Any = load_pipeline(name if name in others else model) if name in (*CHANGED, *others) else shared
        prepare = make(nlp, encoder)
        contenders[name] = Contender(nlp, nlp.get_pipe("transformer").model.transformer, prepare)
    return contenders


def count_words(nlp: Language, texts: Iterable[str]) -> int:
    """Return the number of tokens that are not whitespace."""
    return sum(not token.is_space for text in texts for token in nlp.make_doc(text))
