"""The head learns, decodes only what is legal, keeps to what it is given, and its confidences survive every journey."""

import itertools
import math
import pickle
from pathlib import Path

import numpy
import pytest
import spacy
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from spacy.lang.en import English
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import fix_random_seed

from scripts.clinical_ner.ner.calibration import Calibration
from scripts.clinical_ner.ner.decoding import decode, legal_transitions, log_softmax, probability, tagged_spans, viterbi
from scripts.clinical_ner.ner.token_classifier import gold_tags

TOK2VEC = {
    "@architectures": "spacy.HashEmbedCNN.v2",
    "pretrained_vectors": None,
    "width": 32,
    "depth": 1,
    "embed_size": 200,
    "window_size": 1,
    "maxout_pieces": 2,
    "subword_features": True,
}
CONFIG = {"model": {"@architectures": "clinical_ner.TokenClassifier.v1", "tok2vec": TOK2VEC}}
TEXTS = [f"aspirin {verb} renal failure in {n} rats." for n in range(5) for verb in ("caused", "cured")]
FOUND = [("aspirin", "Chemical"), ("renal failure", "Disease")]


def example(nlp: Language, text: str) -> Example:
    start = text.index("renal")
    entities = [(0, 7, "Chemical"), (start, start + len("renal failure"), "Disease")]
    return Example.from_dict(nlp.make_doc(text), {"entities": entities})


def train(nlp: Language, examples: list[Example], *, steps: int = 40) -> None:
    fix_random_seed(0)
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer, drop=0.1)


@pytest.fixture(scope="module")
def nlp() -> Language:
    nlp = spacy.blank("en")
    nlp.add_pipe("clinical_token_classifier", name="ner", config=CONFIG)
    train(nlp, [example(nlp, text) for text in TEXTS])
    return nlp


def ents(doc: Doc) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in doc.ents]


def confidences(doc: Doc) -> list[float]:
    return [ent._.confidence for ent in doc.ents]


def test_ten_documents_are_learned(nlp: Language) -> None:
    scores = nlp.evaluate([example(nlp, text) for text in TEXTS])
    assert (scores["ents_f"], scores["ents_per_type"]["Disease"]["f"]) == (1.0, 1.0)
    assert nlp.get_pipe("ner").labels == ("Chemical", "Disease")
    for value in confidences(nlp(TEXTS[0])):
        assert 0.5 < value <= 1


def test_gradient_is_that_of_torch(nlp: Language) -> None:
    head = nlp.get_pipe("ner")
    examples = [
        example(nlp, TEXTS[0]),
        # Nothing is known of its first two tokens.
        Example.from_dict(nlp.make_doc("it was gout"), {"entities": ["-", "-", "U-Disease"]}),
        Example.from_dict(nlp.make_doc(""), {"entities": []}),
    ]
    gold = [gold_tags(item) for item in examples]
    assert gold[0][:5] == ["B-Chemical", "O", "B-Disease", "I-Disease", "O"]
    assert gold[1:] == [[None, None, "B-Disease"], []]
    scores = [numpy.random.default_rng(0).normal(size=(len(tags), 5)).astype("f") for tags in gold]
    loss, gradients = head.get_loss(examples, scores)

    tensor = torch.tensor(numpy.concatenate(scores), requires_grad=True)
    target = torch.tensor([head.tags.index(tag) if tag else -100 for tags in gold for tag in tags])
    expected = torch.nn.functional.cross_entropy(tensor, target)
    expected.backward()
    assert loss == pytest.approx(expected.item())
    numpy.testing.assert_allclose(numpy.concatenate(gradients), tensor.grad.numpy(), atol=1e-6)
    assert [part.shape for part in gradients] == [part.shape for part in scores]


def test_nothing_annotated_is_nothing_to_learn(nlp: Language) -> None:
    unknown = Example.from_dict(nlp.make_doc("it was gout"), {"entities": ["-", "-", "-"]})
    loss, (gradient,) = nlp.get_pipe("ner").get_loss([unknown], [numpy.ones((3, 5), dtype="f")])
    assert loss == 0 and not gradient.any()


@given(arrays("f4", st.tuples(st.integers(1, 5), st.just(5)), elements=st.floats(-20, 20, width=32)))
def test_viterbi_finds_the_best_legal_tags(scores: numpy.ndarray) -> None:
    legal = legal_transitions(5)
    paths = [
        path
        for path in itertools.product(range(5), repeat=len(scores))
        if all(legal[before, tag] for before, tag in itertools.pairwise((0, *path)))
    ]
    best = max(sum(float(row[tag]) for row, tag in zip(scores, path, strict=True)) for path in paths)
    for (found,) in (viterbi([scores], legal), decode([scores])):
        assert tuple(found) in paths
        assert sum(float(row[tag]) for row, tag in zip(scores, found, strict=True)) == pytest.approx(best)


