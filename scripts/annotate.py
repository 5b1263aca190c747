"""Annotate notes, millions of them: notes in, entities out in parts, and nothing lost when the run is killed.

In: a pipeline, files or folders of notes. Out: parts/, manifest.json and rejected.jsonl in a folder.
"""

import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer
from tqdm import tqdm
from wasabi import msg

from scripts.annotation.engine import Annotator
from scripts.annotation.manifest import Run, describe_inputs, describe_model, locked, open_run
from scripts.annotation.notes import Note, Rejected
from scripts.annotation.outcomes import Prepared, Summary, count, part_figures, prepare_notes, summarize
from scripts.annotation.parts import SAME_ID, Ids, cut_parts
from scripts.annotation.readers import input_files, read_notes, skipped_files
from scripts.annotation.sources import STANDARD_INPUT, check_apart
from scripts.annotation.writers import ALL_FORMATS, NEED_DOCS, Writer, make_writer
from scripts.errors import ProjectError, shown_to_user
from scripts.files import moved_into_place
from scripts.gpu import use_gpu
from scripts.pipelines import load_pipeline

# Of the command: all is done, and some notes were rejected. 1 is an error, 2 click's for a wrong option.
SOME_REJECTED = 3


def annotate(
    model: str,
    inputs: Sequence[str],
    output: Path,
    *,
    format: str = "jsonl",
    labels: Sequence[str] = (),
    minimum_confidence: float = 0.0,
    keep_text: bool = True,
    batch_size: int = 64,
    threads: int | None = None,
    processes: int = 1,
    gpu_id: int = -1,
    part_size: int = 10_000,
    text_column: str = "text",
    id_column: str = "id",
    encoding: str = "utf-8",
    strict: bool = False,
    overwrite: bool = False,
) -> Summary:
    """Annotate notes, or go on with a run that was killed.

    model (str): the folder of a pipeline, a wheel, or the name of an installed package.
    inputs (Sequence[str]): files and folders of notes, or "-" for standard input.
    output (Path): the folder for the parts, the manifest and the rejected notes.
    format (str): the format of the parts, one of `ALL_FORMATS`.
    labels (Sequence[str]): labels of the entities to keep; all if empty.
    minimum_confidence (float): entities with a lower confidence are left out.
    keep_text (bool): whether JSONL and Parquet have the texts.
    batch_size (int): texts that the pipeline's parts get at once, at most.
    threads (int | None): PyTorch's threads; as many as it likes if None. With more than one process each has one.
    processes (int): processes that share the work.
    gpu_id (int): the GPU to work on, -1 for the CPU.
    part_size (int): notes in a part, at most.
    text_column, id_column (str): the input's columns with the text and the id.
    encoding (str): the encoding of the input.
    strict (bool): whether to stop at the first note that is rejected.
    overwrite (bool): whether to begin anew where the folder holds a run.
    RETURNS (Summary): what it came to.
    RAISES (ProjectError): something given is not what it should be, another run is at work in the folder, or a note
        was rejected and `strict` is set.
    """
    if format not in ALL_FORMATS:
        raise ProjectError(f"Unknown format '{format}'", f"Known are {', '.join(ALL_FORMATS)}.")
    if processes > 1 and gpu_id >= 0:
        raise ProjectError("More than one process can't share a GPU", "Leave out --processes.")
    check_apart(inputs, output)
    reading = {"text_column": text_column, "id_column": id_column, "encoding": encoding}
    files, notes = input_files(inputs), read_notes(inputs, **reading)
    use_gpu(gpu_id)
    if threads is not None:
        torch.set_num_threads(threads)
    nlp = load_pipeline(model)
    annotator = Annotator(
        nlp,
        labels=labels,
        minimum_confidence=minimum_confidence,
        batch_size=batch_size,
        processes=processes,
        keep_docs=format in NEED_DOCS,
    )
    options = {
        "format": format,
        "labels": list(labels),
        "minimum_confidence": minimum_confidence,
        "keep_text": keep_text,
        "batch_size": batch_size,
        "threads": threads,
        "processes": processes,
        "gpu_id": gpu_id,
        "part_size": part_size,
        **reading,
    }
    identity = {"model": describe_model(model, nlp), "inputs": describe_inputs(files), "options": options}
    with locked(output):
        run = open_run(output, identity, overwrite=overwrite)
        before, started = count(run.parts), time.perf_counter()
        if not run.content["finished"]:
            system = f"{identity['model']['name']} {identity['model']['version']}"
            writer = make_writer(format, keep_text=keep_text, system=system, begun=run.begun)
            with tqdm(
                total=count_notes(inputs, reading), initial=before.read, unit=" notes", smoothing=0, disable=None
            ) as bar:
                write_parts(run, notes, annotator, writer, part_size=part_size, strict=strict, bar=bar)
        return summarize(before, count(run.parts), time.perf_counter() - started)


