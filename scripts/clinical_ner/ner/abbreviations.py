"""Abbreviations: an abbreviation that a document defines gets the label of its long form.

The head sees the long form's words, but only the context of the abbreviation. Two packages on PyPI were tried first:
`abbreviations` loses every pair of a line with an unbalanced bracket, and `abbreviation-extractor` returns byte
offsets in a changed text.

Schwartz and Hearst (2003), A simple algorithm for identifying abbreviation definitions in biomedical text,
https://psb.stanford.edu/psb-online/proceedings/psb03/schwartz.pdf.
"""

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import NamedTuple

from spacy.language import Language
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc, Span

from ..factory import Factory
from ..version import check_version
from .mentions import mean_confidence, read_mentions, set_confidence, set_mentions, taken_tokens

QUOTES = "\"'\u2018\u2019\u201c\u201d"
BESIDE_FORM = f"-, \t\r\n\f\v{QUOTES}"
BRACKETS = re.compile(r"\(([^()]+)\)|\[([^()\[\]]+)\]")
WORD = re.compile(r"\S+")
# A long form does not extend over these: the start of its sentence, the definition before, the bracket around it.
BARRIER = re.compile(r"[.!?;]\s+(?=[A-Z])|\n\s*\n|[()]|\[(?![^\]]*\])")
# How many characters before its bracket a definition can start: longer than any long form, shorter than the text.
REACH = 500


class Definition(NamedTuple):
    """An abbreviation that a text defines.

    short (str): the abbreviation.
    long (str): its long form, with single spaces.
    short_start (int): the offset of the abbreviation.
    long_start, long_end (int): the offsets of the long form.
    """

    short: str
    long: str
    short_start: int
    long_start: int
    long_end: int


class Candidate(NamedTuple):
    """What could be an abbreviation, and the part of a text whose end could be its long form.

    short (str): the abbreviation.
    short_start (int): its offset.
    start, end (int): the offsets of the part.
    """

    short: str
    short_start: int
    start: int
    end: int


class Meaning(NamedTuple):
    """What a long form is.

    label (str): the label of its mentions.
    confidence (float | None): their mean confidence; None where the head gives none.
    """

    label: str
    confidence: float | None


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

    If a long form is a mention, the occurrences of its abbreviation become mentions with its label, except within
    longer mentions. If it is not, and shares no token with a mention, no occurrence of the abbreviation is a mention.
    Of several definitions of an abbreviation, each holds up to the next one.

    doc (Doc): the document with the mentions found so far.
    RETURNS (Doc): the same document.
    """
    definitions = find_definitions(doc.text)
    if not definitions:
        return doc
    shorts = divide_places(doc, definitions)
    long_spans = {one.long.lower(): doc.char_span(one.long_start, one.long_end) for one in definitions}
    longs = find_places(doc, long_spans, attr="LOWER")
    mentions = {(ent.start, ent.end): ent for ent in read_mentions(doc)}
    taken = taken_tokens(doc)
    # Once for each long form, because a text can define it again and again.
    meanings = {long: meaning(places, mentions) for long, places in longs.items()}
    unmentioned = {long for long, places in longs.items() if all(is_free(place, taken) for place in places)}
    for one in definitions:
        means = meanings.get(one.long.lower())
        for place in shorts[one]:
            key = place.start, place.end
            if means and (key in mentions or is_free(place, taken)):
                mentions[key] = like(means, mentions.get(key, place))
            elif not means and one.long.lower() in unmentioned:
                mentions.pop(key, None)
    set_mentions(doc, mentions.values())
    return doc


def divide_places(doc: Doc, definitions: list[Definition]) -> dict[Definition, list[Span]]:
    """Find the occurrences of abbreviations, and divide them among their definitions.

    doc (Doc): the document.
    definitions (list[Definition]): its definitions, in order.
    RETURNS (dict[Definition, list[Span]]): the occurrences from each definition up to the next one of its abbreviation.
        Those before the first belong to the first.
    """
    by_short = defaultdict(list)
    for one in definitions:
        by_short[one.short].append(one)
    spans = {one.short: doc.char_span(one.short_start, one.short_start + len(one.short)) for one in definitions[::-1]}
    divided: dict[Definition, list[Span]] = {one: [] for one in definitions}
    for short, places in find_places(doc, spans, attr="ORTH").items():
        starts = [one.short_start for one in by_short[short]]
        for place in places:
            divided[by_short[short][max(bisect_right(starts, place.start_char) - 1, 0)]].append(place)
    return divided


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


def is_free(span: Span, taken: set[int]) -> bool:
    """Return whether none of a span's tokens is among those that are taken."""
    return taken.isdisjoint(range(span.start, span.end))


