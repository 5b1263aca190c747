"""Mentions are asked for with the other names that their text has for the same thing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.clinical_ner.linking.queries import Query, find_beside, make_queries


def places(text: str, *mentions: str, label: str = "Chemical") -> list[tuple[int, int, str]]:
    """Return the first places of mentions in a text."""
    return [(text.index(mention), text.index(mention) + len(mention), label) for mention in mentions]


@pytest.mark.parametrize(
    ("text", "mentions", "expected"),
    [
        ("amrubicin (SM-5887)", ("amrubicin", "SM-5887"), {"amrubicin": "SM-5887", "SM-5887": "amrubicin"}),
        ("amrubicin[ SM-5887 ]", ("amrubicin", "SM-5887"), {"amrubicin": "SM-5887", "SM-5887": "amrubicin"}),
        # A list of examples, a dose, a word between them, another bracket, no bracket.
        ("statins (simvastatin, pravastatin)", ("statins", "simvastatin", "pravastatin"), {}),
        ("aspirin (ASA 81 mg)", ("aspirin", "ASA"), {}),
        ("aspirin (like ASA)", ("aspirin", "ASA"), {}),
        ("aspirin ((ASA))", ("aspirin", "ASA"), {}),
        ("aspirin ASA)", ("aspirin", "ASA"), {}),
        ("aspirin", ("aspirin",), {}),
    ],
)
def test_mentions_beside_a_bracket(text, mentions, expected):
    found = find_beside(text, places(text, *mentions))
    assert found == {(one, "Chemical"): other for one, other in expected.items()}


def test_mentions_with_other_labels_are_not_beside_each_other():
    text = "gout (aspirin)"
    assert find_beside(text, [*places(text, "gout", label="Disease"), *places(text, "aspirin")]) == {}


def test_the_first_bracket_counts_for_all_mentions_with_the_words():
    text = "D1 (X), D2 (X), X"
    found = [(0, 2, "Chemical"), (4, 5, "Chemical"), (8, 10, "Chemical"), (12, 13, "Chemical"), (16, 17, "Chemical")]
    assert [query.beside for query in make_queries(text, found)] == ["X", "D1", "X", "D1", "D1"]


def test_abbreviations_are_written_out_on_both_sides():
    text = "Renal insufficiency (RI) in ten. RI [azotemia] in all."
    found = places(text, "Renal insufficiency", "RI", "azotemia", label="Disease")
    found.insert(2, (text.index("RI ["), text.index("RI [") + 2, "Disease"))
    assert make_queries(text, found) == [
        Query("Renal insufficiency", "Renal insufficiency", "Disease"),
        Query("RI", "Renal insufficiency", "Disease"),
        Query("RI", "Renal insufficiency", "Disease"),
        Query("azotemia", "azotemia", "Disease", "Renal insufficiency"),
    ]


def test_a_mention_before_the_bracket_is_the_whole_long_form():
    text = "combined oral contraceptives (COCs). COCs"
    found = [*places(text, "combined oral contraceptives", "COCs"), (37, 41, "Chemical")]
    longs = [query.long for query in make_queries(text, found)]
    assert longs == ["combined oral contraceptives"] * 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("testosterone (T), T", "testosterone"),
        # Another letter, and nothing beside it.
        ("testosterone (X), X", "X"),
        ("testosterone and T, T", "T"),
    ],
)
def test_a_single_letter_is_the_initial_of_what_is_beside_it(text, expected):
    letter = text[-1]
    found = [*places(text, "testosterone", letter), (len(text) - 1, len(text), "Chemical")]
    assert [query.long for query in make_queries(text, found)] == ["testosterone", expected, expected]


@given(st.text(st.sampled_from("ab ()[]"), max_size=20), st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20))))
def test_any_text_and_any_places(text, spans):
    found = [(start, end, "Chemical") for start, end in spans if start <= end]
    queries = make_queries(text, found)
    assert [query.surface for query in queries] == [text[start:end] for start, end, _ in found]
