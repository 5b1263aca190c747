"""Let annotate run long: over many notes, undisturbed and killed again and again, and over a million tiny ones.

In: a pipeline. Out: metrics/<run>/soak.json, and an error if a note was lost or doubled, if a run that was killed came
to other bytes than the undisturbed one, or if memory grows with the notes.
"""

import os
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import repeat
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import psutil
import srsly
import typer
from wasabi import msg

from scripts.annotate import annotate
from scripts.annotation.manifest import tree_sha256
from scripts.bench_annotate import write_notes
from scripts.benchmarks.machine import describe_machine
from scripts.benchmarks.measure import forget_peak, in_new_process, most_memory
from scripts.errors import ProjectError, shown_to_user
from scripts.files import moved_into_place
from scripts.generate_notes import split_records
from scripts.records.bigbio import document_text

ROOT = Path(__file__).parents[1]
# What a run leaves, its lock aside.
WRITTEN = ("parts", "manifest.json", "rejected.jsonl")
# Short notes take most room beside their text, and a million of them the least time.
TINY_NOTE = "Aspirin for gout."
# How much more memory the many tiny notes may take than the few.
MOST_MEMORY_RATIO = 1.2
# Seconds between two looks at a run that is at work.
LOOK_EVERY = 0.5
# All runs have one date, or their bytes would differ.
ENVIRONMENT = {**os.environ, "SOURCE_DATE_EPOCH": "1767323045"}


def soak_annotate(
    model: str,
    output: Path,
    *,
    notes: int = 50_000,
    kills: int = 10,
    counts: tuple[int, int] = (10_000, 1_000_000),
    seed: int = 0,
    command: str = "",
) -> dict[str, Any]:
    """Let annotate run long, and write the figures. The fields of soak.json:

    command, model, machine: what ran on what.
    undisturbed: notes, words, entities and parts in what it wrote; lost and doubled, the ids that are not in it or in
        it twice; seconds, loading included; and memory, the most in megabytes until each part was finished.
    killed: kills, how often a run was killed and begun again; same_bytes, whether it came to those of the other.
    memory: the most main memory in megabytes, by number of tiny notes; memory_ratio, of many to few.

    model (str): the pipeline: a folder, a wheel or an installed package.
    output (Path): the file for the figures.
    notes (int): how many synthetic notes.
    kills (int): how often the second run is killed.
    counts (tuple[int, int]): two numbers of tiny notes, at which the memory is measured.
    seed (int): the seed of the notes and of the moments of the kills.
    command (str): the command line, to be kept with the figures.
    RETURNS (dict[str, Any]): what soak.json holds.
    RAISES (ProjectError): there is no such pipeline, or annotate did not do what it should.
    """
    with TemporaryDirectory() as folder:
        texts = (document_text(record) for record in split_records("test", seed=seed, count=notes))
        source = write_notes(texts, Path(folder) / "notes.jsonl")
        whole, disturbed = Path(folder) / "whole", Path(folder) / "killed"
        undisturbed = run_whole(model, source, whole) | take_stock(whole, notes)
        moments = [Random(seed + number).uniform(0, undisturbed["seconds"] / kills) for number in range(kills)]
        killed = {"kills": run_killed(model, source, disturbed, moments), "same_bytes": same_bytes(whole, disturbed)}
    memory = {str(count): in_new_process(annotate_memory, model, count) for count in counts}
    few, many = memory.values()
    figures = {
        "command": command,
        "model": model,
        "machine": describe_machine(),
        "undisturbed": undisturbed,
        "killed": killed,
        "memory": memory,
        "memory_ratio": many / few,
    }
    with moved_into_place(output) as partial:
        srsly.write_json(partial, figures)
    check(figures)
    return figures


