"""The pipeline's process is replaced when it hangs or dies, and the texts beside the cause are annotated."""

import os
import signal
import time
from functools import partial

import pytest
from spacy.language import Language

from scripts.errors import ProjectError
from scripts.service.batching import FailedText
from scripts.service.pipeline import ServedPipeline
from scripts.service.process import FAILED_STARTS, PipelineProcess
from tests.service.conftest import make_pipeline
from tests.service.hanging import DIE, SLEEP, SPIN

LATE, DIED = FailedText("late"), FailedText(where="the process ended")


def make_served(*components: str) -> ServedPipeline:
    nlp = make_pipeline()
    for name in components:
        nlp.add_pipe(name)
    return ServedPipeline(nlp, batch_size=8)


@pytest.fixture
def start():
    """A function that starts a process: start(make, method=...)."""
    processes = []

    def start(make, *, method="fork", work_timeout=0.5):
        process = PipelineProcess(make, method=method, work_timeout=work_timeout)
        processes.append(process)
        process.start()
        return process

    yield start
    for process in processes:
        process.close()


def found(process, texts):
    return [
        result if isinstance(result, FailedText) else [ent.text for ent in result] for result in process.annotate(texts)
    ]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["gout"], [["gout"]]),
        ([], []),
        ([SLEEP], [LATE]),
        ([f"aspirin {SPIN}"], [LATE]),
        (["gout", f"aspirin {SLEEP}", "", "aspirin"], [["gout"], LATE, [], ["aspirin"]]),
        (["gout " * 20, SPIN, SLEEP, "aspirin"], [["gout"] * 20, LATE, LATE, ["aspirin"]]),
        ([DIE], [DIED]),
        (["gout", DIE, SLEEP, "aspirin"], [["gout"], DIED, LATE, ["aspirin"]]),
    ],
)
def test_a_text_that_hangs_or_kills_the_process_fails_alone(start, texts, expected):
    process = start(partial(make_served, "tests_hang"))
    assert found(process, texts) == expected
    assert found(process, ["gout"]) == [["gout"]]
    assert process.is_ready and process.is_healthy


def test_a_spawned_process_is_replaced_too(start):
    process = start(partial(make_served, "tests_hang"), method="spawn")
    assert found(process, ["gout", SPIN]) == [["gout"], LATE]
    assert found(process, ["gout"]) == [["gout"]]


def worker_id(process):
    return process.worker._process.pid


def test_a_process_that_was_killed_from_outside_comes_back(start):
    process = start(make_served)
    first = worker_id(process)
    os.kill(first, signal.SIGKILL)
    process.worker._process.join()
    assert not process.is_ready
    process.check()
    assert process.is_ready and worker_id(process) != first
    os.kill(worker_id(process), signal.SIGKILL)
    assert found(process, ["gout"]) == [["gout"]]


def test_signals_for_the_whole_group_do_not_end_the_work(start):
    process = start(make_served)
    for number in (signal.SIGTERM, signal.SIGINT):
        os.kill(worker_id(process), number)
    time.sleep(0.1)
    first = worker_id(process)
    assert found(process, ["gout"]) == [["gout"]]
    assert worker_id(process) == first


def make_unless(path) -> ServedPipeline:
    if path.exists():
        raise OSError("no memory")
    return make_served()


def test_it_is_unhealthy_while_it_cannot_be_started(start, tmp_path):
    process = start(partial(make_unless, tmp_path / "broken"))
    (tmp_path / "broken").touch()
    process.worker.kill()
    assert found(process, ["gout", "aspirin"]) == [FailedText("unavailable")] * 2
    assert (process.is_ready, process.is_healthy) == (False, True)
    for _ in range(FAILED_STARTS):
        process.check()
    assert (process.is_ready, process.is_healthy) == (False, False)
    (tmp_path / "broken").unlink()
    process.check()
    assert (process.is_ready, process.is_healthy) == (True, True)


def make_broken() -> ServedPipeline:
    nlp = make_pipeline()
    Language.component("tests_broken", func=lambda doc: 1 / 0)
    nlp.add_pipe("tests_broken")
    return ServedPipeline(nlp, batch_size=8)


@pytest.mark.parametrize("make", [make_broken, partial(os.kill, 0, "")])
def test_a_pipeline_that_cannot_be_run_is_noticed_at_the_start(start, make):
    with pytest.raises(ProjectError, match=r"The pipeline can't be run: (ZeroDivisionError|TypeError) at .*:\d+"):
        start(make)


def test_nothing_is_started_once_it_is_closed(start):
    process = start(make_served)
    process.close()
    process.check()
    assert not process.is_ready
    assert found(process, ["gout"]) == [FailedText("unavailable")]


def test_the_vocabulary_does_not_grow():
    served = make_served()
    served.annotate(["gout"])
    size = len(served.nlp.vocab.strings)
    served.annotate([f"word{number} gout" for number in range(100)])
    assert len(served.nlp.vocab.strings) == size
