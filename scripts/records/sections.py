"""The sections of a document: which part of the text is of which category, and under which title."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# "## 3. Past medical history:" has the title "Past medical history".
BEFORE_TITLE = re.compile(r"[\W_]*(?:(?:\d+|[IVX]+)[.)][\W_]+)?")


class Section(NamedTuple):
    """A section of a document, annotated or predicted.

    category (str): what it is about, by medspaCy's names, e.g. "past_medical_history".
    title (tuple[int, int]): offsets of its title. Numbers, markup and punctuation around it don't count.
    body (tuple[int, int]): offsets of the text under it.
    """

    category: str
    title: tuple[int, int]
    body: tuple[int, int]


def trim_title(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the offsets of a title without the number, markup and punctuation around it.

    text (str): the document's text.
    start (int): offset of the heading's first character.
    end (int): offset after its last character.
    RETURNS (tuple[int, int]): the offsets of the title; those given if nothing would be left.
    """
    heading = text[start:end]
    before = BEFORE_TITLE.match(heading)
    left = before.end() if before else 0
    title = re.sub(r"[\W_]+\Z", "", heading[left:])
    return (start + left, start + left + len(title)) if title else (start, end)


def gold_sections(record: Mapping[str, Any]) -> list[Section] | None:
    """Return the annotated sections of a record by position, or None if a passage has no such annotation.

    record (Mapping[str, Any]): the record. Offsets are those of the document, as for entities.
    RETURNS (list[Section] | None): the sections.
    """
    passages = record["passages"]
    if any(passage.get("sections") is None for passage in passages):
        return None
    found = [section for passage in passages for section in passage["sections"]]
    return sorted(
        (Section(each["category"], as_offsets(each["title"]), as_offsets(each["body"])) for each in found),
        key=lambda section: section.title,
    )


def as_offsets(pair: Sequence[int]) -> tuple[int, int]:
    """Return the offsets of a list of two."""
    start, end = pair
    return start, end


def section_at(sections: Sequence[Section], offset: int) -> str | None:
    """Return the category of the section whose body holds a character, or None if there is none."""
    return next((each.category for each in reversed(sections) if each.body[0] <= offset < each.body[1]), None)
