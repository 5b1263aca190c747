"""Annotate notes, millions of them: notes in, entities out in parts, and nothing lost when the run is killed.

In: a pipeline, files or folders of notes. Out: parts/, manifest.json and rejected.jsonl in a folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from wasabi import msg

from scripts.annotation.inputs import check_databases
from scripts.annotation.options import AnnotateOptions, RayOptions, TableOptions
from scripts.annotation.outcomes import Summary
from scripts.annotation.readers import rows_on_several_lines, skipped_files
from scripts.errors import ProjectError, shown_to_user
from scripts.formats.clinical import ClinicalOptions, TableFormat
from scripts.formats.reading import Quoting, ReadOptions
from scripts.formats.registry import FormatName

# Exit code of the command: finished, and some notes were rejected. 1 is an error, 2 click's for a wrong option.
SOME_REJECTED = 3


def annotate(model: str, inputs: Sequence[str], output: str | Path, options: AnnotateOptions | None = None) -> Summary:
    """Annotate notes, or go on with a run that was killed.

    model (str): the folder of a pipeline, a wheel, or the name of an installed package.
    inputs (Sequence[str]): files and folders of notes, "-" for standard input, or the URL of a database.
    output (str | Path): the folder for the parts, the manifest and the rejected notes; on Ray it may be a URI.
    options (AnnotateOptions | None): what is wanted.
    RETURNS (Summary): the result.
    RAISES (ProjectError): something given is not what it should be, another run is at work in the folder, or a note
        was rejected in a strict run.
    """
    options = options or AnnotateOptions()
    check_given(model=model, output=str(output))
    check_databases(inputs, str(output), options)
    # Their imports take seconds, and Ray is optional.
    if options.ray:
        from scripts.annotation.ray_engine import annotate_on_ray

        return annotate_on_ray(model, inputs, str(output), options)
    from scripts.annotation.local_engine import annotate_locally

    return annotate_locally(model, inputs, Path(output), options)


def check_given(**arguments: str) -> None:
    """Check that no argument is empty: to a path, that is the current folder.

    RAISES (ProjectError): one is.
    """
    for name, value in arguments.items():
        if not value.strip():
            raise ProjectError(f"The argument {name.upper()} is empty", "Is a variable not set?")


def annotate_cli(
    model: Annotated[str, typer.Argument(help="Folder of a pipeline, a wheel, or an installed package")],
    inputs: Annotated[list[str], typer.Argument(help="Files or folders of notes, - for standard input, a database")],
    output: Annotated[str, typer.Argument(help="Folder for the parts, manifest.json and rejected.jsonl")],
    format: Annotated[
        FormatName | None, typer.Option(help="Format of the parts; if none jsonl, parquet on Ray, or omop with --to")
    ] = None,
    labels: Annotated[str, typer.Option(help="Labels of the entities to keep, separated by spaces; all if empty")] = "",
    minimum_confidence: Annotated[float, typer.Option(help="Leave out entities below it", min=0, max=1)] = 0.0,
    keep_text: Annotated[
        bool, typer.Option(help="Write the notes' texts, and not only mentions; brat and others need it")
    ] = True,
    batch_size: Annotated[int, typer.Option(help="Texts in a batch, at most", min=1)] = 64,
    threads: Annotated[int | None, typer.Option(help="PyTorch's threads", min=1)] = None,
    processes: Annotated[int, typer.Option(help="Processes that share the work, one thread each", min=1)] = 1,
    gpu_id: Annotated[int, typer.Option(help="GPU to work on, -1 for the CPU", min=-1)] = -1,
    part_size: Annotated[int, typer.Option(help="Notes in a part, at most", min=1)] = 10_000,
    note_timeout: Annotated[
        float, typer.Option(help="Seconds for the pipeline to annotate a note; then the note is rejected")
    ] = 600.0,
    text_column: Annotated[str, typer.Option(help="Column with the text; note.text for a key in an object")] = "text",
    id_column: Annotated[str, typer.Option(help="Column with the id")] = "id",
    encoding: Annotated[str, typer.Option(help="Encoding of the input")] = "utf-8",
    delimiter: Annotated[str | None, typer.Option(help="CSV, TSV: character between columns")] = None,
    quoting: Annotated[
        Quoting | None, typer.Option(help="CSV, TSV: quotes as in RFC 4180, or none; standard for CSV, none for TSV")
    ] = None,
    folder_ids: Annotated[
        bool, typer.Option("--folder-ids", help="Ids made of file names include the folder as given")
    ] = False,
    query: Annotated[str, typer.Option(help="Query that finds the notes, if the input is the URL of a database")] = "",
    to: Annotated[str, typer.Option(help="URL of a database for the mentions; files in the folder if empty")] = "",
    table: Annotated[str, typer.Option(help="Table for the mentions in the database of --to")] = "",
    person_column: Annotated[
        str, typer.Option(help="OMOP's tables, table: column with the patient's id")
    ] = ClinicalOptions.person_column,
    date_column: Annotated[
        str, typer.Option(help="FHIR, OMOP's tables, table: column with the note's date")
    ] = ClinicalOptions.date_column,
    omop_tables: Annotated[
        bool, typer.Option("--omop-tables", help="OMOP: candidates for CONDITION_OCCURRENCE and DRUG_EXPOSURE too")
    ] = False,
    subject_reference: Annotated[
        str, typer.Option(help="FHIR: reference to the patient; names in braces are columns")
    ] = ClinicalOptions.subject_reference,
    note_reference: Annotated[
        str, typer.Option(help="FHIR: reference to the note; {id} is its id")
    ] = ClinicalOptions.note_reference,
    code_system: Annotated[
        str, typer.Option(help="FHIR: URI of the system of the codes; that of the linked vocabulary if empty")
    ] = ClinicalOptions.code_system,
    table_format: Annotated[TableFormat, typer.Option(help="Table: format of its files")] = "csv",
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first note that is rejected")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Start over if the folder holds a run")] = False,
    by: Annotated[
        Literal["uncertainty"] | None,
        typer.Option(help="prodigy, doccano, labelstudio: put the notes into an order too, in queue/"),
    ] = None,
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Work on this machine, or on a Ray cluster")
    ] = "local",
    actors: Annotated[int | None, typer.Option(help="Ray: processes that share the work; one if none", min=1)] = None,
    gpus: Annotated[float | None, typer.Option(help="Ray: GPUs for each actor, 0.5 for instance", min=0)] = None,
    address: Annotated[
        str | None, typer.Option(help="Ray: the cluster; that in RAY_ADDRESS or a new one if none")
    ] = None,
) -> None:
    """Annotate notes. A run that was killed goes on. Exit code 3: finished, and some notes were rejected."""
    with shown_to_user():
        options = AnnotateOptions(
            format=format or ("parquet" if engine == "ray" else "omop" if to else "jsonl"),
            labels=tuple(labels.split()),
            minimum_confidence=minimum_confidence,
            keep_text=keep_text,
            batch_size=batch_size,
            threads=threads,
            processes=processes,
            gpu_id=gpu_id,
            part_size=part_size,
            note_timeout=note_timeout,
            reading=ReadOptions(text_column, id_column, encoding, delimiter, quoting, folder_ids),
            query=query,
            to=make_table_options(to, table),
            clinical=ClinicalOptions(
                person_column=person_column,
                date_column=date_column,
                subject_reference=subject_reference,
                note_reference=note_reference,
                code_system=code_system,
                omop_tables=omop_tables,
                table_format=table_format,
            ),
            strict=strict,
            overwrite=overwrite,
            by=by or "",
            ray=make_ray_options(engine, actors=actors, gpus=gpus, address=address),
        )
        summary = annotate(model, inputs, output, options)
        skipped = skipped_files(inputs)
        longer = rows_on_several_lines(inputs, options.reading)
    show_summary(summary, output, table, skipped, longer)
    if options.by:
        msg.good(f"The notes by {options.by}, the least sure ones first, are in {output}/queue")
    if summary.rejected:
        raise typer.Exit(SOME_REJECTED)


def make_table_options(to: str, table: str) -> TableOptions | None:
    """Return the options for a table, None for files.

    RAISES (ProjectError): there is a table and no database, or the reverse.
    """
    if table and not to:
        raise ProjectError("--table needs the database of the table", "Give its URL with --to.")
    return TableOptions(to, table) if to else None


def make_ray_options(engine: str, **given: Any) -> RayOptions | None:
    """Return the options for Ray, None for the local engine.

    engine (str): "ray" or "local".
    given (Any): the options; those that are None have their default.
    RETURNS (RayOptions | None): the options.
    RAISES (ProjectError): the engine is local, and one is given.
    """
    wanted = {name: value for name, value in given.items() if value is not None}
    if engine == "ray":
        return RayOptions(**wanted)
    for name in wanted:
        raise ProjectError(f"--{name} is an option of --engine ray", "Give --engine ray too, or leave it out.")
    return None


def show_summary(
    summary: Summary, output: str, table: str, skipped: Sequence[Path], longer: Mapping[Path, tuple[int, int]]
) -> None:
    """Show the summary of a run.

    summary (Summary): the summary.
    output (str): the folder of the run.
    table (str): the table of the mentions, "" for files.
    skipped (Sequence[Path]): files in the input's folders that were not read.
    longer (Mapping[Path, tuple[int, int]]): numbers of rows, and of rows on several lines, by file.
    """
    by_label = ", ".join(f"{label} {number}" for label, number in sorted(summary.entities.items()))
    msg.good(
        f"{sum(summary.entities.values())} entities ({by_label or 'none'}) in {summary.notes} notes are in"
        f" {f'the table {table}' if table else output}",
        f"{summary.before} notes were done before; the others took {summary.seconds:.1f} seconds,"
        f" {summary.words_per_second:.0f} words a second",
    )
    for path, (rows, number) in longer.items():
        msg.info(f"{path} has {rows} rows, {number} of them on several lines")
    if skipped:
        msg.warn(f"{len(skipped)} files of no known format were not read, the first is {skipped[0]}")
    for reason, number in sorted(summary.left_out.items()):
        msg.warn(f"{number} entities: {reason}")
    if summary.rejected:
        msg.warn(f"{summary.rejected} notes were rejected: {output}/rejected.jsonl says why")


if __name__ == "__main__":
    typer.run(annotate_cli)
