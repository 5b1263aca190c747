"""Collect the texts of concurrent requests into batches, and run the pipeline over them in one worker thread.

The event loop queues texts and returns results, and is never blocked by the pipeline. While one batch runs, the next
one fills. Existing libraries did not fit: async-batcher 0.2.2 logs every item and fails a whole batch for one of them,
batched 0.1.5 has neither a limit nor a shutdown, LitServe starts processes.
"""

import asyncio
import logging
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class QueueFull(Exception):
    """The queue has no room for the texts of a request."""


class Closed(Exception):
    """The batcher accepts no texts: it is shutting down, or has not started yet."""


class FailedText:
    """The result of a text on which the pipeline raised an exception, without its message, which may hold text."""


@dataclass(eq=False)
class Waiting(Generic[Result]):
    """A text in the queue, its time of arrival, and the future of its result."""

    text: str
    arrived: float
    result: asyncio.Future[Result | FailedText]


class Batcher(Generic[Result]):
    """A queue in front of a function that is most efficient when called with many texts.

    annotate (Callable[[list[str]], list[Result]]): returns a result for each text, in order; called in the worker
        thread.
    batch_size (int): the maximum number of texts in a batch.
    batch_characters (int): the maximum number of characters in a batch; a longer text is a batch of its own.
    batch_wait (float): how long the first text of a batch waits for others, in seconds.
    queue_size (int): the maximum number of texts in the queue.
    prepare (Callable[[], object] | None): called in the worker thread before anything else, for settings that hold
        for one thread only, such as the current GPU.
    """

    def __init__(
        self,
        annotate: Callable[[list[str]], list[Result]],
        *,
        batch_size: int,
        batch_characters: int,
        batch_wait: float,
        queue_size: int,
        prepare: Callable[[], object] | None = None,
    ):
        self.annotate = annotate
        self.batch_size = batch_size
        self.batch_characters = batch_characters
        self.batch_wait = batch_wait
        self.queue_size = queue_size
        self.prepare = prepare
        self.running = False
        self._queue: deque[Waiting[Result]] = deque()

    def __len__(self) -> int:
        """Return the number of texts in the queue."""
        return len(self._queue)

    async def __aenter__(self) -> "Batcher[Result]":
        """Start the worker thread, and return when it has annotated a first text."""
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pipeline")
        loop = asyncio.get_running_loop()
        if self.prepare:
            await loop.run_in_executor(self._thread, self.prepare)
        await loop.run_in_executor(self._thread, self.annotate, ["Warm-up"])
        self.running = True
        self._worker = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Accept no more texts, finish those that were accepted, and stop the worker thread."""
        self.running = False
        self._signal()
        await self._worker
        self._thread.shutdown()

    async def submit(self, texts: Sequence[str]) -> list[Result | FailedText]:
        """Queue texts and wait for their results. If this is cancelled, the texts leave the queue.

        texts (Sequence[str]): the texts of one request, which may end up in several batches.
        RETURNS (list[Result | FailedText]): the result of each text, in order.
        RAISES (Closed, QueueFull): no text was queued.
        """
        if not self.running:
            raise Closed
        if len(self._queue) + len(texts) > self.queue_size:
            raise QueueFull
        loop = asyncio.get_running_loop()
        waiting = [Waiting(text, loop.time(), loop.create_future()) for text in texts]
        self._queue.extend(waiting)
        self._signal()
        try:
            return await asyncio.gather(*(one.result for one in waiting))
        except asyncio.CancelledError:
            self._drop_cancelled()
            raise

    def _drop_cancelled(self) -> None:
        """Remove the texts of cancelled requests, so that they take no room in the queue."""
        self._queue = deque(one for one in self._queue if not one.result.cancelled())
        self._signal()

    def _signal(self) -> None:
        """Signal to the worker whether the queue has texts, and whether it has enough for a full batch."""
        for event, is_set in ((self._arrived, bool(self._queue)), (self._full, len(self._queue) >= self.batch_size)):
            if is_set or not self.running:
                event.set()
            else:
                event.clear()

    async def _run(self) -> None:
        """Process batches until the batcher is closed and the queue is empty."""
        loop = asyncio.get_running_loop()
        while self.running or self._queue:
            batch = await self._next_batch()
            if not batch:
                continue
            texts = [one.text for one in batch]
            results = await loop.run_in_executor(self._thread, run_isolated, self.annotate, texts)
            for one, result in zip(batch, results, strict=True):
                if not one.result.cancelled():
                    one.result.set_result(result)

    async def _next_batch(self) -> list[Waiting[Result]]:
        """Wait until a batch is full, or its first text has waited long enough."""
        await self._arrived.wait()
        if self._queue:
            try:
                async with asyncio.timeout_at(self._queue[0].arrived + self.batch_wait):
                    await self._full.wait()
            except TimeoutError:
                pass
        batch = self._take()
        self._signal()
        return batch

    def _take(self) -> list[Waiting[Result]]:
        """Take a batch from the queue, skipping texts whose request has just been cancelled."""
        batch: list[Waiting[Result]] = []
        characters = 0
        while self._queue and len(batch) < self.batch_size:
            characters += len(self._queue[0].text)
            if batch and characters > self.batch_characters:
                break
            one = self._queue.popleft()
            if one.result.cancelled():
                characters -= len(one.text)
            else:
                batch.append(one)
        return batch


def run_isolated(annotate: Callable[[list[str]], list[Result]], texts: list[str]) -> list[Result | FailedText]:
    """Annotate a batch so that a text on which the pipeline fails does not affect the others.

    If the pipeline fails, each half of the batch is annotated by itself, down to the single text.

    annotate (Callable[[list[str]], list[Result]]): returns a result for each text, in order.
    texts (list[str]): the batch.
    RETURNS (list[Result | FailedText]): the result of each text.
    """
    try:
        results = annotate(texts)
        if len(results) != len(texts):
            raise RuntimeError(f"the pipeline returned {len(results)} results for {len(texts)} texts")
        return list(results)
    except Exception as error:
        if len(texts) > 1:
            middle = len(texts) // 2
            return run_isolated(annotate, texts[:middle]) + run_isolated(annotate, texts[middle:])
        logger.error("The pipeline failed on a text of %d characters: %s", len(texts[0]), where_raised(error))
        return [FailedText()]


def where_raised(error: BaseException) -> str:
    """Return an exception's type and where it was raised, without its message, which may hold text."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {frames[-1].filename}:{frames[-1].lineno}" if frames else type(error).__name__
