"""The encoder of the pipeline: spacy-transformers' model, fed with windows of wordpieces.

Documents are tokenized (wordpieces.py), cut into windows (windows.py), and the windows go through the encoder in groups
of similar length (rows.py). Each wordpiece has one vector in the end, that of the window which shows most of its
context: `doc._.trf_data` holds a document as a single row, and nothing is cut off.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple, cast

import numpy
import torch
from spacy.tokens import Doc
from spacy_transformers.data_classes import FullTransformerBatch, TransformerData, WordpieceBatch
from spacy_transformers.layers import split_trf_batch, transformer_model, trfs2arrays
from spacy_transformers.layers.hf_shim import HFShim
from spacy_transformers.layers.transformer_model import TransformerModel
from thinc.api import ArgsKwargs, Model, Shim, chain, get_torch_default_device, torch2xp, xp2torch
from thinc.types import Floats2d, Floats3d, Ragged
from transformers.file_utils import ModelOutput

from ..processes import one_thread_in_workers
from .int8 import quantize_encoder
from .rows import GroupLimits, Places, Row, check_windows, find_places, group_by_length, limits_for, make_rows, pad
from .windows import GetWindows
from .wordpieces import Ints, Wordpieces, special_ids, tokenize

logger = logging.getLogger(f"spacy.{__name__}")

# What makes an encoder compute in a precision.
PRECISIONS: dict[str, Callable[[torch.nn.Module], None] | None] = {"fp32": None, "int8": quantize_encoder}


class WindowedTransformer(TransformerModel):
    """spacy-transformers' model with another way from documents to wordpieces and back.

    batch_wordpieces (int | None): see `configure_windowed_transformer`.
    precision (str): see `configure_windowed_transformer`.
    home (int): the id of the process that made the model. Others are workers, see `one_thread_in_workers`.
    """

    def __init__(self, name: str, get_spans: Callable, batch_wordpieces: int | None, precision: str, *args: Any):
        super().__init__(name, get_spans, *args)
        self.name = "windowed-transformer"
        self.replace_callbacks(forward, init=init)
        self.attrs["replace_listener_cfg"] = replace_listener_config
        # Not among thinc's attrs: those are saved with the weights, and would override the config on loading.
        self.batch_wordpieces = batch_wordpieces
        self.precision = precision
        self.home = os.getpid()

    @property
    def shim(self) -> HFShim:
        """What holds the encoder and its gradient scaler."""
        return cast(HFShim, self.layers[0].shims[0])

    @property
    def limits(self) -> GroupLimits:
        """How many rows go through the encoder at once."""
        limits = limits_for(self.transformer.device)
        return limits if self.batch_wordpieces is None else limits._replace(wordpieces=self.batch_wordpieces)

    def copy(self) -> "WindowedTransformer":
        """Return a copy with the same settings, and weights of its own."""
        return self._copy()

    def _copy(self, seen: dict[int, Model | Shim] | None = None) -> "WindowedTransformer":
        """Copy the model, by itself or as a layer of another; see `Model._copy`."""
        copied = WindowedTransformer(
            self.attrs["name"], self.attrs["get_spans"], self.batch_wordpieces, self.precision, {}, {}, False, {}
        )
        copied.layers[0] = self.layers[0]._copy(seen)
        # A shim's copy has its id, by which the optimizer would keep one state for both.
        copied.shim.id = Shim(None).id
        copied.attrs.update(self.attrs)
        if self.has_dim("nO"):
            copied.set_dim("nO", self.get_dim("nO"))
        return copied


def configure_windowed_transformer(
    name: str,
    get_spans: GetWindows,
    batch_wordpieces: int | None,
    tokenizer_config: dict[str, Any],
    transformer_config: dict[str, Any],
    mixed_precision: bool,
    grad_scaler_config: dict[str, Any],
    precision: str = "fp32",
) -> Model[list[Doc], FullTransformerBatch]:
    """Create the model of spaCy's `transformer` component.

    name (str): the folder of the encoder. Its tokenizer must be a fast one, which returns offsets.
    get_spans (Callable): returns a document's windows, `clinical_ner.wordpiece_windows.v1`.
    batch_wordpieces (int | None): the number of wordpieces, padding included, that go through the encoder at once.
        It bounds the memory and changes no result. None fits the encoder's device: 2,048 on a CPU, 16,384 on a GPU.
    tokenizer_config (dict[str, Any]): settings of the tokenizer.
    transformer_config (dict[str, Any]): settings of the encoder.
    mixed_precision (bool): whether to compute in half precision where that is safe. Without effect on a CPU.
    grad_scaler_config (dict[str, Any]): settings of the scaling of gradients in mixed precision.
    precision (str): "fp32", or "int8" for a trained pipeline on a CPU. Either way the weights are kept in fp32.
    RETURNS (Model): from documents to a `DocumentBatch`.
    RAISES (ValueError): there is no such precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision ({precision}) must be one of {', '.join(PRECISIONS)}")
    if mixed_precision and get_torch_default_device().type == "cpu":
        logger.warning("mixed_precision has no effect on a CPU: the encoder computes in fp32")
        mixed_precision, grad_scaler_config = False, {}
    # HFShim adds to the scaler's settings, which belong to the config.
    encoder_config = (tokenizer_config, transformer_config, mixed_precision, dict(grad_scaler_config))
    return WindowedTransformer(name, get_spans, batch_wordpieces, precision, *encoder_config)


