"""Databases: connections, transactions that survive a lost connection, and errors that quote neither text nor password.

In: a URL such as postgresql+psycopg://host/notes. Out: a `Database`.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from scripts.annotation.sources import DATABASES
from scripts.errors import ProjectError
from scripts.retries import retry

try:
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
except ImportError as error:
    raise ProjectError(
        "Databases need SQLAlchemy, which is not installed", "pip install -r requirements-sql.txt -c constraints.txt"
    ) from error

Result = TypeVar("Result")
# SQLAlchemy logs the rows of results, with the notes' texts, where a program sets its loggers to DEBUG.
LOG_NAME = "annotate"
logging.getLogger(f"sqlalchemy.engine.Engine.{LOG_NAME}").addFilter(lambda record: record.levelno > logging.DEBUG)
DRIVERS = {"postgresql": "postgresql+psycopg", "sqlite": "sqlite", "duckdb": "duckdb"}
# What libpq takes in a URL's query and is a secret.
SECRETS = ("password", "sslpassword")
# Seconds to wait before each further try when a connection is lost: about a minute in all.
WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
LOCK_SECONDS = 60
# A connection whose other end is gone is noticed within a minute.
POSTGRESQL = {
    "application_name": "annotate",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
# SQLSTATEs after which another try may succeed: connection lost, server stopped or starting, idle for too long while a
# part was annotated, conflict of transactions.
PASSING = ("08", "57P01", "57P02", "57P03", "57P05", "25P03", "40001", "40P01")
# Classes of SQLSTATE whose main message names tables, columns and constraints, and no values. Others may quote a text.
NAMES_ONLY = ("08", "0A", "23", "25", "28", "3D", "3F", "42", "53", "54", "55", "57", "58", "22001")
# The same for DuckDB.
NAMES_ONLY_KINDS = {"BinderException", "CatalogException", "ConnectionException", "IOException", "ParserException"}
# How it starts to say that a file can't be written. Other messages of a commit that fails quote values.
NOT_WRITTEN = "TransactionContext Error: Failed to commit: Could not write file"


class Database:
    """A database, to which no connection is kept between transactions: the processes that annotate are forks.

    url (str): its URL. It is shown without a password.
    read_only (bool): whether nothing is to be written: transactions are read-only.
    is_shared (bool): whether the file is read at the same time. SQLite then needs a write-ahead log.
    RAISES (ProjectError): the URL can't be read, a package is missing, or there is no such file to read.
    """

    def __init__(self, url: str, *, read_only: bool = False, is_shared: bool = False):
        self.url = parse_url(url)
        self.name = shown(self.url)
        self.kind = self.url.get_backend_name()
        self.read_only = read_only
        check_file(self.url, must_exist=read_only)
        self.engine = make_engine(self.url, read_only=read_only)
        if self.kind == "sqlite":
            set_up_sqlite(self.engine, read_only=read_only, is_shared=is_shared)

    @contextmanager
    def connected(self) -> Iterator[sa.Connection]:
        """Open a connection for one transaction, which is committed at the end of the block."""
        with self.engine.begin() as connection:
            if self.read_only and self.kind == "duckdb":
                # Its dialect has no other way, and a file that is also written can't be opened as read-only.
                connection.exec_driver_sql("ROLLBACK")
                connection.exec_driver_sql("BEGIN TRANSACTION READ ONLY")
            yield connection

    def transact(self, work: Callable[[sa.Connection], Result], *, waits: Sequence[float] = WAITS) -> Result:
        """Do something in a transaction, and again if the connection is lost.

        It may have been committed when the connection was lost: `work` has to find out.

        work (Callable[[Connection], Result]): what to do.
        waits (Sequence[float]): the seconds to wait before each further try.
        RETURNS (Result): what `work` returned.
        RAISES (ProjectError): the database refused it, or can't be reached.
        """

        def attempt() -> Result:
            with self.connected() as connection:
                return work(connection)

        try:
            return retry(attempt, waits=waits, passes=is_passing)
        except SQLAlchemyError as error:
            raise self.problem(error) from None

    def problem(self, error: SQLAlchemyError) -> ProjectError:
        """Return an error of the database as one for the user. Neither its text nor its password is in it."""
        message = safe_message(error)
        for secret in secrets_of(self.url):
            message = message.replace(secret, "***")
        return ProjectError(f"{self.name}: {message}", hint_for(error))

    def quote(self, name: str) -> str:
        """Return the name of a column as it is written in SQL."""
        return self.engine.dialect.identifier_preparer.quote_identifier(name)


def parse_url(given: str) -> sa.URL:
    """Parse the URL of a database.

    RAISES (ProjectError): it is none, of an unknown kind, or names no file. The message does not show it: what can't be
        parsed may be a password.
    """
    form = "postgresql+psycopg://user@host/database, sqlite:///file.db or duckdb:///file.duckdb"
    try:
        url = sa.make_url(given)
    except (ArgumentError, ValueError):
        raise ProjectError("The URL of the database can't be read", f"Write {form}.") from None
    if url.get_backend_name() not in DATABASES:
        raise ProjectError(f"Databases of the kind '{url.get_backend_name()}' are not known", f"Write {form}.")
    if url.get_backend_name() == "postgresql":
        if "@" in f"{url.host}{url.database}":
            raise ProjectError(
                "The URL of the database has more than one @",
                "Leave the password out: PGPASSWORD or the file in PGPASSFILE has it. In a URL, @ is written as %40.",
            )
    elif not url.database or url.database == ":memory:":
        raise ProjectError("The URL of the database names no file", f"Write {form}.")
    return url.set(drivername=DRIVERS[url.get_backend_name()])


def shown(url: sa.URL) -> str:
    """Return a URL without what is secret in it."""
    # `url.set` takes None for "leave it".
    return url._replace(password=None).difference_update_query(SECRETS).render_as_string()


def secrets_of(url: sa.URL) -> list[str]:
    """Return what is secret in a URL, the longest first: one may be in another."""
    in_query = chain.from_iterable(url.normalized_query.get(name, ()) for name in SECRETS)
    return sorted(filter(None, [str(url.password or ""), *in_query]), key=len, reverse=True)


def shown_url(given: str) -> str:
    """Return a URL without what is secret in it; see `parse_url`."""
    return shown(parse_url(given))


def is_same_file(one: str, other: str) -> bool:
    """Return whether two URLs are of one file."""
    urls = [parse_url(one), parse_url(other)]
    is_file = all(url.get_backend_name() != "postgresql" for url in urls)
    return is_file and len({Path(str(url.database)).resolve() for url in urls}) == 1


def check_file(url: sa.URL, *, must_exist: bool) -> None:
    """Check that the file of an embedded database is there, or the folder for it. SQLite would make an empty file.

    RAISES (ProjectError): it is not.
    """
    # What starts with "file:" is a URI, with options of SQLite's.
    if url.get_backend_name() == "postgresql" or str(url.database).startswith("file:"):
        return
    path = Path(str(url.database))
    if must_exist and not path.is_file():
        raise ProjectError(f"There is no database file {path}", "A path in the current folder is after three slashes.")
    if not path.parent.is_dir():
        raise ProjectError(f"There is no folder {path.parent} for the database", "Make it, or give another path.")


def make_engine(url: sa.URL, *, read_only: bool) -> sa.Engine:
    """Return an engine that keeps no connection and never shows values.

    RAISES (ProjectError): the package of the driver is not installed.
    """
    # A transaction ends before its connection is closed: no reset, which would be logged if the connection was lost.
    options: dict[str, Any] = {"poolclass": sa.NullPool, "pool_reset_on_return": None, "hide_parameters": True}
    options["logging_name"] = LOG_NAME
    kind = url.get_backend_name()
    if kind == "postgresql":
        given = {name: value for name, value in POSTGRESQL.items() if name not in url.query}
        options["connect_args"] = given
        # Where it is not wanted, the server's own setting holds.
        options["execution_options"] = {"postgresql_readonly": True} if read_only else {}
    elif kind == "sqlite":
        options["connect_args"] = {"timeout": LOCK_SECONDS}
    try:
        engine = sa.create_engine(url, **options)
    except (ImportError, SQLAlchemyError) as error:
        raise ProjectError(
            f"The driver of {kind} can't be loaded ({type(error).__name__})",
            "pip install -r requirements-sql.txt -c constraints.txt",
        ) from None
    return engine


def set_up_sqlite(engine: sa.Engine, *, read_only: bool, is_shared: bool) -> None:
    """Let transactions begin where they are begun, and be read-only. Text that is not UTF-8 is read as bytes."""

    def connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.text_factory = decode
        connection.execute(f"PRAGMA query_only = {int(read_only)}")
        if is_shared:
            connection.execute("PRAGMA journal_mode = WAL")

    def begin(connection: sa.Connection) -> None:
        # Else another writer could come between what a transaction reads and what it writes.
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    sa.event.listen(engine, "connect", connect)
    sa.event.listen(engine, "begin", begin)


def decode(text: bytes) -> str | bytes:
    """Decode text if it is UTF-8."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text


