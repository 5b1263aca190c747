"""The mentions of a document, as the components behind the head read and write them."""

from collections.abc import Iterable
from statistics import mean

from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from ..invisible import is_blank

CONFIDENCE = "confidence"


def read_mentions(doc: Doc) -> list[Span]:
    """Return the mentions of a document, without white space and invisible characters at their ends.

    doc (Doc): the document.
    RETURNS (list[Span]): its entities. One that is shortened keeps its confidence, one of such characters is left out.
    """
    return [mention for ent in doc.ents if (mention := without_blanks(ent)) is not None]


def without_blanks(ent: Span) -> Span | None:
    """Return an entity without the white space and invisible characters at its ends, None if nothing is left."""
    seen = [token.i for token in ent if not is_blank(token.text)]
    if not seen:
        return None
    if (seen[0], seen[-1] + 1) == (ent.start, ent.end):
        return ent
    return with_bounds(ent, seen[0], seen[-1] + 1)


def with_bounds(ent: Span, start: int, end: int) -> Span:
    """Return a mention with other bounds, and with the label, the ids and the confidence of the one given."""
    mention = Span(ent.doc, start, end, label=ent.label, kb_id=ent.kb_id, span_id=ent.id)
    if ent.has_extension(CONFIDENCE):
        mention._.confidence = ent._.confidence
    return mention


def taken_tokens(doc: Doc) -> set[int]:
    """Return the tokens in entities, and those that are blocked: a component has set that they are in none."""
    return {token.i for token in doc if token.ent_iob in (1, 3)}


def set_mentions(doc: Doc, mentions: Iterable[Span]) -> None:
    """Replace the mentions of a document. Tokens whose annotation is missing or blocked stay so, except in mentions.

    doc (Doc): the document. Mentions that it loses lose their confidence, which is stored by position.
    mentions (Iterable[Span]): its new mentions. Of those that overlap, the longest is kept.
    """
    kept = filter_spans(mentions)
    places = {(mention.start, mention.end) for mention in kept}
    covered = {i for mention in kept for i in range(mention.start, mention.end)}
    free = [token.i for ent in doc.ents for token in ent if token.i not in covered]
    for ent in doc.ents:
        if (ent.start, ent.end) not in places:
            set_confidence([ent], None)
    doc.set_ents(kept, outside=[doc[i : i + 1] for i in free], default="unmodified")


def mean_confidence(mentions: Iterable[Span]) -> float | None:
    """Return the mean confidence of the mentions that have one; None if none has."""
    known = [
        mention._.confidence
        for mention in mentions
        if mention.has_extension(CONFIDENCE) and mention._.confidence is not None
    ]
    return mean(known) if known else None


def set_confidence(mentions: Iterable[Span], confidence: float | None) -> None:
    """Set the confidence of mentions where pipelines have confidences.

    mentions (Iterable[Span]): the mentions.
    confidence (float | None): their confidence; None removes what was known at their place.
    """
    for mention in mentions:
        if mention.has_extension(CONFIDENCE):
            mention._.confidence = confidence
