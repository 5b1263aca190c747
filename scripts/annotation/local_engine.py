"""Annotate notes on this machine, and go on where a run was killed.

In: files and folders of notes. Out: parts/, manifest.json and rejected.jsonl in a folder.
"""

import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tqdm import tqdm

from scripts.annotation.engine import Annotator
from scripts.annotation.manifest import Run, describe_inputs, describe_model, locked, open_run
from scripts.annotation.options import AnnotateOptions
from scripts.annotation.outcomes import Counts, Prepared, Summary, part_figures, prepare_notes
from scripts.annotation.parts import SAME_ID, Ids, cut_parts
from scripts.annotation.pool import Pool, make_pool
from scripts.annotation.readers import input_files, read_inputs
from scripts.annotation.sources import STANDARD_INPUT, check_apart
from scripts.annotation.vocabulary import linked_vocabulary
from scripts.files import moved_into_place
from scripts.formats.reading import ReadOptions
from scripts.formats.registry import TOKEN_FORMATS, writer_class
from scripts.formats.writing import WriteOptions, Writer
from scripts.gpu import check_gpu
from scripts.pipelines import load_pipeline
from scripts.records.notes import Note, Rejected


def annotate_locally(model: str, inputs: Sequence[str], output: Path, options: AnnotateOptions) -> Summary:
    """Annotate notes on this machine; see `scripts.annotate.annotate`."""
    check_apart(inputs, output)
    files, notes = input_files(inputs), read_inputs(inputs, options.reading)
    check_gpu(options.gpu_id)
    nlp = load_pipeline(model)
    annotator = Annotator(nlp, options, keep_docs=options.format in TOKEN_FORMATS)
    described = describe_model(model, nlp)
    identity = {"model": described, "inputs": describe_inputs(files), "options": options.as_manifest()}
    with locked(output):
        run = open_run(output, identity, overwrite=options.overwrite)
        before, started = Counts.of(run.parts), time.perf_counter()
        if not run.content["finished"]:
            system = f"{described['name']} {described['version']}"
            writing = WriteOptions(options.keep_text, system, run.begun, options.clinical, linked_vocabulary(nlp))
            writer = writer_class(options.format, options.clinical)(writing)
            total = count_notes(inputs, options.reading)
            threads = options.threads if options.processes == 1 else 1
            with (
                make_pool(
                    annotator,
                    writer,
                    model,
                    processes=options.processes,
                    threads=threads,
                    gpu_id=options.gpu_id,
                ) as pool,
                tqdm(total=total, initial=before.read, unit=" notes", smoothing=0, disable=None) as bar,
            ):
                write_parts(run, notes, pool, writer, bar=bar)
        return Summary.of(before, Counts.of(run.parts), time.perf_counter() - started)


def count_notes(inputs: Sequence[str], reading: ReadOptions) -> int | None:
    """Return the number of notes for the progress bar. None if nobody sees it, or the input can be read only once."""
    if STANDARD_INPUT in inputs or not sys.stderr.isatty():
        return None
    return sum(1 for _ in read_inputs(inputs, reading))


def write_parts(run: Run, stream: Iterable[Note | Rejected], pool: Pool, writer: Writer, *, bar: tqdm) -> None:
    """Annotate a stream of notes part by part. The notes of finished parts are read and skipped.

    run (Run): the run, locked.
    stream (Iterable[Note | Rejected]): all its notes.
    pool (Pool): the processes that annotate.
    writer (Writer): the format.
    bar (tqdm): counts the notes that are done.
    RAISES (ProjectError): a note was rejected in a strict run.
    """
    finished = len(run.parts)
    with Ids(run.folder / ".ids") as ids:
        for number, part in enumerate(cut_parts(stream, size=pool.options.part_size)):
            notes = [refuse_known(note, ids) for note in part]
            if number >= finished:
                write_part(run, notes, pool, writer, bar=bar)
    run.finish()


def refuse_known(note: Note | Rejected, ids: Ids) -> Note | Rejected:
    """Reject a note if an earlier one has its id."""
    if isinstance(note, Note) and not ids.add(note.id):
        return Rejected(note.id, SAME_ID)
    return note


def write_part(run: Run, notes: list[Note | Rejected], pool: Pool, writer: Writer, *, bar: tqdm) -> None:
    """Annotate the notes of one part and write it; see `write_parts`."""
    outcomes = prepare_notes(notes, pool, strict=pool.options.strict, bar=bar)
    prepared = [outcome.content for outcome in outcomes if isinstance(outcome, Prepared)]
    path = run.part_path(writer.suffix)
    with moved_into_place(path) as partial:
        number = Counts.of(run.parts).entities.total() + 1
        writer.write(prepared, partial, number_from=number)
    rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    left_out = dict(sorted(writer.left_out(prepared).items()))
    run.add_part(path, rejected, {**part_figures(outcomes), **({"left_out": left_out} if left_out else {})})
