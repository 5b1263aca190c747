"""Documents made by hand, or drawn at random, without a model."""

from itertools import pairwise

import spacy
from hypothesis import strategies as st
from spacy.tokens import Span

from scripts.clinical_ner.tokenizer import set_tokenizer
from scripts.records.documents import Document, Passage
from scripts.records.mentions import Mention

NLP = set_tokenizer(spacy.blank("en"))
# Line ends of all kinds, separators, quotes, markup, what XML cannot hold, wide, combining and zero-width characters.
ODD = "a1 \t\n\r\v\f\x1c\x85\u2028\xa0\u200b|[]<>&\"'\\/-.,;\x00\x07\ufffe\ufeffβé😀␣"
TEXTS = st.text(st.sampled_from(ODD) | st.characters(exclude_categories=["Cs"]), max_size=40)
NAMES = st.text("aZ0:._β", min_size=1, max_size=5)
IDS = NAMES | st.integers(0).map(str)
CONFIDENCES = st.none() | st.floats(0, 1)
COLUMNS = st.dictionaries(NAMES, st.none() | st.text(max_size=5) | st.integers() | st.booleans(), max_size=2)
VALUES = st.recursive(
    st.booleans() | TEXTS | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2),
    max_leaves=4,
)
ATTRIBUTES = st.dictionaries(st.text("abz_", min_size=1, max_size=5), VALUES, max_size=3)


def make_document(text, ents=(), *, identifier="7", columns=None, attributes=()):
    """Make a document, its entities given as (first token, last token + 1, label, confidence, id)."""
    doc = NLP(text)
    spans = [Span(doc, start, end, label=label, kb_id=concept) for start, end, label, _, concept in ents]
    doc.set_ents(spans)
    mentions = [
        Mention(span.start_char, span.end_char, span.label_, concept, confidence, values)
        for span, (_, _, _, confidence, concept), values in zip(
            spans, ents, attributes or [{}] * len(spans), strict=True
        )
    ]
    return Document(identifier, (Passage("note", text),), tuple(mentions), doc, columns or {})


@st.composite
def documents(draw, attributes=ATTRIBUTES):
    """Draw up to three documents, some tokens marked as entities, none of which begins or ends with a space."""
    drawn = {}
    for _ in range(draw(st.integers(0, 3))):
        text, identifier = draw(TEXTS), draw(IDS)
        doc = NLP(text)
        bounds = sorted(draw(st.sets(st.integers(0, len(doc)), max_size=8)))
        ents = [
            (start, end, draw(NAMES), draw(CONFIDENCES), draw(st.just("") | NAMES))
            for start, end in pairwise(bounds)
            if draw(st.booleans()) and not doc[start].text[0].isspace() and not doc[end - 1].text[-1].isspace()
        ]
        values = [draw(attributes) for _ in ents]
        drawn[identifier] = make_document(text, ents, identifier=identifier, columns=draw(COLUMNS), attributes=values)
    return list(drawn.values())
