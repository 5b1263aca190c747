"""A run's folder is brought back to its last finished part, and no other run goes on in it."""

import json
import multiprocessing

import pytest
import spacy

from scripts.annotation import manifest
from scripts.annotation.manifest import describe_inputs, describe_model, locked, open_run, tree_sha256
from scripts.errors import ProjectError
from scripts.records.notes import Rejected

IDENTITY = {
    "model": {"name": "en_test", "version": "1", "sha256": "aa"},
    "inputs": {"a": {"bytes": 1, "sha256": "aa"}, "b": {"bytes": 2, "sha256": "bb"}},
    "options": {"format": "jsonl", "labels": []},
}


def begin(folder, *, identity=IDENTITY, overwrite=False, parts=0):
    """Open a run and add parts to it, one note of each rejected."""
    with locked(folder):
        run = open_run(folder, identity, overwrite=overwrite)
        for _ in range(parts):
            path = run.part_path(".txt")
            path.write_text(f"part {len(run.parts)}")
            run.add_part(path, [Rejected(f"r{len(run.parts)}", "why")], {"notes": 1})
    return run


def state(folder):
    """Return everything in a folder except the lock."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767323045")
    return tmp_path / "run"


def test_what_a_run_writes(folder):
    begin(folder, parts=2).finish()
    files = state(folder)
    assert list(map(json.loads, files.pop("rejected.jsonl").splitlines())) == [
        {"id": "r0", "reason": "why"},
        {"id": "r1", "reason": "why"},
    ]
    content = json.loads(files.pop("manifest.json"))
    assert content.pop("parts")[1] == {
        "file": "part-00001.txt",
        "sha256": tree_sha256(folder / "parts" / "part-00001.txt"),
        "notes": 1,
        "rejected_bytes": 60,
    }
    assert content == {"begun": "2026-01-02T03:04:05+00:00", **IDENTITY, "finished": True}
    assert files == {"parts/part-00000.txt": b"part 0", "parts/part-00001.txt": b"part 1"}


def litter(folder):
    (folder / "parts" / "part-00002.txt").write_text("not in the manifest")
    (folder / "parts" / ".part-00002.txt.partial").mkdir()
    (folder / ".manifest.json.partial").write_text("{")
    with (folder / "rejected.jsonl").open("a") as file:
        file.write('{"id": "r2", "rea')


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        (litter, 2),
        (lambda folder: (folder / "parts" / "part-00001.txt").unlink(), 1),
        (lambda folder: (folder / "parts" / "part-00000.txt").write_text("changed"), 0),
        (lambda folder: (folder / "rejected.jsonl").write_text("cut"), 0),
        (lambda folder: (folder / "rejected.jsonl").write_text("x" * 59), 1),
        (lambda folder: (folder / "rejected.jsonl").unlink(), 0),
    ],
)
def test_a_run_goes_on_after_its_last_part_that_is_whole(folder, tmp_path, damage, left):
    begin(folder, parts=2)
    damage(folder)
    run = begin(folder)
    assert len(run.parts) == left
    assert sorted(path.name for path in (folder / "parts").iterdir()) == [f"part-0000{n}.txt" for n in range(left)]
    if damage is not litter and left == 1:
        return  # What stands in the file of the rejected notes is not checked, only that it is long enough.
    begin(folder, parts=3 - left)
    begin(tmp_path / "undisturbed", parts=3)
    assert state(folder) == state(tmp_path / "undisturbed")


@pytest.mark.parametrize(
    ("part", "change", "why"),
    [
        ("model", {"version": "2"}, "another model: version was '1', is '2'"),
        ("model", {"sha256": "bb"}, "another model: sha256 was 'aa', is 'bb'"),
        ("options", {"format": "csv"}, "another options: format was 'jsonl', is 'csv'"),
        ("options", {"labels": ["X"]}, r"options: labels was \[\], is \['X'\]"),
        ("options", {"new": 1}, "options: new was None, is 1"),
        ("inputs", {"c": {}}, "another input: c is new"),
        ("inputs", {"a": {"bytes": 1, "sha256": "cc"}}, "another input: a was changed"),
    ],
)
def test_another_run_is_refused_unless_it_may_overwrite(folder, part, change, why):
    begin(folder, parts=2)
    before = state(folder)
    identity = {**IDENTITY, part: {**IDENTITY[part], **change}}
    with pytest.raises(ProjectError, match=why + ".*--overwrite"):
        begin(folder, identity=identity)
    assert state(folder) == before
    assert begin(folder, identity=identity, overwrite=True).parts == []
    assert set(state(folder)) == {"manifest.json", "rejected.jsonl"}


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({"a": IDENTITY["inputs"]["a"]}, "another input: b is gone"),
        (dict(reversed(IDENTITY["inputs"].items())), "another order of inputs"),
    ],
)
def test_missing_and_moved_inputs_are_noticed(folder, inputs, why):
    begin(folder)
    with pytest.raises(ProjectError, match=why):
        begin(folder, identity={**IDENTITY, "inputs": inputs})


def test_standard_input_cannot_be_read_again(folder):
    identity = {**IDENTITY, "inputs": {"-": {}}}
    begin(folder, identity=identity, parts=1)
    with pytest.raises(ProjectError, match=r"standard input, which can't be read a second time.*--overwrite"):
        begin(folder, identity=identity)
    assert begin(folder, identity=identity, overwrite=True).parts == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_with_something_else_is_left_alone(folder, overwrite):
    (folder / "parts").mkdir(parents=True)
    (folder / "parts" / "mine.txt").write_text("mine")
    with pytest.raises(ProjectError, match="holds something else, and no run"):
        begin(folder, overwrite=overwrite)
    assert (folder / "parts" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"parts": []}', "\x00"])
def test_a_damaged_manifest_is_refused(folder, content):
    begin(folder, parts=1)
    (folder / "manifest.json").write_text(content)
    with pytest.raises(ProjectError, match=r"manifest.json is damaged.*--overwrite"):
        begin(folder)
    assert begin(folder, overwrite=True).parts == []


def test_one_run_at_a_time(folder, monkeypatch):
    monkeypatch.setattr(manifest, "LOCK_SECONDS", 0.1)
    with locked(folder):
        context = multiprocessing.get_context("fork")
        other = context.Process(target=try_to_lock, args=(folder,))
        other.start()
        other.join()
        assert other.exitcode == 7
    with locked(folder):
        pass


def try_to_lock(folder):
    try:
        with locked(folder):
            pass
    except ProjectError as error:
        assert "Another run writes to" in str(error)
        raise SystemExit(7) from None


def test_a_models_hash_is_that_of_its_files(tmp_path):
    nlp = spacy.blank("en", meta={"name": "test", "version": "1.2"})
    nlp.to_disk(tmp_path / "model")
    before = describe_model(str(tmp_path / "model"), nlp)
    assert (before["name"], before["version"]) == ("en_test", "1.2")
    (tmp_path / "model" / "__pycache__").mkdir()
    (tmp_path / "model" / "__pycache__" / "a.pyc").write_text("")
    assert describe_model(str(tmp_path / "model"), nlp) == before
    (tmp_path / "model" / "tokenizer").rename(tmp_path / "model" / "tokeniser")
    assert describe_model(str(tmp_path / "model"), nlp)["sha256"] != before["sha256"]


def test_an_inputs_hash_is_that_of_its_bytes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("gout")
    before = describe_inputs([path])
    path.touch()
    assert describe_inputs([path]) == before
    path.write_text("Gout")
    assert describe_inputs([path]) != before
