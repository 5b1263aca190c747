"""Read the rows of text files with columns, and check them."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO, cast

from scripts.errors import ProjectError


def open_text(path: Path) -> TextIO:
    """Open a UTF-8 file that may be compressed with gzip."""
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    return cast(
        TextIO,
        gzip.open(path, "rt", encoding="utf-8-sig", newline="")
        if is_gzip
        else path.open(encoding="utf-8-sig", newline=""),
    )


def read_table(path: Path, columns: Sequence[str], *, optional: Sequence[str] = ()) -> Iterator[dict[str, str]]:
    """Read a table whose fields are separated by tabs, with the names of the columns in its first line.

    Fields are not quoted: a quotation mark is part of the name, as in OMOP's files.

    path (Path): the file, or a gzip file of it.
    columns (Sequence[str]): the columns that are needed, in any order.
    optional (Sequence[str]): columns that may be missing.
    YIELDS (dict[str, str]): the values of these columns.
    RAISES (ProjectError): a column is missing, a row has another number of fields, or the file is damaged.
    """
    try:
        with open_text(path) as file:
            header = file.readline().rstrip("\r\n").split("\t")
            missing = [column for column in columns if column not in header]
            if missing:
                raise ProjectError(
                    f"{path} has no column {', '.join(missing)}",
                    f"It needs {', '.join(columns)}, separated by tabs; it has {', '.join(header)[:200]}.",
                )
            places = {column: header.index(column) for column in (*columns, *optional) if column in header}
            for number, fields in split_lines(file, "\t", first=2):
                if len(fields) != len(header):
                    raise wrong_row(path, number, len(header), len(fields))
                yield {column: fields[place] for column, place in places.items()}
    except (UnicodeDecodeError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ProjectError(
            f"{path} is cut short or not a UTF-8 file ({type(error).__name__})", "Fetch or export it again."
        ) from error


def read_rrf(path: Path, fields: int) -> Iterator[list[str]]:
    """Read a file in UMLS's rich release format: fields separated by "|", and one after the last field.

    path (Path): the file, or a gzip file of it.
    fields (int): how many fields a row has.
    YIELDS (list[str]): the fields of a row.
    RAISES (ProjectError): a row has another number of fields, or the file is damaged.
    """
    try:
        with open_text(path) as file:
            for number, row in split_lines(file, "|", first=1):
                if len(row) != fields + 1:
                    raise wrong_row(path, number, fields, len(row) - 1)
                yield row[:-1]
    except (UnicodeDecodeError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ProjectError(
            f"{path} is cut short or not a UTF-8 file ({type(error).__name__})", "Fetch or export it again."
        ) from error


def split_lines(file: TextIO, separator: str, *, first: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the fields of each line with its number. Empty lines are left out."""
    for number, line in enumerate(file, start=first):
        if line.strip("\r\n"):
            yield number, line.rstrip("\r\n").split(separator)


def wrong_row(path: Path, number: int, expected: int, found: int) -> ProjectError:
    """Return the error for a row with another number of fields."""
    return ProjectError(
        f"{path}, line {number} has {found} fields, not {expected}",
        "The file is cut short, or a name contains the separator or a line end.",
    )


def check_files(folder: Path, names: Sequence[str], *, source: str) -> None:
    """Check that a folder has the files of a vocabulary.

    folder (Path): the folder.
    names (Sequence[str]): the names of the files.
    source (str): where to get them, as a hint.
    RAISES (ProjectError): one is missing.
    """
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ProjectError(f"{folder} has no {' and no '.join(missing)}", source)
