"""Cut a long text into pieces that a pipeline reads one after the other, to bound its memory.

In: a text. Out: start and end of its pieces, which together are the text.
"""

import re
from collections.abc import Iterator

# Where to cut a text, the best place first: after a blank line, a line end, a space.
ENDS = tuple(re.compile(f".*{end}", re.DOTALL) for end in (r"\n\r?\n", r"\n", r"\s"))


def cut_text(text: str, limit: int) -> Iterator[tuple[int, int]]:
    """Cut a text into pieces of limited length.

    A piece ends after a blank line in its second half, or else a line end or a space there, or else in its first half.
    No word is cut, unless there is no space within `limit` characters.

    text (str): the text.
    limit (int): the most characters in a piece.
    YIELDS (tuple[int, int]): the offsets of the start and the end of each piece. An empty text is one empty piece.
    """
    start = 0
    while len(text) - start > limit:
        end = piece_end(text, start, start + limit)
        yield start, end
        start = end
    yield start, len(text)


def piece_end(text: str, start: int, stop: int) -> int:
    """Return where to end a piece that begins at `start`: after it, and at `stop` at the latest."""
    middle = (start + stop) // 2
    # Short pieces cost time: one ends in its first half only if there is no other place.
    for begin in (middle, start):
        for pattern in ENDS:
            if found := pattern.match(text, begin, stop):
                return found.end()
    return stop
