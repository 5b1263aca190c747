"""From the scores of documents to those of their sentences, and from the best tags of sentences to mentions."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy
from numpy import ndarray
from spacy.tokens import Doc

from .crf import Chain, backward, best_tags, forward


class TaggedSpan(NamedTuple):
    """A predicted mention.

    start, end (int): its first token, and the one after its last.
    label (str): its label.
    probability (float): the probability of just this mention by the head, not calibrated.
    """

    start: int
    end: int
    label: str
    probability: float


class Sentence(NamedTuple):
    """A sentence's place and the scores of its tags.

    doc (int): the number of its document.
    start (int): its first token in the document.
    scores (ndarray): (tokens, tags); -inf for tags that a token can't have.
    """

    doc: int
    start: int
    scores: ndarray

    @property
    def end(self) -> int:
        """The token after its last."""
        return self.start + len(self.scores)

    def masked(self, allowed: ndarray) -> ndarray:
        """Return the scores with -inf for other tags than those allowed: bool, (tokens, tags)."""
        return numpy.where(allowed, self.scores, -numpy.inf)


def split_sentences(docs: list[Doc], scores: list[ndarray]) -> list[Sentence]:
    """Split the scores of documents at sentence starts. A document without any is one sentence.

    docs (list[Doc]): the documents.
    scores (list[ndarray]): (tokens, tags) for each.
    RETURNS (list[Sentence]): the sentences of all documents that have tokens. White space can be inside of a mention
        only.
    """
    sentences = []
    for number, (doc, part) in enumerate(zip(docs, scores, strict=True)):
        part = part.astype("f8")
        for i in (token.i for token in doc if token.is_space):
            # All tags but O and I.
            part[i, 1::4] = part[i, 3::4] = part[i, 4::4] = -numpy.inf
        starts = [token.i for token in doc[1:] if token.is_sent_start]
        bounds = pairwise([0, *starts, len(doc)] if len(doc) else [])
        sentences += [Sentence(number, start, part[start:end]) for start, end in bounds]
    return sentences


def group_by_length(sentences: list[Sentence]) -> Iterator[list[Sentence]]:
    """Group sentences so that the longest of a group has less than twice the tokens of its shortest."""
    groups = defaultdict(list)
    for sentence in sentences:
        groups[len(sentence.scores).bit_length()].append(sentence)
    yield from groups.values()


def pad(scores: list[ndarray]) -> tuple[ndarray, ndarray]:
    """Return the scores of a group as one array, (sentences, tokens of the longest, tags), and their lengths."""
    lengths = numpy.array([len(part) for part in scores])
    padded = numpy.zeros((len(scores), lengths.max(), scores[0].shape[1]))
    for row, part in zip(padded, scores, strict=True):
        row[: len(part)] = part
    return padded, lengths


def find_spans(scores: list[ndarray], chain: Chain) -> list[list[tuple[int, int, int, float]]]:
    """Find the mentions in the best tags of each sentence of a group.

    scores (list[ndarray]): (tokens, tags) for each.
    chain (Chain): the transitions between tags.
    RETURNS (list[list[tuple]]): of each mention its first token, the one after its last, the number of its label and
        its probability: the share of the mention, with whatever is around it, among all sequences of tags.
    """
    tags = best_tags(*pad(scores), chain)
    found = [tagged_spans(each) for each in tags]
    with_spans = [i for i, spans in enumerate(found) if spans]
    if not with_spans:
        return [[] for _ in found]
    padded, lengths = pad([scores[i] for i in with_spans])
    before, log_sums = forward(padded, lengths, chain)
    after = backward(padded, lengths, chain)
    result: list[list[tuple[int, int, int, float]]] = [[] for _ in found]
    for row, i in enumerate(with_spans):
        for start, end, label in found[i]:
            path, places = tags[i][start:end], numpy.arange(start + 1, end)
            inner = padded[row, places, path[1:]].sum() + chain.transitions[path[:-1], path[1:]].sum()
            log_prob = before[row, start, path[0]] + inner + after[row, end - 1, path[-1]] - log_sums[row]
            result[i].append((start, end, label, float(numpy.exp(min(log_prob, 0.0)))))
    return result


def tagged_spans(tags: ndarray) -> list[tuple[int, int, int]]:
    """Return the mentions in a legal sequence of tags: first token, the one after the last, number of the label."""
    starts = numpy.flatnonzero((tags > 0) & ((tags - 1) % 4 % 3 == 0)).tolist()
    ends = numpy.flatnonzero((tags > 0) & ((tags - 1) % 4 >= 2)).tolist()
    return [(start, end + 1, int(tags[start] - 1) // 4) for start, end in zip(starts, ends, strict=True)]
