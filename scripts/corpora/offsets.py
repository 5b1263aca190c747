"""Offsets that don't count characters: told apart by the texts that the files have for their mentions, and converted.

In: records as the readers return them. Out: records with offsets in characters (code points).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from scripts.errors import ProjectError
from scripts.records.bigbio import Record, document_id, document_text
from scripts.records.mentions import annotations

CHARACTERS, BOM = "characters", "bom"
# What offsets may count instead, in words.
UNITS = {
    CHARACTERS: "characters (code points)",
    "utf-16": "UTF-16 code units, as Java and JavaScript do",
    "bytes": "bytes in UTF-8",
    "lf": "\\r\\n as one character",
    "crlf": "each line end as two characters",
    BOM: "a byte order mark as the first character",
}
Width = Callable[[str, str, str], int]
# How many units a character is, given the one before it and the one after it.
WIDTHS: dict[str, Width] = {
    CHARACTERS: lambda before, character, after: 1,
    "utf-16": lambda before, character, after: 1 + (character > "\uffff"),
    "bytes": lambda before, character, after: len(character.encode()),
    "lf": lambda before, character, after: 0 if character == "\r" and after == "\n" else 1,
    "crlf": lambda before, character, after: 2 if character == "\n" and before != "\r" else 1,
    BOM: lambda before, character, after: 1,
}


class Placed(NamedTuple):
    """How many mentions are where their text, or a word, is.

    right (int): how many are.
    total (int): how many could be checked.
    """

    right: int
    total: int


class Unit(NamedTuple):
    """What the offsets of a corpus count.

    name (str): one of `UNITS`.
    placed (Placed): how many mentions are at their places by it; of those with a text in the file.
    """

    name: str
    placed: Placed


def choose_unit(records: Sequence[Record], wanted: str = "") -> Unit:
    """Return what the offsets of a corpus count.

    Mentions whose file repeats their text show it: the text is at the offsets, or not. Without such texts, mentions
    that begin and end within words show that something is wrong, but don't prove what.

    records (Sequence[Record]): the documents, with the offsets of the files.
    wanted (str): one of `UNITS`; empty to find out.
    RETURNS (Unit): the unit.
    RAISES (ProjectError): another unit than characters puts more mentions at their places, but not all, or there are no
        texts that prove it.
    """
    with_text = any(entity["text"] is not None for record in records for entity in annotations(record))
    check = has_text if with_text else is_on_words
    if wanted:
        return Unit(wanted, count_placed(records, wanted, has_text))
    plain = count_placed(records, CHARACTERS, check)
    if plain.right == plain.total:
        return Unit(CHARACTERS, plain)
    found = {name: count_placed(records, name, check) for name in UNITS if name != CHARACTERS}
    best = max(found, key=lambda name: found[name].right)
    if found[best].right <= plain.right or (not with_text and found[best].right < plain.total):
        return Unit(CHARACTERS, plain if with_text else Placed(0, 0))
    if with_text and found[best].right == plain.total:
        return Unit(best, found[best])
    where = "where their text is" if with_text else "at the start and the end of words"
    raise ProjectError(
        f"{plain.right} of {plain.total} mentions are {where} if offsets count characters,"
        f" and {found[best].right} if they count {UNITS[best]}",
        f"If that is right: --vars.corpus_offsets {best}."
        f" To take them as they are: --vars.corpus_offsets {CHARACTERS}.",
    )


def count_placed(records: Iterable[Record], unit: str, check: Callable[[str, Any, str | None], bool]) -> Placed:
    """Count the mentions that are at their places if offsets count a unit."""
    right = total = 0
    for record in records:
        text = document_text(record)
        places = offset_map(text, unit)
        for entity in annotations(record):
            if check is has_text and entity["text"] is None:
                continue
            total += 1
            spans = [[places.get(start), places.get(end)] for start, end in entity["offsets"]]
            surface = None if entity["text"] is None else " ".join(entity["text"])
            right += all(None not in span for span in spans) and check(text, spans, surface)
    return Placed(right, total)


def has_text(text: str, spans: Sequence[Sequence[int]], surface: str | None) -> bool:
    """Return whether the text at offsets is that of a mention, white space aside: formats change it."""
    found = " ".join(text[start:end] for start, end in spans)
    return "".join(found.split()) == "".join((surface or "").split())


def is_on_words(text: str, spans: Sequence[Sequence[int]], surface: str | None) -> bool:
    """Return whether offsets begin and end where a word does."""
    return all(start < end and not within_word(text, start) and not within_word(text, end) for start, end in spans)


def within_word(text: str, place: int) -> bool:
    """Return whether the characters before and after a place are both of one word."""
    return text[max(place - 1, 0) : place].isalnum() and text[place : place + 1].isalnum()


def offset_map(text: str, unit: str) -> dict[int, int]:
    """Return the offset in characters by the offset in a unit, where a character begins or the text ends."""
    first = int(unit == BOM)
    if unit == CHARACTERS or (unit in ("utf-16", "bytes") and text.isascii()):
        return {place: place for place in range(len(text) + 1)}
    neighbours = zip(f"\n{text}"[:-1], text, f"{text[1:]}\0", strict=True) if text else ()
    places: dict[int, int] = {}
    for character, place in enumerate(accumulate((WIDTHS[unit](*each) for each in neighbours), initial=first)):
        places.setdefault(place, character)
    return places


def with_offsets(records: Iterable[Record], unit: str) -> Iterator[tuple[Record, Counter[str]]]:
    """Yield records with offsets in characters, and the number of mentions that were moved or left out.

    The text of an entity becomes that at its offsets, if it was not in the file. An entity without any character is
    left out.

    records (Iterable[Record]): the documents, with the offsets of the files.
    unit (str): what they count.
    RAISES (ProjectError): an offset is outside of the text, or within a character.
    """
    for record in records:
        text, counts = document_text(record), Counter[str]()
        places = offset_map(text, unit) if unit != CHARACTERS else None
        passages = []
        for passage in record["passages"]:
            entities = []
            for entity in passage["entities"]:
                moved = moved_entity(entity, places, document_id(record))
                if all(start == end for start, end in moved["offsets"]):
                    counts["empty_mentions"] += 1
                    continue
                counts["moved_mentions"] += moved["offsets"] != entity["offsets"]
                if entity["text"] is None or len(entity["text"]) != len(moved["offsets"]):
                    moved["text"] = [text[start:end] for start, end in moved["offsets"]]
                entities.append(moved)
            passages.append({**passage, "entities": entities})
        yield {"passages": passages}, +counts


def moved_entity(entity: dict[str, Any], places: dict[int, int] | None, document: str) -> dict[str, Any]:
    """Return an entity with offsets in characters.

    RAISES (ProjectError): an offset is outside of the text, or within a character.
    """
    if places is None:
        return dict(entity)
    try:
        offsets = [[places[start], places[end]] for start, end in entity["offsets"]]
    except KeyError:
        raise ProjectError(
            f"Document '{document}', entity '{entity['id']}': its offsets {entity['offsets']} are outside of the text,"
            " or within a character",
            "Check what the offsets of the corpus count, --vars.corpus_offsets.",
        ) from None
    return {**entity, "offsets": offsets}
