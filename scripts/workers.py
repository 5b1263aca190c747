"""Worker processes for work that may take too long: a worker that exceeds its time is killed and replaced.

In: a function that makes what does the work, and tasks. Out: results, or an exception that names what happened.
"""

import multiprocessing
import os
import signal
import stat
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from pathlib import Path
from threading import Lock, Thread, Timer
from typing import Any, Generic, NamedTuple, TypeVar

from scripts.errors import ProjectError

Task = TypeVar("Task")
Result = TypeVar("Result")
# For loading a pipeline and a first text. On a GPU, compiling kernels alone can take a minute.
START_SECONDS = 300.0
# A process forked while another one's pipe is made would keep that pipe open.
STARTING = Lock()


class WorkerDied(Exception):
    """The process ended before it returned a result."""


class WorkerTimeout(WorkerDied):
    """The work exceeded its time, and the process was killed."""


class WorkFailed(Exception):
    """The work raised an exception. Only its type and place are kept: its message may hold text."""


class Reply(NamedTuple):
    """What a worker sends: a result, where an exception was raised, or a `ProjectError` as title and hint."""

    result: Any = None
    raised: str | None = None
    problem: tuple[str, str] | None = None


class Worker(Generic[Task, Result]):
    """A process that does one task at a time. It is started when first needed, and again when it has ended.

    make (Callable[[], Callable[[Task], Result]]): called in the process to make the function that does a task.
    method (str): "fork", "spawn" or "forkserver". A forked process shares the memory of this one; for another one,
        `make` is pickled.
    """

    def __init__(self, make: Callable[[], Callable[[Task], Result]], *, method: str):
        self.make = make
        self.method = method
        self._process: Any = None
        self._started = False
        self._closed = False

    @property
    def is_ready(self) -> bool:
        """Whether the process is there and has loaded what it needs."""
        return self._started and self._process.is_alive()

    def start(self) -> None:
        """Start the process, and wait until it is ready.

        RAISES (ProjectError): `make` raised one in the process.
        RAISES (WorkerDied, WorkFailed): the process did not become ready, or the worker is closed.
        """
        self.kill()
        if self._closed:
            raise WorkerDied
        context: Any = multiprocessing.get_context(self.method)
        with STARTING:
            self._connection, theirs = context.Pipe()
            self._process = context.Process(target=run_worker, args=(self.make, theirs), daemon=True)
            self._process.start()
            theirs.close()
        if self._closed:
            self.kill()
        # A worker ignores the signal by which multiprocessing ends daemons.
        self._finalizer = Finalize(self, kill_process, (self._process,), exitpriority=10)
        self._within(START_SECONDS, self._connection.recv)
        self._started = True

    def call(self, task: Task, seconds: float) -> Result:
        """Do a task in the process. Call it from one thread at a time.

        task (Task): the task; it is pickled, as is its result.
        seconds (float): after this time, the process is killed.
        RETURNS (Result): the result.
        RAISES (WorkerTimeout, WorkerDied, WorkFailed): there is none.
        """
        if not self.is_ready:
            self.start()
        return self._within(seconds, lambda: self._ask(task))

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        self._started = False
        if self._process is not None:
            kill_process(self._process)

    def close(self) -> None:
        """End the process, whatever it is doing, for good."""
        self._closed = True
        self.kill()

    def _ask(self, task: Task) -> Reply:
        self._connection.send(task)
        return self._connection.recv()

    def _within(self, seconds: float, ask: Callable[[], Reply]) -> Any:
        """Wait for a reply, and kill the process if it takes too long; sending can block, too."""
        process, expired = self._process, []

        def expire() -> None:
            expired.append(True)
            kill_process(process)

        timer = Timer(seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            reply = ask()
        except (EOFError, OSError):
            self.kill()
            raise (WorkerTimeout if expired else WorkerDied) from None
        finally:
            timer.cancel()
        if reply.problem:
            raise ProjectError(*reply.problem)
        if reply.raised:
            raise WorkFailed(reply.raised)
        return reply.result


def kill_process(process: Any) -> None:
    """Kill a process and wait for its end."""
    if process.is_alive():
        process.kill()
    process.join()


def run_worker(make: Callable[[], Callable[[Any], Any]], connection: Connection) -> None:
    """Do the tasks that come over a connection; the main function of a worker."""
    # Both can reach a whole group of processes. The parent decides, and finishes what it has accepted.
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Thread(target=end_with_parent, daemon=True).start()
    release_sockets(connection)
    # In a new thread: OpenMP keeps its threads by the thread that uses them, and a forked process has none of those
    # that its parent started. The thread that was forked would wait for them forever.
    worker = Thread(target=do_tasks, args=(make, connection))
    worker.start()
    worker.join()


def end_with_parent() -> None:
    """End this process when its parent is killed, whatever it is doing."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def release_sockets(connection: Connection) -> None:
    """Let go of the sockets that a forked process has from its parent: a client would wait for their end."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in [int(path.name) for path in Path("/dev/fd").iterdir()] if Path("/dev/fd").is_dir() else []:
        try:
            is_socket = stat.S_ISSOCK(os.fstat(number).st_mode)
        except OSError:
            continue
        # Not closed: its number would be given to another file, which the old owner might close.
        if is_socket and number > 2 and number != connection.fileno():
            os.dup2(null, number)
    os.close(null)


def do_tasks(make: Callable[[], Callable[[Any], Any]], connection: Connection) -> None:
    """Make the function that does the tasks, then do each and send its result."""
    try:
        do = make()
    except ProjectError as error:
        connection.send(Reply(problem=(error.title, error.hint)))
        return
    except Exception as error:
        connection.send(Reply(raised=where_raised(error)))
        return
    connection.send(Reply())
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        try:
            connection.send(Reply(do(task)))
        except Exception as error:
            connection.send(Reply(raised=where_raised(error)))


def where_raised(error: BaseException) -> str:
    """Return an exception's type and where it was raised, without its message, which may hold text."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {frames[-1].filename}:{frames[-1].lineno}" if frames else type(error).__name__
