"""Time contenders in turn, count what goes through the encoder meanwhile, and weigh each in a process of its own."""

import gc
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import get_context, get_start_method, set_start_method
from pathlib import Path
from statistics import median
from typing import Any

import torch

from scripts.benchmarks.contenders import CONTENDERS, Prepare, Run, get_encoder
from scripts.benchmarks.machine import set_threads
from scripts.pipelines import load_pipeline

# How often the short note is annotated in a round.
REPETITIONS = 20
PROC = Path("/proc/self")


@dataclass
class Meter:
    """What went through an encoder.

    rows (int): sequences.
    read (int): wordpieces in them, special ones included.
    computed (int): the same with padding.
    encoder_seconds (float): how long it took.
    """

    rows: int = 0
    read: int = 0
    computed: int = 0
    encoder_seconds: float = 0.0


@contextmanager
def metered(encoder: torch.nn.Module) -> Iterator[Meter]:
    """Count what goes through an encoder in the block.

    encoder (torch.nn.Module): an encoder of transformers.
    YIELDS (Meter): the counts.
    """
    meter, started = Meter(), 0.0

    def before(module: torch.nn.Module, args: tuple, kwargs: dict[str, Any]) -> None:
        nonlocal started
        ids = args[0] if args else kwargs["input_ids"]
        mask = args[1] if len(args) > 1 else kwargs.get("attention_mask")
        meter.rows += len(ids)
        meter.computed += ids.numel()
        meter.read += ids.numel() if mask is None else int(mask.sum())
        started = time.perf_counter()

    def after(module: torch.nn.Module, args: tuple, output: Any) -> None:
        meter.encoder_seconds += time.perf_counter() - started

    hooks = encoder.register_forward_pre_hook(before, with_kwargs=True), encoder.register_forward_hook(after)
    try:
        yield meter
    finally:
        for hook in hooks:
            hook.remove()


def time_run(encoder: torch.nn.Module, run: Run) -> dict[str, float]:
    """Time a run.

    encoder (torch.nn.Module): the encoder it uses.
    run (Callable): the run.
    RETURNS (dict[str, float]): seconds, and the fields of `Meter`.
    """
    with metered(encoder) as meter:
        started = time.perf_counter()
        run()
        seconds = time.perf_counter() - started
    return {"seconds": seconds, **asdict(meter)}


def time_note(prepare: Prepare, note: str) -> float:
    """Give the median time of a note that comes alone, in seconds."""
    run, seconds = prepare([note]), []
    for _ in range(REPETITIONS):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return median(seconds)


def peak_memory(model: str, name: str, texts: list[str], *, threads: int) -> dict[str, float]:
    """Run a contender in a new process, and give the main memory it takes.

    model (str): the pipeline.
    name (str): one of `CONTENDERS`.
    texts (list[str]): the texts.
    threads (int): how many the encoder has, 0 for PyTorch's own choice.
    RETURNS (dict[str, float]): in megabytes: loaded, what the process has before it runs over the texts; peak, the most
        it has while it does. Where there is no /proc, both are the most it had so far, with loading.
    """
    return in_new_process(run_and_weigh, model, name, texts, threads)


def in_new_process(function: Callable[..., Any], *args: Any) -> Any:
    """Give what a function gives in a process of its own, which has nothing of this one's memory."""
    with ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=start_as, initargs=(get_start_method(),)
    ) as pool:
        return pool.submit(function, *args).result()


def start_as(method: str) -> None:
    """Let this process start others in a way. One that was spawned would spawn them."""
    set_start_method(method, force=True)


def run_and_weigh(model: str, name: str, texts: list[str], threads: int) -> dict[str, float]:
    """Do what `peak_memory` says, in this process."""
    set_threads(threads)
    nlp = load_pipeline(model)
    prepare = CONTENDERS[name](nlp, get_encoder(nlp))
    forget_peak()
    loaded = most_memory()
    prepare(texts)()
    return {"loaded": loaded, "peak": most_memory()}


def forget_peak() -> None:
    """Let `most_memory` begin anew: to load a pipeline takes more than most texts do, whoever reads them."""
    gc.collect()
    if PROC.is_dir():
        # See proc_pid_clear_refs(5).
        (PROC / "clear_refs").write_text("5")


def most_memory() -> float:
    """Give the most main memory that this process has had since `forget_peak`, in megabytes."""
    if PROC.is_dir():
        # On Linux getrusage would begin with the memory of the process that started this one.
        status = (PROC / "status").read_text()
        return int(re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)[1]) * 1024 / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
