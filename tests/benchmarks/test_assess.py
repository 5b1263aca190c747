"""Lost tokens are counted, scores are strict, and the stages' times add up to the pipeline's."""

import time
from pathlib import Path

import pytest

from scripts.benchmarks import assess as assess_module
from scripts.benchmarks.assess import assess, strict_scores, time_stages
from scripts.benchmarks.contenders import OURS, STRIDED, make_contenders
from scripts.pipelines import load_pipeline
from scripts.records.mentions import Mention
from tests.conftest import LABELS
from tests.marked import make_record


def test_tokens_that_are_cut_off_are_lost(trained: Path) -> None:
    contenders = make_contenders(str(trained))
    # 100 tokens of one wordpiece each: more than the tiny encoder reads, fewer than a strided span holds.
    long = make_record(" ".join(["gout"] * 100), document_id="1")
    short = make_record("[Chemical aspirin] caused [Disease gout] in 3 rats.", document_id="2")
    found = {name: assess(contenders[name].nlp, [long, short], labels=LABELS) for name in (OURS, *STRIDED)}
    assert found[OURS]["tokens"] == 107
    assert found[OURS]["tokens_lost"] == 0
    # What is left of the tiny encoder's 64 is [CLS] and 63 tokens; spacy-transformers cuts [SEP] off as well.
    assert {found[name]["tokens_lost"] for name in STRIDED} == {100 - 63}


def test_scores_are_strict() -> None:
    gold = {"1": [Mention(0, 4, "Disease"), Mention(10, 14, "Chemical")], "2": []}
    found = {"1": [Mention(0, 4, "Disease"), Mention(10, 15, "Chemical")], "2": [Mention(0, 1, "Disease")]}
    assert strict_scores(gold, found) == {"precision": round(1 / 3, 6), "recall": 0.5, "f1": 0.4}


def test_stages(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nlp = load_pipeline(str(trained))
    nlp.batch_size = 2
    slow = assess_module.align

    def slower(*args):
        time.sleep(0.05)
        return slow(*args)

    monkeypatch.setattr(assess_module, "align", slower)
    seconds = time_stages(nlp, ["aspirin caused gout in 3 rats."] * 5)
    assert list(seconds) == ["tokenizer", "wordpieces", "alignment", "windows", "encoder", "batches", "head", "rest"]
    assert seconds["alignment"] >= 0.25
    assert all(seconds[stage] > 0 for stage in seconds if stage != "batches")
