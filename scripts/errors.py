"""Errors as a user sees them: what is wrong, where, and what would be right, without a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from wasabi import msg


class ProjectError(ValueError):
    """A mistake in what the project was given, with a way out.

    title (str): what is wrong and where. Never a document's text.
    hint (str): what would be right.
    """

    def __init__(self, title: str, hint: str = ""):
        super().__init__(f"{title}. {hint}" if hint else title)
        self.title = title
        self.hint = hint


@contextmanager
def shown_to_user() -> Iterator[None]:
    """Turn a `ProjectError` or a fault of the file system into a message and exit code 1."""
    try:
        yield
    except ProjectError as error:
        msg.fail(error.title, error.hint, exits=1)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        msg.fail(
            f"{error.strerror or type(error).__name__}{where}",
            "Nothing half-written was left in place. Check the path, its permissions and the free space.",
            exits=1,
        )
