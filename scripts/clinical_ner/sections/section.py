"""The sections of a document, and the attributes of documents, spans and tokens that read them.

Names and types are medspaCy's, so that code written for it keeps working.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from functools import partial
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


Reader = Callable[[Doc, Section], Any]


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
    Doc.set_extension("sections", getter=get_sections, force=True)
    # Partials, because worker processes that are not forks get the getters pickled.
    for name, read in READERS.items():
        Token.set_extension(name, getter=partial(of_token, read=read), force=True)
        Span.set_extension(name, getter=partial(of_span, read=read), force=True)
    for name, read in DOC_READERS.items():
        Doc.set_extension(name, getter=partial(of_doc, read=read), force=True)


def of_token(token: Token, read: Reader) -> Any:
    """Return what `read` returns for the section of a token, or None if no component looked for sections."""
    section = section_at(token.doc, token.i)
    return None if section is None else read(token.doc, section)


def of_span(span: Span, read: Reader) -> Any:
    """Return what `read` returns for the section of a span's first token; None if no component looked for sections."""
    section = section_at(span.doc, span.start)
    return None if section is None else read(span.doc, section)


def of_doc(doc: Doc, read: Reader) -> list[Any] | None:
    """Return what `read` returns for each section, or None if no component looked for sections."""
    sections = get_sections(doc)
    return None if sections is None else [read(doc, section) for section in sections]


def read_section(doc: Doc, section: Section) -> Section:
    """Return the section itself."""
    return section


def read_category(doc: Doc, section: Section) -> str | None:
    """Return the category of a section."""
    return section.category


def read_code(doc: Doc, section: Section) -> str | None:
    """Return the LOINC code of a section."""
    return section.code


def read_parent(doc: Doc, section: Section) -> str | None:
    """Return the category of the section that a section is a part of."""
    return section.parent


def read_title(doc: Doc, section: Section) -> Span | None:
    """Return the heading of a section, or None if it has none."""
    return doc[section.title_start : section.title_end] if section.title_start < section.title_end else None


def read_body(doc: Doc, section: Section) -> Span:
    """Return a section without its heading."""
    return doc[section.body_start : section.body_end]


def read_span(doc: Doc, section: Section) -> Span:
    """Return a section with its heading."""
    return doc[section.title_start : section.body_end]


# By the attribute's name, of spans and tokens and of documents.
READERS: dict[str, Reader] = {
    "section": read_section,
    "section_category": read_category,
    "section_code": read_code,
    "section_parent": read_parent,
    "section_title": read_title,
    "section_body": read_body,
    "section_span": read_span,
}
DOC_READERS: dict[str, Reader] = {
    "section_categories": read_category,
    "section_titles": read_title,
    "section_parents": read_parent,
    "section_bodies": read_body,
    "section_spans": read_span,
}
