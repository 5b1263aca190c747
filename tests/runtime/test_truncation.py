"""What lies past the encoder's limit is cut, and said; what fits is not spoken of."""

import logging

import pytest
import spacy
from spacy.language import Language

from scripts import runtime  # noqa: F401  (registers the annotation setter)
from scripts.runtime.truncation import configure_report_truncation
from tests.encoders import TINY, make_encoder

LIMIT = TINY["max_position_embeddings"]


@pytest.fixture(scope="module")
def nlp(tmp_path_factory: pytest.TempPathFactory) -> Language:
    folder = tmp_path_factory.mktemp("encoder")
    make_encoder(folder, ["aspirin for gout"], wordpieces=40)
    nlp = spacy.blank("en")
    model = {
        "@architectures": "spacy-transformers.TransformerModel.v3",
        "name": str(folder),
        "get_spans": {"@span_getters": "spacy-transformers.strided_spans.v1", "window": 128, "stride": 96},
    }
    setter = {"@annotation_setters": "clinical_ner.report_truncation.v1", "max_wordpieces": LIMIT}
    nlp.add_pipe("transformer", config={"model": model, "set_extra_annotations": setter})
    nlp.initialize()
    return nlp


@pytest.mark.parametrize(
    ("text", "unseen"),
    [
        # Each word is one wordpiece; [CLS] and [SEP] take two places.
        (" ".join(["gout"] * (LIMIT - 2)), 0),
        (" ".join(["gout"] * (LIMIT + 8)), 9),
        ("gout " * 20, 0),
        ("", 0),
    ],
)
def test_cut_tokens_are_counted(nlp: Language, caplog: pytest.LogCaptureFixture, text: str, unseen: int) -> None:
    with caplog.at_level(logging.WARNING, logger="spacy"):
        list(nlp.pipe(["gout", text]))
    messages = [record.getMessage() for record in caplog.records if "were not read" in record.getMessage()]
    assert len(messages) == bool(unseen)
    if unseen:
        assert messages[0].startswith(f"{unseen} tokens in 1 of 2 documents")
        assert "gout" not in messages[0]


def test_limit_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match=r"max_wordpieces \(2\) must be at least 3"):
        configure_report_truncation(2)
