"""Find, read and atomically write files in folders and object stores alike.

In: a path or a URI such as s3://bucket/notes. Out: its files, and bytes.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

import fsspec
import pyarrow as pa
from pyarrow import fs

from scripts.errors import ProjectError

BUFFER = 2**20


class StoreError(Exception):
    """A fault of an object store. The file may be fine and the next try may succeed: no note is rejected for it."""


def is_uri(place: str) -> bool:
    """Return whether a place is given as a URI. Everything else is a path."""
    return "://" in place


@cache
def open_store(place: str) -> tuple[fs.FileSystem, str]:
    """Return the file system of a place, and its path there.

    place (str): a path, or a URI of a kind that PyArrow or, if it is installed, a package of fsspec knows.
    RETURNS (tuple[FileSystem, str]): the file system and the path.
    RAISES (ProjectError): the kind of URI is unknown.
    """
    if not is_uri(place):
        return fs.LocalFileSystem(), str(Path(place).absolute())
    try:
        return fs.FileSystem.from_uri(place)
    except pa.ArrowInvalid:
        pass
    try:
        store, path = fsspec.core.url_to_fs(place)
    except (ImportError, ValueError) as error:
        raise ProjectError(
            f"{place} is of no known kind",
            "s3://, gs:// and abfss:// are, and what a package of fsspec brings, adlfs for instance, on all machines.",
        ) from error
    return fs.PyFileSystem(fs.FSSpecHandler(store)), path


def list_files(place: str) -> dict[PurePosixPath, str]:
    """List the files in a folder of an object store and in those inside of it.

    place (str): the folder's URI.
    RETURNS (dict[PurePosixPath, str]): the files' paths in the store by those in the folder, sorted; if the place is
        itself a file, that one by its name.
    RAISES (ProjectError): there is no such file or folder.
    """
    store, root = open_store(place)
    info = store.get_file_info(root)
    if info.is_file:
        return {PurePosixPath(info.base_name): info.path}
    found = store.get_file_info(fs.FileSelector(root, recursive=True, allow_not_found=True))
    files = {PurePosixPath(file.path).relative_to(root.rstrip("/")): file.path for file in found if file.is_file}
    if not files:
        raise ProjectError(f"There is no file or folder {place}", "Check the URI, and who may read it.")
    return dict(sorted(files.items()))


class StoredFile(io.RawIOBase):
    """A readable file in an object store. Its faults are StoreErrors.

    place (str): the URI of a folder in the same store.
    path (str): its path in the store.
    """

    def __init__(self, place: str, path: str):
        with faults():
            store, _ = open_store(place)
            self.file = store.open_input_file(path)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with faults():
            return self.file.readinto(buffer)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def close(self) -> None:
        self.file.close()
        super().close()


@contextmanager
def faults() -> Iterator[None]:
    """Turn an OSError into a StoreError: readers take the former for a damaged file."""
    try:
        yield
    except OSError as error:
        raise StoreError(type(error).__name__) from None


def open_stored(place: str, path: str) -> io.BufferedReader:
    """Open a file in an object store for its bytes; see `StoredFile`."""
    return io.BufferedReader(StoredFile(place, path), BUFFER)


class Folder:
    """A folder to write to, on a file system or in an object store.

    place (str): its path, which all machines must see, or its URI.
    """

    def __init__(self, place: str):
        self.place = place
        self.is_local = not is_uri(place)
        self.store, self.root = open_store(place)

    def path(self, name: str) -> str:
        """Return the path of a file or a folder in it."""
        return f"{self.root.rstrip('/')}/{name}"

    def names(self, folder: str = "") -> list[str]:
        """Return the names of what is in it, or in a folder in it."""
        selector = fs.FileSelector(self.path(folder), allow_not_found=True)
        return [info.base_name for info in self.store.get_file_info(selector)]

    def make(self, folder: str = "") -> None:
        """Make it, or a folder in it, if it is not there."""
        self.store.create_dir(self.path(folder).rstrip("/"), recursive=True)

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a file in it, None if there is no such file."""
        if not self.store.get_file_info(self.path(name)).is_file:
            return None
        with self.store.open_input_stream(self.path(name)) as file:
            return file.read()

    def move(self, name: str, to: str) -> None:
        """Move a file or a folder in it; nothing is at the place it goes to."""
        self.store.move(self.path(name), self.path(to))

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with all that is in it, if it is there.

        A folder of a file system is renamed first: a worker that was given up may still write into it.
        """
        path = self.path(name)
        info = self.store.get_file_info(path)
        if info.type == fs.FileType.Directory:
            if self.is_local:
                path = self.path(f".{uuid4().hex}.partial")
                self.store.move(info.path, path)
            self.store.delete_dir(path)
        elif info.is_file:
            self.store.delete_file(path)

    @contextmanager
    def writing(self, name: str) -> Iterator[pa.NativeFile]:
        """Open a file for writing that appears at the end of the block.

        An object store shows a file once it is closed. On a file system it has a temporary name until then, a unique
        one, because a worker that was given up may still write the same file.
        """
        parent, _, base = name.rpartition("/")
        partial = f"{parent}/.{base}.{uuid4().hex}.partial".lstrip("/") if self.is_local else name
        try:
            with self.store.open_output_stream(self.path(partial)) as file:
                yield file
        except BaseException:
            self.remove(partial)
            raise
        if self.is_local:
            self.move(partial, name)
