"""The head learns, decodes only what is legal, keeps to what it is given, and its confidences survive every journey."""

import pickle
from pathlib import Path

import numpy
import pytest
import spacy
from spacy.lang.en import English
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.vocab import Vocab
from thinc.api import Linear, Maxout, Model, expand_window, fix_random_seed

from scripts.clinical_ner.ner.token_classifier import BLOCK, TokenClassifier, configure_token_classifier, in_blocks
from scripts.clinical_ner.partial import ANNOTATED_LABELS

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
CONFIG = {"model": {"@architectures": "clinical_ner.TokenClassifier.v2", "tok2vec": TOK2VEC}}
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


def test_gradients_are_those_of_the_loss(nlp: Language) -> None:
    head = English.from_config(nlp.config).from_bytes(nlp.to_bytes()).get_pipe("ner")
    examples = [
        example(nlp, TEXTS[0]),
        # Nothing is known of its first two tokens.
        Example.from_dict(nlp.make_doc("it was gout"), {"entities": ["-", "-", "U-Disease"]}),
        Example.from_dict(nlp.make_doc(""), {"entities": []}),
    ]
    layer = head.model.get_ref("transitions")
    layer.set_param("W", numpy.random.default_rng(1).normal(size=(9, 9)).astype("f"))
    scores = [numpy.random.default_rng(0).normal(size=(len(each.predicted), 9)).astype("f") for each in examples]
    loss, gradients = head.get_loss(examples, scores)
    d_transitions = layer.get_grad("W").copy()
    assert [part.shape for part in gradients] == [part.shape for part in scores]

    def change(array: numpy.ndarray, place: tuple[int, int]) -> float:
        """Return how much the loss grows for a unit of one value."""
        before = array[place]
        array[place] = before + 0.01
        high = head.get_loss(examples, scores)[0]
        array[place] = before - 0.01
        low = head.get_loss(examples, scores)[0]
        array[place] = before
        return (high - low) / 0.02

    weights = layer.get_param("W")
    for i, j in [(0, 1), (1, 3), (5, 7), (7, 0), (2, 5)]:
        assert change(weights, (i, j)) == pytest.approx(d_transitions[i, j], abs=1e-3)
    for number, place in [(0, (0, 0)), (0, (2, 5)), (1, (1, 4)), (1, (2, 8))]:
        assert change(scores[number], place) == pytest.approx(gradients[number][place], abs=1e-3)
    assert loss > 0


def test_a_mention_that_crosses_a_sentence_is_ignored(nlp: Language) -> None:
    crossing = example(nlp, TEXTS[0])
    for token in crossing.predicted:
        token.is_sent_start = token.text == "failure"
    loss, (gradient,) = nlp.get_pipe("ner").get_loss([crossing], [numpy.ones((len(crossing.predicted), 9), dtype="f")])
    assert loss == 0 and not gradient.any()


def test_labels_that_are_not_annotated_stay_open(nlp: Language) -> None:
    head, tags = nlp.get_pipe("ner"), nlp.get_pipe("ner").tags
    only = example(nlp, TEXTS[0])
    only.reference.user_data[ANNOTATED_LABELS] = ["Disease"]
    only.reference.ents = [ent for ent in only.reference.ents if ent.label_ == "Disease"]
    # Sure of a chemical where none is annotated.
    scores = numpy.zeros((len(only.predicted), len(tags)), dtype="f")
    scores[0, tags.index("U-Chemical")] = 20.0
    loss_open, (gradient,) = head.get_loss([only], [scores])
    assert not gradient[0].round(4).any()
    del only.reference.user_data[ANNOTATED_LABELS]
    loss_closed, (gradient,) = head.get_loss([only], [scores])
    assert loss_closed > loss_open + 1 and gradient[0, tags.index("U-Chemical")] > 0.01


def test_labels_that_are_not_annotated_are_not_scored(nlp: Language) -> None:
    only = example(nlp, TEXTS[0])
    gold = list(only.reference.ents)
    only.predicted.ents = [Span(only.predicted, ent.start, ent.end, ent.label_) for ent in gold]
    only.reference.ents = [ent for ent in gold if ent.label_ == "Disease"]
    assert nlp.get_pipe("ner").score([only])["ents_p"] < 1
    only.reference.user_data[ANNOTATED_LABELS] = ["Disease"]
    scores = nlp.get_pipe("ner").score([only])
    assert (scores["ents_p"], scores["ents_r"], list(scores["ents_per_type"])) == (1, 1, ["Disease"])


