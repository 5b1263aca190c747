"""Strict mention-level scores by BioCreative's rules, with bootstrap intervals: pure functions over mentions.

A predicted mention is right if the gold has one in the same document with the same offsets and the same label. What
cannot be computed because nothing was predicted, or nothing is there to be found, is None and never zero.
"""

from collections.abc import Iterable, Sequence
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

Place = tuple[int, int, str]


def place(mention: Mention) -> Place:
    """Give what a match is decided on: start, end and label."""
    return mention.start, mention.end, mention.label


@dataclass(frozen=True)
class Document:
    """A document's mentions, the annotators' and the system's, as flat spans.

    id (str): the document's id.
    gold (Sequence[Mention]): the annotated mentions.
    predicted (Sequence[Mention]): the predicted mentions.
    """

    id: str
    gold: Sequence[Mention]
    predicted: Sequence[Mention]

    @cached_property
    def found(self) -> list[Mention]:
        """The gold mentions that were predicted: the true positives."""
        return self._without(self.gold, self.missed)

    @cached_property
    def missed(self) -> list[Mention]:
        """The gold mentions that were not predicted: the false negatives."""
        return self._without(self.gold, self.predicted)

    @cached_property
    def wrong(self) -> list[Mention]:
        """The predicted mentions that are not in the gold: the false positives."""
        return self._without(self.predicted, self.gold)

    @staticmethod
    def _without(mentions: Sequence[Mention], others: Sequence[Mention]) -> list[Mention]:
        """Give each place once that is not among the others, as a set of spans is scored."""
        taken = {place(mention) for mention in others}
        unique = {place(mention): mention for mention in mentions}
        return [mention for key, mention in sorted(unique.items()) if key not in taken]


def pair(gold: dict[str, Sequence[Mention]], predicted: dict[str, Sequence[Mention]]) -> list[Document]:
    """Put the two sides together by document id.

    gold (dict[str, Sequence[Mention]]): annotated mentions by document id.
    predicted (dict[str, Sequence[Mention]]): predicted mentions by document id.
    RETURNS (list[Document]): the documents by id: the bootstrap draws the same ones, however the corpus is sorted.
    RAISES (ProjectError): a document is on one side only.
    """
    missing, unknown = gold.keys() - predicted.keys(), predicted.keys() - gold.keys()
    if missing or unknown:
        raise ProjectError(
            f"{len(missing)} of {len(gold)} annotated documents were not predicted, and {len(unknown)} of"
            f" {len(predicted)} predicted ones are not annotated; the first is '{min(missing or unknown)}'",
            "Both sides need the same documents. One without mentions is there with an empty list.",
        )
    return [Document(identifier, gold[identifier], predicted[identifier]) for identifier in sorted(gold)]


def labels_of(documents: Iterable[Document], known: Iterable[str] = ()) -> list[str]:
    """Give the labels that are known or occur on either side, sorted."""
    used = {mention.label for document in documents for mention in (*document.gold, *document.predicted)}
    return sorted({*known, *used})


