"""Text with its mentions and sections, built together, so that no offset is looked up in the finished text."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NamedTuple

from scripts.synthetic.terms import Term

# A slot of a template: its number, and whether it is the second of the same field of medicine.
Place = tuple[str, bool]


class MarkedPart(NamedTuple):
    """An attribute of a drug's order in a text.

    start (int): its first character.
    end (int): the end of its last character.
    name (str): the attribute, e.g. "strength".
    value (dict[str, Any]): its value.
    place (Place): the slot of its drug.
    reason (tuple[int, int] | None): for a drug that is taken as needed, where it says what for.
    """

    start: int
    end: int
    name: str
    value: Mapping[str, Any]
    place: Place = ("", False)
    reason: tuple[int, int] | None = None

    def mapped(self, move: Callable[[int], int]) -> "MarkedPart":
        """Return the part with new offsets."""
        reason = self.reason and (move(self.reason[0]), move(self.reason[1]))
        return self._replace(start=move(self.start), end=move(self.end), reason=reason)


class MarkedMention(NamedTuple):
    """A term in a text.

    start (int): its first character.
    end (int): the end of its last character.
    term (Term): the term.
    attributes (frozenset[str]): the names of the attributes that are true of it.
    order (tuple[MarkedPart, ...]): for a drug, how it is ordered.
    """

    start: int
    end: int
    term: Term
    attributes: frozenset[str] = frozenset()
    order: tuple[MarkedPart, ...] = ()

    def mapped(self, move: Callable[[int], int]) -> "MarkedMention":
        """Return the mention with new offsets."""
        order = tuple(part.mapped(move) for part in self.order)
        return self._replace(start=move(self.start), end=move(self.end), order=order)


class MarkedSection(NamedTuple):
    """A section of a text: its category, and the offsets of its title and of what stands under it."""

    category: str
    title: tuple[int, int]
    body: tuple[int, int]

    def moved(self, offset: int) -> "MarkedSection":
        """Return the section with its offsets moved."""
        title, body = ((start + offset, end + offset) for start, end in (self.title, self.body))
        return self._replace(title=title, body=body)


@dataclass(frozen=True)
class MarkedText:
    """A text, the mentions and sections in it in their order, and parts of orders that are not tied to a drug yet."""

    text: str
    mentions: tuple[MarkedMention, ...] = ()
    sections: tuple[MarkedSection, ...] = ()
    parts: tuple[MarkedPart, ...] = ()

    @classmethod
    def of_term(cls, form: str, term: Term, attributes: frozenset[str] = frozenset()) -> "MarkedText":
        """Return a surface form of a term as a text that is one mention."""
        return cls(form, (MarkedMention(0, len(form), term, attributes),))

    @classmethod
    def of_part(cls, text: str, name: str, value: Mapping[str, Any], place: Place) -> "MarkedText":
        """Return a text that is one part of a drug's order, or none if it has no name."""
        return cls(text, parts=(MarkedPart(0, len(text), name, value, place),) if name else ())

    def with_inner(self, inner: Iterable[tuple[str, str, dict[str, Any]]]) -> "MarkedText":
        """Return a part of an order with others inside its text."""
        parts = []
        for name, text, value in inner:
            start = self.text.index(text)
            parts.append(self.parts[0]._replace(start=start, end=start + len(text), name=name, value=value))
        return replace(self, parts=(*self.parts, *parts))

    def __add__(self, other: "MarkedText | str") -> "MarkedText":
        """Append a text."""
        return joined([self, other])

    def capitalized(self) -> "MarkedText":
        """Capitalize the first word, unless its spelling has a capital already ("tPA")."""
        first = self.text.partition(" ")[0]
        return replace(self, text=self.text[0].upper() + self.text[1:]) if first.islower() else self

    def in_case(self, case: str) -> "MarkedText":
        """Return the text in "upper" or "lower" case, or as it is. Letters whose other case is longer stay."""
        change = {"upper": str.upper, "lower": str.lower}.get(case, str)
        changed = "".join(new if len(new := change(letter)) == 1 else letter for letter in self.text)
        return replace(self, text=changed)

    def wrapped(self, width: int, indent: int = 0) -> "MarkedText":
        """Break a text without sections into lines at spaces, including those inside a mention.

        width (int): the maximum number of characters in a line.
        indent (int): the spaces before each line but the first.
        RETURNS (MarkedText): the text with line breaks, and the mentions at their new offsets.
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
            """Return the new offset. A line break replaces a space, so that only the indent moves what follows."""
            return position + indent * bisect_left(breaks, position)

        mentions = tuple(each.mapped(moved) for each in self.mentions)
        return MarkedText(("\n" + " " * indent).join(lines), mentions)


def joined(parts: Iterable[MarkedText | str], separator: str = "") -> MarkedText:
    """Join texts, and move their mentions and sections.

    parts (Iterable[MarkedText | str]): the texts. A string has no mentions.
    separator (str): the text between two of them.
    RETURNS (MarkedText): the joined text.
    """
    texts: list[str] = []
    mentions: list[MarkedMention] = []
    sections: list[MarkedSection] = []
    tied: list[MarkedPart] = []
    length = 0
    for number, part in enumerate(parts):
        marked = part if isinstance(part, MarkedText) else MarkedText(part)
        length += len(separator) if number else 0
        mentions += [mention.mapped(length.__add__) for mention in marked.mentions]
        sections += [section.moved(length) for section in marked.sections]
        tied += [each.mapped(length.__add__) for each in marked.parts]
        texts.append(marked.text)
        length += len(marked.text)
    return MarkedText(separator.join(texts), tuple(mentions), tuple(sections), tuple(tied))
