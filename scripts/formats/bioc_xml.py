"""BioC XML, read one document at a time."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from bioc import BioCDocument, biocxml
from lxml import etree

from scripts.errors import ProjectError
from scripts.formats.annotated import read_rows
from scripts.formats.bioc import (
    XML_UNWRITABLE,
    BioCJson,
    BioCWriter,
    annotated_document,
    document_note,
    make_collection,
)
from scripts.formats.reading import ReadOptions, Source
from scripts.records.annotated import AnnotatedDocument, LeftOut
from scripts.records.documents import Document
from scripts.records.notes import Note, Rejected


def parse_documents(file: BinaryIO) -> Iterator[BioCJson]:
    """Yield the documents of a file, one at a time.

    file (BinaryIO): the file.
    YIELDS (BioCJson): each document as BioC JSON has it. Offsets are strings, as in the file.
    RAISES (ProjectError): the file is not BioC XML, or was cut short.
    """
    return map(element_json, read_elements(file))


def read_notes(file: io.BufferedReader, source: Source, options: ReadOptions) -> Iterator[Note | Rejected]:
    """Read the documents of a file as notes."""
    try:
        for number, element in enumerate(read_elements(file), start=1):
            yield element_note(element, number, source)
    except ProjectError as error:
        yield Rejected(source.name, error.title)


def read_annotated(
    file: io.BufferedReader, source: Source, options: ReadOptions
) -> Iterator[AnnotatedDocument | LeftOut]:
    """Read the documents of a file with their annotations."""
    return read_rows(
        named(read_elements(file), source),
        lambda element, number: annotated_document(element_json(element), number, source),
        source,
        "BioC",
    )


def named(elements: Iterator[etree._Element], source: Source) -> Iterator[etree._Element]:
    """Yield elements, and name their file if it can't be read to its end."""
    try:
        yield from elements
    except ProjectError as error:
        raise ProjectError(f"{source.name}: {error.title}", error.hint) from None


def element_note(element: etree._Element, number: int, source: Source) -> Note | Rejected:
    """Return a document's element as a note."""
    try:
        return document_note(element_json(element), number, source)
    except ProjectError as error:
        return Rejected(f"{source.name}:{number}", error.title)


def read_elements(file: BinaryIO) -> Iterator[etree._Element]:
    """Yield the element of each document, and free its memory when the next one is asked for.

    Not by `bioc`: its reader of one document at a time keeps the tree of all of them, it takes no text of 10 MB, and
    a text that contains a comment ends there.

    file (BinaryIO): the file.
    YIELDS (etree._Element): the elements.
    RAISES (ProjectError): the file is not BioC XML, or was cut short.
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
            raise ProjectError("not BioC XML: its outermost element is not 'collection'")
        for event, element in elements:
            if event == "end" and element.tag == "document":
                number += 1
                yield element
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise ProjectError(f"not XML (line {line}, column {column}), after {number} documents") from None


def element_json(document: etree._Element) -> BioCJson:
    """Return a document's element as BioC JSON has it.

    RAISES (ProjectError): it has a reference to an entity.
    """
    if next(document.iter(etree.Entity), None) is not None:
        raise ProjectError("it has a reference to an entity, which is not resolved")
    return {
        "id": document.findtext("id"),
        "infons": infons_of(document),
        "passages": [passage_json(passage) for passage in document.iterfind("passage")],
        "relations": [
            {
                "id": relation.get("id"),
                "infons": infons_of(relation),
                "nodes": [dict(node.attrib) for node in relation.iterfind("node")],
            }
            for relation in document.iterfind("relation")
        ],
    }


def passage_json(passage: etree._Element) -> BioCJson:
    """Return the element of a passage, or of a sentence in it, as BioC JSON has it."""
    return {
        "offset": passage.findtext("offset"),
        "infons": infons_of(passage),
        "text": text_of(passage),
        "sentences": [passage_json(sentence) for sentence in passage.iterfind("sentence")],
        "annotations": [
            {
                "id": annotation.get("id"),
                "infons": infons_of(annotation),
                "text": text_of(annotation),
                "locations": [dict(location.attrib) for location in annotation.iterfind("location")],
            }
            for annotation in passage.iterfind("annotation")
        ],
    }


def infons_of(element: etree._Element) -> dict[Any, str]:
    """Return the infons of an element by their keys."""
    return {infon.get("key"): "".join(infon.itertext()) for infon in element.iterfind("infon")}


def text_of(element: etree._Element) -> str | None:
    """Return the text of an element, None if it has none."""
    text = element.find("text")
    return None if text is None else "".join(text.itertext())


class BioCXmlWriter(BioCWriter):
    """BioC XML. A character that XML can't hold becomes U+FFFD in a text, which moves no offset."""

    suffix = ".bioc.xml"

    def prepare(self, document: Document) -> BioCDocument:
        passages = (passage._replace(text=writable(passage.text)) for passage in document.passages)
        made = super().prepare(replace(document, passages=tuple(passages)))
        for annotation in (annotation for passage in made.passages for annotation in passage.annotations):
            annotation.infons = {name: writable(value) for name, value in annotation.infons.items()}
        return made

    def write(self, prepared: Sequence[BioCDocument], path: Path, *, number_from: int = 1) -> None:
        path.write_text(biocxml.dumps(make_collection(prepared)), encoding="utf-8", newline="\n")


def writable(text: str) -> str:
    """Return a text with U+FFFD for each character that XML can't hold."""
    return XML_UNWRITABLE.sub("\ufffd", text)
