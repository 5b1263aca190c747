"""The files that a run reads: found in folders and decompressed.

In: what the user named. Out: streams of bytes for the readers.
"""

import io
import os
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import NoReturn

import pyarrow as pa

from scripts.annotation.stores import is_uri, list_files, open_stored
from scripts.errors import ProjectError
from scripts.formats.reading import Source

STANDARD_INPUT = "-"
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
# Their readers jump in the file, which can't be decompressed on the way.
NEVER_COMPRESSED = (".parquet", ".xlsx")
# The kinds of databases: where their URLs start, also with a driver as in "postgresql+psycopg".
DATABASES = ("postgresql", "sqlite", "duckdb")


def find_sources(inputs: Sequence[str], *, suffixes: Collection[str], folder_ids: bool = False) -> list[Source]:
    """Find the files in the order in which they are read: as given, those of a folder in the order of their paths.

    inputs (Sequence[str]): files and folders, or "-" alone for standard input, which is JSONL.
    suffixes (Collection[str]): the suffixes of files that can be read.
    folder_ids (bool): whether the files' names include the folder as it was given.
    RETURNS (list[Source]): the files.
    RAISES (ProjectError): something is empty, not there or in no known format, or a folder holds no such file.
    """
    check_named(inputs)
    if STANDARD_INPUT not in inputs:
        return named_sources(inputs, lambda given: sources_at(Path(given), suffixes), folder_ids=folder_ids)
    if len(inputs) > 1:
        raise ProjectError("Standard input, -, can't be read together with other inputs", "Name either - or files.")
    return [Source(Path(STANDARD_INPUT), "stdin", "stdin", ".jsonl", None)]


def check_named(inputs: Sequence[str]) -> None:
    """Check that no input is empty: to a path, that is the current folder.

    RAISES (ProjectError): one is.
    """
    if any(not given.strip() for given in inputs):
        raise ProjectError("An input is empty", "Is a variable not set? The current folder is a period.")


def named_sources(inputs: Sequence[str], find: Callable[[str], list[Source]], *, folder_ids: bool) -> list[Source]:
    """Return the files that are found at inputs, with the folder as it was given in their names if that is wanted."""
    return [in_folder(source, given) if folder_ids else source for given in inputs for source in find(given)]


def in_folder(source: Source, given: str) -> Source:
    """Return a file with the folder in its name.

    source (Source): the file.
    given (str): the folder in which it was found, or the file itself.
    RETURNS (Source): the same file; its name is the path from where the given one starts.
    """
    folder = given.rstrip("/") if is_uri(given) else PurePath(given).as_posix()
    if source.uri == given or source.path in (Path(given), Path(given).absolute()):
        folder = folder.rpartition("/")[0]
    prefix = "" if folder in ("", ".", "/") else f"{printable(folder)}/"
    return source._replace(name=f"{prefix}{source.name}", stem=f"{prefix}{source.stem}")


def printable(name: str) -> str:
    """Return a name for an id. One that is not UTF-8 is escaped."""
    return os.fsencode(name).decode("utf-8", errors="backslashreplace")


def sources_at(path: Path, suffixes: Collection[str]) -> list[Source]:
    """Return the file at a path, or those in the folder at it."""
    known = (
        f"Known are files that end in {', '.join(suffixes)};"
        f" .gz and .zst may follow, but not {' and '.join(NEVER_COMPRESSED)}."
    )
    if path.is_dir():
        found = [source for source in files_in(path, suffixes).values() if source]
        if not found:
            raise ProjectError(f"The folder {path} holds no file of notes", known)
        return found
    if not path.exists():
        raise ProjectError(f"There is no file or folder {path}", "Check the path; - reads JSONL from standard input.")
    if not path.is_file():
        raise ProjectError(f"{path} is neither a file nor a folder", "A stream can be piped to standard input, -.")
    source = make_source(path, PurePath(path.name), suffixes)
    if source is None:
        raise ProjectError(f"{path} is of no known format", known)
    return [source]


def find_stored_sources(inputs: Sequence[str], *, suffixes: Collection[str], folder_ids: bool = False) -> list[Source]:
    """Find the files like `find_sources`, also in object stores. Their paths are absolute, for processes elsewhere.

    inputs (Sequence[str]): files and folders, as paths or as URIs.
    suffixes (Collection[str]): the suffixes of files that can be read.
    folder_ids (bool): whether the files' names include the folder as it was given.
    RETURNS (list[Source]): the files.
    RAISES (ProjectError): something is empty, not there or in no known format, a folder holds no such file, or it is
        standard input, which only this machine has.
    """
    check_named(inputs)
    if STANDARD_INPUT in inputs:
        raise ProjectError("--engine ray can't read standard input, which only this machine has", "Give files.")

    def find(given: str) -> list[Source]:
        return sources_in_store(given, suffixes) if is_uri(given) else sources_at(Path(given).absolute(), suffixes)

    return named_sources(inputs, find, folder_ids=folder_ids)


