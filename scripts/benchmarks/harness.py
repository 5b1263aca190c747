"""What all benchmarks share: contenders that take turns, medians and ratios, memory, and the files of figures."""

import os
import platform
import re
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from itertools import product
from multiprocessing import get_context, get_start_method, set_start_method
from pathlib import Path
from random import Random
from statistics import median
from typing import Annotated, Any, TypeVar

import psutil
import srsly
import torch
from tqdm import tqdm
from typer import Argument, Option
from wasabi import msg

from scripts.files import moved_into_place

PACKAGES = ("spacy", "spacy-transformers", "thinc", "transformers", "tokenizers", "accelerate", "torch", "numpy")
# How many documents a contender reads in its turn: as many as the largest of the contenders' batches.
BLOCK = 128

Model = Annotated[str, Argument(help="Folder of a pipeline, a wheel, or an installed package")]
Records = Annotated[Path, Argument(help="JSONL file of BigBio records: assets/<profile>/test.jsonl, for instance")]
Output = Annotated[Path, Argument(help="JSON file for the figures; their tables are written beside it, as Markdown")]
Rounds = Annotated[int, Option(help="How many turns each contender has; the median counts", min=1)]
Seed = Annotated[int, Option(help="Seed of all randomness")]

Part = TypeVar("Part")
# By contender, its figures in each round.
Taken = dict[str, list[dict[str, Any]]]
Rows = dict[str, dict[str, Any]]
# By the title of a column, the key of its values in a row, and their format.
Columns = dict[str, tuple[str, str]]


def take_turns(
    contenders: Mapping[str, Callable[[Part], Mapping[str, Any]]],
    parts: Iterable[Part],
    *,
    rounds: int,
    order: Random | None = None,
) -> Taken:
    """Run contenders in turn, part by part: a machine that is busy for a while slows all of them.

    contenders (Mapping[str, Callable]): by name, a function that returns its figures for a part of the work.
    parts (Iterable[Part]): the parts, blocks of texts for instance.
    rounds (int): how often all parts are run.
    order (Random | None): shuffles the contenders in each round, so that none is always behind the same one.
    RETURNS (Taken): by contender and round, the sums of the figures over the parts.
    """
    parts, turns = list(parts), list(contenders.items())
    taken: Taken = {name: [] for name in contenders}
    for _ in tqdm(range(rounds), desc="Rounds", disable=None):
        sums: dict[str, Any] = {name: Counter() for name in contenders}
        if order:
            order.shuffle(turns)
        for part, (name, run) in product(parts, turns):
            sums[name].update(run(part))
        for name, figures in sums.items():
            taken[name].append(dict(figures))
    return taken


def add_speed(taken: Taken, words: int) -> Taken:
    """Add words_per_second to figures that have seconds, for a number of words in each round."""
    for figures in (figures for rounds in taken.values() for figures in rounds):
        figures["words_per_second"] = words / figures["seconds"]
    return taken


def make_rows(taken: Taken, base: str, *compared: str) -> Rows:
    """Return the medians over the rounds, and their ratios to those of one contender.

    taken (Taken): figures by contender and round.
    base (str): the contender that the others are compared with.
    compared (str): the figures to compare. The ratio of figure X is X_ratio.
    RETURNS (Rows): medians and ratios by contender, and its "rounds", as given.
    """
    medians = {name: {key: median(each[key] for each in rounds) for key in rounds[0]} for name, rounds in taken.items()}
    return {
        name: {**row, **{f"{key}_ratio": row[key] / medians[base][key] for key in compared}, "rounds": taken[name]}
        for name, row in medians.items()
    }


def set_threads(threads: int) -> None:
    """Set the threads of PyTorch and of the tokenizers, in this process and in those that it starts."""
    os.environ |= {"OMP_NUM_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads)}
    torch.set_num_threads(threads)


def describe_machine() -> dict[str, Any]:
    """Return the processor's name, its cores, PyTorch's threads, the system and the versions of the libraries."""
    listed = Path("/proc/cpuinfo")
    name = re.search(r"^model name\s*:\s*(.+)$", listed.read_text(), re.MULTILINE) if listed.is_file() else None
    return {
        "processor": name[1] if name else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.platform(),
        "versions": {"python": platform.python_version()} | {package: version(package) for package in PACKAGES},
    }


def in_new_process(function: Callable[..., Any], *args: Any) -> Any:
    """Return what a function returns in a new process, which shares no memory with this one."""
    context, method = get_context("spawn"), get_start_method()
    with ProcessPoolExecutor(1, context, initializer=start_alike, initargs=(method,)) as pool:
        return pool.submit(function, *args).result()


def start_alike(method: str) -> None:
    """Set how this process starts others: a spawned process would spawn them, even if its parent forks."""
    set_start_method(method, force=True)


def peak_memory(pid: int | None = None) -> float:
    """Return the peak memory of a process in MiB of RSS; without /proc, the memory that it has now.

    pid (int | None): the process; this one if None. Not from getrusage: on Linux that starts with the parent's memory.
    """
    status = Path(f"/proc/{pid or 'self'}/status")
    peak = re.search(r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE) if status.is_file() else None
    return int(peak[1]) / 2**10 if peak else psutil.Process(pid).memory_info().rss / 2**20


def save_figures(output: Path, figures: dict[str, Any], tables: Mapping[str, tuple[Rows, Columns]]) -> None:
    """Write figures as JSON and tables as Markdown beside it, and print the tables.

    output (Path): the JSON file.
    figures (dict[str, Any]): the figures. The command line and the machine are added to them.
    tables (Mapping[str, tuple[Rows, Columns]]): tables by title. What a row does not have is left empty, and what none
        has is left out.
    """
    command, machine = shlex.join(["python", "-m", "scripts.benchmark", *sys.argv[1:]]), describe_machine()
    about = f"{machine['processor']}, {machine['threads']} threads; medians of {figures.get('rounds', 1)} rounds."
    page = [f"# {output.stem.capitalize()}", "", f"`{command}`", "", about, ""]
    for title, (rows, columns) in tables.items():
        columns = {name: each for name, each in columns.items() if any(each[0] in row for row in rows.values())}
        header, marks = ("", *columns), ("---", *["---:"] * len(columns))
        lines = [(name, *(cell(row.get(key), spec) for key, spec in columns.values())) for name, row in rows.items()]
        page += [f"## {title}", "", *(f"| {' | '.join(cells)} |" for cells in (header, marks, *lines)), ""]
        msg.divider(title)
        msg.table(lines, header=header, divider=True, aligns=("l", *"r" * len(columns)))
    with moved_into_place(output) as json_file, moved_into_place(output.with_suffix(".md")) as page_file:
        srsly.write_json(json_file, {"command": command, "machine": machine, **figures})
        page_file.write_text("\n".join(page), encoding="utf8")
    msg.good(f"All figures are in {output}")


def cell(value: Any, spec: str) -> str:
    """Return a value as text, "" without one."""
    return "" if value is None else f"{value:{spec}}"