@pytest.mark.parametrize("rows", [1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 3])
def test_blocks_predict_what_all_rows_together_do(rows: int) -> None:
    model = in_blocks([expand_window(1), Maxout(4, nP=3, normalize=True), Linear(5)])
    vectors = numpy.random.default_rng(0).normal(size=(rows, 6)).astype("f")
    model.initialize(X=vectors[:1], Y=numpy.zeros((1, 5), dtype="f"))
    together, backprop = model(vectors, is_train=True)
    assert model.predict(vectors) == pytest.approx(together, abs=1e-5)
    assert backprop(together).shape == vectors.shape


def test_nothing_annotated_is_nothing_to_learn(nlp: Language) -> None:
    unknown = Example.from_dict(nlp.make_doc("it was gout"), {"entities": ["-", "-", "-"]})
    loss, (gradient,) = nlp.get_pipe("ner").get_loss([unknown], [numpy.ones((3, 9), dtype="f")])
    assert loss == 0 and not gradient.any()


def scores_of(tags: str) -> numpy.ndarray:
    """Return scores that are sure of these tags of one label."""
    return numpy.array([[9.0 if tag == each else 0.0 for each in "OBILU"] for tag in tags]).reshape(-1, 5)


@pytest.mark.parametrize(
    ("words", "tags", "starts", "expected"),
    [
        ("a b c", "BIL", [], ["a b c"]),
        ("a b c", "OUO", [], ["b"]),
        # Nothing crosses a sentence's start.
        ("a b c d", "BLBL", [2], ["a b", "c d"]),
        ("a b c d", "OBIL", [2], ["c d"]),
        # A mention can contain white space, and neither starts nor ends with it.
        ("a \n b", "BIL", [], ["a \n b"]),
        ("\n b c", "BIL", [], ["b c"]),
        ("a b \n", "BIL", [], ["a b"]),
        ("\n", "U", [], []),
        ("", "", [], []),
    ],
)
def test_mentions_keep_to_sentences_and_words(words: str, tags: str, starts: list[int], expected: list[str]) -> None:
    parts = words.split(" ") if words else []
    doc = Doc(English().vocab, words=parts, sent_starts=[i in starts for i in range(len(parts))] if starts else None)
    head = TokenClassifier(doc.vocab, configure_token_classifier(Model("none", lambda model, X, is_train: (X, None))))
    head.add_label("X")
    (found,) = head.entities([doc], [scores_of(tags)])
    assert [" ".join(parts[each.start : each.end]) for each in found] == expected


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


def test_saved_pipeline_has_the_same_confidences(nlp: Language, tmp_path: Path) -> None:
    nlp.to_disk(tmp_path / "nlp")
    expected = [confidences(nlp(text)) for text in TEXTS]
    for other in (spacy.load(tmp_path / "nlp"), English.from_config(nlp.config).from_bytes(nlp.to_bytes())):
        assert [confidences(other(text)) for text in TEXTS] == expected


def test_confidences_survive_every_journey(nlp: Language) -> None:
    docs = list(nlp.pipe(TEXTS, n_process=2))
    expected = [confidences(doc) for doc in docs]
    for text, found in zip(TEXTS, expected, strict=True):
        # The sums of a batch are not those of a document to the last bit.
        assert found and found == pytest.approx(confidences(nlp(text)), abs=1e-6)
    stored = DocBin(docs=docs, store_user_data=True).to_bytes()
    assert [confidences(doc) for doc in DocBin().from_bytes(stored).get_docs(Vocab())] == expected
    assert [confidences(Doc(Vocab()).from_bytes(doc.to_bytes())) for doc in docs] == expected


def test_a_pickled_pipeline_has_the_same_confidences(nlp: Language) -> None:
    """What n_process does where processes do not begin as forks."""
    other = pickle.loads(pickle.dumps(nlp))  # noqa: S301
    assert [confidences(other(text)) for text in TEXTS] == [confidences(nlp(text)) for text in TEXTS]


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
    assert head.tags == [
        "O",
        *(f"{position}-{label}" for label in ("Chemical", "Disease", "Dose") for position in "BILU"),
    ]
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
