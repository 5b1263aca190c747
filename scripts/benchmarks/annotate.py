"""`scripts.annotate` beside bare `nlp.pipe`, and a long run of it that is killed again and again."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import srsly
from typer import Option

from scripts.annotate import annotate
from scripts.annotation.manifest import tree_sha256
from scripts.annotation.options import AnnotateOptions
from scripts.benchmarks.harness import (
    Model,
    Output,
    Records,
    Rounds,
    Seed,
    in_new_process,
    make_rows,
    peak_memory,
    save_figures,
    take_turns,
)
from scripts.errors import ProjectError
from scripts.generate_notes import split_records
from scripts.pipelines import load_pipeline
from scripts.records.bigbio import document_text, read_records

ROOT = Path(__file__).parents[2]
PIPE = "nlp.pipe"
COLUMNS = {"words/s": ("words_per_second", ",.0f"), "of nlp.pipe": ("words_per_second_ratio", ".2f")}
# What a run leaves, except its lock.
WRITTEN = ("parts", "manifest.json", "rejected.jsonl")
# All runs of the soak have the same date, or their bytes would differ.
ENVIRONMENT = {**os.environ, "SOURCE_DATE_EPOCH": "1767323045"}
# Short notes need the most memory for their text, and a million of them the least time.
TINY_NOTE = "Aspirin for gout."
# How much more memory the many tiny notes may need than the few.
MAX_MEMORY_RATIO = 1.2
BUG = "This is a bug in annotate."
SOAK_COLUMNS = {key: (key, ",") for key in ("notes", "words", "entities", "parts", "lost", "doubled")}


def benchmark_annotate(model: Model, records: Records, output: Output, rounds: Rounds = 3) -> None:
    """Compare annotate, from a file of notes to a file of entities, with nlp.pipe over sorted texts in memory."""
    texts = [document_text(record) for record in read_records(records)]
    contenders = {
        PIPE: partial(in_new_process, time_pipe, model),
        "annotate": partial(in_new_process, time_annotate, model, 1),
        "annotate, 2 processes": partial(in_new_process, time_annotate, model, 2),
    }
    rows = make_rows(take_turns(contenders, [texts], rounds=rounds), PIPE, "words_per_second")
    figures = {"documents": len(texts), "rounds": rounds, "contenders": rows}
    save_figures(output, figures, {f"{len(texts):,} documents": (rows, COLUMNS)})


def time_pipe(model: str, texts: list[str]) -> dict[str, float]:
    """Return the words per second of `nlp.pipe`, without loading."""
    nlp = load_pipeline(model)
    started = time.perf_counter()
    words = sum(map(len, nlp.pipe(sorted(texts, key=len))))
    return {"words_per_second": words / (time.perf_counter() - started)}


def time_annotate(model: str, processes: int, texts: list[str]) -> dict[str, float]:
    """Return the words per second of `annotate`, without loading."""
    with TemporaryDirectory() as folder:
        notes = write_notes(texts, Path(folder) / "notes.jsonl")
        done = annotate(model, [str(notes)], Path(folder) / "out", AnnotateOptions(processes=processes))
    return {"words_per_second": done.words_per_second}


def write_notes(texts: Iterable[str], path: Path) -> Path:
    """Write texts as notes with their numbers as ids, and return the file."""
    srsly.write_jsonl(path, ({"id": str(number), "text": text} for number, text in enumerate(texts)))
    return path


def soak_annotate(
    model: Model,
    output: Output,
    notes: Annotated[int, Option(help="Number of synthetic notes", min=1)] = 50_000,
    kills: Annotated[int, Option(help="How often the second run is killed", min=1)] = 10,
    counts: Annotated[tuple[int, int], Option(help="Numbers of tiny notes to compare the memory of")] = (
        10_000,
        1_000_000,
    ),
    seed: Seed = 0,
) -> None:
    """Let annotate run long, undisturbed and killed again and again. It fails if that makes a difference, if a note is
    lost or doubled, or if memory grows with the notes.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        texts = (document_text(record) for record in split_records("test", seed=seed, count=notes))
        source, started = write_notes(texts, folder / "notes.jsonl"), time.perf_counter()
        run_killed(model, source, folder / "whole", [])
        seconds = time.perf_counter() - started
        moments = [Random(seed + number).uniform(0, seconds / kills) for number in range(kills)]
        killed = run_killed(model, source, folder / "killed", moments)
        figures: dict[str, Any] = {
            "model": model,
            "undisturbed": {"seconds": seconds, **count_output(folder / "whole", notes)},
            "killed": {"kills": killed, "same_bytes": same_bytes(folder / "whole", folder / "killed")},
        }
    few, many = (in_new_process(weigh_annotate, model, count) for count in counts)
    figures |= {"memory": dict(zip(map(str, counts), (few, many), strict=True)), "memory_ratio": many / few}
    save_figures(output, figures, {f"{notes:,} notes": ({"undisturbed": figures["undisturbed"]}, SOAK_COLUMNS)})
    check_soak(figures)


def run_killed(model: str, notes: Path, folder: Path, moments: Sequence[float]) -> int:
    """Run `annotate` again and again, and kill each run but the last.

    moments (Sequence[float]): the number of seconds after which each run is killed.
    RETURNS (int): how many runs were killed. The others ended before.
    RAISES (ProjectError): a run failed.
    """
    command, kills = [sys.executable, "-m", "scripts.annotate", model, str(notes), str(folder)], 0
    for seconds in (*moments, None):
        try:
            subprocess.run(command, env=ENVIRONMENT, cwd=ROOT, timeout=seconds, check=True)
        except subprocess.TimeoutExpired:
            kills += 1
        except subprocess.CalledProcessError as error:
            raise ProjectError(f"annotate ended with exit code {error.returncode}", "Its messages are above.") from None
    return kills


def count_output(folder: Path, notes: int) -> dict[str, int]:
    """Count what a run wrote for a number of notes. Lost are those that are not in it, doubled those in it twice."""
    manifest = srsly.read_json(folder / "manifest.json")
    ids, entities = Counter[str](), 0
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
    """Return whether two runs wrote the same."""
    return all(tree_sha256(one / name) == tree_sha256(other / name) for name in WRITTEN)


def weigh_annotate(model: str, count: int) -> float:
    """Annotate a number of tiny notes in this process, and return its peak memory in MiB."""
    with TemporaryDirectory() as folder:
        notes = write_notes(repeat(TINY_NOTE, count), Path(folder) / "notes.jsonl")
        annotate(model, [str(notes)], Path(folder) / "out")
    return peak_memory()


def check_soak(figures: dict[str, Any]) -> None:
    """Raise an error if `annotate` did not do what it should; see `soak_annotate`."""
    undisturbed, killed, ratio = figures["undisturbed"], figures["killed"], figures["memory_ratio"]
    lost, doubled = undisturbed["lost"], undisturbed["doubled"]
    if lost or doubled:
        raise ProjectError(f"{lost} notes were lost and {doubled} doubled", BUG)
    if not killed["same_bytes"]:
        raise ProjectError(f"The output after {killed['kills']} kills differs", BUG)
    if ratio > MAX_MEMORY_RATIO:
        raise ProjectError(f"The many tiny notes need {ratio:.2f} times the memory of the few", BUG)
