"""What goes through the encoder is counted and timed, scores are strict, and ratios are those of the medians."""

import shutil
import time
from pathlib import Path

import pytest
import srsly
import torch

from scripts.benchmarks import speed as module
from scripts.benchmarks.contenders import (
    BARES,
    HUGGING_FACES,
    OURS,
    PIPELINES,
    PRECISIONS,
    STRIDED,
    get_encoder,
    make_contenders,
)
from scripts.benchmarks.speed import (
    assess,
    benchmark_precision,
    benchmark_speed,
    compare_speeds,
    count_texts,
    metered,
    strict_scores,
)
from scripts.errors import ProjectError
from scripts.pipelines import load_pipeline
from scripts.records.bigbio import write_records
from scripts.records.mentions import Mention
from tests.conftest import LABELS
from tests.marked import make_record
from tests.service.conftest import make_pipeline

SENTENCE = "[Chemical aspirin] caused [Disease gout] in 3 rats."
IDS = torch.zeros((2, 5), dtype=torch.int64)
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])


class Encoder(torch.nn.Module):
    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None) -> torch.Tensor:
        time.sleep(0.02)
        return input_ids


@pytest.fixture
def splits(tmp_path: Path) -> tuple[Path, Path]:
    """Two abstracts, and two notes of which one is longer than the tiny encoder's limit."""
    abstracts = [make_record(SENTENCE, document_id="a1"), make_record(SENTENCE, SENTENCE, document_id="a2")]
    notes = [make_record(SENTENCE, document_id="n1"), make_record(*[SENTENCE] * 12, document_id="n2")]
    write_records(abstracts, tmp_path / "abstracts.jsonl")
    write_records(notes, tmp_path / "notes.jsonl")
    return tmp_path / "abstracts.jsonl", tmp_path / "notes.jsonl"