def meaning(places: list[Span], mentions: dict[tuple[int, int], Span]) -> Meaning | None:
    """Return what a long form is.

    places (list[Span]): its occurrences.
    mentions (dict[tuple[int, int], Span]): the document's mentions by their first token and the one after their last.
    RETURNS (Meaning | None): its most frequent label with its mean confidence; None if no occurrence is a mention.
    """
    named = [mentions[key] for place in places if (key := (place.start, place.end)) in mentions]
    if not named:
        return None
    label, _ = Counter(ent.label_ for ent in named).most_common(1)[0]
    return Meaning(label, mean_confidence(ent for ent in named if ent.label_ == label))


def like(means: Meaning, place: Span) -> Span:
    """Return a mention like those of the long form.

    means (Meaning): what the long form is.
    place (Span): the abbreviation's span, or the mention that is there. With this label already, it is kept.
    RETURNS (Span): the mention.
    """
    if place.label_ == means.label:
        return place
    mention = Span(place.doc, place.start, place.end, means.label)
    set_confidence([mention], means.confidence)
    return mention


def find_definitions(text: str) -> list[Definition]:
    """Find the abbreviations that a text defines in round or square brackets, on either side of them.

    text (str): any text.
    RETURNS (list[Definition]): the definitions in order, without those that repeat the last one of an abbreviation.
    """
    found: list[Definition] = []
    last: dict[str, str] = {}
    for short, short_start, start, end in candidates(text):
        form = best_long_form(short, text[start:end])
        if form:
            long, long_end = " ".join(form.split()), start + len(text[start:end].rstrip(BESIDE_FORM))
            if last.get(short) != long.lower():
                found.append(Definition(short, long, short_start, long_end - len(form), long_end))
            last[short] = long.lower()
    return found


def candidates(text: str) -> Iterator[Candidate]:
    """Yield each possible abbreviation with the part of the text that would contain its long form.

    text (str): any text.
    YIELDS (Candidate): the abbreviation and up to min(|A| + 5, 2 |A|) words before its bracket, or all in the bracket.
    """
    last = 0
    for match in BRACKETS.finditer(text):
        found = read_brackets(text, match, max(match.start() - REACH, last))
        if found:
            yield found
        # A long form can contain square brackets: "[3H]saxitoxin (STX)".
        if found or match[1]:
            last = match.end()


def read_brackets(text: str, match: re.Match[str], low: int) -> Candidate | None:
    """Return the candidate that has its abbreviation or its long form in brackets.

    text (str): the text.
    match (re.Match): the brackets.
    low (int): the offset before which nothing belongs to it.
    RETURNS (Candidate | None): the candidate; None if neither the brackets nor the word before can be an abbreviation.
    """
    barriers = [barrier.end() for barrier in BARRIER.finditer(text, low, match.start())]
    before = [*WORD.finditer(text, max([low, *barriers]), match.start())]
    inside = re.split(r"[,;:]\s", match[1] or match[2])[0].strip().strip(QUOTES)
    if before and is_short_form(inside):
        first = before[-most_words(inside) :][0]
        return Candidate(inside, text.index(inside, match.start()), first.start(), before[-1].end())
    if before and is_short_form(before[-1][0]):
        return Candidate(before[-1][0], before[-1].start(), match.start() + 1, match.end() - 1)
    return None


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
    while position > 0 and not long[position - 1].isspace():
        position -= 1
    form = long[position:].strip(BESIDE_FORM)
    return form if is_long_form(form, short) else None


def is_long_form(form: str, short: str) -> bool:
    """Return whether a form is longer than its short form, does not contain it as a word, and is not too long."""
    words = form.split()
    return len(short) < len(form) <= REACH and short not in words and len(words) <= most_words(short)


ABBREVIATIONS = Factory(
    "clinical_abbreviations",
    make_abbreviations,
    {"requires": ["doc.ents"], "assigns": ["doc.ents", "token.ent_iob", "token.ent_type"]},
)
