"""`scripts.annotate` from a query to a table, beside the same from a file to files.

In: a pipeline and records. Out: words per second and processor time, and their ratios to those of files.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

import sqlalchemy as sa
from spacy.language import Language
from typer import Option

from scripts.annotation.databases import Database, shown_url
from scripts.annotation.inputs import find_inputs
from scripts.annotation.local_engine import annotate_found
from scripts.annotation.options import AnnotateOptions, TableOptions
from scripts.benchmarks.annotate import write_notes
from scripts.benchmarks.harness import (
    Model,
    Output,
    Records,
    Rounds,
    Seed,
    Taken,
    make_rows,
    save_figures,
    take_turns,
)
from scripts.benchmarks.postgresql import PASSWORD, Server, find_programs
from scripts.pipelines import load_pipeline
from scripts.records.bigbio import document_text, read_records

FILES = "files"
# Rows of entities in both cases, so that nothing but the place differs.
FORMAT = "csv"
COLUMNS = {
    "words/s": ("words_per_second", ",.0f"),
    "of files": ("ratio", ".2f"),
    "processor seconds": ("cpu_seconds", ",.1f"),
    "times those of files": ("cpu_seconds_ratio", ".2f"),
}

TABLES = sa.MetaData()
NUMBER = sa.Column("id", sa.Integer, primary_key=True, autoincrement=False)
NOTES = sa.Table("benchmark_note", TABLES, NUMBER, sa.Column("text", sa.Text))
# What annotate makes; here only to remove it.
MENTIONS, _ = (sa.Table(f"benchmark_mention{end}", TABLES, sa.Column("id", sa.Integer)) for end in ("", "_parts"))


class Loaded(NamedTuple):
    """A pipeline, and where it was loaded from. It is loaded once: that takes longer than to annotate a few notes."""

    model: str
    nlp: Language


def benchmark_databases(
    model: Model,
    records: Records,
    output: Output,
    rounds: Rounds = 5,
    documents: Annotated[int | None, Option(help="How many records to take; all if none", min=1)] = None,
    database: Annotated[
        list[str] | None,
        Option(help="URL of a database; if none, files of SQLite and DuckDB and, if it is installed, PostgreSQL"),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Compare annotate from and to a database with annotate from and to files."""
    texts = [document_text(record) for record in islice(read_records(records), documents)]
    pipeline = Loaded(model, load_pipeline(model))
    time_files(pipeline, texts[:1])
    with databases(database) as urls:
        contenders = {name: partial(time_database, pipeline, url) for name, url in urls.items()}
        contenders = {FILES: partial(time_files, pipeline), **contenders}
        taken = take_turns(contenders, [texts], rounds=rounds, order=Random(seed))
    rows = make_rows(taken, FILES, "cpu_seconds")
    for name, row in rows.items():
        row["ratio"] = paired_ratio(taken, name)
    figures = {"documents": len(texts), "rounds": rounds, "contenders": rows}
    save_figures(output, figures, {f"{len(texts):,} documents": (rows, COLUMNS)})


def paired_ratio(taken: Taken, name: str) -> float:
    """Return the median over the rounds of a contender's speed by that of files in the same round."""
    pairs = zip(taken[name], taken[FILES], strict=True)
    return median(one["words_per_second"] / base["words_per_second"] for one, base in pairs)


@contextmanager
def databases(given: list[str] | None) -> Iterator[dict[str, str]]:
    """Return the URLs of databases by the names that tables show: those given, or else new and empty ones."""
    if given:
        yield {shown_url(url): url for url in given}
        return
    with TemporaryDirectory() as folder:
        urls = {kind: f"{kind.lower()}:///{folder}/notes.{kind.lower()}" for kind in ("SQLite", "DuckDB")}
        programs = find_programs()
        if programs is None:
            yield urls
            return
        os.environ["PGPASSWORD"] = PASSWORD
        server = Server(programs, syncs=True)
        try:
            yield {**urls, "PostgreSQL": server.url()}
        finally:
            server.remove()


def time_files(pipeline: Loaded, texts: list[str]) -> dict[str, float]:
    """Return the speed of `annotate` from a file to files."""
    with TemporaryDirectory() as folder:
        notes = write_notes(texts, Path(folder) / "notes.jsonl")
        return timed(pipeline, str(notes), Path(folder) / "out", AnnotateOptions(format=FORMAT))


def time_database(pipeline: Loaded, url: str, texts: list[str]) -> dict[str, float]:
    """Return the speed of `annotate` from a query to a table.

    url (str): the database. Tables whose names start with "benchmark_" are made in it, and removed at the end.
    """
    database = Database(url)
    database.transact(lambda connection: TABLES.drop_all(connection))
    rows = [{"id": number, "text": text} for number, text in enumerate(texts)]
    database.transact(NOTES.create)
    database.transact(lambda connection: connection.execute(NOTES.insert(), rows))
    to = TableOptions(url, MENTIONS.name)
    options = AnnotateOptions(format=FORMAT, query=f"select id, text from {NOTES.name}", to=to)
    with TemporaryDirectory() as folder:
        figures = timed(pipeline, url, Path(folder), options)
    database.transact(lambda connection: TABLES.drop_all(connection))
    return figures


def timed(pipeline: Loaded, notes: str, output: Path, options: AnnotateOptions) -> dict[str, float]:
    """Return a run's words per second, its processor time in seconds, and its entities."""
    before = sum(os.times()[:4])
    found = find_inputs([notes], options)
    summary = annotate_found(pipeline.nlp, pipeline.model, found, [notes], output, options)
    used = sum(os.times()[:4]) - before
    entities = sum(summary.entities.values())
    return {"words_per_second": summary.words_per_second, "cpu_seconds": used, "entities": entities}
