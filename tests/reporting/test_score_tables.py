"""The tables of linking scores: which rows there are, and that the figures are those of scores.json."""

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.reporting.html_page import make_environment
from scripts.reporting.model_card import make_card
from scripts.reporting.score_tables import describe_vocabulary, linking_tables

SCORES = Path(__file__).parents[2] / "metrics" / "bc5cdr_minilm_linked" / "scores.json"


@pytest.fixture(scope="module")
def scores() -> dict[str, Any]:
    return json.loads(SCORES.read_text(encoding="utf8"))


def test_accuracy_and_ids_of_documents(scores: dict[str, Any]) -> None:
    accuracy, documents = linking_tables(scores)
    assert [row[:2] for row in accuracy.rows] == [("Chemical", "5,355"), ("Disease", "4,363"), ("micro", "9,718")]
    found = scores["linking"]["accuracy"]["Disease"]
    assert accuracy.rows[1][2].startswith(f"{100 * found['accuracy_at_1']:.2f} (")
    assert accuracy.rows[1][3].startswith(f"{100 * found['accuracy_at_5']:.2f} (")
    assert accuracy.rows[1][4:] == (f"{100 * found['exact']:.2f}", f"{100 * found['reachable']:.2f}")
    run = scores["run"]
    assert [row[:2] for row in documents.rows] == [
        *[(f"{run}, on gold mentions", label) for label in ("Chemical", "Disease", "micro")],
        *[(f"{run}, end to end", label) for label in ("Chemical", "Disease", "micro")],
        ("DNorm", "Disease"),
        ("tmChem", "Chemical"),
    ]
    assert documents.rows[6][4].startswith("80.62 (")
    assert documents.rows[7][4].startswith("91.16 (")
    assert all(len(row) == len(table.header) for table in (accuracy, documents) for row in table.rows)


def test_one_label_has_no_average() -> None:
    row = {"mentions": 2, "accuracy_at_1": 0.5, "accuracy_at_5": 1, "exact": 0.5, "reachable": 1}
    row |= {"precision": 1, "recall": 0.5, "f1": None}
    row |= {"intervals": dict.fromkeys(row)}
    linking = {
        "accuracy": {"Disease": row, "micro": row},
        "documents": {"gold_mentions": {"Disease": row, "micro": row, "macro": row}},
    }
    accuracy, documents = linking_tables({"run": "tiny", "linking": linking})
    assert accuracy.rows == [("Disease", "2", "50.00", "100.00", "50.00", "100.00")]
    assert documents.rows == [("tiny, on gold mentions", "Disease", "100.00", "50.00", "-")]


@pytest.mark.parametrize("linking", [None, {}])
def test_a_run_without_ids_has_no_table(linking: dict[str, Any] | None) -> None:
    assert linking_tables({"run": "tiny", "linking": linking}) == []
    assert describe_vocabulary({"linking": linking}) == ""


@pytest.mark.parametrize(
    ("vocabulary", "said"),
    [
        ({"name": "mesh", "title": "MeSH", "concepts": 355000, "names": 1000000}, "MeSH (355,000 concepts and"),
        ({"name": "own", "title": "", "concepts": None, "names": None}, "own"),
        ({"name": "own", "title": "", "concepts": 12, "names": None}, "own (12 concepts)"),
    ],
)
def test_a_vocabulary_is_described(vocabulary: dict[str, Any], said: str) -> None:
    assert said in describe_vocabulary({"linking": {"vocabulary": vocabulary}})


def test_card_has_the_ids_and_the_vocabulary(scores: dict[str, Any]) -> None:
    text = make_card(scores, make_environment(html=False)).text
    assert "| Linked to | shared_mesh (56,357 concepts and 212,482 names) |" in text
    assert "### Ids" in text and "tmChem" in text and "empty below a score of 0.4" in text
    assert "links nothing" not in text
    plain = make_card(scores | {"linking": None}, make_environment(html=False)).text
    assert "links nothing to a terminology" in plain
    assert "### Ids" not in plain
