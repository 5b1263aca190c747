"""Each setting is trained with the documents that its number and its seed choose, and scored on both corpora."""

from pathlib import Path

import pytest
import spacy
import srsly

from scripts.base_pipeline import read_docs
from scripts.benchmarks.few_documents import benchmark_few_documents, make_settings, write_part
from scripts.errors import ProjectError
from tests.conftest import CONFIG
from tests.test_base_pipeline import write_new_notes


def texts(path: Path) -> list[str]:
    return [doc.text for doc in read_docs(path)]


def test_a_smaller_part_is_in_a_larger_one_of_the_same_seed(tmp_path: Path) -> None:
    docs = [spacy.blank("en")(f"note {number}") for number in range(40)]
    parts = {}
    for number, seed in ((2, 0), (20, 0), (40, 0), (20, 1)):
        folder = tmp_path / f"{number}_{seed}"
        write_part(docs, folder, number=number, seed=seed)
        parts[number, seed] = [texts(folder / f"{split}.spacy") for split in ("train", "dev")]
    assert [[len(split) for split in splits] for splits in parts.values()] == [[1, 1], [17, 3], [34, 6], [17, 3]]
    smaller, larger = ({text for split in parts[number, 0] for text in split} for number in (20, 40))
    assert len(smaller) == 20 and smaller < larger == {doc.text for doc in docs}
    assert parts[20, 0] != parts[20, 1]


def test_settings_are_all_combinations() -> None:
    assert [str(setting) for setting in make_settings("4 10", "0.005 5e-5", "2 60")] == [
        f"{documents} documents, rate {rate}, {epochs} epochs"
        for documents in (4, 10)
        for rate in ("0.005", "5e-05")
        for epochs in (2, 60)
    ]


def test_whole_run(project: Path, trained: Path, tmp_path: Path) -> None:
    labels = {"Chemical": "Chemical", "Disease": "Disease"}
    new = write_new_notes(tmp_path, "mice with [Disease ague] took [Chemical zinc].", labels)
    inputs = CONFIG, project / "tiny", str(trained), new, project / "corpus"
    output = tmp_path / "benchmark" / "few.json"
    benchmark_few_documents(*inputs, output, documents="10", rates="0.005", epochs="2 60", seeds="0 1")
    figures = srsly.read_json(output)
    assert (figures["new"], figures["old"], figures["seeds"]) == ("corpus", "corpus", [0, 1])
    rows = figures["settings"]
    before = rows.pop("before training")
    assert before["old_f1"] == 1.0 > before["new_f1"]
    few, many = (f"10 documents, rate 0.005, {epochs} epochs" for epochs in (2, 60))
    assert list(rows) == [few, many]
    assert [len(row["rounds"]) for row in rows.values()] == [2, 2]
    assert rows[few]["steps"] == 2
    assert rows[many]["new_f1"] > before["new_f1"]
    assert f"| {many} |" in output.with_suffix(".md").read_text(encoding="utf8")


@pytest.mark.parametrize("documents", ["1", "11"])
def test_too_few_or_too_many_documents_are_refused(
    project: Path, trained: Path, tmp_path: Path, documents: str
) -> None:
    with pytest.raises(ProjectError, match=rf"Can't train on {documents} of 10 documents"):
        benchmark_few_documents(
            *(CONFIG, project / "tiny", str(trained), project / "corpus", project / "corpus", tmp_path / "few.json"),
            documents=f"5 {documents}",
        )
