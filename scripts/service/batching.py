"""Collect the texts of concurrent requests into batches, and annotate these one after the other in a thread.

The event loop queues texts and returns results, and is never blocked by the pipeline. While one batch runs, the next
one fills. Existing libraries did not fit: async-batcher 0.2.2 logs every item and fails a whole batch for one of them,
batched 0.1.5 has neither a limit nor a shutdown, LitServe starts processes.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

from scripts.workers import where_raised

# How often an idle batcher calls `check`, in seconds.
CHECK_SECONDS = 1.0
Result = TypeVar("Result")


class QueueFull(Exception):
    """The queue has no room for the texts of a request."""


class Closed(Exception):
    """The batcher accepts no texts: it is shutting down, or has not started yet."""


class FailedText(NamedTuple):
    """Why a text has no result: the pipeline failed on it or took too long, or there is no pipeline at the moment.

    kind (Literal): which of these it is.
    where (str): an exception's type and where it was raised, without its message, which may hold text.
    """

    kind: Literal["failed", "late", "unavailable"] = "failed"
    where: str = ""


@dataclass(eq=False)
class Waiting(Generic[Result]):
    """A text in the queue, its time of arrival, and the future of its result."""

    text: str
    arrived: float
    result: asyncio.Future[Result | FailedText]


class Batcher(Generic[Result]):
    """A queue in front of a function that is most efficient when called with many texts.

    annotate (Callable[[list[str]], list[Result | FailedText]]): returns a result for each text, in order; called in
        the thread.
    batch_size (int): the maximum number of texts in a batch.
    batch_characters (int): the maximum number of characters in a batch; a longer text is a batch of its own.
    batch_wait (float): how long the first text of a batch waits for others, in seconds.
    queue_size (int): the maximum number of texts in the queue.
    start (Callable[[], object] | None): called in the thread before anything else.
    check (Callable[[], object] | None): called in the thread every second while there is nothing to do.
    stop (Callable[[], object] | None): called on closing once nobody waits for a result, to end a call of `annotate`.
    """

    def __init__(
        self,
        annotate: Callable[[list[str]], list[Result | FailedText]],
        *,
        batch_size: int,
        batch_characters: int,
        batch_wait: float,
        queue_size: int,
        start: Callable[[], object] | None = None,
        check: Callable[[], object] | None = None,
        stop: Callable[[], object] | None = None,
    ):
        self.annotate = annotate
        self.batch_size = batch_size
        self.batch_characters = batch_characters
        self.batch_wait = batch_wait
        self.queue_size = queue_size
        self.start = start
        self.check = check
        self.stop = stop
        self.running = False
        self._batch: list[Waiting[Result]] = []
        self._queue: deque[Waiting[Result]] = deque()

    def __len__(self) -> int:
        """Return the number of texts in the queue."""
        return len(self._queue)

    async def __aenter__(self) -> "Batcher[Result]":
        """Start the thread, and return when texts can be annotated."""
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pipeline")
        if self.start:
            await asyncio.get_running_loop().run_in_executor(self._thread, self.start)
        self.running = True
        self._worker = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Accept no more texts, finish those that somebody waits for, and stop the thread."""
        self.running = False
        self._signal()
        self._stop_if_abandoned()
        await self._worker
        if self.stop:
            self.stop()
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
        self._stop_if_abandoned()

    def _stop_if_abandoned(self) -> None:
        """Call `stop` if the batcher is closing and nobody waits for a result any more."""
        if self.stop and not self.running and not self._queue and all(one.result.done() for one in self._batch):
            self.stop()

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
            self._batch = await self._next_batch()
            if self._batch:
                texts = [one.text for one in self._batch]
                results = await loop.run_in_executor(self._thread, self.annotate, texts)
                for one, result in zip(self._batch, results, strict=True):
                    if not one.result.cancelled():
                        one.result.set_result(result)
            elif self.check:
                await loop.run_in_executor(self._thread, self.check)
        self._batch = []

    async def _next_batch(self) -> list[Waiting[Result]]:
        """Wait until a batch is full, or its first text has waited long enough. Return none if no text arrives."""
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._arrived.wait()
        except TimeoutError:
            return []
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
        return [FailedText(where=where_raised(error))]
