"""The peer labels first wordpieces, loses no word, and has the batches and rates of spaCy's own loop."""

from pathlib import Path

import numpy
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from spacy.training.batchers import configure_minibatch_by_padded_size
from torch.nn import Linear
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from scripts.benchmarks.plain_trainer import (
    UNLABELLED,
    EndlessBatches,
    Words,
    make_optimizer,
    make_words,
    read_mentions,
)
from scripts.records.mentions import Mention

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
    assert document.words == [0, 2, 3, 4]
    assert document.places == [[0, 1, 2, 3]]
    (row,) = document.rows
    rest = len(tokenizer.tokenize("aspirins")) - 1
    assert rest > 0
    assert row["labels"] == [UNLABELLED, 0, 1, *[UNLABELLED] * rest, 2, 3, UNLABELLED]
    assert len(row["input_ids"]) == len(row["attention_mask"]) == len(row["labels"])


@given(st.lists(st.sampled_from(["gout", "aspirins", "caused", "x" * 80, "\x00", " ", "rats"]), max_size=90))
def test_no_word_is_lost_or_labelled_twice(tokenizer: PreTrainedTokenizerFast, words: list[str]) -> None:
    document = make_words(make_doc(words), tokenizer, TAGS)
    known = [i for i, word in enumerate(document.words) if tokenizer.tokenize(words[word])]
    assert [word for labelled in document.places for word in labelled] == known
    for row, labelled in zip(document.rows, document.places, strict=True):
        assert len(row["input_ids"]) <= 64
        assert sum(label != UNLABELLED for label in row["labels"]) == len(labelled)


@pytest.mark.parametrize(
    ("best", "expected"),
    [
        (["O", "O", "O", "O"], []),
        (["B-Chemical", "O", "B-Disease", "I-Disease"], [(0, 4, "Chemical"), (14, 21, "Disease")]),
        (["I-Chemical", "I-Disease", "O", "O"], [(0, 4, "Chemical"), (5, 13, "Disease")]),
        (["B-Disease", "I-Disease", "B-Disease", "O"], [(0, 13, "Disease"), (14, 16, "Disease")]),
    ],
)
def test_tags_become_mentions(best: list[str], expected: list[tuple[int, int, str]]) -> None:
    document = Words(make_doc(["gout", "aspirins", "in", "rats"]), [0, 1, 2, 3], [{}, {}], [[0, 1], [2, 3]])
    numbers = [TAGS.index(tag) for tag in best]
    assert read_mentions(document, [numpy.array(numbers[:2]), numpy.array(numbers[2:])], TAGS) == [
        Mention(*place) for place in expected
    ]


def test_tags_of_gold_give_gold_back(tokenizer: PreTrainedTokenizerFast) -> None:
    ents = [(0, 2, "Chemical"), (2, 3, "Disease"), (70, 90, "Disease")]
    document = make_words(make_doc(["gout", "rats", "gout"] * 30, ents), tokenizer, TAGS)
    assert len(document.rows) > 1
    best = [numpy.array([label for label in row["labels"] if label != UNLABELLED]) for row in document.rows]
    assert read_mentions(document, best, TAGS) == [
        Mention(ent.start_char, ent.end_char, ent.label_) for ent in document.doc.ents
    ]


def test_batches_hold_each_row_once_an_epoch(tokenizer: PreTrainedTokenizerFast) -> None:
    docs = [make_doc(["gout"] * length) for length in (3, 50, 100, 4)]
    documents = [make_words(doc, tokenizer, TAGS) for doc in docs]
    rows = [len(document.rows) for document in documents]
    assert rows == [1, 1, 2, 1]
    batcher = configure_minibatch_by_padded_size(size=100, buffer=16, discard_oversize=False)
    batches = iter(EndlessBatches(documents, batcher))
    for _ in range(3):
        epoch = [sorted(next(batches)) for _ in range(3)]
        assert sorted(epoch) == [[0, 4], [1], [2, 3]]


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
