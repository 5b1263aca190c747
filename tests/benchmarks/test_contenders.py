"""The contenders share one encoder, find what they should, and pack and batch as their names say."""

from pathlib import Path

import pytest
import torch
from spacy.language import Language

from scripts.benchmarks.contenders import (
    BARES,
    HUGGING_FACES,
    PIPELINES,
    PRECISIONS,
    Contender,
    cut_rows,
    get_encoder,
    hugging_face,
    make_contenders,
    make_tagger,
)
from scripts.benchmarks.speed import time_texts
from scripts.pipelines import load_pipeline
from tests.encoders import TINY

LIMIT = TINY["max_position_embeddings"]
TEXTS = ["aspirin caused gout in 3 rats."] * 10


@pytest.fixture
def nlp(trained: Path) -> Language:
    return load_pipeline(str(trained))


def test_all_run_the_same_encoder(trained: Path) -> None:
    contenders = make_contenders(str(trained), PIPELINES | HUGGING_FACES | BARES)
    assert len({id(contender.encoder) for contender in contenders.values()}) == 1
    for name, contender in contenders.items():
        # Thinc leaves it in training mode, as the pipeline before this one did.
        contender.encoder.train()
        counted = time_texts(contender, TEXTS)
        assert counted["rows"] == (2 if name in BARES else 10), name
        assert not contender.encoder.training or name in PIPELINES, name


def test_precisions_give_nearly_the_same_vectors(trained: Path) -> None:
    """Each computes in its own way, and none changes the encoder of another."""
    contenders = make_contenders(str(trained), PRECISIONS)
    ids, mask = torch.tensor([[2, 5, 6, 7, 3], [2, 8, 3, 0, 0]]), torch.tensor([[1.0] * 5, [1.0] * 3 + [0.0] * 2])
    vectors = {}
    for name, contender in contenders.items():
        contender.prepare(TEXTS)()
        with torch.no_grad():
            output = contender.encoder.eval()(input_ids=ids, attention_mask=mask)
        vectors[name] = output.last_hidden_state[mask.bool()]
    exact, *others = vectors.values()
    assert torch.equal(exact, load_vectors(trained, ids, mask))
    assert all(1e-5 < float((other - exact).norm() / exact.norm()) < 0.05 for other in others)


def load_vectors(trained: Path, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    encoder = get_encoder(load_pipeline(str(trained))).transformer.eval()
    with torch.no_grad():
        return encoder(input_ids=ids, attention_mask=mask).last_hidden_state[mask.bool()]


def test_pipelines_give_the_same_entities(trained: Path) -> None:
    """Where a text is one window for all, nothing but the way there differs."""
    found = {
        name: [[(ent.text, ent.label_) for ent in doc.ents] for doc in contender.nlp.pipe(TEXTS)]
        for name, contender in make_contenders(str(trained), PIPELINES | PRECISIONS).items()
    }
    assert all(each == [[("aspirin", "Chemical"), ("gout", "Disease")]] * 10 for each in found.values()), found


def test_hugging_face_finds_nothing(nlp: Language) -> None:
    tagger = make_tagger(nlp, get_encoder(nlp))
    assert tagger.config.id2label == {0: "O", 1: "B-Chemical", 2: "I-Chemical", 3: "B-Disease", 4: "I-Disease"}
    assert not tagger.classifier.weight.any()
    assert hugging_face(nlp, get_encoder(nlp), batch_size=8)(TEXTS)() == [[]] * len(TEXTS)


def test_hugging_face_cuts_nothing_off(nlp: Language) -> None:
    encoder = get_encoder(nlp)
    for make in HUGGING_FACES.values():
        texts = [" ".join(TEXTS), "aspirin"]
        counted = time_texts(Contender(nlp, encoder.transformer, make(nlp, encoder)), texts)
        pieces = sum(len(ids) for ids in encoder.tokenizer(texts, add_special_tokens=False).input_ids)
        assert counted["read"] - 2 * counted["rows"] > pieces


@pytest.mark.parametrize(
    ("n_wordpieces", "length", "shapes"),
    [
        (0, 128, []),
        (100, 128, [(1, 100)]),
        (256, 128, [(2, 128)]),
        (17 * 128 + 1, 128, [(16, 128), (1, 128), (1, 1)]),
        (5 * 512, 512, [(4, 512), (1, 512)]),
    ],
)
def test_rows_are_full(n_wordpieces: int, length: int, shapes: list[tuple[int, int]]) -> None:
    batches = cut_rows(list(range(n_wordpieces)), length)
    assert [tuple(batch.shape) for batch in batches] == shapes
    assert [piece for batch in batches for piece in batch.flatten().tolist()] == list(range(n_wordpieces))


def test_no_row_is_longer_than_the_limit(nlp: Language) -> None:
    encoder = get_encoder(nlp)
    for make in BARES.values():
        counted = time_texts(Contender(nlp, encoder.transformer, make(nlp, encoder)), [" ".join(TEXTS * 5)])
        assert counted["rows"] == -(-counted["read"] // LIMIT)
