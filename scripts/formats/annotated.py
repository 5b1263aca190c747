"""What the readers of annotated documents share: their interface, and their errors, which never quote a document."""

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from scripts.errors import ProjectError
from scripts.formats.reading import ReadOptions, Source
from scripts.records.annotated import AnnotatedDocument, LeftOut
from scripts.records.notes import Note, Rejected

Row = TypeVar("Row")
# Yields the documents of a file. A file that can't be read as a whole raises a ProjectError: a corpus must not shrink
# silently.
AnnotatedReader = Callable[[io.BufferedReader, Source, ReadOptions], Iterator[AnnotatedDocument | LeftOut]]
# What reading an object of another shape raises.
MISSHAPEN = (AttributeError, IndexError, KeyError, TypeError, ValueError)


def read_rows(
    rows: Iterable[Row], make: Callable[[Row, int], AnnotatedDocument | LeftOut], source: Source, format: str
) -> Iterator[AnnotatedDocument | LeftOut]:
    """Yield what is made of the rows of a file.

    rows (Iterable[Row]): the rows.
    make (Callable): returns the document of a row, given the row and its number from 1.
    source (Source): the file.
    format (str): the format, for messages.
    YIELDS (AnnotatedDocument | LeftOut): the documents.
    RAISES (ProjectError): a row has another shape. The message has its number.
    """
    for number, row in enumerate(rows, start=1):
        try:
            yield make(row, number)
        except ProjectError as error:
            raise ProjectError(f"{source.name}, document {number}: {error.title}", error.hint) from error
        except MISSHAPEN as error:
            raise ProjectError(
                f"{source.name}, document {number}: not {format} ({type(error).__name__})",
                "Name the format with --vars.corpus_format if it was not recognised.",
            ) from None


def make_notes_reader(
    read: AnnotatedReader,
) -> Callable[[io.BufferedReader, Source, ReadOptions], Iterator[Note | Rejected]]:
    """Return a reader of notes for `annotate`, which reads the same documents without their annotations."""

    def read_notes(file: io.BufferedReader, source: Source, options: ReadOptions) -> Iterator[Note | Rejected]:
        """Yield the documents of a file as notes, and why it can't be read to its end."""
        try:
            for document in read(file, source, options):
                if isinstance(document, AnnotatedDocument):
                    yield Note(document.id, document.text, {})
        except ProjectError as error:
            yield Rejected(source.name, error.title.removeprefix(f"{source.name}, "))

    return read_notes


def needed_text(value: Any) -> str:
    """Return a text.

    RAISES (TypeError): it is none.
    """
    if not isinstance(value, str):
        raise TypeError
    return value


def span_of(start: Any, end: Any) -> tuple[int, int]:
    """Return start and end of a mention, which some tools write as strings or as whole floats.

    RAISES (TypeError, ValueError): they are no integers.
    """
    if isinstance(start, bool) or isinstance(end, bool) or int(start) != float(start) or int(end) != float(end):
        raise ValueError
    return int(start), int(end)
