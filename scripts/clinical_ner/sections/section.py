"""The sections of a document, and the attributes of documents, spans and tokens that read them.

Names and types are medspaCy's, so that code written for it keeps working.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from typing import Any

from spacy.tokens import Doc, Span, Token

# Where a document holds its sections, as plain tuples: they go through DocBin, to_bytes and n_process.
KEY = "clinical_sections"


@dataclass(frozen=True)
class Section:
    """A part of a document.

    category (str | None): what it is, e.g. "past_medical_history". None before the first heading, and after a heading
        that holds for its line only.
    title_start, title_end (int): the heading's first token, and the one after its last. Equal if there is none.
    body_start, body_end (int): the first token after the heading, and the one after the section's last.
    parent (str | None): the category of the section that it is a part of; None if it is in no other.
    code (str | None): the LOINC code of its kind.
    """

    category: str | None
    title_start: int
    title_end: int
    body_start: int
    body_end: int
    parent: str | None = None
    code: str | None = None

    @property
    def title_span(self) -> tuple[int, int]:
        """The heading's first token, and the one after its last."""
        return self.title_start, self.title_end

    @property
    def body_span(self) -> tuple[int, int]:
        """The first token after the heading, and the one after the section's last."""
        return self.body_start, self.body_end

    @property
    def section_span(self) -> tuple[int, int]:
        """The section's first token, heading included, and the one after its last."""
        return self.title_start, self.body_end


def store_sections(doc: Doc, sections: Iterable[Section]) -> None:
    """Store the sections of a document in it.

    doc (Doc): the document.
    sections (Iterable[Section]): its sections in order. Together they cover all tokens.
    """
    doc.user_data[KEY] = [astuple(section) for section in sections]


def get_sections(doc: Doc) -> list[Section] | None:
    """Return the sections of a document in order, or None if no component looked for them."""
    stored = doc.user_data.get(KEY)
    return None if stored is None else [Section(*values) for values in stored]


def section_at(doc: Doc, index: int) -> Section | None:
    """Return the section of a token, or None if no component looked for sections.

    doc (Doc): the document.
    index (int): the token's index.
    RETURNS (Section | None): the section that the token is in.
    """
    stored = doc.user_data.get(KEY)
    return Section(*stored[bisect_right(stored, index, key=title_start) - 1]) if stored else None


def title_start(stored: tuple) -> int:
    """Return the index of the first token of a stored section."""
    return stored[1]


def add_extensions() -> None:
    """Add the attributes of documents, spans and tokens, in the place of those of another copy of the library."""
    for name, read in SECTION_GETTERS.items():
        Token.set_extension(name, getter=token_getter(read), force=True)
        Span.set_extension(name, getter=span_getter(read), force=True)
    Doc.set_extension("sections", getter=get_sections, force=True)
    for name, read in DOC_GETTERS.items():
        Doc.set_extension(name, getter=doc_getter(SECTION_GETTERS[read]), force=True)


def token_getter(read: Callable[[Doc, Section], Any]) -> Callable[[Token], Any]:
    """Return a getter for tokens."""
    return lambda token: read_at(token.doc, token.i, read)


def span_getter(read: Callable[[Doc, Section], Any]) -> Callable[[Span], Any]:
    """Return a getter for spans. The section of a span is that of its first token."""
    return lambda span: read_at(span.doc, span.start, read)


def doc_getter(read: Callable[[Doc, Section], Any]) -> Callable[[Doc], Any]:
    """Return a getter for documents: a value for each section, or None if no component looked for sections."""

    def get(doc: Doc) -> list[Any] | None:
        sections = get_sections(doc)
        return None if sections is None else [read(doc, section) for section in sections]

    return get


def read_at(doc: Doc, index: int, read: Callable[[Doc, Section], Any]) -> Any:
    """Return what `read` finds in the section of a token, or None if no component looked for sections."""
    section = section_at(doc, index)
    return None if section is None else read(doc, section)


def title(doc: Doc, section: Section) -> Span | None:
    """Return the heading of a section, or None if it has none."""
    return doc[section.title_start : section.title_end] if section.title_start < section.title_end else None


SECTION_GETTERS: dict[str, Callable[[Doc, Section], Any]] = {
    "section": lambda doc, section: section,
    "section_category": lambda doc, section: section.category,
    "section_code": lambda doc, section: section.code,
    "section_parent": lambda doc, section: section.parent,
    "section_title": title,
    "section_body": lambda doc, section: doc[section.body_start : section.body_end],
    "section_span": lambda doc, section: doc[section.title_start : section.body_end],
}
DOC_GETTERS = {
    "section_categories": "section_category",
    "section_titles": "section_title",
    "section_parents": "section_parent",
    "section_bodies": "section_body",
    "section_spans": "section_span",
}
