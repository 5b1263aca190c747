"""Read notes out of files of every format, one at a time: what is broken is rejected by itself, and the rest is read.

In: text files, JSONL, CSV, TSV, Parquet, PubTator, BioC XML and JSON. Out: notes, and why others cannot be read.
"""

import csv
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, time
from functools import partial
from itertools import chain, count, groupby, repeat
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import ijson
import pyarrow as pa
import pyarrow.parquet as pq
from lxml import etree

from scripts.annotation.notes import Note, Rejected
from scripts.annotation.sources import (
    Encoded,
    Source,
    files_in,
    find_sources,
    first_undecoded,
    open_text,
    opened,
)
from scripts.errors import ProjectError
from scripts.formats import pubtator_document

ID_COLUMN = "id"
# What a C long holds everywhere.
CSV_FIELD_SIZE = 2**31 - 1
# A note may be megabytes: few at a time. A column of a row group may be gigabytes: it is read in pieces.
PARQUET_ROWS = 64
PARQUET_BUFFER = 2**18
# Each level of nesting costs ijson the path to it, for every value.
JSON_DEPTH = 100
JSON_BUFFER = 4096
# Between two passages of BioC; more is a slip, and would be filled with spaces.
BIOC_GAP = 1_000_000
TYPE_NAMES = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}

# What a file raises that is damaged as a whole.
DAMAGED = (OSError, csv.Error, pa.ArrowException)


class Options(NamedTuple):
    """How to read files.

    text_column (str): the column with the text, in formats that have columns.
    id_column (str): the column with the id.
    encoding (str): the encoding of files that do not tell theirs.
    """

    text_column: str
    id_column: str
    encoding: str


def input_files(inputs: Sequence[str]) -> list[Path]:
    """Give the files in the order in which `read_notes` reads them.

    inputs (Sequence[str]): files and folders, or "-" alone for standard input, which is then the one file.
    RETURNS (list[Path]): the files.
    RAISES (ProjectError): something is not there or of no known format, or a folder holds no such file.
    """
    return [source.path for source in find_sources(inputs, suffixes=KINDS)]


def skipped_files(inputs: Sequence[str]) -> list[Path]:
    """Give the files in folders that are not read, so that a user can be told. Hidden ones are not among them.

    inputs (Sequence[str]): files and folders.
    RETURNS (list[Path]): the files.
    """
    folders = [Path(given) for given in inputs if Path(given).is_dir()]
    return [file for folder in folders for file, source in files_in(folder, KINDS).items() if source is None]


def read_notes(
    inputs: Sequence[str], *, text_column: str = "text", id_column: str = ID_COLUMN, encoding: str = "utf-8"
) -> Iterator[Note | Rejected]:
    """Read notes, with one of them in memory at a time.

    A text file is one note. Its id is its name without the suffix, in a folder its path from there on. In other
    formats a note without an id has "<that name>:<number>": the number of the row (CSV, TSV, Parquet; the header is
    none), of the line (JSONL), or of the document (BioC); PubTator always has ids.

    What is broken by itself, a row for instance, is rejected, and the next one read. A file that is of another format,
    damaged or cut short is rejected under its name once nothing more can be read; the notes before that are kept.

    Other columns are passed through as JSON has them: dates and times in ISO 8601, decimals, durations and bytes as
    Python writes them, NaN and infinity as null. Whatever `encoding` says, a byte order mark decides; BioC XML tells
    its own encoding, and Parquet has none.

    inputs (Sequence[str]): files and folders, or "-" alone for JSONL on standard input.
    text_column (str): the column with the text.
    id_column (str): the column with the id. The default one may be missing.
    encoding (str): the encoding of the files.
    RETURNS (Iterator[Note | Rejected]): the notes in order. Where one has no id, a rejection has its file and number.
    RAISES (ProjectError): at once, not at the first note, if there is nothing to read, a header lacks a column or has
        one twice, or an option is not what it should be.
    """
    options = Options(text_column, id_column, encoding)
    check_options(options)
    sources = find_sources(inputs, suffixes=KINDS)
    for source in sources:
        check_header(source, options)
    return chain.from_iterable(read_source(source, options) for source in sources)


