"""JSON whose content shows what it is: notes in an array or on lines, or BioC in any shape in which it is served.

BioC comes as a collection, as {"PubTator3": [...]}, as a list of collections or documents, as one document, or as one
document on a line.
"""

import io
import json
import re
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import ijson

from scripts.errors import ProjectError
from scripts.formats.annotated import needed_text, read_rows, span_of
from scripts.formats.bioc import annotated_document
from scripts.formats.decoding import Encoded, first_undecoded, not_decoded, open_text
from scripts.formats.jsonl import lines_notes, object_note
from scripts.formats.reading import ReadOptions, Source, note_id
from scripts.records.annotated import AnnotatedDocument, Annotation, LeftOut, links_to
from scripts.records.documents import Passage
from scripts.records.notes import Note, Rejected

# What is read ahead to see whether each line is an object.
HEAD = 2**18
# What is nested deeper takes Python's own recursion limit later.
MAX_DEPTH = 100
BUFFER_BYTES = 4096
# The lists of documents in BioC collections.
COLLECTIONS = ("documents", "PubTator3")
DEPTHS = {"start_map": 1, "start_array": 1, "end_map": -1, "end_array": -1}

NOT_SPACE = re.compile(r"\S")

Events = Iterator[tuple[str, Any]]


class Value(NamedTuple):
    """A value where a note or a document is expected, and whether it is in a list of BioC documents."""

    content: Any
    is_document: bool = False


def read_notes(file: io.BufferedReader, source: Source, options: ReadOptions) -> Iterator[Note | Rejected]:
    """Read the notes or documents of a file, one at a time. Not by `bioc`, which reads a file as a whole."""
    text = open_text(file, options.encoding, newline="\n")
    head = text.read(HEAD)
    if has_objects_on_lines(head):
        # Whatever is wrong on a line, the next one can be read.
        return lines_notes(chain(io.StringIO(head + text.readline(), newline="\n"), text), source, options)
    return values_notes(Encoded(text, head), source, options)


def read_annotated_bioc(
    file: io.BufferedReader, source: Source, options: ReadOptions
) -> Iterator[AnnotatedDocument | LeftOut]:
    """Read the BioC documents of a file with their annotations."""
    return read_rows(
        read_objects(file, source, options),
        lambda document, number: annotated_document(document, number, source),
        source,
        "BioC",
    )


def read_annotated_rows(
    file: io.BufferedReader, source: Source, options: ReadOptions
) -> Iterator[AnnotatedDocument | LeftOut]:
    """Read what `JsonlWriter` wrote: the output of `annotate`, maybe corrected."""
    return read_rows(read_objects(file, source, options), partial(annotated_row, source), source, "annotate's JSONL")


def annotated_row(source: Source, row: dict[str, Any], number: int) -> AnnotatedDocument:
    """Return the document of a row."""
    annotations = (
        Annotation(
            needed_text(entity["label"]),
            (span_of(entity["start"], entity["end"]),),
            entity.get("text"),
            links=links_to(entity.get("kb_id")),
            attributes=entity.get("attributes") or {},
            confidence=entity.get("confidence"),
        )
        for entity in row["entities"]
    )
    return AnnotatedDocument(
        note_id(row.get("id")) or f"{source.stem}:{number}",
        (Passage("note", needed_text(row["text"])),),
        tuple(annotations),
        columns=row.get("columns") or {},
    )


def read_objects(file: io.BufferedReader, source: Source, options: ReadOptions) -> Iterator[Any]:
    """Yield the objects of a file: those on its lines, in its array or in its BioC collections.

    The file is read as a whole. Unlike notes to annotate, a corpus fits in memory.

    RAISES (ProjectError): the file is not JSON.
    """
    content = open_text(file, options.encoding, newline="\n").read()
    if place := first_undecoded(content):
        raise ProjectError(f"{source.name}: {not_decoded(options.encoding, place)}", "Convert the file to UTF-8.")
    decoder, place = json.JSONDecoder(), 0
    while rest := NOT_SPACE.search(content, place):
        try:
            value, place = decoder.raw_decode(content, rest.start())
        except (RecursionError, ValueError):
            line = content.count("\n", 0, rest.start()) + 1
            raise ProjectError(f"{source.name}: not JSON from line {line} on", "Is the file cut short?") from None
        yield from objects_in(value)


