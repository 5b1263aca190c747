"""Atomic writes for files and folders."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def moved_into_place(path: Path) -> Iterator[Path]:
    """Provide a temporary path beside `path`; what is written there replaces `path` when the block ends.

    If the block raises, the temporary file or folder is removed and `path` is left unchanged.

    path (Path): the file or folder to write.
    YIELDS (Path): where to write. The path does not exist yet, its folder does.
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
    """Move the file or folder `new` to `path`, replacing what is there. If that fails, the old content is restored."""
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
    """Remove a file, or a folder with its content, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Return the sha256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
