"""Mentions in the table of a database: each part is one transaction, which also records that the part is finished.

In: the notes of a part, prepared for a format that is a table. Out: rows, and a row in the table of finished parts.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, cast

import pyarrow as pa
import sqlalchemy as sa

from scripts.annotation.databases import Database, is_same_file
from scripts.annotation.manifest import Run, dump_rejected
from scripts.annotation.options import TableOptions
from scripts.annotation.outcomes import Prepared
from scripts.errors import ProjectError
from scripts.files import moved_into_place
from scripts.formats.writing import Writer
from scripts.records.notes import Rejected

# The tables by the format of their rows, with the number of a mention first. As in the official DDL, except for the
# ids: those of 64 bits fit.
NOTE_NLP = sa.Table(
    "note_nlp",
    sa.MetaData(),
    sa.Column("note_nlp_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("note_id", sa.BigInteger, nullable=False),
    sa.Column("section_concept_id", sa.Integer),
    sa.Column("snippet", sa.String(250)),
    sa.Column("offset", sa.String(50)),
    sa.Column("lexical_variant", sa.String(250), nullable=False),
    sa.Column("note_nlp_concept_id", sa.Integer),
    sa.Column("note_nlp_source_concept_id", sa.Integer),
    sa.Column("nlp_system", sa.String(250)),
    sa.Column("nlp_date", sa.Date, nullable=False),
    sa.Column("nlp_datetime", sa.DateTime),
    sa.Column("term_exists", sa.String(1)),
    sa.Column("term_temporal", sa.String(50)),
    sa.Column("term_modifiers", sa.String(2000)),
)
MENTIONS = sa.Table(
    "mention",
    sa.MetaData(),
    sa.Column("mention_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("confidence", sa.Float(53)),
    sa.Column("kb_id", sa.Text),
    sa.Column("attributes", sa.Text),
    sa.Column("columns", sa.Text),
)
TABLES = {"omop": NOTE_NLP, "csv": MENTIONS}
# The highest number in a column of integers, where the database does not take more.
HIGHEST = {"SMALLINT": 2**15 - 1, "INTEGER": 2**31 - 1, "BIGINT": 2**63 - 1}
# Options that decide how a run works, and not what it finds: with others, a run whose folder was lost still goes on.
HOW = {"to", "threads", "processes", "gpu_id", "batch_size", "part_size"}

# What the table of parts records about a part, and the manifest does not.
ONLY_IN_TABLE = ("begun", "rejected_notes")


class MentionTable:
    """A table for mentions, and beside it "<table>_parts", which has a row for each finished part. Both are made if
    they are not there.

    options (TableOptions): the database and the table.
    format (str): the format of the rows, one of `TABLES`.
    source (str): the database that is read at the same time, "" if none is.
    RAISES (ProjectError): the database can't be written, or the table has other columns.
    """

    def __init__(self, options: TableOptions, format: str, *, source: str = ""):
        self.database = Database(options.url, is_shared=bool(source) and is_same_file(options.url, source))
        self.format = format
        self.schema, _, self.name = options.table.rpartition(".")
        self.database.transact(self.open, waits=())

    def open(self, connection: sa.Connection) -> None:
        """Find the table and its columns, or make it."""
        schema, found = self.schema or None, sa.inspect(connection)
        self.parts = parts_table(f"{self.name}_parts", schema)
        expected = TABLES[self.format]
        self.number = next(iter(expected.columns)).name
        if found.has_table(self.name, schema=schema):
            self.table = sa.Table(self.name, sa.MetaData(), *self.found_columns(found), schema=schema)
        else:
            # The stubs don't know that None is the default schema.
            self.table = expected.to_metadata(sa.MetaData(), schema=cast(Any, schema), name=self.name)
            self.table.create(connection)
        self.cells = [
            Cell.of(column, self.database.kind) for column in self.table.columns if column.name != self.number
        ]
        if not found.has_table(self.parts.name, schema=schema):
            self.parts.create(connection)

    def found_columns(self, found: sa.Inspector) -> list[sa.Column[Any]]:
        """Return the columns of the table that are written.

        RAISES (ProjectError): it lacks one, or has another that must have a value.
        """
        columns = {column["name"]: column for column in found.get_columns(self.name, schema=self.schema or None)}
        expected = TABLES[self.format].columns.keys()
        hint = f"Rows of the format {self.format} have the columns {', '.join(expected)}. Give another --table."
        for name in expected:
            if name not in columns:
                raise ProjectError(f"The table {self.name} has no column '{name}'", hint)
        for name, column in columns.items():
            is_given = column["nullable"] or column.get("default") or column.get("identity") or column.get("computed")
            if name not in expected and not is_given:
                raise ProjectError(f"The table {self.name} has the column '{name}', which must have a value", hint)
        return [
            sa.Column(name, columns[name]["type"], nullable=columns[name]["nullable"], autoincrement=False)
            for name in expected
        ]

    def read_parts(self, run: str) -> list[dict[str, Any]]:
        """Return what is recorded about the finished parts of a run, in order."""
        wanted = sa.select(self.parts.c.content).where(self.parts.c.run == run).order_by(self.parts.c.part)
        found = self.database.transact(lambda connection: connection.execute(wanted).scalars().all())
        return [json.loads(content) for content in found]

    def add_part(self, run: str, part: int, rows: list[dict[str, Any]], content: dict[str, Any]) -> dict[str, Any]:
        """Write the rows of a part and record it, in one transaction.

        run (str): the run.
        part (int): the number of the part, from 0.
        rows (list[dict[str, Any]]): value by column, without the number.
        content (dict[str, Any]): what is recorded about it.
        RETURNS (dict[str, Any]): what is recorded about it. If it was finished before, because the connection was lost
            when that was committed, then nothing is written.
        RAISES (ProjectError): the database refuses it; nothing is written.
        """

        def work(connection: sa.Connection) -> dict[str, Any]:
            self.lock(connection)
            is_same = (self.parts.c.run == run) & (self.parts.c.part == part)
            # All rows are fetched of every result: DuckDB does nothing else on a connection before that.
            for known in connection.execute(sa.select(self.parts.c.content).where(is_same)).scalars().all():
                return json.loads(known)
            highest = sa.select(sa.func.coalesce(sa.func.max(self.table.c[self.number]), 0))
            first = connection.execute(highest).scalar_one() + 1
            last = first + len(rows) - 1
            self.insert(connection, [{self.number: number, **row} for number, row in enumerate(rows, start=first)])
            recorded = {"first_row": first if rows else None, "last_row": last if rows else None}
            done = {**recorded, **content}
            record = {"run": run, "part": part, **recorded, "content": json.dumps(done)}
            connection.execute(sa.insert(self.parts), record)
            return done

        return self.database.transact(work)

    def lock(self, connection: sa.Connection) -> None:
        """Let no other run number its rows at the same time. In SQLite and DuckDB there is one writer in any case."""
        if self.database.kind == "postgresql":
            name = f"{self.schema}.{self.parts.name}"
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(name))))

    def insert(self, connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
        """Insert rows, in bulk where a database is slow with single ones."""
        names = ", ".join(map(self.database.quote, self.table.columns.keys()))
        table = self.database.engine.dialect.identifier_preparer.format_table(self.table)
        if not rows:
            return
        if self.database.kind == "postgresql":
            copy_rows(connection, f"COPY {table} ({names}) FROM STDIN", map(dict.values, rows))
        elif self.database.kind == "duckdb":
            connection.exec_driver_sql("register", ("annotate_rows", pa.Table.from_pylist(rows)))
            connection.exec_driver_sql(f"INSERT INTO {table} ({names}) SELECT {names} FROM annotate_rows")
        else:
            connection.execute(sa.insert(self.table), rows)

    def remove_run(self, run: str) -> None:
        """Remove the rows and the parts of a run."""

        def work(connection: sa.Connection) -> None:
            chosen = sa.select(self.parts.c.first_row, self.parts.c.last_row).where(self.parts.c.run == run)
            for first, last in connection.execute(chosen).all():
                if first is not None:
                    connection.execute(sa.delete(self.table).where(self.table.c[self.number].between(first, last)))
            connection.execute(sa.delete(self.parts).where(self.parts.c.run == run))

        self.database.transact(work)

    def row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row of a format as the table has it.

        values (Mapping[str, Any]): value by column, without the number.
        RETURNS (dict[str, Any]): the same with the types of the columns; what is empty is null where it can be.
        RAISES (ProjectError): a column can't hold its value. The message does not quote it.
        """
        return {cell.name: cell.value(values[cell.name]) for cell in self.cells}


