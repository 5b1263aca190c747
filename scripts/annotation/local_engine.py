"""Annotate notes on this machine, and go on where a run was killed.

In: files and folders of notes, or a query. Out: manifest.json and rejected.jsonl in a folder, and in it parts/ or, in a
database, a table.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from spacy.language import Language
from tqdm import tqdm

from scripts.annotation.engine import Annotator
from scripts.annotation.inputs import Inputs, count_if_seen, find_inputs
from scripts.annotation.manifest import Run, describe_model, locked, open_run
from scripts.annotation.options import AnnotateOptions
from scripts.annotation.outcomes import Counts, Prepared, Summary, part_figures, prepare_notes, refuse_rejected
from scripts.annotation.parts import CHANGED, CHANGED_HINT, SAME_ID, Ids, cut_parts, part_digest
from scripts.annotation.pool import Pool, make_pool
from scripts.annotation.queue import FOLDER as QUEUE
from scripts.annotation.queue import write_queue
from scripts.annotation.sources import check_apart
from scripts.annotation.vocabulary import linked_vocabulary
from scripts.errors import ProjectError
from scripts.files import remove
from scripts.formats.drafts import DraftWriter
from scripts.formats.registry import TOKEN_FORMATS, writer_class
from scripts.formats.writing import WriteOptions, Writer
from scripts.gpu import check_gpu
from scripts.pipelines import load_pipeline
from scripts.records.notes import Note, Rejected


def annotate_locally(model: str, inputs: Sequence[str], output: Path, options: AnnotateOptions) -> Summary:
    """Annotate notes on this machine; see `scripts.annotate.annotate`."""
    check_apart(inputs, output)
    found = find_inputs(inputs, options)
    check_gpu(options.gpu_id)
    return annotate_found(load_pipeline(model), model, found, inputs, output, options)


def annotate_found(
    nlp: Language, model: str, found: Inputs, inputs: Sequence[str], output: Path, options: AnnotateOptions
) -> Summary:
    """Annotate notes with a pipeline that is loaded; see `annotate_locally`.

    nlp (Language): the pipeline.
    model (str): where it was loaded from.
    found (Inputs): the notes.
    inputs (Sequence[str]): where they are from, as given.
    """
    annotator = Annotator(nlp, options, keep_docs=options.format in TOKEN_FORMATS)
    described = describe_model(model, nlp)
    make_run = run_maker(inputs, options)
    identity = {"model": described, "inputs": found.describe(), "options": options.as_manifest()}
    with locked(output):
        run = open_run(output, identity, overwrite=options.overwrite, make=make_run)
        before, started = Counts.of(run.parts), time.perf_counter()
        system = f"{described['name']} {described['version']}"
        writing = WriteOptions(options.keep_text, system, run.begun, options.clinical, linked_vocabulary(nlp))
        writer = writer_class(options.format, options.clinical)(writing)
        if found.is_compared or not run.content["finished"]:
            # One of another run, or of this one before a part was lost.
            remove(output / QUEUE)
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
                tqdm(total=count_if_seen(found), initial=before.read, unit=" notes", smoothing=0, disable=None) as bar,
            ):
                write_parts(run, found, pool, writer, bar=bar)
        if options.by and isinstance(writer, DraftWriter):
            write_queue(output, [part["file"] for part in run.parts], writer, size=options.part_size)
        return Summary.of(before, Counts.of(run.parts), time.perf_counter() - started)


def run_maker(inputs: Sequence[str], options: AnnotateOptions) -> Callable[[Path, dict[str, Any]], Run]:
    """Return what makes a run: one whose parts are files, or are in the table of a database."""
    if not options.to:
        return Run
    # SQLAlchemy is optional.
    from scripts.annotation.tables import MentionTable, TableRun

    table = MentionTable(options.to, options.format, source=inputs[0] if options.query else "")
    return partial(TableRun, table=table)


def write_parts(run: Run, inputs: Inputs, pool: Pool, writer: Writer, *, bar: tqdm) -> None:
    """Annotate notes part by part. Those of finished parts are read and skipped.

    run (Run): the run, locked.
    inputs (Inputs): where its notes are from.
    pool (Pool): the processes that annotate.
    writer (Writer): the format.
    bar (tqdm): counts the notes that are done.
    RAISES (ProjectError): a note was rejected in a strict run, or the notes of finished parts have changed.
    """
    finished = list(run.parts)
    sizes = [part["notes"] + part["rejected"] for part in finished]
    number = 0
    with Ids(run.folder / ".ids") as ids:
        for number, part in enumerate(cut_parts(inputs.notes(), size=pool.options.part_size, finished=sizes), start=1):
            figures = {"input": part_digest(part)} if inputs.is_compared else {}
            notes = [refuse_known(note, ids) for note in part]
            if number > len(finished):
                write_part(run, notes, figures, pool, writer, bar=bar)
            elif figures and figures["input"] != finished[number - 1]["input"]:
                raise ProjectError(CHANGED, CHANGED_HINT)
    if number < len(finished):
        raise ProjectError(CHANGED, CHANGED_HINT)
    run.finish()


def refuse_known(note: Note | Rejected, ids: Ids) -> Note | Rejected:
    """Reject a note if an earlier one has its id."""
    if isinstance(note, Note) and not ids.add(note.id):
        return Rejected(note.id, SAME_ID)
    return note


def write_part(
    run: Run, notes: list[Note | Rejected], figures: dict[str, Any], pool: Pool, writer: Writer, *, bar: tqdm
) -> None:
    """Annotate the notes of one part and write it; see `write_parts`.

    figures (dict[str, Any]): what the manifest says about the part besides its results.
    """
    strict = pool.options.strict
    outcomes = prepare_notes(notes, pool, strict=strict, bar=bar)
    outcomes = [run.fit(outcome) if isinstance(outcome, Prepared) else outcome for outcome in outcomes]
    if strict:
        refuse_rejected(outcomes)
    prepared = [outcome for outcome in outcomes if isinstance(outcome, Prepared)]
    rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
    if left_out := dict(sorted(writer.left_out([note.content for note in prepared]).items())):
        figures = {**figures, "left_out": left_out}
    run.write_part(writer, prepared, rejected, {**part_figures(outcomes), **figures})