def configure_tok2vec_transformer(
    encoder: Model[list[Doc], FullTransformerBatch], pooling: Model[Ragged, Floats2d], grad_factor: float = 1.0
) -> Model[list[Doc], list[Floats2d]]:
    """Create an encoder that belongs to a single component: what `nlp.replace_listeners` puts in a listener's place.

    encoder (Model): the encoder, `clinical_ner.WindowedTransformer.v1`.
    pooling (Model): from the vectors of a token's wordpieces to the token's vector.
    grad_factor (float): factor of the gradients that reach the encoder.
    RETURNS (Model): from documents to the vectors of their tokens.
    """
    # A chain in a chain, as in spacy-transformers: replacing a listener leaves this structure.
    return chain(chain(encoder, split_trf_batch()), trfs2arrays(pooling, grad_factor))


def replace_listener_config(encoder: dict[str, Any], listener: dict[str, Any]) -> dict[str, Any]:
    """Return the config of what `nlp.replace_listeners` puts in a listener's place.

    encoder (dict[str, Any]): the config of the shared encoder.
    listener (dict[str, Any]): the config of the listener.
    RETURNS (dict[str, Any]): a config of `configure_tok2vec_transformer`.
    """
    config = {"@architectures": "clinical_ner.Tok2VecTransformer.v1", "encoder": encoder.copy()}
    return config | {key: listener[key] for key in ("pooling", "grad_factor") if key in listener}


class DocumentBatch(FullTransformerBatch):
    """The encoder's output for some documents: a row of wordpieces each, with no windows left in it.

    model_output.last_hidden_state (torch.Tensor): the vectors of all documents' wordpieces, one after the other.
    cached_doc_data (list[TransformerData]): the same by document, with wordpieces and alignment; the batch's own
        `wordpieces` and `align` are empty.
    """

    def unsplit_by_doc(self, arrays: list[list[Floats3d]]) -> "DocumentBatch":
        """Return a batch with the gradients of the documents' vectors.

        arrays (list[list[Floats3d]]): the gradients by document, except for documents without tokens.
        RETURNS (DocumentBatch): the gradients in place of the vectors.
        """
        none = vectors_of(self)[:0]
        gradients = torch.cat([none, *(xp2torch(array)[0] for (array,) in arrays)])
        return replace(self, model_output=ModelOutput(last_hidden_state=gradients))


def vectors_of(batch: FullTransformerBatch) -> torch.Tensor:
    """Return the vectors, or their gradients, of all documents' wordpieces."""
    return cast(Any, batch.model_output).last_hidden_state


class GroupPass(NamedTuple):
    """What the backward pass needs of a group of rows.

    hidden (torch.Tensor): the encoder's output, (rows, wordpieces, width).
    places (Places): where the vectors are in it.
    backprop (Callable): the shim's callback, which scales gradients, propagates them and unscales the parameters'.
    """

    hidden: torch.Tensor
    places: Places
    backprop: Callable[[ArgsKwargs], Any]


def init(model: WindowedTransformer, X: list[Doc] | None = None, Y: None = None) -> None:
    """Load the encoder; see `spacy_transformers.layers.transformer_model.init`.

    RAISES (ValueError): the tokenizer returns no offsets.
    """
    transformer_model.init(model)
    if not model.tokenizer.is_fast:
        raise ValueError(f"The tokenizer ({type(model.tokenizer).__name__}) must be a fast one, which gives offsets")