class Cell(NamedTuple):
    """What a column of a table can hold. It is asked for each value, and SQLAlchemy's types are slow.

    name (str): the column's name.
    is_nullable (bool): whether it may be empty.
    convert (Callable[[Any], Any]): converts a value to its type. It raises a ValueError if that can't be done.
    is_text (bool): whether it holds text.
    length (int | None): the number of characters that it holds.
    highest (int | None): the highest number that it holds.
    has_null_character (bool): whether its texts may have the character U+0000.
    """

    name: str
    is_nullable: bool
    convert: Callable[[Any], Any]
    is_text: bool
    length: int | None
    highest: int | None
    has_null_character: bool

    @classmethod
    def of(cls, column: sa.Column[Any], kind: str) -> "Cell":
        """Return what a column can hold in a kind of database."""
        return cls(
            name=column.name,
            is_nullable=bool(column.nullable),
            convert=converter(column, kind),
            is_text=python_type(column) is str,
            length=getattr(column.type, "length", None),
            # SQLite has one size of integers.
            highest=None if kind == "sqlite" else HIGHEST.get(str(column.type).upper()),
            has_null_character=kind != "postgresql",
        )

    def value(self, value: Any) -> Any:
        """Return a value as the column has it; see `MentionTable.row`."""
        if value is None or value == "":
            if not self.is_nullable and not (value == "" and self.is_text):
                raise ProjectError(f"its {self.name} is empty, and must not be in the table")
            return None if self.is_nullable else value
        try:
            value = self.convert(value)
        except ValueError:
            raise ProjectError(f"its {self.name} has not the type of the table's column") from None
        if isinstance(value, str):
            self.check_text(value)
        elif self.highest is not None and abs(value) > self.highest:
            raise ProjectError(f"its {self.name} is above {self.highest}, the highest that the table holds")
        return value

    def check_text(self, value: str) -> None:
        """Check that the column can hold a text.

        RAISES (ProjectError): it can't.
        """
        if self.length is not None and len(value) > self.length:
            raise ProjectError(f"its {self.name} has {len(value)} characters, and the table holds {self.length}")
        if not self.has_null_character and "\0" in value:
            raise ProjectError(f"its {self.name} has the character U+0000, which PostgreSQL can't hold")


