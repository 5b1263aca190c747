"""Wordpieces of documents, aligned with their tokens.

A document is tokenized once, as a whole, and its wordpieces are aligned with its tokens by their offsets.
"""

from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray
from spacy.attrs import LENGTH, SPACY
from spacy.tokens import Doc
from spacy_transformers.data_classes import TransformerData, WordpieceBatch
from thinc.types import Floats2d, Ragged
from tokenizers import Encoding
from transformers.file_utils import ModelOutput

Ints = NDArray[numpy.int64]
# A fast tokenizer of transformers, whose own type has no `__call__` for mypy.
Tokenizer = Any


@dataclass
class Wordpieces:
    """A document's wordpieces, without special ones.

    ids (Ints): their ids in the encoder's vocabulary.
    strings (list[str]): their texts.
    starts (Ints): the first wordpiece of each token.
    counts (Ints): the number of wordpieces of each token. A wordpiece can belong to two tokens; whitespace has none.
    """

    ids: Ints
    strings: list[str]
    starts: Ints
    counts: Ints

    @property
    def n_vectors(self) -> int:
        """The number of the document's vectors. Listeners want one even for whitespace, which has no wordpieces."""
        return max(len(self.ids), 1) if len(self.starts) else 0

    def to_data(self, vectors: Floats2d) -> TransformerData:
        """Return spacy-transformers' record of the document: a single row with a vector for each wordpiece.

        vectors (Floats2d): the vectors, (n_vectors, width).
        RETURNS (TransformerData): the record; an empty one for a document without tokens.
        """
        if not len(self.starts):
            return TransformerData.empty()
        # The wordpieces of token i are starts[i], starts[i] + 1, ...: here for all tokens, one after the other.
        steps = numpy.arange(self.counts.sum()) - numpy.repeat(self.counts.cumsum() - self.counts, self.counts)
        aligned: Any = (numpy.repeat(self.starts, self.counts) + steps).astype("i")
        lengths: Any = self.counts.astype("i")
        input_ids: Any = self.ids[None]
        attention_mask: Any = numpy.ones((1, len(self.ids)), dtype="f")
        wordpieces = WordpieceBatch([self.strings], input_ids, attention_mask, [len(self.ids)], None)
        row: Any = vectors
        return TransformerData(wordpieces, ModelOutput(last_hidden_state=row[None]), Ragged(aligned, lengths))


def tokenize(tokenizer: Tokenizer, docs: list[Doc]) -> list[Wordpieces]:
    """Tokenize documents as a whole, and align their wordpieces with their tokens.

    tokenizer (Tokenizer): a fast tokenizer.
    docs (list[Doc]): the documents.
    RETURNS (list[Wordpieces]): the wordpieces of each document.
    """
    encodings = tokenizer(
        [doc.text for doc in docs], add_special_tokens=False, return_offsets_mapping=True, verbose=False
    ).encodings
    return [align(doc, encoding) for doc, encoding in zip(docs, encodings, strict=True)]


def align(doc: Doc, encoding: Encoding) -> Wordpieces:
    """Align a document's tokens with all wordpieces that they share a character with.

    doc (Doc): the document.
    encoding (Encoding): its text, tokenized without special wordpieces.
    RETURNS (Wordpieces): its wordpieces.
    """
    lengths, spaces = doc.to_array([LENGTH, SPACY]).astype("i8").reshape(-1, 2).T
    token_ends = (lengths + spaces).cumsum() - spaces
    piece_starts, piece_ends = numpy.array(encoding.offsets, dtype="i8").reshape(-1, 2).T
    starts = piece_ends.searchsorted(token_ends - lengths, side="right")
    counts = numpy.maximum(piece_starts.searchsorted(token_ends) - starts, 0)
    return Wordpieces(numpy.array(encoding.ids, dtype="i8"), encoding.tokens, starts, counts)


def special_ids(tokenizer: Tokenizer) -> tuple[Ints, Ints]:
    """Return the special wordpieces before and after a text: [CLS] and [SEP] for BERT.

    tokenizer (Tokenizer): the tokenizer.
    RETURNS (tuple[Ints, Ints]): their ids.
    """
    bare = tokenizer("a", add_special_tokens=False).input_ids
    whole = tokenizer("a").input_ids
    start = next(i for i in range(len(whole)) if whole[i : i + len(bare)] == bare)
    return numpy.array(whole[:start], dtype="i8"), numpy.array(whole[start + len(bare) :], dtype="i8")