def objects_in(value: Any) -> Iterator[Any]:
    """Yield the objects in a value: in a list, or in a collection of BioC; else the value itself."""
    if isinstance(value, list):
        for inner in value:
            yield from objects_in(inner)
    elif isinstance(value, dict) and (name := next((name for name in COLLECTIONS if name in value), None)):
        yield from objects_in(value[name])
    else:
        yield value


def has_objects_on_lines(head: str) -> bool:
    """Return whether the start of a file is a JSON object on a line of its own, with something after it.

    A collection of BioC is none: it may be too large to be read as a whole.
    """
    line, _, rest = head.lstrip("\ufeff \t\r\n").partition("\n")
    try:
        first = json.loads(line)
    except (RecursionError, ValueError):
        return False
    is_object = isinstance(first, dict) and first.keys().isdisjoint(COLLECTIONS)
    return is_object and bool(rest.strip())


def values_notes(file: Encoded, source: Source, options: ReadOptions) -> Iterator[Note | Rejected]:
    """Yield the notes of a file that is not made of lines. What is after a mistake in the JSON can't be read."""
    number = 0
    problem = "not JSON, nested too deep, or with an integer of more than 64 bits"
    try:
        for value in read_values(parse_events(file), options):
            number += 1
            if isinstance(value.content, dict):
                yield object_note(value.content, number, source, options, is_document=value.is_document)
            else:
                yield Rejected(f"{source.name}:{number}", "not a JSON object")
        return
    except UnicodeError:
        problem = f"not {options.encoding.upper()}"
    except ijson.JSONError:
        pass
    yield Rejected(source.name, f"{problem}, after {number} documents")


def parse_events(file: Encoded) -> Events:
    """Yield the events of a file with one JSON value or several.

    RAISES (ijson.JSONError): it is not JSON, nested too deep, or has an integer of more than 64 bits.
    """
    depth = 0
    # Without `use_float`, an integer of more than 4,300 digits crashes the process in ijson 3.5.
    for event, value in ijson.basic_parse(file, use_float=True, multiple_values=True, buf_size=BUFFER_BYTES):
        depth += DEPTHS.get(event, 0)
        if depth > MAX_DEPTH:
            raise ijson.JSONError
        yield event, value


def read_values(events: Events, options: ReadOptions) -> Iterator[Value]:
    """Yield the objects of a file: its values, or what is in its arrays and its BioC collections."""
    is_in_array = False
    for event, value in events:
        if event == "start_map":
            yield from read_object(events, options)
        elif event == "start_array" and not is_in_array:
            is_in_array = True
        elif event == "end_array":
            is_in_array = False
        else:
            yield Value(build_value(event, value, events))


def read_object(events: Events, options: ReadOptions) -> Iterator[Value]:
    """Yield an object or, if it is a BioC collection, its documents.

    events (Events): the events after the object's start.
    options (ReadOptions): the column with the text, which makes a note of an object.
    YIELDS (Value): the object, or each document.
    """
    fields: dict[str, Any] = {}
    is_collection = False
    for event, key in events:
        if event == "end_map":
            break
        event, value = next(events)
        if key in COLLECTIONS and event == "start_array":
            is_collection = True
            for event, value in events:
                if event == "end_array":
                    break
                yield Value(build_value(event, value, events), is_document=True)
        else:
            fields[key] = build_value(event, value, events)
    if not is_collection or options.text_column in fields:
        yield Value(fields)


def build_value(event: str, value: Any, events: Events) -> Any:
    """Return the value that starts with an event, and take its other events."""
    builder = ijson.ObjectBuilder()
    depth = 0
    for name, part in chain([(event, value)], events):
        builder.event(name, part)
        depth += DEPTHS.get(name, 0)
        if not depth:
            break
    return builder.value
