"""Packaged pipelines side by side: cold start, speed and memory, each in processes of its own.

The same wheel before and after a change, for instance, or fp32 beside int8. `plain` is plain spacy-transformers with
the weights of the first wheel: `TransformerModel.v3` with strided spans, and the same named-entity head.
"""

import compileall
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from zipfile import BadZipFile, ZipFile

import spacy
import srsly
from confection import Config
from tqdm import tqdm
from typer import Argument, Option

from scripts.benchmarks.contenders import count_words, get_encoder, strided_config, strided_spans
from scripts.benchmarks.harness import (
    BLOCK,
    Rounds,
    Taken,
    add_speed,
    in_new_process,
    make_rows,
    peak_memory,
    save_figures,
    take_turns,
)
from scripts.errors import ProjectError
from scripts.pipelines import entity_pipes, load_pipeline
from scripts.records.bigbio import document_text, read_records

CHILD = Path(__file__).with_name("wheel_process.py")
PLAIN = "plain"
SPANS = {"window": 128, "stride": 96}
COLUMNS = {
    "cold start, s": ("cold_start", ".2f"),
    "cold start, of the first's": ("cold_start_ratio", ".2f"),
    "words/s": ("words_per_second", ",.0f"),
    "words/s, of the first's": ("words_per_second_ratio", ".2f"),
    "peak memory, MiB": ("memory", ",.0f"),
    "memory, of the first's": ("memory_ratio", ".2f"),
    "entities": ("entities", ",d"),
}


def benchmark_wheels(
    wheels: Annotated[list[Path], Argument(help="Wheels; the others are compared with the first")],
    texts: Annotated[Path, Option(help="JSONL file of BigBio records")],
    output: Annotated[Path, Option(help="JSON file for the figures")],
    rounds: Rounds = 5,
) -> None:
    """Compare wheels and plain spacy-transformers: cold start, words/s and memory.

    The cold start is the time from the start of a process to the entities of a short text. The words are those of
    spaCy's English tokenizer for all.
    """
    documents = [document_text(record) for record in read_records(texts)]
    with TemporaryDirectory() as name:
        folder = Path(name)
        srsly.write_json(folder / "texts.json", documents)
        # By name, the folder for PYTHONPATH and the arguments of `wheel_process`.
        starts: dict[str, tuple[Path, tuple[str, ...]]] = {
            str(wheel): (unpack(wheel, folder / str(number)), (package_name(wheel),))
            for number, wheel in enumerate(wheels)
        }
        plain = in_new_process(save_plain, wheels[0], folder / PLAIN)
        starts[PLAIN] = (folder / "0" if len(plain) > 1 else folder / PLAIN, plain)
        taken: Taken = {name: [] for name in starts}
        for _ in tqdm(range(rounds), desc="Processes", disable=None):
            for name, row in run_processes(starts, folder / "texts.json", len(documents)).items():
                taken[name].append(row)
    words = count_words(spacy.blank("en"), documents)
    rows = make_rows(add_speed(taken, words), str(wheels[0]), "cold_start", "words_per_second", "memory")
    figures = {"documents": len(documents), "words": words, "rounds": rounds, "contenders": rows}
    save_figures(output, figures, {f"{len(documents):,} documents, {words:,} words": (rows, COLUMNS)})


def package_name(wheel: Path) -> str:
    """Return the name of the package in a wheel."""
    return wheel.name.partition("-")[0]


def unpack(wheel: Path, folder: Path) -> Path:
    """Unpack a wheel into a folder, compile its code as pip does, and return the folder.

    RAISES (ProjectError): it is no wheel.
    """
    try:
        with ZipFile(wheel) as archive:
            archive.extractall(folder)
    except (OSError, BadZipFile) as error:
        raise ProjectError(f"{wheel} is not a wheel", "Use the .whl file in packages/<run>/<name>/dist.") from error
    compileall.compile_dir(folder, quiet=2)
    return folder


def save_plain(wheel: Path, folder: Path) -> tuple[str, ...]:
    """Save the encoder and the head of a wheel as a pipeline of plain spacy-transformers.

    RETURNS (tuple[str, ...]): the folder, and the package to import before it is loaded. A head of spaCy's own needs
        none, so that no code of this project is loaded.
    """
    nlp = load_pipeline(str(wheel))
    strided_spans(nlp, get_encoder(nlp), **SPANS)
    head = entity_pipes(nlp)[0]
    for name in set(nlp.pipe_names) - {"transformer", head}:
        nlp.remove_pipe(name)
    nlp.to_disk(folder)
    config = Config().from_disk(folder / "config.cfg", interpolate=False)
    config["components"]["transformer"]["model"] = strided_config(**SPANS)
    config["training"], config["initialize"] = {}, {}
    config.to_disk(folder / "config.cfg")
    return (str(folder),) if nlp.get_pipe_meta(head).factory == "ner" else (str(folder), package_name(wheel))


def run_processes(
    starts: dict[str, tuple[Path, tuple[str, ...]]], texts: Path, n_texts: int
) -> dict[str, dict[str, float]]:
    """Start a process for each pipeline, one after the other, and let them read texts in turn, block by block.

    RETURNS (dict[str, dict[str, float]]): by pipeline, cold_start, seconds, entities and memory.
    """
    with ExitStack() as stack:
        processes = {name: stack.enter_context(Process(texts, *start)) for name, start in starts.items()}
        readers = {name: process.read for name, process in processes.items()}
        taken = take_turns(readers, range(0, n_texts, BLOCK), rounds=1)
        return {
            name: taken[name][0] | {"cold_start": process.cold_start, "memory": peak_memory(process.pid)}
            for name, process in processes.items()
        }


class Process(subprocess.Popen):
    """A process that has loaded a pipeline and annotated a short text, and reads texts when it is told to.

    texts (Path): a JSON file of texts.
    folder (Path): the folder for PYTHONPATH.
    model (tuple[str, ...]): the last arguments of `wheel_process`.
    """

    def __init__(self, texts: Path, folder: Path, model: tuple[str, ...]):
        started = time.perf_counter()
        # -P: not even the folder of the script is on the path.
        command = [sys.executable, "-P", str(CHILD), str(texts), *model]
        environment = {**os.environ, "PYTHONPATH": str(folder)}
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        super().__init__(command, cwd=folder, env=environment, **pipes)
        self.stdin: Any
        self.stdout: Any
        self.answer()
        self.cold_start = time.perf_counter() - started

    def read(self, start: int) -> dict[str, float]:
        """Let the process read a block of texts, and return the seconds and the number of entities."""
        self.stdin.write(f"{start} {start + BLOCK}\n")
        self.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, float]:
        """Return the next answer of the process.

        RAISES (ProjectError): it ended.
        """
        if line := self.stdout.readline():
            return srsly.json_loads(line)
        raise ProjectError("A pipeline could not be loaded", "The messages of its process are above.")

    def __exit__(self, *error: Any) -> None:
        self.kill()
        super().__exit__(*error)