def check_options(options: Options) -> None:
    """Refuse an unknown encoding, and the text as its own id, which would stand in messages.

    RAISES (ProjectError): an option is not what it should be.
    """
    if options.text_column == options.id_column:
        raise ProjectError(f"The column '{options.id_column}' can't be both id and text", "Name two columns.")
    try:
        "".encode(options.encoding)
    except LookupError as error:
        raise ProjectError(
            f"Unknown encoding '{options.encoding}'", "Name one that Python knows, e.g. utf-8, cp1252 or utf-16."
        ) from error


def check_header(source: Source, options: Options) -> None:
    """Check that a file which has a header has the columns in it, before much is read.

    RAISES (ProjectError): a column is missing, or there twice.
    """
    header = KINDS[source.suffix].header
    if header is None:
        return
    try:
        with opened(source) as file:
            names = header(file, source, options)
    except DAMAGED:
        # Raised again when the file is read, and then it is rejected.
        return
    wanted = {"--text-column": options.text_column, "--id-column": options.id_column}
    for option, column in wanted.items():
        if column not in names and (option, column) != ("--id-column", ID_COLUMN):
            there = ", ".join(repr(name) for name in names) or "no columns"
            raise ProjectError(
                f"{source.path} has no column '{column}'", f"It has {there}. Choose one of them with {option}."
            )
    double = [name for name, times in Counter(names).items() if times > 1]
    if double:
        raise ProjectError(f"{source.path} has more than one column {double[0]!r}", "Give each a name of its own.")


def read_source(source: Source, options: Options) -> Iterator[Note | Rejected]:
    """Read the notes of one file."""
    try:
        with opened(source) as file:
            yield from KINDS[source.suffix].read(file, source, options)
    except OSError as error:
        # Only a fault of the system has a number; what comes without is pyarrow's word on a packed file.
        reason = error.strerror or f"{source.compression or 'Parquet'} that is damaged or was cut short"
        yield Rejected(source.name, f"the file can't be read to its end: {reason}")
    except DAMAGED:
        yield Rejected(source.name, f"the file is not {source.suffix[1:]}, or was cut short")


def read_text(file: BinaryIO, source: Source, options: Options) -> Iterator[Note | Rejected]:
    """Read a file that is one note."""
    text = open_text(file, options.encoding, newline="").read()
    number = first_undecoded(text)
    yield Rejected(source.stem, not_decoded(options, number)) if number else Note(source.stem, text, {})


def read_jsonl(file: BinaryIO, source: Source, options: Options) -> Iterator[Note | Rejected]:
    """Read a JSON object from each line. Empty lines are passed over."""
    lines = open_text(file, options.encoding, newline="\n")
    # Not a loop, which would keep a line, maybe of a gigabyte, until it has the next.
    return filter(None, map(jsonl_note, lines, count(1), repeat(source), repeat(options)))


def jsonl_note(line: str, number: int, source: Source, options: Options) -> Note | Rejected | None:
    """Read one line of JSONL, None if it is empty."""
    if line.isspace():
        return None
    undecoded = first_undecoded(line)
    problem = not_decoded(options, undecoded, " of the line") if undecoded else ""
    where = f"{source.name}:{number}"
    try:
        row = json.loads(line)
        if isinstance(row, dict):
            return make_note(row, number, source, options, problem)
        return Rejected(where, problem or "not a JSON object")
    except json.JSONDecodeError as error:
        return Rejected(where, problem or f"not JSON (line {number}, column {error.colno})")
    except (RecursionError, ValueError):
        return Rejected(where, problem or "JSON that is nested too deep, or has a number of too many digits")


