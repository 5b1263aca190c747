"""Read notes from files of every format, one at a time: what is broken is rejected alone, and the rest is read.

In: files and folders, or standard input. Out: notes, and why others can't be read.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

from scripts.annotation.sources import files_in, find_sources, opened
from scripts.errors import ProjectError
from scripts.formats.reading import DAMAGED, ID_COLUMN, ReadOptions, Source
from scripts.formats.registry import READERS
from scripts.records.notes import Note, Rejected


def input_files(inputs: Sequence[str]) -> list[Path]:
    """Return the files in the order in which `read_inputs` reads them.

    inputs (Sequence[str]): files and folders, or "-" alone for standard input, which is then the one file.
    RETURNS (list[Path]): the files.
    RAISES (ProjectError): something is not there or in no known format, or a folder holds no such file.
    """
    return [source.path for source in find_sources(inputs, suffixes=READERS)]


def skipped_files(inputs: Sequence[str]) -> list[Path]:
    """Return the files in folders that are not read, so that a user can be told. Hidden ones are not among them.

    inputs (Sequence[str]): files and folders.
    RETURNS (list[Path]): the files.
    """
    folders = [Path(given) for given in inputs if Path(given).is_dir()]
    return [file for folder in folders for file, source in files_in(folder, READERS).items() if source is None]


def rows_on_several_lines(inputs: Sequence[str], options: ReadOptions) -> dict[Path, tuple[int, int]]:
    """Count the rows of files in which a row can be on several lines, so that a user can see whether that is right.

    inputs (Sequence[str]): files and folders. What is not on this machine is not counted.
    options (ReadOptions): how to read them.
    RETURNS (dict[Path, tuple[int, int]]): by file with such rows, the number of all its rows and of those.
    """
    local = [given for given in inputs if Path(given).exists()]
    counts = {}
    for source in find_sources(local, suffixes=READERS):
        count_rows = READERS[source.suffix].count_rows
        # A file that can't be read to its end is rejected.
        with suppress(*DAMAGED):
            if count_rows:
                with opened(source) as file:
                    counts[source.path] = count_rows(file, options)
    return {path: (rows, longer) for path, (rows, longer) in counts.items() if longer}


def read_inputs(inputs: Sequence[str], options: ReadOptions | None = None) -> Iterator[Note | Rejected]:
    """Read notes, with one of them in memory at a time.

    A text file is one note. Its id is its name without the suffix, in a folder its path from there on; with
    `folder_ids`, the path as it was given comes first. In other formats a note without an id has
    "<that name>:<number>": the number of the row (CSV, TSV, Excel, Parquet; the header does not count), of the line
    (JSONL), or of the object or document (JSON, BioC); PubTator always has ids.

    If one note is broken, a row for instance, it is rejected, and the next one read. A file in another format, damaged
    or cut short is rejected under its name once nothing more can be read; the notes before that are kept.

    Other columns are passed through, as JSON has them; see `reading.as_json`.

    inputs (Sequence[str]): files and folders, or "-" alone for JSONL on standard input.
    options (ReadOptions | None): how to read them.
    RETURNS (Iterator[Note | Rejected]): the notes in order. If one has no id, a rejection has its file and number.
    RAISES (ProjectError): at once, not at the first note, if there is nothing to read, or a header lacks a column or
        has one twice.
    """
    options = options or ReadOptions()
    sources = find_sources(inputs, suffixes=READERS, folder_ids=options.folder_ids)
    for source in sources:
        check_header(source, options)
    return chain.from_iterable(source_notes(source, options) for source in sources)


def check_header(source: Source, options: ReadOptions) -> None:
    """Check that the header of a file, if it has one, has the columns.

    source (Source): the file.
    options (ReadOptions): the names of the columns.
    RAISES (ProjectError): a column is missing, or there twice.
    """
    read_header = READERS[source.suffix].read_header
    if read_header is None:
        return
    try:
        with opened(source) as file:
            names = read_header(file, source, options)
    except DAMAGED:
        # Raised again when the file is read, and then it is rejected.
        return
    # Without a header, the first row is a note: a message has the number of its columns, and none of their content.
    wanted = {"--text-column": options.text_column, "--id-column": options.id_column}
    for option, column in wanted.items():
        if column not in names and (option, column) != ("--id-column", ID_COLUMN):
            raise ProjectError(f"{source.path} has no column '{column}'", header_hint(len(names), option, source))
    double = [name for name, times in Counter(names).items() if times > 1]
    if double:
        places = [str(place) for place, name in enumerate(names, start=1) if name == double[0]]
        raise ProjectError(
            f"{source.path} has columns of the same name: {', '.join(places)}", "Give each a name of its own."
        )


def header_hint(columns: int, option: str, source: Source) -> str:
    """Return what to do about a header that lacks a column.

    columns (int): how many columns the header has.
    option (str): the option that names the column.
    source (Source): the file.
    RETURNS (str): the hint. It does not say what the columns are.
    """
    hint = f"It has {columns or 'no'} column{'s' * (columns != 1)}. Name one of them with {option}."
    if source.suffix in (".csv", ".tsv"):
        hint += " The first row must be their names; check --delimiter and --quoting too."
    return hint


def source_notes(source: Source, options: ReadOptions) -> Iterator[Note | Rejected]:
    """Read the notes of one file."""
    try:
        with opened(source) as file:
            yield from READERS[source.suffix].read_notes(file, source, options)
    except OSError as error:
        # Only a fault of the system has a number; what comes without is pyarrow's word on a compressed file.
        reason = error.strerror or f"{source.compression or 'Parquet'} that is damaged or was cut short"
        yield Rejected(source.name, f"the file can't be read to its end: {reason}")
    except DAMAGED:
        yield Rejected(source.name, f"the file is not {source.suffix[1:]}, or was cut short")
