"""Measure ways of computing the encoder faster on a CPU: torch, ONNX Runtime and OpenVINO, in fp32 and in int8.

In: a pipeline, and the dev and test splits. Out: metrics/precision/precision.json and precision.md. All have the same
weights and threads, and take turns over the same documents: their speed and their F1 come from one run. Needs
requirements-precision.txt.
"""

import shlex
import sys
import time
from collections.abc import Iterable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import srsly
import typer
from spacy.language import Language
from torch import nn
from wasabi import msg

from scripts.annotation.mentions import doc_mentions
from scripts.benchmarks.assess import strict_scores
from scripts.benchmarks.contenders import get_encoder
from scripts.benchmarks.machine import describe_machine, set_threads
from scripts.benchmarks.precisions import CONTENDERS, FP32, INT8
from scripts.benchmarks.tables import row_line
from scripts.errors import ProjectError, shown_to_user
from scripts.evaluation.formatting import percent
from scripts.files import moved_into_place
from scripts.pipelines import load_pipeline
from scripts.records.bigbio import Record, document_id, document_text, read_records
from scripts.records.mentions import DEFAULT_LABELS, Mention, flat_mentions, parse_labels

PEERS = ("onnx", "onnxruntime", "openvino")
# By fp32's speed: what was hoped for, and what makes an option worth having. And the most F1 it may cost.
TARGET = 1.5
USEFUL = 1.15
MOST_LOST = 0.003
WARM_UP = 4


def benchmark_precision(
    model: str,
    dev: Path,
    test: Path,
    output: Path,
    *,
    labels: dict[str, str],
    rounds: int = 5,
    documents: int = 0,
    threads: int = 0,
    command: str = "",
) -> dict[str, Any]:
    """Measure all contenders in turn on dev, and this pipeline's two precisions on test. The fields of precision.json:

    command, model, machine, rounds, documents: what was measured on what.
    dev, test: by contender the fields of `summarize`.
    best: the contender that `choose` gives, or None; target_reached: whether it has `TARGET` times fp32's speed.

    model (str): the folder of a pipeline that this project trained, a wheel, or the name of an installed package.
    dev (Path): the split to choose on, as BigBio records.
    test (Path): the split to report.
    output (Path): the folder for the files.
    labels (dict[str, str]): label by pattern of the entity type.
    rounds (int): in how many parts the documents are read; all contenders read a part before the next one.
    documents (int): how many documents of each split to take, for a quick look; 0 takes all.
    threads (int): the encoder's threads; 0 leaves it to PyTorch.
    command (str): the command line, to be kept with the figures.
    RETURNS (dict[str, Any]): what precision.json holds.
    RAISES (ProjectError): a library is missing, or the pipeline is not of this project.
    """
    check_peers()
    set_threads(threads)
    splits = {name: read_records(path)[: documents or None] for name, path in (("dev", dev), ("test", test))}
    nlp = load_pipeline(model)
    encoder = get_encoder(nlp).transformer
    # A wheel in int8 has fp32 weights, and it is each contender's turn to say what becomes of them.
    nlp.get_pipe("transformer").model.precision = "fp32"
    with TemporaryDirectory() as folder:
        contenders = {name: make(encoder, Path(folder)) for name, make in CONTENDERS.items()}
        rows = {"dev": measure(nlp, contenders, splits["dev"], labels=labels, rounds=rounds)}
        ours = {name: contenders[name] for name in (FP32, INT8)}
        rows["test"] = measure(nlp, ours, splits["test"], labels=labels, rounds=rounds)
    best = choose(rows["dev"])
    machine = describe_machine()
    machine["versions"] |= {name: version(name) for name in PEERS}
    figures = {
        "command": command,
        "model": f"{nlp.meta['lang']}_{nlp.meta['name']} {nlp.meta['version']}",
        "machine": machine,
        "rounds": rounds,
        "documents": {name: len(records) for name, records in splits.items()},
        **rows,
        "best": best,
        "target_reached": best is not None and rows["dev"][best]["of_fp32"] >= TARGET,
    }
    write(figures, output)
    return figures


