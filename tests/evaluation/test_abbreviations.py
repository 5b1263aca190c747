"""Short forms and their long forms: the paper's own examples, and what abstracts and notes add to them."""

import pytest

from scripts.evaluation.abbreviations import best_long_form, find_abbreviations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Schwartz and Hearst (2003), section 3 and figure 1.
        ("the heat shock transcription factor (HSF) was", {"HSF": "heat shock transcription factor"}),
        (
            "in methicillin resistant Staphylococcus aureus (MRSA)",
            {"MRSA": "methicillin resistant Staphylococcus aureus"},
        ),
        ("Gcn5-related N-acetyltransferase (GNAT) family", {"GNAT": "Gcn5-related N-acetyltransferase"}),
        ("the role of HSF (heat shock transcription factor) in", {"HSF": "heat shock transcription factor"}),
        # Abstracts.
        ("Contrast-induced nephropathy (CIN) is", {"CIN": "Contrast-induced nephropathy"}),
        ("given intraperitoneally (i.p.) daily", {"i.p.": "intraperitoneally"}),
        ("thrombotic (bort)-dexamethasone (dex)", {"dex": "dexamethasone"}),
        ('the "real world" (RW) data', {"RW": "real world"}),
        ("acute renal failure (ARF; n = 3) and sepsis", {"ARF": "acute renal failure"}),
        ("a stray ) and renal failure (RF) (n = 3", {"RF": "renal failure"}),
        ("Renal failure (RF). Later reflux (RF)", {"RF": "Renal failure"}),
        ("coronary artery\n  disease (CAD)", {"CAD": "coronary artery disease"}),
        # Not definitions.
        ("two groups (n = 30) of rats", {}),
        ("improved (see below) at once", {}),
        ("renal failure (2010)", {}),
        ("aspirin (ASA was stopped", {}),
        ("acute toxicity (XYZ)", {}),
        ("(HSF)", {}),
        ("()", {}),
        ("", {}),
    ],
)
def test_find_abbreviations(text: str, expected: dict[str, str]) -> None:
    assert find_abbreviations(text) == expected


def test_long_form_does_not_reach_over_a_sentence() -> None:
    assert find_abbreviations("Hypertension was seen. The flux (HF)") == {}


@pytest.mark.parametrize(
    ("short", "long", "expected"),
    [
        ("HSF", "heat shock factor", "heat shock factor"),
        ("HSF", "sudden flight", None),
        ("HF", "the shf", None),
        ("RF", "RF", None),
        ("RF", "RF and renal flow", "renal flow"),
    ],
)
def test_best_long_form(short: str, long: str, expected: str | None) -> None:
    assert best_long_form(short, long) == expected
