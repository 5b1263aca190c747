"""BioC: what its XML and its JSON share. Both are read as BioC JSON has a document, and written through `bioc`.

http://bioc.sourceforge.net
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from bioc import BioCAnnotation, BioCCollection, BioCDocument, BioCLocation, BioCPassage

from scripts.errors import ProjectError
from scripts.formats.bigbio import join_passages
from scripts.formats.reading import Source, note_id
from scripts.formats.writing import Writer, check_names, with_attributes
from scripts.records.annotated import AnnotatedDocument, Annotation, links_to
from scripts.records.documents import Document, Passage
from scripts.records.mentions import Mention
from scripts.records.notes import Note, Rejected

# XML 1.0 can't hold these, not even as a reference: https://www.w3.org/TR/xml/#charsets
XML_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# The most characters between two passages. More is a mistake in the file, and would be filled with spaces.
MAX_GAP = 1_000_000

# The infon with a mention's id, as this project and PubTator write it, and as BC5CDR has it.
CONCEPT_INFONS = ("identifier", "MESH")
NO_CONCEPT = "-1"
CONFIDENCE = "confidence"

# A document as BioC JSON has it: "id", "infons", "passages" and "relations".
BioCJson = dict[str, Any]


def document_note(document: BioCJson, number: int, source: Source) -> Note | Rejected:
    """Return a document as a note. Its annotations are ignored.

    document (BioCJson): the document, of any content.
    number (int): its number in the file, which becomes its id if it has none.
    source (Source): the file.
    RETURNS (Note | Rejected): the note.
    """
    identifier = note_id(document.get("id"))
    if not isinstance(document.get("passages"), list):
        return Rejected(identifier or f"{source.name}:{number}", "not BioC: it has no list of passages")
    try:
        return Note(identifier or f"{source.stem}:{number}", join_parts(text_parts(document)), {})
    except ProjectError as error:
        problem = error.title
    except (AttributeError, KeyError, TypeError, ValueError):
        problem = "not BioC: a passage lacks its offset or its text"
    return Rejected(identifier or f"{source.name}:{number}", problem)


def text_parts(document: BioCJson) -> Iterator[tuple[int, str]]:
    """Yield offset and text of each passage, or of its sentences if it has no text itself."""
    for passage in document["passages"]:
        for part in [passage] if passage.get("text") is not None else passage.get("sentences", []):
            if not isinstance(part["text"], str):
                raise TypeError
            yield int(part["offset"]), part["text"]


def join_parts(parts: Iterable[tuple[int, str]]) -> str:
    """Join the parts of a text, each at its offset, with spaces between: in BC5CDR and PubMed, one.

    RAISES (ProjectError): a part begins before the previous one ends, or far after it.
    """
    texts, end = [], 0
    for offset, text in parts:
        if not 0 <= offset - end <= MAX_GAP:
            raise ProjectError(f"a passage has the offset {offset}, and the one before it ends at {end}")
        texts += [" " * (offset - end), text]
        end = offset + len(text)
    return "".join(texts)


def annotation_spans(annotation: BioCJson) -> list[tuple[int, int]]:
    """Return start and end of each part of an annotation, as offsets in the document."""
    starts = [(int(location["offset"]), int(location["length"])) for location in annotation["locations"]]
    return [(start, start + length) for start, length in starts]


def annotated_document(document: BioCJson, number: int, source: Source) -> AnnotatedDocument:
    """Return a document with its annotations. Relations are counted.

    document (BioCJson): the document, of any content.
    number (int): its number in the file, which becomes its id if it has none.
    source (Source): the file.
    RETURNS (AnnotatedDocument): the document.
    RAISES (ProjectError): its passages overlap or are far apart.
    RAISES (KeyError, TypeError, ValueError): it is not BioC.
    """
    identifier = note_id(document.get("id")) or f"{source.stem}:{number}"
    parts = [part for passage in document["passages"] for part in passage_parts(passage)]
    # Checks the gaps between passages.
    join_parts((int(part["offset"]), part["text"]) for part in parts)
    row = {"document_id": identifier, "passages": [joinable(part) for part in parts]}
    holders = (*document["passages"], *(part for part in parts if part not in document["passages"]))
    annotations = tuple(
        read_annotation(annotation) for holder in holders for annotation in holder.get("annotations") or ()
    )
    relations = len(document.get("relations") or ())
    return AnnotatedDocument(
        identifier,
        tuple(Passage(kind, text) for kind, text in join_passages(row)),
        annotations,
        left_out={"relations": relations} if relations else {},
    )


def passage_parts(passage: BioCJson) -> list[BioCJson]:
    """Return a passage, or its sentences if it has no text itself, each with the passage's infons."""
    parts = [passage] if passage.get("text") is not None else passage.get("sentences", [])
    return [{**part, "infons": passage.get("infons") or {}} for part in parts]


