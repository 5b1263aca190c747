"""annotate from and to databases is measured beside files, in pairs, and leaves nothing in the database."""

from pathlib import Path

import pytest
import srsly

from scripts.annotation.databases import Database
from scripts.benchmarks import databases
from scripts.benchmarks.databases import benchmark_databases, paired_ratio
from scripts.records.bigbio import write_records
from tests.annotation.pipelines import make_pipeline
from tests.marked import make_record


@pytest.fixture
def figures(tmp_path: Path, monkeypatch) -> dict:
    make_pipeline().to_disk(tmp_path / "model")
    records = [make_record("[Chemical Aspirin] works.", document_id=str(number)) for number in range(3)]
    write_records(records, tmp_path / "test.jsonl")

    def measure(**options) -> dict:
        output = tmp_path / "databases.json"
        benchmark_databases(str(tmp_path / "model"), tmp_path / "test.jsonl", output, rounds=1, **options)
        return srsly.read_json(output)

    # The tests of databases start a server.
    monkeypatch.setattr(databases, "find_programs", lambda: None)
    return measure


def test_the_same_entities_from_files_and_from_databases(figures):
    measured = figures()
    rows = measured["contenders"]
    assert list(rows) == ["files", "SQLite", "DuckDB"]
    assert {row["entities"] for row in rows.values()} == {3}
    assert rows["files"]["ratio"] == 1
    rates = {name: row["rounds"][0]["words_per_second"] for name, row in rows.items()}
    assert rows["SQLite"]["ratio"] == pytest.approx(rates["SQLite"] / rates["files"])
    assert all(row["cpu_seconds"] > 0 for row in rows.values())


def test_a_database_of_ones_own_has_nothing_in_it_afterwards(figures, tmp_path):
    url = f"sqlite:///{tmp_path}/notes.db"
    assert list(figures(database=[url])["contenders"]) == ["files", url]
    tables = "select name from sqlite_master"
    assert Database(url).transact(lambda connection: connection.exec_driver_sql(tables).all()) == []


def test_a_ratio_is_of_runs_of_the_same_round():
    speeds = {"files": [100, 10, 50], "SQLite": [90, 10, 40]}
    taken = {name: [{"words_per_second": speed} for speed in each] for name, each in speeds.items()}
    assert paired_ratio(taken, "SQLite") == 0.9
