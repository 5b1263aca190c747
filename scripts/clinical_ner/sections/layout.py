"""Layout: the lines of a text, its list items, and which line ends are only wraps within a sentence."""

import re
from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from .sentences import NEVER_LAST

LINE_END = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# What a list item starts with. A sign that also compares or adds needs a word behind it.
BULLETS = "\\-*\u2022\u00b7\u25aa\u25e6\u2023\u25cf\u25cb\u25a0\u25a1\u2013\u2014\u2043\u27a2\u2794"
ITEM = re.compile(
    rf"""(?: [{BULLETS}]+ (?: [ \t]+ | (?=[^\W\d(]|\(\S|\?) )  # - item, *item, -?item
          | [+>]+ [ \t]? (?=[^\W\d])                        # +item, > item
          | \#+ [ \t]*                                      # #item, ## heading, #1
          | \[[ xX]?\] [ \t]*                               # [x] item
          | \(? \d{{1,2}} [.)] (?: [ \t]+ | (?=[^\W\d]) )   # 1. item, (1) item, 1)item
          | \d{{1,2}} [ ]? - [ ] (?=[^\W\d])                # 1 - item
          | \(? (?: [a-zA-Z] | [ivxIVX]{{2,4}} ) \) [ \t]   # a) item, (iv) item
          | (?: [a-hA-H] | [ivxIVX]{{2,4}} ) \. [ \t]+      # a. item, IV. item
        )""",
    re.VERBOSE,
)
# Nobody ends a line of a list with these, so the next line continues it.
CONTINUED = re.compile(
    r"(?:[,/&(\-]|\b(?:an?|the|of|and|or|nor|with|without|for|to|in|on|at|by|from|into|is|was|were|are|be|been|has|had"
    r"|have|his|her|their|as|than|due|since|per|secondary|that|which|who|but|if|when|while|during|after|before|no|not"
    r"|denie[sd]|deny|reports?|reported|any|some|this|these|may|might|can|could|should|would|will|shows?|showed|between"
    r"|through|under|over|such|like|vs|including|include[sd]?|possible|likely|probable|suspected|prior|previous|recent"
    r"|new|old|acute|chronic|known|mild|moderate|severe|further|consider|started|continue|taking|developed))\Z",
    re.IGNORECASE,
)
FINAL = (".", "?", "!", "\u2026")
SHORTEST_WRAPPED, LONGEST_WRAPPED = 40, 132
# How many characters before the right edge people break lines themselves.
RAGGED = 10


class Line(NamedTuple):
    """A line of a text, without white space around it.

    start, end (int): the offsets of its first character, and after its last. Equal if it is blank.
    indent (int): how many characters are before its first.
    content (int): the offset after the signs of a list item; its start if there are none.
    """

    start: int
    end: int
    indent: int
    content: int

    @property
    def is_blank(self) -> bool:
        """Whether it has nothing but white space."""
        return self.start == self.end

    @property
    def is_item(self) -> bool:
        """Whether it starts like an item of a list, or like a heading with a number."""
        return self.content > self.start


def find_lines(text: str) -> list[Line]:
    """Return the lines of a text, blank ones included.

    text (str): any text.
    RETURNS (list[Line]): its lines in order.
    """
    return [make_line(text, start, end) for start, end in line_bounds(text)]


def line_bounds(text: str) -> Iterator[tuple[int, int]]:
    """Yield the offsets of each line, without its end."""
    start = 0
    for match in LINE_END.finditer(text):
        yield start, match.start()
        start = match.end()
    yield start, len(text)


def make_line(text: str, start: int, end: int) -> Line:
    """Return a line from its offsets."""
    content = text[start:end]
    indent = len(content) - len(content.lstrip())
    first = start + indent
    last = max(start + len(content.rstrip()), first)
    item = ITEM.match(text, first, last)
    return Line(first, last, indent, item.end() if item else first)


def find_breaks(text: str, lines: list[Line], headings: Collection[tuple[int, int]]) -> list[int]:
    """Return where lines start something new: an item, a paragraph, a heading, or a line of its own.

    Where a line ends with a full stop the rules for sentences decide, unless what follows is clearly new.

    text (str): the text.
    lines (list[Line]): its lines.
    headings (Collection[tuple[int, int]]): the offsets of the headings. The line after one that ends its line does not
        continue it.
    RETURNS (list[int]): offsets in order.
    """
    width = find_width(text, lines)
    first, last = {start for start, _ in headings}, {end for _, end in headings}
    breaks, before = [], None
    for line in lines:
        if not line.is_blank and (
            before is None
            or before.is_blank
            or line.is_item
            or line.start in first
            or before.end in last
            or not is_continuation(text, before, line, width, inside=before.start not in breaks[-1:])
        ):
            breaks.append(line.start)
        before = line
    return breaks


def find_width(text: str, lines: Sequence[Line]) -> int | None:
    """Find the width at which a text's lines were wrapped.

    Where a line continues in lower case, it was wrapped. Without such a line, several lines of nearly the same length
    are evidence.

    text (str): the text.
    lines (list[Line]): its lines.
    RETURNS (int | None): the width in characters, or None if the text does not look wrapped.
    """
    lengths = [line_length(line) for line in lines if SHORTEST_WRAPPED <= line_length(line) <= LONGEST_WRAPPED]
    wrapped = [
        line_length(line)
        for line, after in pairwise(lines)
        if SHORTEST_WRAPPED <= line_length(line) <= LONGEST_WRAPPED
        and text[after.start : after.start + 1].islower()
        and not after.is_item
        and not text.endswith((*FINAL, ":"), line.start, line.end)
    ]
    if wrapped:
        return max(wrapped)
    edge = max(lengths, default=0)
    return edge if sum(length > edge - RAGGED for length in lengths) >= 3 else None


def line_length(line: Line) -> int:
    """Return the number of characters from the left margin to a line's last."""
    return line.indent + line.end - line.start


def is_continuation(text: str, before: Line, line: Line, width: int | None, *, inside: bool) -> bool:
    """Return whether a line continues the sentence of the line before, or may: after a full stop others decide.

    text (str): the text.
    before, line (Line): two lines, neither of them blank.
    width (int | None): the width at which lines were wrapped, None if they were not.
    inside (bool): whether the line before continues another.
    RETURNS (bool): whether it does.
    """
    last, first = text[before.end - 1], text[line.start]
    if last == ":":
        return False
    if last == "." and text[before.start : before.end - 1].rpartition(" ")[2].lower() in NEVER_LAST:
        return True
    fits = line_length(before) + 1 + first_word_length(text, line)
    if last in FINAL:
        return width is not None and fits > width - RAGGED
    if CONTINUED.search(text, max(before.start, before.end - 12), before.end):
        return True
    if first.isupper() or first.isdigit():
        return width is not None and line_length(before) <= width < fits
    if line.indent > before.indent and before.is_item:
        return True
    if width is not None and line_length(before) >= SHORTEST_WRAPPED:
        return fits > width - RAGGED
    # A short sentence may be wrapped too, and so may a short line inside a paragraph, where someone has edited it.
    # Another short line in lower case is rather one of several.
    if inside and line_length(line) >= SHORTEST_WRAPPED:
        return True
    return text[before.content].isupper() and text.count(" ", before.content, before.end) >= 3


def first_word_length(text: str, line: Line) -> int:
    """Return the length of a line's first word."""
    space = text.find(" ", line.start, line.end)
    return (line.end if space < 0 else space) - line.start
