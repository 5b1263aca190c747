"""Each attribute that a mention has is a column, and the table fits the terminal."""

import io
from typing import Any

import pytest
from rich.console import Console

from scripts.records.mentions import Mention
from scripts.reporting.mention_table import describe_mention, describe_state, describe_value, mention_table

ABSENT = dict.fromkeys(("is_negated", "is_uncertain", "is_historical", "is_hypothetical", "is_family"), False)
MEDICATION = {"dose": {"text": "25 mg", "start": 9, "end": 14, "value": 25}, "route": {"text": "PO"}, "action": None}


def render(*notes: tuple[str, str, list[Mention]], width: int = 100, **options: Any) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width, **options).print(mention_table(notes, width=width))
    return [line.rstrip() for line in file.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("attributes", "state"),
    [
        ({}, ""),
        ({"dose": "25 mg"}, ""),
        (ABSENT, "present"),
        ({"is_negated": False}, "present"),
        (ABSENT | {"is_negated": True}, "denied"),
        (ABSENT | {"is_uncertain": True}, "possible"),
        (ABSENT | {"is_historical": True}, "past"),
        (ABSENT | {"is_hypothetical": True}, "planned"),
        (ABSENT | {"is_family": True}, "family"),
        (ABSENT | {"is_family": True, "is_negated": True}, "denied, family"),
    ],
)
def test_state(attributes: dict[str, Any], state: str) -> None:
    assert describe_state(attributes) == state


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("25  mg\n", "25 mg"),
        (3, "3"),
        (0.987, "0.99"),
        (True, "yes"),
        (False, ""),
        (None, ""),
        (MEDICATION, "25 mg PO"),
        ([{"text": "denies", "start": 0}], ""),
    ],
)
def test_value(value: Any, text: str) -> None:
    assert describe_value(value) == text


def test_cells_of_a_mention() -> None:
    mention = Mention(3, 12, "Chemical", "MESH:D001241", 0.876, {"kb_score": 0.5, "medication": MEDICATION, **ABSENT})
    assert describe_mention(mention, "On aspirin\n81.") == {
        "Mention": "aspirin 8",
        "Label": "Chemical",
        "State": "present",
        "Code": "MESH:D001241",
        "Kb score": "0.50",
        "Medication": "25 mg PO",
        "Confidence": "0.88",
    }


def test_table_has_the_columns_that_are_used() -> None:
    notes = [
        ("first", "No gout [on] aspirin.", [Mention(3, 7, "Disease"), Mention(13, 20, "Chemical")]),
        ("second", "", []),
    ]
    assert render(*notes) == [
        "Note    Mention  Label",
        "─────────────────────────",
        "first   gout     Disease",
        "        aspirin  Chemical",
        "second  -",
    ]
    with_state = ("third", "No gout.", [Mention(3, 7, "Disease", "MESH:D006073", None, {"is_negated": True})])
    assert render(*notes, with_state)[0] == "Note    Mention  Label     State   Code"
    assert render(*notes, with_state)[-1] == "third   gout     Disease   denied  MESH:D006073"


@pytest.mark.parametrize(
    ("width", "columns", "others"),
    [
        (100, "Note Mention Label State Code Medication", "Not shown: Confidence, Section title"),
        (80, "Note Mention Label State Code", "Not shown: Medication, Confidence, Section title"),
    ],
)
def test_columns_that_fit(width: int, columns: str, others: str) -> None:
    attributes = {"section_title": "History", **ABSENT, "medication": {"dose": {"text": "d" * 40}}}
    note = ("a_long_name_of_a_note", "x" * 200, [Mention(0, 200, "Disease", "C" * 14, 0.5, attributes)])
    header, _, row, caption = render(note, width=width)
    assert (header.split(), caption) == (columns.split(), others)
    assert row.startswith(f"a_long_name_of_a_…  {'x' * 23}…  Disease  present  {'C' * 14}")
    assert len(row) <= width


def test_colours_need_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    note = ("first", "Gout [b]", [Mention(0, 4, "Disease")])
    assert "\x1b[" not in "".join(render(note))
    assert "\x1b[" in "".join(render(note, force_terminal=True))
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in "".join(render(note, force_terminal=True))