def make_note(row: dict[str, Any], number: int, source: Source, options: Options, problem: str = "") -> Note | Rejected:
    """Give a row as a note.

    row (dict[str, Any]): value by column.
    number (int): the row's number, which makes its id where it has none.
    source (Source): the file.
    options (Options): which columns are text and id.
    problem (str): why the row can't be read, if that is known.
    RETURNS (Note | Rejected): the note; rejected if there is a problem, or no text.
    """
    identifier = make_id(row.get(options.id_column))
    text = row.get(options.text_column)
    if not problem:
        problem = "" if options.text_column in row else f"no column '{options.text_column}'"
    if not problem and not isinstance(text, str):
        problem = f"the text is {TYPE_NAMES.get(type(text), type(text).__name__)}, not a string"
    if not problem and (undecoded := first_undecoded(text)):
        problem = f"character {undecoded} of the text is half of a surrogate pair"
    if problem:
        return Rejected(identifier or f"{source.name}:{number}", problem)
    columns = {name: jsonable(row[name]) for name in row if name not in (options.text_column, options.id_column)}
    return Note(identifier or f"{source.stem}:{number}", text, columns)


def make_id(value: Any) -> str:
    """Give a value as an id, "" if it is none."""
    value = jsonable(value)
    identifier = "" if value is None else str(value)
    return "" if first_undecoded(identifier) else identifier


def jsonable(value: Any) -> Any:
    """Give a value as JSON has it, see `read_notes`."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, dict):
        return {str(key): jsonable(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(inner) for inner in value]
    return value.isoformat() if isinstance(value, (date, time)) else str(value)


def not_decoded(options: Options, number: int, of: str = "") -> str:
    """Say that a character can't be decoded."""
    return f"not {options.encoding.upper()} (character {number}{of})"


def csv_rows(file: BinaryIO, options: Options, delimiter: str) -> Iterator[list[str]]:
    """Give the rows of a CSV file, its header among them."""
    csv.field_size_limit(CSV_FIELD_SIZE)
    # Without "strict", a quote that is not closed makes the rest of a file one field, and is no error.
    return csv.reader(open_text(file, options.encoding, newline=""), delimiter=delimiter, strict=True)


def csv_header(file: BinaryIO, source: Source, options: Options, *, delimiter: str) -> list[str]:
    """Give the columns of a CSV file.

    RAISES (ProjectError): it is of another encoding.
    """
    names = next(csv_rows(file, options, delimiter), [])
    if any(map(first_undecoded, names)):
        raise ProjectError(
            f"The header of {source.path} is not {options.encoding.upper()}", "Name its encoding with --encoding."
        )
    return names


def read_csv(file: BinaryIO, source: Source, options: Options, *, delimiter: str) -> Iterator[Note | Rejected]:
    """Read the rows of CSV or TSV, which differ in the delimiter only. Empty lines are passed over."""
    rows = csv_rows(file, options, delimiter)
    header = next(rows, [])
    for number in count(1):
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            # Reading goes on with the next line; if the quote was never closed there is none.
            problem = "a quote is not doubled or, up to the file's end, not closed"
            yield Rejected(f"{source.name}:{number}", problem)
            continue
        if row:
            yield csv_note(row, header, number, source, options)


def csv_note(row: list[str], header: list[str], number: int, source: Source, options: Options) -> Note | Rejected:
    """Give a row of CSV as a note."""
    if len(row) != len(header):
        # Which of them is the id can't be known.
        problem = f"the row has {len(row)} columns, and the header {len(header)}"
        return Rejected(f"{source.name}:{number}", problem)
    cells = dict(zip(header, row, strict=True))
    undecoded = ((name, first_undecoded(cell)) for name, cell in cells.items())
    problems = (not_decoded(options, place, f" of column '{name}'") for name, place in undecoded if place)
    return make_note(cells, number, source, options, next(problems, ""))


def parquet_header(file: BinaryIO, source: Source, options: Options) -> list[str]:
    """Give the columns of a Parquet file."""
    return pq.ParquetFile(file).schema_arrow.names