def count(documents: list[Document], labels: list[str]) -> np.ndarray:
    """Count true positives, false positives and false negatives.

    documents (list[Document]): the documents.
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


def measure(counts: np.ndarray) -> np.ndarray:
    """Compute precision, recall and F1.

    counts (ndarray): true positives, false positives and false negatives, of shape (..., 3).
    RETURNS (ndarray): the measures, of shape (..., 3); NaN where one is undefined.
    """
    tp, fp, fn = np.moveaxis(counts.astype(float), -1, 0)
    with np.errstate(invalid="ignore"):
        return np.stack([tp / (tp + fp), tp / (tp + fn), 2 * tp / (2 * tp + fp + fn)], axis=-1)


def measure_all(counts: np.ndarray) -> np.ndarray:
    """Compute the measures by label, then micro and macro.

    Macro is the mean over the labels that occur on either side, and undefined if it is for one of them.

    counts (ndarray): counts of shape (..., labels, 3).
    RETURNS (ndarray): measures of shape (..., labels + 2, 3).
    """
    by_label, micro = measure(counts), measure(counts.sum(axis=-2, keepdims=True))
    occurs = counts.any(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):
        macro = np.where(occurs, by_label, 0).sum(axis=-2, keepdims=True) / occurs.sum(axis=-2, keepdims=True)
    return np.concatenate([by_label, micro, macro], axis=-2)


def resample(counts: np.ndarray, *, seed: int, draws: int = DRAWS) -> np.ndarray:
    """Draw as many documents as there are, with replacement, again and again, and sum their counts.

    counts (ndarray): counts of shape (documents, ...).
    seed (int): the seed. The same one draws the same documents, whatever the counts.
    draws (int): how often.
    RETURNS (ndarray): sums of shape (draws, ...).
    """
    documents = len(counts)
    times_drawn = np.random.default_rng(seed).multinomial(documents, [1 / documents] * documents, size=draws)
    return np.tensordot(times_drawn, counts, axes=1)


def interval(values: np.ndarray) -> list[float] | None:
    """Give the range that holds the middle 95% of a measure's draws, those where it is defined; None if there are none.

    Efron and Tibshirani (1993), An Introduction to the Bootstrap: the percentile interval.
    """
    defined = values[~np.isnan(values)]
    return [number(bound) for bound in np.quantile(defined, [0.025, 0.975])] if len(defined) else None


def number(value: float) -> float | None:
    """Give a measure as JSON holds it: rounded to six digits, None where it is undefined."""
    return None if np.isnan(value) else round(float(value), 6)


def ratio(part: float, whole: float) -> float | None:
    """Give a share as JSON holds it, None of nothing."""
    return number(part / whole) if whole else None


def tabulate(counts: np.ndarray, labels: list[str]) -> dict[str, dict[str, Any]]:
    """Give the counts and measures of a set of documents by label, micro and macro.

    counts (ndarray): counts of shape (documents, labels, 3).
    labels (list[str]): the labels.
    RETURNS (dict[str, dict]): by label, then "micro" and "macro": tp, fp, fn (not for macro), precision, recall, f1.
    """
    sums = counts.sum(axis=0)
    rows = [dict(zip(MEASURES, map(number, row), strict=True)) for row in measure_all(sums)]
    for row, outcomes in zip(rows, [*sums, sums.sum(axis=0)], strict=False):
        row |= dict(zip(("tp", "fp", "fn"), map(int, outcomes), strict=True))
    return dict(zip([*labels, "micro", "macro"], rows, strict=True))


def score(counts: np.ndarray, labels: list[str], *, seed: int, draws: int = DRAWS) -> dict[str, dict[str, Any]]:
    """Give the same table with 95% intervals by bootstrap over the documents.

    counts (ndarray): counts of shape (documents, labels, 3).
    labels (list[str]): the labels.
    seed (int): the seed of the draws.
    draws (int): their number.
    RETURNS (dict[str, dict]): as `tabulate` has it, and in each row "intervals" with [low, high] by measure.
    """
    table = tabulate(counts, labels)
    drawn = measure_all(resample(counts, seed=seed, draws=draws))
    for row, values in zip(table.values(), np.moveaxis(drawn, 1, 0), strict=True):
        row["intervals"] = {name: interval(column) for name, column in zip(MEASURES, values.T, strict=True)}
    return table


def score_relaxed(documents: list[Document], labels: list[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Score with less than a strict match, as nervaluate does.

    SemEval-2013 task 9.1 (https://aclanthology.org/S13-2056): strict; exact (offsets without the label); partial
    (an overlap counts half); type (an overlap with the right label counts).

    documents (list[Document]): the documents.
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
    """Give mentions as nervaluate reads them; its ends are inclusive."""
    return [{"label": mention.label, "start": mention.start, "end": mention.end - 1} for mention in mentions]


def relaxed_row(result: Any, scheme: str) -> dict[str, Any]:
    """Give one of nervaluate's results, computed from its counts: its own measures are zero where undefined."""
    names = ("correct", "incorrect", "partial", "missed", "spurious")
    counts = {name: getattr(result, name, 0) for name in names}
    right = counts["correct"] + (counts["partial"] / 2 if scheme in ("partial", "type") else 0)
    both = counts["correct"] + counts["incorrect"] + counts["partial"]
    predicted, gold = both + counts["spurious"], both + counts["missed"]
    measures = (ratio(right, predicted), ratio(right, gold), ratio(2 * right, predicted + gold))
    return counts | dict(zip(MEASURES, measures, strict=True))
