"""Invisible characters: text from web pages, PDFs and databases has them between its words and inside them."""

import re

# The content of a regular expression's brackets: control characters that are not white space, and what Unicode has
# programs ignore in display (Default_Ignorable_Code_Point, DerivedCoreProperties.txt): soft hyphens, zero-width spaces
# and joiners, marks of direction, byte order marks, variation selectors, fillers, tags.
INVISIBLE = (
    r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
BLANK = re.compile(rf"[\s{INVISIBLE}]*")


def is_blank(text: str) -> bool:
    """Return whether a text has only white space and invisible characters."""
    return BLANK.fullmatch(text) is not None
