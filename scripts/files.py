"""Files that are whole or not there: written beside their place, checked, then moved in."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def moved_into_place(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; what was written there replaces `path` when the block ends.

    An exception in the block removes the temporary file or folder and leaves `path` as it was.

    path (Path): the file or folder to write.
    YIELDS (Path): where to write it. It does not exist yet; its folder does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    remove(partial)
    try:
        yield partial
        replace(partial, path)
    except BaseException:
        remove(partial)
        raise


def replace(new: Path, path: Path) -> None:
    """Move the file or folder `new` to `path`, in the place of whatever is there, which stays if that fails."""
    if not path.is_dir():
        new.replace(path)
        return
    old = path.with_name(f".{path.name}.old")
    remove(old)
    path.replace(old)
    try:
        new.replace(path)
    except BaseException:
        old.replace(path)
        raise
    remove(old)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Give the sha256 of a file's bytes as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
