"""What leaves the pipeline has a calibrated confidence, at least the threshold, whichever component found it."""

import math
import pickle
from pathlib import Path

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.clinical_ner.ner.calibration import Calibration
from scripts.clinical_ner.ner.confidence import Confidence
from scripts.clinical_ner.registration import register

register()
WORDS = ["aspirin", "for", "gout", ",", "aspirin", "for", "gout", "."]


@pytest.fixture
def nlp() -> Language:
    """Return a pipeline in which only the confidences can change."""
    nlp = spacy.blank("en")
    # The head adds the extension.
    nlp.add_pipe("clinical_token_classifier")
    nlp.remove_pipe("clinical_token_classifier")
    nlp.add_pipe("clinical_confidence", name="confidence")
    return nlp


def make_doc(nlp: Language, *found: tuple[int, str, float | None]) -> Doc:
    """Return a document with mentions of one token: the token, the label and the probability."""
    doc = Doc(nlp.vocab, words=WORDS)
    doc.ents = [Span(doc, start, start + 1, label) for start, label, _ in found]
    for ent, (_, _, probability) in zip(doc.ents, found, strict=True):
        ent._.confidence = probability
    return doc


def read(doc: Doc) -> list[tuple[int, float | None]]:
    return [(ent.start, ent._.confidence) for ent in doc.ents]


def odds(value: float) -> float:
    return value / (1 - value)


def test_each_label_has_its_calibration(nlp: Language) -> None:
    component: Confidence = nlp.get_pipe("confidence")
    component.calibration = {"Chemical": Calibration(5.0, 0.0), "Disease": Calibration(1.0, -2.0)}
    doc = component(make_doc(nlp, (0, "Chemical", 0.9), (2, "Disease", 0.8), (4, "Other", 0.7), (6, "Disease", None)))
    chemical, disease, other, unknown = read(doc)
    assert odds(chemical[1] or 0) == pytest.approx(odds(0.9) ** 0.2)
    assert odds(disease[1] or 0) == pytest.approx(odds(0.8) * math.exp(-2))
    assert other == (4, pytest.approx(0.7, abs=1e-5)) and unknown == (6, None)
    with pytest.raises(ValueError, match=r"The temperature of Disease \(0\) must be above 0"):
        component.calibration = {"Disease": Calibration(0, 1.0)}


def test_nothing_below_the_threshold_leaves_the_pipeline(nlp: Language) -> None:
    nlp.get_pipe("confidence").threshold = 0.5
    doc = nlp.get_pipe("confidence")(make_doc(nlp, (0, "X", 0.49), (2, "X", 0.51), (4, "X", None)))
    assert [ent.start for ent in doc.ents] == [2, 4]
    # A later mention at its place would have it otherwise.
    assert doc[0:1]._.confidence is None


def test_what_agreement_adds_needs_the_threshold_too(nlp: Language) -> None:
    nlp.add_pipe("clinical_agreement", before="confidence")
    nlp.get_pipe("confidence").threshold = 0.9
    doc = make_doc(nlp, (0, "X", 0.95), (2, "Y", 0.95), (6, "Y", 0.95))
    for _, component in nlp.pipeline:
        doc = component(doc)
    # The second aspirin has half of the first one's probability.
    assert [(ent.start, ent.label_) for ent in doc.ents] == [(0, "X"), (2, "Y"), (6, "Y")]


@pytest.mark.parametrize("calibration", [(1.5, 0.5), (5.1151414185230657, -0.1000123456789), (0.1, 1 / 3)])
def test_a_saved_pipeline_has_the_same_calibration(
    nlp: Language, tmp_path: Path, calibration: tuple[float, float]
) -> None:
    nlp.get_pipe("confidence").calibration = {"X": Calibration(*calibration)}
    nlp.to_disk(tmp_path / "nlp")
    expected = nlp.get_pipe("confidence").calibration
    assert expected["X"] == pytest.approx(calibration, abs=1 / 1024)
    copies = (
        spacy.load(tmp_path / "nlp"),
        spacy.blank("en").from_config(nlp.config).from_bytes(nlp.to_bytes()),
        pickle.loads(pickle.dumps(nlp)),  # noqa: S301
    )
    for other in copies:
        assert other.get_pipe("confidence").calibration == expected


def test_threshold_is_set_when_the_pipeline_is_loaded(nlp: Language, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path / "nlp")
    strict = spacy.load(tmp_path / "nlp", config={"components": {"confidence": {"threshold": 0.3}}})
    assert strict.get_pipe("confidence").threshold == 0.3
    with pytest.raises(ValueError, match=r"threshold \(1.5\) must be within \[0, 1\]"):
        spacy.load(tmp_path / "nlp", config={"components": {"confidence": {"threshold": 1.5}}})


@pytest.mark.parametrize("sure", [0.0, 1e-9, 0.5, 1 - 1e-9, 1.0])
def test_confidence_is_within_0_and_1(sure: float) -> None:
    assert 0 <= Calibration(0.001, 3.0)(sure) <= 1
    assert Calibration()(sure) == pytest.approx(sure, abs=1e-5)
