"""What the writers of all formats share: their interface, their options, and a document as plain values."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from scripts.errors import ProjectError
from scripts.formats.clinical import ClinicalOptions, LinkedVocabulary
from scripts.records.documents import Document
from scripts.records.mentions import Mention

if TYPE_CHECKING:
    from spacy.tokens import Doc

# What ends a column or a line, also for readers that split lines at every line end that Unicode knows.
LINE_BREAK = re.compile("[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")


class WriteOptions(NamedTuple):
    """How to write files.

    keep_text (bool): whether the files may contain more of the texts than the mentions.
    system (str): name and version of the pipeline, for OMOP.
    begun (datetime | None): the date of the run, for OMOP; now if None.
    clinical (ClinicalOptions): how to write FHIR, OMOP and the table.
    vocabulary (LinkedVocabulary): what the ids of mentions are from.
    """

    keep_text: bool = True
    system: str = ""
    begun: datetime | None = None
    clinical: ClinicalOptions = ClinicalOptions()
    vocabulary: LinkedVocabulary = LinkedVocabulary()


WRITE_DEFAULTS = WriteOptions()


class Writer(ABC):
    """How documents are written in a format.

    Each document is first prepared by itself, so that one which the format can't hold can be rejected alone. Offsets
    count characters (code points) of the document's text, its passages joined by one space, in every format.

    options (WriteOptions): how to write.
    """

    suffix: str
    # The fields of `ClinicalOptions` that it uses.
    settings: ClassVar[tuple[str, ...]] = ()
    # Whether it can write files that contain no more of the texts than the mentions.
    can_leave_out_text: ClassVar[bool] = False

    def __init__(self, options: WriteOptions = WRITE_DEFAULTS):
        self.options = options

    @abstractmethod
    def prepare(self, document: Document) -> Any:
        """Return a document as the format has it.

        document (Document): the document.
        RETURNS (Any): what `write` takes.
        RAISES (ProjectError, UnicodeEncodeError): the format can't hold it. The message never quotes the text.
        """

    @abstractmethod
    def write(self, prepared: Sequence[Any], path: Path, *, number_from: int = 1) -> None:
        """Write what was prepared.

        prepared (Sequence[Any]): the prepared documents.
        path (Path): the file or, for brat, the folder to write.
        number_from (int): the number of the first mention, in formats that number them.
        """

    def left_out(self, prepared: Sequence[Any]) -> Counter[str]:
        """Return how many mentions of prepared documents can't be in the files, by the reason."""
        return Counter()


def needed_doc(document: Document) -> Doc:
    """Return a document's tokens.

    RAISES (ValueError): it has none.
    """
    if document.doc is None:
        raise ValueError(f"Document '{document.id}' has no tokens, from which this format is written")
    return document.doc


def document_row(document: Document, *, keep_text: bool) -> dict[str, Any]:
    """Return a document and its mentions as plain values.

    document (Document): the document.
    keep_text (bool): whether the row has its text.
    RETURNS (dict[str, Any]): "id", "text", "entities" and "columns".
    """
    return {
        "id": document.id,
        **({"text": document.text} if keep_text else {}),
        "entities": [mention.to_row(document.text[mention.start : mention.end]) for mention in document.mentions],
        "columns": dict(document.columns),
    }


def with_attributes(fields: Mapping[str, str], mention: Mention, format: str) -> dict[str, str]:
    """Return fields together with a mention's attributes, for formats where both are pairs of name and text.

    fields (Mapping[str, str]): the other fields.
    mention (Mention): the mention.
    format (str): the format's name, for the message.
    RETURNS (dict[str, str]): the fields, and after them the attributes.
    RAISES (ProjectError): an attribute has the name of a field.
    """
    for name in mention.attributes:
        if name in fields:
            raise ProjectError(f"the attribute '{name}' can't be written as {format}, which has a field of that name")
    return {**fields, **{name: attribute_text(value) for name, value in mention.attributes.items()}}


def attribute_text(value: Any) -> str:
    """Return an attribute's value as text: a string as it is, everything else as JSON.

    RAISES (UnicodeEncodeError): UTF-8 can't hold it.
    """
    return encodable(value if isinstance(value, str) else dump_json(value))


def dump_json(value: Any) -> str:
    """Return a value as JSON on one line. By the standard library: srsly rounds numbers to ten digits."""
    return json.dumps(value, ensure_ascii=False)


def encodable(text: str) -> str:
    """Return a text if UTF-8 can hold it: JSON can name half of a surrogate pair, and no file can hold it.

    RAISES (UnicodeEncodeError): it can't.
    """
    text.encode()
    return text


def check_names(document: Document, break_: re.Pattern, format: str) -> None:
    """Check that a format can hold a document's id and its mentions' labels and ids.

    document (Document): the document.
    break_ (re.Pattern): a character that would break the format.
    format (str): the format's name, for the message.
    RAISES (ProjectError): an id or a label has such a character, or is empty.
    RAISES (UnicodeEncodeError): UTF-8 can't hold one.
    """
    labels = {mention.label for mention in document.mentions}
    concepts = {concept for mention in document.mentions for concept in mention.concept.split("|")} - {""}
    for name in (document.id, *sorted(labels | concepts)):
        if not encodable(name) or break_.search(name):
            raise ProjectError(
                f"Document '{document.id}': the id or label {name!r} can't be written as {format}",
                "Ids and labels must not be empty. Use letters, digits and characters such as . : _ -",
            )
