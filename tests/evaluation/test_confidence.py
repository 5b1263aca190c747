"""The calibration is found that brings confidence and precision together, and what has none is refused."""

from pathlib import Path

import numpy
import pytest
import spacy
from spacy.language import Language

from scripts.clinical_ner.ner.calibration import Calibration
from scripts.errors import ProjectError
from scripts.evaluation.confidence import Judged, find_confidence, fit_calibration, judge, read_gold
from scripts.pipelines import gives_confidence
from scripts.records.bigbio import SPLITS


def drawn(calibration: Calibration, *, entities: int = 20_000) -> Judged:
    """Return entities that are right as often as the calibrated confidence says."""
    random = numpy.random.default_rng(0)
    log_odds = random.uniform(0.01, 6, entities)
    right = random.random(entities) < 1 / (1 + numpy.exp(-(log_odds / calibration.temperature + calibration.bias)))
    return Judged(["X"] * entities, 1 / (1 + numpy.exp(-log_odds)), right, entities)


@pytest.mark.parametrize("calibration", [Calibration(), Calibration(2.5, -1.0), Calibration(0.5, 0.3)])
def test_calibration_is_found(calibration: Calibration) -> None:
    assert fit_calibration(drawn(calibration)) == {"X": pytest.approx(calibration, rel=0.1, abs=0.1)}


def test_each_label_has_its_own() -> None:
    sure, unsure = drawn(Calibration()), drawn(Calibration(2.5, -1.0))
    both = Judged(
        [*sure.labels, *(["Y"] * len(unsure.labels))],
        numpy.concatenate([sure.probabilities, unsure.probabilities]),
        numpy.concatenate([sure.right, unsure.right]),
        0,
    )
    fitted = fit_calibration(both)
    assert fitted["X"] == pytest.approx((1, 0), abs=0.1) and fitted["Y"] == pytest.approx((2.5, -1), rel=0.1)


def test_confidences_are_those_of_a_calibration() -> None:
    judged = Judged(["X", "Y"], numpy.array([0.88, 0.6]), numpy.array([True, False]), 2)
    assert judged.confidences({}).tolist() == pytest.approx([0.88, 0.6])
    odds = numpy.log(0.88 / 0.12)
    assert judged.confidences({"X": Calibration(2.0, -0.5)}).tolist() == pytest.approx(
        [1 / (1 + numpy.exp(-(odds / 2 - 0.5))), 0.6]
    )


@pytest.mark.parametrize(("right", "message"), [([True], "1 entities 1 are right"), ([False], "1 entities 0")])
def test_nothing_to_learn_from_is_refused(right: list[bool], message: str) -> None:
    with pytest.raises(ProjectError, match=f"Of {message}.*no calibration can be fitted to that"):
        fit_calibration(Judged(["X"], numpy.array([0.9]), numpy.array(right), 1))


def test_confidence_of_a_head_that_is_less_often_right_the_surer_it_is_still_rises() -> None:
    calibration = fit_calibration(drawn(Calibration(-1.0, 3.0)))["X"]
    assert calibration.temperature == pytest.approx(20)
    assert calibration(0.9) == pytest.approx(0.5, abs=0.1)


def test_pipeline_without_confidences_is_refused() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler")
    assert not gives_confidence(nlp)
    with pytest.raises(ProjectError, match=r"gives no confidences.*Train one with --vars\.head token"):
        find_confidence(nlp)


def test_judged_is_what_the_pipeline_finds(project: Path, trained: Path) -> None:
    nlp: Language = spacy.load(trained)
    component = find_confidence(nlp)
    component.threshold = 0.1
    for split in SPLITS:
        gold = read_gold(project / "corpus" / f"{split}.spacy", nlp)
        judged = judge(nlp, gold)
        whole = [ent._.confidence for doc in nlp.pipe([doc.text for doc in gold]) for ent in doc.ents]
        assert judged.confidences(component.calibration).tolist() == pytest.approx(whole, abs=1e-6)
        assert judged.right.all() and len(judged.right) == judged.mentions == 20
    assert component.threshold == 0.1


def test_missing_split_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"dev\.spacy is not there\. Run first: spacy project run convert"):
        read_gold(tmp_path / "dev.spacy", spacy.blank("en"))
