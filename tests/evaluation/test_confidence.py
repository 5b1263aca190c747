"""The calibration is found that brings confidence and precision together, and what has none is refused."""

import numpy
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Model

from scripts.clinical_ner.ner.calibration import Calibration
from scripts.clinical_ner.ner.token_classifier import TokenClassifier, configure_token_classifier
from scripts.clinical_ner.registration import register
from scripts.errors import ProjectError
from scripts.evaluation.confidence import Judged, confidences, find_head, fit_calibration, has_head, judge, read_gold
from scripts.records.bigbio import SPLITS

register()
NLP = spacy.blank("en")


def make_head(*labels: str) -> TokenClassifier:
    head = TokenClassifier(NLP.vocab, configure_token_classifier(Model("none", lambda model, X, is_train: (X, None))))
    for label in labels:
        head.add_label(label)
    return head


def drawn(calibration: Calibration, *, documents: int = 20_000) -> Judged:
    """Return documents of one token, found as mentions that are right as often as the calibrated confidence says."""
    random = numpy.random.default_rng(0)
    scores = numpy.full((documents, 1, 9), -50.0)
    scores[:, 0, 0] = 0
    # Of U-X. Above 0, or it is no mention; with two tags its log-odds are the difference of the scores.
    scores[:, 0, 4] = log_odds = random.uniform(0.01, 6, documents)
    is_right = random.random(documents) < 1 / (1 + numpy.exp(-(log_odds / calibration.temperature + calibration.bias)))
    gold = [{(0, 1, "X")} if right else set() for right in is_right]
    return Judged(list(scores), [Doc(NLP.vocab, words=["gout"])] * documents, gold)


@pytest.mark.parametrize("calibration", [Calibration(), Calibration(2.5, -1.0), Calibration(0.5, 0.3)])
def test_calibration_is_found(calibration: Calibration) -> None:
    head = make_head("X", "Y")
    assert fit_calibration(head, drawn(calibration)) == {"X": pytest.approx(calibration, rel=0.1, abs=0.1)}
    assert head.calibration == {"X": Calibration(), "Y": Calibration()}


def test_confidences_are_those_of_a_calibration() -> None:
    # A mention of one token has the tag U; no other of its tags is legal.
    judged = Judged(
        scores=[numpy.array([[0.0, 9.0, 9.0, 9.0, 2.0]], dtype="f"), numpy.zeros((0, 5), "f")],
        docs=[Doc(NLP.vocab, words=["gout"]), Doc(NLP.vocab)],
        gold=[{(0, 1, "X")}, {(5, 6, "X")}],
    )
    nlp = spacy.blank("en")
    nlp.add_pipe("clinical_token_classifier", name="ner").add_label("X")
    values, right = confidences(nlp, judged, {})
    assert values.tolist() == pytest.approx([1 / (1 + numpy.exp(-2))])
    assert right.tolist() == [True] and judged.mentions == 2
    values, _ = confidences(nlp, judged, {"X": Calibration(2.0, -0.5)})
    assert values.tolist() == pytest.approx([1 / (1 + numpy.exp(-(2 / 2 - 0.5)))])


@pytest.mark.parametrize(("gold", "message"), [([{(0, 1, "X")}], "1 entities 1 are right"), ([set()], "1 entities 0")])
def test_nothing_to_learn_from_is_refused(gold: list[set], message: str) -> None:
    judged = Judged([numpy.array([[0.0, 0.0, 0.0, 0.0, 4.0]])], [Doc(NLP.vocab, words=["gout"])], gold)
    with pytest.raises(ProjectError, match=f"Of {message}.*no calibration can be fitted to that"):
        fit_calibration(make_head("X"), judged)


def test_confidence_of_a_head_that_is_less_often_right_the_surer_it_is_still_rises() -> None:
    calibration = fit_calibration(make_head("X", "Y"), drawn(Calibration(-1.0, 3.0)))["X"]
    assert calibration.temperature == pytest.approx(20)
    assert calibration(0.9) == pytest.approx(0.5, abs=0.1)


def test_pipeline_without_confidences_is_refused() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler")
    assert not has_head(nlp)
    with pytest.raises(ProjectError, match=r"gives no confidences.*Train one with --vars\.head token"):
        find_head(nlp)


def test_judged_is_what_the_pipeline_does(project, trained) -> None:
    nlp: Language = spacy.load(trained)
    for split in SPLITS:
        gold = read_gold(project / "corpus" / f"{split}.spacy", nlp)
        judged = judge(nlp, gold)
        _, head = find_head(nlp)
        values, right = confidences(nlp, judged, head.calibration)
        whole = [ent._.confidence for doc in nlp.pipe([doc.text for doc in gold]) for ent in doc.ents]
        assert values.tolist() == pytest.approx(whole, abs=1e-6)
        assert right.all() and len(right) == judged.mentions == 20
        assert all(doc._.trf_data is None for doc in judged.docs)


def test_missing_split_names_the_command(tmp_path) -> None:
    with pytest.raises(ProjectError, match=r"dev\.spacy is not there\. Run first: spacy project run convert"):
        read_gold(tmp_path / "dev.spacy", NLP)
