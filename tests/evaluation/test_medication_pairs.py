"""Pairs of attributes and drugs in brat files, and their scores."""

import json
from pathlib import Path

import pytest

from scripts.errors import ProjectError
from scripts.evaluate_medications import evaluate_medications_cli
from scripts.evaluation.medication_pairs import Pair, evaluate_medications, read_gold, table

TEXT = "She takes aspirin 81 mg daily and oral prednisone for 5 days. Later aspirin 325 mg."
ANNOTATIONS = """\
T1\tMedication 10 17\taspirin
E1\tMedication:T1
T2\tDosage 18 29\t81 mg daily
T3\tMedication 39 49\tprednisone
E2\tMedication:T3
T4\tAdministration 34 38\toral
T5\tMedication 68 75\taspirin
T6\tFrequency 62 67\tLater
T7\tDosage 76 82\t325 mg
T8\tSign_symptom 0 3\tShe
R1\tMODIFY Arg1:T2 Arg2:E1\t
R2\tMODIFY Arg1:T4 Arg2:E2\t
R3\tMODIFY Arg1:T6 Arg2:T5\t
R4\tMODIFY Arg1:T7 Arg2:T8\t
R5\tBEFORE Arg1:E1 Arg2:E2\t
#1\tAnnotatorNotes T1\tnone
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "1.txt").write_text(TEXT, encoding="utf8")
    (tmp_path / "1.ann").write_text(ANNOTATIONS, encoding="utf8")
    return tmp_path


def test_gold_pairs() -> None:
    drugs, pairs = read_gold(ANNOTATIONS)
    assert drugs == [(10, 17), (39, 49), (68, 75)]
    assert pairs == {
        "Dosage": [Pair((10, 17), 18, 29)],
        "Administration": [Pair((39, 49), 34, 38)],
        "Frequency": [Pair((68, 75), 62, 67)],
    }


def test_scores(folder: Path) -> None:
    figures, errors = evaluate_medications(folder, command="a command")
    # "daily" is in a Dosage, so it is no wrong frequency. "325 mg" and "for 5 days" are in no pair.
    assert figures["scores"] == {
        "Dosage": {"gold": 1, "found": 2, "right": 1, "recalled": 1, "precision": 50, "recall": 100, "f1": 66.67},
        "Administration": {
            "gold": 1,
            "found": 1,
            "right": 1,
            "recalled": 1,
            "precision": 100,
            "recall": 100,
            "f1": 100,
        },
        "Frequency": {"gold": 1, "found": 0, "right": 0, "recalled": 0, "precision": None, "recall": 0, "f1": None},
        "Duration": {"gold": 0, "found": 1, "right": 0, "recalled": 0, "precision": 0, "recall": None, "f1": None},
    }
    assert [error.split(":")[0] for error in errors] == ["wrong Dosage 1", "missed Frequency 1", "wrong Duration 1"]
    assert table(figures)[2] == ("Frequency", "1", "0", "-", "0.00", "-")


def test_output_has_no_text(folder: Path) -> None:
    output = folder / "scores" / "maccrobat.json"
    evaluate_medications_cli(folder, output)
    content = output.read_text(encoding="utf8")
    assert json.loads(content)["documents"] == 1
    assert "aspirin" not in content


def test_folder_without_annotations(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"has no \.ann files"):
        evaluate_medications(tmp_path, command="a command")
