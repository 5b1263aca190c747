"""From the head's probabilities to confidences: a confidence of 0.9 is right nine times out of ten."""

import math
from typing import NamedTuple

# No probability is nearer to 0 or 1: single precision cannot tell more apart.
EPSILON = 1e-6


class Calibration(NamedTuple):
    """What turns the probability of a label's entities into a confidence, in log-odds.

    temperature (float): they are divided by it; above 1 the head is surer of what it says than it should be.
    bias (float): it is added to them.

    Platt, Probabilistic outputs for support vector machines, 1999.
    """

    temperature: float = 1.0
    bias: float = 0.0

    def __call__(self, probability: float) -> float:
        """Give the confidence, which rises with the probability."""
        return expit(logit(probability) / self.temperature + self.bias)


def logit(probability: float) -> float:
    """Give the log-odds of a probability, a tiny bit within 0 and 1."""
    inner = min(max(probability, EPSILON), 1 - EPSILON)
    return math.log(inner / (1 - inner))


def expit(log_odds: float) -> float:
    """Give the probability that has these log-odds, however large they are."""
    return (1 + math.tanh(log_odds / 2)) / 2
