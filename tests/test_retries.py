"""What passes is tried again after its wait; what does not, and the last error, are raised."""

import pytest

from scripts import retries
from scripts.retries import retry


class Passing(Exception):
    """An error that passes."""


@pytest.mark.parametrize(
    ("outcomes", "waits", "expected", "waited"),
    [
        (["done"], [1, 2], "done", []),
        ([Passing, "done"], [1, 2], "done", [1]),
        ([Passing, Passing, "done"], [1, 2], "done", [1, 2]),
        ([Passing, Passing, Passing, "done"], [1, 2], Passing, [1, 2]),
        ([Passing, KeyError, "done"], [1, 2], KeyError, [1]),
        ([Passing, "done"], [], Passing, []),
    ],
)
def test_retries(monkeypatch, outcomes, waits, expected, waited):
    slept, left = [], iter(outcomes)

    def work():
        outcome = next(left)
        if isinstance(outcome, str):
            return outcome
        raise outcome

    monkeypatch.setattr(retries.time, "sleep", slept.append)
    if isinstance(expected, str):
        assert retry(work, waits=waits, passes=lambda error: isinstance(error, Passing)) == expected
    else:
        with pytest.raises(expected):
            retry(work, waits=waits, passes=lambda error: isinstance(error, Passing))
    assert slept == waited
