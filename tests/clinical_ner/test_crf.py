"""The CRF's sums, expectations and best tags are those of all legal sequences, enumerated."""

import itertools

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scripts.clinical_ner.ner.crf import backward, best_tags, expect, forward, make_chain
from scripts.clinical_ner.ner.sentences import find_spans, pad, tagged_spans

O, B, I, L, U = range(5)  # noqa: E741
SCORES = st.floats(-20, 20, width=32)
WEIGHTS = arrays("f8", (9, 9), elements=st.floats(-5, 5))
SEQUENCES = st.lists(arrays("f8", st.tuples(st.integers(1, 4), st.just(9)), elements=SCORES), min_size=1, max_size=3)


def legal_paths(weights: numpy.ndarray, scores: numpy.ndarray) -> dict[tuple[int, ...], float]:
    """Return the score of each legal sequence of tags."""
    tags = ["O", *(f"{position}-{label}" for label in "XY" for position in "BILU")]

    def may_follow(before: str, tag: str) -> bool:
        if before[0] in "BI":
            return tag[0] in "IL" and tag[2:] == before[2:]
        return tag[0] in "OBU"

    paths = {}
    for path in itertools.product(range(9), repeat=len(scores)):
        steps = list(itertools.pairwise(path))
        if all(may_follow(tags[one], tags[two]) for one, two in [(O, path[0]), *steps, (path[-1], O)]):
            emitted = sum(row[tag] for row, tag in zip(scores, path, strict=True))
            paths[path] = emitted + sum(weights[step] for step in steps)
    return {path: score for path, score in paths.items() if score > -numpy.inf}


@given(WEIGHTS, SEQUENCES)
def test_expectation_and_best_tags(weights: numpy.ndarray, sequences: list[numpy.ndarray]) -> None:
    chain, padded = make_chain(weights), pad(sequences)
    expected, best = expect(*padded, chain), best_tags(*padded, chain)
    pairs = numpy.zeros((9, 9))
    for number, scores in enumerate(sequences):
        paths = legal_paths(weights, scores)
        total = numpy.logaddexp.reduce(list(paths.values()))
        assert expected.log_sums[number] == pytest.approx(total)
        tags = numpy.zeros(scores.shape)
        for path, score in paths.items():
            tags[range(len(path)), path] += numpy.exp(score - total)
            for step in itertools.pairwise(path):
                pairs[step] += numpy.exp(score - total)
        numpy.testing.assert_allclose(expected.tags[number, : len(scores)], tags, atol=1e-9)
        assert not expected.tags[number, len(scores) :].any()
        assert paths[tuple(best[number])] == pytest.approx(max(paths.values()))
    numpy.testing.assert_allclose(expected.transitions, pairs, atol=1e-9)


@given(WEIGHTS, arrays("f8", (4, 9), elements=SCORES))
def test_probability_of_a_mention_is_that_of_all_sequences_with_it(
    weights: numpy.ndarray, scores: numpy.ndarray
) -> None:
    paths = legal_paths(weights, scores)
    total = numpy.logaddexp.reduce(list(paths.values()))
    (found,) = find_spans([scores], make_chain(weights))
    for start, end, label, probability in found:
        with_it = [score for path, score in paths.items() if (start, end, label) in tagged_spans(numpy.array(path))]
        assert probability == pytest.approx(numpy.exp(numpy.logaddexp.reduce(with_it) - total), abs=1e-9)


def test_tags_that_are_not_allowed() -> None:
    chain = make_chain(numpy.zeros((5, 5)))
    scores = numpy.zeros((3, 2, 5))
    # Only B is allowed at the end of the second: it has no legal sequence.
    scores[1, 1, [O, I, L, U]] = -numpy.inf
    # Only L is allowed at the end of the third: B comes before it.
    scores[2, 1, [O, B, I, U]] = -numpy.inf
    expected = expect(scores, numpy.array([1, 2, 2]), chain)
    numpy.testing.assert_allclose(expected.log_sums, [numpy.log(2), -numpy.inf, 0.0])
    assert expected.tags[0].tolist() == [[0.5, 0, 0, 0, 0.5], [0, 0, 0, 0, 0]]
    assert not expected.tags[1].any()
    assert expected.tags[2].argmax(axis=1).tolist() == [B, L]
    assert expected.transitions.sum() == pytest.approx(1)


def test_large_scores_do_not_overflow() -> None:
    scores = numpy.random.default_rng(0).normal(size=(1, 3000, 5)) * 50
    chain, lengths = make_chain(numpy.random.default_rng(1).normal(size=(5, 5)) * 5), numpy.array([3000])
    expected = expect(scores, lengths, chain)
    numpy.testing.assert_allclose(expected.tags.sum(axis=2), 1)
    assert expected.transitions.sum() == pytest.approx(2999)
    before, total = forward(scores, lengths, chain)
    numpy.testing.assert_allclose(
        numpy.logaddexp.reduce(before[:, 7] + backward(scores, lengths, chain)[:, 7], 1), total
    )


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([O, B, L, O], [(1, 3, 0)]),
        ([U, U, 5, 6, 7], [(0, 1, 0), (1, 2, 0), (2, 5, 1)]),
        ([O, 8], [(1, 2, 1)]),
        ([O], []),
    ],
)
def test_mentions(tags: list[int], expected: list[tuple[int, int, int]]) -> None:
    assert tagged_spans(numpy.array(tags)) == expected
