"""What goes through `annotate`: a note, or why there is none.

Out of the readers, into the engine.
"""

from typing import Any, NamedTuple


class Note(NamedTuple):
    """A note to annotate.

    id (str): its id, unique in a run.
    text (str): its text as given, line ends included; only a byte order mark is left out. Offsets count its characters.
    columns (dict[str, Any]): what else stands in its row, to be passed through. All of it can be written as JSON.
    """

    id: str
    text: str
    columns: dict[str, Any]


class Rejected(NamedTuple):
    """A note that cannot be read or processed.

    id (str): its id, or "<file name>:<number of the row or line>" where it has none.
    reason (str): why. Never a piece of its text.
    """

    id: str
    reason: str