def is_passing(error: Exception) -> bool:
    """Return whether another try may succeed: the connection was lost, or the server is about to start."""
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state:
        return state.startswith(PASSING)
    # psycopg has no SQLSTATE for what did not reach the server.
    is_psycopg = type(error.orig).__module__.startswith("psycopg")
    return error.connection_invalidated or (is_psycopg and isinstance(error, sa.exc.OperationalError))


def safe_message(error: SQLAlchemyError) -> str:
    """Return what a database says, if that names no values; else only what kind of error it is."""
    original = getattr(error, "orig", None)
    kind, message = type(original or error).__name__, " ".join(str(original).split())
    state = getattr(original, "sqlstate", None)
    if state:
        primary = getattr(getattr(original, "diag", None), "message_primary", None)
        return str(primary) if primary and state.startswith(NAMES_ONLY) else f"error {state} ({kind})"
    module = type(original).__module__
    # SQLite quotes a text in one message, that it can't be decoded; see `decode`.
    quotes_none = module == "sqlite3" or kind in NAMES_ONLY_KINDS or message.startswith(NOT_WRITTEN)
    if quotes_none or (module.startswith("psycopg") and isinstance(error, sa.exc.OperationalError)):
        return message
    return f"an error of the database ({kind})"


READ_ONLY = "Notes are only read: give a query that changes nothing, and to --to a database that you may write."
PASSWORD = "The password comes from PGPASSWORD or from the file in PGPASSFILE."
FULL = "Make room, and run the same command again: it goes on."
LOCKED = "Another program uses it. Wait for its end, and run the same command again: it goes on."
NAMES = "Check the names of tables and columns."
NOTHING_LOST = "No incomplete part was left behind: the same command goes on where it stopped."
# What to do, by the start of a SQLSTATE; and by words in the message, where there is none.
STATE_HINTS = {
    "25006": READ_ONLY,
    "28": PASSWORD,
    "42501": "Ask for the right to read or to write there, and to make the table of finished parts.",
    "53": FULL,
    "42": NAMES,
}
WORD_HINTS = {
    "readonly": READ_ONLY,
    "read-only": READ_ONLY,
    "password": PASSWORD,
    "disk is full": FULL,
    "no space": FULL,
    "could not write file": FULL,
    "lock": LOCKED,
    "no such": NAMES,
    "does not exist": NAMES,
    "not found": NAMES,
}


def hint_for(error: SQLAlchemyError) -> str:
    """Return what to do about an error of a database."""
    state, message = getattr(getattr(error, "orig", None), "sqlstate", None) or "", safe_message(error).lower()
    hints = [hint for start, hint in STATE_HINTS.items() if state.startswith(start)]
    hints += [hint for word, hint in WORD_HINTS.items() if not state and word in message]
    return next(iter(hints), NOTHING_LOST)
