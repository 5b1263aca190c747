"""Divide a document into sentences and list items with their cues, mentions and separators.

Sentences come from `clinical_sections` or any other component that sets them, or else from a simple rule.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from spacy.attrs import IDX, LOWER, SENT_START
from spacy.strings import get_string_id
from spacy.tokens import Doc

from .matching import Cue, Words
from .scope import SEPARATORS, Sentence, Target

NAMES = {get_string_id(word): word for word in SEPARATORS}
BULLETS = {*"-*•·–—>o◦▪●"}
# Where nothing has set sentences: after a sign and before a capital, and at blank lines and items of lists.
SENTENCE_END = re.compile(
    r"(?:[.!]|(?<=\w)\?)[)\]\"']*\s+(?=[A-Z\d(\[*-])|\n[ \t]*\n\s*|\n[ \t]*(?=(?:[-*•·–—]|\d{1,3}[.)])\s)"
)
TITLES = re.compile(r"\b(?:Dr|Drs|Mr|Mrs|Ms|Prof|St|vs|No)\.\s+$")


def split_sentences(
    doc: Doc, words: Words, bounds: Sequence[int], cues: Sequence[Cue], targets: Sequence[Target]
) -> Iterator[Sentence]:
    """Yield the sentences of a document with their cues and mentions.

    doc (Doc): the document.
    words (Words): the same without white space.
    bounds (Sequence[int]): the first word of each sentence, and the number of words.
    cues (Sequence[Cue]): all cues in order.
    targets (Sequence[Target]): all mentions in order.
    YIELDS (Sentence): each sentence.
    """
    separators = find_separators(words)
    cuts = [np.searchsorted([item[0] for item in items], bounds) for items in (cues, targets, separators)]
    for number, (start, end) in enumerate(pairwise(bounds)):
        in_cues, in_targets, in_separators = (slice(cut[number], cut[number + 1]) for cut in cuts)
        if in_targets.start == in_targets.stop and words.doc[end - 1].text != ":":
            # No mention, and no cue that can reach one: what most sentences of a note are.
            yield Sentence(start, end, [], [], [], False, continues(doc, words, start))
            continue
        yield Sentence(
            start=start,
            end=end,
            cues=[*cues[in_cues]],
            targets=[*targets[in_targets]],
            separators=separators[in_separators],
            leads=words.doc[end - 1].text == ":",
            continues=continues(doc, words, start),
        )


def sentence_bounds(doc: Doc, words: Words) -> list[int]:
    """Return the first word of each sentence, and the number of words."""
    if doc.has_annotation("SENT_START"):
        numbers = np.cumsum(doc.to_array(SENT_START) == 1)[words.places]
    else:
        text = doc.text
        matches = [*SENTENCE_END.finditer(text)]
        ends = [match.end() for match in matches if not TITLES.search(text[max(match.start() - 5, 0) : match.end()])]
        numbers = np.searchsorted(ends, doc.to_array(IDX)[words.places], side="right")
    return [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(words.places)]


def find_separators(words: Words) -> list[tuple[int, str]]:
    """Return place and word of what separates the items of a list. A hyphen in a word does not."""
    found = [(place, NAMES[key]) for place, key in enumerate(words.doc.to_array(LOWER).tolist()) if key in NAMES]
    return [(place, word) for place, word in found if word != "-" or is_separator(words.doc, place)]


def is_separator(doc: Doc, place: int) -> bool:
    """Return whether a hyphen is a separator: only between spaces."""
    return place > 0 and bool(doc[place - 1].whitespace_ and doc[place].whitespace_)


def continues(doc: Doc, words: Words, start: int) -> bool:
    """Return whether a sentence can continue the list of the one before: as a list item, or on the same line."""
    if not start:
        return False
    place, before = words.places[start], words.places[start - 1]
    if not any("\n" in doc[between].text for between in range(before + 1, place)):
        return doc[before].text == ":"
    following = words.places[start + 1] if start + 1 < len(words.places) else place
    return doc[place].text in BULLETS or (doc[place].text.isdigit() and doc[following].text in (".", ")"))
