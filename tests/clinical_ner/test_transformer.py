"""Every token gets a vector, whatever the text, and the vectors and gradients are the encoder's own."""

import logging
import weakref
from pathlib import Path
from typing import Any

import numpy
import pytest
import spacy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import PyTorchGradScaler, set_dropout_rate
from transformers import AutoModel, AutoTokenizer

from scripts.clinical_ner.encoder.rows import CPU_LIMITS
from scripts.clinical_ner.encoder.transformer import forward
from scripts.clinical_ner.encoder.wordpieces import align
from scripts.clinical_ner.tokenizer import set_tokenizer
from tests.encoders import TINY, make_encoder

LIMIT = TINY["max_position_embeddings"]
# No two letters of it are the same wordpiece, so most words are several.
TEXTS = [
    "aspirin for gout",
    "naloxone, a narcotic antagonist (0.4 mg/kg)\r\nreverses it",
    "Na+/K+ x\u00b2 \u4e2d\u6587",
]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    make_encoder(folder, TEXTS, wordpieces=120)
    return folder


def make_nlp(
    encoder: Path, *, max_wordpieces: int, overlap: int = 0, batch_wordpieces: int | None = 4096, **settings: Any
) -> Language:
    """Make a pipeline with the encoder and without dropout.

    settings (Any): other settings of the model.
    """
    nlp = set_tokenizer(spacy.blank("en"))
    model = {
        "@architectures": "clinical_ner.WindowedTransformer.v1",
        "name": str(encoder),
        "get_spans": {
            "@span_getters": "clinical_ner.wordpiece_windows.v1",
            "max_wordpieces": max_wordpieces,
            "overlap": overlap,
        },
        "batch_wordpieces": batch_wordpieces,
        "tokenizer_config": {"use_fast": True},
        "transformer_config": {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
        "mixed_precision": False,
        "grad_scaler_config": {},
        **settings,
    }
    nlp.add_pipe("transformer", config={"model": model})
    nlp.initialize()
    return nlp


@pytest.fixture(scope="module")
def whole(encoder: Path) -> Language:
    return make_nlp(encoder, max_wordpieces=LIMIT)


@pytest.fixture(scope="module")
def small_windows(encoder: Path) -> Language:
    return make_nlp(encoder, max_wordpieces=16, overlap=4, batch_wordpieces=64)


def test_vectors_are_those_of_hugging_face(encoder: Path, whole: Language) -> None:
    tokenizer, model = AutoTokenizer.from_pretrained(encoder), AutoModel.from_pretrained(encoder).eval()
    for doc in whole.pipe(TEXTS):
        with torch.no_grad():
            expected = model(**tokenizer(doc.text, return_tensors="pt")).last_hidden_state[:, 1:-1].numpy()
        found = doc._.trf_data
        assert found.wordpieces.strings == [tokenizer.tokenize(doc.text)]
        numpy.testing.assert_allclose(found.model_output.last_hidden_state, expected, atol=1e-5)


def wordpieces_of(doc: Doc) -> list[str]:
    """Return each token's wordpieces, joined."""
    data = doc._.trf_data
    ends = data.align.lengths.cumsum()
    places = [data.align.data[end - n : end].ravel() for end, n in zip(ends, data.align.lengths, strict=True)]
    return ["".join(data.wordpieces.strings[0][i].removeprefix("##") for i in place) for place in places]


def test_tokens_have_the_wordpieces_they_share_characters_with(small_windows: Language) -> None:
    doc = small_windows("naloxone (0.4 mg/kg)\r\n gout 10mg " * 5)
    for token, pieces in zip(doc, wordpieces_of(doc), strict=True):
        if token.is_space:
            assert pieces == ""
        elif pieces != "[UNK]":
            assert token.text in pieces or pieces in token.text


@settings(max_examples=25)
@given(
    st.lists(st.text() | st.sampled_from(["\u200b", "a" * 300, "(" * 200, "\U0001f48a\u200d" * 40, "x\r\n\r\n" * 9]))
)
def test_every_token_has_a_vector_and_no_window_is_too_long(
    whole: Language, small_windows: Language, parts: list[str]
) -> None:
    texts = [" ".join(parts), "".join(parts), "gout"]
    expected = {piece for doc in whole.pipe(texts) if len(doc) for piece in enumerate(doc._.trf_data.align.lengths)}
    docs = list(small_windows.pipe(texts))
    found = {piece for doc in docs if len(doc) for piece in enumerate(doc._.trf_data.align.lengths)}
    # However a text is cut, each token has all its wordpieces. That no window passes the limit, forward itself checks.
    assert found == expected
    for doc in docs:
        assert doc._.trf_data.align.lengths.shape == (len(doc),)
        if len(doc):
            assert numpy.isfinite(doc._.trf_data.model_output.last_hidden_state).all()


def test_batch_equals_documents_one_by_one(small_windows: Language) -> None:
    texts = [*TEXTS, "", " \n ", "gout " * 100, "x"]
    for text, doc in zip(texts, small_windows.pipe(texts), strict=True):
        alone = small_windows(text)._.trf_data
        assert (doc._.trf_data.align.lengths == alone.align.lengths).all()
        if len(doc):
            numpy.testing.assert_allclose(
                doc._.trf_data.model_output.last_hidden_state, alone.model_output.last_hidden_state, atol=1e-5
            )


def test_shared_wordpieces_are_taken_from_the_window_that_shows_more_around_them(encoder: Path) -> None:
    nlp = make_nlp(encoder, max_wordpieces=16, overlap=4)
    doc = nlp("gout aspirin " * 40)
    model, ids = nlp.get_pipe("transformer").model, doc._.trf_data.wordpieces.input_ids[0]
    document = align(doc, model.tokenizer(doc.text, add_special_tokens=False).encodings[0])
    windows = model.attrs["get_spans"](doc, document.starts, len(ids), 2)
    vectors = doc._.trf_data.model_output.last_hidden_state[0]
    cls, sep = model.tokenizer.cls_token_id, model.tokenizer.sep_token_id
    for i, (start, end) in enumerate(windows):
        with torch.no_grad():
            row = torch.tensor([[cls, *ids[start:end], sep]])
            output = model.transformer.eval()(row).last_hidden_state[0, 1:-1].numpy()
        low = (windows[i - 1][1] + start) // 2 if i else 0
        high = (end + windows[i + 1][0]) // 2 if i + 1 < len(windows) else end
        numpy.testing.assert_allclose(vectors[low:high], output[low - start : high - start], atol=1e-5)


def test_gradients_are_those_of_torch(encoder: Path) -> None:
    """The sum of squares of all vectors, differentiated by the component and by torch itself."""
    nlp = make_nlp(encoder, max_wordpieces=16, overlap=4, batch_wordpieces=40)
    component = nlp.get_pipe("transformer")
    docs = [nlp.make_doc(text) for text in (*TEXTS, "", " ", "gout " * 30)]
    set_dropout_rate(component.model, 0.0)
    batch, backprop = forward(component.model, docs, True)
    rows = [data.model_output.last_hidden_state for doc, data in zip(docs, batch.doc_data, strict=True) if len(doc)]
    backprop(batch.unsplit_by_doc([[2 * row] for row in rows]))
    found = {name: p.grad.clone() for name, p in component.model.transformer.named_parameters() if p.grad is not None}

    transformer = component.model.transformer
    transformer.zero_grad()
    loss = torch.zeros(())
    for doc in docs:
        document = align(doc, component.model.tokenizer(doc.text, add_special_tokens=False).encodings[0])
        if not len(document.ids):
            continue
        windows = component.model.attrs["get_spans"](doc, document.starts, len(document.ids), 2)
        for i, (start, end) in enumerate(windows):
            ids = [component.model.tokenizer.cls_token_id, *document.ids[start:end]]
            output = transformer(torch.tensor([[*ids, component.model.tokenizer.sep_token_id]])).last_hidden_state
            low = (windows[i - 1][1] + start) // 2 if i else 0
            high = (end + windows[i + 1][0]) // 2 if i + 1 < len(windows) else end
            loss = loss + output[0, 1 + low - start : 1 + high - start].square().sum()
    loss.backward()
    assert found
    for name, parameter in transformer.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(found[name], parameter.grad, rtol=1e-3, atol=1e-4)


@pytest.fixture
def scaler_on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let thinc's gradient scaler work on a CPU: it does, but refuses."""

    def scale_tensor(self: PyTorchGradScaler, tensor: torch.Tensor, scale_per_device: dict, inplace: bool) -> Any:
        return tensor.mul_(self._scale)

    monkeypatch.setattr(PyTorchGradScaler, "_scale_tensor", scale_tensor)


def gradients_of(nlp: Language, docs: list[Doc]) -> torch.Tensor:
    """Return the gradient of the sum of squares of all vectors, for all parameters of the encoder in one vector."""
    model = nlp.get_pipe("transformer").model
    batch, backprop = forward(model, docs, True)
    rows = [data.model_output.last_hidden_state for doc, data in zip(docs, batch.doc_data, strict=True) if len(doc)]
    backprop(batch.unsplit_by_doc([[2 * row] for row in rows]))
    return torch.cat([p.grad.flatten() for p in model.transformer.parameters() if p.grad is not None])


@pytest.mark.parametrize("n_groups", [1, 2, 5])
def test_scaled_gradients_are_those_without_scaling(encoder: Path, scaler_on_cpu: None, n_groups: int) -> None:
    plain = make_nlp(encoder, max_wordpieces=LIMIT)
    scaled = make_nlp(encoder, max_wordpieces=LIMIT, grad_scaler_config={"enabled": True, "init_scale": 2.0**16})
    # Rows of such different lengths that each is a group by itself.
    docs = [plain.make_doc("gout " * 2**n) for n in range(n_groups)]
    batches: list[int] = []
    scaled.get_pipe("transformer").model.transformer.register_forward_hook(lambda *_: batches.append(1))
    expected, found = gradients_of(plain, docs), gradients_of(scaled, docs)
    assert len(batches) == n_groups
    assert (found - expected).norm() < 1e-5 * expected.norm()


@pytest.mark.parametrize("is_train", [False, True])
def test_outputs_are_kept_for_training_only(encoder: Path, is_train: bool) -> None:
    nlp = make_nlp(encoder, max_wordpieces=16, batch_wordpieces=32)
    model = nlp.get_pipe("transformer").model
    outputs: list[weakref.ref] = []
    kept: list[int] = []

    def before(*_: Any) -> None:
        kept.append(sum(output() is not None for output in outputs))

    def after(module: Any, args: Any, output: Any) -> None:
        outputs.append(weakref.ref(output.last_hidden_state))

    model.transformer.register_forward_pre_hook(before)
    model.transformer.register_forward_hook(after)
    result = forward(model, [nlp.make_doc("gout " * 100)], is_train)
    assert len(outputs) > 2
    assert kept == (list(range(len(outputs))) if is_train else [0] * len(outputs))
    assert sum(output() is not None for output in outputs) == (len(outputs) if is_train else 0)
    del result


def test_documents_without_tokens_only_can_be_trained_on(whole: Language) -> None:
    batch, backprop = forward(whole.get_pipe("transformer").model, [whole.make_doc("")] * 2, True)
    assert backprop(batch.unsplit_by_doc([]))


@pytest.mark.parametrize("scaler", [{}, {"enabled": True}])
def test_mixed_precision_without_a_gpu_is_fp32_and_one_message(
    encoder: Path, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder, scaler: dict
) -> None:
    plain = make_nlp(encoder, max_wordpieces=LIMIT)
    with caplog.at_level(logging.WARNING, logger="spacy"):
        mixed = make_nlp(encoder, max_wordpieces=LIMIT, mixed_precision=True, grad_scaler_config=scaler)
        docs = [mixed.make_doc(text) for text in TEXTS]
        assert torch.equal(gradients_of(mixed, docs), gradients_of(plain, docs))
    assert [record.getMessage() for record in caplog.records] == [
        "mixed_precision has no effect on a CPU: the encoder computes in fp32"
    ]
    assert not [warning for warning in recwarn if "autocast" in str(warning.message) or "cuda" in str(warning.message)]
    config = mixed.config["components"]["transformer"]["model"]
    assert config["mixed_precision"] is True and config["grad_scaler_config"] == scaler


def test_batches_that_fit_the_device_have_the_same_vectors(encoder: Path, whole: Language) -> None:
    fitting = make_nlp(encoder, max_wordpieces=LIMIT, batch_wordpieces=None)
    assert fitting.get_pipe("transformer").model.limits == CPU_LIMITS
    for expected, doc in zip(whole.pipe(TEXTS), fitting.pipe(TEXTS), strict=True):
        numpy.testing.assert_array_equal(
            doc._.trf_data.model_output.last_hidden_state, expected._.trf_data.model_output.last_hidden_state
        )


@pytest.mark.parametrize(
    ("text", "divided"), [("(" * 200 + " gout", 1), ("gout " * 99, 0), ("(" * 40 + " " + "[" * 40, 2)]
)
def test_tokens_longer_than_a_window_are_counted(
    small_windows: Language, caplog: pytest.LogCaptureFixture, text: str, divided: int
) -> None:
    with caplog.at_level(logging.WARNING, logger="spacy"):
        doc = small_windows(text)
    lengths = doc._.trf_data.align.lengths
    assert sum(lengths) == len(doc._.trf_data.wordpieces.strings[0])
    messages = [record.getMessage() for record in caplog.records if "longer than a window" in record.getMessage()]
    assert len(messages) == bool(divided)
    if divided:
        assert messages[0].startswith(f"{divided} tokens") and "(" not in messages[0]


def test_window_beyond_the_encoders_limit_is_refused(encoder: Path) -> None:
    nlp = make_nlp(encoder, max_wordpieces=LIMIT + 10)
    nlp("gout")
    with pytest.raises(ValueError, match=rf"is longer than the encoder's limit, {LIMIT}: give the span getter a lower"):
        nlp("gout " * (LIMIT + 5))


def test_tokenizer_without_offsets_is_refused(encoder: Path) -> None:
    nlp = spacy.blank("en")
    whole = make_nlp(encoder, max_wordpieces=LIMIT)
    config = whole.config["components"]["transformer"]["model"]
    config["tokenizer_config"] = {"use_fast": False}
    nlp.add_pipe("transformer", config={"model": config})
    with pytest.raises(ValueError, match=r"The tokenizer \(BertTokenizer\) must be a fast one, which gives offsets"):
        nlp.initialize()


def test_a_saved_pipeline_takes_settings_from_the_config_it_is_loaded_with(encoder: Path, tmp_path: Path) -> None:
    make_nlp(encoder, max_wordpieces=16, batch_wordpieces=4096).to_disk(tmp_path / "saved")
    changed = {"batch_wordpieces": 64, "get_spans": {"max_wordpieces": 32}}
    nlp = spacy.load(tmp_path / "saved", config={"components": {"transformer": {"model": changed}}})
    read: list[tuple[int, ...]] = []
    nlp.get_pipe("transformer").model.transformer.register_forward_pre_hook(
        lambda module, args, kwargs: read.append((args[0] if args else kwargs["input_ids"]).shape), with_kwargs=True
    )
    nlp("gout " * 300)
    assert max(length for _, length in read) in range(17, 33)
    assert max(rows * length for rows, length in read) <= 64
