"""A stream is cut by notes and by characters, always in the same way, and an id is known when it comes again."""

import pytest

from scripts.annotation.parts import Ids, cut_parts
from scripts.errors import ProjectError
from scripts.records.notes import Note, Rejected


@pytest.mark.parametrize(
    ("lengths", "parts"),
    [
        ([], []),
        ([0, 0, 0, 0], [3, 1]),
        ([1, 1, 1], [3]),
        ([6, 4, 1], [2, 1]),
        ([6, 5, 1], [1, 2]),
        ([50, 1], [1, 1]),
        ([1, 50, 1], [1, 1, 1]),
        ([None, None, None, 5], [3, 1]),
        ([10, None, None], [3]),
    ],
)
def test_parts_of_three_notes_or_ten_characters(monkeypatch, lengths, parts):
    monkeypatch.setattr("scripts.annotation.parts.PART_CHARACTERS", 10)
    notes = [Rejected("r", "why") if n is None else Note("n", "x" * n, {}) for n in lengths]
    found = list(cut_parts(iter(notes), size=3))
    assert [len(part) for part in found] == parts
    assert [note for part in found for note in part] == notes


def test_an_id_is_new_once(tmp_path):
    with Ids(tmp_path / "ids") as ids:
        assert [ids.add(name) for name in ("1", "2", "1", "", "", "ä", "\ud800", "\ud800")] == [
            *(True, True, False),
            *(True, False),
            *(True, True, False),
        ]
    assert not list(tmp_path.iterdir())


def test_ids_of_a_run_that_was_killed_are_forgotten(tmp_path):
    (tmp_path / "ids").write_bytes(b"half a file")
    with Ids(tmp_path / "ids") as ids:
        assert ids.add("1")


def test_a_full_disk_is_named(tmp_path):
    with Ids(tmp_path / "ids") as ids:
        ids.database.execute("PRAGMA max_page_count=3")
        with pytest.raises(ProjectError, match="ids can't be written: database or disk is full"):
            for number in range(10_000):
                ids.add(str(number))