def check_peers() -> None:
    """Refuse to begin without the libraries that are measured."""
    missing = [name for name in PEERS if find_spec(name) is None]
    if missing:
        raise ProjectError(
            f"Not installed: {', '.join(missing)}", "Run: pip install -r requirements-precision.txt -c constraints.txt"
        )


def measure(
    nlp: Language,
    contenders: dict[str, nn.Module],
    records: list[Record],
    *,
    labels: dict[str, str],
    rounds: int,
) -> dict[str, dict[str, Any]]:
    """Let contenders read documents in turn, part by part.

    nlp (Language): the pipeline; each contender has its turn as its encoder.
    contenders (dict[str, nn.Module]): the encoders by name.
    records (list[Record]): the documents.
    labels (dict[str, str]): label by pattern of the entity type.
    rounds (int): in how many parts the documents are read; at most one for each document.
    RETURNS (dict[str, dict[str, Any]]): what `summarize` gives, by contender.
    """
    texts = {document_id(record): document_text(record) for record in records}
    gold = {document_id(record): flat_mentions(record, labels) for record in records}
    ids = list(texts)
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    found: dict[str, dict[str, tuple[Mention, ...]]] = {name: {} for name in contenders}
    for encoder in contenders.values():
        annotate(nlp, encoder, {one: texts[one] for one in ids[:WARM_UP]})
    for number in range(min(rounds, len(ids))):
        part = {one: texts[one] for one in ids[number::rounds]}
        for name, encoder in contenders.items():
            msg.text(f"Part {number + 1} of {rounds}: {name}")
            started = time.perf_counter()
            found[name] |= annotate(nlp, encoder, part)
            seconds[name].append(time.perf_counter() - started)
    words = sum(not token.is_space for text in texts.values() for token in nlp.make_doc(text))
    f1 = {name: strict_scores(gold, by_document)["f1"] for name, by_document in found.items()}
    return summarize(seconds, f1, words)


def annotate(nlp: Language, encoder: nn.Module, texts: dict[str, str]) -> dict[str, tuple[Mention, ...]]:
    """Give the mentions that a pipeline finds with another module in its encoder's place.

    nlp (Language): the pipeline, which is as before afterwards.
    encoder (nn.Module): the module.
    texts (dict[str, str]): the texts by id.
    RETURNS (dict[str, tuple[Mention, ...]]): the mentions by id.
    """
    (shim,) = nlp.get_pipe("transformer").model.layers[0].shims
    before, shim._model = shim._model, encoder
    try:
        docs: Iterable = nlp.pipe(texts.values())
        return {one: doc_mentions(doc) for one, doc in zip(texts, docs, strict=True)}
    finally:
        shim._model = before


def summarize(seconds: dict[str, list[float]], f1: dict[str, float | None], words: int) -> dict[str, dict[str, Any]]:
    """Give the figures of each contender.

    seconds (dict[str, list[float]]): the time of each part, by contender.
    f1 (dict[str, float | None]): the strict micro F1 over all parts, by contender; None where undefined.
    words (int): how many words there are in all parts.
    RETURNS (dict[str, dict[str, Any]]): words_per_second; of_fp32, the median over the parts of fp32's time by its own;
        f1; f1_lost, to fp32; and seconds, as given.
    """
    return {
        name: {
            "words_per_second": words / sum(parts),
            "of_fp32": median(fp32 / own for fp32, own in zip(seconds[FP32], parts, strict=True)),
            "f1": f1[name],
            "f1_lost": (f1[FP32] or 0.0) - (f1[name] or 0.0),
            "seconds": parts,
        }
        for name, parts in seconds.items()
    }


def choose(rows: dict[str, dict[str, Any]]) -> str | None:
    """Give the fastest contender that loses little enough F1, and is faster than fp32 by enough; None without one."""
    fit = [name for name, row in rows.items() if row["f1_lost"] <= MOST_LOST and row["of_fp32"] >= USEFUL]
    return max(fit, key=lambda name: rows[name]["of_fp32"], default=None)


