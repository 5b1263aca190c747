"""A picture of an annotated note: each mention highlighted, with its label, confidence and attributes under it.

In: a text and its mentions. Out: an SVG with text as text, which loads nothing and has a light and a dark mode.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from scripts.records.mentions import Mention

# Sizes in pixels. Every run of characters is stretched to its place, so that any monospaced font fits.
CHARACTER, FONT, LINE = 8.4, 14, 22
SMALL_CHARACTER, SMALL_FONT, SMALL_LINE = 6.6, 11, 13
MARGIN, GAP = 20, 6
LONGEST_ATTRIBUTE = 32
# What begins a heading or an item of a list.
NEW_LINE = re.compile(r"\s*(?:[A-Z][A-Z/ ]*:|[-*\u2022]|\d+[.)])")
# Fill and text colour of each label in light and dark mode: those of the service's page.
LIGHT = (("#dceafb", "#0b5fae"), ("#fde6d6", "#b3470a"), ("#d3f2ee", "#0c6b63"), ("#f1e2fa", "#74359a"))
DARK = (("#14365a", "#7dbbf7"), ("#532a0d", "#f7a069"), ("#0b4640", "#5fd3c5"), ("#46225e", "#d3a5f2"))


class Line(NamedTuple):
    """A line of the picture: the text from `start` to `end`."""

    start: int
    end: int


class Note(NamedTuple):
    """The description under a mention.

    column (int): the column of its first character.
    lines (list[str]): its lines.
    mention (Mention): the mention.
    """

    column: int
    lines: list[str]
    mention: Mention


def draw_note(text: str, mentions: Sequence[Mention], *, caption: str, width: int = 64) -> str:
    """Draw an annotated note.

    text (str): the text of the note.
    mentions (Sequence[Mention]): its mentions by position, without overlaps.
    caption (str): a line under the note.
    width (int): the maximum number of characters in a line.
    RETURNS (str): the SVG.
    """
    colours = {label: number % len(LIGHT) for number, label in enumerate(sorted({m.label for m in mentions}))}
    body: list[str] = []
    y = float(MARGIN)
    for line in fold(text, mentions, width):
        drawn, height = draw_line(line, text, mentions, colours, y=y, width=width)
        body += drawn
        y += height
    y += GAP
    body.append(draw_text(caption, MARGIN, y + SMALL_FONT, SMALL_CHARACTER, "small"))
    height = y + SMALL_LINE + MARGIN
    full_width = 2 * MARGIN + max(width * CHARACTER, len(caption) * SMALL_CHARACTER)
    size = f'width="{number(full_width)}" height="{number(height)}"'
    found = "; ".join(f"{' '.join(text[m.start : m.end].split())}: {', '.join(describe(m))}" for m in mentions)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {number(full_width)} {number(height)}" {size}'
            ' role="img" xml:space="preserve">',
            "<title>A note with its mentions highlighted</title>",
            f"<desc>{escape(found)}</desc>",
            f"<style>{style()}</style>",
            f'<rect class="page" {size} rx="8"/>',
            *body,
            "</svg>\n",
        ]
    )


def style() -> str:
    """Return the style sheet of the picture."""
    fonts = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
    light = colour_rules(LIGHT, page="#ffffff", border="#c6cdd6", text="#1b2129", soft="#4d5866")
    dark = colour_rules(DARK, page="#12161c", border="#3d4754", text="#e8ecf1", soft="#b0bac6")
    return (
        f"text{{{fonts};font-size:{FONT}px}}.small{{font-size:{SMALL_FONT}px}}"
        f"{light}@media(prefers-color-scheme:dark){{{dark}}}"
    )


def colour_rules(labels: Sequence[tuple[str, str]], *, page: str, border: str, text: str, soft: str) -> str:
    """Return the rules with the colours of one mode."""
    rules = [f".page{{fill:{page};stroke:{border}}}", f"text{{fill:{text}}}", f".small{{fill:{soft}}}"]
    for place, (fill, line) in enumerate(labels):
        rules += [f".fill{place}{{fill:{fill};stroke:{line}}}", f".label{place}{{fill:{line};font-weight:600}}"]
    return "".join(rules)


def fold(text: str, mentions: Sequence[Mention], width: int) -> Iterator[Line]:
    """Yield the lines of a note, wrapped to a width. Lines that were wrapped in the note are joined first.

    text (str): the text.
    mentions (Sequence[Mention]): its mentions, which stay on one line.
    width (int): the maximum number of characters in a line. What can't be broken may be longer.
    YIELDS (Line): the lines.
    """
    physical = list(physical_lines(text.rstrip()))
    limit = max(line.end - line.start for line in physical)
    start = None
    for line, after in zip(physical, [*physical[1:], None], strict=True):
        start = line.start if start is None else start
        if after and (
            any(mention.start < line.end and after.start < mention.end for mention in mentions)
            or was_wrapped(text[line.start : line.end], text[after.start : after.end], limit)
        ):
            continue
        yield from wrap(unbreakable(text, mentions, Line(start, line.end)), start, width)
        start = None


def physical_lines(text: str) -> Iterator[Line]:
    """Yield the lines of a text without their ends."""
    start = 0
    for line in text.split("\n"):
        yield Line(start, start + len(line))
        start += len(line) + 1


def was_wrapped(line: str, after: str, limit: int) -> bool:
    """Return whether a line ends only because the first word of the next would have exceeded the limit."""
    if not line.strip() or not after.strip() or NEW_LINE.match(after):
        return False
    return len(line) + 1 + len(after.split()[0]) > limit


def unbreakable(text: str, mentions: Sequence[Mention], line: Line) -> list[Line]:
    """Return the words of a line. Words of the same mention count as one."""
    words: list[Line] = []
    for match in re.finditer(r"\S+", text[line.start : line.end]):
        start, end = line.start + match.start(), line.start + match.end()
        if words and any(mention.start < words[-1].end and start < mention.end for mention in mentions):
            words[-1] = Line(words[-1].start, end)
        else:
            words.append(Line(start, end))
    return words


def wrap(words: Sequence[Line], start: int, width: int) -> Iterator[Line]:
    """Yield lines of words that are not longer than the width, if the words allow it.

    words (Sequence[Line]): the words.
    start (int): where the first line starts, so that its indentation is kept.
    width (int): the maximum number of characters in a line.
    YIELDS (Line): the lines; an empty one if there are no words.
    """
    end = start
    for word in words:
        if word.end - start > width and end > start:
            yield Line(start, end)
            start = word.start
        end = word.end
    yield Line(start, end)


def draw_line(
    line: Line, text: str, mentions: Sequence[Mention], colours: Mapping[str, int], *, y: float, width: int
) -> tuple[list[str], float]:
    """Draw a line with the descriptions under its mentions.

    line (Line): the line.
    text (str): the text of the note.
    mentions (Sequence[Mention]): the mentions of the note.
    colours (Mapping[str, int]): the number of each label's colours.
    y (float): the top of the line.
    width (int): the number of characters in the longest line.
    RETURNS (tuple[list[str], float]): its elements and its height.
    """
    boxes, runs, notes, end = [], [], [], line.start
    for mention in mentions:
        start, stop = max(mention.start, line.start), min(mention.end, line.end)
        if start >= stop:
            continue
        column = start - line.start
        runs += [(end, start), (start, stop)]
        end = stop
        boxes.append(
            f'<rect class="fill{colours[mention.label]}" x="{number(MARGIN + column * CHARACTER - 2)}"'
            f' y="{number(y + 1)}" width="{number((stop - start) * CHARACTER + 4)}" height="{LINE - 3}" rx="3"/>'
        )
        # A mention that goes on from the line before was described there.
        if start == mention.start:
            notes.append(Note(column, describe(mention), mention))
    runs.append((end, line.end))
    words = [
        draw_text(text[start:stop].replace("\n", " "), MARGIN + (start - line.start) * CHARACTER, y + 15, CHARACTER)
        for start, stop in runs
    ]
    under, height = draw_notes(notes, colours, y=y + LINE, right=MARGIN + width * CHARACTER)
    return [*boxes, *filter(None, words), *under], LINE + (height + GAP if height else 0)


def draw_notes(notes: Sequence[Note], colours: Mapping[str, int], *, y: float, right: float) -> tuple[list[str], float]:
    """Draw the descriptions under a line, each as high as it can be without touching another.

    notes (Sequence[Note]): the descriptions from left to right.
    colours (Mapping[str, int]): the number of each label's colours.
    y (float): the top of the first row.
    right (float): where a description must end.
    RETURNS (tuple[list[str], float]): the elements and their height.
    """
    drawn: list[str] = []
    # Where each row is free again.
    free: list[float] = []
    for note in notes:
        size = max(map(len, note.lines)) * SMALL_CHARACTER
        x = max(MARGIN, min(MARGIN + note.column * CHARACTER, right - size))
        row = next(row for row in range(len(free) + 1) if all(end <= x for end in free[row : row + len(note.lines)]))
        free += [0.0] * (row + len(note.lines) - len(free))
        for place, line in enumerate(note.lines, start=row):
            kind = f"small label{colours[note.mention.label]}" if place == row else "small"
            drawn.append(draw_text(line, x, y + place * SMALL_LINE + 10, SMALL_CHARACTER, kind))
            free[place] = x + size + SMALL_CHARACTER
    return drawn, len(free) * SMALL_LINE


def describe(mention: Mention) -> list[str]:
    """Return the lines under a mention: its label with the confidence, its code, and its attributes."""
    confidence = "" if mention.confidence is None else f" {mention.confidence:.2f}"
    attributes = [describe_attribute(name, value) for name, value in mention.attributes.items()]
    return [f"{mention.label}{confidence}", *filter(None, [mention.concept, *attributes])]


def describe_attribute(name: str, value: Any) -> str:
    """Return an attribute on one line; an empty string if it is false or empty."""
    if value is True:
        return name
    if value is False or value in ("", [], {}):
        return ""
    if isinstance(value, Mapping):
        value = " ".join(str(inner) for inner in value.values() if inner is not None)
    elif isinstance(value, list):
        value = ", ".join(map(str, value))
    line = f"{name}: {value}"
    return line if len(line) <= LONGEST_ATTRIBUTE else f"{line[: LONGEST_ATTRIBUTE - 1]}…"


def draw_text(text: str, x: float, y: float, character: float, kind: str = "") -> str:
    """Return a text at a place, as wide as its number of characters; an empty string if it is blank."""
    shown = text.strip()
    if not shown:
        return ""
    x += (len(text) - len(text.lstrip())) * character
    named = f' class="{kind}"' if kind else ""
    length = number(len(shown) * character)
    return (
        f'<text{named} x="{number(x)}" y="{number(y)}" textLength="{length}"'
        f' lengthAdjust="spacingAndGlyphs">{escape(shown, quote=False)}</text>'
    )


def number(value: float) -> str:
    """Return a size with at most one decimal."""
    return f"{value:.1f}".removesuffix(".0")
