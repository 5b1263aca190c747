"""The span getter of the encoder: windows of wordpieces, so that none exceeds the encoder's limit.

In: a document and the first wordpiece of each of its tokens. Out: the wordpieces that are read together. It is the
`get_spans` of `clinical_ner.WindowedTransformer.v1`.
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
    """Create a span getter that cuts a document into windows of wordpieces.

    The span getters of spacy-transformers cut by tokens, before the wordpieces are known. This one is called once a
    document has been tokenized.

    max_wordpieces (int): the largest number of wordpieces in a window, special ones included; BERT's limit is 512.
    overlap (int): the number of wordpieces that two neighbours share. Each gets its vector from the window that shows
        more of its context.
    RETURNS (Callable): returns the windows of a document, see `cut_windows`.
    RAISES (ValueError): the window is too small to hold a sentence, or too much of it would be read twice.
    """
    if max_wordpieces < 16:
        raise ValueError(f"max_wordpieces ({max_wordpieces}) must be at least 16")
    if not 0 <= overlap <= max_wordpieces // 4:
        raise ValueError(f"overlap ({overlap}) must be within [0, max_wordpieces / 4], here {max_wordpieces // 4}")

    # Not a closure: where processes are not forked, on macOS for instance, `nlp.pipe` with n_process pickles the
    # pipeline.
    return partial(get_windows, max_wordpieces=max_wordpieces, overlap=overlap)


def get_windows(
    doc: Doc, token_starts: Ints, n_wordpieces: int, n_special: int, *, max_wordpieces: int, overlap: int
) -> list[Window]:
    """Return the windows of a document, see `configure_wordpiece_windows` and `cut_windows`."""
    capacity = max_wordpieces - n_special
    if n_wordpieces <= capacity:
        return [(0, n_wordpieces)]
    return cut_windows(sentence_starts(doc, token_starts), token_starts, n_wordpieces, capacity, overlap)


def sentence_starts(doc: Doc, token_starts: Ints) -> Ints:
    """Return the wordpieces at which a sentence or a line starts: those after a punctuation mark or a line break.

    doc (Doc): the document.
    token_starts (Ints): the first wordpiece of each of its tokens.
    RETURNS (Ints): some of `token_starts`.
    """
    ends = [token.text in SENTENCE_ENDS or (token.is_space and "\n" in token.text) for token in doc[:-1]]
    return token_starts[1:][numpy.array(ends, dtype=bool)]


def cut_windows(sentences: Ints, tokens: Ints, n_wordpieces: int, capacity: int, overlap: int) -> list[Window]:
    """Cut a document's wordpieces into as few windows as possible, of about the same length.

    A window ends at the end of a sentence or a line if one is near, else after a token. It ends inside a token only if
    that token is longer than a window.

    sentences (Ints): the starts of sentences, ascending.
    tokens (Ints): the starts of tokens, ascending.
    n_wordpieces (int): the number of wordpieces.
    capacity (int): the number of wordpieces in a window, without special ones.
    overlap (int): the smallest number of wordpieces that a window shares with the one before.
    RETURNS (list[Window]): the first wordpiece of each window and the one after its last, in order. Together they
        cover all wordpieces.
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
    """Return the point nearest to `target` within [low, high]: a preferred one, else another, else the target."""
    for points in (preferred, others):
        near = points[numpy.searchsorted(points, low) : numpy.searchsorted(points, high, side="right")]
        if len(near):
            return int(near[numpy.abs(near - target).argmin()])
    return target
