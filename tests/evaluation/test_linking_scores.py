"""Ids are counted as the organisers and BioSyn count them."""

import pytest
import spacy

from scripts.clinical_ner.linking.linker import Linker
from scripts.clinical_ner.linking.matcher import Candidate
from scripts.clinical_ner.registration import register
from scripts.evaluation.linking_scores import (
    concept_ids,
    count_ids,
    score_accuracy,
    score_certainty,
    score_ids,
    score_linking,
    score_peer_ids,
)
from scripts.evaluation.peers import read_system
from scripts.fetch_corpus import fetch_corpus
from scripts.records.bigbio import document_id, read_records
from scripts.records.mentions import Mention, flat_mentions
from tests.clinical_ner.linking.vocabulary import make_matcher
from tests.shared import ARCHIVE, needs_archive


@pytest.mark.parametrize(
    ("concept", "expected"),
    [
        ("D006973", {"D006973"}),
        ("D1|D2", {"D1", "D2"}),
        ("MESH:D1|MESH:D2", {"D1", "D2"}),
        ("CHEBI:1", {"CHEBI:1"}),
        ("-1", set()),
        ("", set()),
        ("D1|-1", {"D1"}),
    ],
)
def test_ids_of_a_mention(concept, expected):
    assert concept_ids(concept) == expected


def mentions(*pairs: tuple[str, str]) -> list[Mention]:
    """Return mentions with these labels and ids."""
    return [Mention(start, start + 1, label, concept) for start, (label, concept) in enumerate(pairs)]


def test_an_id_counts_once_in_a_document_and_the_ids_of_composites_one_by_one():
    gold = {
        "2": mentions(("Disease", "D1"), ("Disease", "D1"), ("Disease", "D2|D3"), ("Chemical", "-1")),
        "1": mentions(("Chemical", "C1")),
    }
    predicted = {"2": mentions(("Disease", "D1"), ("Disease", "D2"), ("Disease", "D4"), ("Chemical", ""))}
    counts = count_ids(gold, predicted, ["Chemical", "Disease"])
    assert counts.tolist() == [[[0, 0, 1], [0, 0, 0]], [[0, 0, 0], [2, 1, 1]]]
    table = score_ids(gold, predicted, ["Chemical", "Disease"], seed=0)
    assert (table["Disease"]["precision"], table["Disease"]["recall"]) == (0.666667, 0.666667)
    assert table["Chemical"]["precision"] is None and table["Chemical"]["recall"] == 0


def test_accuracy():
    gold = {
        "1": [
            ("Disease", "D1", [["D1"], ["D2"]], True),
            ("Disease", "D1", [["D2"], ["D1"]], True),
            ("Disease", "D1|D2", [["D2"]], True),
            ("Disease", "D1|D2", [["D2", "D1"]], True),
            ("Disease", "D9", [], False),
            ("Disease", "-1", [["D1"]], False),
            ("Disease", "D1", [["D2"], ["D3"], ["D4"], ["D5"], ["D6"], ["D1"]], True),
        ],
    }
    row = score_accuracy(gold, ["Disease"], seed=0)["Disease"]
    found = {
        name: row[name] for name in ("mentions", "without_id", "accuracy_at_1", "accuracy_at_5", "exact", "reachable")
    }
    assert found == {
        "mentions": 6,
        "without_id": 1,
        "accuracy_at_1": 0.5,
        "accuracy_at_5": 0.666667,
        "exact": 0.333333,
        "reachable": 0.833333,
    }
    assert row["intervals"]["accuracy_at_1"] == [0.5, 0.5]


def test_certainty_is_compared_with_what_is_right():
    judged = {
        "1": [("Disease", "D1", [["D1"], ["D2"]], True), ("Disease", "D1", [["D2"], ["D1"]], True)],
        # Composite, without a candidate, without an id.
        "2": [("Chemical", "D1|D2", [["D2"]], True), ("Disease", "D1", [], False), ("Disease", "-1", [["D1"]], False)],
    }
    linked = {
        "1": [[Candidate("D1", "", 0.9), Candidate("D2", "", 0.2)], [Candidate("D2", "", 0.9)]],
        "2": [[Candidate("D2", "", 0.75)], [], [Candidate("D1", "", 0.1)]],
    }
    table = score_certainty(judged, linked, ["Chemical", "Disease"])
    found = {
        label: [(row["entities"], row["confidence"], row["precision"]) for row in part["reliability"]]
        for label, part in table.items()
    }
    assert found == {
        "Chemical": [(1, 0.75, 1.0)],
        "Disease": [(2, 0.9, 0.5)],
        "micro": [(1, 0.75, 1.0), (2, 0.9, 0.5)],
    }
    errors = {label: part["calibration_error"] for label, part in table.items()}
    assert errors == pytest.approx({"Chemical": 0.25, "Disease": 0.4, "micro": 0.35})


@pytest.mark.parametrize(
    ("ids", "accuracy"),
    [
        (["D006973"], 1.0),
        # One in five is enough: a corpus can have ids that an edition of the vocabulary lacks.
        (["D006973", "C9", "C9", "C9", "C9"], 0.2),
        (["C0020538", "320128", "C9", "C9", "C9"], None),
        (["-1"], None),
    ],
)
def test_ids_of_another_vocabulary_are_not_scored(capsys, ids, accuracy):
    register()
    nlp = spacy.blank("en")
    linker = nlp.add_pipe("clinical_linker")
    assert isinstance(linker, Linker)
    linker.matcher, linker.vocabulary = make_matcher(), {"title": "Small MeSH"}
    text = "hypertension " * len(ids)
    gold = {"1": [Mention(13 * n, 13 * n + 12, "Disease", concept) for n, concept in enumerate(ids)]}
    scores = score_linking(nlp, {"1": text}, gold, {"1": nlp(text)}, seed=0)
    assert (scores and scores["accuracy"]["Disease"]["accuracy_at_1"]) == accuracy
    assert ("hardly any id of the corpus is in Small MeSH" in " ".join(capsys.readouterr().out.split())) == (
        accuracy is None and ids != ["-1"]
    )


@needs_archive
def test_published_systems_have_the_scores_that_the_organisers_give(tmp_path):
    fetch_corpus("bc5cdr", tmp_path / "bc5cdr", archive=str(ARCHIVE))
    records = read_records(tmp_path / "bc5cdr" / "test.jsonl")
    gold = {document_id(record): flat_mentions(record, {"Chem*": "Chemical", "Dis*": "Disease"}) for record in records}
    tables = score_peer_ids(tmp_path / "bc5cdr" / "peers", gold, seed=0)
    found = {(name, label): round(100 * row["f1"], 2) for name, table in tables.items() for label, row in table.items()}
    assert found["DNorm", "Disease"] == 80.62
    assert found["tmChem", "Chemical"] == 91.16
    assert read_system(tmp_path / "bc5cdr" / "peers" / "DNorm.PubTator.txt").keys() == gold.keys()
