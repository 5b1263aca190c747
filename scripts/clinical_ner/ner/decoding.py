"""From scores to spans: the best legal sequence of BIO tags, and how probable each of its mentions is."""

from typing import NamedTuple

import numpy
from numpy import ndarray
from spacy.attrs import SENT_START
from spacy.tokens import Doc

from ..invisible import is_blank
from .calibration import EPSILON


class TaggedSpan(NamedTuple):
    """A predicted mention.

    start, end (int): its first token, and the one after its last.
    label (str): its label.
    probability (float): the mean probability of its tags by the head, not calibrated.
    """

    start: int
    end: int
    label: str
    probability: float


def log_softmax(scores: ndarray) -> ndarray:
    """Return the log-probabilities of each row."""
    shifted = scores - scores.max(axis=-1, keepdims=True) if scores.size else scores
    return shifted - numpy.log(numpy.exp(shifted).sum(axis=-1, keepdims=True))


def legal_transitions(n_tags: int) -> ndarray:
    """Return which tag may follow which: I-X follows B-X or I-X only, every other tag follows any.

    n_tags (int): the number of tags: O, B-X, I-X, B-Y, I-Y, ...
    RETURNS (ndarray): bool, (tag before, tag). The first row, that of O, also holds for the first token.
    """
    legal = numpy.ones((n_tags, n_tags), dtype=bool)
    for inside in range(2, n_tags, 2):
        legal[:, inside] = False
        legal[[inside - 1, inside], inside] = True
    return legal


def cut_at_sentences(doc: Doc, scores: ndarray) -> ndarray:
    """Return scores with which no mention crosses the start of a sentence: its first token is never inside of one.

    doc (Doc): the document. Without sentence starts nothing changes.
    scores (ndarray): (tokens, tags).
    RETURNS (ndarray): the scores.
    """
    first = numpy.flatnonzero(doc.to_array([SENT_START]) == 1)
    if len(first) < 2:
        return scores
    scores = scores.copy()
    scores[first, 2::2] = -numpy.inf
    return scores


def decode(scores: list[ndarray]) -> list[ndarray]:
    """Return the best legal sequence of tags of each document.

    scores (list[ndarray]): (tokens, tags) for each.
    RETURNS (list[ndarray]): the tags of each.
    """
    if not scores:
        return []
    tags = [part.argmax(axis=1) for part in scores]
    legal = legal_transitions(scores[0].shape[1])
    # If the best tags of the tokens are a legal sequence, it is the best one. They nearly always are.
    todo = [i for i, best in enumerate(tags) if not legal[numpy.concatenate([[0], best[:-1]]), best].all()]
    for i, best in zip(todo, viterbi([scores[i] for i in todo], legal), strict=True):
        tags[i] = best
    return tags


def viterbi(scores: list[ndarray], legal: ndarray) -> list[ndarray]:
    """Find the sequences of tags with the highest sum of scores among the legal ones, all documents in step.

    scores (list[ndarray]): (tokens, tags) for each.
    legal (ndarray): bool, (tag before, tag).
    RETURNS (list[ndarray]): the tags of each.

    Forney, The Viterbi algorithm, Proc. IEEE 61 (1973).
    """
    if not scores:
        return []
    # Past the end of a document all scores are 0, so the rest does not change the best sequence.
    padded = pad_scores(scores)
    cost = numpy.where(legal, 0.0, -numpy.inf)
    total = padded[:, 0] + cost[0]
    before = numpy.zeros(padded.shape, dtype="i8")
    for i in range(1, padded.shape[1]):
        ways = total[:, :, None] + cost
        before[:, i] = ways.argmax(axis=1)
        total = ways.max(axis=1) + padded[:, i]
    return trace(before, total.argmax(axis=1), [len(part) for part in scores])


def pad_scores(scores: list[ndarray]) -> ndarray:
    """Return scores as (documents, tokens of the longest, tags) in double precision, 0 past a document's end."""
    padded = numpy.zeros((len(scores), max(map(len, scores)), scores[0].shape[1]))
    for row, part in zip(padded, scores, strict=True):
        row[: len(part)] = part
    return padded


def trace(before: ndarray, last: ndarray, lengths: list[int]) -> list[ndarray]:
    """Follow the best sequences back from their last tags.

    before (ndarray): (documents, tokens, tags), the tag before each.
    last (ndarray): each document's last tag.
    lengths (list[int]): how many tokens each has.
    RETURNS (list[ndarray]): the tags of each.
    """
    tags: ndarray = numpy.zeros(before.shape[:2], dtype="i8")
    tags[:, -1] = last
    documents = numpy.arange(len(before))
    for i in range(before.shape[1] - 1, 0, -1):
        tags[:, i - 1] = before[documents, i, tags[:, i]]
    return [row[:length] for row, length in zip(tags, lengths, strict=True)]


def tagged_spans(doc: Doc, tags: ndarray) -> list[tuple[int, int, int]]:
    """Return the mentions in a legal sequence of tags, without white space and invisible characters at their ends.

    doc (Doc): the document.
    tags (ndarray): its tags.
    RETURNS (list[tuple[int, int, int]]): first token, the one after the last, number of the label; in order.
    """
    found = []
    for start in numpy.flatnonzero(tags % 2).tolist():
        label, end = int(tags[start]) // 2, start + 1
        while end < len(tags) and tags[end] == tags[start] + 1:
            end += 1
        while start < end and is_blank(doc[start].text):
            start += 1
        while start < end and is_blank(doc[end - 1].text):
            end -= 1
        if start < end:
            found.append((start, end, label))
    return found


def probability(log_probs: ndarray, start: int, end: int, label: int) -> float:
    """Return the mean probability of a mention's tags: of its first token, the tokens inside, and its end.

    The geometric mean, because the product would punish long mentions, which are no more often wrong.

    log_probs (ndarray): the logarithms of the probabilities of the document's tags, (tokens, tags).
    start, end (int): the mention's first token, and the one after its last.
    label (int): the number of its label.
    RETURNS (float): between 0 and 1.
    """
    begin, inside = 2 * label + 1, 2 * label + 2
    parts = [log_probs[start, begin], *log_probs[start + 1 : end, inside]]
    if end < len(log_probs):
        parts.append(numpy.log1p(-min(numpy.exp(log_probs[end, inside]), 1 - EPSILON)))
    return float(numpy.exp(numpy.mean(parts, dtype="f8")))
