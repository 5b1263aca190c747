"""Try again what may succeed a moment later: a lost connection, a server that is about to start."""

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

Result = TypeVar("Result")


def retry(work: Callable[[], Result], *, waits: Iterable[float], passes: Callable[[Exception], bool]) -> Result:
    """Call a function, and again after each error that may pass.

    work (Callable[[], Result]): the function.
    waits (Iterable[float]): the seconds to wait before each further try. There is one more try than waits.
    passes (Callable[[Exception], bool]): returns whether another try may succeed after an error.
    RETURNS (Result): what the function returned.
    RAISES (Exception): the first error that does not pass, or that of the last try.
    """
    for wait in waits:
        try:
            return work()
        except Exception as error:
            if not passes(error):
                raise
        time.sleep(wait)
    return work()
