"""Notes from a query, mentions in a table. Killed anywhere, there is no gap and no double; errors quote no text."""

import json
import logging
import multiprocessing
import os
import random
import re
import resource
import shlex
import signal
import sys
import threading
import time
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner

from scripts import annotate as command
from scripts.annotate import annotate_cli
from scripts.annotation import databases, local_engine, queries
from scripts.annotation.databases import Database, parse_url, shown
from scripts.annotation.options import TABLE_FORMATS, AnnotateOptions, TableOptions
from scripts.annotation.parts import CHANGED, SAME_ID
from scripts.annotation.tables import TABLES, MentionTable
from scripts.benchmarks.postgresql import PASSWORD, USER, Server, find_programs
from scripts.errors import ProjectError
from scripts.formats import csv_tsv, omop
from scripts.formats.reading import ReadOptions
from tests.annotation.pipelines import SECRET, make_pipeline

QUERY = "select note_id, note_text, ward from note"
READING = ReadOptions("note_text", "note_id")
NOTES = [(number, f"aspirin for gout, {'gout ' * (number % 3)}day {number}", "B2") for number in range(1, 41)]
PROGRAMS = find_programs()
# How it is made, for tests that change it.
NOTE_NLP = str(sa.schema.CreateTable(TABLES["omop"])).replace("DATETIME", "TIMESTAMP")


@pytest.fixture(autouse=True)
def same_date(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767323045")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    for name, components in {"plain": [], "fail": ["annotate_tests_fail"], "slow": ["annotate_tests_delay"]}.items():
        make_pipeline(*components).to_disk(folder / name)
    return folder


@pytest.fixture(autouse=True)
def loaded(models, monkeypatch):
    """Load each pipeline once."""
    known = {}

    def load(model):
        return known[model] if model in known else known.setdefault(model, original(model))

    original = local_engine.load_pipeline
    monkeypatch.setattr(local_engine, "load_pipeline", load)


@pytest.fixture
def model(models):
    return str(models / "plain")


@pytest.fixture(scope="module")
def server():
    if PROGRAMS is None:
        pytest.skip("needs initdb and pg_ctl of Debian's package postgresql")
    started = Server(PROGRAMS)
    yield started
    started.remove()


@pytest.fixture(params=["sqlite", "duckdb", "postgresql"])
def url(request, tmp_path):
    """The URL of a database with the table note, and of PostgreSQL one without any other table."""
    if request.param == "postgresql":
        return fill_server(request.getfixturevalue("server"))
    url = f"{request.param}:///{tmp_path}/notes.db"
    make_notes(url, NOTES)
    return url


def fill_server(server, notes=NOTES):
    run_sql(server.url(), "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    make_notes(server.url(), notes)
    return server.url()


def engine_of(url):
    """Return an engine for what tests do besides; not the one of the project, which they test."""
    return sa.create_engine(url, poolclass=sa.NullPool)


def run_sql(url, *statements):
    with engine_of(url).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def make_notes(url, notes):
    """Make the table note with notes."""
    table = sa.Table(
        "note",
        sa.MetaData(),
        *(sa.Column("note_id", sa.BigInteger, autoincrement=False), sa.Column("note_text", sa.Text)),
        sa.Column("ward", sa.Text),
    )
    with engine_of(url).begin() as connection:
        table.create(connection)
        add_notes(connection, notes)


def add_notes(connection, notes):
    insert = sa.text("insert into note (note_id, note_text, ward) values (:id, :text, :ward)")
    connection.execute(insert, [{"id": number, "text": text, "ward": ward} for number, text, ward in notes])


def read(url, query):
    with engine_of(url).connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query).all()]


FIELDS = 'note_nlp_id, note_id, "offset", lexical_variant, nlp_system, nlp_date, term_exists'
ROWS = f"select {FIELDS} from note_nlp order by 1"


def mentions(url):
    """Return the table of mentions, from its number on."""
    return [(number, note, int(start), text) for number, note, start, text, *_ in read(url, ROWS)]


def expected_mentions(notes=NOTES):
    """Return the mentions of notes by looking for the words."""
    words = [
        (note, start, word)
        for note, text, _ in notes
        for start, word in sorted(
            (place, word) for word in ("aspirin", "gout") for place in range(len(text)) if text[place:].startswith(word)
        )
    ]
    return [(number, *word) for number, word in enumerate(words, start=1)]


