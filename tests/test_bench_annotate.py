"""The benchmark of annotate runs from files to a file."""

from pathlib import Path

import pytest
import spacy
import srsly

from scripts.bench_annotate import bench_annotate
from scripts.records.bigbio import write_records
from tests.marked import make_record


def test_figures_are_written(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Chemical", "pattern": "Aspirin"}])
    nlp.to_disk(tmp_path / "model")
    records = [make_record("[Chemical Aspirin] works.", document_id=str(number)) for number in range(3)]
    write_records(records, tmp_path / "test.jsonl")
    output = tmp_path / "annotate.json"
    figures = bench_annotate(str(tmp_path / "model"), tmp_path / "test.jsonl", output, documents=2, rounds=1)
    assert figures["documents"] == 2
    assert {name: len(values) for name, values in figures["words_per_second"].items()} == {
        "nlp.pipe": 1,
        "annotate": 1,
        "annotate, 2 processes": 1,
    }
    assert figures["ratio"] == pytest.approx(figures["medians"]["annotate"] / figures["medians"]["nlp.pipe"])
    assert srsly.read_json(output).keys() == figures.keys()