def sources_in_store(place: str, suffixes: Collection[str]) -> list[Source]:
    """Return the file at a URI, or those in the folder at it; hidden ones and those named "_..." are not read."""
    files = {name: path for name, path in list_files(place).items() if not any(part[0] in "._" for part in name.parts)}
    found = [make_source(Path(path), name, suffixes) for name, path in files.items()]
    sources = [source._replace(store=place) for source in found if source]
    if not sources:
        raise ProjectError(f"{place} holds no file of notes", f"Known are files that end in {', '.join(suffixes)}.")
    return sources


def is_database(given: str) -> bool:
    """Return whether an input or an output is the URL of a database."""
    kind, found, _ = given.partition("://")
    return bool(found) and kind.partition("+")[0] in DATABASES


def check_apart(inputs: Sequence[str], output: str | Path) -> None:
    """Check that the output is not in an input folder: the next run would read what this one wrote.

    inputs (Sequence[str]): files and folders, as paths or as URIs.
    output (str | Path): the folder to write, as a path or a URI.
    RAISES (ProjectError): it is in an input folder.
    """
    for given in inputs:
        if is_uri(given):
            within = f"{output}/".startswith(f"{given.rstrip('/')}/")
        else:
            within = Path(given).is_dir() and Path(output).resolve().is_relative_to(Path(given).resolve())
        if within:
            raise ProjectError(f"The output {output} lies within the input {given}", "Give a folder outside of it.")


def files_in(folder: Path, suffixes: Collection[str]) -> dict[Path, Source | None]:
    """Return the files in a folder; None for those that are not read.

    These are files of no known format, pipes, linked folders, and what is named "_...", as Spark names what is not
    data.
    """
    names = {file: file.relative_to(folder) for file in walk(folder)}
    others = {
        file for file, name in names.items() if not file.is_file() or any(part.startswith("_") for part in name.parts)
    }
    return {file: None if file in others else make_source(file, name, suffixes) for file, name in names.items()}


def make_source(path: Path, name: PurePath, suffixes: Collection[str]) -> Source | None:
    """Return a file as a source, or None if it is in no known format."""
    identifier = printable(name.as_posix())
    packed = next((end for end in COMPRESSIONS if path.name.lower().endswith(end)), "")
    unpacked = path.name.lower().removesuffix(packed)
    # The longest one: ".PubTator.txt" is not ".txt".
    suffix = max(filter(unpacked.endswith, suffixes), key=len, default=None)
    if suffix is None or (suffix in NEVER_COMPRESSED and packed):
        return None
    stem = identifier[: -len(suffix + packed)] or identifier
    return Source(path, identifier, stem, suffix, COMPRESSIONS.get(packed))


def walk(folder: Path) -> list[Path]:
    """List the files in a folder and in those inside of it, sorted. Hidden ones are left out.

    A linked folder is listed and not entered: it may lead back.

    RAISES (OSError): a folder can't be read. Its notes would be silently lost.
    """
    found = []
    for parent, folders, names in os.walk(folder, onerror=throw):
        folders[:] = [name for name in folders if not name.startswith(".")]
        linked = [name for name in folders if Path(parent, name).is_symlink()]
        found += [Path(parent, name) for name in (*names, *linked) if not name.startswith(".")]
    return sorted(found)


def throw(error: OSError) -> NoReturn:
    """Raise an error that `os.walk` would ignore."""
    raise error


@contextmanager
def opened(source: Source) -> Iterator[io.BufferedReader]:
    """Open a file for its bytes, decompressed as they are read.

    YIELDS (BufferedReader): the bytes. Reading them raises an OSError if a compressed file is damaged or was cut short.
    """
    if source.path == Path(STANDARD_INPUT):
        with open(sys.stdin.fileno(), "rb", closefd=False) as file:
            yield file
        return
    with open_stored(source.store, str(source.path)) if source.store else source.path.open("rb") as file:
        if source.compression is None:
            yield file
        else:
            with io.BufferedReader(pa.CompressedInputStream(file, source.compression)) as unpacked:
                yield unpacked