def annotate(model, url, folder, *, to=None, table="note_nlp", query=QUERY, reading=READING, **options):
    """Annotate the notes of a database; to the same one, as rows of OMOP, if nothing else is given."""
    options = {"format": "omop", "part_size": 7, "to": TableOptions(to or url, table), **options}
    return command.annotate(model, [url], folder, AnnotateOptions(query=query, reading=reading, **options))


def rejected(folder):
    return [json.loads(line) for line in (folder / "rejected.jsonl").read_text().splitlines()]


def contents(folder):
    """Return all that a run wrote into its folder."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    return {path.name: path.read_text() for path in files}


def test_rows_of_a_table_have_the_columns_of_the_format():
    assert TABLES["omop"].columns.keys() == list(omop.COLUMNS)
    assert set(TABLES["csv"].columns.keys()) == {"mention_id", *csv_tsv.COLUMNS}
    assert set(TABLES) == set(TABLE_FORMATS)


@pytest.mark.parametrize("processes", [1, 2])
def test_from_a_query_to_a_table_of_the_same_database(tmp_path, model, url, processes):
    summary = annotate(model, url, tmp_path / "run", processes=processes, batch_size=4)
    assert (summary.notes, summary.rejected, summary.before) == (40, 0, 0)
    assert mentions(url) == expected_mentions()
    *_, system, day, exists = read(url, ROWS)[0]
    assert (system, str(day), exists) == ("en_pipeline 0.0.0", "2026-01-02", "Y")
    parts = read(url, "select part, first_row, last_row from note_nlp_parts order by part")
    assert [part for part, *_ in parts] == list(range(6))
    assert [first for _, first, _ in parts[1:]] == [last + 1 for *_, last in parts[:-1]]
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert [part["notes"] for part in manifest["parts"]] == [7, 7, 7, 7, 7, 5]
    assert manifest["inputs"] == {shown(parse_url(url)): {"query": QUERY}}
    assert set(contents(tmp_path / "run")) == {"manifest.json", "rejected.jsonl"}


def test_to_files_and_from_files(tmp_path, model, url):
    options = AnnotateOptions(query=QUERY, reading=READING, part_size=30)
    command.annotate(model, [url], tmp_path / "files", options)
    rows = [json.loads(line) for path in sorted((tmp_path / "files" / "parts").iterdir()) for line in path.open()]
    assert [(row["id"], row["text"], row["columns"]) for row in rows] == [
        (str(number), text, {"ward": ward}) for number, text, ward in NOTES
    ]
    options = AnnotateOptions(format="csv", to=TableOptions(url, "mentions"), part_size=30)
    command.annotate(model, [str(tmp_path / "files" / "parts")], tmp_path / "again", options)
    found = read(url, 'select mention_id, id, "start", text from mentions order by 1')
    assert [(number, int(note), start, text) for number, note, start, text in found] == expected_mentions()


def test_a_run_goes_on_without_its_folder_and_with_new_notes(tmp_path, model, url):
    annotate(model, url, tmp_path / "first")
    again = annotate(model, url, tmp_path / "second", processes=2, part_size=100)
    assert (again.notes, again.before) == (40, 40)
    more = [(number, "more gout", "B3") for number in range(41, 60)]
    with engine_of(url).begin() as connection:
        add_notes(connection, more)
    summary = annotate(model, url, tmp_path / "first")
    assert (summary.notes, summary.before) == (59, 40)
    assert mentions(url) == expected_mentions([*NOTES, *more])


@pytest.mark.parametrize(
    "change",
    [
        "update note set note_text = 'other' where note_id = 3",
        "delete from note where note_id = 3",
        "delete from note where note_id > 7",
    ],
)
@pytest.mark.parametrize("to_table", [True, False])
def test_notes_of_finished_parts_that_have_changed_stop_the_run(tmp_path, model, url, change, to_table):
    options = {} if to_table else {"to": None, "format": "jsonl"}

    def run(**more):
        given = {"format": "omop", "part_size": 7, "to": TableOptions(url, "note_nlp"), **options, **more}
        return command.annotate(model, [url], tmp_path / "run", AnnotateOptions(query=QUERY, reading=READING, **given))

    run()
    run_sql(url, change)
    with pytest.raises(ProjectError, match=CHANGED):
        run()
    summary = run(overwrite=True)
    assert summary.before == 0
    if to_table:
        assert mentions(url) == expected_mentions(read(url, f"{QUERY} order by 1"))


def test_other_runs_write_to_the_same_table(tmp_path, model, url):
    annotate(model, url, tmp_path / "one", query=f"{QUERY} where note_id <= 20")
    annotate(model, url, tmp_path / "two", query=f"{QUERY} where note_id > 20; ")
    assert mentions(url) == expected_mentions()
    annotate(model, url, tmp_path / "one", query=f"{QUERY} where note_id <= 20", overwrite=True)
    assert sorted(row[1:] for row in mentions(url)) == sorted(row[1:] for row in expected_mentions())
    assert len({number for number, *_ in mentions(url)}) == len(expected_mentions())


def test_starting_over_removes_the_mentions_of_the_run_before(tmp_path, models, url):
    annotate(str(models / "plain"), url, tmp_path / "run")
    annotate(str(models / "plain"), url, tmp_path / "run", labels=("Disease",), overwrite=True)
    assert {text for *_, text in mentions(url)} == {"gout"}
    annotate(str(models / "plain"), url, tmp_path / "run", overwrite=True)
    assert mentions(url) == expected_mentions()


def test_two_notes_with_one_id_and_notes_without_a_text(tmp_path, model, url):
    with engine_of(url).begin() as connection:
        add_notes(connection, [(7, f"{SECRET} gout", "B2"), (50, None, "B2"), (None, "gout", "B2")])
    summary = annotate(model, url, tmp_path / "run")
    assert (summary.notes, summary.rejected) == (40, 3)
    reasons = {note["id"]: note["reason"] for note in rejected(tmp_path / "run")}
    assert reasons.pop("7") == SAME_ID
    assert reasons.pop("50") == "the text is null, not a string"
    ((name, reason),) = reasons.items()
    assert name.startswith("query:")
    assert reason.startswith("note_id must be an integer")
    again = annotate(model, url, tmp_path / "run")
    assert (again.before, len(rejected(tmp_path / "run"))) == (43, 3)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"query": "select * from nosuch"}, "nosuch.*Check the names"),
        ({"query": "select nosuch from note"}, "nosuch.*Check the names"),
        ({"query": "select note_id, ward from note"}, "no column 'note_text'. It has note_id, ward. .*--text"),
        ({"query": "select note_text, ward from note"}, "result has no column 'note_id'.*--id-column"),
        ({"query": "delete from note"}, "The query writes"),
        ({"query": " Update note set ward = 'x'"}, "The query writes"),
        ({"query": "select note_id, note_text, ward from note; drop table note"}, "near|error|expected"),
        ({"table": "note"}, "The table note has no column 'note_nlp_id'"),
    ],
)
def test_a_mistake_is_named_and_nothing_is_written(tmp_path, model, url, change, why):
    with pytest.raises(ProjectError, match=why) as raised:
        annotate(model, url, tmp_path / "run", **change)
    assert "aspirin" not in str(raised.value)
    assert not (tmp_path / "run").exists()
    assert len(read(url, QUERY)) == 40


def test_a_query_may_have_colons_percent_signs_and_a_comment(tmp_path, model, url):
    query = f"{QUERY} where note_text like '%day 1%' and note_text <> ' :name %(a)s {{x}}' -- all: 50%"
    assert annotate(model, url, tmp_path / "run", query=query).notes == 11


def test_a_value_too_long_for_its_column_rejects_its_note_alone(tmp_path, model, url):
    if url.startswith("duckdb"):
        pytest.skip("DuckDB's columns have no length")
    run_sql(url, NOTE_NLP.replace("snippet VARCHAR(250)", "snippet VARCHAR(40)"))
    long = (3, f"{SECRET} gout {'and so on ' * 10}", "B2")
    run_sql(url, "delete from note where note_id = 3")
    with engine_of(url).begin() as connection:
        add_notes(connection, [long])
    summary = annotate(model, url, tmp_path / "run")
    assert (summary.notes, summary.rejected) == (39, 1)
    why = "its snippet has 112 characters, and the table holds 40"
    assert rejected(tmp_path / "run") == [{"id": "3", "reason": why}]
    assert mentions(url) == expected_mentions([note for note in NOTES if note[0] != 3])


def test_values_have_the_types_of_the_columns(tmp_path, server):
    url = fill_server(server)
    changed = NOTE_NLP.replace("term_modifiers VARCHAR(2000)", "term_modifiers JSON").replace("BIGINT", "INTEGER")
    run_sql(url, changed.replace("nlp_date DATE NOT NULL", "nlp_date TIMESTAMP NOT NULL"))
    table = MentionTable(TableOptions(url, "note_nlp"), "omop")
    values = dict.fromkeys(omop.COLUMNS, "") | {"note_id": "7", "nlp_date": "2026-01-02", "term_modifiers": "{}"}
    row = table.row(values)
    assert row["note_id"] == 7
    assert (row["nlp_date"], row["term_modifiers"]) == (datetime(2026, 1, 2), "{}")
    assert (row["snippet"], row["lexical_variant"]) == (None, "")
    for name, value, why in (
        ("note_id", "seven", "has not the type"),
        ("note_id", "", "is empty, and must not be"),
        ("note_id", -(2**31), "is above"),
        ("nlp_date", "yesterday", "has not the type"),
        ("snippet", "a\0b", "character U\\+0000"),
    ):
        with pytest.raises(ProjectError, match=f"its {name} {why}" if "U" not in why else why):
            table.row({**values, name: value})


def test_a_table_that_refuses_rows_is_a_message_without_text_and_no_half_part(tmp_path, model, url):
    run_sql(url, NOTE_NLP.replace("\n)", ", \n\tCHECK (note_id <> 10)\n)"))
    with pytest.raises(ProjectError) as raised:
        annotate(model, url, tmp_path / "run")
    assert "aspirin" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__
    assert len({note for _, note, *_ in mentions(url)}) == 7
    assert read(url, "select part from note_nlp_parts") == [(0,)]
    assert contents(tmp_path / "run")["manifest.json"].count('"first_row"') == 1
    run_sql(url, "update note set note_id = 100 where note_id = 10")
    annotate(model, url, tmp_path / "run")
    assert sorted({note for _, note, *_ in mentions(url)}) == [*range(1, 10), *range(11, 41), 100]


def test_what_the_command_says(tmp_path, model, url):
    arguments = [model, url, tmp_path / "run", "--query", QUERY, "--id-column", "note_id", "--text-column", "note_text"]
    done = invoke(*arguments, "--to", url, "--table", "note_nlp")
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "in 40 notes are in the table note_nlp" in said
    assert PASSWORD not in said


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["sqlite:///n.db", "run"], "An input is a database, and there is no query"),
        (["notes.jsonl", "run", "--query", QUERY], "--query needs one database as input"),
        (["sqlite:///n.db", "notes.jsonl", "run", "--query", QUERY], "can't be read together"),
        (["sqlite:///n.db", "run", "--query", QUERY], "There is no database file n.db"),
        (["mysql://u:secret@h/d", "run", "--query", QUERY], "--query needs one database"),
        (["sqlite://", "run", "--query", QUERY], "names no file"),
        (["notes.jsonl", "postgresql://u:secret@h/d"], "The argument OUTPUT is a database"),
        (["notes.jsonl", "run", "--table", "x"], "--table needs the database"),
        (["notes.jsonl", "run", "--to", "sqlite:///n.db"], "--to needs a --table"),
        (["notes.jsonl", "run", "--to", "n.db", "--table", "x"], "--to is not the URL of a database"),
        (["notes.jsonl", "run", "--to", "sqlite:///n.db", "--table", "x", "--format", "brat"], "can't be written to a"),
        (["notes.jsonl", "run", "--to", "postgresql://u:se@cret@h/d", "--table", "x"], "more than one @"),
        (["postgresql://u:secret@h:port/d", "run", "--query", QUERY], "can't be read"),
        (["sqlite:///n.db", "run", "--query", QUERY, "--engine", "ray"], "--engine ray can't read"),
        (["n.jsonl", "run", "--to", "sqlite:///n.db", "--table", "x", "--engine", "ray"], "--engine ray can't read"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, model, monkeypatch, arguments, why):
    monkeypatch.chdir(tmp_path)
    Path("notes.jsonl").write_text('{"id": "1", "text": "gout"}\n')
    done = invoke(model, *arguments)
    said = " ".join(done.output.split())
    assert done.exit_code == 1, done.output
    assert why in said
    assert "secret" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["notes.jsonl"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("postgresql://u:secret@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql+psycopg://u@h/d?sslmode=require&password=secret", "postgresql+psycopg://u@h/d?sslmode=require"),
        ("sqlite:///a@b.db", "sqlite:///a@b.db"),
        ("duckdb:////tmp/a.duckdb", "duckdb:////tmp/a.duckdb"),
    ],
)
def test_urls_are_shown_without_a_password(given, expected):
    assert shown(parse_url(given)) == expected
    assert "secret" not in repr(TableOptions(given, "x"))
    assert "secret" not in str(AnnotateOptions(format="omop", to=TableOptions(given, "x")).as_manifest())


def test_errors_of_drivers_show_no_secret():
    url = "postgresql+psycopg://user:first@host/notes?sslpassword=second&password=first-and-third&sslmode=require"
    said = 'could not connect with "first", "second" or "first-and-third" to "host"'
    error = sa.exc.OperationalError("select 1", {}, psycopg.OperationalError(said))
    database = Database(url)
    problem = database.problem(error)
    assert problem.title.endswith('could not connect with "***", "***" or "***" to "host"')
    assert database.name == "postgresql+psycopg://user@host/notes?sslmode=require"


def test_texts_that_are_not_utf8_are_rejected_alone(tmp_path, model):
    url = f"sqlite:///{tmp_path}/notes.db"
    make_notes(url, NOTES)
    run_sql(url, "update note set note_text = cast(x'676f757420fc' as text) where note_id = 5")
    assert annotate(model, url, tmp_path / "run").rejected == 1
    assert rejected(tmp_path / "run") == [{"id": "5", "reason": "the text is bytes that are not UTF-8"}]
    reading = ReadOptions("note_text", "note_id", "cp1252")
    assert annotate(model, url, tmp_path / "other", table="other", reading=reading).rejected == 0


def test_a_database_that_cannot_be_written_is_named(tmp_path, model, url, request):
    if url.startswith("duckdb"):
        pytest.skip("its files have no such mode")
    read_only = f"{url.replace('sqlite:///', 'sqlite:///file:')}?mode=ro&uri=true"
    if url.startswith("postgresql"):
        read_only = f"{url}?options=-c%20default_transaction_read_only%3Don"
    with pytest.raises(ProjectError, match=r"read-?only.*that you may write"):
        annotate(model, url, tmp_path / "run", to=read_only)
    assert not (tmp_path / "run").exists()


def test_a_full_disk_is_a_message_and_the_run_goes_on(tmp_path, model, monkeypatch):
    url, to = f"sqlite:///{tmp_path}/notes.db", f"sqlite:///{tmp_path}/mentions.db"
    make_notes(url, NOTES)
    with monkeypatch.context() as patched:
        # As SQLite has it when the disk is full; the limit is the connection's.
        original = databases.set_up_sqlite

        def set_up(engine, **options):
            original(engine, **options)
            sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 7"))

        patched.setattr(databases, "set_up_sqlite", set_up)
        with pytest.raises(ProjectError, match=r"database or disk is full\. Make room"):
            annotate(model, url, tmp_path / "run", to=to)
    assert len(read(to, "select * from note_nlp_parts")) < 6
    annotate(model, url, tmp_path / "run", to=to)
    assert mentions(to) == expected_mentions()


def run_where_files_stay_small(model, url, folder, to):
    """Annotate where no file can grow beyond a limit, and expect what the message says of it."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    with pytest.raises(ProjectError, match=r"Could not write file.*Make room"):
        annotate(model, url, folder, to=to, table="mention", format="csv")


