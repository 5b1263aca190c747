"""Cut a long text into pieces that a pipeline reads one after the other, so that no text is too long for the memory.

In: a text. Out: where its pieces begin and end; together they are the text.
"""

import re
from collections.abc import Iterator

# Where a text is best cut, the best first: after a blank line, a line end, a space.
ENDS = tuple(re.compile(f".*{end}", re.DOTALL) for end in (r"\n\r?\n", r"\n", r"\s"))


def cut_text(text: str, limit: int) -> Iterator[tuple[int, int]]:
    """Cut a text into pieces of a length at most.

    A piece ends after a blank line in its second half, or else a line end or a space there, or else in its first half.
    Never within a word: only a stretch of `limit` characters without a space, which is none, is cut at the limit.

    text (str): the text.
    limit (int): characters in a piece, at most.
    YIELDS (tuple[int, int]): the offsets at which a piece begins and ends. An empty text is one empty piece.
    """
    start = 0
    while len(text) - start > limit:
        end = piece_end(text, start, start + limit)
        yield start, end
        start = end
    yield start, len(text)


def piece_end(text: str, start: int, stop: int) -> int:
    """Give the offset at which a piece that begins at `start` is best cut: after it, and at `stop` at the latest."""
    middle = (start + stop) // 2
    # Short pieces cost time: only if there is nothing else does one end in its first half.
    for begin in (middle, start):
        for pattern in ENDS:
            if found := pattern.match(text, begin, stop):
                return found.end()
    return stop