def table_of(rows: dict[str, dict[str, Any]]) -> list[tuple[str, ...]]:
    """Give a split's figures as rows of text."""
    return [
        (
            name,
            f"{row['words_per_second']:,.0f}",
            f"{row['of_fp32']:.2f}",
            percent(row["f1"]),
            f"{0.0 - 100 * row['f1_lost']:+.2f}",
        )
        for name, row in rows.items()
    ]


HEADER = ("", "words/s", "of fp32", "F1", "F1 to fp32")


def conclusion(figures: dict[str, Any]) -> str:
    """Say what was found, in a sentence."""
    asked = f"at most {100 * MOST_LOST:.1f} points of F1 lost"
    if figures["best"] is None:
        return f"Nothing has {USEFUL} times the speed of fp32 with {asked}."
    reached = "is" if figures["target_reached"] else "is not"
    return f"The fastest with {asked} is '{figures['best']}'. The target of {TARGET} times fp32 {reached} reached."


def to_markdown(figures: dict[str, Any]) -> str:
    """Give the page: what was measured on what, the tables, and what follows."""
    machine, documents = figures["machine"], figures["documents"]
    versions = ", ".join(f"{name} {machine['versions'][name]}" for name in ("torch", *PEERS))
    lines = [
        "# Reduced precision on a CPU",
        "",
        f"`{figures['command']}`",
        "",
        f"{figures['model']} on {machine['processor']}, {machine['threads']} threads, {versions}. The whole pipeline,"
        f" from texts to entities; the contenders took turns over {figures['rounds']} parts of the documents, and the"
        " ratio is the median over the parts.",
        "",
        conclusion(figures),
    ]
    for split in ("dev", "test"):
        rows = (HEADER, ("---", *("---:" for _ in HEADER[1:])), *table_of(figures[split]))
        lines += ["", f"## {split.capitalize()}, {documents[split]:,} documents", "", *map(row_line, rows)]
    return "\n".join([*lines, ""])


def write(figures: dict[str, Any], output: Path) -> None:
    """Write the figures and their page, and move them into place once both are whole."""
    with (
        moved_into_place(output / "precision.json") as json_file,
        moved_into_place(output / "precision.md") as page_file,
    ):
        srsly.write_json(json_file, figures)
        page_file.write_text(to_markdown(figures), encoding="utf8")


def benchmark_precision_cli(
    model: Annotated[str, typer.Argument(help="Folder of a pipeline, a wheel, or an installed package")],
    dev: Annotated[Path, typer.Argument(help="The split to choose on, assets/bc5cdr/dev.jsonl")],
    test: Annotated[Path, typer.Argument(help="The split to report, assets/bc5cdr/test.jsonl")],
    output: Annotated[Path, typer.Argument(help="Folder for precision.json and precision.md")],
    labels: Annotated[str, typer.Option(help="Entity type patterns and their labels")] = DEFAULT_LABELS,
    rounds: Annotated[int, typer.Option(help="Parts of the documents, read in turn", min=1)] = 5,
    documents: Annotated[int, typer.Option(help="Documents of each split, 0 for all", min=0)] = 0,
    threads: Annotated[int, typer.Option(help="Threads of the encoder, 0 for PyTorch's own choice", min=0)] = 0,
) -> None:
    """Measure ways of computing the encoder faster on a CPU."""
    with shown_to_user():
        figures = benchmark_precision(
            model,
            dev,
            test,
            output,
            labels=parse_labels(labels),
            rounds=rounds,
            documents=documents,
            threads=threads,
            command=shlex.join(["python", "-m", "scripts.benchmark_precision", *sys.argv[1:]]),
        )
    for split in ("dev", "test"):
        msg.divider(split)
        msg.table(table_of(figures[split]), header=HEADER, divider=True, aligns=("l", "r", "r", "r", "r"))
    msg.good(conclusion(figures), f"All figures are in {output}")


if __name__ == "__main__":
    typer.run(benchmark_precision_cli)
