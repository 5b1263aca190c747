"""The benchmark measures all contenders in turn, and its ratios are those of the medians."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import srsly
import torch

from scripts import benchmark as benchmark_module
from scripts.benchmark import BLOCK, benchmark, count_texts, summarize, take_turns
from scripts.benchmarks.contenders import BARES, CONTENDERS, HUGGING_FACES, OURS, PIPELINES, Contender, get_encoder
from scripts.benchmarks.tables import SVG
from scripts.errors import ProjectError
from scripts.pipelines import load_pipeline
from scripts.records.bigbio import write_records
from tests.conftest import LABELS
from tests.marked import make_record
from tests.service.conftest import make_pipeline


@pytest.fixture
def splits(tmp_path: Path) -> tuple[Path, Path]:
    """Two abstracts, and two notes of which one is longer than the tiny encoder's limit."""
    sentence = "[Chemical aspirin] caused [Disease gout] in 3 rats."
    abstracts = [make_record(sentence, document_id="a1"), make_record(sentence, sentence, document_id="a2")]
    notes = [make_record(sentence, document_id="n1"), make_record(*[sentence] * 12, document_id="n2")]
    write_records([*abstracts, make_record("never read", document_id="a3")], tmp_path / "abstracts.jsonl")
    write_records(notes, tmp_path / "notes.jsonl")
    return tmp_path / "abstracts.jsonl", tmp_path / "notes.jsonl"


def test_whole_run(
    trained: Path, splits: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    # Each contender's own process takes seconds to begin; tests/benchmarking/test_measure.py starts one.
    monkeypatch.setattr(benchmark_module, "peak_memory", lambda *args, **kwargs: {"loaded": 1.0, "peak": 1234.5})
    other = str(shutil.copytree(trained, tmp_path / "other"))
    figures = benchmark(
        str(trained), *splits, tmp_path / "out", labels=LABELS, others=[other], rounds=2, documents=2, command="-m x"
    )
    assert srsly.read_json(tmp_path / "out" / "benchmark.json") == srsly.json_loads(srsly.json_dumps(figures))
    assert figures["corpora"]["abstracts"]["documents"] == 2
    assert figures["corpora"]["abstracts"]["words"] == 3 * 7
    assert figures["corpora"]["notes"]["longer_than_limit"] == 1
    assert figures["note_words"] == 7
    assert list(figures["contenders"]) == [*CONTENDERS, other]
    for name, row in figures["contenders"].items():
        assert len(row["abstracts"]["rounds"]) == len(row["note_rounds"]) == 2
        assert 0 < row["notes"]["encoder_share"] < 1
        assert ("quality" in row["notes"]) == (name in (*PIPELINES, other))
    assert figures["contenders"][OURS]["abstracts"]["quality"]["f1"] == 1.0
    assert figures["contenders"][other]["abstracts"]["quality"]["f1"] == 1.0
    assert figures["contenders"][OURS]["abstracts"]["repeated"] == 0
    assert figures["contenders"][OURS]["notes"]["quality"]["tokens_lost"] == 0
    # The long note has fewer words than a strided span takes, and more wordpieces than the encoder does.
    assert figures["contenders"]["spaCy, strided spans 128/96"]["notes"]["quality"]["tokens_lost"] > 0
    assert all(figures["contenders"][name]["notes"]["repeated"] == 0 for name in BARES)
    assert all(figures["contenders"][name]["notes"]["repeated"] > 0 for name in (OURS, *HUGGING_FACES))
    page = (tmp_path / "out" / "benchmark.md").read_text()
    assert "`-m x`" in page and "1,234" in page
    plot = ElementTree.parse(tmp_path / "out" / "benchmark.svg").getroot()
    assert len(plot.findall(f"{{{SVG}}}rect")) == 2 * len(CONTENDERS) + 2


def test_a_pipeline_of_another_kind(splits: tuple[Path, Path], tmp_path: Path) -> None:
    make_pipeline().to_disk(tmp_path / "other")
    with pytest.raises(ProjectError, match="has no encoder that reads windows of wordpieces"):
        benchmark(str(tmp_path / "other"), *splits, tmp_path / "out", labels=LABELS)


@pytest.mark.parametrize(("repeats", "longer"), [(62, 0), (63, 1)])
def test_texts_are_counted(trained: Path, repeats: int, longer: int) -> None:
    nlp = load_pipeline(str(trained))
    counts = count_texts(nlp, get_encoder(nlp), [" ".join(["gout\n"] * repeats)])
    assert counts == {"documents": 1, "words": repeats, "wordpieces": repeats, "longer_than_limit": longer}


def test_contenders_take_turns_block_by_block() -> None:
    turns: list[tuple[str, int]] = []

    def make_contender(name: str) -> Contender:
        encoder = torch.nn.Identity()

        def prepare(texts: list[str]) -> Callable[[], None]:
            def run() -> None:
                turns.append((name, len(texts)))
                for _ in texts:
                    encoder(torch.zeros(1, 3))

            return run

        return Contender(None, encoder, prepare)

    contenders = {name: make_contender(name) for name in ("one", "other")}
    passes, note_seconds = take_turns(contenders, {"c": ["text"] * (BLOCK + 5)}, "note", rounds=2)
    # Those of a single text are the short note's.
    in_a_round = [("one", BLOCK), ("other", BLOCK), ("one", 5), ("other", 5)]
    assert [turn for turn in turns if turn[1] in (BLOCK, 5)] == 2 * in_a_round
    for name in contenders:
        assert [one["rows"] for one in passes[name]["c"]] == [BLOCK + 5] * 2
        assert [one["read"] for one in passes[name]["c"]] == [3 * (BLOCK + 5)] * 2
        assert len(note_seconds[name]) == 2


def test_ratios_are_those_of_the_medians() -> None:
    def rounds(*seconds: float) -> dict[str, list[dict[str, float]]]:
        counts = {"rows": 10, "read": 150, "computed": 200}
        return {"c": [{"seconds": each, "encoder_seconds": each / 2, **counts} for each in seconds]}

    passes = {name: rounds(9, 2, 4) for name in CONTENDERS}
    fast_peer, fast_limit = list(HUGGING_FACES)[2], list(BARES)[1]
    passes |= {OURS: rounds(2.5, 1, 4), fast_peer: rounds(3, 3, 0.1), fast_limit: rounds(2, 2, 2)}
    best, rows = summarize(passes, {"c": {"words": 600, "wordpieces": 104}}, n_special=2)
    assert best == {"c": {"hugging_face": fast_peer, "bare": fast_limit}}
    assert rows[OURS]["c"] == {
        "words_per_second": 240,
        "of_hugging_face": 1.2,
        "of_bare": 0.8,
        "encoder_share": 0.5,
        "repeated": pytest.approx(0.2),
        "padding": 0.25,
        "rounds": passes[OURS]["c"],
    }
    # The bare encoder reads no special wordpieces.
    assert rows[fast_limit]["c"]["repeated"] == pytest.approx(1 - 104 / 150)
