"""A worker does tasks in a process of its own, and says what happened when it can't."""

import os
import time
from collections.abc import Callable, Iterator

import pytest

from scripts.errors import ProjectError
from scripts.workers import Worker, WorkerDied, WorkerTimeout, WorkFailed, where_raised

SECRET = "Mr Example"


def divide(number: int) -> tuple[float, int]:
    """Return a quotient and the process; what else a task can do depends on the number."""
    if number == 1:
        time.sleep(600)
    if number == 2:
        os._exit(3)
    if number == 3:
        raise ValueError(SECRET)
    return 12 / number, os.getpid()


def make_divide() -> Callable[[int], tuple[float, int]]:
    return divide


def make_nothing() -> Callable[[int], int]:
    raise ProjectError("There is no pipeline", "Train one.")


def fail_to_make() -> Callable[[int], int]:
    raise ValueError(SECRET)


@pytest.fixture(params=["fork", "spawn"])
def worker(request: pytest.FixtureRequest) -> Iterator[Worker]:
    worker = Worker(make_divide, method=request.param)
    yield worker
    worker.close()


def test_one_process_does_all_tasks(worker: Worker) -> None:
    first, second = worker.call(4, 60), worker.call(6, 60)
    assert (first[0], second[0]) == (3, 2)
    assert first[1] == second[1] != os.getpid()


@pytest.mark.parametrize(("task", "seconds", "expected"), [(1, 0.3, WorkerTimeout), (2, 60, WorkerDied)])
def test_a_process_that_ended_is_replaced(worker: Worker, task: int, seconds: float, expected: type) -> None:
    _, before = worker.call(4, 60)
    with pytest.raises(WorkerDied) as raised:
        worker.call(task, seconds)
    assert raised.type is expected
    assert not worker.is_ready
    quotient, after = worker.call(4, 60)
    assert quotient == 3
    assert after != before


@pytest.mark.parametrize(("task", "name"), [(0, "ZeroDivisionError"), (3, "ValueError")])
def test_an_exception_is_named_without_its_message(worker: Worker, task: int, name: str) -> None:
    _, before = worker.call(4, 60)
    with pytest.raises(WorkFailed, match=rf"^{name} at .*test_workers\.py:\d+$"):
        worker.call(task, 60)
    assert worker.call(4, 60) == (3, before)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [(make_nothing, ProjectError, "There is no pipeline"), (fail_to_make, WorkFailed, r"^ValueError at .*:\d+$")],
)
def test_what_keeps_it_from_starting_is_raised(make: Callable, error: type[Exception], message: str) -> None:
    worker: Worker = Worker(make, method="fork")
    with pytest.raises(error, match=message):
        worker.start()
    worker.close()


def test_closed_it_does_nothing(worker: Worker) -> None:
    assert worker.call(4, 60)[0] == 3
    worker.close()
    assert not worker.is_ready
    with pytest.raises(WorkerDied):
        worker.call(4, 60)


def test_where_an_exception_was_raised() -> None:
    assert where_raised(ValueError(SECRET)) == "ValueError"
    with pytest.raises(ZeroDivisionError) as raised:
        divide(0)
    assert where_raised(raised.value).startswith(f"ZeroDivisionError at {__file__}:")
