"""The command writes scores without text."""

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from scripts.evaluate_medications import evaluate_medications_cli

APP = typer.Typer()
APP.command()(evaluate_medications_cli)
ANNOTATIONS = "T1\tMedication 0 7\taspirin\nT2\tDosage 8 13\t81 mg\nR1\tMODIFY Arg1:T2 Arg2:T1\n"


def test_scores_are_written(tmp_path: Path) -> None:
    (tmp_path / "1.txt").write_text("aspirin 81 mg daily.")
    (tmp_path / "1.ann").write_text(ANNOTATIONS)
    done = CliRunner().invoke(APP, [str(tmp_path), str(tmp_path / "new" / "scores.json")])
    assert done.exit_code == 0, done.output
    figures = json.loads((tmp_path / "new" / "scores.json").read_text())
    assert figures["documents"] == 1
    dosage = figures["scores"]["Dosage"]
    assert (dosage["gold"], dosage["precision"], dosage["recall"]) == (1, 100, 100)
    assert "aspirin" not in json.dumps(figures)
