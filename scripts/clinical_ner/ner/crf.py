"""A linear-chain CRF over BILUO tags: its loss with the gradients, the best tags, and the probability of a mention.

Each function works on sequences of one group: scores are (sequences, tokens of the longest, tags) in double precision,
-inf where a tag is not allowed. What is past the end of a sequence is never read.

Lafferty, McCallum and Pereira, Conditional random fields, 2001.
"""

from typing import NamedTuple

import numpy
from numpy import ndarray

# Of each label, in this order after O, as in spaCy: begin, inside, last, unit.
POSITIONS = "BILU"
OPEN, CLOSED = (0, 1), (2, 3)


class Chain(NamedTuple):
    """Which tags follow each other, and how likely.

    transitions (ndarray): the score of each tag after each other, (tag before, tag); -inf if it is not legal.
    first, last (ndarray): (tags,), 0 for those that a sequence may start or end with, else -inf.
    """

    transitions: ndarray
    first: ndarray
    last: ndarray


def make_chain(weights: ndarray) -> Chain:
    """Return the chain with learned scores: B-X and I-X are followed by I-X or L-X, every other tag by O, B or U.

    weights (ndarray): the learned score of each tag after each other, (tag before, tag).
    RETURNS (Chain): the chain.
    """
    tags = numpy.arange(len(weights))
    # O has no position and is closed at both ends.
    position, label = numpy.where(tags > 0, (tags - 1) % 4, CLOSED[1]), numpy.where(tags > 0, (tags - 1) // 4, -1)
    leaves_open = numpy.isin(position, OPEN)
    continues = numpy.isin(position, (1, 2))
    legal = leaves_open[:, None] == continues[None, :]
    legal &= ~continues[None, :] | (label[:, None] == label[None, :])
    never = -numpy.inf
    return Chain(
        numpy.where(legal, weights, never), numpy.where(continues, never, 0.0), numpy.where(leaves_open, never, 0.0)
    )


def log_dot(logs: ndarray, weights: ndarray) -> ndarray:
    """Return the logarithm of exp(logs) @ weights."""
    highest = numpy.maximum(logs.max(axis=-1, keepdims=True), numpy.finfo("f8").min)
    with numpy.errstate(divide="ignore"):
        return numpy.log(numpy.exp(logs - highest) @ weights) + highest


def forward(scores: ndarray, lengths: ndarray, chain: Chain) -> tuple[ndarray, ndarray]:
    """Sum over all beginnings of the sequences.

    RETURNS (tuple[ndarray, ndarray]): the logarithm of the sum for each token and its tag, shaped as the scores, and of
        that for each whole sequence. It is -inf if there is no legal sequence of allowed tags.
    """
    sums, weights = numpy.empty_like(scores), numpy.exp(chain.transitions)
    sums[:, 0] = scores[:, 0] + chain.first
    for i in range(1, scores.shape[1]):
        inside = (i < lengths)[:, None]
        sums[:, i] = numpy.where(inside, log_dot(sums[:, i - 1], weights) + scores[:, i], sums[:, i - 1])
    return sums, log_dot(sums[:, -1], numpy.exp(chain.last)[:, None])[:, 0]


def backward(scores: ndarray, lengths: ndarray, chain: Chain) -> ndarray:
    """Sum over all ends of the sequences: the logarithm of the sum after each token with its tag, as the scores."""
    sums, weights = numpy.empty_like(scores), numpy.exp(chain.transitions).T
    sums[:, -1] = chain.last
    for i in range(scores.shape[1] - 2, -1, -1):
        inside = (i + 1 < lengths)[:, None]
        following = numpy.where(inside, scores[:, i + 1] + sums[:, i + 1], -numpy.inf)
        sums[:, i] = numpy.where(inside, log_dot(following, weights), chain.last)
    return sums


class Expected(NamedTuple):
    """What to expect of the sequences: the gradient of the logarithm of their sum.

    log_sums (ndarray): the logarithm of the sum over all legal sequences of allowed tags, (sequences,).
    tags (ndarray): the probability of each tag, shaped as the scores, 0 past the end.
    transitions (ndarray): the expected count of each tag after each other, (tag before, tag).
    """

    log_sums: ndarray
    tags: ndarray
    transitions: ndarray

    def select(self, rows: ndarray) -> "Expected":
        """Return the expectation of some sequences. The others must have none."""
        return Expected(self.log_sums[rows], self.tags[rows], self.transitions)


def expect(scores: ndarray, lengths: ndarray, chain: Chain) -> Expected:
    """Run the forward-backward algorithm. Sequences without a legal way have no expectation: all zero."""
    before, log_sums = forward(scores, lengths, chain)
    after = backward(scores, lengths, chain)
    possible = numpy.isfinite(log_sums)
    norm = numpy.where(possible, log_sums, numpy.inf)[:, None, None]
    inside = numpy.arange(scores.shape[1]) < lengths[:, None]
    tags = numpy.where(inside[:, :, None], numpy.exp(before + after - norm), 0.0)
    # exp(before - shift) and exp(entering + shift - norm) are both within the range of a double.
    shift = numpy.maximum(before[:, :-1].max(axis=-1, keepdims=True), numpy.finfo("f8").min)
    left = numpy.exp(before[:, :-1] - shift)
    entering = numpy.where(inside[:, 1:, None], scores[:, 1:] + after[:, 1:] + shift - norm, -numpy.inf)
    pairs = numpy.einsum("nti,ntj->ij", left, numpy.exp(entering), optimize=True)
    return Expected(log_sums, tags, pairs * numpy.exp(chain.transitions))


def best_tags(scores: ndarray, lengths: ndarray, chain: Chain) -> list[ndarray]:
    """Return the tags of the best legal sequence of each.

    Forney, The Viterbi algorithm, 1973.
    """
    total = scores[:, 0] + chain.first
    came_from = numpy.zeros(scores.shape, dtype="i2")
    same = numpy.arange(scores.shape[2])
    for i in range(1, scores.shape[1]):
        inside = (i < lengths)[:, None]
        ways = total[:, :, None] + chain.transitions
        came_from[:, i] = numpy.where(inside, ways.argmax(axis=1), same)
        total = numpy.where(inside, ways.max(axis=1) + scores[:, i], total)
    tags = numpy.empty(scores.shape[:2], dtype="i8")
    tags[:, -1] = (total + chain.last).argmax(axis=1)
    rows = numpy.arange(len(scores))
    for i in range(scores.shape[1] - 1, 0, -1):
        tags[:, i - 1] = came_from[rows, i, tags[:, i]]
    return [row[:length] for row, length in zip(tags, lengths, strict=True)]
