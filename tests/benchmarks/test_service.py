"""The benchmark measures clients and the bare pipeline in turn, and says so if it can't."""

import shutil
from pathlib import Path

import pytest
import srsly

from scripts.benchmarks.service import benchmark_service
from scripts.errors import ProjectError
from scripts.records.bigbio import write_records
from tests.marked import make_record
from tests.service.conftest import make_pipeline

OPTIONS = {"notes": 2, "seconds": 1, "rounds": 1, "clients": 4}


@pytest.fixture
def model(tmp_path: Path) -> str:
    make_pipeline().to_disk(tmp_path / "model")
    return str(tmp_path / "model")


@pytest.fixture
def records(tmp_path: Path) -> Path:
    titles = ["aspirin for [Disease gout]", "No pain", "never sent"]
    documents = [make_record(title, "An abstract.", document_id=title[:2]) for title in titles]
    write_records(documents, tmp_path / "test.jsonl")
    return tmp_path / "test.jsonl"


@pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed: apt-get install wrk")
def test_whole_run(model: str, records: Path, tmp_path: Path) -> None:
    benchmark_service(model, records, tmp_path / "service.json", **OPTIONS)
    figures = srsly.read_json(tmp_path / "service.json")
    assert list(figures["contenders"]) == ["one client", "4 clients", "bare nlp.pipe"]
    rates = [row["notes_per_second"] for row in figures["contenders"].values()]
    assert all(rate > 0 for rate in rates)
    assert figures["gain_of_many_clients"] == pytest.approx(rates[1] / rates[0])
    assert figures["contenders"]["4 clients"]["notes_per_second_ratio"] == pytest.approx(rates[1] / rates[2])
    assert figures["contenders"]["4 clients"]["p95_ms"] >= figures["contenders"]["4 clients"]["p50_ms"] > 0
    assert (figures["notes"], figures["words_per_note"]) == (2, 2.5)


def test_without_the_load_tool(model: str, records: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProjectError, match="apt-get install wrk"):
        benchmark_service(model, records, tmp_path / "service.json", **OPTIONS)
