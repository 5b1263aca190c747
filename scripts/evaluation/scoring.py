"""Strict mention-level scores by BioCreative's rules, with bootstrap intervals. Pure functions over mentions.

A predicted mention is right if the gold has a mention in the same document with the same offsets and the same label. A
score that is undefined, because nothing was predicted or nothing was annotated, is None and never zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from nervaluate import Evaluator

from scripts.errors import ProjectError
from scripts.records.mentions import Mention

DRAWS = 1000
MEASURES = ("precision", "recall", "f1")
RELAXED = {"strict": "strict", "exact": "exact", "partial": "partial", "type": "ent_type"}

MatchKey = tuple[int, int, str]


def match_key(mention: Mention) -> MatchKey:
    """Return what decides on a match: start, end and label."""
    return mention.start, mention.end, mention.label


@dataclass(frozen=True)
class ScoredDocument:
    """The annotated and the predicted mentions of a document, as flat spans.

    id (str): the document's id.
    gold (Sequence[Mention]): the annotated mentions.
    predicted (Sequence[Mention]): the predicted mentions.
    """

    id: str
    gold: Sequence[Mention]
    predicted: Sequence[Mention]

    @cached_property
    def found(self) -> list[Mention]:
        """Return the gold mentions that were predicted: the true positives."""
        return self._without(self.gold, self.missed)

    @cached_property
    def missed(self) -> list[Mention]:
        """Return the gold mentions that were not predicted: the false negatives."""
        return self._without(self.gold, self.predicted)

    @cached_property
    def wrong(self) -> list[Mention]:
        """Return the predicted mentions that are not in the gold: the false positives."""
        return self._without(self.predicted, self.gold)

    @staticmethod
    def _without(mentions: Sequence[Mention], others: Sequence[Mention]) -> list[Mention]:
        """Return the mentions that don't match any of the others, without duplicates."""
        taken = set(map(match_key, others))
        unique = {match_key(mention): mention for mention in mentions}
        return [mention for key, mention in sorted(unique.items()) if key not in taken]


def pair(gold: Mapping[str, Sequence[Mention]], predicted: Mapping[str, Sequence[Mention]]) -> list[ScoredDocument]:
    """Combine the annotated and the predicted mentions of each document.

    gold (Mapping[str, Sequence[Mention]]): annotated mentions by document id.
    predicted (Mapping[str, Sequence[Mention]]): predicted mentions by document id.
    RETURNS (list[ScoredDocument]): the documents, sorted by id so that the bootstrap does not depend on their order.
    RAISES (ProjectError): there are no documents, or a document is on one side only.
    """
    if not gold and not predicted:
        raise ProjectError("There are no documents to score", "The split is empty: check the corpus.")
    missing, unknown = gold.keys() - predicted.keys(), predicted.keys() - gold.keys()
    if missing or unknown:
        raise ProjectError(
            f"{len(missing)} of {len(gold)} annotated documents were not predicted, and {len(unknown)} of"
            f" {len(predicted)} predicted ones are not annotated; the first is '{min(missing or unknown)}'",
            "Both sides need the same documents. A document without mentions has an empty list.",
        )
    return [ScoredDocument(identifier, gold[identifier], predicted[identifier]) for identifier in sorted(gold)]


def labels_of(documents: Iterable[ScoredDocument], known: Iterable[str] = ()) -> list[str]:
    """Return the known labels and those that occur on either side, sorted."""
    used = {mention.label for document in documents for mention in (*document.gold, *document.predicted)}
    return sorted({*known, *used})


def count_outcomes(documents: list[ScoredDocument], labels: list[str]) -> np.ndarray:
    """Count true positives, false positives and false negatives.

    documents (list[ScoredDocument]): the documents.
    labels (list[str]): all labels that occur in them.
    RETURNS (ndarray): counts of shape (documents, labels, 3).
    """
    counts = np.zeros((len(documents), len(labels), 3), dtype=np.int64)
    columns = {label: column for column, label in enumerate(labels)}
    for row, document in enumerate(documents):
        for outcome, mentions in enumerate((document.found, document.wrong, document.missed)):
            for mention in mentions:
                counts[row, columns[mention.label], outcome] += 1
    return counts


def compute_measures(counts: np.ndarray) -> np.ndarray:
    """Compute precision, recall and F1.

    counts (ndarray): true positives, false positives and false negatives, of shape (..., 3).
    RETURNS (ndarray): the measures, of shape (..., 3); NaN where one is undefined.
    """
    tp, fp, fn = np.moveaxis(counts.astype(float), -1, 0)
    with np.errstate(invalid="ignore"):
        return np.stack([tp / (tp + fp), tp / (tp + fn), 2 * tp / (2 * tp + fp + fn)], axis=-1)


