"""The encoder can be shared, copied, sourced, saved and trained on with spaCy's own means."""

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
import spacy
import torch
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from thinc.api import fix_random_seed

from scripts.clinical_ner.encoder.transformer import WindowedTransformer
from tests.clinical_ner.test_transformer import LIMIT, TEXTS, make_nlp
from tests.encoders import make_encoder

LISTENER = {
    "@architectures": "spacy-transformers.TransformerListener.v1",
    "grad_factor": 1.0,
    "pooling": {"@layers": "reduce_mean.v1"},
}
# Of each text the first word is a drug; gout is a disease.
TRAINING = [
    (text, {"entities": [(0, len(text.split()[0].strip(",")), "Chemical")], "cats": {"short": float(len(text) < 20)}})
    for text in (*TEXTS, "gout " * 30)
]
SETTINGS = {"batch_wordpieces": 64, "max_wordpieces": LIMIT, "overlap": 8}
HEADS = {
    "token": ("clinical_token_classifier", {"model": {"tok2vec": LISTENER}}),
    "transition": (
        "ner",
        {
            "model": {
                "@architectures": "spacy.TransitionBasedParser.v2",
                "state_type": "ner",
                "extra_state_tokens": False,
                "hidden_width": 16,
                "maxout_pieces": 2,
                "use_upper": False,
                "tok2vec": LISTENER,
            }
        },
    ),
    "tagger": ("tagger", {"model": {"@architectures": "spacy.Tagger.v2", "tok2vec": LISTENER}}),
    "textcat": (
        "textcat_multilabel",
        {
            "model": {
                "@architectures": "spacy.TextCatReduce.v1",
                "exclusive_classes": False,
                "use_reduce_first": False,
                "use_reduce_last": False,
                "use_reduce_max": False,
                "use_reduce_mean": True,
                "tok2vec": LISTENER,
            }
        },
    ),
}


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    make_encoder(folder, TEXTS, wordpieces=120)
    return folder


def examples(nlp: Language) -> list[Example]:
    found = [Example.from_dict(nlp.make_doc(text), gold) for text, gold in TRAINING]
    for example in found:
        for token in example.reference:
            token.tag_ = "LONG" if len(token) > 3 else "SHORT"
    return found


def make_trained(encoder: Path, *heads: str, steps: int = 20) -> Language:
    """Return a pipeline with the encoder and heads on it, trained for some steps."""
    fix_random_seed(0)
    nlp = make_nlp(encoder, **SETTINGS)
    for head in heads:
        factory, config = HEADS[head]
        nlp.add_pipe(factory, name=head, config=config)
    sgd = nlp.initialize(lambda: examples(nlp))
    sgd.learn_rate = 0.003
    for _ in range(steps):
        nlp.update(examples(nlp), sgd=sgd)
    return nlp


@pytest.fixture(scope="module")
def saved(encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    make_trained(encoder, "token").to_disk(folder)
    return folder


@pytest.fixture
def trained(saved: Path) -> Language:
    return spacy.load(saved)


def entities(docs: Any) -> list[list[tuple[str, str]]]:
    return [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs]


def scores(nlp: Language, name: str = "token", docs: list[Doc] | None = None) -> numpy.ndarray:
    """Return a token head's scores of all tokens of the texts."""
    docs = docs or [nlp.make_doc(text) for text, _ in TRAINING]
    for pipe_name, pipe in nlp.pipeline:
        if pipe_name == name:
            break
        docs = [pipe(doc) for doc in docs]
    return numpy.concatenate(nlp.get_pipe(name).predict(docs))


def weights(model: WindowedTransformer) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.transformer.parameters()])


def test_copy_is_of_the_same_kind_with_weights_of_its_own(trained: Language) -> None:
    model = trained.get_pipe("transformer").model
    docs = [trained.make_doc(text) for text in TEXTS]
    expected = model.predict(docs).model_output.last_hidden_state
    copied = model.copy()
    assert type(copied) is WindowedTransformer
    assert (copied.batch_wordpieces, copied.precision, copied.home) == (64, "fp32", model.home)
    assert copied.attrs.keys() == model.attrs.keys() and copied.get_dim("nO") == model.get_dim("nO")
    # The optimizer keeps its state by these ids.
    ids = {one.id for one in (model, copied)} | {layer.id for one in (model, copied) for layer in one.layers}
    assert len(ids) == 4 and copied.shim.id != model.shim.id
    assert torch.equal(copied.predict(docs).model_output.last_hidden_state, expected)
    with torch.no_grad():
        for parameter in copied.transformer.parameters():
            parameter.zero_()
    assert torch.equal(model.predict(docs).model_output.last_hidden_state, expected)
    # Initializing does not load the encoder again.
    copied.initialize()
    assert not weights(copied).any()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])  # noqa: S301
