"""The span getter of the encoder: windows filled by wordpieces, so that none passes the encoder's limit.

In: a document and where its tokens stand among its wordpieces. Out: the wordpieces that are read together.
Plugged into `clinical_ner.WindowedTransformer.v1` as `get_spans`; it ships inside the wheel.
"""

from collections.abc import Callable
from functools import partial

import numpy
from spacy.tokens import Doc

from .wordpieces import Ints

Window = tuple[int, int]
GetWindows = Callable[[Doc, Ints, int, int], list[Window]]

SENTENCE_ENDS = frozenset(".!?;")


def configure_wordpiece_windows(max_wordpieces: int, overlap: int) -> GetWindows:
    """Give a span getter that cuts a document into windows of wordpieces.

    Unlike the span getters of spacy-transformers, which cut by tokens before anything is known of their wordpieces,
    it is called when a document has been tokenized, and once is enough.

    max_wordpieces (int): the most that a window may hold, special tokens included; 512 is BERT's limit.
    overlap (int): how many wordpieces two neighbours share. Each gets its vector from the window that shows more of
        what stands around it.
    RETURNS (Callable): gives the windows of a document, see `cut_windows`.
    RAISES (ValueError): the window is too small to hold a sentence, or most of it would be read again.
    """
    if max_wordpieces < 16:
        raise ValueError(f"max_wordpieces ({max_wordpieces}) must be at least 16")
    if not 0 <= overlap <= max_wordpieces // 4:
        raise ValueError(f"overlap ({overlap}) must be within [0, max_wordpieces / 4], here {max_wordpieces // 4}")

    # Not a function within this one: where processes do not begin as a fork, on macOS for instance, `nlp.pipe` with
    # n_process pickles the pipeline.
    return partial(get_windows, max_wordpieces=max_wordpieces, overlap=overlap)


def get_windows(
    doc: Doc, token_starts: Ints, n_wordpieces: int, n_special: int, *, max_wordpieces: int, overlap: int
) -> list[Window]:
    """Give the windows of a document, see `configure_wordpiece_windows` and `cut_windows`."""
    capacity = max_wordpieces - n_special
    if n_wordpieces <= capacity:
        return [(0, n_wordpieces)]
    return cut_windows(sentence_starts(doc, token_starts), token_starts, n_wordpieces, capacity, overlap)


def sentence_starts(doc: Doc, token_starts: Ints) -> Ints:
    """Give the wordpieces at which a sentence or a line begins, told by the sign or line break before it.

    doc (Doc): the document.
    token_starts (Ints): the first wordpiece of each of its tokens.
    RETURNS (Ints): a selection of `token_starts`.
    """
    ends = [token.text in SENTENCE_ENDS or (token.is_space and "\n" in token.text) for token in doc[:-1]]
    return token_starts[1:][numpy.array(ends, dtype=bool)]


def cut_windows(sentences: Ints, tokens: Ints, n_wordpieces: int, capacity: int, overlap: int) -> list[Window]:
    """Cut a document's wordpieces into as few windows as hold them, of about the same length.

    A window ends where a sentence or a line ends if one does near, else after a token. Only within a token that is
    longer than a window it ends anywhere.

    sentences (Ints): where sentences begin, ascending.
    tokens (Ints): where tokens begin, ascending.
    n_wordpieces (int): how many wordpieces there are.
    capacity (int): how many a window holds, special tokens apart.
    overlap (int): how many of them a window shares with the one before, at least.
    RETURNS (list[Window]): the first wordpiece of each window and the one after its last, in order. Together they
        cover all.
    """
    reach = capacity // 8
    windows, start = [], 0
    while n_wordpieces - start > capacity:
        rest = n_wordpieces - start
        more = -(-(rest - capacity) // (capacity - overlap))
        target = start + -(-(rest + more * overlap) // (more + 1))
        end = nearest(sentences, tokens, target, target - reach, min(target + reach, start + capacity))
        windows.append((start, end))
        start = nearest(tokens, tokens, end - overlap, end - overlap - reach, end - overlap)
    return [*windows, (start, n_wordpieces)]


def nearest(preferred: Ints, others: Ints, target: int, low: int, high: int) -> int:
    """Give the point nearest to `target` within [low, high]: a preferred one, else another, else the target."""
    for points in (preferred, others):
        near = points[numpy.searchsorted(points, low) : numpy.searchsorted(points, high, side="right")]
        if len(near):
            return int(near[numpy.abs(near - target).argmin()])
    return target
