"""One torch thread in worker processes, so that `nlp.pipe(..., n_process=2)` neither hangs nor crowds the cores.

A forked process has its parent's memory but none of its threads: torch would wait forever for those that it started
before the fork. With one thread it needs none.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread_in_workers(home: int) -> Iterator[None]:
    """Run the block with one torch thread, unless in the home process.

    home (int): the id of the process that uses torch's threads; every other process is a worker, forked or spawned.
    """
    threads = torch.get_num_threads()
    if os.getpid() == home or threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