def test_a_full_disk_under_duckdb_is_a_message_and_the_run_goes_on(tmp_path, model):
    url, to = f"sqlite:///{tmp_path}/notes.db", f"duckdb:///{tmp_path}/mentions.db"
    # Each mention has the columns of its note, so that a part takes a quarter of a megabyte.
    notes = [(number, "gout", os.urandom(20_000).hex()) for number, *_ in NOTES]
    make_notes(url, notes)
    local_engine.load_pipeline(model)
    assert in_child(run_where_files_stay_small, model, url, tmp_path / "run", to) == 0
    assert 0 < len(read(to, "select part from mention_parts")) < 6
    annotate(model, url, tmp_path / "run", to=to, table="mention", format="csv")
    expected = [(number, str(number)) for number, *_ in NOTES]
    assert read(to, "select mention_id, id from mention order by 1") == expected


def test_a_locked_database_is_named(tmp_path, model, monkeypatch):
    url = f"sqlite:///{tmp_path}/notes.db"
    make_notes(url, NOTES)
    monkeypatch.setattr(databases, "LOCK_SECONDS", 0.1)
    with engine_of(url).connect() as connection:
        connection.exec_driver_sql("BEGIN EXCLUSIVE")
        with pytest.raises(ProjectError, match=r"is locked\. Another program uses it"):
            annotate(model, url, tmp_path / "run")