def joinable(part: BioCJson) -> BioCJson:
    """Return a passage or a sentence as the `bigbio_kb` schema has a passage."""
    start = int(part["offset"])
    end = start + len(part["text"])
    return {"type": part["infons"].get("type") or "passage", "text": [part["text"]], "offsets": [(start, end)]}


def read_annotation(annotation: BioCJson) -> Annotation:
    """Return an annotation as a mention: its type, its id, and its other infons as attributes."""
    infons: Mapping[str, str] = annotation["infons"]
    name = next((name for name in CONCEPT_INFONS if infons.get(name)), None)
    concept = infons[name] if name else NO_CONCEPT
    return Annotation(
        type=infons["type"],
        spans=tuple(annotation_spans(annotation)),
        surface=annotation.get("text"),
        links=() if concept == NO_CONCEPT else links_to(concept),
        attributes={
            key: infon_value(value) for key, value in infons.items() if key not in ("type", CONFIDENCE, *CONCEPT_INFONS)
        },
    )


def infon_value(value: Any) -> Any:
    """Return the value of an infon: what is JSON is parsed, as `with_attributes` writes it."""
    try:
        return json.loads(value)
    except (RecursionError, TypeError, ValueError):
        return value


class BioCWriter(Writer):
    """A document for each document, with its passages, and each mention in the passage in which it begins.

    A mention's infons are its label ("type"), its id ("identifier") if it has one, and its attributes: strings as they
    are, other values as JSON.
    """

    def prepare(self, document: Document) -> BioCDocument:
        check_names(document, XML_UNWRITABLE, "BioC")
        made = BioCDocument()
        made.id = document.id
        starts = accumulate((len(passage.text) + 1 for passage in document.passages[:-1]), initial=0)
        for start, passage in zip(starts, document.passages, strict=True):
            part = BioCPassage()
            part.offset, part.text, part.infons = start, passage.text, {"type": passage.type}
            made.add_passage(part)
        for number, mention in enumerate(document.mentions):
            annotation = make_annotation(mention, number, document.text)
            next(part for part in reversed(made.passages) if part.offset <= mention.start).add_annotation(annotation)
        return made


def make_annotation(mention: Mention, number: int, text: str) -> BioCAnnotation:
    """Return a mention in a text as an annotation."""
    annotation = BioCAnnotation()
    annotation.id, annotation.text = str(number), text[mention.start : mention.end]
    annotation.infons = with_attributes({"type": mention.label, "identifier": mention.concept}, mention, "BioC")
    if not mention.concept:
        del annotation.infons["identifier"]
    annotation.add_location(BioCLocation(mention.start, mention.end - mention.start))
    return annotation


def make_collection(documents: Iterable[BioCDocument]) -> BioCCollection:
    """Return documents as a collection. It has no date, so that two days' runs write the same bytes."""
    collection = BioCCollection()
    collection.date = ""
    for document in documents:
        collection.add_document(document)
    return collection
