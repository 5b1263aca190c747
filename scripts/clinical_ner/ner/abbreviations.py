"""Abbreviations: an abbreviation that a document defines gets the label of its long form.

The head sees the long form's words, but only the context of the abbreviation. Two packages on PyPI were tried first:
`abbreviations` loses every pair of a line with an unbalanced bracket, and `abbreviation-extractor` returns byte
offsets in a changed text.

Schwartz and Hearst (2003), A simple algorithm for identifying abbreviation definitions in biomedical text,
https://psb.stanford.edu/psb-online/proceedings/psb03/schwartz.pdf.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from statistics import mean
from typing import NamedTuple

from spacy.language import Language
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from ..factory import Factory
from ..version import check_version

QUOTES = "\"'\u2018\u2019\u201c\u201d"
BRACKETS = re.compile(r"\(([^()]+)\)")
# A long form does not extend over these: the start of its sentence, or the definition before.
BARRIER = re.compile(r"[.!?;]\s+(?=[A-Z])|\n\s*\n|[()]")


# How many characters before its bracket a definition can start: longer than any long form, shorter than the text.
REACH = 500


class Definition(NamedTuple):
    """An abbreviation and the part of a text that defines it.

    short (str): the abbreviation.
    long (str): its long form, with single spaces.
    start, end (int): the offsets of a part of the text that contains both.
    """

    short: str
    long: str
    start: int
    end: int


def make_abbreviations(nlp: Language, name: str) -> Callable[[Doc], Doc]:
    """Return the component; see `read_abbreviations`.

    nlp (Language): the pipeline.
    name (str): the component's name in it.
    RETURNS (Callable): the component.
    """
    check_version(nlp)
    return read_abbreviations


def read_abbreviations(doc: Doc) -> Doc:
    """Label the abbreviations that a document defines like their long forms.

    If a long form is a mention, all occurrences of its abbreviation become mentions with its label, except within
    longer mentions. If it is not, and shares no token with a mention, no occurrence of the abbreviation is a mention.

    doc (Doc): the document with the mentions found so far.
    RETURNS (Doc): the same document.
    """
    # spaCy builds a document's text at each access.
    text = doc.text
    definitions = find_definitions(text)
    if not definitions:
        return doc
    shorts = find_places(doc, {one.short: first_place(doc, text, one.short, one) for one in definitions}, attr="ORTH")
    longs = find_places(doc, {one.short: first_place(doc, text, one.long, one) for one in definitions}, attr="LOWER")
    mentions = {(ent.start, ent.end): ent for ent in doc.ents}
    taken = {token.i for ent in doc.ents for token in ent}
    for short, places in longs.items():
        named = [mentions[place.start, place.end] for place in places if (place.start, place.end) in mentions]
        if named:
            for place in shorts[short]:
                found = mentions.get((place.start, place.end))
                if found or taken.isdisjoint(range(place.start, place.end)):
                    mentions[place.start, place.end] = like(named, found or place)
        elif all(taken.isdisjoint(range(place.start, place.end)) for place in places):
            for place in shorts[short]:
                mentions.pop((place.start, place.end), None)
    doc.ents = filter_spans(mentions.values())
    return doc


def first_place(doc: Doc, text: str, form: str, definition: Definition) -> Span | None:
    """Return the first occurrence of a form in its definition as whole tokens, or None."""
    pattern = re.compile(r"\s+".join(map(re.escape, form.split())))
    matches = pattern.finditer(text, definition.start, definition.end)
    spans = (doc.char_span(*match.span()) for match in matches)
    return next((span for span in spans if span is not None), None)


def find_places(doc: Doc, forms: dict[str, Span | None], *, attr: str) -> dict[str, list[Span]]:
    """Find all occurrences of forms.

    doc (Doc): the document.
    forms (dict[str, Span | None]): one occurrence of each form by name, None if there is none.
    attr (str): the attribute of the tokens that must match: "ORTH", or "LOWER" to ignore case.
    RETURNS (dict[str, list[Span]]): all occurrences by name, in order. Forms without one are left out.
    """
    matcher = PhraseMatcher(doc.vocab, attr=attr)
    for name, span in forms.items():
        if span is not None:
            matcher.add(name, [Doc(doc.vocab, words=[token.text for token in span])])
    places = defaultdict(list)
    for span in matcher(doc, as_spans=True):
        places[span.label_].append(span)
    return places


def like(named: list[Span], place: Span) -> Span:
    """Return a mention like those of the long form.

    named (list[Span]): the long form's mentions. The new mention has their most frequent label and, where the head
        gives confidences, the mean confidence of those with this label.
    place (Span): the abbreviation's span, or the mention that is there. With this label already, it is kept.
    RETURNS (Span): the mention.
    """
    label, _ = Counter(ent.label_ for ent in named).most_common(1)[0]
    if place.label_ == label:
        return place
    mention = Span(place.doc, place.start, place.end, label)
    if mention.has_extension("confidence"):
        known = [ent._.confidence for ent in named if ent.label_ == label and ent._.confidence is not None]
        mention._.confidence = mean(known) if known else None
    return mention


def find_definitions(text: str) -> list[Definition]:
    """Find the abbreviations that a text defines in brackets, on either side of them.

    text (str): any text.
    RETURNS (list[Definition]): the first definition of each, in order.
    """
    found: dict[str, Definition] = {}
    for short, long, start, end in candidates(text):
        best = best_long_form(short, long)
        if best:
            found.setdefault(short, Definition(short, best, start, end))
    return [*found.values()]


def candidates(text: str) -> Iterator[Definition]:
    """Yield each possible abbreviation with the text that would contain its long form.

    text (str): any text.
    YIELDS (Definition): the abbreviation and, as its long form, up to min(|A| + 5, 2 |A|) words beside it.
    """
    for match in BRACKETS.finditer(text):
        start = max(match.start() - REACH, 0)
        before = BARRIER.split(text[start : match.start()])[-1].split()
        inside = re.split(r"[,;:]\s", match[1])[0].strip().strip(QUOTES)
        if is_short_form(inside):
            yield Definition(inside, " ".join(before[-most_words(inside) :]), start, match.end())
        elif before and is_short_form(before[-1]):
            yield Definition(before[-1], " ".join(match[1].split()), start, match.end())


def most_words(short: str) -> int:
    """Return the maximum number of words of a long form."""
    return min(len(short) + 5, 2 * len(short))


def is_short_form(text: str) -> bool:
    """Return whether a text can be a short form: 1 or 2 words, 2 to 10 characters, with a letter, no sign in front."""
    return (
        2 <= len(text) <= 10 and len(text.split()) <= 2 and text[0].isalnum() and any(char.isalpha() for char in text)
    )


def best_long_form(short: str, long: str) -> str | None:
    """Return the shortest end of `long` that contains the short form's characters in order.

    The first of them must start a word. This is the algorithm of the paper's figure 1.

    short (str): the short form.
    long (str): the text that ends with the long form, if there is one.
    RETURNS (str | None): the long form; None if there is none.
    """
    position = len(long)
    for index in range(len(short) - 1, -1, -1):
        char = short[index].lower()
        if not char.isalnum():
            continue
        position -= 1
        while position >= 0 and (
            long[position].lower() != char or (index == 0 and position > 0 and long[position - 1].isalnum())
        ):
            position -= 1
        if position < 0:
            return None
    form = long[long.rfind(" ", 0, position) + 1 :].strip(f" -{QUOTES}")
    return form if is_long_form(form, short) else None


def is_long_form(form: str, short: str) -> bool:
    """Return whether a form is longer than its short form, does not contain it as a word, and is not too long."""
    words = form.split()
    return len(form) > len(short) and short not in words and len(words) <= most_words(short)


ABBREVIATIONS = Factory(
    "clinical_abbreviations",
    make_abbreviations,
    {"requires": ["doc.ents"], "assigns": ["doc.ents", "token.ent_iob", "token.ent_type"]},
)
