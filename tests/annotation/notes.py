"""Annotated notes made by hand, or drawn at random, without a model."""

from itertools import pairwise

import spacy
from hypothesis import strategies as st
from scripts.annotation.notes import Note
from spacy.tokens import Span

from scripts.annotation.engine import AnnotatedNote, Entity
from scripts.clinical_ner.tokenizer import set_tokenizer

NLP = set_tokenizer(spacy.blank("en"))
# Line ends of all kinds, separators, quotes, markup, what XML cannot hold, wide, combining and zero-width characters.
ODD = "a1 \t\n\r\v\f\x1c\x85\u2028\xa0\u200b|[]<>&\"'\\/-.,;\x00\x07\ufffe\ufeffβé😀␣"
TEXTS = st.text(st.sampled_from(ODD) | st.characters(exclude_categories=["Cs"]), max_size=40)
NAMES = st.text("aZ0:._β", min_size=1, max_size=5)
IDS = NAMES | st.integers(0).map(str)
CONFIDENCES = st.none() | st.floats(0, 1)
COLUMNS = st.dictionaries(NAMES, st.none() | st.text(max_size=5) | st.integers() | st.booleans(), max_size=2)


def make_annotated(text, ents=(), *, identifier="7", columns=None):
    """Make a note, its entities given as (first token, last token + 1, label, confidence, id)."""
    doc = NLP(text)
    spans = [Span(doc, start, end, label=label, kb_id=concept or "") for start, end, label, _, concept in ents]
    doc.set_ents(spans)
    entities = [
        Entity(span.text, span.label_, span.start_char, span.end_char, confidence, concept)
        for span, (_, _, _, confidence, concept) in zip(spans, ents, strict=True)
    ]
    return AnnotatedNote(Note(identifier, text, columns or {}), entities, len(doc), doc)


@st.composite
def annotated_notes(draw):
    """Draw up to three notes, some of their tokens marked as entities, none of which begins or ends with a space."""
    drawn = {}
    for _ in range(draw(st.integers(0, 3))):
        text, identifier = draw(TEXTS), draw(IDS)
        doc = NLP(text)
        bounds = sorted(draw(st.sets(st.integers(0, len(doc)), max_size=8)))
        ents = [
            (start, end, draw(NAMES), draw(CONFIDENCES), draw(st.none() | NAMES))
            for start, end in pairwise(bounds)
            if draw(st.booleans()) and not doc[start].text[0].isspace() and not doc[end - 1].text[-1].isspace()
        ]
        drawn[identifier] = make_annotated(text, ents, identifier=identifier, columns=draw(COLUMNS))
    return list(drawn.values())
