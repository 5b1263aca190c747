"""Annotate notes, millions of them: notes in, entities out in parts, and nothing lost when the run is killed.

In: a pipeline, files or folders of notes. Out: parts/, manifest.json and rejected.jsonl in a folder.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import torch
import typer
from tqdm import tqdm
from wasabi import msg

from scripts.annotation.engine import AnnotatedNote, Annotator
from scripts.annotation.manifest import Run, describe_inputs, describe_model, locked, open_run
from scripts.annotation.notes import Note, Rejected
from scripts.annotation.parts import Ids, cut_parts
from scripts.annotation.readers import input_files, read_notes, skipped_files
from scripts.annotation.sources import STANDARD_INPUT
from scripts.annotation.writers import ALL_FORMATS, NEED_DOCS, Writer, make_writer
from scripts.errors import ProjectError, shown_to_user
from scripts.files import moved_into_place
from scripts.gpu import use_gpu
from scripts.pipelines import load_pipeline

# Of the command: all is done, and some notes were rejected. 1 is an error, 2 click's for a wrong option.
SOME_REJECTED = 3


class Summary(NamedTuple):
    """What a run came to.

    notes (int): notes that were annotated, by runs before this one in the same folder too.
    rejected (int): notes that were not, and are in rejected.jsonl.
    before (int): how many of both were done before this run, and were skipped.
    entities (dict[str, int]): entities by label.
    seconds (float): how long this run took, the pipeline's loading aside.
    words_per_second (float): the words, which are the pipeline's tokens, that this run read in a second.
    """

    notes: int
    rejected: int
    before: int
    entities: dict[str, int]
    seconds: float
    words_per_second: float


class Prepared(NamedTuple):
    """A note, ready to be written: what the writer made of it, its entities by label, and its words."""

    content: Any
    entities: Counter[str]
    words: int


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


def check_apart(inputs: Sequence[str], output: Path) -> None:
    """Refuse to write into a folder that is read: the next run would read what this one wrote."""
    for path in map(Path, inputs):
        if path.is_dir() and output.resolve().is_relative_to(path.resolve()):
            raise ProjectError(f"The output {output} lies within the input {path}", "Give a folder outside of it.")


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
        return Rejected(note.id, "another note before it has the same id")
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
    entities = sum((outcome.entities for outcome in prepared), Counter())
    rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    figures = {
        "first": notes[0].id,
        "last": notes[-1].id,
        "notes": len(prepared),
        "rejected": len(rejected),
        "words": sum(outcome.words for outcome in prepared),
        "entities": dict(sorted(entities.items())),
    }
    run.add_part(path, rejected, figures)


def prepare_notes(
    notes: list[Note | Rejected], annotator: Annotator, writer: Writer, *, strict: bool, bar: tqdm
) -> list[Prepared | Rejected]:
    """Annotate the notes of one part and make them ready to be written, in the order given; see `write_parts`."""
    places = [place for place, note in enumerate(notes) if isinstance(note, Note)]
    outcomes: list[Any] = list(notes)
    bar.update(len(notes) - len(places))
    if strict:
        refuse_rejected(notes)
    for number, outcome in annotator.annotate([notes[place] for place in places]):
        prepared = prepare(outcome, writer)
        if strict:
            refuse_rejected([prepared])
        outcomes[places[number]] = prepared
        bar.update()
    return outcomes


def prepare(outcome: AnnotatedNote | Rejected, writer: Writer) -> Prepared | Rejected:
    """Make an annotated note ready to be written, or reject it where the format cannot hold it."""
    if isinstance(outcome, Rejected):
        return outcome
    try:
        content = writer.prepare(outcome)
    except ProjectError as error:
        return Rejected(outcome.note.id, error.title)
    except UnicodeEncodeError:
        return Rejected(outcome.note.id, "its id or another column can't be written as UTF-8")
    return Prepared(content, Counter(entity.label for entity in outcome.entities), outcome.words)


def refuse_rejected(outcomes: Iterable[Any]) -> None:
    """Stop a strict run at a note that was rejected."""
    for outcome in outcomes:
        if isinstance(outcome, Rejected):
            raise ProjectError(f"Note {outcome.id!r}: {outcome.reason}", "Without --strict the run goes on.")


class Counts(NamedTuple):
    """What stands in finished parts: notes annotated, notes rejected, words, and entities by label."""

    notes: int
    rejected: int
    words: int
    entities: Counter[str]

    @property
    def read(self) -> int:
        """The notes that were read."""
        return self.notes + self.rejected


def count(parts: Sequence[dict[str, Any]]) -> Counts:
    """Add up what the manifest says about parts."""
    notes, rejected, words = (sum(part[name] for part in parts) for name in ("notes", "rejected", "words"))
    return Counts(notes, rejected, words, sum((Counter(part["entities"]) for part in parts), Counter()))


def summarize(before: Counts, after: Counts, seconds: float) -> Summary:
    """Give the summary of a run.

    before (Counts): what was done before it.
    after (Counts): what is done now.
    seconds (float): how long it took.
    """
    return Summary(
        notes=after.notes,
        rejected=after.rejected,
        before=before.read,
        entities=dict(after.entities),
        seconds=seconds,
        words_per_second=(after.words - before.words) / seconds,
    )


def annotate_cli(
    model: Annotated[str, typer.Argument(help="Folder of a pipeline, a wheel, or an installed package")],
    inputs: Annotated[list[str], typer.Argument(help="Files or folders of notes, - for standard input")],
    output: Annotated[Path, typer.Argument(help="Folder for the parts, manifest.json and rejected.jsonl")],
    format: Annotated[Literal[ALL_FORMATS], typer.Option(help="Format of the parts")] = "jsonl",
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
) -> None:
    """Annotate notes; run again after a kill, it goes on. Exit code 3: all is done, and some notes were rejected."""
    with shown_to_user():
        summary = annotate(
            model,
            inputs,
            output,
            format=format,
            labels=labels.split(),
            minimum_confidence=minimum_confidence,
            keep_text=keep_text,
            batch_size=batch_size,
            threads=threads,
            processes=processes,
            gpu_id=gpu_id,
            part_size=part_size,
            text_column=text_column,
            id_column=id_column,
            encoding=encoding,
            strict=strict,
            overwrite=overwrite,
        )
        others = skipped_files(inputs)
    show(summary, output, others)
    if summary.rejected:
        raise typer.Exit(SOME_REJECTED)


def show(summary: Summary, output: Path, others: Sequence[Path]) -> None:
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
        msg.warn(f"{summary.rejected} notes were rejected: {output / 'rejected.jsonl'} says why")


if __name__ == "__main__":
    typer.run(annotate_cli)
