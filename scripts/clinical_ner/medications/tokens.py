"""Tokens of an order: words, numbers and signs, finer than spaCy's ("500mg" is two, "q6h" is three, "p.o." is one)."""

import re
import unicodedata
from typing import NamedTuple

TOKEN = re.compile(
    r"""\d+(?:[.,\u00b7]\d+)*                                         # 25, 10,000, 0.5, and the British 0·5
      | (?<![\w.])\.\d+                                               # .5
      | (?<![^\W\d_])[^\W\d_](?:\.[^\W\d_])+\.?(?![^\W\d_])           # p.o., b.i.d.
      | [^\W\d_]+(?:['\u2019][^\W\d_]+)?                              # metoprolol, patient's
      | \n | \S""",
    re.VERBOSE,
)
PLAIN = re.compile(r"\d+(?:\.\d+)?|\.\d+")
GROUPED = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
DECIMAL_COMMA = re.compile(r"\d+,\d{1,2}")
DASHES = {*"-\u2010\u2011\u2012\u2013\u2014\u2212~"}
# Nobody orders a dose with more digits. A number that is longer has no value.
LONGEST = 15


class Token(NamedTuple):
    """A word, a number or a sign.

    key (str): its text in lower case, without the periods of an abbreviation.
    start, end (int): its characters in the text.
    """

    key: str
    start: int
    end: int


def tokenize(text: str, start: int, end: int) -> list[Token]:
    """Return the tokens of a part of a text.

    text (str): the text.
    start, end (int): the part.
    RETURNS (list[Token]): its tokens in order. A line end is one, other white space is none.
    """
    return [Token(to_key(match[0]), match.start(), match.end()) for match in TOKEN.finditer(text, start, end)]


def to_key(word: str) -> str:
    """Return a token's text as rules have it: lower case, no periods in abbreviations, plain letters and signs."""
    if not word.isascii():
        # Not of a fraction, which would become three tokens, nor of a unit such as m\u00b2.
        plain = word if len(word) == 1 and not word.isalpha() else unicodedata.normalize("NFKC", word)
        word = plain.replace("\u2019", "'")
    word = word.lower()
    return word.replace(".", "") if "." in word and not word[0].isdigit() and len(word) > 1 and word[0] != "." else word


def is_numeric(key: str) -> bool:
    """Return whether a token is a number in digits, or a fraction of one character."""
    return key[0].isdecimal() or key[0] in VULGAR or (key[0] == "." and len(key) > 1)


VULGAR = {chr(code): unicodedata.numeric(chr(code)) for code in (*range(0xBC, 0xBF), *range(0x2150, 0x215F))}


def read_number(key: str) -> float | None:
    """Return the value of a number, or None if it is not clear.

    key (str): "25", "10,000", "0.5", ".5", "2,5".
    RETURNS (float | None): an int if it is whole. None for "1.2.3" and "10,00,000", and for more than 15 digits.
    """
    if key in VULGAR:
        return VULGAR[key]
    if len(key) > LONGEST:
        return None
    key = key.replace("\u00b7", ".")
    if PLAIN.fullmatch(key):
        return whole(float(key))
    if GROUPED.fullmatch(key):
        return whole(float(key.replace(",", "")))
    if DECIMAL_COMMA.fullmatch(key):
        return whole(float(key.replace(",", ".")))
    return None


def whole(value: float) -> float:
    """Return a number as an int if it is whole, and without the noise of binary fractions."""
    return int(value) if float(value).is_integer() else round(value, 10)
