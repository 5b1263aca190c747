"""The medications component: a table of orders, its rules, and text that is nothing like an order."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.pipeline import EntityRuler
from spacy.tokens import Doc, DocBin

from scripts.clinical_ner.medications.component import Medications, find_orders
from scripts.clinical_ner.medications.rules import DEFAULT_RULES, TABLES, read_table
from scripts.clinical_ner.medications.scan import Drug
from tests.clinical_ner.medications.orders import NLP, describe, make_doc, orders, read_cases

COMPONENT = Medications()
CASES = read_cases(Path(__file__).with_name("cases.txt"))
ATTRIBUTES = ("strength", "dose", "form", "route", "frequency", "duration", "as_needed", "action")


def test_table_is_large_enough() -> None:
    assert len(CASES) >= 200


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_orders(text: str, expected: list[str]) -> None:
    assert [describe(order) for order in orders(text, COMPONENT)] == expected


def test_order_in_full() -> None:
    (order,) = orders("{Metoprolol} 25 mg PO BID PRN palpitations x 7 days, held", COMPONENT)
    assert order == {
        "strength": {"text": "25 mg", "start": 11, "end": 16, "value": 25, "unit": "mg"},
        "route": {"text": "PO", "start": 17, "end": 19, "value": "oral"},
        "frequency": {
            "text": "BID",
            "start": 20,
            "end": 23,
            "code": "BID",
            "frequency": 2,
            "period": 1,
            "unit": "d",
            "per_day": 2,
        },
        "as_needed": {
            "text": "PRN palpitations",
            "start": 24,
            "end": 40,
            "value": True,
            "reason": {"text": "palpitations", "start": 28, "end": 40},
        },
        "duration": {"text": "x 7 days", "start": 41, "end": 49, "value": 7, "unit": "d"},
        "action": {"text": "held", "start": 51, "end": 55, "value": "hold"},
    }


def test_times_a_day() -> None:
    texts = ["q4-6h", "weekly", "every other day", "every 6 weeks", "q5min", "TID"]
    found = [(orders(f"{{aspirin}} 5 mg {text}", COMPONENT)[0] or {})["frequency"]["per_day"] for text in texts]
    assert found == [{"low": 4, "high": 6}, 0.1429, 0.5, 0.0238, 288, 3]


@pytest.mark.parametrize(
    "text",
    [
        "{aspirin} " + "7" * 10_000 + " mg",
        "{aspirin} " + "7" * 10_000 + "." + "7" * 10_000 + " mg",
        "{aspirin} 5-5-5 mg",
        "{aspirin} 1.2.3 mg",
        "{aspirin} 10,00,000 mg",
        "{aspirin} 1:25 mg",
        "{aspirin} 1'25 mg",
        "{aspirin} \u0665\u0660\u066b\u0665 mg",
    ],
)
def test_number_that_is_not_clear_has_no_value(text: str) -> None:
    order = orders(text, COMPONENT)[0]
    assert order is None or not {"value", "low", "values"} & {*order["strength"]}


@pytest.mark.parametrize(
    "text", ["{aspirin} 五 mg", "{aspirin} mg", "{aspirin}", "5 mg daily", "", "{aspirin} \u2164 mg PO of"]
)
def test_nothing_is_invented(text: str) -> None:
    assert all(order is None or "strength" not in order for order in orders(text, COMPONENT))


def test_other_labels_are_left_alone() -> None:
    doc = COMPONENT(make_doc("{gout} 25 mg PO", label="Disease"))
    assert doc.ents[0]._.medication is None
    doc = Medications(labels=["Disease"])(make_doc("{gout} 25 mg PO", label="Disease"))
    assert describe(doc.ents[0]._.medication) == "strength[25 mg]=25 mg; route[PO]=oral"


def test_sentences_of_another_component_are_used() -> None:
    doc = make_doc("{aspirin} daily weekly")
    for token in doc:
        token.is_sent_start = token.i in (0, 1)
    assert COMPONENT(doc).ents[0]._.medication["frequency"]["text"] == "daily"
    doc = make_doc("{aspirin} was given. 25 mg is a lot.")
    for token in doc:
        token.is_sent_start = token.text in ("aspirin", "25")
    # What starts with an attribute continues the order.
    assert describe(COMPONENT(doc).ents[0]._.medication) == "strength[25 mg]=25 mg"


def test_blank_line_ends_an_order() -> None:
    assert orders("{aspirin}\n25 mg", COMPONENT)[0] is not None
    assert orders("{aspirin}\n\n25 mg", COMPONENT) == [None]


def check_offsets(doc: Doc) -> None:
    """Check that each attribute has the text at its offsets, and that JSON can hold it."""
    for ent in doc.ents:
        order = ent._.medication
        assert json.loads(json.dumps(order, allow_nan=False)) == order
        for part in parts_of(order or {}):
            assert doc.text[part["start"] : part["end"]] == part["text"] != ""


def parts_of(value: Any) -> Iterator[dict[str, Any]]:
    """Yield all parts of an order with a text."""
    if isinstance(value, dict):
        if "text" in value:
            yield value
        for inner in value.values():
            yield from parts_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parts_of(inner)


@pytest.mark.parametrize("text", [text for text, _ in CASES])
def test_offsets(text: str) -> None:
    check_offsets(COMPONENT(make_doc(text)))


WORDS = [phrase for rule in read_table().rules for phrase in rule.phrases]
PIECES = st.one_of(
    st.sampled_from(
        ["{aspirin}", "{losartan}/{HCTZ}", "5", "25 mg", "1/2", "½", "\n", ", ", "-", "(", ")", "5-5-5 mg", "and", "."]
    ),
    st.sampled_from(WORDS).map(lambda phrase: phrase.replace("#", "3").replace("{time}", "days")),
    st.text(alphabet=st.characters(exclude_characters="{}", exclude_categories=["Cs"]), max_size=6),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=14), st.sampled_from(["", " "]))
def test_any_text(pieces: list[str], space: str) -> None:
    doc = COMPONENT(make_doc("{aspirin}" + space + space.join(pieces)))
    check_offsets(doc)
    again = COMPONENT(make_doc("{aspirin}" + space + space.join(pieces)))
    assert [ent._.medication for ent in doc.ents] == [ent._.medication for ent in again.ents]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from([f"{{drug{n}}} {n} mg" for n in range(1, 9)] + ["PO", "BID", "for 3 days", "held"]), max_size=12
    )
)
def test_an_attribute_has_one_owner(pieces: list[str]) -> None:
    found = [order for order in orders(", ".join(["{aspirin} 81 mg", *pieces]), COMPONENT) if order]
    places = [(part["start"], name) for order in found for name in ATTRIBUTES if (part := order.get(name))]
    assert len(places) == len({*places})


@pytest.mark.parametrize(
    "text",
    [
        "{aspirin} 25 mg PO BID PRN pain\n- ",
        "{aspirin}, ",
        "{aspirin}/",
        "{aspirin} and ",
        "{aspirin} 5-",
        "{aspirin} prn for pain or ",
    ],
)
def test_time_is_linear_with_many_drugs(text: str) -> None:
    assert seconds(make_doc(text * 1000)) < 12 * max(seconds(make_doc(text * 200)), 0.01)


@pytest.mark.parametrize(
    "text", ["5-", "5/", "5 mg ", "a half ", "a.", "-", "/kg", "word ", "prn ", "prn for pain or ", "\n", "7"]
)
def test_time_is_linear_after_a_drug(text: str) -> None:
    assert seconds(make_doc("{aspirin} 5 mg " + text * 4000)) < 12 * max(
        seconds(make_doc("{aspirin} 5 mg " + text * 2000)), 0.01
    )


def seconds(doc: Doc) -> float:
    """Return the processor time that a document takes: the shortest of two."""
    times = []
    for _ in range(2):
        start = time.process_time()
        COMPONENT(doc)
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('"po"', "it must be an object, not str"),
        ({"attribute": "route"}, "its 'phrases' must be a list that is not empty"),
        ({"attribute": "route", "phrases": [], "value": "oral"}, "its 'phrases' must be a list that is not empty"),
        ({"attribute": "route", "phrases": [" "], "value": "oral"}, "the phrase ' ' is no text"),
        (
            {"attribute": "way", "phrases": ["po"], "value": "oral"},
            "its 'attribute' ('way') must be one of strength, dose, ",
        ),
        ({"attribute": "route", "phrases": ["po"]}, "its 'value' (None) must be a name"),
        (
            {"attribute": "route", "phrases": ["po"], "value": "oral", "way": 1},
            "it has the unknown key 'way'; known are",
        ),
        (
            {"attribute": "action", "phrases": ["ban"], "value": "ban"},
            "its 'value' ('ban') must be one of start, stop, hold",
        ),
        (
            {"attribute": "frequency", "phrases": ["q2d"], "value": 2},
            "its 'value' must be an object with some of frequency",
        ),
        (
            {"attribute": "frequency", "phrases": ["q2d"], "value": {"times": 2}},
            "its 'value' has the unknown key 'times'",
        ),
        (
            {"attribute": "frequency", "phrases": ["q2d"], "value": {"unit": "days"}},
            "the 'unit' in its 'value' ('days')",
        ),
        (
            {"attribute": "duration", "phrases": ["for {weeks}"], "value": {}},
            "the phrase 'for {weeks}' has a slot that is unknown",
        ),
        ({"attribute": "number", "phrases": ["dozen"], "value": "12"}, "its 'value' ('12') must be a number"),
        ({"attribute": "number", "phrases": ["a dozen"], "value": 12}, "the phrase 'a dozen' must be a single word"),
        (
            {"attribute": "unit", "phrases": ["kU"], "value": "k[iU]", "kind": "count"},
            "its 'kind' ('count') must be one of",
        ),
        (
            {"attribute": "unit", "phrases": ["kU"], "value": "k[iU]", "factor": "k"},
            "its 'factor' ('k') must be a number",
        ),
        ({"attribute": "unit", "phrases": ["kU"]}, "its 'value' (None) must be a UCUM unit"),
        ({"attribute": "route", "phrases": ["po"], "value": "oral", "case": 1}, "its 'case' must be true or false"),
        ({"attribute": "separator", "phrases": ["~"], "value": "~"}, "its 'value' ('~') must be one of and, "),
        ({"attribute": "time", "phrases": ["moon"], "value": "moon"}, "its 'value' ('moon') must be one of min, h"),
    ],
)
def test_broken_rule_stops_the_creation(rule: Any, message: str) -> None:
    good = {"attribute": "route", "phrases": ["down the hatch"], "value": "oral"}
    with pytest.raises(ValueError) as error:
        spacy.blank("en").add_pipe("clinical_medications", config={"extra_rules": [good, rule]})
    assert str(error.value).startswith(f"Medication rule 2: {message}")


@pytest.mark.parametrize(("content", "message"), [("{", "can't be read"), ('{"rules": []}', "must be a list")])
def test_broken_file_of_rules(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "rules.json"
    path.write_text(content, encoding="utf8")
    with pytest.raises(ValueError, match=message):
        Medications(str(path))


EXTRA = [
    {"attribute": "route", "phrases": ["down the hatch"], "value": "oral"},
    {"attribute": "frequency", "phrases": ["every # moons"], "value": {"frequency": 1, "period": "#", "unit": "mo"}},
    {"attribute": "unit", "phrases": ["kU"], "value": "[iU]", "factor": 1000, "kind": "dose"},
    {"attribute": "route", "phrases": ["PO"], "value": "enteral"},
]


def make_pipeline(**config: Any) -> Language:
    """Return a pipeline with an entity ruler and the component."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    assert isinstance(ruler, EntityRuler)
    ruler.add_patterns([{"label": "Chemical", "pattern": "aspirin"}])
    nlp.add_pipe("clinical_medications", name="medications", config=config)
    return nlp