@given(st.lists(arrays("f4", st.tuples(st.integers(0, 12), st.just(7)), elements=st.floats(-9, 9, width=32))))
def test_tags_are_always_legal_and_batches_change_nothing(batch: list[numpy.ndarray]) -> None:
    legal = legal_transitions(7)
    together = decode(batch)
    assert [len(tags) for tags in together] == [len(scores) for scores in batch]
    for tags, scores in zip(together, batch, strict=True):
        assert all(legal[before, tag] for before, tag in itertools.pairwise([0, *tags]))
        assert tags.tolist() == decode([scores])[0].tolist()


@pytest.mark.parametrize(
    ("words", "tags", "expected"),
    [
        ("a b c d", [0, 1, 2, 0], [(1, 3, 0)]),
        ("a b c d", [1, 1, 3, 4], [(0, 1, 0), (1, 2, 0), (2, 4, 1)]),
        ("a b c d", [0, 0, 0, 3], [(3, 4, 1)]),
        # Spaces at the ends are left out, those within stay, and spaces alone are no mention.
        ("a \n b \n", [3, 4, 4, 4], [(0, 3, 1)]),
        ("\n a", [1, 2], [(1, 2, 0)]),
        ("\n a", [1, 0], []),
        ("", [], []),
    ],
)
def test_mentions(words: str, tags: list[int], expected: list[tuple[int, int, int]]) -> None:
    parts = words.split(" ") if words else []
    assert tagged_spans(Doc(English().vocab, words=parts), numpy.array(tags, dtype="i8")) == expected


def test_probability_is_that_of_just_this_mention() -> None:
    log_probs = numpy.log([[0.5, 0.5, 1e-9], [0.2, 1e-9, 0.8], [0.7, 0.1, 0.2]])
    assert probability(log_probs, 0, 2, 0) == pytest.approx((0.5 * 0.8 * (1 - 0.2)) ** (1 / 3))
    assert probability(log_probs, 0, 3, 0) == pytest.approx((0.5 * 0.8 * 0.2) ** (1 / 3))
    assert probability(log_probs, 0, 1, 0) == pytest.approx((0.5 * (1 - 0.8)) ** (1 / 2))


def test_calibration_changes_confidences_and_no_entity(nlp: Language) -> None:
    head = nlp.get_pipe("ner")
    before = nlp(TEXTS[0])
    chemical, disease = confidences(before)
    head.calibration = {"Chemical": Calibration(5.0, 0.0), "Disease": Calibration(1.0, -2.0)}
    try:
        after = nlp(TEXTS[0])
    finally:
        head.calibration = {}
    assert ents(before) == ents(after) == FOUND
    odds = [(chemical / (1 - chemical)) ** 0.2, disease / (1 - disease) * math.exp(-2)]
    assert confidences(after) == pytest.approx([value / (1 + value) for value in odds], abs=1e-6)
    with pytest.raises(ValueError, match=r"The temperature of Disease \(0\) must be above 0"):
        head.calibration = {"Disease": Calibration(0, 1.0)}


@pytest.mark.parametrize("sure", [0.0, 1e-9, 0.5, 1 - 1e-9, 1.0])
def test_confidence_is_within_0_and_1(sure: float) -> None:
    assert 0 <= Calibration(0.001, 3.0)(sure) <= 1
    assert Calibration()(sure) == pytest.approx(sure, abs=1e-5)


def test_log_softmax_takes_any_score() -> None:
    probs = numpy.exp(log_softmax(numpy.array([[1000.0, 0.0], [-1000.0, -1000.0]])))
    numpy.testing.assert_allclose(probs, [[1, 0], [0.5, 0.5]])
    assert log_softmax(numpy.zeros((0, 5))).shape == (0, 5)


@pytest.mark.parametrize("text", ["", " ", "\n\n", "aspirin", " aspirin "])
def test_documents_of_next_to_nothing(nlp: Language, text: str) -> None:
    doc = nlp(text)
    assert doc.text == text
    assert len(doc.ents) == len(confidences(doc)) <= 1


def test_batch_equals_documents_one_by_one(nlp: Language) -> None:
    texts = [*TEXTS, "", " ", "renal failure " * 30, "gout"]
    for text, doc in zip(texts, nlp.pipe(texts), strict=True):
        alone = nlp(text)
        assert ents(doc) == ents(alone)
        assert confidences(doc) == pytest.approx(confidences(alone), abs=1e-6)


