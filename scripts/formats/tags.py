"""Tags of words, as CoNLL files and token classification data have them, and the mentions that they make.

IOB1, IOB2 (BIO), BILUO, BIOES, BMES and plain types are read alike. They differ only in what two mentions of one type
without a word between them look like.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

OUTSIDE = {"O", "-", "_", ""}
# Begin, inside, last, unit, and the names that other schemes have for these: end, single, middle.
TAG = re.compile(r"([BILUESM])(?:[-_](.+))?", re.DOTALL)
BEGINNING, ENDING = "BUS", "LEUS"
# The type of mentions whose tags have none.
UNTYPED = "Entity"


class Tagged(NamedTuple):
    """A mention: its type, its first word, and the one after its last."""

    type: str
    start: int
    end: int


class Words:
    """Words that are put together to a text, one space between two and a line end after a sentence.

    So the text has the words, and not the white space that was between them.
    """

    def __init__(self) -> None:
        self.text = ""
        self.starts: list[int] = []
        self.ends: list[int] = []

    def add(self, words: Sequence[str]) -> int:
        """Add a sentence, and return the number of its first word."""
        first = len(self.starts)
        place = len(self.text) + bool(self.text)
        for word in words:
            self.starts.append(place)
            self.ends.append(place + len(word))
            place += len(word) + 1
        self.text = "\n".join(filter(None, (self.text, " ".join(words))))
        return first

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the offsets of words, `end` exclusive."""
        return self.starts[start], self.ends[end - 1]


def parse_tag(tag: str) -> tuple[str, str]:
    """Return the place of a word in a mention, one of the letters of `TAG` or "O", and the mention's type."""
    if tag in OUTSIDE:
        return "O", ""
    found = TAG.fullmatch(tag)
    # Without a place, the tag is a type: "Disease" for each word of a disease.
    return (found[1], found[2] or UNTYPED) if found else ("I", tag)


def tagged_mentions(tags: Sequence[str]) -> tuple[list[Tagged], int]:
    """Return the mentions of a sentence.

    tags (Sequence[str]): the tag of each word.
    RETURNS (tuple[list[Tagged], int]): the mentions, and how many of them don't begin with B, U or S: all of several
        words in IOB1, and mistakes in the other schemes.
    """
    mentions: list[Tagged] = []
    without_beginning, is_open = 0, False
    for number, (place, kind) in enumerate(map(parse_tag, tags)):
        if place == "O":
            is_open = False
            continue
        if is_open and place not in BEGINNING and mentions[-1].type == kind:
            mentions[-1] = mentions[-1]._replace(end=number + 1)
        else:
            without_beginning += place not in BEGINNING
            mentions.append(Tagged(kind, number, number + 1))
        is_open = place not in ENDING
    return mentions, without_beginning
