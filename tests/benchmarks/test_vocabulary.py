"""Generated vocabularies have the size that was asked for, and their linker is built, loaded and timed."""

from pathlib import Path

import pytest
import srsly

from scripts.benchmarks.vocabulary import benchmark_vocabulary, change_letter, generate_concepts
from scripts.clinical_ner.linking.forms import normal_form


@pytest.mark.parametrize("names", [10, 1000])
def test_generated_concepts_have_as_many_names_as_asked(names: int) -> None:
    concepts = list(generate_concepts(names, 0))
    forms = [{normal_form(name) for name in (concept.name, *concept.names)} for concept in concepts]
    assert sum(map(len, forms)) == names and len(concepts) == int(names * 0.355)
    assert len({concept.id for concept in concepts}) == len(concepts)
    assert concepts == list(generate_concepts(names, 0)) != list(generate_concepts(names, 1))


@pytest.mark.parametrize(("name", "expected"), [("abcde", "abwde"), ("a", "w")])
def test_a_name_with_another_letter(name: str, expected: str) -> None:
    assert change_letter(name) == expected


def test_whole_run(tmp_path: Path) -> None:
    benchmark_vocabulary(tmp_path / "vocabulary.json", [100], "Disease", 0)
    sizes = srsly.read_json(tmp_path / "vocabulary.json")["sizes"]
    assert [*sizes] == ["100 names"]
    row = sizes["100 names"]
    assert (row["names"], row["concepts"]) == (100, 35)
    assert all(value > 0 for key, value in row.items() if key != "loading_memory")
    # The process holds Python and its libraries, and the linker beside them.
    assert row["memory"] > row["loading_memory"] >= 0
    assert "| 100 names | 35 |" in (tmp_path / "vocabulary.md").read_text(encoding="utf8")