def read_parquet(file: BinaryIO, source: Source, options: Options) -> Iterator[Note | Rejected]:
    """Read the rows of Parquet. Where a row group is damaged, those that follow are read."""
    parquet, number = pq.ParquetFile(file, buffer_size=PARQUET_BUFFER, pre_buffer=False), 1
    for group in range(parquet.num_row_groups):
        end = number + parquet.metadata.row_group(group).num_rows
        try:
            for batch in parquet.iter_batches(PARQUET_ROWS, row_groups=[group]):
                for index in range(len(batch)):
                    yield parquet_note(batch, index, number, source, options)
                    number += 1
        except DAMAGED:
            problem = f"the file is damaged: its rows {number} to {end - 1} can't be read"
            yield Rejected(f"{source.name}:{number}", problem)
        number = end


def parquet_note(batch: pa.RecordBatch, index: int, number: int, source: Source, options: Options) -> Note | Rejected:
    """Give a row of Parquet as a note."""
    row, problem = {}, ""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            row[name] = column[index].as_py()
        # Text that is not UTF-8, a date that Python has not, an unknown time zone.
        except (ArithmeticError, LookupError, ValueError) as error:
            problem = f"the value of column '{name}' can't be read ({type(error).__name__})"
    return make_note(row, number, source, options, problem)


def read_pubtator(file: BinaryIO, source: Source, options: Options) -> Iterator[Note | Rejected]:
    """Read PubTator: title and abstract of each document, with one space between."""
    lines = enumerate(open_text(file, options.encoding, newline="\n"), start=1)
    for is_empty, block in groupby(lines, key=lambda numbered: numbered[1] in ("\n", "\r\n")):
        if not is_empty:
            yield pubtator_note(list(block), source, options)


def pubtator_note(block: list[tuple[int, str]], source: Source, options: Options) -> Note | Rejected:
    """Give the lines of a document, each with its number in the file, as a note."""
    where = f"{source.name}:{block[0][0]}"
    for number, line in block:
        if undecoded := first_undecoded(line):
            return Rejected(where, not_decoded(options, undecoded, f" of line {number}"))
    try:
        document = pubtator_document([line.removesuffix("\n").removesuffix("\r") for _, line in block])
    except ProjectError as error:
        # Its title may quote what stands in the place of an id.
        return Rejected(where, f"not PubTator. {error.hint}")
    except ValueError:
        return Rejected(where, "not PubTator. The end of a mention is not a number")
    return Note(document.id, document.text, {})


def read_bioc_xml(file: BinaryIO, source: Source, options: Options) -> Iterator[Note | Rejected]:
    """Read the documents of BioC XML.

    Not by `bioc`: its reader of one document at a time keeps the tree of all of them, it takes no text of 10 MB, and
    a text in which there is a comment ends there.
    """
    # Entities stay as they are: to expand them could take all the memory there is.
    elements = etree.iterparse(
        file,
        events=("start", "end"),
        tag=("collection", "document"),
        huge_tree=True,
        resolve_entities=False,
        remove_comments=True,
        remove_pis=True,
    )
    number = 0
    try:
        _, outermost = next(elements, (None, None))
        if outermost is None or outermost.tag != "collection" or outermost.getparent() is not None:
            yield Rejected(source.name, "not BioC XML: its outermost element is not 'collection'")
            return
        for event, element in elements:
            if event == "end" and element.tag == "document":
                number += 1
                yield bioc_xml_note(element, number, source)
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        line, column = error.position
        yield Rejected(source.name, f"not XML (line {line}, column {column}), after {number} documents")


def bioc_xml_note(document: etree._Element, number: int, source: Source) -> Note | Rejected:
    """Give a document of BioC XML as a note."""
    if next(document.iter(etree.Entity), None) is not None:
        return Rejected(f"{source.name}:{number}", "it has a reference to an entity, which is not resolved")
    return bioc_note(document.findtext("id"), bioc_xml_parts(document), number, source)


def bioc_xml_parts(document: etree._Element) -> Iterator[tuple[Any, Any]]:
    """Give offset and text of each passage of a document; of each of its sentences, if it has no text itself."""
    for passage in document.iterfind("passage"):
        for part in [passage] if passage.find("text") is not None else passage.iterfind("sentence"):
            yield int(part.findtext("offset")), "".join(part.find("text").itertext())