def start(model: str, notes: Path, folder: Path) -> subprocess.Popen:
    """Start annotate in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.annotate", model, str(notes), str(folder)], env=ENVIRONMENT, cwd=ROOT
    )


def run_whole(model: str, notes: Path, folder: Path) -> dict[str, Any]:
    """Annotate undisturbed, and look at the memory meanwhile.

    model (str): the pipeline.
    notes (Path): the notes.
    folder (Path): the folder for what annotate writes.
    RETURNS (dict[str, Any]): "seconds" and "memory", see `soak_annotate`.
    RAISES (ProjectError): annotate failed.
    """
    started, memory, most = time.perf_counter(), [], 0.0
    process = start(model, notes, folder)
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        # No memory is left of a process that has just ended.
        with suppress(psutil.NoSuchProcess):
            most = max(most, watched.memory_info().rss / 1e6)
        memory += [most] * (len(list((folder / "parts").glob("part-*"))) - len(memory))
        time.sleep(LOOK_EVERY)
    check_ended(process)
    return {"seconds": time.perf_counter() - started, "memory": memory}


def run_killed(model: str, notes: Path, folder: Path, moments: Sequence[float]) -> int:
    """Annotate, be killed, and go on, until it is done.

    model (str): the pipeline.
    notes (Path): the notes.
    folder (Path): the folder for what annotate writes.
    moments (Sequence[float]): after how many seconds each run is killed; the one after the last is not.
    RETURNS (int): how many were killed. The others had ended before.
    RAISES (ProjectError): a run failed.
    """
    kills = 0
    for seconds in (*moments, None):
        process = start(model, notes, folder)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
        else:
            check_ended(process)
    return kills


def check_ended(process: subprocess.Popen) -> None:
    """Stop where annotate ended with an error."""
    if process.returncode:
        raise ProjectError(f"annotate ended with exit code {process.returncode}", "Its messages are above.")


def take_stock(folder: Path, notes: int) -> dict[str, int]:
    """Count what a run wrote; see `soak_annotate`.

    folder (Path): the run's folder.
    notes (int): how many it was given.
    """
    manifest = srsly.read_json(folder / "manifest.json")
    ids, entities = Counter(), 0
    for part in manifest["parts"]:
        for row in srsly.read_jsonl(folder / "parts" / part["file"]):
            ids[row["id"]] += 1
            entities += len(row["entities"])
    return {
        "notes": ids.total(),
        "words": sum(part["words"] for part in manifest["parts"]),
        "entities": entities,
        "parts": len(manifest["parts"]),
        "lost": sum(str(number) not in ids for number in range(notes)),
        "doubled": sum(count - 1 for count in ids.values()),
    }


def same_bytes(one: Path, other: Path) -> bool:
    """Tell whether two runs wrote the same."""
    return all(tree_sha256(one / name) == tree_sha256(other / name) for name in WRITTEN)


def annotate_memory(model: str, count: int) -> float:
    """Give the most main memory, in megabytes, that annotate takes for a number of tiny notes."""
    with TemporaryDirectory() as folder:
        notes = write_notes(repeat(TINY_NOTE, count), Path(folder) / "notes.jsonl")
        forget_peak()
        annotate(model, [str(notes)], Path(folder) / "out")
    return most_memory()


def check(figures: dict[str, Any]) -> None:
    """Stop where annotate did not do what it should.

    RAISES (ProjectError): a note was lost or doubled, kills made a difference, or memory grows with the notes.
    """
    undisturbed, killed = figures["undisturbed"], figures["killed"]
    if undisturbed["lost"] or undisturbed["doubled"]:
        raise ProjectError(
            f"{undisturbed['lost']} notes were lost and {undisturbed['doubled']} doubled", "Annotate is broken."
        )
    if not killed["same_bytes"]:
        raise ProjectError(f"After {killed['kills']} kills the parts are others than without", "Annotate is broken.")
    if figures["memory_ratio"] > MOST_MEMORY_RATIO:
        raise ProjectError(
            f"The many tiny notes take {figures['memory_ratio']:.2f} times the memory of the few",
            f"{MOST_MEMORY_RATIO} times is the most: something is kept of each note.",
        )


def soak_annotate_cli(
    model: Annotated[str, typer.Argument(help="Pipeline: a folder, a wheel or an installed package")],
    output: Annotated[Path, typer.Argument(help="File for the figures")],
    notes: Annotated[int, typer.Option(help="How many synthetic notes", min=1)] = 50_000,
    kills: Annotated[int, typer.Option(help="How often the second run is killed", min=1)] = 10,
    counts: Annotated[tuple[int, int], typer.Option(help="Numbers of tiny notes to measure the memory at")] = (
        10_000,
        1_000_000,
    ),
    seed: Annotated[int, typer.Option(help="Seed of the notes and of the moments of the kills")] = 0,
) -> None:
    """Let annotate run long, undisturbed and killed again and again, and see that nothing is lost."""
    with shown_to_user():
        figures = soak_annotate(
            model,
            output,
            notes=notes,
            kills=kills,
            counts=counts,
            seed=seed,
            command=shlex.join(["python", "-m", "scripts.soak_annotate", *sys.argv[1:]]),
        )
    msg.good(
        f"{notes:,} notes: none lost, none doubled, and the same bytes after {figures['killed']['kills']} kills",
        f"The memory at {counts[1]:,} tiny notes is {figures['memory_ratio']:.2f} times that at {counts[0]:,}.",
    )


if __name__ == "__main__":
    typer.run(soak_annotate_cli)