def test_whole_run(trained: Path, splits: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NOTE_ROUNDS", 2)
    other = str(shutil.copytree(trained, tmp_path / "other"))
    benchmark_speed(str(trained), *splits, tmp_path / "benchmark.json", others=other, rounds=2)
    abstracts, notes = srsly.read_json(tmp_path / "benchmark.json")["corpora"].values()
    assert (abstracts["documents"], abstracts["words"], notes["longer_than_limit"]) == (2, 3 * 7, 1)
    assert list(notes["contenders"]) == [*PIPELINES, *HUGGING_FACES, *BARES, other]
    for name, row in notes["contenders"].items():
        assert len(row["rounds"]) == 2 and row["note_seconds"] > 0
        assert 0 < row["encoder_share"] < 1
        assert ("f1" in row) == (name in (*PIPELINES, other))
        assert row["repeated"] == 0 if name in BARES else row["repeated"] > 0 or name in STRIDED
    assert abstracts["contenders"][OURS]["f1"] == abstracts["contenders"][other]["f1"] == 1.0
    assert abstracts["contenders"][OURS]["repeated"] == 0
    assert notes["contenders"][OURS]["tokens_lost"] == 0
    # The long note has fewer words than a strided span holds, and more wordpieces than the encoder reads.
    assert notes["contenders"]["spaCy, strided spans 128/96"]["tokens_lost"] > 0
    page = (tmp_path / "benchmark.md").read_text(encoding="utf8")
    assert "## 2 notes, 91 words, 1 notes longer than the encoder's limit" in page


def test_precisions(trained: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "NOTE_ROUNDS", 1)
    benchmark_precision(str(trained), project / "records" / "test.jsonl", tmp_path / "precision.json", rounds=2)
    rows = srsly.read_json(tmp_path / "precision.json")["corpora"]["documents"]["contenders"]
    assert list(rows) == list(PRECISIONS)
    assert rows["fp32"]["of_fp32"] == 1.0
    assert all(row["f1"] == 1.0 and row["of_fp32"] > 0 for row in rows.values())
    assert "of fp32" in (tmp_path / "precision.md").read_text(encoding="utf8")


def test_a_pipeline_of_another_kind(splits: tuple[Path, Path], tmp_path: Path) -> None:
    make_pipeline().to_disk(tmp_path / "other")
    with pytest.raises(ProjectError, match="has no encoder that reads windows of wordpieces"):
        benchmark_speed(str(tmp_path / "other"), *splits, tmp_path / "out.json")


@pytest.mark.parametrize(("repeats", "longer"), [(62, 0), (63, 1)])
def test_texts_are_counted(trained: Path, repeats: int, longer: int) -> None:
    nlp = load_pipeline(str(trained))
    counts = count_texts(nlp, get_encoder(nlp), [" ".join(["gout\n"] * repeats)])
    assert counts == {"documents": 1, "words": repeats, "wordpieces": repeats, "longer_than_limit": longer}


@pytest.mark.parametrize(
    ("args", "kwargs", "read"),
    [
        ((IDS,), {}, 10),
        ((IDS, MASK), {}, 7),
        ((IDS,), {"attention_mask": MASK.float()}, 7),
        ((), {"input_ids": IDS, "attention_mask": MASK}, 7),
    ],
)
def test_what_goes_through_the_encoder_is_counted(args: tuple, kwargs: dict, read: int) -> None:
    encoder = Encoder()
    with metered(encoder) as meter:
        for _ in range(3):
            encoder(*args, **kwargs)
    assert (meter["rows"], meter["read"], meter["computed"]) == (6, 3 * read, 30)
    assert meter["encoder_seconds"] >= 0.06
    assert not encoder._forward_hooks and not encoder._forward_pre_hooks


def test_a_failed_run_leaves_no_hooks() -> None:
    encoder = Encoder()
    with pytest.raises(ZeroDivisionError), metered(encoder):
        _ = 1 / 0
    assert not encoder._forward_hooks and not encoder._forward_pre_hooks


def test_ratios_are_those_of_the_medians() -> None:
    def rounds(*seconds: float) -> list[dict[str, float]]:
        counts = {"rows": 10, "read": 150, "computed": 200}
        return [{"seconds": each, "encoder_seconds": each / 2, **counts} for each in seconds]

    taken = {name: rounds(9, 2, 4) for name in (*PIPELINES, *HUGGING_FACES, *BARES)}
    fast_peer, fast_limit = list(HUGGING_FACES)[2], list(BARES)[1]
    taken |= {OURS: rounds(2.5, 1, 4), fast_peer: rounds(3, 3, 0.1), fast_limit: rounds(2, 2, 2)}
    best, rows = compare_speeds(taken, {"words": 600, "wordpieces": 104}, n_special=2)
    assert best == {"hugging_face": fast_peer, "bare": fast_limit}
    assert rows[OURS] == {
        "words_per_second": 240,
        "of_hugging_face": 1.2,
        "of_bare": 0.8,
        "encoder_share": 0.5,
        "repeated": pytest.approx(0.2),
        "padding": 0.25,
        "rounds": taken[OURS],
    }
    # The bare encoder reads no special wordpieces.
    assert rows[fast_limit]["repeated"] == pytest.approx(1 - 104 / 150)


def test_tokens_that_are_cut_off_are_lost(trained: Path) -> None:
    contenders = make_contenders(str(trained), PIPELINES)
    # 100 tokens of one wordpiece each: more than the tiny encoder reads, fewer than a strided span holds.
    long = make_record(" ".join(["gout"] * 100), document_id="1")
    short = make_record(f"{SENTENCE}\n\x00", document_id="2")
    found = {name: assess(contenders[name].nlp, [long, short], LABELS) for name in PIPELINES}
    assert found[OURS]["tokens"] == 109
    assert found[OURS]["tokens_lost"] == 0
    # What is left of the tiny encoder's 64 is [CLS] and 63 tokens; spacy-transformers cuts [SEP] off as well.
    assert {found[name]["tokens_lost"] for name in STRIDED} == {100 - 63}


def test_scores_are_strict() -> None:
    gold = {"1": [Mention(0, 4, "Disease"), Mention(10, 14, "Chemical")], "2": []}
    found = {"1": [Mention(0, 4, "Disease"), Mention(10, 15, "Chemical")], "2": [Mention(0, 1, "Disease")]}
    assert strict_scores(gold, found) == {"precision": round(1 / 3, 6), "recall": 0.5, "f1": 0.4}
