"""Character n-grams of forms as numbers, computed for many forms at once."""

from collections.abc import Iterator, Sequence

import numpy as np

# The numbers of characters of a gram, in bytes of UTF-8.
SIZES = (3, 4, 5)
# Grams share a bucket now and then; a name has too many others for it to matter.
BUCKETS = 2**18
SPACE, END = 32, 10
MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
BYTE = np.uint64(257)
SHIFT = np.uint64(64 - 18)


def gram_buckets(forms: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the buckets of the n-grams of forms. A gram lies within a word or includes one of its ends.

    forms (Sequence[str]): the forms.
    RETURNS (tuple[ndarray, ndarray]): the number of the form and the bucket of each gram, sorted, without duplicates.
    """
    text = np.frombuffer("\n".join(f" {form} " for form in forms).encode(), dtype=np.uint8)
    line = np.concatenate([[0], np.cumsum(text == END)[:-1]])
    inner = (text == SPACE) | (text == END)
    found = [windows(text, inner, size) for size in SIZES]
    unique = np.unique(np.concatenate([line[at].astype(np.int64) * BUCKETS + buckets for at, buckets in found]))
    return unique // BUCKETS, unique % BUCKETS


def windows(text: np.ndarray, inner: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of all grams of a size in a text, and their buckets.

    text (ndarray): the bytes of lines.
    inner (ndarray): whether a byte can't be inside of a gram.
    size (int): the number of bytes.
    RETURNS (tuple[ndarray, ndarray]): the indices of their first bytes, and the buckets.
    """
    count = max(len(text) - size + 1, 0)
    outside = (text[:count] == END) | (text[size - 1 :][:count] == END)
    for offset in range(1, size - 1):
        outside |= inner[offset:][:count]
    at = np.flatnonzero(~outside)
    hashes = np.zeros(len(at), dtype=np.uint64)
    for offset in range(size):
        hashes = hashes * BYTE + text[at + offset]
    return at, ((hashes * MULTIPLIER) >> SHIFT).astype(np.int64)


def in_chunks(forms: Sequence[str], size: int = 2**15) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the forms in parts of a size, each with the number of its first form. A part's grams take 150 MB."""
    for start in range(0, len(forms), size):
        yield start, forms[start : start + size]