def test_without_sqlalchemy_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    monkeypatch.delitem(sys.modules, "scripts.annotation.databases")
    with pytest.raises(ProjectError, match=r"pip install -r requirements-sql.txt -c constraints.txt"):
        import_module("scripts.annotation.databases")


def invoke(*arguments):
    app = typer.Typer()
    app.command()(annotate_cli)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


# Killed


def in_child(function, *arguments, wait=None):
    """Run a function in a process of its own, kill that once `wait` returns, and return how it ended.

    It is a fork, which starts at once: it has everything imported, and the pipelines that are loaded.
    """
    child = multiprocessing.get_context("fork").Process(target=function, args=arguments)
    child.start()
    if wait is not None:
        wait(child)
        child.kill()
    child.join()
    return child.exitcode


def run_until_event(events, model, url, folder):
    """Annotate, and be killed at the n-th statement, commit or file that is opened for writing or moved."""
    left = events

    def kill(*_):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def kill_at_file(event, arguments):
        if event in ("open", "os.rename") and str(folder) in str(arguments[0]):
            kill()

    def start_to_count(*arguments, **options):
        if not started:
            started.append(True)
            sys.addaudithook(kill_at_file)
            for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
                sa.event.listen(sa.Engine, name, kill)
        write_part(*arguments, **options)

    # What comes before changes nothing.
    started, write_part = [], local_engine.write_part
    local_engine.write_part = start_to_count
    annotate(model, url, folder, part_size=20)


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_killed_at_each_step_there_is_no_gap_and_no_double(tmp_path, model, kind):
    expected, code, events = None, None, 1
    local_engine.load_pipeline(model)
    while code != 0:
        url = f"{kind}:///{tmp_path}/notes{events}.db"
        make_notes(url, NOTES)
        code = in_child(run_until_event, events, model, url, tmp_path / f"run{events}")
        assert code in (0, -signal.SIGKILL)
        annotate(model, url, tmp_path / f"run{events}", part_size=20)
        found = (mentions(url), read(url, "select part, first_row, last_row from note_nlp_parts order by 1"))
        expected = expected or found
        assert found == expected, f"killed at step {events}"
        # Steps of five meet each kind of event in one part or another.
        events += 5
    assert expected[0] == expected_mentions()
    assert events > 20


