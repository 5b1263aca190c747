"""The temperature is found that brings confidence and precision together, and what has none is refused."""

import numpy
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Model

from scripts.bigbio import SPLITS
from scripts.confidence import Judged, confidences, find_head, fit_temperature, has_head, judge, read_gold
from scripts.errors import ProjectError
from scripts.runtime.token_classifier import TokenClassifier

NLP = spacy.blank("en")


def make_head(*labels: str) -> TokenClassifier:
    head = TokenClassifier(NLP.vocab, Model("none", lambda model, X, is_train: (X, lambda dY: dY)))
    head.cfg["labels"] = list(labels)
    return head


def drawn(temperature: float, *, documents: int = 3000) -> Judged:
    """Give documents of one token, whose gold tags were drawn from the scores divided by the temperature."""
    random = numpy.random.default_rng(0)
    scores = random.normal(scale=3, size=(documents, 1, 3))
    scores[:, :, 2] = -50.0
    probs = numpy.exp(scores / temperature)
    is_mention = random.random(documents) < probs[:, 0, 1] / probs[:, 0].sum(axis=1)
    gold = [{(0, 1, "X")} if mention else set() for mention in is_mention]
    return Judged(list(scores), [Doc(NLP.vocab, words=["gout"])] * documents, gold)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_temperature_is_found(temperature: float) -> None:
    head = make_head("X")
    assert fit_temperature(head, drawn(temperature)) == pytest.approx(temperature, rel=0.15)
    assert head.temperature == 1.0


def test_confidences_are_those_of_a_temperature() -> None:
    judged = Judged(
        scores=[numpy.array([[0.0, 4.0, 0.0], [0.0, -9.0, 4.0], [9.0, 0.0, 0.0]], dtype="f"), numpy.zeros((0, 3), "f")],
        docs=[Doc(NLP.vocab, words=["renal", "failure", "was"]), Doc(NLP.vocab)],
        gold=[{(0, 2, "X")}, {(5, 6, "X")}],
    )
    values, right = confidences(make_head("X"), judged, 2.0)
    sure = numpy.exp(2) / (numpy.exp(2) + 2)
    goes_on = numpy.exp(2) / (numpy.exp(2) + 1 + numpy.exp(-4.5))
    ends = 1 - 1 / (numpy.exp(4.5) + 2)
    assert values.tolist() == pytest.approx([sure * goes_on * ends])
    assert right.tolist() == [True] and judged.mentions == 2


@pytest.mark.parametrize(("gold", "message"), [([{(0, 1, "X")}], "1 entities 1 are right"), ([set()], "1 entities 0")])
def test_nothing_to_learn_from_is_refused(gold: list[set], message: str) -> None:
    judged = Judged([numpy.array([[0.0, 4.0, 0.0]])], [Doc(NLP.vocab, words=["gout"])], gold)
    with pytest.raises(ProjectError, match=f"Of {message}.*no temperature can be fitted to that"):
        fit_temperature(make_head("X"), judged)


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
        values, right = confidences(head, judged, head.temperature)
        whole = [ent._.confidence for doc in nlp.pipe([doc.text for doc in gold]) for ent in doc.ents]
        assert values.tolist() == pytest.approx(whole, abs=1e-6)
        assert right.all() and len(right) == judged.mentions == 20
        assert all(doc._.trf_data is None for doc in judged.docs)


def test_missing_split_names_the_command(tmp_path) -> None:
    with pytest.raises(ProjectError, match=r"dev\.spacy is not there\. Run first: spacy project run convert"):
        read_gold(tmp_path / "dev.spacy", NLP)
