"""Files are found, read and written in an object store as in a folder; file:// and local:// stand in for one."""

import gzip
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scripts.annotation.readers import source_notes
from scripts.annotation.sources import check_apart, find_stored_sources
from scripts.annotation.stores import Folder, StoredFile, StoreError, list_files, open_store
from scripts.errors import ProjectError
from scripts.formats.reading import ReadOptions
from scripts.formats.registry import READERS
from scripts.records.notes import Note

READING = ReadOptions("text", "id", "utf-8")
# PyArrow's own file system, and one of fsspec's.
SCHEMES = ["file://", "local://"]


@pytest.fixture
def notes(tmp_path):
    """A folder with notes in three formats, and with files that are not read."""
    folder = tmp_path / "notes"
    (folder / "b c").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"gout")
    (folder / "b c" / "n.jsonl.gz").write_bytes(gzip.compress(b'{"id": "1", "text": "aspirin"}\n'))
    pq.write_table(pa.table({"id": ["2"], "text": ["gout"]}), folder / "c.parquet")
    for name in ("_SUCCESS.txt", ".hidden.txt", "scan.pdf"):
        (folder / name).write_text("no note")
    return folder


@pytest.mark.parametrize("scheme", SCHEMES)
def test_notes_are_found_and_read_as_in_a_folder(notes, scheme):
    sources = find_stored_sources([f"{scheme}{notes}"], suffixes=READERS)
    local = find_stored_sources([str(notes)], suffixes=READERS)
    in_folders = find_stored_sources([str(notes), f"{scheme}{notes}/"], suffixes=READERS, folder_ids=True)
    assert {source.name for source in in_folders} == {
        f"{folder}/{source.name}" for folder in (notes, f"{scheme}{notes}") for source in local
    }
    assert [source.name for source in sources] == [source.name for source in local]
    assert [source.uri for source in sources] == [f"{scheme}{source.path}" for source in local]
    found = [note for source in sources for note in source_notes(source, READING)]
    assert found == [Note("a", "gout", {}), Note("1", "aspirin", {}), Note("2", "gout", {})]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_one_file_is_found_by_its_uri(notes, scheme):
    assert list_files(f"{scheme}{notes}/a.txt") == {PurePosixPath("a.txt"): f"{notes}/a.txt"}


@pytest.mark.parametrize(
    ("place", "why"), [("file:///no/such/folder", "no file or folder"), ("what://a", "no known kind")]
)
def test_what_is_not_there_is_named(place, why):
    with pytest.raises(ProjectError, match=why):
        list_files(place)


def test_a_folder_without_notes_is_refused(tmp_path):
    (tmp_path / "scan.pdf").write_text("no note")
    with pytest.raises(ProjectError, match="holds no file of notes"):
        find_stored_sources([f"file://{tmp_path}"], suffixes=READERS)


@pytest.mark.parametrize("name", ["a.txt", "b c/n.jsonl.gz", "c.parquet"])
def test_a_fault_of_the_store_rejects_no_note(notes, name, monkeypatch):
    """A file that is damaged is rejected; one that cannot be had now is not."""
    (source,) = find_stored_sources([f"file://{notes}/{name}"], suffixes=READERS)

    class Broken:
        """A file that can be opened, and not read."""

        def __init__(self, file):
            self.seek, self.tell, self.close = file.seek, file.tell, file.close

        def readinto(self, buffer):
            raise OSError("timed out")

    opened = StoredFile.__init__

    def break_file(self, place, path):
        opened(self, place, path)
        self.file = Broken(self.file)

    monkeypatch.setattr(StoredFile, "__init__", break_file)
    with pytest.raises(StoreError, match="OSError"):
        list(source_notes(source, READING))


def test_a_file_that_is_gone_is_a_fault_of_the_store(notes):
    (source,) = find_stored_sources([f"file://{notes}/a.txt"], suffixes=READERS)
    (notes / "a.txt").unlink()
    with pytest.raises(StoreError, match="FileNotFoundError"):
        list(source_notes(source, READING))


@pytest.mark.parametrize("scheme", ["", *SCHEMES])
def test_what_is_written_is_read_and_removed(tmp_path, scheme):
    folder = Folder(f"{scheme}{tmp_path}/run")
    assert folder.names() == []
    assert folder.read("a") is None
    folder.make("parts")
    with folder.writing("parts/a") as file:
        file.write(b"gout")
    assert folder.names("parts") == ["a"]
    assert folder.read("parts/a") == b"gout"
    folder.remove("parts")
    folder.remove("no such file")
    assert folder.names() == []


def test_a_file_on_a_file_system_is_there_once_it_is_whole(tmp_path):
    folder = Folder(str(tmp_path))
    with folder.writing("a") as file:
        file.write(b"gout")
        assert all(name.startswith(".") for name in folder.names())
    assert folder.names() == ["a"]
    with pytest.raises(KeyError), folder.writing("b"):
        raise KeyError
    assert folder.names() == ["a"]


def test_nothing_is_written_into_a_folder_while_it_is_removed(tmp_path):
    folder = Folder(str(tmp_path))
    folder.make("parts")
    store, refused = folder.store, []

    class Busy:
        """The store, with a worker that writes into the folder when it is being deleted."""

        def __getattr__(self, name):
            return getattr(store, name)

        def delete_dir(self, path):
            try:
                with Folder(str(tmp_path)).writing("parts/part") as file:
                    file.write(b"late")
            except FileNotFoundError as error:
                refused.append(error)
            store.delete_dir(path)

    folder.store = Busy()
    folder.remove("parts")
    assert len(refused) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_relative_path_is_the_same_place_later(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert open_store("run")[1] == str(tmp_path / "run")


@pytest.mark.parametrize(
    ("given", "output", "within"),
    [
        ("s3://b/notes", "s3://b/notes/out", True),
        ("s3://b/notes/", "s3://b/notes", True),
        ("s3://b/notes", "s3://b/notes-out", False),
        ("s3://b/notes", "out", False),
    ],
)
def test_an_output_within_an_input_is_refused(given, output, within):
    if within:
        with pytest.raises(ProjectError, match="lies within the input"):
            check_apart([given], output)
    else:
        check_apart([given], output)