def component_of(nlp: Language) -> Medications:
    """Return the component of a pipeline."""
    component = nlp.get_pipe("medications")
    assert isinstance(component, Medications)
    return component


def order_in(nlp: Language, text: str) -> str:
    """Return the order of a text's only drug as a line."""
    return describe(nlp(text).ents[0]._.medication)


def test_rules_of_ones_own_are_added_and_saved(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"medication_rules": EXTRA}), encoding="utf8")
    text = "aspirin 2 kU down the hatch every 2 moons"
    expected = "dose[2 kU]=2000 [iU]; route[down the hatch]=oral; frequency[every 2 moons]=1 per 2 mo"
    nlp = make_pipeline(extra_rules=str(path))
    assert order_in(nlp, text) == expected
    assert order_in(nlp, "aspirin PO daily") == "route[PO]=enteral; frequency[daily]=QD"
    nlp.to_disk(tmp_path / "pipeline")
    saved = component_of(nlp).to_bytes()
    path.unlink()
    assert order_in(spacy.load(tmp_path / "pipeline"), text) == expected
    other = make_pipeline(extra_rules=str(path))
    component_of(other).from_bytes(saved)
    assert order_in(other, text) == expected
    with pytest.raises(ValueError, match="is not there"):
        make_pipeline(extra_rules=str(path))("aspirin")


