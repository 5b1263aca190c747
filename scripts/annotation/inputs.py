"""What a run reads: files, or the result of a query.

In: what the user named. Out: notes, and what the manifest says about where they are from.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from scripts.annotation.manifest import describe_inputs
from scripts.annotation.options import AnnotateOptions
from scripts.annotation.readers import input_files, read_inputs
from scripts.annotation.sources import STANDARD_INPUT, is_database
from scripts.errors import ProjectError
from scripts.formats.reading import ReadOptions
from scripts.records.notes import Note, Rejected


class Inputs(Protocol):
    """Where notes are from."""

    is_compared: bool

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return what the manifest says about it."""

    def notes(self) -> Iterator[Note | Rejected]:
        """Read the notes, always in the same order."""

    def count(self) -> int | None:
        """Return the number of notes, None if they can be read only once."""


class FileInputs:
    """Files and folders of notes, or standard input.

    inputs (Sequence[str]): what the user named.
    options (ReadOptions): how to read them.
    RAISES (ProjectError): something is not there or can't be read.
    """

    # The manifest has a hash of each file.
    is_compared = False

    def __init__(self, inputs: Sequence[str], options: ReadOptions):
        self.inputs = inputs
        self.options = options
        self.files, self.stream = input_files(inputs), read_inputs(inputs, options)

    def describe(self) -> dict[str, dict[str, Any]]:
        """Return size and hash of each file."""
        return describe_inputs(self.files)

    def notes(self) -> Iterator[Note | Rejected]:
        """Return the notes, once."""
        return self.stream

    def count(self) -> int | None:
        """Count the notes by reading them. None for standard input."""
        return None if STANDARD_INPUT in self.inputs else sum(1 for _ in read_inputs(self.inputs, self.options))


def find_inputs(inputs: Sequence[str], options: AnnotateOptions) -> Inputs:
    """Return what a run reads.

    inputs (Sequence[str]): files, folders or "-"; or the URL of a database alone.
    options (AnnotateOptions): the query, and how to read.
    RETURNS (Inputs): the inputs.
    RAISES (ProjectError): something is not there or can't be read.
    """
    if not options.query:
        return FileInputs(inputs, options.reading)
    # SQLAlchemy is optional.
    from scripts.annotation.queries import QueryInput

    return QueryInput(inputs[0], options.query, options.reading)


def check_databases(inputs: Sequence[str], output: str, options: AnnotateOptions) -> None:
    """Check that databases are where they can be. Messages do not show URLs, which may have a password.

    inputs (Sequence[str]): what is read.
    output (str): the folder of the run.
    options (AnnotateOptions): the query, if there is one.
    RAISES (ProjectError): a database is not alone or has no query, a query has no database, or one is the output.
    """
    found = [given for given in inputs if is_database(given)]
    if is_database(output):
        raise ProjectError(
            "The argument OUTPUT is a database",
            "It is a folder for manifest.json and rejected.jsonl. Give the database for the mentions with --to.",
        )
    if options.ray and found:
        raise ProjectError("--engine ray can't read from a database", "Leave out --engine, and give --processes.")
    if found and not options.query:
        raise ProjectError("An input is a database, and there is no query", "Give --query 'select ... from ...' too.")
    if options.query and len(found) != 1:
        raise ProjectError("--query needs one database as input", "Give a URL such as sqlite:///notes.db.")
    if found and len(inputs) > 1:
        raise ProjectError("A database can't be read together with other inputs", "Give the database alone.")


def count_if_seen(inputs: Inputs) -> int | None:
    """Return the number of notes for the progress bar; None if nobody sees it."""
    return inputs.count() if sys.stderr.isatty() else None
