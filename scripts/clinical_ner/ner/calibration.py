"""From the head's probabilities to confidences: a confidence of 0.9 is right nine times out of ten."""

import math
from typing import NamedTuple

# No probability is nearer to 0 or 1: single precision cannot tell more apart.
EPSILON = 1e-6


class Calibration(NamedTuple):
    """The line that maps the head's log-odds of a label to those of the confidence.

    temperature (float): divides the log-odds. Above 1, the head is overconfident.
    bias (float): is added to them.

    Platt, Probabilistic outputs for support vector machines, 1999.
    """

    temperature: float = 1.0
    bias: float = 0.0

    def __call__(self, probability: float) -> float:
        """Return the confidence, which increases with the probability."""
        return expit(logit(probability) / self.temperature + self.bias)


def logit(probability: float) -> float:
    """Return the log-odds of a probability, kept `EPSILON` away from 0 and 1."""
    inner = min(max(probability, EPSILON), 1 - EPSILON)
    return math.log(inner / (1 - inner))


def expit(log_odds: float) -> float:
    """Return the probability with these log-odds, without overflow."""
    return (1 + math.tanh(log_odds / 2)) / 2
