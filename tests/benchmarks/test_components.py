"""Each component's seconds are counted, and the shares are those of the medians."""

import time
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc

from scripts.benchmarks.components import benchmark_components, component_rows, time_components
from scripts.records.bigbio import write_records
from tests.marked import make_record


@Language.component("slow_component")
def slow_component(doc: Doc) -> Doc:
    time.sleep(0.03)
    return doc


def test_a_slow_component_has_most_of_the_time() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("slow_component")
    seconds = time_components(nlp, ["No fever."] * 3)
    assert list(seconds) == ["tokenizer", "sentencizer", "slow_component"]
    assert seconds["slow_component"] >= 0.09 > seconds["sentencizer"] > 0


def test_shares_are_of_the_medians() -> None:
    taken = [{"a": 1.0, "b": 3.0}, {"a": 1.0, "b": 3.0}, {"a": 9.0, "b": 3.0}]
    assert component_rows(taken) == {"a": {"seconds": 1.0, "share": 0.25}, "b": {"seconds": 3.0, "share": 0.75}}


def test_whole_run(tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    # `load_pipeline` refuses a pipeline without a component that sets entities.
    nlp.add_pipe("entity_ruler")
    nlp.to_disk(tmp_path / "model")
    write_records([make_record("[Chemical aspirin] caused [Disease gout] in 3 rats.")], tmp_path / "test.jsonl")
    benchmark_components(str(tmp_path / "model"), tmp_path / "test.jsonl", tmp_path / "components.json", rounds=2)
    figures = srsly.read_json(tmp_path / "components.json")
    assert (figures["documents"], figures["words"], figures["rounds"]) == (1, 6, 2)
    assert sum(row["share"] for row in figures["components"].values()) == pytest.approx(1)
    assert "sentencizer" in (tmp_path / "components.md").read_text(encoding="utf8")