def test_config_of_the_loaded_pipeline_comes_before_saved_rules(tmp_path: Path) -> None:
    make_pipeline(extra_rules=EXTRA).to_disk(tmp_path / "pipeline")
    nlp = spacy.load(tmp_path / "pipeline", config={"components": {"medications": {"extra_rules": EXTRA[:1]}}})
    assert order_in(nlp, "aspirin PO down the hatch") == "route[PO]=oral"


def test_rules_can_be_replaced() -> None:
    assert order_in(make_pipeline(rules=EXTRA[:1]), "aspirin PO down the hatch") == "route[down the hatch]=oral"
    assert order_in(make_pipeline(rules=[]), "aspirin 5 mg PO daily") == ""


def test_saved_rules_are_those_of_the_file() -> None:
    assert read_table(read_table().to_dict()).to_dict() == read_table(DEFAULT_RULES).to_dict()


def test_no_phrase_of_the_default_rules_is_shadowed() -> None:
    seen: dict[tuple[str, str], int] = {}
    twice = []
    for number, rule in enumerate(read_table().rules, start=1):
        for phrase in [] if rule.after or rule.last or rule.case else rule.phrases:
            key = (rule.attribute if rule.attribute in TABLES else "anywhere", phrase.lower())
            if key in seen:
                twice.append((key, seen[key], number))
            seen[key] = number
    assert twice == []