def test_model_is_duplicated_as_a_layer_of_another(trained: Language, duplicate: Callable) -> None:
    expected = scores(trained)
    trained.replace_listeners("transformer", "token", ["model.tok2vec"])
    head = trained.get_pipe("token")
    for model in (head.model.copy(), duplicate(head.model)):
        head.model = model
        assert any(type(layer) is WindowedTransformer for layer in model.walk())
        numpy.testing.assert_array_equal(scores(trained), expected)


def test_replaced_listener_has_the_same_output_and_learns_alone(trained: Language, tmp_path: Path) -> None:
    expected, found = scores(trained), entities(trained.pipe(TEXTS))
    assert any(found)
    trained.replace_listeners("transformer", "token", ["model.tok2vec"])
    numpy.testing.assert_array_equal(scores(trained), expected)
    config = trained.config["components"]["token"]["model"]["tok2vec"]
    assert config["@architectures"] == "clinical_ner.Tok2VecTransformer.v1"
    assert config["encoder"] == trained.config["components"]["transformer"]["model"]
    trained.remove_pipe("transformer")
    assert entities(trained.pipe(TEXTS)) == found
    trained.to_disk(tmp_path / "alone")
    alone = spacy.load(tmp_path / "alone")
    numpy.testing.assert_array_equal(scores(alone), expected)
    sgd = alone.resume_training()
    losses = [alone.update(examples(alone), sgd=sgd)["token"] for _ in range(5)]
    assert losses[-1] < losses[0]
    assert entities(alone.from_bytes(trained.to_bytes()).pipe(TEXTS)) == found


@pytest.mark.parametrize("replaced", [False, True])
def test_head_is_sourced_into_another_pipeline(trained: Language, tmp_path: Path, replaced: bool) -> None:
    expected, found = scores(trained), entities(trained.pipe(TEXTS))
    other = spacy.blank("en")
    other.tokenizer = trained.tokenizer
    if replaced:
        trained.replace_listeners("transformer", "token", ["model.tok2vec"])
    else:
        other.add_pipe("transformer", source=trained)
    other.add_pipe("token", source=trained)
    assert entities(other.pipe(TEXTS)) == found
    numpy.testing.assert_array_equal(scores(other), expected)
    other.to_disk(tmp_path / "other")
    assert entities(spacy.load(tmp_path / "other").pipe(TEXTS)) == found


def test_head_is_sourced_by_a_config_that_replaces_its_listener(trained: Language, tmp_path: Path) -> None:
    found = entities(trained.pipe(TEXTS))
    trained.to_disk(tmp_path / "source")
    source = {"source": str(tmp_path / "source")}
    config = {
        "nlp": {"lang": "en", "pipeline": ["token"]},
        "components": {"token": {**source, "replace_listeners": ["model.tok2vec"]}},
    }
    other = spacy.util.load_model_from_config(spacy.util.Config(config), auto_fill=True)
    other.tokenizer = trained.tokenizer
    assert other.pipe_names == ["token"]
    assert entities(other.pipe(TEXTS)) == found


def test_pipes_are_selected(trained: Language) -> None:
    found = entities(trained.pipe(TEXTS))
    with trained.select_pipes(enable="transformer"):
        assert entities(trained.pipe(TEXTS)) == [[]] * len(TEXTS)
        assert trained(TEXTS[0])._.trf_data.width == trained.get_pipe("transformer").model.get_dim("nO")
    with trained.select_pipes(disable="transformer"):
        assert len(entities(trained.pipe(TEXTS))) == len(TEXTS)
    assert entities(trained.pipe(TEXTS)) == found