def run_slowly(model, url, folder):
    annotate(model, url, folder, processes=2, part_size=25, batch_size=8)


MANY = [(number, f"aspirin {'gout ' * (number % 4)}", "B2") for number in range(1, 401)]


def test_killed_at_random_moments_there_is_no_gap_and_no_double(tmp_path, models, server):
    url, slow = fill_server(server, MANY), str(models / "slow")
    moments, kills = random.Random(0), 0
    local_engine.load_pipeline(slow)
    # By parts, and not by seconds: however slow the machine is, it happens in the midst of the work.
    for wanted in (0, 1, 4, 7, 10):

        def wait(child, wanted=wanted):
            while child.is_alive() and count_parts(url) < wanted:
                time.sleep(0.01)
            time.sleep(moments.uniform(0, 0.1))

        kills += in_child(run_slowly, slow, url, tmp_path / "run", wait=wait) == -signal.SIGKILL
    assert kills >= 3
    run_slowly(slow, url, tmp_path / "run")
    assert mentions(url) == expected_mentions(MANY)
    assert read(url, "select part from note_nlp_parts order by 1") == [(part,) for part in range(16)]


def test_a_server_that_is_stopped_and_started_again_makes_no_difference(tmp_path, models, server):
    url = fill_server(server, MANY)
    failed = []

    def run():
        try:
            annotate(str(models / "slow"), url, tmp_path / "run", part_size=25)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    for wanted in (2, 6):
        while thread.is_alive() and count_parts(url) < wanted:
            time.sleep(0.02)
        assert thread.is_alive()
        server.stop()
        time.sleep(1)
        server.start()
    thread.join()
    assert not failed
    assert mentions(url) == expected_mentions(MANY)


