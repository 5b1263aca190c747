"""Measure annotate: its speed beside bare nlp.pipe over texts that are sorted in memory.

In: a pipeline and a corpus's records. Out: metrics/<run>/annotate.json. The contenders take turns, each time in a new
process, so that a machine that is busy for a while slows all of them.
"""

import shlex
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import srsly
import typer
from tqdm import tqdm
from wasabi import msg

from scripts.annotate import annotate
from scripts.annotation.options import AnnotateOptions
from scripts.benchmarks.machine import describe_machine
from scripts.benchmarks.measure import in_new_process
from scripts.errors import shown_to_user
from scripts.files import moved_into_place
from scripts.pipelines import load_pipeline
from scripts.records.bigbio import document_text, read_records


def pipe_speed(model: str, texts: list[str]) -> float:
    """Give the words a second of bare nlp.pipe, over texts in memory that are sorted by length."""
    nlp = load_pipeline(model)
    texts = sorted(texts, key=len)
    started = time.perf_counter()
    words = sum(map(len, nlp.pipe(texts)))
    return words / (time.perf_counter() - started)


def annotate_speed(model: str, texts: list[str], processes: int) -> float:
    """Give the words a second of annotate, from a file of notes to a file of entities."""
    with TemporaryDirectory() as folder:
        notes = write_notes(texts, Path(folder) / "notes.jsonl")
        return annotate(
            model, [str(notes)], Path(folder) / "out", AnnotateOptions(processes=processes)
        ).words_per_second


def write_notes(texts: Iterable[str], path: Path) -> Path:
    """Write texts as notes, with their numbers as ids."""
    srsly.write_jsonl(path, ({"id": str(number), "text": text} for number, text in enumerate(texts)))
    return path


def bench_annotate(
    model: str,
    records: Path,
    output: Path,
    *,
    documents: int | None = None,
    rounds: int = 3,
    command: str = "",
) -> dict[str, Any]:
    """Measure annotate.

    model (str): the pipeline: a folder, a wheel or an installed package.
    records (Path): a JSONL file of records, whose texts are the notes.
    output (Path): the file for the figures.
    documents (int | None): how many of the records; all if None.
    rounds (int): how often each contender has its turn.
    command (str): the command line, to be kept with the figures.
    RETURNS (dict[str, Any]): what the file holds: words a second of each contender by round and their median; `ratio`,
        annotate's median by nlp.pipe's.
    RAISES (ProjectError): there is no such pipeline, or the file holds no records.
    """
    texts = [document_text(record) for record in read_records(records)][:documents]
    contenders: dict[str, Callable[[], float]] = {
        "nlp.pipe": lambda: in_new_process(pipe_speed, model, texts),
        "annotate": lambda: in_new_process(annotate_speed, model, texts, 1),
        "annotate, 2 processes": lambda: in_new_process(annotate_speed, model, texts, 2),
    }
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in tqdm(range(rounds), desc="Rounds", disable=None):
        for name, run in contenders.items():
            speeds[name].append(run())
    medians = {name: median(values) for name, values in speeds.items()}
    figures = {
        "command": command,
        "machine": describe_machine(),
        "documents": len(texts),
        "words_per_second": speeds,
        "medians": medians,
        "ratio": medians["annotate"] / medians["nlp.pipe"],
    }
    with moved_into_place(output) as partial:
        srsly.write_json(partial, figures)
    return figures


def bench_annotate_cli(
    model: Annotated[str, typer.Argument(help="Pipeline: a folder, a wheel or an installed package")],
    records: Annotated[Path, typer.Argument(help="JSONL file of records")],
    output: Annotated[Path, typer.Argument(help="File for the figures")],
    documents: Annotated[int | None, typer.Option(help="How many of the records")] = None,
    rounds: Annotated[int, typer.Option(help="How often each contender has its turn")] = 3,
) -> None:
    """Measure annotate beside bare nlp.pipe."""
    with shown_to_user():
        figures = bench_annotate(
            model,
            records,
            output,
            documents=documents,
            rounds=rounds,
            command=shlex.join(["python", "-m", "scripts.bench_annotate", *sys.argv[1:]]),
        )
    msg.table(figures["medians"], header=("", "words/s"), divider=True)
    msg.good(f"annotate has {figures['ratio']:.2f} of the speed of nlp.pipe")


if __name__ == "__main__":
    typer.run(bench_annotate_cli)
