"""Notes from a query: streamed by a server-side cursor in a read-only transaction, and read again from where they were
when the connection was lost.

In: the URL of a database and a query. Out: notes, in the order of their ids.
"""

import re
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from hashlib import blake2b
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from scripts.annotation.databases import WAITS, Database, is_passing
from scripts.annotation.parts import CHANGED, CHANGED_HINT, add_to_digest
from scripts.errors import ProjectError
from scripts.formats.reading import ReadOptions, Source, row_note
from scripts.records.notes import Note, Rejected
from scripts.retries import retry

NoteStream = Generator[Note | Rejected, None, None]
# A note may be megabytes: few at a time.
ROWS = 64
# Where a note without an id is from.
SOURCE = Source(Path("query"), "query", "query", ".sql", None)
WRITES = re.compile(r"(insert|update|delete|merge|create|drop|alter|truncate|copy|call|do|grant)\b", re.IGNORECASE)


class QueryInput:
    """The notes that a query finds.

    url (str): the URL of a database.
    query (str): the query.
    options (ReadOptions): the names of the columns, the encoding of texts that are bytes.
    RAISES (ProjectError): the database can't be read, the query can't be run, or its result lacks a column.
    """

    # Whether the notes of finished parts are compared with those of before: nothing else says if they have changed.
    is_compared = True

    def __init__(self, url: str, query: str, options: ReadOptions):
        self.database = Database(url, read_only=True)
        self.options = options
        self.query = query.strip().rstrip(";")
        if WRITES.match(self.query):
            raise ProjectError("The query writes, and notes are only read", "Give a query that starts with select.")
        self.check_columns(self.database.transact(self.columns, waits=()))

    def columns(self, connection: sa.Connection) -> list[str]:
        """Return the names of the columns of the result."""
        result = self.execute(connection, f"SELECT * FROM ({self.query}\n) AS notes LIMIT 0")
        names = list(result.keys())
        result.all()
        return names

    def check_columns(self, columns: list[str]) -> None:
        """Check that the result has a text and an id, and no column twice.

        RAISES (ProjectError): it lacks one.
        """
        wanted = {"--text-column": self.options.text_column, "--id-column": self.options.id_column}
        for option, name in wanted.items():
            if name not in columns:
                raise ProjectError(
                    f"The query's result has no column '{name}'",
                    f"It has {', '.join(columns)}. Name one of them with {option}.",
                )
        double = [name for name, times in Counter(columns).items() if times > 1]
        if double:
            raise ProjectError(f"The query's result has two columns '{double[0]}'", "Name one of them with: as.")

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return what the manifest says about the input."""
        return {self.database.name: {"query": self.query}}

    def count(self) -> int:
        """Return the number of notes."""
        counting = f"SELECT count(*) FROM ({self.query}\n) AS notes"
        return int(self.database.transact(lambda connection: self.execute(connection, counting).scalar_one()))

    def notes(self) -> Iterator[Note | Rejected]:
        """Read the notes in the order of their ids, so that a run that goes on reads them in the same order.

        RAISES (ProjectError): the query fails, the connection is lost for longer than `WAITS`, or the notes that were
            read have changed when it is back.
        """
        read, digest = 0, blake2b()
        stream = self.stream_from(read, digest.digest())
        try:
            while True:
                notes, stream = self.fetch(stream, read, digest.digest())
                if not notes:
                    return
                for note in notes:
                    add_to_digest(digest, note)
                read += len(notes)
                yield from notes
        finally:
            # The connection may be lost.
            with suppress(SQLAlchemyError):
                stream.close()

    def fetch(self, stream: NoteStream, read: int, digest: bytes) -> tuple[list[Note | Rejected], NoteStream]:
        """Fetch the next notes of a stream, from a new one if the connection is lost.

        stream (NoteStream): the stream.
        read (int): how many notes were read.
        digest (bytes): the digest of these.
        RETURNS (tuple[list[Note | Rejected], NoteStream]): at most `ROWS` notes, and the stream from which they are.
        """
        streams = chain([stream], (self.stream_from(read, digest) for _ in count()))

        def attempt() -> tuple[list[Note | Rejected], NoteStream]:
            current = next(streams)
            return list(islice(current, ROWS)), current

        try:
            return retry(attempt, waits=WAITS, passes=is_passing)
        except SQLAlchemyError as error:
            raise self.database.problem(error) from None

    def stream_from(self, read: int, digest: bytes) -> NoteStream:
        """Read the notes after those that were read.

        RAISES (ProjectError): these are others now.
        """
        with closing(self.stream()) as stream:
            skipped = blake2b()
            for note in islice(stream, read):
                add_to_digest(skipped, note)
            if skipped.digest() != digest:
                raise ProjectError(CHANGED, CHANGED_HINT)
            yield from stream

    def stream(self) -> NoteStream:
        """Read the notes in one transaction."""
        order = ", ".join(map(self.database.quote, (self.options.id_column, self.options.text_column)))
        with self.database.connected() as connection:
            rows = self.execute(connection, f"SELECT * FROM ({self.query}\n) AS notes ORDER BY {order}")
            for number, row in enumerate(rows.mappings(), start=1):
                yield row_note(dict(row), number, SOURCE, self.options)

    def execute(self, connection: sa.Connection, statement: str) -> sa.CursorResult[Any]:
        """Execute a statement in which neither a colon nor a percent sign means a parameter."""
        return connection.execution_options(yield_per=ROWS, no_parameters=True).exec_driver_sql(statement)
