"""Decode files as they are read, and mark what can't be decoded instead of failing on it."""

import codecs
import io
from typing import TextIO, cast

# UTF-32 has to be named: its mark may also be that of UTF-16 and a NUL.
BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# How many bytes show that a text is in UTF-16 or UTF-32.
WIDE_SAMPLE = 1024
HIGHEST_PLANE, HIGHEST_BLOCK = 0x10, 0x08
MOSTLY, RARELY = 0.9, 0.2


def true_encoding(file: io.BufferedReader, encoding: str) -> str:
    """Return a file's encoding: that of its byte order mark, else the wide one that its bytes show, else the one given.

    file (BufferedReader): the file at its start. Nothing is consumed.
    encoding (str): the encoding of files without a mark.
    RETURNS (str): the encoding. If there is a mark, it is removed in decoding.
    """
    name = codecs.lookup(encoding).name
    if name.startswith("utf-32"):
        return encoding
    start = file.peek(WIDE_SAMPLE)
    marked = next((name for mark, name in BYTE_ORDER_MARKS.items() if start.startswith(mark)), None)
    return marked or (encoding if name.startswith("utf-16") else wide_encoding(start) or encoding)


def wide_encoding(start: bytes) -> str | None:
    """Return the encoding of a text in UTF-16 or UTF-32 without a mark, None if it is in another one.

    In other encodings such text would be one with a control character after or before each letter. It shows in
    alphabets up to U+08FF, Latin to Arabic; other text in UTF-16 is hardly ever UTF-8, and is rejected.

    start (bytes): the first bytes of the text.
    RETURNS (str | None): the encoding.
    """
    sample = start[: min(len(start), WIDE_SAMPLE) // 4 * 4]
    lanes = [sample[lane::4] for lane in range(4)]
    if not sample or not any(sample):
        return None
    if not any(lanes[3]) and max(lanes[2]) <= HIGHEST_PLANE:
        return "utf-32-le"
    if not any(lanes[0]) and max(lanes[1]) <= HIGHEST_PLANE:
        return "utf-32-be"
    even, odd = (high_bytes(start[lane : len(start) // 2 * 2 : 2]) for lane in (0, 1))
    if odd >= MOSTLY and even <= RARELY:
        return "utf-16-le"
    return "utf-16-be" if even >= MOSTLY and odd <= RARELY else None


def high_bytes(lane: bytes) -> float:
    """Return the share of bytes that are the upper half of a letter in UTF-16, and control characters elsewhere."""
    return sum(byte <= HIGHEST_BLOCK for byte in lane) / max(1, len(lane))


def open_text(file: io.BufferedReader, encoding: str, *, newline: str) -> io.TextIOWrapper:
    """Decode a file as it is read. What can't be decoded is marked, for `first_undecoded` to find.

    file (BufferedReader): the file at its start.
    encoding (str): its encoding if it has no byte order mark.
    newline (str): "" to end lines at any line end, or "\\n" to end them there only. Line ends are kept as they are.
    RETURNS (TextIOWrapper): the text.
    """
    return io.TextIOWrapper(file, true_encoding(file, encoding), errors=mark_undecoded.__name__, newline=newline)


class Encoded:
    """A text as bytes in UTF-8, for libraries that read bytes.

    text (TextIO): the text. Reading a part that could not be decoded raises a UnicodeEncodeError.
    head (str): what was read of it already.
    """

    def __init__(self, text: TextIO, head: str = ""):
        self.text = text
        self.head = io.StringIO(head, newline="")

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` characters."""
        return (self.head.read(size) or self.text.read(size)).encode()


def mark_undecoded(error: UnicodeError) -> tuple[str, int]:
    """Replace each byte that can't be decoded by a lone surrogate, which no encoding has.

    Python's own "surrogateescape" is for bytes from 128 on only, and fails on half a character of UTF-16.
    """
    failed = cast(UnicodeDecodeError, error)
    return "".join(chr(0xDC00 + byte) for byte in failed.object[failed.start : failed.end]), failed.end


codecs.register_error(mark_undecoded.__name__, mark_undecoded)


def first_undecoded(text: str) -> int | None:
    """Return the number, from 1, of a text's first character that is a lone surrogate, or None."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start + 1
    return None


def not_decoded(encoding: str, number: int, of: str = "") -> str:
    """Return the reason for rejecting what has a character that can't be decoded."""
    return f"not {encoding.upper()} (character {number}{of})"
