"""MeSH as NLM publishes it: XML files of descriptors and of supplementary records, several hundred MB unpacked.

https://www.nlm.nih.gov/databases/download/mesh.html. The files are streamed; one record is in memory at a time.
"""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from lxml import etree

from scripts.clinical_ner.linking.concept import Concept
from scripts.errors import ProjectError

# The groups of supplementary records, which have no tree numbers, by their SCRClass.
RECORD_CLASSES = {
    "1": "chemical",
    "2": "protocol",
    "3": "disease",
    "4": "organism",
    "5": "population",
    "6": "anatomy",
}
DESCRIPTOR, SUPPLEMENTARY = "DescriptorRecord", "SupplementalRecord"


def read_mesh(path: Path) -> Iterator[Concept]:
    """Read a file of descriptors or of supplementary records.

    path (Path): the XML file, or a gzip file of it.
    YIELDS (Concept): the concepts. Their groups are the tree numbers or the class of the supplementary record.
    RAISES (ProjectError): the file is cut short, or not of that format.
    """
    found = False
    try:
        with open_binary(path) as file:
            for _, element in etree.iterparse(file, tag=(DESCRIPTOR, SUPPLEMENTARY), huge_tree=True, no_network=True):
                yield read_descriptor(element) if element.tag == DESCRIPTOR else read_supplementary(element)
                found = True
                forget(element)
    except (etree.XMLSyntaxError, EOFError, OSError, zlib.error, AttributeError) as error:
        if isinstance(error, FileNotFoundError | PermissionError):
            raise
        raise ProjectError(
            f"{path} is cut short or not a MeSH file ({type(error).__name__})",
            "Expected is desc<year> or supp<year> as XML, or as gzip of it, from NLM. Fetch it again.",
        ) from error
    if not found:
        raise ProjectError(f"{path} has no MeSH records", "Expected is desc<year> or supp<year> from NLM.")


def open_binary(path: Path) -> BinaryIO:
    """Open a file that may be compressed with gzip."""
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
    return cast(BinaryIO, gzip.open(path)) if is_gzip else path.open("rb")


def forget(element: etree._Element) -> None:
    """Free a record, and those before it."""
    element.clear()
    while (previous := element.getprevious()) is not None:
        previous.getparent().remove(previous)


def read_descriptor(record: etree._Element) -> Concept:
    """Return a descriptor as a concept."""
    return Concept(
        id=record.findtext("DescriptorUI"),
        name=record.findtext("DescriptorName/String"),
        names=terms(record),
        groups=tuple(number.text for number in record.iterfind("TreeNumberList/TreeNumber")),
    )


def read_supplementary(record: etree._Element) -> Concept:
    """Return a supplementary record as a concept."""
    # NLM marks the main ones with a star.
    mapped = record.iterfind("HeadingMappedToList/HeadingMappedTo/DescriptorReferredTo/DescriptorUI")
    kind = record.get("SCRClass", "")
    return Concept(
        id=record.findtext("SupplementalRecordUI"),
        name=record.findtext("SupplementalRecordName/String"),
        names=terms(record),
        groups=(RECORD_CLASSES[kind],) if kind in RECORD_CLASSES else (),
        mapped_to=tuple(identifier.text.lstrip("*") for identifier in mapped),
    )


def terms(record: etree._Element) -> tuple[str, ...]:
    """Return the entry terms of all concepts of a record."""
    return tuple(term.text for term in record.iterfind("ConceptList/Concept/TermList/Term/String") if term.text)
