"""Weights that are fitted put the right candidate first, and scores mean what they say."""

import numpy as np
import pytest

from scripts.clinical_ner.linking.matcher import (
    ANY_LABEL,
    CERTAINTY,
    DEFAULT_WEIGHTS,
    EVIDENCE,
    LinkedName,
    certainty_rows,
    second_best,
)
from scripts.clinical_ner.linking.queries import Query
from scripts.linking.fitting import Judged, fit_certainty, fit_ranking, fit_weights, judge
from scripts.linking.synonyms import by_concept, train_vectors
from tests.clinical_ner.linking.vocabulary import make_matcher

NAME = LinkedName(Query("a", "a", "Disease"), "D1")


def judged(count: int, *, noise: float) -> list[Judged]:
    """Return mentions with three candidates: the right one has more n-grams in common, but for some of the mentions."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(count):
        evidence = np.zeros((3, len(EVIDENCE)))
        right = np.array([True, False, False])
        evidence[:, EVIDENCE.index("grams")] = [0.9, 0.2, 0.1] if random.random() > noise else [0.1, 0.9, 0.2]
        order = random.permutation(3)
        found.append(Judged(NAME, evidence[order], right[order]))
    return found


def test_the_evidence_that_is_right_counts():
    ranking = fit_ranking(judged(200, noise=0.1))
    assert ranking[EVIDENCE.index("grams")] > 1
    assert np.delete(ranking, EVIDENCE.index("grams")) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("noise", [0.1, 0.4])
def test_a_score_is_the_share_that_is_right(noise):
    mentions = judged(1000, noise=noise)
    weights = fit_weights(mentions)
    scores, right = [], []
    for one in mentions:
        ranks = one.evidence @ [weights.ranking[name] for name in EVIDENCE]
        best = int(np.argmax(ranks))
        rows = certainty_rows(one.name.query, one.evidence, ranks)
        scores.append(1 / (1 + np.exp(-(rows @ weights.certainty_of("Disease"))[best])))
        right.append(one.right[best])
    assert np.mean(scores) == pytest.approx(np.mean(right), abs=0.01)
    assert np.mean(right) == pytest.approx(1 - noise, abs=0.04)


def test_each_label_has_its_own_certainty_if_it_has_enough_mentions():
    chemical = [one._replace(name=LinkedName(Query("b", "b", "Chemical"), "D1")) for one in judged(300, noise=0.5)]
    rare = [one._replace(name=LinkedName(Query("c", "c", "Rare"), "D1")) for one in judged(20, noise=0.5)]
    weights = fit_weights([*judged(300, noise=0.0), *chemical, *rare])
    assert weights.certainty.keys() == {"", "Disease", "Chemical"}
    # The evidence is the same, and tells nothing about chemicals.
    row = np.zeros(len(CERTAINTY))
    row[[CERTAINTY.index(name) for name in ("grams", "gap", "share", "bias")]] = [0.9, 1.0, 1.0, 1.0]
    disease, chemical_row, other = (row @ weights.certainty_of(label) for label in ("Disease", "Chemical", "Rare"))
    assert disease > other > chemical_row
    assert (weights.certainty_of("Rare") == weights.certainty_of("Unheard")).all()


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [([3.0, 1.0, 2.0], [2.0, 3.0, 3.0]), ([3.0, 3.0, 1.0], [3.0, 3.0, 3.0]), ([3.0], [-np.inf])],
)
def test_the_best_of_the_others(ranks, expected):
    assert second_best(np.array(ranks)).tolist() == expected


def test_default_weights_are_for_all_evidence_and_any_label():
    assert DEFAULT_WEIGHTS.ranking.keys() == {*EVIDENCE}
    assert ANY_LABEL in DEFAULT_WEIGHTS.certainty
    assert all(weights.keys() == {*CERTAINTY} for weights in DEFAULT_WEIGHTS.certainty.values())


def test_rows_of_certainty_are_finite():
    evidence = np.zeros((2, len(EVIDENCE)))
    evidence[0, EVIDENCE.index("same_form")] = 1.0
    rows = certainty_rows(NAME.query, evidence, np.array([9.0, 0.0]))
    found = {name: rows[:, CERTAINTY.index(name)].tolist() for name in ("gap", "unknown", "unknown_gap", "bias")}
    assert found == {"gap": [1.0, -1.0], "unknown": [0.0, 1.0], "unknown_gap": [0.0, -1.0], "bias": [1.0, 1.0]}
    alone = certainty_rows(NAME.query, evidence[:1], np.array([9.0]))
    assert np.isfinite(alone).all() and alone[0, CERTAINTY.index("gap")] == 1.0


def test_certainty_is_a_logistic_regression():
    rows = np.array([[1.0]] * 10)
    weights = fit_certainty(rows, np.array([True] * 8 + [False] * 2))
    # Between 0 and log(0.8 / 0.2), because of the penalty.
    assert 0.8 < weights[0] < np.log(4)


def test_candidates_are_judged_by_any_of_the_ids():
    matcher = make_matcher()
    names = [
        LinkedName(Query("hypertension", "hypertension", "Disease"), "D006973|D000001"),
        LinkedName(Query("renal disorder", "renal disorder", "Disease"), "D000001"),
        LinkedName(Query("+", "+", "Disease"), "D006973"),
    ]
    assert [one.right.any() for one in judge(matcher, names)] == [True, False]


def test_vectors_are_the_same_each_time_and_bring_synonyms_together():
    index = make_matcher().index
    one, other = (train_vectors(index, labels=1, epochs=3) for _ in range(2))
    assert one is not None and other is not None
    assert (one.table == other.table).all()
    assert np.linalg.norm(one.names, axis=1) == pytest.approx(1, abs=1e-5)
    assert {int(index.labels[index.owners[row]]) for row in one.rows} == {1}
    same, different = (
        one.encode(["renal disease", "nephropathy", "hypertension"]) @ one.encode(["kidney disease"])[0],
        0,
    )
    assert same[0] > same[2] > different - 1


def test_without_synonyms_there_are_no_vectors():
    assert train_vectors(make_matcher().index, labels=0) is None


def test_names_by_concept():
    assert by_concept(np.array([3, 3, 5])) == {3: [0, 1], 5: [2]}