def test_a_server_that_ends_idle_transactions_makes_no_difference(tmp_path, models, server):
    url = fill_server(server, MANY)
    idle = f"{url}?options=-c%20idle_in_transaction_session_timeout%3D100"
    annotate(str(models / "slow"), idle, tmp_path / "run", part_size=200)
    assert mentions(url) == expected_mentions(MANY)
    assert "idle-in-transaction timeout" in (server.folder / "log").read_text()


def count_parts(url):
    found = read(url, "select count(*) from pg_tables where tablename = 'note_nlp_parts'")
    return read(url, "select count(*) from note_nlp_parts")[0][0] if found == [(1,)] else 0


def test_a_server_that_does_not_come_back_is_named_and_the_run_goes_on(tmp_path, models, server, monkeypatch):
    url = fill_server(server, MANY)
    monkeypatch.setattr(databases.Database.transact, "__kwdefaults__", {"waits": (0.1, 0.1)})
    monkeypatch.setattr(queries, "WAITS", (0.1, 0.1))
    write = local_engine.write_part

    def stop_and_write(run, *arguments, **options):
        if len(run.parts) == 3:
            server.stop()
        write(run, *arguments, **options)

    monkeypatch.setattr(local_engine, "write_part", stop_and_write)
    try:
        with pytest.raises(ProjectError, match=r"postgresql\+psycopg://annotator@127.0.0.1:.*refused") as raised:
            annotate(str(models / "plain"), url, tmp_path / "run", part_size=50)
    finally:
        server.start()
    assert PASSWORD not in str(raised.value)
    monkeypatch.setattr(local_engine, "write_part", write)
    assert annotate(str(models / "plain"), url, tmp_path / "run", part_size=50).before == 150
    assert mentions(url) == expected_mentions(MANY)


