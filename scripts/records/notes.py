"""A note to annotate, or the reason why it can't be."""

from typing import Any, NamedTuple


class Note(NamedTuple):
    """A note to annotate.

    id (str): its id, unique within a run.
    text (str): its text as given, line ends included, without a byte order mark. Offsets count its characters.
    columns (dict[str, Any]): the other columns of its row, which are passed through. They can be written as JSON.
    """

    id: str
    text: str
    columns: dict[str, Any]


class Rejected(NamedTuple):
    """A note that can't be read or processed.

    id (str): its id, or "<file name>:<number of the row or line>" if it has none.
    reason (str): why. It never quotes the text.
    """

    id: str
    reason: str