def forward(
    model: WindowedTransformer, docs: list[Doc], is_train: bool
) -> tuple[DocumentBatch, Callable[[DocumentBatch], list[Doc]]]:
    """Run documents through the encoder; see `configure_windowed_transformer`.

    RAISES (ValueError): a window is longer than the encoder's limit, or the precision is not possible here.
    """
    with one_thread_in_workers(model.home):
        set_precision(model, is_train)
        documents = tokenize(model.tokenizer, docs)
        firsts = numpy.cumsum([0, *(document.n_vectors for document in documents)]).tolist()
        special = special_ids(model.tokenizer)
        rows = [
            row
            for doc, document, first in zip(docs, documents, firsts, strict=False)
            for row in make_document_rows(model, doc, document, special, first)
        ]
        vectors = torch.zeros((firsts[-1], model.get_dim("nO")), device=model.transformer.device)
        groups = group_by_length(rows, model.limits)
        passes = [kept for group in groups if (kept := encode_group(model, group, vectors, is_train=is_train))]

    def backprop(d_batch: DocumentBatch) -> list[Doc]:
        with one_thread_in_workers(model.home):
            backprop_groups(passes, vectors_of(d_batch))
        return docs

    array: Any = torch2xp(vectors)
    batch = DocumentBatch(
        spans=[[doc[:]] if len(doc) else [] for doc in docs],
        wordpieces=WordpieceBatch.empty(),
        model_output=ModelOutput(last_hidden_state=cast(Any, vectors)),
        align=TransformerData.empty().align,
        cached_doc_data=[
            document.to_data(array[start:end])
            for document, (start, end) in zip(documents, pairwise(firsts), strict=True)
        ],
    )
    return batch, backprop


def set_precision(model: WindowedTransformer, is_train: bool) -> None:
    """Make the encoder compute in the model's precision, unless it does already: its weights come after the model.

    model (WindowedTransformer): the model.
    is_train (bool): whether it is to be trained.
    RAISES (ValueError): it cannot be trained in this precision, or not run on this device.
    """
    convert = PRECISIONS[model.precision]
    if convert is None:
        return
    if is_train:
        raise ValueError(
            f"A pipeline cannot be trained in the precision {model.precision}: load it with"
            ' config={"components": {"transformer": {"model": {"precision": "fp32"}}}}'
        )
    convert(model.transformer)


def make_document_rows(
    model: WindowedTransformer, doc: Doc, document: Wordpieces, special: tuple[Ints, Ints], first: int
) -> list[Row]:
    """Cut a document into windows, and turn these into rows.

    model (WindowedTransformer): for its span getter and its encoder's limit.
    doc (Doc): the document.
    document (Wordpieces): its wordpieces.
    special (tuple[Ints, Ints]): the special wordpieces before and after each window.
    first (int): the position of its first vector among those of all documents.
    RETURNS (list[Row]): its rows; none without wordpieces.
    RAISES (ValueError): a window is longer than the encoder's limit.
    """
    if not len(document.ids):
        return []
    n_special = sum(map(len, special))
    windows = model.attrs["get_spans"](doc, document.starts, len(document.ids), n_special)
    # fetch-encoder lowers it to the size of the position table, which not every architecture has.
    limit = model.tokenizer.model_max_length
    check_windows(document, windows, n_special, limit)
    return make_rows(document, windows, special, first)


def encode_group(
    model: WindowedTransformer, group: list[Row], vectors: torch.Tensor, *, is_train: bool
) -> GroupPass | None:
    """Run a group of rows through the encoder, and store the vectors that are taken from it.

    model (WindowedTransformer): the model.
    group (list[Row]): the rows.
    vectors (torch.Tensor): the vectors of all documents, (vectors, width); the group's are filled in.
    is_train (bool): whether the encoder is in training.
    RETURNS (GroupPass | None): what the backward pass needs; None in inference, where no output is kept.
    """
    wrapper = model.layers[0]
    batch = pad(group, model.tokenizer.pad_token_id or 0)
    inputs, _ = wrapper.attrs["convert_inputs"](wrapper, batch, is_train)
    output, backprop = model.shim(inputs, is_train)
    hidden, places = output.last_hidden_state, find_places(group, vectors.device)
    vectors[places.vectors] = hidden.detach()[places.rows, places.columns].to(vectors.dtype)
    return GroupPass(hidden, places, backprop) if is_train else None


def backprop_groups(passes: list[GroupPass], d_vectors: torch.Tensor) -> None:
    """Run the backward pass of all groups at once: the shim unscales all gradients each time its callback is called.

    passes (list[GroupPass]): the groups.
    d_vectors (torch.Tensor): the gradients of all documents' vectors, (vectors, width).
    """
    if not passes:
        return
    gradients = []
    for hidden, places, _ in passes:
        # In the precision of the vectors: it is scaled before it becomes that of the encoder's output.
        d_hidden = d_vectors.new_zeros(hidden.shape)
        d_hidden[places.rows, places.columns] = d_vectors[places.vectors]
        gradients.append(d_hidden)
    outputs = [group.hidden for group in passes]
    passes[-1].backprop(ArgsKwargs(args=(outputs,), kwargs={"grad_tensors": gradients}))
