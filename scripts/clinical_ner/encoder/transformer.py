"""The encoder of the pipeline: spacy-transformers' model, fed with windows of wordpieces, that cuts nothing off.

A document is tokenized once, as a whole. Its wordpieces are aligned with its tokens by offsets and cut into windows;
windows of like length go through the encoder together; and each wordpiece has one vector in the end, that of the
window in which most stands around it. `doc._.trf_data` so holds a document as one row. It ships inside the wheel.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy
import torch
from spacy.attrs import LENGTH, SPACY
from spacy.tokens import Doc
from spacy_transformers.data_classes import FullTransformerBatch, TransformerData, WordpieceBatch
from spacy_transformers.layers import transformer_model
from spacy_transformers.layers.transformer_model import TransformerModel
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats2d, Floats3d, Ints1d, Ragged
from tokenizers import Encoding
from transformers import PreTrainedTokenizerFast
from transformers.file_utils import ModelOutput

from .int8 import quantize_encoder

logger = logging.getLogger(f"spacy.{__name__}")

# A padded wordpiece costs as much as another; a smaller group costs little, as one long row keeps a processor busy.
PADDING = 0.05
# What makes an encoder compute in a precision.
PRECISIONS: dict[str, Callable[[torch.nn.Module], None] | None] = {"fp32": None, "int8": quantize_encoder}


class WindowedTransformer(TransformerModel):
    """spacy-transformers' model with another way from documents to wordpieces and back."""

    def __init__(self, name: str, get_spans: Callable, batch_wordpieces: int, precision: str, *args: Any):
        super().__init__(name, get_spans, *args)
        self.name = "windowed-transformer"
        self.init, self._func = init, forward
        # None of thinc's attrs: those are saved with the weights, and would win over the config on loading.
        self.batch_wordpieces = batch_wordpieces
        self.precision = precision


def configure_windowed_transformer(
    name: str,
    get_spans: Callable[[Doc, Ints1d, int, int], list[tuple[int, int]]],
    batch_wordpieces: int,
    tokenizer_config: dict[str, Any],
    transformer_config: dict[str, Any],
    mixed_precision: bool,
    grad_scaler_config: dict[str, Any],
    precision: str = "fp32",
) -> Model[list[Doc], FullTransformerBatch]:
    """Give the model of spaCy's `transformer` component.

    name (str): the folder of the encoder. Its tokenizer must be a fast one, which gives offsets.
    get_spans (Callable): gives a document's windows, `clinical_ner.wordpiece_windows.v1`.
    batch_wordpieces (int): how many wordpieces, padding included, go through the encoder at once. It bounds the
        memory, and changes no result.
    tokenizer_config (dict[str, Any]): settings of the tokenizer.
    transformer_config (dict[str, Any]): settings of the encoder.
    mixed_precision (bool): whether to compute in half precision where that is safe; on a GPU.
    grad_scaler_config (dict[str, Any]): settings of the scaling of gradients in mixed precision.
    precision (str): "fp32", or "int8" for a trained pipeline on a CPU. Either way the weights are kept in fp32.
    RETURNS (Model): from documents to a `DocumentBatch`.
    RAISES (ValueError): there is no such precision.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision ({precision}) must be one of {', '.join(PRECISIONS)}")
    encoder_config = (tokenizer_config, transformer_config, mixed_precision, grad_scaler_config)
    return WindowedTransformer(name, get_spans, batch_wordpieces, precision, *encoder_config)


@dataclass
class DocumentBatch(FullTransformerBatch):
    """The encoder's output for some documents, a row of wordpieces each, with no windows left in it.

    model_output.last_hidden_state (Floats2d): the vectors of all documents' wordpieces, one after the other.
    cached_doc_data (list[TransformerData]): the same by document, with wordpieces and alignment; the batch's own
        `wordpieces` and `align` are empty.
    """

    def unsplit_by_doc(self, arrays: list[list[Floats3d]]) -> "DocumentBatch":
        """Give a batch with the gradients of the documents' vectors, those without a token left out in `arrays`."""
        gradients = torch.cat([xp2torch(array)[0] for (array,) in arrays])
        return replace(self, model_output=ModelOutput(last_hidden_state=gradients))