def count_notes(inputs: Sequence[str], reading: dict[str, str]) -> int | None:
    """Count the notes for the progress bar. None where nobody sees it, or the input can be read only once."""
    if STANDARD_INPUT in inputs or not sys.stderr.isatty():
        return None
    return sum(1 for _ in read_notes(inputs, **reading))


def write_parts(
    run: Run,
    stream: Iterable[Note | Rejected],
    annotator: Annotator,
    writer: Writer,
    *,
    part_size: int,
    strict: bool,
    bar: tqdm,
) -> None:
    """Annotate a stream of notes part by part; the notes of finished parts are read and skipped.

    run (Run): the run, locked.
    stream (Iterable[Note | Rejected]): all its notes.
    annotator (Annotator): the pipeline.
    writer (Writer): the format.
    part_size (int): notes in a part, at most.
    strict (bool): whether to stop at the first note that is rejected.
    bar (tqdm): counts the notes that are done.
    RAISES (ProjectError): a note was rejected and `strict` is set.
    """
    finished = len(run.parts)
    with Ids(run.folder / ".ids") as ids:
        for number, part in enumerate(cut_parts(stream, size=part_size)):
            notes = [refuse_known(note, ids) for note in part]
            if number >= finished:
                write_part(run, notes, annotator, writer, strict=strict, bar=bar)
    run.finish()


def refuse_known(note: Note | Rejected, ids: Ids) -> Note | Rejected:
    """Reject a note whose id was another's before."""
    if isinstance(note, Note) and not ids.add(note.id):
        return Rejected(note.id, SAME_ID)
    return note


def write_part(
    run: Run, notes: list[Note | Rejected], annotator: Annotator, writer: Writer, *, strict: bool, bar: tqdm
) -> None:
    """Annotate the notes of one part and write it; see `write_parts`."""
    # Without a memory zone each new word stays in the vocabulary until the run ends.
    with annotator.nlp.memory_zone():
        outcomes = prepare_notes(notes, annotator, writer, strict=strict, bar=bar)
        prepared = [outcome for outcome in outcomes if isinstance(outcome, Prepared)]
        path = run.part_path(writer.suffix)
        with moved_into_place(path) as partial:
            number = count(run.parts).entities.total() + 1
            writer.write([outcome.content for outcome in prepared], partial, number_from=number)
    rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    run.add_part(path, rejected, part_figures(outcomes))


