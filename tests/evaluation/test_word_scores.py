"""seqeval, spaCy's scorer and character spans agree on whole tokens, or no score is given."""

from itertools import pairwise

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc

from scripts.clinical_ner.tokenizer import set_tokenizer
from scripts.errors import ProjectError
from scripts.evaluation.scoring import MEASURES
from scripts.evaluation.word_scores import check_agreement, iob2_tags, score_words

NLP = set_tokenizer(spacy.blank("en"))
LABELS = ["Chemical", "Disease"]


def make_doc(words: int, mentions: list[tuple[int, int, str]]) -> Doc:
    """Make a document of so many words with entities by token."""
    doc = Doc(NLP.vocab, words=["word"] * words)
    doc.set_ents([spacy.tokens.Span(doc, start, end, label) for start, end, label in mentions])
    return doc


@st.composite
def docs(draw: st.DrawFn) -> tuple[Doc, Doc]:
    """Draw two documents with the same words and different mentions."""
    words = draw(st.integers(1, 12))
    sides = []
    for _ in range(2):
        ends = sorted(draw(st.sets(st.integers(0, words), max_size=6)))
        spans = [(start, end, draw(st.sampled_from(LABELS))) for start, end in pairwise(ends)]
        sides.append(make_doc(words, [span for span in spans if draw(st.booleans())]))
    return sides[0], sides[1]


@given(st.lists(docs(), min_size=1, max_size=4))
def test_three_scorers_agree(sides: list[tuple[Doc, Doc]]) -> None:
    gold, predicted = ({str(number): side[which] for number, side in enumerate(sides)} for which in (0, 1))
    found = score_words(gold, predicted, LABELS)
    places = [{(k, e.start, e.end, e.label_) for k, d in docs.items() for e in d.ents} for docs in (gold, predicted)]
    micro = found["scores"]["micro"]
    assert (micro["tp"], micro["fp"], micro["fn"]) == (
        len(places[0] & places[1]),
        len(places[1] - places[0]),
        len(places[0] - places[1]),
    )


def test_words_are_scored_by_label() -> None:
    gold = {"1": make_doc(6, [(0, 2, "Disease"), (2, 3, "Disease"), (4, 5, "Chemical")])}
    predicted = {"1": make_doc(6, [(0, 3, "Disease"), (4, 5, "Chemical")])}
    found = score_words(gold, predicted, LABELS)
    assert [found["scores"]["Disease"][key] for key in ("tp", "fp", "fn")] == [0, 1, 2]
    assert [found["scores"]["Chemical"][measure] for measure in MEASURES] == [1.0, 1.0, 1.0]
    assert found["spacy"]["ents_f"] == pytest.approx(0.4)


def test_nothing_on_either_side_is_undefined() -> None:
    found = score_words({"1": make_doc(3, [])}, {"1": make_doc(3, [])}, LABELS)
    assert [found["scores"]["micro"][measure] for measure in MEASURES] == [None, None, None]
    assert found["spacy"]["ents_f"] is None


@pytest.mark.parametrize("words", [["Gout", "-", "like"], ["Gout-like", "."]])
def test_other_tokens_are_refused(words: list[str]) -> None:
    gold, predicted = Doc(NLP.vocab, words=["Gout-like"]), Doc(NLP.vocab, words=words)
    with pytest.raises(ProjectError, match="1 of 1 documents into other words than the corpus has, the first is '9'"):
        score_words({"9": gold}, {"9": predicted}, LABELS)


def test_missing_annotation_is_refused() -> None:
    gold, predicted = make_doc(3, [(0, 1, "Disease")]), make_doc(3, [(0, 1, "Disease"), (2, 3, "Disease")])
    gold.set_ents(list(gold.ents), missing=[gold[1:3]])
    with pytest.raises(ProjectError, match=r"spaCy's scorer gives .* and the character spans"):
        score_words({"1": gold}, {"1": predicted}, LABELS)


def test_disagreement_is_refused() -> None:
    row = {"precision": 0.5, "recall": 0.5, "f1": 0.5}
    check_agreement("seqeval", {"Disease": row, "macro": row}, {"Disease": [0.5, 0.5, 0.5]})
    with pytest.raises(ProjectError, match=r"On Disease, seqeval gives 0\.5, 0\.4, 0\.5"):
        check_agreement("seqeval", {"Disease": row}, {"Disease": [0.5, 0.4, 0.5]})
    with pytest.raises(ProjectError, match=r"On Disease, seqeval gives 0\.0"):
        check_agreement("seqeval", {"Disease": row}, {})


def test_tags_are_iob2() -> None:
    doc = make_doc(5, [(0, 2, "Disease"), (2, 3, "Disease")])
    assert iob2_tags(doc) == ["B-Disease", "I-Disease", "B-Disease", "O", "O"]
    assert iob2_tags(doc) == [f"{t.ent_iob_}-{t.ent_type_}" if t.ent_type_ else "O" for t in doc]
