"""The component: sentences, lists, sections, offsets, rules of the user's own, saving, bad input, time."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span

from scripts.clinical_ner.context.rules import ATTRIBUTES, read_rules
from tests.clinical_ner.context.test_context import NLP, context_pipeline, found_letters, marked_doc

CONTEXT = NLP.get_pipe("clinical_context")


def test_each_document_can_have_a_memory_zone_of_its_own() -> None:
    nlp = context_pipeline()
    nlp.add_pipe("entity_ruler", first=True).add_patterns([{"label": "Disease", "pattern": [{"LOWER": "gout"}]}])  # type: ignore[attr-defined]
    found = []
    for text in ("No gout.", "No evidence of gout.", "History of gout."):
        with nlp.memory_zone():
            found.append([(ent._.is_negated, ent._.is_historical) for ent in nlp(text).ents])
    assert found == [[(True, False)], [(True, False)], [(False, True)]]


def read(marked: str) -> Doc:
    doc, _ = marked_doc(NLP, marked)
    return CONTEXT(doc)


def test_modifiers_have_the_offsets_of_their_cues() -> None:
    doc = read("She is well.\nNo  evidence\nof [asthma], mother had [gout].")
    found = [[(one["category"], doc.text[one["start"] : one["end"]]) for one in ent._.modifiers] for ent in doc.ents]
    assert found == [[("NEGATED_EXISTENCE", "No  evidence\nof")], [("FAMILY", "mother")]]
    assert json.loads(json.dumps(doc.ents[0]._.modifiers)) == doc.ents[0]._.modifiers


def test_attributes_are_absent_without_the_component() -> None:
    doc, _ = marked_doc(NLP, "No [asthma].")
    assert [doc.ents[0]._.get(name) for name in (*ATTRIBUTES.values(), "modifiers")] == [None] * 7


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("No [fever].\n[Cough] today.", ["N", ""]),
        ("No [fever]\n\n[cough]", ["N", ""]),
        ("Patient denies:\n- [fever]\n- [cough]\n\nHas [gout].", ["N", "N", ""]),
        ("Denies:\n1. [fever]\n2. [cough]\n", ["N", "N"]),
        ("- [gout]\n- no [fever]\n- [cough]", ["", "N", ""]),
        ("No\n[fever] or\n[chills]", ["N", "N"]),
        ("Seen by Dr. Who. No [fever].", ["N"]),
    ],
)
def test_scope_is_the_sentence_or_the_list(marked: str, expected: list[str]) -> None:
    assert found_letters(read(marked)) == expected


def test_sentences_of_other_components_count() -> None:
    doc, _ = marked_doc(NLP, "no [fever] has [cough]")
    for token in doc:
        token.is_sent_start = token.i in (0, 2)
    assert found_letters(CONTEXT(doc)) == ["N", ""]


SECTIONED = """PAST MEDICAL HISTORY:
[Asthma], [gout]

FAMILY HISTORY:
[Stroke]. No [cancer].

ALLERGIES: {penicillin} ([rash])

