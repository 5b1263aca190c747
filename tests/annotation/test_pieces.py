"""Long texts are cut where they may be, and nothing of them is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.annotation.pieces import cut_text


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", [""]),
        ("exactly 10", ["exactly 10"]),
        ("one two three four", ["one two ", "three four"]),
        ("one two three  four", ["one two ", "three  ", "four"]),
        ("one two\nthree", ["one two\n", "three"]),
        # A blank line rather than a line end, a line end rather than a space.
        ("12345\n\n8\n\n1", ["12345\n\n8\n\n", "1"]),
        ("12345\n\n8\n0\n1", ["12345\n\n", "8\n0\n1"]),
        ("1234\r\n\r\n8 01", ["1234\r\n\r\n", "8 01"]),
        ("12345\n78 01", ["12345\n", "78 01"]),
        # What lies in the first half is taken only where the second has nothing.
        ("1\n3456 89012", ["1\n3456 ", "89012"]),
        ("1\n34567890123", ["1\n", "3456789012", "3"]),
        # A stretch without a space.
        ("12345678901234567890123", ["1234567890", "1234567890", "123"]),
    ],
)
def test_where_a_text_is_cut_at_ten_characters(text, pieces):
    assert [text[start:end] for start, end in cut_text(text, 10)] == pieces


@given(st.text("ab \n\r\t\u2003", max_size=200), st.integers(2, 20))
def test_pieces_are_the_whole_text_and_never_end_within_a_word(text, limit):
    pieces = [text[start:end] for start, end in cut_text(text, limit)]
    assert "".join(pieces) == text
    assert all(len(piece) <= limit for piece in pieces)
    for piece in pieces[:-1]:
        assert piece[-1].isspace() or (len(piece) == limit and not any(map(str.isspace, piece)))
