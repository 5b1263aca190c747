"""The process in which the service runs its pipeline, so that a text that takes too long can be stopped.

In: texts. Out: the entities of each, or why there are none. A process that hangs or dies is replaced.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from spacy.language import Language

from scripts.errors import ProjectError
from scripts.pipelines import start_method, use_threads_here
from scripts.service.batching import FailedText, run_isolated
from scripts.service.metrics import Found
from scripts.service.pipeline import ServedPipeline
from scripts.service.schemas import EntitySchema
from scripts.workers import Worker, WorkerDied, WorkerTimeout, WorkFailed

logger = logging.getLogger(__name__)
# The service is not healthy after this many starts in a row that failed.
FAILED_STARTS = 3
Row = dict[str, Any]


class PipelineProcess:
    """A pipeline in a process of its own.

    make (Callable[[], ServedPipeline]): called in the process.
    method (str): how it is started; see `Worker`.
    work_timeout (float): how long it may work on a batch, in seconds.
    count_start (Callable[[], object]): called for each start.
    """

    def __init__(
        self,
        make: Callable[[], ServedPipeline],
        *,
        method: str,
        work_timeout: float,
        count_start: Callable[[], object] = lambda: None,
    ):
        self.worker = Worker[list[str], list[list[Row] | FailedText]](partial(make_annotate, make), method=method)
        self.work_timeout = work_timeout
        self.count_start = count_start
        self.failed_starts = 0
        self.closed = False

    @property
    def is_ready(self) -> bool:
        """Whether the process is there and has loaded the pipeline."""
        return not self.closed and self.worker.is_ready

    @property
    def is_healthy(self) -> bool:
        """Whether the process is there or can be expected to come back."""
        return self.failed_starts < FAILED_STARTS

    def start(self) -> None:
        """Start the process for the first time.

        RAISES (ProjectError): it can't load the pipeline, or this fails on a first text.
        """
        self.count_start()
        try:
            self.worker.start()
        except (WorkerDied, WorkFailed) as error:
            raise ProjectError(f"The pipeline can't be run: {error or type(error).__name__}") from error

    def check(self) -> None:
        """Start the process again if it has ended."""
        if self.worker.is_ready or self.closed:
            return
        try:
            self.start()
            self.failed_starts = 0
        except (ProjectError, OSError) as error:
            self.failed_starts += 1
            logger.error("The process of the pipeline could not be started: %s", type(error).__name__)

    def close(self) -> None:
        """End the process, whatever it is doing, for good."""
        self.closed = True
        self.worker.close()

    def annotate(self, texts: list[str]) -> list[Found]:
        """Find the entities in texts.

        texts (list[str]): the texts of a batch.
        RETURNS (list[Found]): the entities of each, or why there are none.
        """
        try:
            return self.run(texts)
        except WorkerTimeout:
            # Which text it was is not known. The longest is the most likely one, so the others come first.
            return self.run_each(texts) if len(texts) > 1 else [self.late(texts[0])]
        except WorkerDied:
            return self.run_each(texts)

    def run_each(self, texts: list[str]) -> list[Found]:
        """Find the entities in each text by itself, the shortest first."""
        order = sorted(range(len(texts)), key=lambda number: len(texts[number]))
        found = {number: self.run_alone(texts[number]) for number in order}
        return [found[number] for number in range(len(texts))]

    def run_alone(self, text: str) -> Found:
        """Find the entities in one text."""
        try:
            return self.run([text])[0]
        except WorkerTimeout:
            return self.late(text)
        except WorkerDied:
            return note_failure(text, FailedText(where="the process ended"))

    def run(self, texts: list[str]) -> list[Found]:
        """Find the entities in texts, in the process."""
        self.check()
        if not self.worker.is_ready:
            return [FailedText("unavailable")] * len(texts)
        try:
            results = self.worker.call(texts, self.work_timeout)
        except WorkFailed as error:
            results = [FailedText(where=str(error))] * len(texts)
        return [
            note_failure(text, rows) if isinstance(rows, FailedText) else [EntitySchema(**row) for row in rows]
            for text, rows in zip(texts, results, strict=True)
        ]

    def late(self, text: str) -> FailedText:
        """Log that a text took too long, and return that as its result."""
        logger.error(
            "The pipeline did not finish a text of %d characters within %g seconds: its process is replaced",
            len(text),
            self.work_timeout,
        )
        return FailedText("late")


def note_failure(text: str, failure: FailedText) -> FailedText:
    """Log that the pipeline failed on a text, and return the failure."""
    logger.error("The pipeline failed on a text of %d characters: %s", len(text), failure.where)
    return failure


def make_annotate(make: Callable[[], ServedPipeline]) -> Callable[[list[str]], list[list[Row] | FailedText]]:
    """Make the function that annotates a batch, in the process that will call it, and run it on a first text."""
    pipeline = make()
    use_threads_here(pipeline.nlp)
    pipeline.annotate(["Warm-up"])
    return partial(run_isolated, pipeline.annotate)


def load_served(load: Callable[[], Language], batch_size: int) -> ServedPipeline:
    """Load the pipeline in the process that runs it."""
    return ServedPipeline(load(), batch_size=batch_size)


def make_process(
    pipeline: ServedPipeline,
    load: Callable[[], Language] | None,
    *,
    work_timeout: float,
    count_start: Callable[[], object],
) -> PipelineProcess:
    """Return the process of a pipeline, not started yet.

    pipeline (ServedPipeline): the pipeline. A forked process shares it.
    load (Callable[[], Language] | None): loads the pipeline in a spawned process. A GPU needs one, because what a
        process has begun on a GPU is lost in its forks. None shares the pipeline as multiprocessing does.
    work_timeout (float): how long it may work on a batch, in seconds.
    count_start (Callable[[], object]): called for each start.
    RETURNS (PipelineProcess): the process.
    """
    make = partial(load_served, load, pipeline.batch_size) if load else partial(return_same, pipeline)
    method = "spawn" if load else start_method()
    return PipelineProcess(make, method=method, work_timeout=work_timeout, count_start=count_start)


def return_same(pipeline: ServedPipeline) -> ServedPipeline:
    """Return a pipeline that a process has from its parent."""
    return pipeline
