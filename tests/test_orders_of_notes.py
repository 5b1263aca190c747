"""Orders of medications in generated notes, and words beside diagnoses: exact sentences from templates."""

from random import Random

import pytest
from faker import Faker

from scripts.errors import ProjectError
from scripts.generate_notes import medication
from scripts.records.bigbio import SPLITS
from scripts.synthetic.patient import Patient
from scripts.synthetic.sentence import fill
from scripts.synthetic.templates import parse_template, read_values
from scripts.synthetic.terms import read_terms

VALUES = read_values()
TERMS = [term for term in read_terms() if term.split == "train"]


def write(text: str, seed: int = 0):
    fake = Faker("en_US")
    fake.seed_instance(seed)
    patient = Patient(fake, TERMS, VALUES, topics=4, stay=1)
    return fill(parse_template(text, VALUES, ""), patient, [])


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{drug1} {dose1} {route1:PO} {frequency1:BID}", [{"strength", "route", "frequency"}]),
        ("{drug1}, {act1:hold held}", [{"action"}]),
        ("{act0:start start} {drug1} and {drug2}", [{"action"}, {"action"}]),
        ("{route1:IV} {drug1} and {route2:PO} {drug2}", [{"route"}, {"route"}]),
        ("{drug1:name} ({drug1:brand}) {frequency1:daily}", [set(), {"frequency"}]),
        ("{drug1} and {drug2}", [set(), set()]),
    ],
)
def test_parts_belong_to_their_drug(template, names):
    found = 0
    for seed in range(8):
        note = write(template, seed)
        orders = [medication(mention, note.text)["medication"] for mention in note.mentions]
        # A dose may be an amount that is measured out, and "1 tablet" names a form as well.
        found += [{"strength" if name == "dose" else name for name in each} - {"form"} for each in orders] == names
        for order in orders:
            assert all(note.text[part["start"] : part["end"]] == part["text"] for part in order.values())
    assert found == 8


def test_as_needed_has_its_reason():
    note = write("{drug1} {prn1} for {why1.planned}")
    drug, reason = note.mentions
    part = medication(drug, note.text)["medication"]["as_needed"]
    assert part["end"] == reason.end
    assert part["reason"] == {"text": note.text[reason.start : reason.end], "start": reason.start, "end": reason.end}


@pytest.mark.parametrize(
    "template",
    [
        "{drug1} {frequency1} for {dx1}",
        "{drug1} {frequency1} {duration1} for {dx1}",
        "{drug1} {frequency1} - for {dx1}",
        "{drug1} {frequency1} ({dx1})",
    ],
)
def test_a_diagnosis_is_no_reason_for_as_needed(template):
    """Many drugs are taken as needed, but never for a diagnosis behind that, which would be the reason."""
    names = {part.name for seed in range(60) for mention in write(template, seed).mentions for part in mention.order}
    assert names == {"frequency"} | ({"duration"} if "duration" in template else set())


def test_a_drug_may_be_taken_as_needed_beside_another_diagnosis():
    parts = [part for seed in range(60) for part in write("{dx1}: {drug1} {frequency1}", seed).mentions[1].order]
    assert {part.name for part in parts} == {"frequency", "as_needed"}


@pytest.mark.parametrize(
    ("kind", "text", "written", "name", "value"),
    [
        ("dose", "5-325 mg", {"5-325 mg", "5-325mg", "5-325 mgs"}, "strength", {"values": [5, 325], "unit": "mg"}),
        ("dose", "10,000 units", {"10,000 units", "10,000 u"}, "dose", {"value": 10000, "unit": "[iU]"}),
        ("dose", "2.5 mg/kg", {"2.5 mg/kg", "2.5mg/kg", "2.5 mgs/kg"}, "dose", {"value": 2.5, "unit": "mg/kg"}),
        ("dose", "1%", {"1%"}, "strength", {"value": 1, "unit": "%"}),
        ("route", "SC", {"SC", "SQ", "subq"}, "route", {"value": "subcutaneous"}),
        ("frequency", "q12h", {"q12h", "every 12 hours"}, "frequency", {"frequency": 1, "period": 12, "unit": "h"}),
    ],
)
def test_wordings_and_values(kind, text, written, name, value):
    parts = [VALUES.orders.write(kind, text, "train", Random(seed))[0] for seed in range(40)]
    assert {part.text for part in parts} == written
    assert {part.name for part in parts} == {name}
    assert all(part.value == value for part in parts)


def test_all_orders_of_all_drugs_can_be_written():
    for term in read_terms():
        for kind, texts in term.order.items():
            for text in texts:
                assert VALUES.orders.write(kind, text, term.split, Random(0))


@pytest.mark.parametrize("part", ["frequencies", "routes"])
def test_splits_have_wordings_of_their_own(part):
    own = {
        split: {text for each in VALUES.orders.data[part].values() for text in each.get(split, ())} for split in SPLITS
    }
    assert not own["train"] & own["dev"]
    assert not own["train"] & own["test"]
    assert min(map(len, own.values())) >= 5


def test_an_unknown_amount_is_refused():
    with pytest.raises(ProjectError, match="'some mg' is no amount"):
        VALUES.orders.write("dose", "some mg", "train", Random(0))


def test_modifiers_stand_outside_the_mention():
    words = {word for each in VALUES.modifiers for word in (*each.before, *each.now)}
    seen = set()
    for seed in range(60):
        note = write("{dx1}", seed)
        [mention] = note.mentions
        seen.add(note.text[: mention.start].strip())
    assert seen - {""} and seen - {""} <= words


def test_a_fixed_combination_is_one_mention_with_two_ids():
    note = write("{combo1}", 1)
    [mention] = note.mentions
    assert len(mention.term.ids) == 2
    assert (mention.start, mention.end) == (0, len(note.text))
