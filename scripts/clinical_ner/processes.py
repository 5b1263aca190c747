"""Worker processes that do not hang: `nlp.pipe(..., n_process=2)` after the pipeline has been used in its parent.

A forked process has its parent's memory and none of its threads: torch would wait for ever for those that it started
before the fork. With one thread it starts none, and as many workers as there are cores do not crowd each other.
Importing this is enough; it ships inside the wheel.
"""

import os
from functools import partial

import torch

# Windows has no fork, and its workers none of this.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=partial(torch.set_num_threads, 1))