@dataclass
class Wordpieces:
    """A document's wordpieces, special ones apart.

    ids (Ints1d): their ids in the encoder's vocabulary.
    strings (list[str]): their texts.
    starts (Ints1d): the first wordpiece of each token.
    counts (Ints1d): how many wordpieces each token has. One can belong to two tokens; spaces have none.
    """

    ids: Ints1d
    strings: list[str]
    starts: Ints1d
    counts: Ints1d

    @property
    def n_vectors(self) -> int:
        """How many vectors the document gets. One of spaces only has no wordpieces, but listeners want a vector."""
        return max(len(self.ids), 1) if len(self.starts) else 0

    def data(self, vectors: Floats2d) -> TransformerData:
        """Give spacy-transformers' record of the document, with a vector for each wordpiece in one row."""
        if not len(self.starts):
            return TransformerData.empty()
        # The wordpieces of token i are starts[i], starts[i] + 1, ...; here one after the other for all tokens.
        steps = numpy.arange(self.counts.sum()) - numpy.repeat(self.counts.cumsum() - self.counts, self.counts)
        align = Ragged((numpy.repeat(self.starts, self.counts) + steps).astype("i"), self.counts.astype("i"))
        wordpieces = WordpieceBatch(
            strings=[self.strings],
            input_ids=self.ids[None],
            attention_mask=numpy.ones((1, len(self.ids)), dtype="f"),
            lengths=[len(self.ids)],
            token_type_ids=None,
        )
        return TransformerData(wordpieces, ModelOutput(last_hidden_state=vectors[None]), align)


@dataclass
class Row:
    """A window with its special wordpieces: a row of what goes into the encoder.

    ids (Ints1d): the ids of its wordpieces.
    columns (Ints1d): those whose vectors are taken from here; a neighbour shows more of what stands around the others.
    vectors (Ints1d): the places of these vectors among those of all documents.
    """

    ids: Ints1d
    columns: Ints1d
    vectors: Ints1d


class Places(NamedTuple):
    """Where the vectors of a group of rows stand in the encoder's output, and among those of all documents.

    rows, columns (torch.Tensor): int64, their places in the output.
    vectors (torch.Tensor): int64, their places among all.
    """

    rows: torch.Tensor
    columns: torch.Tensor
    vectors: torch.Tensor


def init(model: WindowedTransformer, X: list[Doc] | None = None, Y: None = None) -> None:
    """Load the encoder; see `spacy_transformers.layers.transformer_model.init`.

    RAISES (ValueError): the tokenizer gives no offsets.
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
    set_precision(model, is_train)
    documents = tokenize(model.tokenizer, docs)
    firsts = numpy.cumsum([0, *(document.n_vectors for document in documents)])
    rows = [
        row
        for doc, document, first in zip(docs, documents, firsts, strict=False)
        for row in make_rows(model, doc, document, first)
    ]
    vectors = torch.zeros((firsts[-1], model.get_dim("nO")), device=model.transformer.device)
    backprops = []
    for group in group_by_length(rows, model.batch_wordpieces):
        output, backprop = model.layers[0](pad(group, model.tokenizer.pad_token_id or 0), is_train)
        hidden, places = output.last_hidden_state, vector_places(group, vectors.device)
        vectors[places.vectors] = hidden.detach()[places.rows, places.columns].to(vectors.dtype)
        backprops.append((hidden, places, backprop))

    def backprop_groups(d_batch: DocumentBatch) -> list[Doc]:
        d_vectors = d_batch.model_output.last_hidden_state
        for hidden, places, backprop in backprops:
            d_hidden = torch.zeros_like(hidden)
            d_hidden[places.rows, places.columns] = d_vectors[places.vectors].to(hidden.dtype)
            backprop(ModelOutput(last_hidden_state=d_hidden))
        return docs

    by_document = numpy.split(torch2xp(vectors), firsts[1:-1])
    batch = DocumentBatch(
        spans=[[doc[:]] if len(doc) else [] for doc in docs],
        wordpieces=WordpieceBatch.empty(),
        model_output=ModelOutput(last_hidden_state=vectors),
        align=TransformerData.empty().align,
        cached_doc_data=[document.data(part) for document, part in zip(documents, by_document, strict=True)],
    )
    return batch, backprop_groups


def set_precision(model: WindowedTransformer, is_train: bool) -> None:
    """Let the encoder compute in the model's precision, if it does not yet: its weights come after the model.

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


def tokenize(tokenizer: PreTrainedTokenizerFast, docs: list[Doc]) -> list[Wordpieces]:
    """Tokenize documents as a whole, and align the wordpieces with the documents' tokens by offsets."""
    encodings = tokenizer(
        [doc.text for doc in docs], add_special_tokens=False, return_offsets_mapping=True, verbose=False
    ).encodings
    return [align(doc, encoding) for doc, encoding in zip(docs, encodings, strict=True)]


