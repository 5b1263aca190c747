"""A document with its mentions, as the formats read and write it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from scripts.records.mentions import Mention

if TYPE_CHECKING:
    from spacy.tokens import Doc


class Passage(NamedTuple):
    """A part of a document.

    type (str): what it is, e.g. "title" or "abstract".
    text (str): its text.
    """

    type: str
    text: str


@dataclass(frozen=True)
class Document:
    """A document with its mentions, as every writer takes it.

    id (str): its id, e.g. the PMID.
    passages (tuple[Passage, ...]): its text in parts.
    mentions (tuple[Mention, ...]): its mentions.
    doc (Doc | None): its tokens, with the mentions as entities. CoNLL and DocBin are written from them.
    columns (Mapping[str, Any]): the other columns of its row in the input. They can be written as JSON.
    """

    id: str
    passages: tuple[Passage, ...] = field(repr=False)
    mentions: tuple[Mention, ...]
    doc: Doc | None = field(default=None, compare=False, repr=False)
    columns: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)

    @cached_property
    def text(self) -> str:
        """The passages joined by one space."""
        return " ".join(passage.text for passage in self.passages)
