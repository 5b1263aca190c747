"""The scores of medications' orders, by counted examples: text, overlap, value and tie."""

from typing import Any

import pytest
import spacy
from spacy.tokens import Doc, Span

from scripts.evaluation.order_scores import MATCHES, count, order_parts, score_side

TEXT = "aspirin 81 mg PRN chest pain daily, ramipril 5 mg"
NLP = spacy.blank("en")


def part(text: str, **value: Any) -> dict[str, Any]:
    start = TEXT.index(text)
    return {"text": text, "start": start, "end": start + len(text), **value}


def make_doc(*orders: dict[str, Any] | None) -> Doc:
    """Return the text with two drugs that have these orders."""
    if not Span.has_extension("medication"):
        Span.set_extension("medication", default=None)
    doc = NLP(TEXT)
    doc.set_ents([Span(doc, 0, 1, "Chemical"), Span(doc, 8, 9, "Chemical")])
    for ent, order in zip(doc.ents, orders, strict=True):
        ent._.medication = order
    return doc


STRENGTH = {"strength": part("81 mg", value=81, unit="mg")}
DAILY = {"frequency": part("daily", frequency=1, period=1, unit="d")}


@pytest.mark.parametrize(
    ("gold", "predicted", "name", "expected"),
    [
        ((STRENGTH, {}), (STRENGTH, None), "strength", {"text": 1, "overlap": 1, "value": 1, "tie": 1}),
        ((STRENGTH, {}), ({}, STRENGTH), "strength", {"text": 1, "overlap": 1, "value": 1, "tie": 0}),
        (
            (STRENGTH, {}),
            ({"strength": part("81", value=81)}, None),
            "strength",
            {"text": 0, "overlap": 1, "value": 0, "tie": 1},
        ),
        ((DAILY, DAILY), (DAILY, DAILY), "frequency", {"text": 1, "overlap": 1, "value": 1, "tie": 2}),
        (
            (DAILY, {}),
            ({"frequency": DAILY["frequency"] | {"code": "QD", "per_day": 1}}, None),
            "frequency",
            {"text": 1, "overlap": 1, "value": 1, "tie": 1},
        ),
        (
            ({"as_needed": part("PRN chest pain", value=True, reason=part("chest pain"))}, {}),
            ({"as_needed": part("PRN", value=True)}, None),
            "as_needed",
            {"text": 0, "overlap": 1, "value": 0, "tie": 1},
        ),
        ((STRENGTH, {}), ({"steps": [STRENGTH]}, None), "strength", {"text": 0, "overlap": 0, "value": 0, "tie": 0}),
    ],
)
def test_true_positives_by_measure(gold: tuple, predicted: tuple, name: str, expected: dict[str, int]) -> None:
    tables = score_side({"1": make_doc(*gold)}, {"1": make_doc(*predicted)}, seed=0)
    assert {measure: tables[measure][name]["tp"] for measure in MATCHES} == expected


def test_what_is_missed_and_what_is_wrong_are_counted() -> None:
    gold, predicted = (
        make_doc({**STRENGTH, **DAILY}, {}),
        make_doc(DAILY, {"strength": part("5 mg", value=5, unit="mg")}),
    )
    sides = order_parts(gold), order_parts(predicted)
    match, by_drug = MATCHES["tie"]
    assert count(sides[0]["strength"], sides[1]["strength"], match, by_drug=by_drug) == (0, 1, 1)
    assert count(sides[0]["frequency"], sides[1]["frequency"], match, by_drug=by_drug) == (1, 0, 0)