def test_a_commit_whose_answer_is_lost_is_not_done_twice(tmp_path, model, url, monkeypatch):
    lost, original = [], Database.connected

    @contextmanager
    def connected(self):
        with original(self) as connection:
            yield connection
        # The first transaction makes the tables, the second one looks for finished parts.
        if not self.read_only:
            lost.append(len(lost) in (2, 4))
            if lost[-1]:
                raise sa.exc.OperationalError("commit", {}, psycopg.OperationalError("the connection was lost"))

    monkeypatch.setattr(Database, "connected", connected)
    monkeypatch.setattr(databases.Database.transact, "__kwdefaults__", {"waits": (0,)})
    annotate(model, url, tmp_path / "run")
    assert (sum(lost), len(lost)) == (2, 2 + 6 + 2)
    assert mentions(url) == expected_mentions()


# PostgreSQL's own


def test_passwords_are_nowhere(tmp_path, model, server, monkeypatch, caplog, capfd):
    fill_server(server)
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "sqlalchemy")
    monkeypatch.delenv("PGPASSWORD")
    url = server.url(password="pass%3Aword%2Fwith%2540")
    assert sa.make_url(url).password == PASSWORD
    annotate(model, url, tmp_path / "run")
    said = {**contents(tmp_path / "run"), "log": caplog.text, "output": "".join(capfd.readouterr())}
    assert "SELECT" in said["log"]
    assert "aspirin" not in said["log"]
    assert mentions(url) == expected_mentions()
    said["table"] = str(read(server.url(password="pass%3Aword%2Fwith%2540"), "select * from note_nlp_parts"))
    assert not [name for name, text in said.items() if "with%" in text or "%2540" in text]
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "passfile"))
    (tmp_path / "passfile").write_text(f"127.0.0.1:*:*:{USER}:{PASSWORD.replace(':', chr(92) + ':')}\n")
    (tmp_path / "passfile").chmod(0o600)
    assert annotate(model, server.url(), tmp_path / "run").before == 40
    wrong = server.url(password="wrongsecret")
    arguments = [model, wrong, tmp_path / "no", "--query", QUERY, "--to", wrong, "--table", "note_nlp"]
    done = invoke(*arguments)
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert "password authentication failed" in said
    assert "wrongsecret" not in said
    assert "PGPASSFILE" in said


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("with gone as (delete from note returning *) select * from gone", "data-modifying.*must be at the top level"),
        ("select note_id, note_text, ward, note_id from note", "two columns 'note_id'"),
        ("select note_id, note_text, ward, nextval('counter') from note", "in a read-only transaction.*Notes are only"),
    ],
)
def test_a_query_that_writes_by_the_way_or_has_a_column_twice_is_refused(tmp_path, model, server, query, why):
    url = fill_server(server)
    run_sql(url, "create sequence counter")
    with pytest.raises(ProjectError, match=why):
        annotate(model, url, tmp_path / "run", query=query)
    assert len(read(url, QUERY)) == 40
    assert read(url, "select is_called from counter") == [(False,)]


