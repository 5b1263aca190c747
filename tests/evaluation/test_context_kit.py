"""Scores on a small kit of our own."""

import json
from pathlib import Path

import pytest

from scripts.errors import ProjectError
from scripts.evaluation.context_kit import brat_spans, evaluate_context, find_concept, read_kit

HEADER = "id\tconcept\tsentence\tnegation\ttemporality\texperiencer\n"
ROWS = [
    "1\tgout\tNo GOUT today.\tNegated\tRecent\tPatient",
    "2\tasthma\tHistory of ASTHMA.\tAffirmed\tHistorical\tPatient",
    "3\tcough\tCOUGH is dry.\tNegated\tRecent\tPatient",
    "4\tstroke\tHis father had a STROKE.\tAffirmed\tRecent\tFamily member",
    "5\trash\tReturn if RASH.\tAffirmed\tNot particular\tPatient",
    "6\tnothing here\tIt is fine.\tAffirmed\tRecent\tPatient",
]


def test_scores(tmp_path: Path) -> None:
    path = tmp_path / "kit.tsv"
    path.write_text(HEADER + "\n".join(ROWS) + "\n", encoding="utf8")
    figures, errors = evaluate_context(path, None, command="a command")
    kit = figures["kit"]
    assert (kit["rows"], kit["rows_without_concept"]) == (6, 1)
    ours = kit["systems"]["context"]
    assert ours["is_negated"] == {
        "gold": 2,
        "true_positives": 1,
        "false_positives": 0,
        "false_negatives": 1,
        "precision": 100.0,
        "recall": 50.0,
        "f1": 66.67,
    }
    assert [ours[name]["f1"] for name in ("is_historical", "is_hypothetical", "is_family")] == [100.0] * 3
    assert errors == ["missed is_negated: [COUGH] is dry."]
    assert "dry" not in json.dumps(figures)


def test_what_is_no_kit(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="is not there"):
        read_kit(tmp_path / "kit.tsv")
    (tmp_path / "kit.tsv").write_text("a\tb\n1\t2\n", encoding="utf8")
    with pytest.raises(ProjectError, match="is not the test kit"):
        read_kit(tmp_path / "kit.tsv")


@pytest.mark.parametrize(
    ("sentence", "concept", "found"),
    [("No PE.", "pe", "PE"), ("PE's and PE.", "PE", "PE."), ("no pe", "PE", "pe"), ("none", "PE", "")],
)
def test_concept_is_found_in_capitals(sentence: str, concept: str, found: str) -> None:
    start, end = find_concept(sentence, concept)
    assert sentence[start:end] == found.rstrip(".")
    assert sentence[end:].startswith(".") or not found.endswith(".")


def test_brat_spans() -> None:
    lines = "T1\tFamily_history 3 9\tx\nT2\tAge 1 2\tx\nT3\tHistory 1 4;6 9\tx\nE1\tX:T3\nT4\tDisease_disorder 0 5\tx\n"
    assert brat_spans(lines) == [("Family_history", 3, 9), ("History", 1, 9), ("Disease_disorder", 0, 5)]
