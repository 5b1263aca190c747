"""Worker processes that annotate notes. One that takes too long for a note, or dies of it, is replaced.

In: the notes of a part. Out: each prepared for writing, or rejected with its reason.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from queue import SimpleQueue

import torch

from scripts.annotation.engine import Annotator, make_batches
from scripts.annotation.options import AnnotateOptions
from scripts.annotation.outcomes import Prepared, prepare
from scripts.errors import ProjectError
from scripts.formats.writing import Writer
from scripts.pipelines import load_on, start_method, use_threads_here
from scripts.records.notes import Note, Rejected
from scripts.workers import Worker, WorkerDied, WorkerTimeout, WorkFailed

Outcome = Prepared | Rejected


class Pool:
    """Processes that share the work, each with the pipeline. Enter it to start them.

    make (Callable[[], Annotator]): called in each process.
    writer (Writer): the format, for which the processes prepare the notes.
    options (AnnotateOptions): what is wanted.
    processes (int): how many there are.
    threads (int | None): PyTorch's threads in each; its own choice if None.
    method (str): how they are started; see `Worker`.
    """

    def __init__(
        self,
        make: Callable[[], Annotator],
        writer: Writer,
        options: AnnotateOptions,
        *,
        processes: int,
        threads: int | None,
        method: str,
    ):
        self.options = options
        make_do = partial(make_annotate, make, writer, threads)
        self.workers = [Worker[list[Note], list[Outcome]](make_do, method=method) for _ in range(processes)]
        self.free: SimpleQueue[Worker[list[Note], list[Outcome]]] = SimpleQueue()

    def __enter__(self) -> "Pool":
        try:
            for worker in self.workers:
                worker.start()
                self.free.put(worker)
        except BaseException as error:
            self.close()
            if isinstance(error, (WorkerDied, WorkFailed)):
                raise ProjectError(f"The pipeline can't be run: {error or type(error).__name__}") from error
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes, whatever they are doing."""
        for worker in self.workers:
            worker.close()

    def annotate(self, notes: Sequence[Note]) -> Iterator[tuple[int, Outcome]]:
        """Annotate notes and prepare them for writing.

        notes (Sequence[Note]): the notes, all in memory.
        YIELDS (tuple[int, Outcome]): a note's number, from 0, and its result, the longest first.
        """
        batches = make_batches([len(note.text) for note in notes], size=self.options.batch_size)
        threads = ThreadPoolExecutor(len(self.workers))
        try:
            work = [threads.submit(self.run, [notes[number] for number in batch]) for batch in batches]
            for batch, done in zip(batches, work, strict=True):
                yield from zip(batch, done.result(), strict=True)
        except BaseException:
            # Nobody wants the rest: the run was stopped at a rejected note, or by the user.
            threads.shutdown(wait=False, cancel_futures=True)
            self.close()
            raise
        finally:
            threads.shutdown()

    def run(self, notes: list[Note]) -> list[Outcome]:
        """Annotate a batch in a process that is free; if it takes too long or dies, one note at a time."""
        worker = self.free.get()
        try:
            with suppress(WorkerDied, WorkFailed):
                return worker.call(notes, self.options.note_timeout)
            return [self.run_alone(worker, note) for note in notes]
        finally:
            self.free.put(worker)

    def run_alone(self, worker: Worker[list[Note], list[Outcome]], note: Note) -> Outcome:
        """Annotate a note of a batch that took too long or of which a process died."""
        try:
            return worker.call([note], self.options.note_timeout)[0]
        except WorkerTimeout:
            return Rejected(note.id, f"the pipeline did not finish it within {self.options.note_timeout:g} seconds")
        except WorkerDied:
            return Rejected(note.id, "the pipeline's process ended while it was annotated")
        except WorkFailed as error:
            return Rejected(note.id, f"it could not be annotated: {error}")


def make_annotate(
    make: Callable[[], Annotator], writer: Writer, threads: int | None
) -> Callable[[list[Note]], list[Outcome]]:
    """Make the function that annotates a batch, in the process that will call it."""
    annotator = make()
    if threads is not None:
        torch.set_num_threads(threads)
    use_threads_here(annotator.nlp)
    return partial(annotate_batch, annotator, writer)


def annotate_batch(annotator: Annotator, writer: Writer, notes: list[Note]) -> list[Outcome]:
    """Annotate the notes of a batch and prepare them for writing, in a worker process."""
    # Without a memory zone each new word stays in the vocabulary until the run ends.
    with annotator.nlp.memory_zone():
        return [prepare(outcome, writer) for outcome in annotator.annotate(notes)]


def make_pool(
    annotator: Annotator,
    writer: Writer,
    model: str,
    *,
    processes: int = 1,
    threads: int | None = None,
    gpu_id: int = -1,
) -> Pool:
    """Return the processes for a pipeline, not started yet.

    annotator (Annotator): the pipeline, loaded on the CPU. Forked processes share it; it is not used in this one.
    writer (Writer): the format.
    model (str): the pipeline, for processes that load it themselves: those that are not forks, and those on a GPU,
        because what a process has begun on a GPU is lost in its forks.
    processes (int): how many processes there are.
    threads (int | None): PyTorch's threads in each; its own choice if None.
    gpu_id (int): the GPU to work on, -1 for the CPU.
    RETURNS (Pool): the processes.
    """
    forks = gpu_id < 0 and start_method() == "fork"
    load = partial(load_annotator, model, gpu_id, annotator.options, annotator.keep_docs)
    return Pool(
        partial(return_same, annotator) if forks else load,
        writer,
        annotator.options,
        processes=processes,
        threads=threads,
        method="fork" if forks else "spawn",
    )


def load_annotator(model: str, gpu_id: int, options: AnnotateOptions, keep_docs: bool) -> Annotator:
    """Load a pipeline in the process that runs it."""
    return Annotator(load_on(model, gpu_id), options, keep_docs=keep_docs)


def return_same(annotator: Annotator) -> Annotator:
    """Return a pipeline that a process has from its parent."""
    return annotator