@pytest.mark.parametrize("calibration", [(1.5, 0.5), (5.1151414185230657, -0.1000123456789), (0.1, 1 / 3)])
def test_saved_pipeline_has_the_same_confidences(
    nlp: Language, tmp_path: Path, calibration: tuple[float, float]
) -> None:
    nlp.get_pipe("ner").calibration = {"Chemical": Calibration(*calibration)}
    try:
        nlp.to_disk(tmp_path / "nlp")
        as_bytes = nlp.to_bytes()
        expected = [confidences(nlp(text)) for text in TEXTS]
    finally:
        nlp.get_pipe("ner").calibration = {}
    loaded = [spacy.load(tmp_path / "nlp"), English.from_config(nlp.config).from_bytes(as_bytes)]
    for other in loaded:
        assert other.get_pipe("ner").calibration["Chemical"] == pytest.approx(calibration, abs=1 / 1024)
        assert other.get_pipe("ner").calibration["Disease"] == Calibration()
        assert [confidences(other(text)) for text in TEXTS] == expected


def test_confidences_survive_every_journey(nlp: Language) -> None:
    expected = [confidences(nlp(text)) for text in TEXTS]
    docs = list(nlp.pipe(TEXTS, n_process=2))
    assert [confidences(doc) for doc in docs] == expected
    stored = DocBin(docs=docs, store_user_data=True).to_bytes()
    assert [confidences(doc) for doc in DocBin().from_bytes(stored).get_docs(Vocab())] == expected
    assert [confidences(Doc(Vocab()).from_bytes(doc.to_bytes())) for doc in docs] == expected


def test_a_pickled_pipeline_has_the_same_confidences(nlp: Language) -> None:
    """What n_process does where processes do not begin as forks."""
    other = pickle.loads(pickle.dumps(nlp))  # noqa: S301
    assert [confidences(other(text)) for text in TEXTS] == [confidences(nlp(text)) for text in TEXTS]


def test_threshold_is_given_when_the_pipeline_is_loaded(nlp: Language, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path / "nlp")
    low, high = sorted(confidences(nlp(TEXTS[0])))
    strict = spacy.load(tmp_path / "nlp", config={"components": {"ner": {"threshold": (low + high) / 2}}})
    assert confidences(strict(TEXTS[0])) == [high]
    with pytest.raises(ValueError, match=r"threshold \(1.5\) must be within \[0, 1\]"):
        spacy.load(tmp_path / "nlp", config={"components": {"ner": {"threshold": 1.5}}})


def test_entities_that_are_there_stay(nlp: Language) -> None:
    doc = nlp.make_doc(TEXTS[0])
    doc.ents = [Span(doc, 2, 3, "Organ")]
    assert ents(nlp.get_pipe("ner")(doc)) == [("aspirin", "Chemical"), ("renal", "Organ")]
    assert doc.ents[1]._.confidence is None
    blocked = nlp.make_doc(TEXTS[0])
    blocked.set_ents([], blocked=[blocked[0:1]], default="missing")
    assert ents(nlp.get_pipe("ner")(blocked)) == FOUND[1:]


def test_label_is_added_to_a_trained_head(nlp: Language) -> None:
    grown = English.from_config(nlp.config).from_bytes(nlp.to_bytes())
    head = grown.get_pipe("ner")
    assert [head.add_label("Dose"), head.add_label("Dose"), head.add_label("Disease")] == [1, 0, 0]
    assert head.tags == ["O", "B-Chemical", "I-Chemical", "B-Disease", "I-Disease", "B-Dose", "I-Dose"]
    assert ents(grown(TEXTS[0])) == FOUND
    text = "aspirin caused renal failure at 3 mg."
    start = text.index("3 mg")
    entities = [(0, 7, "Chemical"), (15, 28, "Disease"), (start, start + 4, "Dose")]
    examples = [Example.from_dict(grown.make_doc(text), {"entities": entities})]
    optimizer = grown.resume_training()
    for _ in range(150):
        grown.update(examples, sgd=optimizer)
    assert ents(grown(text)) == [*FOUND, ("3 mg", "Dose")]
    # Saved and loaded, it has as many outputs as it has grown.
    assert ents(English.from_config(grown.config).from_bytes(grown.to_bytes())(text)) == ents(grown(text))


@pytest.mark.parametrize("label", ["", None, 3])
def test_labels_that_are_none_are_refused(nlp: Language, label: object) -> None:
    with pytest.raises(ValueError, match="must be a string that is not empty"):
        nlp.get_pipe("ner").add_label(label)


def test_training_without_labels_is_refused() -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe("clinical_token_classifier", name="ner", config=CONFIG)
    with pytest.raises(ValueError, match="E143"):
        nlp.initialize(lambda: [Example.from_dict(nlp.make_doc("gout"), {"entities": []})])