def gradients_of_encoder(encoder: Path, *heads: str) -> torch.Tensor:
    """Return the gradient that a batch of examples leaves in the encoder of an untrained pipeline."""
    nlp = make_nlp(encoder, **SETTINGS)
    for head in heads:
        factory, config = HEADS[head]
        nlp.add_pipe(factory, name=head, config=config)
        fix_random_seed(0)
        # Each head by itself, so that its weights do not depend on the others.
        nlp.get_pipe(head).initialize(lambda: examples(nlp), nlp=nlp)
    transformer = nlp.get_pipe("transformer")
    for name in heads:
        transformer.find_listeners(nlp.get_pipe(name))
    batch = examples(nlp)
    transformer.update(batch)
    for name in heads:
        nlp.get_pipe(name).update(batch)
    return torch.cat([p.grad.flatten() for p in transformer.model.transformer.parameters() if p.grad is not None])


# The tagger is left out: its output layer starts with zeros, and with it the encoder's gradient.
@pytest.mark.parametrize("second", ["transition", "textcat"])
def test_gradients_of_two_heads_are_the_sum_of_each(encoder: Path, second: str) -> None:
    alone = [gradients_of_encoder(encoder, head) for head in ("token", second)]
    both = gradients_of_encoder(encoder, "token", second)
    assert all(gradient.norm() > 0 for gradient in alone)
    torch.testing.assert_close(both, alone[0] + alone[1], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("second", ["transition", "tagger", "textcat"])
def test_second_head_learns_on_the_shared_encoder(encoder: Path, tmp_path: Path, second: str) -> None:
    nlp = make_trained(encoder, "token", steps=1)
    factory, config = HEADS[second]
    nlp.add_pipe(factory, name=second, config=config)
    nlp.get_pipe(second).initialize(lambda: examples(nlp), nlp=nlp)
    nlp.get_pipe("transformer").find_listeners(nlp.get_pipe(second))
    sgd = nlp.resume_training()
    losses = [nlp.update(examples(nlp), sgd=sgd) for _ in range(8)]
    for name in ("token", second):
        assert losses[-1][name] < losses[0][name]
    nlp.to_disk(tmp_path / "both")
    expected, found = ([doc.to_json() for doc in one.pipe(TEXTS)] for one in (nlp, spacy.load(tmp_path / "both")))
    assert found == expected


def test_training_goes_on_from_a_loaded_pipeline(saved: Path) -> None:
    loaded = spacy.load(saved)
    before = weights(loaded.get_pipe("transformer").model)
    sgd = loaded.resume_training()
    sgd.learn_rate = 0.003
    losses = [loaded.update(examples(loaded), sgd=sgd) for _ in range(8)]
    assert losses[-1]["token"] < losses[0]["token"]
    assert not torch.equal(weights(loaded.get_pipe("transformer").model), before)


def test_pipeline_goes_through_bytes(trained: Language) -> None:
    found = entities(trained.pipe(TEXTS))
    other = spacy.blank("en").from_config(trained.config).from_bytes(trained.to_bytes())
    assert entities(other.pipe(TEXTS)) == found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_find_the_same(trained: Language, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    texts = TEXTS * 4
    found = entities(trained.pipe(texts))
    monkeypatch.setattr("spacy.language.mp", multiprocessing.get_context(method))
    assert entities(trained.pipe(texts, n_process=2, batch_size=3)) == found


def test_documents_are_pickled_and_stored(trained: Language) -> None:
    docs = list(trained.pipe(TEXTS))
    found = entities(docs)
    for pickled, doc in zip(pickle.loads(pickle.dumps(docs)), docs, strict=True):  # noqa: S301
        numpy.testing.assert_array_equal(
            pickled._.trf_data.model_output.last_hidden_state, doc._.trf_data.model_output.last_hidden_state
        )
    for doc in docs:
        doc._.trf_data = None
    stored = DocBin(docs=docs, store_user_data=True).to_bytes()
    assert entities(DocBin().from_bytes(stored).get_docs(trained.vocab)) == found


def test_joined_documents_are_read_like_their_text(trained: Language) -> None:
    joined = Doc.from_docs([trained.make_doc(text) for text in TEXTS])
    assert joined is not None
    expected = scores(trained, docs=[trained.make_doc(joined.text)])
    numpy.testing.assert_array_equal(scores(trained, docs=[joined]), expected)
    # Documents that have been read already are read again as one.
    again = Doc.from_docs(list(trained.pipe(TEXTS)))
    assert again is not None
    numpy.testing.assert_array_equal(scores(trained, docs=[again]), expected)
