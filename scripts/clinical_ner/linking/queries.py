"""What the linker asks for: the mentions of a text, with the names that the text has for the same thing."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from ..ner.abbreviations import find_definitions

WORD_WITH_SIGNS = re.compile(r"[\w+-]+")
BRACKET_OPENS, BRACKET_CLOSES = re.compile(r"\s?[(\[]\s?"), re.compile(r"\s?[)\]]")

# The start, end and label of a mention.
Place = tuple[int, int, str]


class Query(NamedTuple):
    """A mention to link.

    surface (str): its text.
    long (str): its text with the abbreviations that the document defines written out.
    label (str): its label.
    beside (str): the mention on the other side of a bracket, "amrubicin" for "SM-5887" in "amrubicin (SM-5887)". Empty
        if there is none.
    """

    surface: str
    long: str
    label: str
    beside: str = ""


def make_queries(text: str, places: Sequence[Place]) -> list[Query]:
    """Return the mentions of a text as the linker asks for them: the same query for the same words and label.

    text (str): the text.
    places (Sequence[Place]): the mentions.
    RETURNS (list[Query]): a query for each mention.
    """
    beside = find_beside(text, places)
    longs = long_forms(text)
    # Of "combined oral contraceptives (COCs)", the shortest long form with the letters is "contraceptives".
    longs |= {short: other for (short, _), other in beside.items() if short in longs and other.endswith(longs[short])}
    letters = {one: other for one, other in beside.items() if is_initial(one[0], other)}
    queries = []
    for start, end, label in places:
        surface = text[start:end]
        long, other = (write_out(one, longs) for one in (surface, beside.get((surface, label), "")))
        long = letters.get((surface, label), long)
        queries.append(Query(surface, long, label, other if other != long else ""))
    return queries


def find_beside(text: str, places: Sequence[Place]) -> dict[tuple[str, str], str]:
    """Return the mentions on both sides of a bracket: "amrubicin (SM-5887)".

    text (str): the text.
    places (Sequence[Place]): the mentions.
    RETURNS (dict[tuple[str, str], str]): the other mention by the text and label of one. The first one counts.
    """
    found: dict[tuple[str, str], str] = {}
    for (start, end, label), (next_start, next_end, next_label) in pairwise(sorted(places)):
        is_beside = BRACKET_OPENS.fullmatch(text, end, next_start) and BRACKET_CLOSES.match(text, next_end)
        if is_beside and label == next_label:
            one, other = text[start:end], text[next_start:next_end]
            found.setdefault((one, label), other)
            found.setdefault((other, label), one)
    return found


def is_initial(letter: str, name: str) -> bool:
    """Return whether a text is the first letter of a name: "testosterone (T)". `long_forms` finds no single letters."""
    return len(letter) == 1 and len(name) > 1 and name[0].lower() == letter.lower()


def long_forms(text: str) -> dict[str, str]:
    """Return the long forms of the abbreviations that a text defines."""
    return {definition.short: definition.long for definition in find_definitions(text)}


def write_out(surface: str, longs: Mapping[str, str]) -> str:
    """Return a mention's text with its abbreviations written out.

    surface (str): the text.
    longs (Mapping[str, str]): the long forms by abbreviation.
    RETURNS (str): the text; the same if it has none.
    """
    if surface in longs:
        return longs[surface]
    return WORD_WITH_SIGNS.sub(lambda match: longs.get(match[0], match[0]), surface)
