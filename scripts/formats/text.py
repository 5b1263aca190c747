"""Text files: each is one note."""

import io
from collections.abc import Iterator

from scripts.formats.decoding import first_undecoded, not_decoded, open_text
from scripts.formats.reading import ReadOptions, Source
from scripts.records.notes import Note, Rejected


def read_notes(file: io.BufferedReader, source: Source, options: ReadOptions) -> Iterator[Note | Rejected]:
    """Read a file that is one note. Its id is the file's name without the suffix."""
    text = open_text(file, options.encoding, newline="").read()
    undecoded = first_undecoded(text)
    if undecoded:
        yield Rejected(source.stem, not_decoded(options.encoding, undecoded))
    else:
        yield Note(source.stem, text, {})