def measure_labels(counts: np.ndarray) -> np.ndarray:
    """Compute the measures by label, followed by micro and macro.

    Macro is the mean over the labels that occur on either side. It is undefined if it is undefined for one of them.

    counts (ndarray): counts of shape (..., labels, 3).
    RETURNS (ndarray): measures of shape (..., labels + 2, 3).
    """
    by_label, micro = compute_measures(counts), compute_measures(counts.sum(axis=-2, keepdims=True))
    occurs = counts.any(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        macro = np.where(occurs, by_label, 0).sum(axis=-2, keepdims=True) / occurs.sum(axis=-2, keepdims=True)
    return np.concatenate([by_label, micro, macro], axis=-2)


def resample(counts: np.ndarray, *, seed: int, draws: int = DRAWS) -> np.ndarray:
    """Draw samples of as many documents as there are, with replacement, and sum the counts of each sample.

    counts (ndarray): counts of shape (documents, ...), of one document at least.
    seed (int): the seed. The same seed draws the same documents, whatever the counts.
    draws (int): the number of samples.
    RETURNS (ndarray): sums of shape (draws, ...).
    """
    documents = len(counts)
    times_drawn = np.random.default_rng(seed).multinomial(documents, [1 / documents] * documents, size=draws)
    return np.tensordot(times_drawn, counts, axes=1)


def percentile_interval(values: np.ndarray) -> list[float] | None:
    """Return the range of the middle 95% of a measure's draws, or None if the measure is undefined in all of them.

    Efron and Tibshirani (1993), An Introduction to the Bootstrap: the percentile interval.
    """
    defined = values[~np.isnan(values)]
    return [round(float(bound), 6) for bound in np.quantile(defined, [0.025, 0.975])] if len(defined) else None


def rounded(value: float) -> float | None:
    """Return a measure rounded to six digits, as the JSON files have it, or None if it is NaN."""
    return None if np.isnan(value) else round(float(value), 6)


def ratio(part: float, whole: float) -> float | None:
    """Return a share rounded to six digits, or None if the whole is zero."""
    return rounded(part / whole) if whole else None


def tabulate(counts: np.ndarray, labels: list[str]) -> dict[str, dict[str, Any]]:
    """Return the counts and measures of a set of documents by label, micro and macro.

    counts (ndarray): counts of shape (documents, labels, 3).
    labels (list[str]): the labels.
    RETURNS (dict[str, dict]): by label, then "micro" and "macro": tp, fp, fn (not for macro), precision, recall, f1.
    """
    sums = counts.sum(axis=0)
    rows: list[dict[str, Any]] = [dict(zip(MEASURES, map(rounded, row), strict=True)) for row in measure_labels(sums)]
    for row, outcomes in zip(rows, [*sums, sums.sum(axis=0)], strict=False):
        row |= dict(zip(("tp", "fp", "fn"), map(int, outcomes), strict=True))
    return dict(zip([*labels, "micro", "macro"], rows, strict=True))


def score(counts: np.ndarray, labels: list[str], *, seed: int, draws: int = DRAWS) -> dict[str, dict[str, Any]]:
    """Return the table of `tabulate` with 95% intervals by bootstrap over the documents.

    counts (ndarray): counts of shape (documents, labels, 3).
    labels (list[str]): the labels.
    seed (int): the seed of the draws.
    draws (int): the number of draws.
    RETURNS (dict[str, dict]): the rows of `tabulate`, each with "intervals": [low, high] by measure.
    """
    table = tabulate(counts, labels)
    drawn = measure_labels(resample(counts, seed=seed, draws=draws))
    for row, values in zip(table.values(), np.moveaxis(drawn, 1, 0), strict=True):
        row["intervals"] = {name: percentile_interval(column) for name, column in zip(MEASURES, values.T, strict=True)}
    return table


def score_relaxed(documents: list[ScoredDocument], labels: list[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Score by rules that are less strict, using nervaluate.

    SemEval-2013 task 9.1 (https://aclanthology.org/S13-2056): strict; exact (offsets without the label); partial
    (an overlap counts half); type (an overlap with the right label counts).

    documents (list[ScoredDocument]): the documents.
    labels (list[str]): all labels that occur in them.
    RETURNS (dict[str, dict]): by label and "micro", by scheme: correct, incorrect, partial, missed, spurious and the
        measures.
    """
    sides = ([to_nervaluate(document.gold) for document in documents], [to_nervaluate(d.predicted) for d in documents])
    results = Evaluator(*sides, tags=labels, loader="dict").evaluate()
    tables = {label: results["entities"].get(label, {}) for label in labels} | {"micro": results["overall"]}
    return {
        name: {scheme: relaxed_row(table.get(key), scheme) for scheme, key in RELAXED.items()}
        for name, table in tables.items()
    }


def to_nervaluate(mentions: Sequence[Mention]) -> list[dict[str, Any]]:
    """Return mentions in the form that nervaluate reads, with inclusive ends."""
    return [{"label": mention.label, "start": mention.start, "end": mention.end - 1} for mention in mentions]


def relaxed_row(result: Any, scheme: str) -> dict[str, Any]:
    """Return the measures of one of nervaluate's results.

    They are computed from its counts, because nervaluate's own measures are zero where they are undefined.
    """
    names = ("correct", "incorrect", "partial", "missed", "spurious")
    counts = {name: getattr(result, name, 0) for name in names}
    right = counts["correct"] + (counts["partial"] / 2 if scheme in ("partial", "type") else 0)
    both = counts["correct"] + counts["incorrect"] + counts["partial"]
    predicted, gold = both + counts["spurious"], both + counts["missed"]
    measures = (ratio(right, predicted), ratio(right, gold), ratio(2 * right, predicted + gold))
    return counts | dict(zip(MEASURES, measures, strict=True))
