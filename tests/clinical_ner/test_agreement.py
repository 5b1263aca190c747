"""The same words are the same in a document: the places vote, and everything else stays as it was."""

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.clinical_ner.ner.abbreviations import read_abbreviations
from scripts.clinical_ner.ner.agreement import Agreement

VOCAB = spacy.blank("en").vocab


def make_doc(text: str) -> Doc:
    """Return a document of words with a label behind a stroke: "renal/D failure/D" are one mention."""
    words, labels = zip(*(word.partition("/")[::2] for word in text.split()), strict=True)
    tags = [
        f"{'I' if before == label else 'B'}-{label}" if label else "O"
        for before, label in zip(("", *labels), labels, strict=False)
    ]
    return Doc(VOCAB, words=list(words), ents=tags)


def shown(doc: Doc) -> str:
    return " ".join(f"{token.text}/{token.ent_type_}" if token.ent_type_ else token.text for token in doc)


@pytest.mark.parametrize(
    ("found", "agreed"),
    [
        ("LID/D , LID", "LID/D , LID/D"),
        ("LID/D , LID , LID", "LID , LID , LID"),
        ("Gout/D and gout and GOUT/D", "Gout/D and gout/D and GOUT/D"),
        ("lead/C , lead/D , lead/D", "lead/D , lead/D , lead/D"),
        # As many for either label: that of the first.
        ("lead/C , lead/D", "lead/C , lead/C"),
        # Words within a longer mention have no vote, and get none.
        ("failure/D of renal/D failure/D", "failure/D of renal/D failure/D"),
        # The longer one gets the place that two of them want.
        ("renal/D failure/D , failure/D , renal failure", "renal/D failure/D , failure/D , renal/D failure/D"),
        ("nothing is here", "nothing is here"),
        # A short word in capitals is another one than in lower case, and so is one of two characters.
        ("MS/D , QT 440 ms , 90 ms", "MS/D , QT 440 ms , 90 ms"),
        ("ALL/D , all , all", "ALL/D , all , all"),
        ("Hearing aids , AIDS/D , AIDS", "Hearing aids , AIDS/D , AIDS/D"),
        ("Mg/C 5 mg , mg", "Mg/C 5 mg , mg"),
        ("ms/D ms MS", "ms/D ms/D MS"),
        ("ASTHMA/D , asthma", "ASTHMA/D , asthma/D"),
        # Where a short word loses the vote, each of its spellings has another one.
        ("Lead/C level , lead II , lead V1", "Lead/C level , lead II , lead V1"),
        ("Pain/D , Pain , Pain , pain", "Pain , Pain , Pain , pain"),
        ("Asthma/D , asthma , asthma", "Asthma , asthma , asthma"),
        # A mention of invisible characters is none.
        ("\u200b/D gout/D \ufeff/D , gout", "\u200b gout/D \ufeff , gout/D"),
        ("\u200b/D , gout", "\u200b , gout"),
    ],
)
def test_places_vote(found: str, agreed: str) -> None:
    assert shown(Agreement(0.5)(make_doc(found))) == agreed


@pytest.mark.parametrize(
    ("share", "agreed"),
    [
        (0.0, "a/D , a/D , a/D , a/D"),
        (0.25, "a/D , a/D , a/D , a/D"),
        (0.3, "a , a , a , a"),
    ],
)
def test_share_that_has_to_be_mentions(share: float, agreed: str) -> None:
    assert shown(Agreement(share)(make_doc("a/D , a , a , a"))) == agreed


@given(st.lists(st.sampled_from(["a", "b", "A", "a/C", "b/C", "b/D", "."]), min_size=1, max_size=20).map(" ".join))
def test_all_places_of_a_mention_agree_and_nothing_new_is_found(text: str) -> None:
    found = make_doc(text)
    forms = {ent.text.lower() for ent in found.ents}
    doc = Agreement(0.5)(found)
    labels: dict[str, set[str]] = {}
    for ent in doc.ents:
        labels.setdefault(ent.text.lower(), set()).add(ent.label_)
    assert labels.keys() <= forms
    assert all(len(values) == 1 for values in labels.values())


def test_confidence_of_what_is_new_is_the_mean_by_places() -> None:
    doc = make_doc("gout/D , gout/D , gout , gout/C")
    for ent, confidence in zip(doc.ents, (0.9, 0.5, 0.8), strict=True):
        ent._.confidence = confidence
    assert [ent._.confidence for ent in Agreement(0.5)(doc).ents] == pytest.approx([0.9, 0.5, 1.4 / 4, 1.4 / 4])


def test_mentions_keep_what_else_they_have() -> None:
    doc = make_doc("gout , gout")
    doc.ents = [Span(doc, 0, 1, "D", kb_id="D006073")]
    assert [(ent.start, ent.kb_id_) for ent in Agreement(0.5)(doc).ents] == [(0, "D006073"), (2, "")]


def test_share_is_a_setting_of_the_config() -> None:
    nlp: Language = spacy.blank("en")
    nlp.add_pipe("clinical_agreement", config={"share": 1.0})
    assert shown(nlp(make_doc("LID/D , LID"))) == "LID , LID"
    with pytest.raises(ValueError, match=r"share \(1.5\) must be within \[0, 1\]"):
        spacy.blank("en").add_pipe("clinical_agreement", config={"share": 1.5})


def test_mean_is_over_the_mentions_that_have_a_confidence() -> None:
    doc = make_doc("gout/D , gout/D , gout , gout/C")
    for ent, confidence in zip(doc.ents, (None, 0.8, 0.9), strict=True):
        ent._.confidence = confidence
    assert [ent._.confidence for ent in Agreement(0.5)(doc).ents] == pytest.approx([None, 0.8, 0.4, 0.4])


def test_mention_that_loses_the_vote_leaves_no_confidence_behind() -> None:
    doc = make_doc("gout/D , gout , gout")
    doc.ents[0]._.confidence = 0.9
    doc = Agreement(0.5)(doc)
    assert doc.ents == ()
    doc.ents = [Span(doc, 0, 1, "D")]
    assert doc.ents[0]._.confidence is None


def test_mention_without_invisible_ends_keeps_its_confidence() -> None:
    doc = make_doc("gout/D \u200b/D")
    doc.ents[0]._.confidence = 0.9
    assert [(ent.text, ent._.confidence) for ent in Agreement(0.5)(doc).ents] == [("gout", 0.9)]


@pytest.mark.parametrize("component", [Agreement(0.5), read_abbreviations])
def test_missing_and_blocked_annotation_stays(component) -> None:
    doc = make_doc("gout/D days/D ( GD ) , GD , GD/C x")
    doc.set_ents(doc.ents, blocked=[doc[6:7]], missing=[doc[9:10]], default="outside")
    before = [(token.ent_iob_, token.ent_type_) for token in doc]
    after = [(token.ent_iob_, token.ent_type_) for token in component(doc)]
    assert (before[6], after[6], before[9], after[9]) == (("B", ""), ("B", ""), ("", ""), ("", ""))
    assert [doc[i].ent_iob_ for i in (2, 5, 7)] == ["O"] * 3
