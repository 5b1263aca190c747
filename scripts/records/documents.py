"""Documents with their mentions, as the formats read and write them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from scripts.records.mentions import Mention

if TYPE_CHECKING:
    from spacy.tokens import Doc


class Passage(NamedTuple):
    """A part of a document.

    type (str): its type, e.g. "title" or "abstract".
    text (str): its text.
    """

    type: str
    text: str


@dataclass(frozen=True)
class Document:
    """A document with its mentions.

    id (str): its id, e.g. the PMID.
    passages (tuple[Passage, ...]): its text in parts. Empty if it was read from CoNLL, which has words only.
    mentions (tuple[Mention, ...]): its mentions.
    doc (Doc | None): its tokens with the mentions as entities, from which CoNLL and DocBin are written.
    """

    id: str
    passages: tuple[Passage, ...] = field(repr=False)
    mentions: tuple[Mention, ...]
    doc: Doc | None = field(default=None, compare=False, repr=False)

    @cached_property
    def text(self) -> str:
        """Return the passages joined by one space."""
        return " ".join(passage.text for passage in self.passages)
