"""Windows hold all wordpieces, none is too long, and they end at the end of a sentence if one is near."""

from itertools import pairwise

import numpy
import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st

from scripts.clinical_ner.encoder.windows import configure_wordpiece_windows, cut_windows, sentence_starts


def points(*values: int) -> numpy.ndarray:
    return numpy.array(values, dtype="i8")


@pytest.mark.parametrize(
    ("sentences", "tokens", "n_wordpieces", "overlap", "windows"),
    [
        # Two windows of the same length, although the first could hold 80.
        (points(), numpy.arange(100), 100, 0, [(0, 50), (50, 100)]),
        (points(), numpy.arange(100), 100, 20, [(0, 60), (40, 100)]),
        # A sentence starts near the middle, before or after it, or too far from it.
        (points(0, 44, 59), numpy.arange(100), 100, 0, [(0, 44), (44, 100)]),
        (points(0, 40, 58), numpy.arange(100), 100, 0, [(0, 58), (58, 100)]),
        (points(0, 30, 70), numpy.arange(100), 100, 0, [(0, 50), (50, 100)]),
        # Not inside a token of several wordpieces.
        (points(), points(0, 20, 47, 90), 100, 0, [(0, 47), (47, 100)]),
        # A token that is longer than a window has to be cut.
        (points(), points(0, 10), 300, 0, [(0, 75), (75, 150), (150, 225), (225, 300)]),
        (points(), numpy.arange(0), 0, 0, [(0, 0)]),
    ],
)
def test_windows(
    sentences: numpy.ndarray, tokens: numpy.ndarray, n_wordpieces: int, overlap: int, windows: list[tuple[int, int]]
) -> None:
    assert cut_windows(sentences, tokens, n_wordpieces, 80, overlap) == windows


@given(st.data(), st.integers(14, 600), st.integers(0, 3000))
def test_every_wordpiece_is_in_a_window(data: st.DataObject, capacity: int, n_wordpieces: int) -> None:
    overlap = data.draw(st.integers(0, (capacity + 2) // 4))
    starts = st.lists(st.integers(0, max(n_wordpieces - 1, 0)), unique=True).map(sorted)
    tokens = data.draw(starts) if n_wordpieces else []
    sentences = data.draw(st.lists(st.sampled_from(tokens), unique=True).map(sorted)) if tokens else []
    windows = cut_windows(points(*sentences), points(*tokens), n_wordpieces, capacity, overlap)
    assert windows[0][0] == 0 and windows[-1][1] == n_wordpieces
    assert all(end - start <= capacity for start, end in windows)
    for (start, end), (next_start, next_end) in pairwise(windows):
        assert start < next_start <= end - overlap and end < next_end
    # Few windows, although good places to cut cost some.
    fewest = max(1, -(-(n_wordpieces - overlap) // (capacity - overlap)))
    assert len(windows) <= 2 * fewest


def test_short_document_is_one_window() -> None:
    get_windows = configure_wordpiece_windows(16, 4)
    doc = spacy.blank("en")("gout")
    assert get_windows(doc, points(0), 14, 2) == [(0, 14)]
    assert get_windows(doc, points(0), 15, 2) == [(0, 10), (6, 15)]


def test_sentences_start_after_punctuation_and_line_breaks() -> None:
    doc = spacy.blank("en")("Gout. Treated ?\nno  gout; 3.5 mg\n")
    found = sentence_starts(doc, numpy.arange(len(doc)))
    assert [doc[i].text for i in found] == ["Treated", "\n", "no", "3.5"]


@pytest.mark.parametrize(
    ("max_wordpieces", "overlap", "message"),
    [
        (15, 0, r"max_wordpieces \(15\) must be at least 16"),
        (512, 129, r"overlap \(129\) must be within \[0, max_wordpieces / 4\], here 128"),
        (512, -1, r"overlap \(-1\) must be within"),
    ],
)
def test_settings_that_do_not_work_are_refused(max_wordpieces: int, overlap: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        configure_wordpiece_windows(max_wordpieces, overlap)
