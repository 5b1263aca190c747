"""Gather the texts of concurrent requests into batches, and let a thread run the pipeline over them.

The event loop queues and answers; the pipeline runs in one worker thread, so the loop is always free. While a batch
runs, the texts of the next one gather. Libraries for this were looked at: async-batcher 0.2.2 logs each item and
fails a whole batch for one of its items, batched 0.1.5 has neither a limit nor an end, LitServe starts processes.
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
    """More texts wait than the queue may hold."""


class Closed(Exception):
    """Nothing is accepted any more, or not yet."""


class Failed:
    """What comes of a text on which the pipeline raised an exception. Its message may hold text, so it is not kept."""


@dataclass(eq=False)
class Waiting(Generic[Result]):
    """A text in the queue: when it came, and the future that gets its result."""

    text: str
    arrived: float
    result: asyncio.Future[Result | Failed]


class Batcher(Generic[Result]):
    """A queue of texts before a function that is best called with many of them.

    annotate (Callable[[list[str]], list[Result]]): gives a result for each text, in order; called in a thread.
    batch_size (int): texts in a batch, at most.
    batch_characters (int): characters in a batch, at most; one longer text goes alone.
    batch_wait (float): seconds that the first text of a batch waits for others, at most.
    queue_size (int): texts in the queue, at most.
    """

    def __init__(
        self,
        annotate: Callable[[list[str]], list[Result]],
        *,
        batch_size: int,
        batch_characters: int,
        batch_wait: float,
        queue_size: int,
    ):
        self.annotate = annotate
        self.batch_size = batch_size
        self.batch_characters = batch_characters
        self.batch_wait = batch_wait
        self.queue_size = queue_size
        self.running = False
        self._queue: deque[Waiting[Result]] = deque()

    def __len__(self) -> int:
        """Give the number of texts that wait."""
        return len(self._queue)

    async def __aenter__(self) -> "Batcher[Result]":
        """Start the worker, and return when it has proved that it can work."""
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pipeline")
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self.annotate, ["Warm-up"])
        self.running = True
        self._worker = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Accept nothing more, finish what was accepted, and stop the worker."""
        self.running = False
        self._signal()
        await self._worker
        self._thread.shutdown()

    async def submit(self, texts: Sequence[str]) -> list[Result | Failed]:
        """Queue texts and wait for their results. If this is cancelled, those that wait still are dropped.

        texts (Sequence[str]): the texts of one request; they may land in several batches.
        RETURNS (list[Result | Failed]): what came of each, in order.
        RAISES (Closed, QueueFull): nothing was queued.
        """
        if not self.running:
            raise Closed
        if len(self._queue) + len(texts) > self.queue_size:
            raise QueueFull
        loop = asyncio.get_running_loop()
        waiting = [Waiting(text, loop.time(), loop.create_future()) for text in texts]
        self._queue.extend(waiting)
        self._signal()
        return await asyncio.gather(*(one.result for one in waiting))

    def _signal(self) -> None:
        """Tell the worker whether there is something in the queue, and whether it fills a batch."""
        for event, is_set in ((self._arrived, bool(self._queue)), (self._full, len(self._queue) >= self.batch_size)):
            if is_set or not self.running:
                event.set()
            else:
                event.clear()

    async def _run(self) -> None:
        """Take batches until the batcher is closed and nothing is left."""
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
        """Wait until a batch is full or its first text has waited long enough."""
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
        """Take a batch from the queue, leaving out the texts that nobody waits for any more."""
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


def run_isolated(annotate: Callable[[list[str]], list[Result]], texts: list[str]) -> list[Result | Failed]:
    """Annotate a batch so that a text on which the pipeline fails spoils no other: halve the batch until it is alone.

    annotate (Callable[[list[str]], list[Result]]): gives a result for each text, in order.
    texts (list[str]): the batch.
    RETURNS (list[Result | Failed]): what came of each.
    """
    try:
        results = annotate(texts)
        if len(results) != len(texts):
            raise RuntimeError("the pipeline left out a text")
        return results
    except Exception as error:
        if len(texts) > 1:
            middle = len(texts) // 2
            return run_isolated(annotate, texts[:middle]) + run_isolated(annotate, texts[middle:])
        logger.error("The pipeline failed on a text of %d characters: %s", len(texts[0]), where_raised(error))
        return [Failed()]


def where_raised(error: BaseException) -> str:
    """Say what an exception is and where it was raised. Its message stays out: it may hold text."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {frames[-1].filename}:{frames[-1].lineno}" if frames else type(error).__name__