def copy_rows(connection: sa.Connection, statement: str, rows: Iterable[Iterable[Any]]) -> None:
    """Copy rows to a table of PostgreSQL, many times faster than single inserts.

    connection (Connection): the connection.
    statement (str): the statement with the columns.
    rows (Iterable[Iterable[Any]]): the values, in their order.
    RAISES (DBAPIError): the database refuses them. SQLAlchemy wraps only errors of its own statements.
    """
    driver: Any = connection.connection.dbapi_connection
    dialect: Any = connection.dialect
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(list(row))
    except dialect.loaded_dbapi.Error as error:
        raise sa.exc.DBAPIError.instance(
            statement, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
        ) from None


def parts_table(name: str, schema: str | None) -> sa.Table:
    """Return the table of finished parts.

    name (str): its name.
    schema (str | None): the schema that it is in, None for the default one.
    RETURNS (Table): the table. "content" is what the manifest says about the part, as JSON.
    """
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("run", sa.String(64), primary_key=True),
        sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("first_row", sa.BigInteger),
        sa.Column("last_row", sa.BigInteger),
        sa.Column("content", sa.Text, nullable=False),
        schema=schema,
    )


def python_type(column: sa.Column[Any]) -> type | None:
    """Return the type of a column's values, None if SQLAlchemy knows none."""
    try:
        return column.type.python_type
    except NotImplementedError:
        return None


