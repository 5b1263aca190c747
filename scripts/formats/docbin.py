"""spaCy's DocBin, written from the tokens. Attributes and confidences are where spaCy keeps them: `ent._.<name>`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.errors import ProjectError
from scripts.formats.writing import Writer, encodable, needed_doc
from scripts.records.documents import Document

if TYPE_CHECKING:
    from spacy.tokens import Doc, DocBin

# The attributes of tokens that are stored, by `convert` too.
DOC_BIN_ATTRS = ("SENT_START", "ENT_IOB", "ENT_TYPE", "ENT_KB_ID", "ENT_ID")
# Where `convert` puts the annotated sections in a Doc's user_data.
GOLD_SECTIONS = "gold_sections"
# Where it puts the name of a document's corpus, if the profile has several.
CORPUS = "corpus"


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
