"""The benchmark measures the three things in turn, and says so when it cannot."""

import shutil

import pytest
import srsly

from scripts.bench_service import bench_service, summarize
from scripts.errors import ProjectError
from scripts.records.bigbio import write_records
from tests.marked import make_record
from tests.service.conftest import make_pipeline

OPTIONS = {"notes": 2, "seconds": 1, "rounds": 1, "clients": 4}


@pytest.fixture
def model(tmp_path):
    make_pipeline().to_disk(tmp_path / "model")
    return str(tmp_path / "model")


@pytest.fixture
def records(tmp_path):
    titles = ["aspirin for [Disease gout]", "No pain", "never sent"]
    documents = [make_record(title, "An abstract.", document_id=title[:2]) for title in titles]
    write_records(documents, tmp_path / "test.jsonl")
    return tmp_path / "test.jsonl"


@pytest.mark.skipif(not shutil.which("wrk"), reason="wrk is not installed: apt-get install wrk")
def test_it_measures_and_writes_figures(model, records, tmp_path):
    figures = bench_service(model, records, tmp_path / "service.json", **OPTIONS)
    assert srsly.read_json(tmp_path / "service.json").keys() == figures.keys()
    assert list(figures["median"]) == ["one client", "4 clients", "bare nlp.pipe"]
    assert all(median["notes_per_second"] > 0 for median in figures["median"].values())
    assert figures["notes"] == 2
    assert figures["words_per_note"] == 2.5


def test_without_the_load_tool(model, records, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProjectError, match="apt-get install wrk"):
        bench_service(model, records, tmp_path / "service.json", **OPTIONS)


def test_the_ratios_are_those_of_the_medians():
    def rounds(*rates):
        return [{"notes_per_second": rate} for rate in rates]

    figures = summarize({"one": rounds(10, 11, 90), "many": rounds(20, 22, 1), "bare": rounds(25, 30, 20)})
    assert figures == {
        "median": {
            "one": {"notes_per_second": 11},
            "many": {"notes_per_second": 20},
            "bare": {"notes_per_second": 25},
        },
        "gain_of_many_clients": 20 / 11,
        "share_of_bare": 20 / 25,
    }
