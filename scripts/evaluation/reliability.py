"""How far confidences can be trusted: precision by confidence, and what a threshold leaves."""

from collections.abc import Iterable
from typing import Any

import numpy
from thinc.types import Floats1d

# As in Guo et al., On calibration of modern neural networks, ICML 2017.
BINS = 15
THRESHOLDS = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


def reliability(values: Floats1d, right: numpy.ndarray) -> list[dict[str, Any]]:
    """Compare confidence and precision, by confidence.

    values (Floats1d): the entities' confidences.
    right (numpy.ndarray): bool, whether each is right.
    RETURNS (list[dict]): for each of the bins that holds entities: low, high, entities, confidence, precision.
    """
    places = numpy.minimum((values * BINS).astype(int), BINS - 1)
    return [
        {
            "low": place / BINS,
            "high": (place + 1) / BINS,
            "entities": int((places == place).sum()),
            "confidence": float(values[places == place].mean()),
            "precision": float(right[places == place].mean()),
        }
        for place in sorted(set(places.tolist()))
    ]


def calibration_error(bins: Iterable[dict[str, Any]]) -> float:
    """Give the expected calibration error: the mean distance of confidence and precision, by entities."""
    bins = list(bins)
    distance = sum(row["entities"] * abs(row["confidence"] - row["precision"]) for row in bins)
    return distance / max(sum(row["entities"] for row in bins), 1)


def thresholds(values: Floats1d, right: numpy.ndarray, mentions: int) -> list[dict[str, Any]]:
    """Tell what is left when entities below a confidence are dropped.

    values (Floats1d): the entities' confidences.
    right (numpy.ndarray): bool, whether each is right.
    mentions (int): how many gold mentions there are.
    RETURNS (list[dict]): threshold, entities, precision, recall; precision is None where nothing is left.
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
