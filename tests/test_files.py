"""Files and folders are replaced whole, or stay what they were."""

import errno
from pathlib import Path

import pytest

from scripts.files import moved_into_place, sha256


def write(path: Path, kind: str, content: str) -> None:
    """Write `content` as a file, or as the one file of a folder."""
    if kind == "folder":
        path.mkdir()
    (path / "part" if kind == "folder" else path).write_text(content)


def content(path: Path) -> dict[str, str]:
    """Return all files below `path` by name, those of temporary names too."""
    return {file.relative_to(path).as_posix(): file.read_text() for file in sorted(path.rglob("*")) if file.is_file()}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (None, "file", {"deep/place": "new"}),
        (None, "folder", {"deep/place/part": "new"}),
        ("file", "file", {"deep/place": "new"}),
        ("folder", "folder", {"deep/place/part": "new"}),
    ],
)
def test_what_was_written_replaces_what_was_there(tmp_path, old, new, expected):
    place = tmp_path / "deep" / "place"
    if old:
        place.parent.mkdir()
        write(place, old, "old")
    before = content(tmp_path)
    with moved_into_place(place) as partial:
        assert content(tmp_path) == before
        write(partial, new, "new")
        assert before.items() < content(tmp_path).items()
    assert content(tmp_path) == expected


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.ENOSPC, "No space left on device")])
def test_an_error_leaves_what_was_there_and_nothing_else(tmp_path, kind, error):
    write(tmp_path / "place", kind, "old")
    before = content(tmp_path)
    with pytest.raises(BaseException) as caught, moved_into_place(tmp_path / "place") as partial:
        write(partial, kind, "half")
        raise error
    assert caught.value is error or caught.type is error
    assert content(tmp_path) == before


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_move_that_fails_leaves_what_was_there(tmp_path, monkeypatch, kind):
    write(tmp_path / "place", kind, "old")
    before = content(tmp_path)
    replace = Path.replace

    def refuse(self, target):
        if self.name == ".place.partial":
            raise OSError(errno.EROFS, "Read-only file system", str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="Read-only"), moved_into_place(tmp_path / "place") as partial:
        write(partial, kind, "new")
    assert content(tmp_path) == before


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_run_left_does_not_get_into_the_next(tmp_path, kind):
    (tmp_path / ".place.partial").mkdir()
    (tmp_path / ".place.partial" / "half").write_text("half")
    with moved_into_place(tmp_path / "place") as partial:
        assert not partial.exists()
        write(partial, kind, "new")
    assert list(content(tmp_path).values()) == ["new"]


def test_a_link_is_replaced_and_not_what_it_points_to(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "kept").write_text("kept")
    (tmp_path / "place").symlink_to(tmp_path / "real")
    with moved_into_place(tmp_path / "place") as partial:
        write(partial, "folder", "new")
    assert content(tmp_path) == {"place/part": "new", "real/kept": "kept"}


@pytest.mark.parametrize(
    ("given", "digest"),
    [
        (b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ],
)
def test_sha256(tmp_path, given, digest):
    (tmp_path / "file").write_bytes(given)
    assert sha256(tmp_path / "file") == digest