def read_bioc_json(file: BinaryIO, source: Source, options: Options) -> Iterator[Note | Rejected]:
    """Read the documents of BioC JSON. Not by `bioc`, which reads a file as a whole."""
    number, found = 0, []
    try:
        events = bioc_json_events(Encoded(open_text(file, options.encoding, newline="")), found)
        for number, document in enumerate(ijson.items(events, "documents.item"), start=1):
            document = document if isinstance(document, dict) else {}
            yield bioc_note(document.get("id"), bioc_json_parts(document), number, source)
        if not found:
            yield Rejected(source.name, "not BioC JSON: it has no list of 'documents'")
    except UnicodeError:
        yield Rejected(source.name, f"not {options.encoding.upper()}, after {number} documents")
    except ijson.JSONError:
        yield Rejected(source.name, f"not JSON, or nested too deep, after {number} documents")


def bioc_json_events(file: Encoded, found: list[str]) -> Iterator[tuple[str, str, Any]]:
    """Give what stands in a JSON file, piece by piece, and put the key of the list of documents into `found`.

    RAISES (ijson.JSONError): the file is not JSON, or nested so deep that it would take all the memory there is.
    """
    for path, event, value in ijson.parse(file, use_float=True, buf_size=JSON_BUFFER):
        if path.count(".") > JSON_DEPTH:
            raise ijson.JSONError
        if (path, event) == ("documents", "start_array"):
            found.append(path)
        yield path, event, value


def bioc_json_parts(document: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Give offset and text of each passage of a document; of each of its sentences, if it has no text itself."""
    for passage in document["passages"]:
        for part in [passage] if passage.get("text") is not None else passage.get("sentences", []):
            yield part["offset"], part["text"]


def bioc_note(identifier: Any, parts: Iterable[tuple[Any, Any]], number: int, source: Source) -> Note | Rejected:
    """Give a document of BioC as a note.

    identifier (Any): its id, maybe none.
    parts (Iterable[tuple[Any, Any]]): offset and text of each part.
    number (int): the document's number in the file.
    source (Source): the file.
    """
    identifier = make_id(identifier)
    try:
        return Note(identifier or f"{source.stem}:{number}", bioc_text(parts), {})
    except ProjectError as error:
        problem = error.title
    except (AttributeError, KeyError, TypeError, ValueError):
        problem = "not BioC: a passage lacks its offset or its text"
    return Rejected(identifier or f"{source.name}:{number}", problem)


def bioc_text(parts: Iterable[tuple[int, str]]) -> str:
    """Put each part of a text at its offset, with spaces between: in BC5CDR and PubMed, one.

    RAISES (ProjectError): a part begins before the one before it ends, or far from there.
    """
    texts, end = [], 0
    for offset, text in parts:
        if not 0 <= offset - end <= BIOC_GAP:
            raise ProjectError(f"a passage has the offset {offset}, and the one before it ends at {end}")
        texts += [" " * (offset - end), text]
        end = offset + len(text)
    return "".join(texts)


class Kind(NamedTuple):
    """How to read a format.

    read (Callable): gives the notes in a file.
    header (Callable | None): gives the names of its columns, if it has such.
    """

    read: Callable[[BinaryIO, Source, Options], Iterator[Note | Rejected]]
    header: Callable[[BinaryIO, Source, Options], list[str]] | None = None


KINDS = {
    ".txt": Kind(read_text),
    ".jsonl": Kind(read_jsonl),
    ".ndjson": Kind(read_jsonl),
    ".csv": Kind(partial(read_csv, delimiter=","), partial(csv_header, delimiter=",")),
    ".tsv": Kind(partial(read_csv, delimiter="\t"), partial(csv_header, delimiter="\t")),
    ".parquet": Kind(read_parquet, parquet_header),
    ".pubtator": Kind(read_pubtator),
    ".pubtator.txt": Kind(read_pubtator),
    ".xml": Kind(read_bioc_xml),
    ".bioc.xml": Kind(read_bioc_xml),
    ".bioc.json": Kind(read_bioc_json),
}