def align(doc: Doc, encoding: Encoding) -> Wordpieces:
    """Give a document's wordpieces with the tokens they belong to: all those that they share a character with."""
    lengths, spaces = doc.to_array([LENGTH, SPACY]).astype("i8").reshape(-1, 2).T
    token_ends = (lengths + spaces).cumsum() - spaces
    piece_starts, piece_ends = numpy.array(encoding.offsets, dtype="i8").reshape(-1, 2).T
    starts = piece_ends.searchsorted(token_ends - lengths, side="right")
    counts = numpy.maximum(piece_starts.searchsorted(token_ends) - starts, 0)
    return Wordpieces(numpy.array(encoding.ids, dtype="i8"), encoding.tokens, starts, counts)


def make_rows(model: WindowedTransformer, doc: Doc, document: Wordpieces, first: int) -> list[Row]:
    """Give a document's windows as rows of the batch.

    model (WindowedTransformer): for its span getter and its tokenizer.
    doc (Doc): the document.
    document (Wordpieces): its wordpieces.
    first (int): the place of its first vector among those of all documents.
    RETURNS (list[Row]): its rows; none without wordpieces.
    RAISES (ValueError): a window is longer than the encoder's limit.
    """
    if not len(document.ids):
        return []
    before, after = special_ids(model.tokenizer)
    windows = model.attrs["get_spans"](doc, document.starts, len(document.ids), len(before) + len(after))
    longest = len(before) + max(end - start for start, end in windows) + len(after)
    # fetch-encoder lowers it to the size of the position table, which not every architecture has.
    limit = model.tokenizer.model_max_length
    if longest > limit:
        raise ValueError(
            f"A window of {longest} wordpieces is longer than the encoder's limit, {limit}:"
            " give the span getter a lower max_wordpieces"
        )
    divided = int((document.counts > longest - len(before) - len(after)).sum())
    if divided:
        logger.warning(
            "%d tokens are longer than a window of %d wordpieces: they were read in parts, and have the mean of all."
            " Text without spaces does this.",
            divided,
            longest,
        )
    # Of what two windows share, each gives the half that lies deeper in it.
    cuts = [(end + start) // 2 for (_, end), (start, _) in pairwise(windows)]
    rows = []
    for (start, end), low, high in zip(windows, [0, *cuts], [*cuts, len(document.ids)], strict=True):
        ids = numpy.concatenate([before, document.ids[start:end], after])
        taken = numpy.arange(low, high)
        rows.append(Row(ids, taken - start + len(before), taken + first))
    return rows


def special_ids(tokenizer: PreTrainedTokenizerFast) -> tuple[Ints1d, Ints1d]:
    """Give the special wordpieces before and after a text: [CLS] and [SEP] for BERT."""
    bare = tokenizer("a", add_special_tokens=False).input_ids
    whole = tokenizer("a").input_ids
    start = next(i for i in range(len(whole)) if whole[i : i + len(bare)] == bare)
    return numpy.array(whole[:start], dtype="i8"), numpy.array(whole[start + len(bare) :], dtype="i8")


def group_by_length(rows: list[Row], batch_wordpieces: int) -> Iterator[list[Row]]:
    """Group rows of like length, so that little is padded; longest first, so that memory is short early or never.

    rows (list[Row]): the rows.
    batch_wordpieces (int): the most wordpieces, padding included, in a group; a longer row is a group by itself.
    YIELDS (list[Row]): the groups. No row in them is padded by more than a part of its group's longest: PADDING.
    """
    group: list[Row] = []
    for row in sorted(rows, key=lambda row: -len(row.ids)):
        longest = len(group[0].ids) if group else 0
        if group and (longest * (len(group) + 1) > batch_wordpieces or len(row.ids) < (1 - PADDING) * longest):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def pad(group: list[Row], pad_id: int) -> WordpieceBatch:
    """Give rows as the batch that spacy-transformers' wrapper of the encoder takes."""
    lengths = [len(row.ids) for row in group]
    mask = numpy.arange(max(lengths)) < numpy.array(lengths)[:, None]
    input_ids = numpy.full(mask.shape, pad_id)
    input_ids[mask] = numpy.concatenate([row.ids for row in group])
    return WordpieceBatch([], input_ids, mask.astype("f"), lengths, None)


def vector_places(group: list[Row], device: torch.device) -> Places:
    """Tell where the vectors that are taken from a group's rows stand, and where they go."""
    rows = numpy.repeat(numpy.arange(len(group)), [len(row.columns) for row in group])
    columns = numpy.concatenate([row.columns for row in group])
    vectors = numpy.concatenate([row.vectors for row in group])
    return Places(*(torch.from_numpy(indices).to(device) for indices in (rows, columns, vectors)))
