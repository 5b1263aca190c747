"""Scores on a small kit and a small corpus of our own."""

import json
from pathlib import Path

import pytest
import typer
from spacy.tokens import DocBin
from typer.testing import CliRunner

from scripts.errors import ProjectError
from scripts.evaluate_context import evaluate_context_cli
from scripts.evaluation.context_kit import brat_spans, context_pipeline, find_concept, read_kit
from scripts.evaluation.context_scores import evaluate_context
from scripts.formats.docbin import GOLD_SECTIONS

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
    figures, errors = evaluate_context(path, None, None, command="a command")
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


def write_split(path: Path, *, with_gold: bool = True) -> Path:
    """Write a note with two mentions, both denied by the gold and one by the text, and a section."""
    nlp = context_pipeline()
    doc = nlp.make_doc("Plan: no gout, and he has a cough.")
    doc.ents = [doc.char_span(9, 13, "Disease"), doc.char_span(28, 33, "Disease")]
    doc.user_data["document_id"] = "1"
    if with_gold:
        for ent in doc.ents:
            ent._.is_negated = True
        doc.user_data[GOLD_SECTIONS] = [{"category": "observation_and_plan", "title": (0, 5), "body": (6, 34)}]
    DocBin(store_user_data=True, docs=[doc]).to_disk(path)
    return path


def test_scores_of_a_corpus(tmp_path: Path) -> None:
    figures, errors = evaluate_context(None, None, write_split(tmp_path / "test.spacy"), command="a command")
    corpus = figures["corpus"]
    assert (corpus["documents"], corpus["mentions"], errors) == (1, 2, [])
    ours = corpus["systems"]["context"]
    assert [ours["is_negated"][key] for key in ("gold", "true_positives", "false_negatives")] == [2, 1, 1]
    assert (ours["sections"]["gold"], ours["sections"]["f1"]) == (1, 100.0)
    assert "is_family" not in ours
    assert "gout" not in json.dumps(figures)
    with pytest.raises(ProjectError, match="have no attributes"):
        evaluate_context(None, None, write_split(tmp_path / "other.spacy", with_gold=False), command="a command")


def run(*arguments: object) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(evaluate_context_cli)
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, done.output


def test_what_is_not_there_is_left_out(tmp_path: Path) -> None:
    output = tmp_path / "scores" / "scores.json"
    split = write_split(tmp_path / "test.spacy")
    code, printed = run(output, "--kit", tmp_path / "kit.tsv", "--corpus", split)
    assert code == 0
    assert "kit.tsv is not there, and not scored" in " ".join(printed.split())
    assert set(json.loads(output.read_text(encoding="utf8"))) == {"command", "corpus"}
    code, printed = run(tmp_path / "none.json", "--kit", tmp_path / "kit.tsv")
    assert (code, (tmp_path / "none.json").exists()) == (1, False)
    assert "nothing to score" in " ".join(printed.split())