def test_the_disk_of_the_server_is_full(tmp_path, model, server):
    url = fill_server(server)
    annotate(model, url, tmp_path / "first", query=f"{QUERY} where note_id < 3")
    body = "begin if new.note_id = 20 then raise exception using errcode = '53100', message = 'could not extend file';"
    run_sql(
        url,
        "delete from note_nlp",
        "delete from note_nlp_parts",
        f"create function refuse() returns trigger language plpgsql as $$ {body} end if; return new; end $$",
        "create trigger refuse before insert on note_nlp for each row execute function refuse()",
    )
    with pytest.raises(ProjectError, match=r"could not extend file\. Make room"):
        annotate(model, url, tmp_path / "run")
    assert {note for _, note, *_ in mentions(url)} == set(range(1, 15))
    run_sql(url, "drop trigger refuse on note_nlp")
    annotate(model, url, tmp_path / "run")
    assert mentions(url) == expected_mentions()


def test_the_official_table_in_a_schema_holds_what_fits(tmp_path, model, server):
    url = fill_server(server)
    run_sql(url, "drop schema if exists cdm cascade", "create schema cdm")
    run_sql(url, NOTE_NLP.replace("CREATE TABLE note_nlp", "CREATE TABLE cdm.note_nlp").replace("BIGINT", "INTEGER"))
    with engine_of(url).begin() as connection:
        add_notes(connection, [(2**31, "gout", "B2")])
    annotate(model, url, tmp_path / "run", table="cdm.note_nlp")
    assert rejected(tmp_path / "run") == [
        {"id": str(2**31), "reason": "its note_id is above 2147483647, the highest that the table holds"}
    ]
    assert read(url, "select count(*) from cdm.note_nlp") == [(len(expected_mentions()),)]
    with pytest.raises(ProjectError, match=r'schema "nosuch" does not exist'):
        annotate(model, url, tmp_path / "other", table="nosuch.note_nlp")


def test_the_command_of_the_page_about_omop(tmp_path, model, server):
    url = fill_server(server)
    run_sql(url, "drop schema if exists cdm cascade", "create schema cdm", "alter table note set schema cdm")
    run_sql(url, NOTE_NLP.replace("CREATE TABLE note_nlp", "CREATE TABLE cdm.note_nlp"))
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "omop.md").read_text()
    command = page[page.index("python -m scripts.annotate training/") : page.index("\n# 5.")].replace("\\\n", "")
    _, _, _, _, source, _, *options = shlex.split(command)
    assert options[options.index("--to") + 1] == source
    done = invoke(model, url, tmp_path / "run", *[url if option == source else option for option in options])
    assert done.exit_code == 0, done.output
    # The fifth command counts.
    counted = re.search(r'psql cdm -c "(.+)"', page)[1]
    assert read(url, counted) == [(len(expected_mentions()), 40)]


def test_a_long_result_is_not_read_at_once(server):
    url = fill_server(server)
    notes = queries.QueryInput(
        url, "select n as note_id, 'x' as note_text from generate_series(1, 999) n", READING
    ).notes()
    assert next(notes).id == "1"
    activity = read(url, "select query, state from pg_stat_activity where application_name = 'annotate'")
    assert [(query.split(" FROM ")[0], state) for query, state in activity] == [
        ("FETCH FORWARD 64", "idle in transaction")
    ]
    assert len(list(notes)) == 998
    assert read(url, "select count(*) from pg_stat_activity where application_name = 'annotate'") == [(0,)]
