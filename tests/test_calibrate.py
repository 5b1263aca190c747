"""The figures of calibration are those of the textbook, and land whole beside the others of the run."""

import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin

from scripts.errors import ProjectError
from scripts.evaluation import calibration
from scripts.evaluation.calibration import CalibrateOptions, calibrate, cross_validated, join_judged
from scripts.evaluation.confidence import Judged, find_confidence, fit_calibration


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
    options = CalibrateOptions(output=tmp_path / "calibrated", command="the command")
    figures = calibrate(str(trained), corpus, tmp_path / "run", options)
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


@pytest.mark.parametrize(
    ("splits", "is_there", "key", "documents"),
    [(["dev"], ("dev",), "dev", 10), (["train", "dev", "test"], ("train", "dev", "test"), "train+dev+test", 30)],
)
def test_without_a_test_split_the_figures_are_cross_validated(
    trained: Path, corpus: Path, tmp_path: Path, splits: list[str], is_there: tuple[str, ...], key: str, documents: int
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for split in is_there:
        shutil.copyfile(corpus / f"{'dev' if split == 'train' else split}.spacy", own / f"{split}.spacy")
    figures = calibrate(str(trained), own, tmp_path / "run", CalibrateOptions(splits))
    assert figures.keys() == {"run", "command", "fitted_on", "calibration", key, "cross_validation"}
    assert figures["fitted_on"] == splits
    for name in (key, "cross_validation"):
        assert figures[name]["entities"] == 2 * documents and figures[name]["mentions"] == documents
    errors = figures["cross_validation"]["calibration_error"]
    assert errors["after"] < errors["before"] == figures[key]["calibration_error"]["before"]
    table = (tmp_path / "run" / "calibration.md").read_text()
    assert f"Calibrated on {', '.join(splits)}." in table and "not fitted on (cross-validation)" in table


def test_each_fold_is_calibrated_by_the_others() -> None:
    folds = [
        Judged(["X"] * 4, np.array([0.6, 0.7, 0.8, 0.9]), np.array([False, right, False, True]), 2)
        for right in (True, False, True)
    ]
    expected = [
        folds[number].confidences(fit_calibration(join_judged([folds[other] for other in others])))
        for number, others in enumerate([(1, 2), (0, 2), (0, 1)])
    ]
    assert cross_validated(folds).tolist() == np.concatenate(expected).tolist()
    assert expected[0].tolist() != expected[1].tolist()
    assert join_judged(folds).mentions == 6


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
