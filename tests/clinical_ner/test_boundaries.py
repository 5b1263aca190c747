"""Mentions lose white space and full stops at their ends, and keep everything else."""

import pytest
import spacy
from spacy.tokens import Doc, Span

from scripts.clinical_ner.ner.boundaries import trim_mentions
from scripts.clinical_ner.ner.token_classifier import add_confidence

VOCAB = spacy.blank("en").vocab


def make_doc(words: str, start: int, end: int, sentences: tuple[int, ...] = (0,)) -> Doc:
    """Return a document of words, "_" for a line end, with a mention of some of its tokens."""
    parts = ["\n" if word == "_" else word for word in words.split()]
    doc = Doc(VOCAB, words=parts, sent_starts=[i in sentences for i in range(len(parts))])
    # Not checked by spaCy, as in pipelines that have no sentences.
    doc.ents = [Span(doc, start, end, "Disease", kb_id="D1", span_id="D1")]
    return doc


@pytest.mark.parametrize(
    ("words", "start", "end", "left"),
    [
        ("had thrombocytopenia .", 1, 3, ["thrombocytopenia"]),
        ("_ gout _ .", 0, 4, ["gout"]),
        ("had gout", 1, 2, ["gout"]),
        ("S . aureus sepsis .", 0, 5, ["S . aureus sepsis"]),
        ("the U.S . virus", 1, 3, ["U.S ."]),
        ("the U.S .", 1, 3, ["U.S"]),
        (". _", 0, 2, []),
    ],
)
def test_ends_of_mentions(words: str, start: int, end: int, left: list[str]) -> None:
    doc = trim_mentions(make_doc(words, start, end))
    assert [ent.text for ent in doc.ents] == left
    assert all((ent.label_, ent.kb_id_, ent.id_) == ("Disease", "D1", "D1") for ent in doc.ents)


def test_a_mention_ends_where_a_sentence_starts() -> None:
    assert [ent.text for ent in trim_mentions(make_doc("renal _ 2 failure", 0, 4, (0, 2))).ents] == ["renal"]


def test_confidence_is_kept() -> None:
    add_confidence()
    doc = make_doc("gout .", 0, 2)
    doc.ents[0]._.confidence = 0.5
    (ent,) = trim_mentions(doc).ents
    assert (ent.text, ent._.confidence) == ("gout", 0.5)
