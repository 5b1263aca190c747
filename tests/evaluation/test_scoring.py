"""Strict counts and measures by hand, undefined ones as None, and bootstrap intervals against theory."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.errors import ProjectError
from scripts.evaluation.scoring import (
    ScoredDocument,
    count_outcomes,
    labels_of,
    pair,
    percentile_interval,
    resample,
    score,
    score_relaxed,
    tabulate,
)
from scripts.records.mentions import Mention
from tests.mentions import drawn_mentions

LABELS = ["Chemical", "Disease"]


def chemical(start: int, end: int) -> Mention:
    return Mention(start, end, "Chemical")


def disease(start: int, end: int) -> Mention:
    return Mention(start, end, "Disease", "D1")


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ([disease(0, 4)], [Mention(0, 4, "Disease")], (1, 0, 0)),
        ([disease(0, 4)], [Mention(0, 5, "Disease")], (0, 1, 1)),
        ([disease(0, 4)], [], (0, 0, 1)),
        ([], [disease(0, 4)], (0, 1, 0)),
        ([], [], (0, 0, 0)),
        ([disease(0, 4), disease(0, 4)], [disease(0, 4), disease(0, 4)], (1, 0, 0)),
        ([disease(0, 4), disease(9, 12)], [disease(20, 24), disease(9, 12)], (1, 1, 1)),
    ],
)
def test_mention_is_right_if_offsets_and_label_are(
    gold: list[Mention], predicted: list[Mention], expected: tuple
) -> None:
    assert tuple(count_outcomes([ScoredDocument("1", gold, predicted)], ["Disease"])[0, 0]) == expected


def test_wrong_label_is_an_error_of_both_labels() -> None:
    counts = count_outcomes([ScoredDocument("1", [disease(0, 4)], [chemical(0, 4)])], LABELS)
    assert counts.tolist() == [[[0, 1, 0], [0, 0, 1]]]


def test_offsets_count_within_one_document() -> None:
    documents = [ScoredDocument("1", [disease(0, 4)], []), ScoredDocument("2", [], [disease(0, 4)])]
    assert count_outcomes(documents, ["Disease"]).tolist() == [[[0, 0, 1]], [[0, 1, 0]]]


@pytest.mark.parametrize(
    ("counts", "precision", "recall", "f1"),
    [
        ((3, 1, 2), 0.75, 0.6, 0.666667),
        ((0, 2, 3), 0.0, 0.0, 0.0),
        ((0, 0, 3), None, 0.0, 0.0),
        ((0, 3, 0), 0.0, None, 0.0),
        ((0, 0, 0), None, None, None),
    ],
)
def test_measures_are_none_where_undefined(
    counts: tuple, precision: float | None, recall: float | None, f1: float | None
) -> None:
    row = tabulate(np.array([[counts]]), ["Disease"])["Disease"]
    assert row == {
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "tp": counts[0],
        "fp": counts[1],
        "fn": counts[2],
    }


def test_micro_sums_counts_and_macro_averages_labels() -> None:
    table = tabulate(np.array([[[1, 0, 0], [0, 1, 1]], [[3, 1, 0], [1, 0, 1]]]), LABELS)
    assert table["micro"] == {"precision": 0.714286, "recall": 0.714286, "f1": 0.714286, "tp": 5, "fp": 2, "fn": 2}
    assert table["macro"] == {
        "precision": round((0.8 + 0.5) / 2, 6),
        "recall": round((1 + 1 / 3) / 2, 6),
        "f1": round((8 / 9 + 2 / 5) / 2, 6),
    }


def test_macro_leaves_out_a_label_that_neither_side_has() -> None:
    table = tabulate(np.array([[[2, 0, 0], [0, 0, 0]]]), LABELS)
    assert table["Disease"]["f1"] is None
    assert table["macro"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0}


def test_macro_is_undefined_where_a_label_lacks_predictions() -> None:
    table = tabulate(np.array([[[2, 0, 0], [0, 0, 1]]]), LABELS)
    assert table["macro"] == {"precision": None, "recall": 0.5, "f1": 0.5}


def test_labels_of_either_side_are_scored() -> None:
    documents = [ScoredDocument("1", [disease(0, 4)], [Mention(0, 4, "Gene")])]
    assert labels_of(documents, ["Chemical"]) == ["Chemical", "Disease", "Gene"]


@pytest.mark.parametrize(
    ("predicted", "message"),
    [
        ({"1": []}, "1 of 2 annotated documents were not predicted, and 0 of 1 .* the first is '2'"),
        ({"1": [], "2": [], "3": []}, "0 of 2 .*, and 1 of 3 predicted ones are not annotated; the first is '3'"),
    ],
)
def test_document_on_one_side_only_is_refused(predicted: dict, message: str) -> None:
    with pytest.raises(ProjectError, match=message):
        pair({"1": [], "2": []}, predicted)


def test_order_of_documents_does_not_matter() -> None:
    gold = {str(key): [disease(key, key + 3)] for key in range(20)}
    predicted = {key: mentions if int(key) % 3 else [] for key, mentions in gold.items()}
    backwards = dict(reversed(gold.items()))
    tables = [score(count_outcomes(pair(g, predicted), ["Disease"]), ["Disease"], seed=1) for g in (gold, backwards)]
    assert tables[0] == tables[1]


def test_resampling_draws_as_many_documents_as_there_are() -> None:
    drawn = resample(np.ones((7, 2, 3), dtype=int), seed=3, draws=50)
    assert drawn.shape == (50, 2, 3)
    assert (drawn == 7).all()
    unequal = np.arange(7)
    assert (resample(unequal, seed=3, draws=50) == resample(unequal, seed=3, draws=50)).all()
    assert (resample(unequal, seed=3, draws=50) != resample(unequal, seed=4, draws=50)).any()


def test_interval_is_that_of_the_binomial_for_independent_documents() -> None:
    found = np.random.default_rng(0).random(2000) < 0.8
    counts = np.stack([found, np.zeros(2000), ~found], axis=-1).astype(int)[:, None]
    row = score(counts, ["Disease"], seed=0)["Disease"]
    half_width = 1.96 * (0.8 * 0.2 / 2000) ** 0.5
    low, high = row["intervals"]["recall"]
    assert low == pytest.approx(row["recall"] - half_width, abs=0.003)
    assert high == pytest.approx(row["recall"] + half_width, abs=0.003)
    assert row["intervals"]["precision"] == [1.0, 1.0]


def test_interval_is_none_where_the_measure_never_is_defined() -> None:
    assert score(np.zeros((3, 1, 3), dtype=int), ["Disease"], seed=0)["micro"]["intervals"] == {
        "precision": None,
        "recall": None,
        "f1": None,
    }
    assert percentile_interval(np.array([np.nan, 0.5, 0.5])) == [0.5, 0.5]


def test_a_thousand_draws_of_500_documents_take_seconds() -> None:
    counts = np.random.default_rng(0).integers(0, 9, (500, 2, 3))
    start = time.perf_counter()
    score(counts, LABELS, seed=0)
    assert time.perf_counter() - start < 5


def test_relaxed_schemes() -> None:
    gold = [disease(0, 10), disease(20, 30), chemical(40, 50), chemical(60, 70)]
    predicted = [disease(0, 10), disease(20, 25), disease(40, 50), disease(80, 90)]
    table = score_relaxed([ScoredDocument("1", gold, predicted)], LABELS)["micro"]
    names = ("correct", "incorrect", "partial", "missed", "spurious", "precision", "recall", "f1")
    assert {scheme: tuple(row[name] for name in names) for scheme, row in table.items()} == {
        "strict": (1, 2, 0, 1, 1, 0.25, 0.25, 0.25),
        "exact": (2, 1, 0, 1, 1, 0.5, 0.5, 0.5),
        "partial": (2, 0, 1, 1, 1, 0.625, 0.625, 0.625),
        "type": (2, 1, 0, 1, 1, 0.5, 0.5, 0.5),
    }


def test_relaxed_touching_mentions_do_not_overlap() -> None:
    table = score_relaxed([ScoredDocument("1", [disease(0, 4)], [disease(4, 8)])], ["Disease"])["Disease"]
    assert (table["partial"]["missed"], table["partial"]["spurious"]) == (1, 1)


@pytest.mark.parametrize(
    ("gold", "predicted", "measures"),
    [
        ([], [], (None, None, None)),
        ([disease(0, 4)], [], (None, 0.0, 0.0)),
        ([], [disease(0, 4)], (0.0, None, 0.0)),
    ],
)
def test_relaxed_measures_are_none_where_undefined(gold: list, predicted: list, measures: tuple) -> None:
    table = score_relaxed([ScoredDocument("1", gold, predicted)], LABELS)
    for scheme in ("strict", "exact", "partial", "type"):
        row = table["micro"][scheme]
        assert (row["precision"], row["recall"], row["f1"]) == measures
        assert table["Chemical"][scheme]["f1"] is None


@given(st.lists(st.tuples(drawn_mentions(), drawn_mentions()), min_size=1, max_size=4))
def test_relaxed_strict_finds_what_we_count(sides: list) -> None:
    documents = [ScoredDocument(str(number), gold, predicted) for number, (gold, predicted) in enumerate(sides)]
    table, relaxed = tabulate(count_outcomes(documents, LABELS), LABELS), score_relaxed(documents, LABELS)
    for name in (*LABELS, "micro"):
        assert relaxed[name]["strict"]["correct"] == table[name]["tp"]
        assert {relaxed[name]["strict"][key] for key in ("precision",)} == {table[name]["precision"]}


def test_no_documents_are_refused() -> None:
    with pytest.raises(ProjectError, match="There are no documents to score"):
        pair({}, {})
