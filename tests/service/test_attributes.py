"""The service's description of attributes against what the project's components set, and the names of concepts."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from scripts.clinical_ner.medications.component import Medications
from scripts.clinical_ner.registration import FACTORIES
from scripts.service.attributes import Attributes, Medication, concept_name
from tests.clinical_ner.medications.orders import orders, read_cases

CASES = Path(__file__).parents[1] / "clinical_ner" / "medications" / "cases.txt"


def test_every_attribute_of_the_projects_components_is_described() -> None:
    assigned = {
        name for factory in FACTORIES for name in factory.settings.get("assigns", ()) if name.startswith("span._.")
    }
    described = {f"span._.{name}" for name in [*Attributes.__annotations__, "confidence"]}
    assert assigned == described


def test_every_part_of_an_order_is_described() -> None:
    component, described = Medications(), TypeAdapter(Medication)
    found = [order for text, _ in read_cases(CASES) for order in orders(text, component) if order]
    assert len(found) > 200
    # What is not described would be left out here, and what has another type refused.
    assert [described.validate_python(order) for order in found] == found


CANDIDATES = [
    {"id": "D006973", "name": "Hypertension", "score": 0.9},
    {"id": "D001", "score": 0.1},
    {"id": "D2", "name": 5},
]


@pytest.mark.parametrize(
    ("identifier", "candidates", "name"),
    [
        ("D006973", CANDIDATES, "Hypertension"),
        ("D001", CANDIDATES, None),
        ("D2", CANDIDATES, None),
        ("D3", CANDIDATES, None),
        (None, CANDIDATES, None),
        ("", CANDIDATES, None),
        ("D006973", [], None),
        ("D006973", None, None),
        ("D006973", ["D006973"], None),
        ("D006973", "D006973", None),
    ],
)
def test_name_of_a_concept(identifier: str | None, candidates: Any, name: str | None) -> None:
    assert concept_name(identifier, {"kb_candidates": candidates}) == name
    assert concept_name(identifier, {}) is None