ASSESSMENT:
[Pneumonia]
"""


def test_heading_holds_for_its_section() -> None:
    nlp = context_pipeline()
    nlp.add_pipe("clinical_sections", first=True)
    doc, _ = marked_doc(nlp, SECTIONED)
    for name, component in nlp.pipeline:
        doc = component(doc) if name != "clinical_context" else doc
    doc = nlp.get_pipe("clinical_context")(doc)
    assert found_letters(doc) == ["H", "H", "F", "NF", "A", "", ""]
    first = doc.ents[0]._.modifiers[0]
    assert doc.text[first["start"] : first["end"]].startswith("PAST MEDICAL HISTORY")


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("FH: father had [gout]. Pt reports [chest pain].", ["F", ""]),
        ("FH: father had [gout]. The patient denies [chest pain].", ["F", "N"]),
        ("FH: father had [gout]. Presents with [chest pain].", ["F", ""]),
        ("FH: father had [gout]. Complains of [chest pain].", ["F", ""]),
        ("FH: brother presented with [gout]. Died of [stroke].", ["F", "F"]),
        ("FH: father had [gout].\nPatient's sister has [lupus].", ["F", "F"]),
        # What is denied in a past history is not past, what has resolved is.
        ("PMH: [cough], resolved. No [gout].", ["NH", "N"]),
        # A paragraph behind a heading's own line is about something else.
        ("Allergies: {zinc}\n\nShe was seen in clinic. She should take {iron}.", ["A", ""]),
        ("Allergies: {zinc}\n\n- {iron}", ["A", "A"]),
        ("Med trials:\n- {zinc}, 6 weeks", ["H"]),
    ],
)
def test_headings_that_hold_for_a_part(marked: str, expected: list[str]) -> None:
    nlp = context_pipeline()
    nlp.add_pipe("clinical_sections", first=True)
    doc, _ = marked_doc(nlp, marked)
    ents = doc.ents
    doc = nlp.get_pipe("clinical_sections")(doc)
    doc.set_ents(ents)
    assert found_letters(nlp.get_pipe("clinical_context")(doc)) == expected


def write(path: Path, *rules: object) -> str:
    path.write_text(json.dumps({"context_rules": [*rules]}), encoding="utf8")
    return str(path)


# As medspaCy writes them.
OWN = {"literal": "gibt es nicht", "category": "NEGATED_EXISTENCE", "pattern": None, "direction": "BACKWARD"}


@pytest.mark.parametrize(
    ("rule", "marked", "expected"),
    [
        (OWN, "[Fieber] gibt es nicht", ["N"]),
        ({**OWN, "literal": "kein", "direction": "forward"}, "kein [Fieber], [Husten]", ["N", "N"]),
        ({**OWN, "literal": "kein", "direction": "FORWARD", "max_targets": 1}, "kein [Fieber], [Husten]", ["N", ""]),
        ({**OWN, "literal": "kein", "direction": "FORWARD", "max_scope": 2}, "kein [Fieber], [Husten]", ["N", ""]),
        ({**OWN, "literal": "kein", "direction": "BIDIRECTIONAL"}, "[Fieber] kein [Husten]", ["N", "N"]),
        (
            {**OWN, "literal": "kein", "direction": "FORWARD", "allowed_types": ["CHEMICAL"]},
            "kein [Fieber], {ASS}",
            ["", "N"],
        ),
        (
            {**OWN, "literal": "kein", "direction": "FORWARD", "excluded_types": ["chemical"]},
            "kein [Fieber], {ASS}",
            ["N", ""],
        ),
        ({**OWN, "literal": "x", "direction": "FORWARD", "pattern": [{"LOWER": "keine"}]}, "Keine [Angst]", ["N"]),
        ({**OWN, "literal": "x", "direction": "FORWARD", "pattern": "kein(e|en)?\\b"}, "Keinen [Husten]", ["N"]),
        ({**OWN, "literal": "x", "direction": "FORWARD", "pattern": [{"LOWER": "k", "OP": "+"}]}, "k k [Uhu]", ["N"]),
    ],
)
def test_rules_of_medspacy(tmp_path: Path, rule: dict, marked: str, expected: list[str]) -> None:
    nlp = context_pipeline(rules=write(tmp_path / "rules.json", rule), replace=True)
    doc, _ = marked_doc(nlp, marked)
    assert found_letters(nlp.get_pipe("clinical_context")(doc)) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([OWN, {"category": "HISTORICAL"}], "context rule 2: it has no literal"),
        ([{**OWN, "category": "NEGATED"}], r"context rule 1 \('gibt es nicht'\): category 'NEGATED' is not one of NEG"),
        ([{**OWN, "direction": "LEFT"}], "direction 'LEFT' is not one of FORWARD"),
        ([{**OWN, "pattern": [{"LOVER": "x"}]}], "its pattern is wrong"),
        ([{**OWN, "pattern": "("}], "its pattern is wrong"),
        ([{**OWN, "pattern": []}], "pattern"),
        ([{**OWN, "max_scope": 0}], "max_scope must be a whole number above 0, not 0"),
        ([{**OWN, "max_targets": "2"}], "max_targets must be a whole number above 0"),
        ([{**OWN, "allowed_types": "DISEASE"}], "allowed_types must be a list of names"),
        ([{**OWN, "allowed_types": ["A"], "excluded_types": ["B"]}], "only one of allowed_types and excluded_types"),
        ([{**OWN, "scope": "page"}], "scope 'page' is not one of sentence, list, item"),
        ([{**OWN, "on_match": "f"}], "unknown key: on_match"),
        ([OWN, "no"], "context rule 2: it must be a table"),
    ],
)
def test_wrong_rules_stop_the_creation(tmp_path: Path, rules: list, expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        context_pipeline(rules=write(tmp_path / "rules.json", *rules))


def test_rules_that_are_no_json(tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text("{", encoding="utf8")
    with pytest.raises(ValueError, match="is not JSON"):
        context_pipeline(rules=str(tmp_path / "rules.json"))
    with pytest.raises(ValueError, match="replace = true needs rules"):
        context_pipeline(replace=True)


def test_missing_file_of_rules_stops_the_first_document(tmp_path: Path) -> None:
    nlp = context_pipeline(rules=str(tmp_path / "rules.json"))
    doc, _ = marked_doc(nlp, "No [asthma].")
    with pytest.raises(ValueError, match="is not there"):
        nlp.get_pipe("clinical_context")(doc)


def test_own_rules_are_saved_with_the_pipeline(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    nlp = context_pipeline(rules=write(path, OWN))
    saved = nlp.get_pipe("clinical_context")
    saved.to_disk(tmp_path / "context")
    path.unlink()
    on_disk = context_pipeline(rules=str(path)).get_pipe("clinical_context").from_disk(tmp_path / "context")
    from_bytes = context_pipeline().get_pipe("clinical_context").from_bytes(saved.to_bytes())
    for component in (saved, on_disk, from_bytes):
        doc, _ = marked_doc(NLP, "[Fieber] gibt es nicht. No [cough].")
        assert found_letters(component(doc)) == ["N", "N"]


def test_default_rules_say_each_thing_once() -> None:
    rules = read_rules(Path("scripts/clinical_ner/context/rules.json"), NLP.vocab).rules
    known = [json.dumps(rule.to_dict(), sort_keys=True) for rule in rules]
    assert len(known) == len(set(known)) > 1000


@pytest.mark.parametrize(
    "part",
    [
        *("no ", "fever ", "no fever, ", ", ", "in 2012 ", "( - )", "- no fever:\n", " -a", "mother ", "\n ", ". "),
        *("stopped it and fever, ", "which fever was then ", "is thought to be fever ", "tried fever, "),
    ],
)
def test_time_is_linear(part: str) -> None:
    def seconds(length: int) -> float:
        doc = NLP.make_doc((part * length)[: length - 5] + " fever")
        doc.ents = [Span(doc, token.i, token.i + 1, "Disease") for token in doc if token.text == "fever"]
        started = time.process_time()
        CONTEXT(doc)
        return time.process_time() - started

    seconds(1000)
    # A quadratic step would take 100 times as long; the second is for a busy machine.
    assert seconds(100_000) < 25 * seconds(10_000) + 1


WORDS = st.sampled_from(
    [
        *("no", "not", "fever", "cough", "and", "or", "but", "mother", "history", "of", "possible", "if", "in", "2012"),
        *("today", ",", ".", ":", "-", "(", ")", "+", "?", "\n"),
    ]
)


@settings(deadline=None, max_examples=200)
@given(st.lists(WORDS, max_size=40))
def test_any_text(words: list[str]) -> None:
    doc = NLP.make_doc(" ".join(words))
    doc.ents = [Span(doc, token.i, token.i + 1, "Disease") for token in doc if token.text in ("fever", "cough")]
    for ent in CONTEXT(doc).ents:
        categories = {one["category"] for one in ent._.modifiers}
        assert {name for name in ATTRIBUTES.values() if ent._.get(name)} == {ATTRIBUTES[one] for one in categories}
        assert all(0 <= one["start"] < one["end"] <= len(doc.text) for one in ent._.modifiers)


@pytest.mark.parametrize("text", ["", " ", "\n\n", "El paciente niega fiebre."])
def test_no_mentions(text: str) -> None:
    assert not CONTEXT(NLP.make_doc(text)).ents
