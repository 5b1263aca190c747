"""Errors that users see: what is wrong, where, and what to do about it, without a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from wasabi import msg


class ProjectError(ValueError):
    """A mistake in the input, and how to correct it.

    title (str): what is wrong and where. It never quotes a document.
    hint (str): what to do about it.
    """

    def __init__(self, title: str, hint: str = ""):
        super().__init__(f"{title}. {hint}" if hint else title)
        self.title = title
        self.hint = hint


@contextmanager
def shown_to_user() -> Iterator[None]:
    """Turn a `ProjectError` or an error of the file system into a message and exit code 1."""
    try:
        yield
    except ProjectError as error:
        msg.fail(error.title, error.hint, exits=1)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        msg.fail(
            f"{error.strerror or type(error).__name__}{where}",
            "No incomplete file was left behind. Check the path, its permissions and the free disk space.",
            exits=1,
        )
