"""Recognise the format of a file of annotated documents by its content."""

import io
import zlib
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import Any

import pyarrow.parquet as pq
from lxml import etree

from scripts.annotation.sources import opened
from scripts.errors import ProjectError
from scripts.formats.bigbio import PARQUET
from scripts.formats.brat import ANNOTATIONS, TEXT
from scripts.formats.conll import COLUMNS, COMMENT, MARK, OWN_COLUMNS
from scripts.formats.decoding import open_text
from scripts.formats.json_values import read_objects
from scripts.formats.pubtator import NEXT_TITLE
from scripts.formats.reading import DAMAGED, ReadOptions, Source
from scripts.formats.registry import ANNOTATED
from scripts.formats.tags import OUTSIDE, TAG
from scripts.formats.token_rows import TAGS, TOKENS

BIGBIO = "bigbio"
CORPUS_FORMATS = (BIGBIO, *ANNOTATED)
# How much of a file of lines is looked at, and how many objects of JSON.
HEAD, OBJECTS = 2**16, 20
ZLIB_START = b"x"
READ = ReadOptions()


def recognise(source: Source) -> str | None:
    """Return the format of a file, one of `CORPUS_FORMATS`, or None if its content shows none.

    source (Source): the file.
    RETURNS (str | None): the format.
    """
    if is_brat(source):
        return "brat"
    try:
        with opened(source) as file:
            return content_format(file, source)
    except (*DAMAGED, ProjectError):
        return None


def is_brat(source: Source) -> bool:
    """Return whether a file is a text with a file of annotations beside it."""
    name = source.path.name
    return name.endswith(TEXT) and source.path.with_name(name[: -len(TEXT)] + ANNOTATIONS).is_file()


def content_format(file: io.BufferedReader, source: Source) -> str | None:
    """Return the format that the bytes of a file show."""
    start = file.peek(HEAD)[:HEAD]
    if start.startswith(PARQUET):
        return columns_format(pq.ParquetFile(file).schema_arrow.names)
    if source.suffix == ".arrow":
        return "datasets"
    if start.startswith(ZLIB_START) and is_compressed(start):
        return "docbin"
    first = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if first == b"<":
        return xml_format(file)
    if first in (b"{", b"["):
        objects = islice(read_objects(file, source, READ), OBJECTS)
        return next(filter(None, map(object_format, objects)), None)
    return lines_format(islice(open_text(file, READ.encoding, newline="\n"), OBJECTS))


def is_compressed(start: bytes) -> bool:
    """Return whether bytes are compressed by zlib, as those of a DocBin are."""
    try:
        return bool(zlib.decompressobj().decompress(start, 1))
    except zlib.error:
        return False


def xml_format(file: io.BufferedReader) -> str | None:
    """Return the format that the outermost element of XML shows."""
    try:
        _, element = next(etree.iterparse(file, events=("start",), resolve_entities=False))
    except (etree.XMLSyntaxError, StopIteration):
        return None
    return {"collection": "bioc-xml", "XMI": "xmi"}.get(etree.QName(element).localname)


def columns_format(names: Collection[str]) -> str | None:
    """Return the format that the columns of a table show."""
    if "passages" in names:
        return BIGBIO
    return "datasets" if {*names} & {*TOKENS} and {*names} & {*TAGS} else None


def object_format(value: Any) -> str | None:
    """Return the format that an object of JSON shows."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("passages"), list):
        return passages_format(value)
    if isinstance(value.get("data"), dict) and {"annotations", "completions", "predictions"} & value.keys():
        return "labelstudio"
    return text_format(value) if isinstance(value.get("text"), str) else columns_format(value)


def passages_format(value: Mapping[str, Any]) -> str | None:
    """Return the format of an object with passages."""
    first: Any = next(iter(value["passages"]), {})
    if "entities" in value or (isinstance(first, dict) and "document_id" in first):
        return BIGBIO
    return "bioc-json" if isinstance(first, dict) and "offset" in first else None


def text_format(value: Mapping[str, Any]) -> str | None:
    """Return the format of an object with a text."""
    if "spans" in value or {"answer", "_input_hash", "_task_hash"} & value.keys():
        return "prodigy"
    if "lead_time" in value or any(map(is_region, items(value.values()))):
        return "labelstudio"
    if isinstance(value.get("entities"), list):
        is_own = any("start" in entity for entity in value["entities"] if isinstance(entity, dict))
        return "jsonl" if is_own or "columns" in value else "doccano"
    return "doccano" if isinstance(value.get("label", value.get("labels")), list) else None


def items(values: Iterable[Any]) -> Iterable[Any]:
    """Yield what is in the lists among values."""
    return (item for value in values if isinstance(value, list) for item in value)


def is_region(value: Any) -> bool:
    """Return whether a value is a region of Label Studio's small export."""
    return isinstance(value, dict) and {"start", "end", "labels"} <= value.keys()


def lines_format(lines: Iterable[str]) -> str | None:
    """Return the format that the first lines of a file show."""
    found = [line.rstrip("\r\n") for line in lines if line.strip()]
    if found and NEXT_TITLE.match(found[0]):
        return "pubtator"
    words = [line for line in found if not MARK.fullmatch(line) and not COMMENT.match(line)]
    rows = [line.split("\t") if "\t" in line else line.split() for line in words]
    widths = {len(row) for row in rows}
    is_conll = len(widths) == 1 and COLUMNS <= min(widths) <= OWN_COLUMNS and all(is_tag(row[-1]) for row in rows)
    return "conll" if is_conll else None


def is_tag(value: str) -> bool:
    """Return whether a value is a tag with its place in a mention."""
    found = TAG.fullmatch(value)
    return value in OUTSIDE or bool(found and (found[2] or found[1] in "BI"))
