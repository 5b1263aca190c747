"""Find the abbreviations that a text introduces, with their long forms.

Schwartz and Hearst (2003), A simple algorithm for identifying abbreviation definitions in biomedical text,
https://psb.stanford.edu/psb-online/proceedings/psb03/schwartz.pdf. On PyPI, `abbreviations` loses every pair of a line
with one unbalanced bracket, and `abbreviation-extractor` gives byte offsets in a changed text.
"""

import re
from collections.abc import Iterator

QUOTES = "\"'\u2018\u2019\u201c\u201d"
BRACKETS = re.compile(r"\(([^()]+)\)")
# Where a long form cannot reach back over: the sentence's start, or the definition before.
BARRIER = re.compile(r"[.!?;]\s+(?=[A-Z])|\n\s*\n|[()]")


def find_abbreviations(text: str) -> dict[str, str]:
    """Give the long form of each short form that a text defines in brackets, on either side of them.

    text (str): any text.
    RETURNS (dict[str, str]): long form by short form, with single spaces; the first definition counts.
    """
    found: dict[str, str] = {}
    for short, long in candidates(text):
        best = best_long_form(short, long)
        if best:
            found.setdefault(short, best)
    return found


def candidates(text: str) -> Iterator[tuple[str, str]]:
    """Give each possible short form with the text in which its long form would stand.

    text (str): any text.
    YIELDS (tuple[str, str]): the short form, and up to min(|A| + 5, 2 |A|) words for the long form.
    """
    for match in BRACKETS.finditer(text):
        before = BARRIER.split(text[: match.start()])[-1].split()
        inside = re.split(r"[,;:]\s", match[1])[0].strip().strip(QUOTES)
        if is_short_form(inside):
            yield inside, " ".join(before[-most_words(inside) :])
        elif before and is_short_form(before[-1]):
            yield before[-1], match[1]


def most_words(short: str) -> int:
    """Give how many words a short form's long form can have."""
    return min(len(short) + 5, 2 * len(short))


def is_short_form(text: str) -> bool:
    """Tell whether a text can be a short form: 1 or 2 words, 2 to 10 characters, a letter, and begins with one."""
    return (
        2 <= len(text) <= 10 and len(text.split()) <= 2 and text[0].isalnum() and any(char.isalpha() for char in text)
    )


def best_long_form(short: str, long: str) -> str | None:
    """Give the shortest end of `long` in which the short form's characters stand in order.

    Its first character must begin a word. This is the paper's figure 1.

    short (str): the short form.
    long (str): the text that ends with the long form, if there is one.
    RETURNS (str | None): the long form; None if there is none.
    """
    position = len(long)
    for index in range(len(short) - 1, -1, -1):
        char = short[index].lower()
        if not char.isalnum():
            continue
        position -= 1
        while position >= 0 and (
            long[position].lower() != char or (index == 0 and position > 0 and long[position - 1].isalnum())
        ):
            position -= 1
        if position < 0:
            return None
    form = long[long.rfind(" ", 0, position) + 1 :].strip(f" -{QUOTES}")
    return form if is_long_form(form, short) else None


def is_long_form(form: str, short: str) -> bool:
    """Tell whether a long form is longer than its short form, does not contain it as a word, and is not too long."""
    words = form.split()
    return len(form) > len(short) and short not in words and len(words) <= most_words(short)
