"""In int8 a pipeline gives nearly the same vectors, the same ones in any company, and keeps its fp32 weights."""

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy
import pytest
import spacy
import torch
from spacy.language import Language
from spacy.training import Example
from torch import nn

from scripts.clinical_ner.encoder import int8
from scripts.clinical_ner.encoder.int8 import Int8Linear, quantize_encoder
from tests.clinical_ner.test_transformer import LIMIT, TEXTS, make_nlp
from tests.encoders import make_encoder

FP32 = {"components": {"transformer": {"model": {"precision": "fp32"}}}}
INT8 = {"components": {"transformer": {"model": {"precision": "int8"}}}}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pipeline in fp32."""
    folder = tmp_path_factory.mktemp("int8")
    make_encoder(folder / "encoder", TEXTS, wordpieces=120)
    make_nlp(folder / "encoder", max_wordpieces=LIMIT).to_disk(folder / "pipeline")
    return folder / "pipeline"


def load(folder: Path, config: dict[str, Any]) -> Language:
    return spacy.load(folder, config=config)


def encoder_of(nlp: Language) -> nn.Module:
    return nlp.get_pipe("transformer").model.transformer


def vectors(nlp: Language, texts: list[str]) -> list[numpy.ndarray]:
    return [doc._.trf_data.model_output.last_hidden_state[0] for doc in nlp.pipe(texts)]


@pytest.mark.parametrize(("bias", "scale"), [(True, 1.0), (False, 1.0), (True, 1e-6), (True, 1e4)])
def test_layer_is_nearly_that_of_fp32(bias: bool, scale: float) -> None:
    torch.manual_seed(0)
    linear, x = nn.Linear(64, 48, bias=bias), scale * torch.randn(2, 9, 64)
    with torch.no_grad():
        expected, found = linear(x), Int8Linear(linear)(x)
        assert found.shape == expected.shape
        assert (found - expected).norm() < 0.015 * (expected if linear.bias is None else expected - linear.bias).norm()


def test_nothing_overflows() -> None:
    """The largest bytes there are, in each pair of products that is added in 16 bits."""
    linear = nn.Linear(64, 8, bias=False)
    with torch.no_grad():
        linear.weight.fill_(1.0)
        for x in (torch.ones(1, 64), -torch.ones(1, 64)):
            torch.testing.assert_close(Int8Linear(linear)(x), linear(x))


def test_a_token_of_zeros_is_the_bias() -> None:
    linear = nn.Linear(16, 4)
    with torch.no_grad():
        assert (Int8Linear(linear)(torch.zeros(1, 16)) == linear.bias).all()


def test_a_token_does_not_depend_on_others() -> None:
    torch.manual_seed(0)
    layer, x = Int8Linear(nn.Linear(64, 48)), torch.randn(5, 64)
    with torch.no_grad():
        alone = torch.cat([layer(row[None]) for row in x])
        assert (layer(torch.cat([x, 1000 * x]))[:5] == alone).all()


def test_pipeline_gives_nearly_the_same_vectors(saved: Path) -> None:
    for expected, found in zip(vectors(load(saved, FP32), TEXTS), vectors(load(saved, INT8), TEXTS), strict=True):
        assert numpy.abs(found - expected).max() > 0
        assert numpy.linalg.norm(found - expected) < 0.05 * numpy.linalg.norm(expected)


def test_batch_equals_documents_one_by_one(saved: Path) -> None:
    nlp = load(saved, INT8)
    texts = [*TEXTS, "gout " * 100, "x"]
    for text, found in zip(texts, vectors(nlp, texts), strict=True):
        numpy.testing.assert_allclose(found, nlp(text)._.trf_data.model_output.last_hidden_state[0], atol=0.02)


def test_all_linear_layers_compute_in_int8_once(saved: Path) -> None:
    nlp = load(saved, INT8)
    assert not any(isinstance(module, Int8Linear) for module in encoder_of(nlp).modules())
    nlp("gout")
    linears = [module for module in encoder_of(nlp).modules() if isinstance(module, nn.Linear)]
    assert linears and all(isinstance(linear, Int8Linear) for linear in linears)
    nlp("gout")
    assert linears == [module for module in encoder_of(nlp).modules() if isinstance(module, nn.Linear)]


def test_fp32_weights_are_what_is_saved(saved: Path, tmp_path: Path) -> None:
    plain, nlp = load(saved, FP32), load(saved, INT8)
    expected = vectors(nlp, TEXTS)
    nlp.to_disk(tmp_path / "again")
    again = spacy.load(tmp_path / "again")
    assert again.config["components"]["transformer"]["model"]["precision"] == "int8"
    nlp.from_bytes(again.to_bytes())
    for found in (vectors(again, TEXTS), vectors(nlp, TEXTS)):
        assert all((one == other).all() for one, other in zip(found, expected, strict=True))
    weights, kept = (encoder_of(one).state_dict() for one in (plain, load(tmp_path / "again", FP32)))
    assert weights.keys() == kept.keys()
    assert all((kept[name] == weight).all() for name, weight in weights.items())


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda encoder: pickle.loads(pickle.dumps(encoder))])  # noqa: S301
def test_encoder_is_copied_to_other_processes(saved: Path, duplicate: Any) -> None:
    nlp = load(saved, INT8)
    nlp("gout")
    encoder, ids = encoder_of(nlp).eval(), torch.tensor([[2, 5, 6, 3]])
    with torch.no_grad():
        assert (duplicate(encoder)(ids).last_hidden_state == encoder(ids).last_hidden_state).all()


def test_training_is_refused(saved: Path) -> None:
    nlp = load(saved, INT8)
    example = Example.from_dict(nlp.make_doc("aspirin"), {})
    with pytest.raises(ValueError, match=r"cannot be trained in the precision int8: load it with config=.*fp32"):
        nlp.get_pipe("transformer").update([example])


def test_unknown_precision_is_refused(saved: Path) -> None:
    with pytest.raises(ValueError, match=r"precision \(int4\) must be one of fp32, int8"):
        load(saved, {"components": {"transformer": {"model": {"precision": "int4"}}}})


def test_gpu_is_refused() -> None:
    with pytest.raises(ValueError, match=r"is for a CPU, and the encoder is on meta: load the pipeline with config=.*"):
        quantize_encoder(nn.Sequential(nn.Linear(2, 2, device="meta")))


def test_other_processors_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8, "ENGINE", "abacus")
    with pytest.raises(ValueError, match=r"has no int8 kernels for this processor \(abacus\): load the pipeline"):
        quantize_encoder(nn.Sequential(nn.Linear(2, 2)))