def converter(column: sa.Column[Any], kind: str) -> Callable[[Any], Any]:
    """Return what converts a value to the type of a column. What has no such type stays as it is.

    column (Column[Any]): the column.
    kind (str): the kind of database.
    RETURNS (Callable[[Any], Any]): the function; it raises a ValueError if a value can't be converted.
    """
    if isinstance(column.type, sa.JSON):
        # Only where SQLAlchemy inserts the rows, which makes JSON of it again.
        return json.loads if kind == "sqlite" else str
    type_ = python_type(column)
    if type_ is date:
        return lambda value: datetime.fromisoformat(value).date()
    if type_ is datetime:
        return datetime.fromisoformat
    return type_ if type_ in (str, int, float) else lambda value: value


class TableRun(Run):
    """A run whose parts are in a table. What the table of parts records decides; the folder has a copy of it.

    table (MentionTable): the table.
    """

    def __init__(self, folder: Path, content: dict[str, Any], table: MentionTable):
        super().__init__(folder, content)
        self.table = table
        self.key = run_key(content)

    def fit(self, prepared: Prepared) -> Prepared | Rejected:
        """Return a note with its rows as the table has them, or reject it if a value can't be held."""
        try:
            return prepared._replace(content=[self.table.row(row) for row in prepared.content])
        except ProjectError as error:
            return Rejected(prepared.id, error.title)

    def write_part(
        self, writer: Writer, prepared: Sequence[Prepared], rejected: Sequence[Rejected], figures: dict[str, Any]
    ) -> None:
        rows = list(chain.from_iterable(note.content for note in prepared))
        content = {"begun": self.content["begun"], **figures, "rejected_notes": rejected}
        self.copy_parts([*self.recorded, self.table.add_part(self.key, len(self.parts), rows, content)])

    def clear(self, before: dict[str, Any] | None) -> None:
        """Remove the rows of the run that was in the folder, and of one with the same model, inputs and options."""
        for content in filter(None, (before, self.content)):
            self.table.remove_run(run_key(content))

    def restore(self) -> None:
        """Make the folder agree with the table of parts."""
        recorded = self.table.read_parts(self.key)
        if len(recorded) != len(self.parts):
            self.content["finished"] = False
        if recorded:
            self.content["begun"] = recorded[0]["begun"]
        self.copy_parts(recorded)

    def copy_parts(self, recorded: list[dict[str, Any]]) -> None:
        """Write what the table of parts records into the folder."""
        self.recorded = recorded
        with moved_into_place(self.rejected_path) as partial:
            partial.write_bytes(b"".join(map(dump_rejected, rejected_notes(recorded))))
        self.content["parts"] = [
            {name: value for name, value in part.items() if name not in ONLY_IN_TABLE} for part in recorded
        ]
        self.save()


def rejected_notes(recorded: Sequence[Mapping[str, Any]]) -> Iterator[Rejected]:
    """Return the rejected notes of finished parts."""
    return (Rejected(*note) for part in recorded for note in part["rejected_notes"])


def run_key(content: Mapping[str, Any]) -> str:
    """Return what a run is known by in the table of parts: the hash of its model, its inputs and what it looks for."""
    options = {name: value for name, value in content["options"].items() if name not in HOW}
    identity = {"model": content["model"], "inputs": content["inputs"], "options": options}
    return sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
