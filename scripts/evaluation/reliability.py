"""How far confidences can be trusted: precision by confidence, and what remains above a threshold."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from spacy.tokens import Doc

from scripts.evaluation.scoring import ScoredDocument, match_key

# As in Guo et al., On calibration of modern neural networks, ICML 2017.
BINS = 15
THRESHOLDS = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


def score_confidence(documents: list[ScoredDocument], predicted: dict[str, Doc]) -> dict[str, Any]:
    """Compare the confidences of a pipeline with its precision.

    documents (list[ScoredDocument]): the documents with their gold mentions.
    predicted (dict[str, Doc]): the pipeline's documents, by document id.
    RETURNS (dict[str, Any]): calibration_error; reliability and thresholds, see the functions with these names.
    """
    rows = []
    for document in documents:
        gold = set(map(match_key, document.gold))
        for ent in predicted[document.id].ents:
            rows.append((ent._.confidence, (ent.start_char, ent.end_char, ent.label_) in gold))
    values = np.array([confidence for confidence, _ in rows], dtype=float)
    right = np.array([is_right for _, is_right in rows], dtype=bool)
    bins = reliability(values, right)
    return {
        "calibration_error": calibration_error(bins),
        "reliability": bins,
        "thresholds": thresholds(values, right, sum(len(document.gold) for document in documents)),
    }


def reliability(values: np.ndarray, right: np.ndarray) -> list[dict[str, Any]]:
    """Compare confidence and precision in bins of equal width.

    values (ndarray): the entities' confidences, floats of shape (entities,).
    right (ndarray): whether each entity is right, booleans of shape (entities,).
    RETURNS (list[dict]): for each bin that contains entities: low, high, entities, confidence, precision.
    """
    bins = np.minimum((values * BINS).astype(np.int64), BINS - 1)
    return [
        {
            "low": bin_number / BINS,
            "high": (bin_number + 1) / BINS,
            "entities": int((bins == bin_number).sum()),
            "confidence": float(values[bins == bin_number].mean()),
            "precision": float(right[bins == bin_number].mean()),
        }
        for bin_number in sorted(set(bins.tolist()))
    ]


def calibration_error(bins: Iterable[dict[str, Any]]) -> float:
    """Return the expected calibration error: the mean difference of confidence and precision over the entities."""
    bins = list(bins)
    distance = sum(row["entities"] * abs(row["confidence"] - row["precision"]) for row in bins)
    return distance / max(sum(row["entities"] for row in bins), 1)


def thresholds(values: np.ndarray, right: np.ndarray, mentions: int) -> list[dict[str, Any]]:
    """Compute what remains when entities below a confidence are dropped.

    values (ndarray): the entities' confidences, floats of shape (entities,).
    right (ndarray): whether each entity is right, booleans of shape (entities,).
    mentions (int): the number of gold mentions.
    RETURNS (list[dict]): threshold, entities, precision, recall; precision is None if nothing remains.
    """
    kept = [(threshold, values >= threshold) for threshold in THRESHOLDS]
    return [
        {
            "threshold": threshold,
            "entities": int(keep.sum()),
            "precision": float(right[keep].mean()) if keep.any() else None,
            "recall": float(right[keep].sum() / mentions) if mentions else None,
        }
        for threshold, keep in kept
    ]
