"""Cut the stream of notes into parts that fit in memory, and keep track of the ids seen in it.

In: what the readers yield. Out: the same in lists, and whether an id is new.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from scripts.errors import ProjectError
from scripts.files import remove
from scripts.records.notes import Note, Rejected

# About three minutes of work on two CPU cores, which a run that is killed has to repeat.
PART_CHARACTERS = 2_000_000
# Why a note is rejected.
SAME_ID = "another note before it has the same id; see --folder-ids if ids are file names"
CHANGED = "The query does not find the notes that it found before"
CHANGED_HINT = (
    "Notes of finished parts were added, changed or deleted, or the query leaves out what is done. To annotate what it"
    " finds now as a run of its own, give another query, with today's date in a comment, and a new folder."
)


def cut_parts(
    stream: Iterable[Note | Rejected], *, size: int, finished: Sequence[int] = ()
) -> Iterator[list[Note | Rejected]]:
    """Cut a stream of notes into parts, in its order. The same stream is always cut the same way.

    A part has at most `PART_CHARACTERS` characters in its texts; one longer note is a part of its own.

    stream (Iterable[Note | Rejected]): the notes.
    size (int): the most notes in a part.
    finished (Sequence[int]): how many notes the finished parts have. They are cut as they were: the last one may have
        had less than there is now.
    YIELDS (list[Note | Rejected]): the parts, none empty.
    """
    stream = iter(stream)
    yield from filter(None, (list(islice(stream, count)) for count in finished))
    part: list[Note | Rejected] = []
    length = 0
    for note in stream:
        added = len(note.text) if isinstance(note, Note) else 0
        if part and (len(part) == size or length + added > PART_CHARACTERS):
            yield part
            part, length = [], 0
        part.append(note)
        length += added
    if part:
        yield part


class Ids:
    """The ids seen so far, in a file: in memory, those of a million notes would take 80 MB.

    path (Path): the file. An existing one is replaced; it is removed in the end.
    """

    def __init__(self, path: Path):
        self.path = path

    def __enter__(self) -> "Ids":
        remove(self.path)
        self.database = sqlite3.connect(self.path, isolation_level=None)
        # It is not needed after a crash.
        self.database.execute("PRAGMA journal_mode=OFF")
        self.database.execute("PRAGMA synchronous=OFF")
        self.database.execute("CREATE TABLE ids (id BLOB PRIMARY KEY) WITHOUT ROWID")
        self.database.execute("BEGIN")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.database.close()
        remove(self.path)

    def add(self, identifier: str) -> bool:
        """Add an id, and return whether it is new.

        RAISES (ProjectError): the file can't be written.
        """
        # Two ids out of a billion notes have the same 16 bytes with a probability of one to 10^20.
        key = blake2b(identifier.encode("utf8", "surrogatepass"), digest_size=16).digest()
        try:
            return bool(self.database.execute("INSERT OR IGNORE INTO ids VALUES (?)", (key,)).rowcount)
        except sqlite3.OperationalError as error:
            raise ProjectError(f"{self.path} can't be written: {error}", "Check the free space.") from error


def add_to_digest(digest: Any, note: Note | Rejected) -> None:
    """Add a note, or one that could not be read, to a digest.

    digest (Any): an object of `hashlib`.
    note (Note | Rejected): the note.
    """
    for text in (note.id, note[1]):
        content = text.encode("utf8", "surrogatepass")
        digest.update(b"%d:%b" % (len(content), content))


def part_digest(notes: Iterable[Note | Rejected]) -> str:
    """Return a digest of the ids and texts of notes, in hexadecimal digits."""
    digest = blake2b(digest_size=16)
    for note in notes:
        add_to_digest(digest, note)
    return digest.hexdigest()
