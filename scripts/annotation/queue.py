"""Put the notes of a finished run into the order in which people should correct them: the least sure ones first.

In: the parts of a run, in the order of the input. Out: queue/ in its folder, the same notes in the new order.

The parts are written as notes come in, and finished ones are never touched again, so that a run can be killed at any
moment. Only a finished run can be put into order: its notes are sorted by their confidences, which are read from the
parts, in a database on the disk. A note is in memory only while it is copied.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from scripts.files import moved_into_place, remove
from scripts.formats.drafts import DraftWriter, parse_row

FOLDER = "queue"
# The most bytes in a file of the queue, one longer note aside.
FILE_BYTES = 16_000_000


class Place(NamedTuple):
    """Where a note is: its file, the offset of its first byte, and the number of its bytes."""

    file: str
    start: int
    length: int


def write_queue(folder: Path, parts: Sequence[str], writer: DraftWriter, *, size: int) -> Path:
    """Write the notes of a run by uncertainty. The queue appears complete, or not at all.

    The first note is the one with the least confident mention; of two such, the one where more mentions are expected to
    be wrong. Notes without a confidence, so without a mention, are the last, in the order of the input.

    folder (Path): the folder of the run.
    parts (Sequence[str]): the names of its parts.
    writer (DraftWriter): the format.
    size (int): the most notes in a file of the queue.
    RETURNS (Path): the folder of the queue.
    """
    database = folder / ".queue"
    remove(database)
    try:
        with closing(sqlite3.connect(database)) as connection, moved_into_place(folder / FOLDER) as partial:
            fill(connection, folder / "parts", parts, writer)
            partial.mkdir()
            for number, rows in enumerate(cut_rows(ordered_rows(connection, folder / "parts"), size=size)):
                writer.write(rows, partial / f"queue-{number:05}{writer.suffix}")
    finally:
        remove(database)
    return folder / FOLDER


def fill(connection: sqlite3.Connection, folder: Path, parts: Sequence[str], writer: DraftWriter) -> None:
    """Enter the notes of all parts into a database, each with what it is sorted by and where it is."""
    connection.execute("CREATE TABLE notes (least REAL, wrong REAL, file TEXT, start INTEGER, length INTEGER)")
    for part in parts:
        rows = (
            (*uncertainty(writer.confidences(row)), *place)
            for place, line in read_lines(folder / part, part)
            if (row := parse_row(line)) is not None
        )
        connection.executemany("INSERT INTO notes VALUES (?, ?, ?, ?, ?)", rows)


def uncertainty(confidences: Sequence[float]) -> tuple[float, float]:
    """Return by what a note is sorted.

    confidences (Sequence[float]): those of its mentions.
    RETURNS (tuple[float, float]): the lowest one, above all others if there is none, and how many mentions are expected
        to be wrong.
    """
    return min(confidences, default=2.0), sum(1 - confidence for confidence in confidences)


def read_lines(path: Path, name: str) -> Iterator[tuple[Place, bytes]]:
    """Yield the lines of a file with their places."""
    start = 0
    with path.open("rb") as file:
        for line in file:
            yield Place(name, start, len(line)), line
            start += len(line)


def ordered_rows(connection: sqlite3.Connection, folder: Path) -> Iterator[bytes]:
    """Yield the notes by uncertainty, as `DraftWriter.prepare` returned them."""
    ordered = "SELECT file, start, length FROM notes ORDER BY least, wrong DESC, file, start"
    for place in map(Place._make, connection.execute(ordered)):
        with (folder / place.file).open("rb") as file:
            file.seek(place.start)
            yield file.read(place.length).strip().removesuffix(b",")


def cut_rows(rows: Iterator[bytes], *, size: int) -> Iterator[list[bytes]]:
    """Cut notes into files, none of them empty."""
    chosen: list[bytes] = []
    length = 0
    for row in rows:
        if chosen and (len(chosen) == size or length + len(row) > FILE_BYTES):
            yield chosen
            chosen, length = [], 0
        chosen.append(row)
        length += len(row)
    if chosen:
        yield chosen
