"""BioC JSON, read one document at a time."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ijson
from bioc import BioCDocument, biocjson

from scripts.errors import ProjectError
from scripts.formats.bioc import BioCJson, BioCWriter, document_note, make_collection
from scripts.formats.decoding import Encoded, open_text
from scripts.formats.reading import ReadOptions, Source
from scripts.records.notes import Note, Rejected

# Each level of nesting costs ijson the path to it, for every value.
MAX_DEPTH = 100
BUFFER_BYTES = 4096


def parse_documents(file: io.BufferedReader, *, encoding: str = "utf-8") -> Iterator[BioCJson]:
    """Yield the documents of a file, one at a time. Not by `bioc`, which reads a file as a whole.

    file (BufferedReader): the file.
    encoding (str): its encoding if it has no byte order mark.
    YIELDS (BioCJson): the documents, of any content.
    RAISES (ProjectError): the file is not BioC JSON, or was cut short.
    """
    number = 0
    found: list[str] = []
    try:
        events = parse_events(Encoded(open_text(file, encoding, newline="")), found)
        for document in ijson.items(events, "documents.item"):
            number += 1
            yield document if isinstance(document, dict) else {}
    except UnicodeError:
        raise ProjectError(f"not {encoding.upper()}, after {number} documents") from None
    except ijson.JSONError:
        raise ProjectError(f"not JSON, or nested too deep, after {number} documents") from None
    if not found:
        raise ProjectError("not BioC JSON: it has no list of 'documents'")


def parse_events(file: Encoded, found: list[str]) -> Iterator[tuple[str, str, Any]]:
    """Yield the events of a JSON file, and put the key of the list of documents into `found`.

    RAISES (ijson.JSONError): the file is not JSON, or nested so deep that it would take all the memory there is.
    """
    for path, event, value in ijson.parse(file, use_float=True, buf_size=BUFFER_BYTES):
        if path.count(".") > MAX_DEPTH:
            raise ijson.JSONError
        if (path, event) == ("documents", "start_array"):
            found.append(path)
        yield path, event, value


def read_notes(file: io.BufferedReader, source: Source, options: ReadOptions) -> Iterator[Note | Rejected]:
    """Read the documents of a file as notes."""
    try:
        for number, document in enumerate(parse_documents(file, encoding=options.encoding), start=1):
            yield document_note(document, number, source)
    except ProjectError as error:
        yield Rejected(source.name, error.title)


class BioCJsonWriter(BioCWriter):
    """BioC JSON, which can hold any text."""

    suffix = ".bioc.json"

    def write(self, prepared: Sequence[BioCDocument], path: Path, *, number_from: int = 1) -> None:
        content = biocjson.dumps(make_collection(prepared), indent=2, ensure_ascii=False)
        path.write_text(content + "\n", encoding="utf-8", newline="\n")
