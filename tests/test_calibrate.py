"""The figures of calibration are those of the textbook, and land whole beside the others of the run."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin

from scripts.errors import ProjectError
from scripts.evaluation import calibration
from scripts.evaluation.calibration import calibrate
from scripts.evaluation.confidence import find_confidence


@pytest.fixture
def corpus(project: Path, trained: Path, tmp_path: Path) -> Path:
    """The small project's dev and test, with half of the gold mentions taken out: half of what is found is wrong."""
    nlp = spacy.load(trained)
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split in ("dev", "test"):
        docs: list[Doc] = list(DocBin().from_disk(project / "corpus" / f"{split}.spacy").get_docs(nlp.vocab))
        for doc in docs[::2]:
            doc.ents = []
        DocBin(docs=docs).to_disk(folder / f"{split}.spacy")
    return folder


def test_calibrated_pipeline_and_figures(trained: Path, corpus: Path, tmp_path: Path) -> None:
    figures = calibrate(str(trained), corpus, tmp_path / "run", output=tmp_path / "calibrated", command="the command")
    saved = srsly.read_json(tmp_path / "run" / "calibration.json")
    assert saved["calibration"].keys() == {"Chemical", "Disease"} and saved.keys() == figures.keys()
    assert figures["test"]["mentions"] == 10 and figures["test"]["entities"] == 20
    errors = figures["test"]["calibration_error"]
    assert errors["after"] < errors["before"]

    before, after = spacy.load(trained), spacy.load(tmp_path / "calibrated")
    assert find_confidence(after).calibration == figures["calibration"] != find_confidence(before).calibration
    text = "aspirin caused gout in 3 rats."
    assert [ent.text for ent in before(text).ents] == [ent.text for ent in after(text).ents] == ["aspirin", "gout"]
    assert after(text).ents[0]._.confidence < before(text).ents[0]._.confidence

    table = (tmp_path / "run" / "calibration.md").read_text()
    assert f"{errors['before']:.4f} before, {errors['after']:.4f} after" in table
    assert "| 0.00 | 20 | 50.00 | 100.00 |" in table and "`the command`" in table
    drawn = ElementTree.parse(tmp_path / "run" / "calibration.svg").getroot()
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    assert f"after: error {errors['after']:.4f}" in "".join(drawn.itertext())


def test_failed_writing_leaves_nothing(
    trained: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(figures: dict) -> str:
        raise OSError("No space left on device")

    monkeypatch.setattr(calibration, "calibration_svg", full)
    with pytest.raises(OSError, match="No space left"):
        calibrate(str(trained), corpus, tmp_path / "run")
    assert not (tmp_path / "run" / "calibration.svg").exists()
    assert not list((tmp_path / "run").glob(".*"))


def test_pipeline_that_is_always_right_has_nothing_to_fit(trained: Path, project: Path, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="Of 20 entities 20 are right: no calibration can be fitted"):
        calibrate(str(trained), project / "corpus", tmp_path / "run")
