"""spaCy's DocBin, written from the tokens. Attributes and confidences are where spaCy keeps them: `ent._.<name>`."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.errors import ProjectError
from scripts.formats.reading import ReadOptions, Source
from scripts.formats.writing import Writer, dump_json, encodable, needed_doc
from scripts.records.annotated import AnnotatedDocument, Annotation, LeftOut, links_to
from scripts.records.documents import Document, Passage

if TYPE_CHECKING:
    from spacy.tokens import Doc, DocBin, Span

# The attributes of tokens that are stored, by `convert` too.
DOC_BIN_ATTRS = ("SENT_START", "ENT_IOB", "ENT_TYPE", "ENT_KB_ID", "ENT_ID")
# Where `convert` puts the annotated sections in a Doc's user_data.
GOLD_SECTIONS = "gold_sections"
# Where it puts the name of a document's corpus, if the profile has several.
CORPUS = "corpus"
DOCUMENT_ID = "document_id"
# How spaCy marks the value of an extension in a Doc's user_data: ("._.", name, start, end).
EXTENSION, CONFIDENCE = "._.", "confidence"


def read_annotated(
    file: io.BufferedReader, source: Source, options: ReadOptions
) -> Iterator[AnnotatedDocument | LeftOut]:
    """Read the documents of a DocBin: their entities or, if none has any, the spans in their groups.

    RAISES (ProjectError): the file is no DocBin.
    """
    from spacy.vocab import Vocab

    try:
        docs = list(make_doc_bin().from_bytes(file.read()).get_docs(Vocab()))
    # What a damaged file raises may be anything; a DocBin is msgpack, and no code is run.
    except (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError, zlib.error) as error:
        raise ProjectError(
            f"{source.name}: not a DocBin of spaCy ({type(error).__name__})", "Is the file cut short?"
        ) from None
    in_groups = not any(doc.ents for doc in docs)
    for number, doc in enumerate(docs, start=1):
        identifier = doc.user_data.get(DOCUMENT_ID)
        spans = [span for group in doc.spans.values() for span in group] if in_groups else doc.ents
        yield AnnotatedDocument(
            identifier if isinstance(identifier, str) and identifier else f"{source.stem}:{number}",
            (Passage("note", doc.text),),
            tuple(span_annotation(span) for span in spans),
        )


def span_annotation(span: Span) -> Annotation:
    """Return a span as an annotation, with the values of extensions that JSON can hold.

    They are taken from where spaCy keeps them: the extensions themselves need not exist in this process.
    """
    place = (span.start_char, span.end_char)
    values = {
        key[1]: value
        for key, value in span.doc.user_data.items()
        if isinstance(key, tuple) and len(key) == 4 and key[0] == EXTENSION and key[2:] == place
    }
    confidence = values.pop(CONFIDENCE, None)
    return Annotation(
        type=span.label_,
        spans=(place,),
        surface=span.text,
        links=links_to(span.kb_id_),
        attributes={name: json.loads(dump_json(value)) for name, value in values.items() if is_plain(value)},
        confidence=confidence if isinstance(confidence, float) else None,
    )


def is_plain(value: Any) -> bool:
    """Return whether an attribute's value is there, and can be written as JSON."""
    try:
        json.dumps(value, allow_nan=False)
    except (RecursionError, TypeError, ValueError):
        return False
    return value is not None


def make_doc_bin(docs: Iterable[Doc] = ()) -> DocBin:
    """Return documents as a DocBin, each with its id in `doc.user_data["document_id"]`."""
    # spaCy imports torch, which takes seconds, and most commands that know the formats load no pipeline.
    from spacy.tokens import DocBin

    return DocBin(attrs=DOC_BIN_ATTRS, store_user_data=True, docs=docs)


class DocBinWriter(Writer):
    """A DocBin of all documents."""

    suffix = ".spacy"

    def prepare(self, document: Document) -> bytes:
        """Return a DocBin of one document, which another process can take: a Doc would bring its vocabulary."""
        doc = needed_doc(document)
        doc.user_data["document_id"] = encodable(document.id)
        try:
            return make_doc_bin([doc]).to_bytes()
        except (OverflowError, TypeError, ValueError) as error:
            raise ProjectError(
                f"a value in its user_data can't be written as DocBin ({type(error).__name__})"
            ) from error

    def write(self, prepared: Sequence[bytes], path: Path, *, number_from: int = 1) -> None:
        whole = make_doc_bin()
        for one in prepared:
            whole.merge(make_doc_bin().from_bytes(one))
        whole.to_disk(path)
