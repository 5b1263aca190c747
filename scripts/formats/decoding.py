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


def true_encoding(file: io.BufferedReader, encoding: str) -> str:
    """Return a file's encoding: that of its byte order mark if it has one, else the one given.

    file (BufferedReader): the file at its start. Nothing is consumed.
    encoding (str): the encoding of files without a mark.
    RETURNS (str): the encoding. If there is a mark, it is removed in decoding.
    """
    if codecs.lookup(encoding).name.startswith("utf-32"):
        return encoding
    start = file.peek(4)
    return next((name for mark, name in BYTE_ORDER_MARKS.items() if start.startswith(mark)), encoding)


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
    """

    def __init__(self, text: TextIO):
        self.text = text

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` characters."""
        return self.text.read(size).encode()


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
