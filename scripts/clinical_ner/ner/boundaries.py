"""Boundaries: no mention starts or ends with white space, crosses a sentence's start, or ends with its full stop.

It runs directly behind `ner`, whichever head that is.
"""

import re
from collections.abc import Callable

from spacy.language import Language
from spacy.tokens import Doc, Span

from ..factory import Factory
from ..version import check_version
from .mentions import with_bounds

# The last period of "U.S." belongs to it.
DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")


def make_boundaries(nlp: Language, name: str) -> Callable[[Doc], Doc]:
    """Return the component; see `trim_mentions`.

    nlp (Language): the pipeline.
    name (str): the component's name in it.
    RETURNS (Callable): the component.
    """
    check_version(nlp)
    return trim_mentions


def trim_mentions(doc: Doc) -> Doc:
    """Take white space and full stops off the ends of mentions. One that has nothing else is removed.

    doc (Doc): the document with the mentions that the head found.
    RETURNS (Doc): the same document.
    """
    trimmed = [trim(ent) for ent in doc.ents]
    if trimmed != list(doc.ents):
        doc.ents = [ent for ent in trimmed if ent is not None]
    return doc


def trim(ent: Span) -> Span | None:
    """Return a mention without white space and a full stop at its ends, or None if nothing is left.

    ent (Span): the mention.
    RETURNS (Span | None): the mention itself if there is nothing to take off.
    """
    doc, start, end = ent.doc, ent.start, ent.end
    # Only the transition head of an older pipeline joins two sentences. What comes first has the evidence.
    end = next((i for i in range(start + 1, end) if doc[i].is_sent_start is True), end)
    while start < end and (doc[start].is_space or doc[start].text == "."):
        start += 1
    while start < end and (doc[end - 1].is_space or is_full_stop(doc, start, end)):
        end -= 1
    if (start, end) == (ent.start, ent.end):
        return ent
    return with_bounds(ent, start, end) if start < end else None


def is_full_stop(doc: Doc, start: int, end: int) -> bool:
    """Return whether the last token of a mention is a full stop that is no part of it.

    doc (Doc): the document.
    start, end (int): the mention's first token, and the one after its last.
    RETURNS (bool): whether it is.
    """
    if doc[end - 1].text != ".":
        return False
    return end - start < 2 or not DOTTED.fullmatch(doc[end - 2].text) or end == len(doc)


BOUNDARIES = Factory(
    "clinical_boundaries",
    make_boundaries,
    {"requires": ["doc.ents"], "assigns": ["doc.ents", "token.ent_iob", "token.ent_type"]},
)
