"""Text and the mentions in it, grown together: an offset is never looked up in a finished text."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from scripts.synthetic.terms import Term


class Mention(NamedTuple):
    """Where a term stands in a text, in characters."""

    start: int
    end: int
    term: Term


@dataclass(frozen=True)
class MarkedText:
    """A piece of text and the mentions in it, from first to last."""

    text: str
    mentions: tuple[Mention, ...] = ()

    @classmethod
    def of_term(cls, form: str, term: Term) -> "MarkedText":
        """Give a term's surface form as a text that is one mention."""
        return cls(form, (Mention(0, len(form), term),))

    def __add__(self, other: "MarkedText | str") -> "MarkedText":
        """Put a text behind this one."""
        return joined([self, other])

    def capitalized(self) -> "MarkedText":
        """Write the first word with a capital, unless its own spelling has one ("tPA")."""
        first = self.text.partition(" ")[0]
        return replace(self, text=self.text[0].upper() + self.text[1:]) if first.islower() else self

    def wrapped(self, width: int, indent: int = 0) -> "MarkedText":
        """Break the text into lines at spaces, also at those inside a mention.

        width (int): the characters in a line, at most.
        indent (int): the spaces before each line but the first.
        RETURNS (MarkedText): the text with line ends, and the mentions where they are now.
        """
        breaks: list[int] = []
        start, room = 0, width
        while len(self.text) - start > room:
            cut = self.text.rfind(" ", start + 1, start + room + 1)
            cut = cut if cut > 0 else self.text.find(" ", start + room)
            if cut < 0:
                break
            breaks.append(cut)
            start, room = cut + 1, width - indent
        bounds = [-1, *breaks, len(self.text)]
        lines = [self.text[before + 1 : end] for before, end in pairwise(bounds)]

        def moved(position: int) -> int:
            """The line end takes the place of the space, so only the indent moves what comes behind it."""
            return position + indent * bisect_left(breaks, position)

        mentions = tuple(Mention(moved(each.start), moved(each.end), each.term) for each in self.mentions)
        return MarkedText(("\n" + " " * indent).join(lines), mentions)


def joined(pieces: Iterable[MarkedText | str], separator: str = "") -> MarkedText:
    """Put texts one behind the other, and move their mentions along.

    pieces (Iterable[MarkedText | str]): the texts; a plain string has no mentions.
    separator (str): what stands between two of them.
    RETURNS (MarkedText): the whole.
    """
    texts: list[str] = []
    mentions: list[Mention] = []
    length = 0
    for number, piece in enumerate(pieces):
        marked = piece if isinstance(piece, MarkedText) else MarkedText(piece)
        length += len(separator) if number else 0
        mentions += [Mention(each.start + length, each.end + length, each.term) for each in marked.mentions]
        texts.append(marked.text)
        length += len(marked.text)
    return MarkedText(separator.join(texts), tuple(mentions))