def test_attribute_is_declared_and_survives_docbin() -> None:
    nlp = make_pipeline()
    assert "span._.medication" in nlp.get_pipe_meta("medications").assigns
    doc = nlp("aspirin 81 mg daily")
    stored = DocBin(docs=[doc], store_user_data=True).to_bytes()
    (read,) = DocBin().from_bytes(stored).get_docs(NLP.vocab)
    assert read.ents[0]._.medication == doc.ents[0]._.medication is not None


@given(
    st.lists(
        st.sampled_from(["p.o.", "5", "mg", "1/2", "q6h", "\n", "aspirin", "x", "BID", ".", "2.5", "PRN"]), min_size=1
    ),
    st.data(),
)
def test_any_tokens_can_be_a_mention(words: list[str], data: st.DataObject):
    """An untrained head predicts anything: parts of what the rules read as one token, numbers, white space."""
    text = " ".join(words)
    bounds = data.draw(st.lists(st.integers(0, len(text)), unique=True, max_size=8).map(sorted))
    drugs = [Drug(*each, number) for number, each in enumerate(zip(bounds[::2], bounds[1::2], strict=False))]
    found = list(find_orders(text, [0, len(text)], drugs, COMPONENT.table))
    for number, order in found:
        steps = (order or {}).pop("steps", [])
        for part in (part for values in (order or {}, *steps) for part in values.values()):
            assert text[part["start"] : part["end"]] == part["text"], number
    assert len({number for number, _ in found}) == len(found) <= len(drugs)