def annotate_cli(
    model: Annotated[str, typer.Argument(help="Folder of a pipeline, a wheel, or an installed package")],
    inputs: Annotated[list[str], typer.Argument(help="Files or folders of notes, - for standard input")],
    output: Annotated[str, typer.Argument(help="Folder for the parts, manifest.json and rejected.jsonl")],
    format: Annotated[Literal[ALL_FORMATS] | None, typer.Option(help="Format of the parts; jsonl if none")] = None,
    labels: Annotated[str, typer.Option(help="Labels of the entities to keep, separated by spaces; all if empty")] = "",
    minimum_confidence: Annotated[float, typer.Option(help="Leave out entities below it", min=0, max=1)] = 0.0,
    keep_text: Annotated[bool, typer.Option(help="Texts in JSONL and Parquet")] = True,
    batch_size: Annotated[int, typer.Option(help="Texts in a batch, at most", min=1)] = 64,
    threads: Annotated[int | None, typer.Option(help="PyTorch's threads", min=1)] = None,
    processes: Annotated[int, typer.Option(help="Processes that share the work, one thread each", min=1)] = 1,
    gpu_id: Annotated[int, typer.Option(help="GPU to work on, -1 for the CPU")] = -1,
    part_size: Annotated[int, typer.Option(help="Notes in a part, at most", min=1)] = 10_000,
    text_column: Annotated[str, typer.Option(help="Column with the text")] = "text",
    id_column: Annotated[str, typer.Option(help="Column with the id")] = "id",
    encoding: Annotated[str, typer.Option(help="Encoding of the input")] = "utf-8",
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first note that is rejected")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew where the folder holds a run")] = False,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Work on this machine, or on a Ray cluster")
    ] = "local",
    actors: Annotated[int | None, typer.Option(help="Ray: processes that share the work; one if none", min=1)] = None,
    gpus: Annotated[float | None, typer.Option(help="Ray: GPUs for each actor, 0.5 for instance", min=0)] = None,
    address: Annotated[
        str | None, typer.Option(help="Ray: the cluster; that in RAY_ADDRESS or a new one if none")
    ] = None,
) -> None:
    """Annotate notes; run again after a kill, it goes on. Exit code 3: all is done, and some notes were rejected."""
    options = {
        "labels": labels.split(),
        "minimum_confidence": minimum_confidence,
        "keep_text": keep_text,
        "batch_size": batch_size,
        "threads": threads,
        "part_size": part_size,
        "text_column": text_column,
        "id_column": id_column,
        "encoding": encoding,
        "strict": strict,
        "overwrite": overwrite,
    }
    of_ray = {"actors": actors, "gpus": gpus, "address": address}
    with shown_to_user():
        if engine == "ray":
            check_for_ray(inputs, format=format, processes=processes, gpu_id=gpu_id)
            # Ray is optional, and its import takes seconds.
            from scripts.annotation.ray_engine import annotate_on_ray

            summary = annotate_on_ray(model, inputs, output, **options, **given(of_ray))
        else:
            check_for_local(given(of_ray))
            options |= {"format": format or "jsonl", "processes": processes, "gpu_id": gpu_id}
            summary = annotate(model, inputs, Path(output), **options)
        others = skipped_files(inputs)
    show(summary, output, others)
    if summary.rejected:
        raise typer.Exit(SOME_REJECTED)


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Give the options that have a value."""
    return {name: value for name, value in options.items() if value is not None}


def check_for_ray(inputs: Sequence[str], *, format: str | None, processes: int, gpu_id: int) -> None:
    """Refuse what a cluster cannot do.

    RAISES (ProjectError): there is something.
    """
    if format not in (None, "parquet"):
        raise ProjectError(f"--engine ray writes Parquet, and not {format}", "Leave out --format.")
    if processes > 1:
        raise ProjectError("--engine ray has actors, and no --processes", "Give --actors.")
    if gpu_id >= 0:
        raise ProjectError("--engine ray chooses the GPUs itself", "Give --gpus, how many each actor has.")
    if STANDARD_INPUT in inputs:
        raise ProjectError("--engine ray can't read standard input, which only this machine has", "Give files.")


def check_for_local(of_ray: dict[str, Any]) -> None:
    """Refuse options that only Ray has.

    RAISES (ProjectError): there is one.
    """
    for name in of_ray:
        raise ProjectError(f"--{name} is an option of --engine ray", "Give --engine ray too, or leave it out.")


def show(summary: Summary, output: str, others: Sequence[Path]) -> None:
    """Show the summary of a run, and that other files in the input's folders were not read."""
    by_label = ", ".join(f"{label} {number}" for label, number in sorted(summary.entities.items()))
    msg.good(
        f"{sum(summary.entities.values())} entities ({by_label or 'none'}) in {summary.notes} notes are in {output}",
        f"{summary.before} notes were done before; the others took {summary.seconds:.1f} seconds,"
        f" {summary.words_per_second:.0f} words a second",
    )
    if others:
        msg.warn(f"{len(others)} files of no known format were not read, the first is {others[0]}")
    if summary.rejected:
        msg.warn(f"{summary.rejected} notes were rejected: {output}/rejected.jsonl says why")


if __name__ == "__main__":
    typer.run(annotate_cli)
