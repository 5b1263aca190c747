"""The peer labels first wordpieces, loses no word, and has the batches and rates of spaCy's own loop."""

from pathlib import Path

import pytest
import spacy
import srsly
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from torch.nn import Linear
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from scripts.benchmarks.training import (
    HEAD,
    TRAINER,
    UNLABELLED,
    Words,
    benchmark_training,
    make_batches,
    make_optimizer,
    make_words,
    tags_to_mentions,
)
from scripts.errors import ProjectError
from scripts.records.mentions import Mention
from tests.conftest import CONFIG

TAGS = ["O", "B-Chemical", "I-Chemical", "B-Disease", "I-Disease"]
VOCAB = spacy.blank("en").vocab


@pytest.fixture(scope="module")
def tokenizer(project: Path) -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(project / "tiny")


def make_doc(words: list[str], ents: list[tuple[int, int, str]] = ()) -> Doc:
    doc = Doc(VOCAB, words)
    doc.set_ents([Span(doc, *ent) for ent in ents])
    return doc


def test_first_wordpieces_are_labelled(tokenizer: PreTrainedTokenizerFast) -> None:
    doc = make_doc(["gout", "\n", "aspirins", "caused", "gout"], [(2, 4, "Chemical"), (4, 5, "Disease")])
    document = make_words(doc, tokenizer, TAGS)
    assert document.tokens == [0, 2, 3, 4]
    (row,) = document.rows
    rest = len(tokenizer.tokenize("aspirins")) - 1
    assert rest > 0
    assert row["labels"] == [UNLABELLED, 0, 1, *[UNLABELLED] * rest, 2, 3, UNLABELLED]
    assert len(row["input_ids"]) == len(row["attention_mask"]) == len(row["labels"])


@given(st.lists(st.sampled_from(["gout", "aspirins", "caused", "x" * 80, "\x00", " ", "rats"]), max_size=90))
def test_no_word_is_lost_or_labelled_twice(tokenizer: PreTrainedTokenizerFast, words: list[str]) -> None:
    document = make_words(make_doc(words), tokenizer, TAGS)
    assert document.tokens == [i for i, word in enumerate(words) if tokenizer.tokenize(word)]
    assert all(len(row["input_ids"]) <= 64 for row in document.rows)
    assert sum(label != UNLABELLED for row in document.rows for label in row["labels"]) == len(document.tokens)


@pytest.mark.parametrize(
    ("best", "expected"),
    [
        (["O", "O", "O", "O"], []),
        (["B-Chemical", "O", "B-Disease", "I-Disease"], [(0, 4, "Chemical"), (16, 23, "Disease")]),
        (["I-Chemical", "I-Disease", "O", "O"], [(0, 4, "Chemical"), (7, 15, "Disease")]),
        (["B-Disease", "I-Disease", "B-Disease", "O"], [(0, 15, "Disease"), (16, 18, "Disease")]),
    ],
)
def test_tags_become_mentions(best: list[str], expected: list[tuple[int, int, str]]) -> None:
    document = Words(make_doc(["gout", "\n", "aspirins", "in", "rats"]), [0, 2, 3, 4], [])
    assert tags_to_mentions(document, best) == [Mention(*place) for place in expected]


def test_tags_of_gold_give_gold_back(tokenizer: PreTrainedTokenizerFast) -> None:
    ents = [(0, 2, "Chemical"), (2, 3, "Disease"), (70, 90, "Disease")]
    document = make_words(make_doc(["gout", "rats", "gout"] * 30, ents), tokenizer, TAGS)
    assert len(document.rows) > 1
    best = [TAGS[label] for row in document.rows for label in row["labels"] if label != UNLABELLED]
    assert tags_to_mentions(document, best) == [
        Mention(ent.start_char, ent.end_char, ent.label_) for ent in document.doc.ents
    ]


def test_batches_hold_each_row_once_an_epoch(tokenizer: PreTrainedTokenizerFast) -> None:
    docs = [make_doc(["gout"] * length) for length in (3, 50, 100, 4)]
    documents = [make_words(doc, tokenizer, TAGS) for doc in docs]
    rows = [len(document.rows) for document in documents]
    assert rows == [1, 1, 2, 1]
    batcher = {"@batchers": "spacy.batch_by_padded.v1", "size": 100, "buffer": 16, "discard_oversize": False}
    batches = make_batches(documents, {"batcher": batcher, "max_steps": 7})
    assert len(batches) == 7
    for start in (0, 3):
        assert sorted(map(sorted, batches[start : start + 3])) == [[0, 4], [1], [2, 3]]


def test_rates_are_those_of_the_schedule() -> None:
    schedule = {"@schedules": "warmup_linear.v1", "initial_rate": 0.1, "warmup_steps": 2, "total_steps": 4}
    settings = {"learn_rate": schedule, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "L2": 0.01}
    optimizer, scheduler = make_optimizer(Linear(2, 2), {"optimizer": settings, "max_steps": 4})
    rates = []
    for _ in range(4):
        rates += scheduler.get_last_lr()
        optimizer.step()
        scheduler.step()
    assert rates == pytest.approx([0, 0.05, 0.1, 0.05])


def test_whole_run(project: Path, tmp_path: Path) -> None:
    config, encoder, corpus = (project / name for name in ("configs/ner.cfg", "tiny", "corpus"))
    output = tmp_path / "benchmark" / "training.json"
    benchmark_training(config, encoder, corpus, output, heads="token", max_steps=100)
    figures = srsly.read_json(output)
    ours, trainer = (figures["contenders"][name] for name in (HEAD.format(head="token"), TRAINER))
    for run in (ours, trainer):
        assert run["steps"] == 100
        assert run["f1"] == 1.0
    assert ours["seconds_per_step_ratio"] == pytest.approx(ours["seconds"] / trainer["seconds"])
    assert figures["settings"]["optimizer"]["learn_rate"]["initial_rate"] == 0.005
    assert sorted(path.name for path in output.parent.iterdir()) == ["training.json", "training.md"]


def test_without_a_corpus(project: Path, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="spacy project run convert"):
        benchmark_training(CONFIG, project / "tiny", tmp_path, tmp_path / "training.json", max_steps=1)
    assert not (tmp_path / "training.json").exists()
