"""The states that attributes stand for, by name."""

from typing import Any

import pytest

from scripts.clinical_ner.context.rules import ATTRIBUTES
from scripts.records.states import STATES, known_states, mention_states

ABSENT = dict.fromkeys(ATTRIBUTES.values(), False)


@pytest.mark.parametrize(
    ("attributes", "states"),
    [
        ({}, []),
        ({"dose": "25 mg"}, []),
        (ABSENT, ["present"]),
        ({"is_negated": False}, ["present"]),
        (ABSENT | {"is_negated": True}, ["denied"]),
        (ABSENT | {"is_uncertain": True}, ["possible"]),
        (ABSENT | {"is_historical": True}, ["past"]),
        (ABSENT | {"is_hypothetical": True}, ["planned"]),
        (ABSENT | {"is_family": True}, ["family"]),
        (ABSENT | {"is_allergy": True}, ["allergy"]),
        ({"is_family": True, "dose": "25 mg", "is_negated": True}, ["denied", "family"]),
    ],
)
def test_states_of_a_mention(attributes: dict[str, Any], states: list[str]) -> None:
    assert mention_states(attributes) == states


def test_each_attribute_of_the_context_component_has_a_state() -> None:
    assert set(STATES.values()) == set(ATTRIBUTES.values())


@pytest.mark.parametrize(
    ("attributes", "states"),
    [
        ([], []),
        (["dose", "section_category"], []),
        (["is_family", "dose", "is_negated"], ["present", "denied", "family"]),
        (list(ABSENT), ["present", "denied", "possible", "past", "planned", "family", "allergy"]),
    ],
)
def test_states_that_a_pipeline_knows(attributes: list[str], states: list[str]) -> None:
    assert known_states(attributes) == states
