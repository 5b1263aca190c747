"""No text keeps the tokenizer or a rule component busy: the time that they take is linear in its length."""

import time
from itertools import count, islice

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy.lang.en import English
from spacy.tokens import Doc, Span

from scripts.clinical_ner.ner.abbreviations import read_abbreviations
from scripts.clinical_ner.ner.agreement import Agreement
from scripts.clinical_ner.tokenizer import set_tokenizer

LENGTH = 100_000
SECONDS = 2
NLP = set_tokenizer(spacy.blank("en"))
AFFIXES = [
    "'s",
    "\u2019s",
    "'S",
    "US$",
    "C$",
    "\u00b0C.",
    "1+",
    "5mg",
    "5km/h",
    "..",
    "...",
    "a.",
    "1,",
    "\u00a7",
    "#",
    "_",
]
BRACKETS = ["(", ")", "[", "]", "{", "()", "[]", "([", "((", '"', "'", "\u201c", "\u00ab", "<"]
DEFINITIONS = [
    "renal failure (RF) ",
    "RF (renal failure) ",
    "renal failure [RF] ",
    "(AB)",
    "[AB]",
    "a (AB",
    "a b [",
    "AB (",
]
MENTIONS = ["gout ", "Gout, ", "MS ms ", "aspirin81mg", "no gout ", "no evidence of ", "denies ", "a ", "a-"]
INVISIBLE = ["\u200b", "\xad", "\x00", "\u3164", "a\u200b", "\n", " ", ". A", ";\t"]
LETTERS = ["a", "B", "1", "ab", "abc1", "a(" + "(" * 31, "a" + "(" * 5000, "a" + "." * 5000, "x" * 5000]
PARTS = [*AFFIXES, *BRACKETS, *DEFINITIONS, *MENTIONS, *INVISIBLE, *LETTERS]


def seconds(text: str) -> float:
    """Return the processor time of the tokenizer and of the components, with mentions all over the text."""
    # A fresh cache, because the words of one test are in those of others.
    nlp = set_tokenizer(English(vocab=NLP.vocab))
    start = time.process_time()
    doc = read_abbreviations(Agreement(0.5)(with_mentions(nlp.tokenizer(text))))
    assert doc.text == text
    return time.process_time() - start


def with_mentions(doc: Doc) -> Doc:
    """Set mentions of one to 100 tokens, of two labels, with gaps between them."""
    starts = range(0, len(doc), 11)
    doc.ents = [Span(doc, i, min(i + 1 + i % 3, len(doc)), "CD"[i % 2]) for i in starts if i > 300]
    doc.ents = [*doc.ents, *(Span(doc, i, i + 100, "D") for i in (0, 150) if i + 100 < min(len(doc), 300))]
    return doc


def check(text: str) -> None:
    # Three tries, because other processes can slow one of them down.
    assert any(seconds(text[:LENGTH]) < SECONDS for _ in range(3))


@pytest.mark.parametrize("part", PARTS)
def test_repeated_part(part: str) -> None:
    check(part * (LENGTH // len(part)))


@pytest.mark.parametrize("part", ["'s" * 63, "('s" * 40, "a'" * 60, "renal failure (RF)", "Ab (AB)", "aspirin81mg"])
def test_words_that_differ(part: str) -> None:
    words = (f"{part}{number} {number}{part}" for number in count())
    check(" ".join(islice(words, LENGTH // len(part))))


@settings(max_examples=8, deadline=None)
@given(st.lists(st.sampled_from(PARTS), min_size=2, max_size=8).map("".join))
def test_repeated_mixture(unit: str) -> None:
    check(unit * (LENGTH // len(unit) + 1))


def test_words_of_a_definition_are_found_in_linear_time() -> None:
    unit = "x-" * 300
    check(f"{unit}renal failure (RF) " + "AB (a" + "-b" * 5000 + ") " + "a-b-" * 20_000)


def test_time_grows_with_the_length_only() -> None:
    text = "Renal failure (RF)'s 5mg/day of aspirin81mg [ASA], no gout. " * (LENGTH // 60)
    assert any(seconds(text) < 40 * max(seconds(text[: LENGTH // 10]), 0.01) for _ in range(3))
