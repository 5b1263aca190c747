"""Fit how much each kind of evidence counts, on mentions with ids that the names do not come from.

The order of the candidates is a conditional logit model (McFadden, 1974), the probability that one is right a logistic
regression on the best ones, so that 0.9 means right nine times out of ten. Each label with enough mentions has its own.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize

from scripts.clinical_ner.linking.matcher import (
    ANY_LABEL,
    CERTAINTY,
    EVIDENCE,
    LinkedName,
    Matcher,
    Weights,
    certainty_rows,
)

# Of the squares of the weights, so that evidence that is rare on dev does not decide.
PENALTY = 1.0
# Fewer mentions with ids are too few to fit weights on.
FEWEST_TO_FIT = 200


class Judged(NamedTuple):
    """A mention's candidates, and which of them are right.

    name (LinkedName): the mention.
    evidence (ndarray): the evidence, of shape (candidates, `EVIDENCE`).
    right (ndarray): whether each candidate is one of the mention's concepts.
    """

    name: LinkedName
    evidence: np.ndarray
    right: np.ndarray


def judge(matcher: Matcher, names: Sequence[LinkedName]) -> list[Judged]:
    """Return the candidates of annotated mentions, without those that have none."""
    judged = []
    cache: dict = {}
    for name in (each._replace(query=matcher.write_out(each.query)) for each in names):
        if name.query not in cache:
            cache[name.query] = matcher.gather(name.query)
        concepts, evidence = cache[name.query]
        if concepts:
            gold = set(name.concept.split("|"))
            right = [not gold.isdisjoint(matcher.index.concept_id(concept).split("|")) for concept in concepts]
            judged.append(Judged(name, evidence, np.array(right)))
    return judged


def fit_weights(judged: Sequence[Judged]) -> Weights:
    """Fit the weights.

    judged (Sequence[Judged]): candidates with what is right.
    RETURNS (Weights): the weights.
    """
    ranking = fit_ranking(judged)
    rows, right = map(np.array, zip(*(judge_best(one, ranking) for one in judged), strict=True))
    labels = np.array([one.name.query.label for one in judged])
    certainty = {ANY_LABEL: fit_certainty(rows, right)}
    for label in np.unique(labels).tolist():
        of_label = labels == label
        if of_label.sum() >= FEWEST_TO_FIT:
            certainty[label] = fit_certainty(rows[of_label], right[of_label])
    by_label = {label: named(weights, CERTAINTY) for label, weights in certainty.items()}
    return Weights(named(ranking, EVIDENCE), by_label)


def judge_best(one: Judged, ranking: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return what the probability of a mention's best candidate is computed from, and whether it is right."""
    ranks = one.evidence @ ranking
    best = int(np.argmax(ranks))
    return certainty_rows(one.name.query, one.evidence, ranks)[best], bool(one.right[best])


def named(weights: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """Return weights by name, rounded."""
    return {name: round(float(weight), 4) for name, weight in zip(names, weights, strict=True)}


def fit_ranking(judged: Sequence[Judged]) -> np.ndarray:
    """Return the weights with which a right candidate is most likely first."""
    usable = [one for one in judged if one.right.any()]
    rows = np.concatenate([one.evidence for one in usable])
    right = np.concatenate([one.right for one in usable])
    starts = np.cumsum([0, *(len(one.right) for one in usable[:-1])])
    owner = np.repeat(np.arange(len(usable)), [len(one.right) for one in usable])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        scores = rows @ weights
        scores -= np.maximum.reduceat(scores, starts)[owner]
        powers = np.exp(scores)
        every, good = np.add.reduceat(powers, starts), np.add.reduceat(powers * right, starts) + 1e-30
        slope = powers / every[owner] - powers * right / good[owner]
        value = (np.log(every) - np.log(good)).sum() + PENALTY / 2 * weights @ weights
        return value, rows.T @ slope + PENALTY * weights

    return minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x


def fit_certainty(rows: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the weights of a logistic regression."""
    signs = np.where(right, 1.0, -1.0)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margins = signs * (rows @ weights)
        slope = -signs / (1 + np.exp(np.clip(margins, -500, 500)))
        return np.logaddexp(0, -margins).sum() + PENALTY / 2 * weights @ weights, rows.T @ slope + PENALTY * weights

    return minimize(loss, np.zeros(rows.shape[1]), jac=True, method="L-BFGS-B").x
