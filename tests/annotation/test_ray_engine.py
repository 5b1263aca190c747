"""The rows on a Ray cluster are those of the local engine, also when a worker is killed on the way."""

import gzip
import json
import os
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from scripts.annotate import annotate
from scripts.annotation import ray_engine
from scripts.annotation.manifest import describe_model
from scripts.annotation.options import AnnotateOptions, RayOptions
from scripts.annotation.parts import SAME_ID
from scripts.annotation.ray_engine import (
    BEGUN,
    FILE_BYTES,
    GROUP_BYTES,
    Group,
    Job,
    PartAnnotator,
    annotate_groups,
    begun,
    check_resources,
    clear,
    collect,
    finish,
    finished_parts,
    group_sources,
    read_ids,
    read_parts,
    rows_of,
)
from scripts.annotation.stores import Folder
from scripts.errors import ProjectError
from scripts.formats.parquet import SCHEMA
from scripts.formats.reading import ReadOptions, Source
from scripts.pipelines import load_pipeline
from scripts.records.notes import Note, Rejected
from tests.annotation.pipelines import DOSE, SECRET, make_pipeline

ROOT = Path(__file__).parents[2]
READING = ReadOptions()
TEXTS = [f"{'aspirin ' * (number % 5)}caused gout in {number} rats." for number in range(40)]


@pytest.fixture(scope="module")
def ray_cluster():
    """A cluster of this machine with two CPUs, whose workers know the pipelines of the tests."""
    context = ray_engine.ray.init(
        "local",
        num_cpus=2,
        object_store_memory=80 * 2**20,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": str(ROOT)}, "worker_process_setup_hook": import_pipelines},
    )
    yield Path(context.address_info["session_dir"])
    ray_engine.ray.shutdown()


def import_pipelines():
    import_module("tests.annotation.pipelines")


@pytest.fixture(autouse=True)
def same_date(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767323045")


@pytest.fixture
def model(tmp_path):
    """A pipeline that finds aspirin and gout, and fails on the secret."""
    make_pipeline("annotate_tests_fail").to_disk(tmp_path / "model")
    return str(tmp_path / "model")


def write_jsonl(path, texts, *, first=1, **columns):
    """Write notes with the numbers from the first one on as their ids."""
    path.parent.mkdir(exist_ok=True)
    rows = [{"id": str(number), "text": text, **columns} for number, text in enumerate(texts, start=first)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


def annotate_on_ray(model, inputs, output, *, actors=1, **options):
    options = AnnotateOptions(format="parquet", ray=RayOptions(actors=actors), **options)
    return annotate(model, inputs, output, options)


def rows(folder):
    """Return all rows of a run, in the order of its manifest."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    assert manifest["finished"]
    assert sorted(path.name for path in (folder / "parts").iterdir()) == [part["file"] for part in manifest["parts"]]
    return pa.concat_tables(pq.read_table(folder / "parts" / part["file"]) for part in manifest["parts"])


def visible(folder):
    return {path.name for path in folder.iterdir() if path.name != ".lock"}


def test_rows_of_a_trained_pipeline_are_those_of_the_local_engine(tmp_path, trained, ray_cluster):
    notes = write_jsonl(tmp_path / "notes.jsonl", TEXTS, ward="B2")
    threads = torch.get_num_threads()
    options = {"part_size": 8, "batch_size": 4, "threads": 1, "labels": ("Chemical",), "minimum_confidence": 0.1}
    local = annotate(str(trained), [notes], tmp_path / "local", AnnotateOptions(format="parquet", **options))
    torch.set_num_threads(threads)
    summary = annotate_on_ray(str(trained), [notes], str(tmp_path / "ray"), actors=2, **options)
    assert summary[:4] == local[:4]
    assert summary.entities["Chemical"] > 0
    found = rows(tmp_path / "ray")
    assert found.schema == SCHEMA
    assert found.equals(rows(tmp_path / "local"))
    for run in ("local", "ray"):
        assert len(list((tmp_path / run / "parts").iterdir())) == 5


def test_attributes_are_those_of_the_local_engine(tmp_path, ray_cluster):
    make_pipeline("annotate_tests_attributes").to_disk(tmp_path / "attributes")
    model, notes = str(tmp_path / "attributes"), write_jsonl(tmp_path / "notes.jsonl", ["aspirin for gout"])
    annotate_on_ray(model, [notes], str(tmp_path / "ray"))
    found = rows(tmp_path / "ray")
    assert [json.loads(entity["attributes"]) for entity in found["entities"].to_pylist()[0]] == [
        {"is_negated": False, "dose": DOSE},
        {"is_negated": True, "chapter": "Past β history"},
    ]
    annotate(model, [notes], tmp_path / "local", AnnotateOptions(format="parquet"))
    assert found.equals(rows(tmp_path / "local"))


@pytest.fixture
def mixed(tmp_path):
    """A folder with JSONL, some of it packed, and Parquet: in all notes that are fine, bad, empty, or there before."""
    folder = tmp_path / "mixed"
    write_jsonl(folder / "a.jsonl", ["gout", "", f"{SECRET} gout", "aspirin"])
    with (folder / "a.jsonl").open("a") as file:
        file.write(f'{{"id": "4", "text": "{SECRET} again"}}\n{{"id": "8", "text": "{SECRET}\n{{"id": "9"}}\n')
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(b'{"id": "1", "text": "gout"}\n{"text": "aspirin", "when": 3}\n'))
    table = pa.table({"id": ["20", "4", None], "text": ["\U0001f600 gout\r\n", "gout", None], "date": [1.5, None, 2.5]})
    pq.write_table(table, folder / "c.parquet")
    (folder / "d.jsonl").write_text('{"id": "30", "text": "gout", "more": "\\ud800"}\n')
    return str(folder)


# The URI stands in for one of an object store.
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_notes_are_annotated_and_rejected_as_by_the_local_engine(tmp_path, model, mixed, ray_cluster, scheme):
    annotate(model, [mixed], tmp_path / "local", AnnotateOptions(format="parquet", keep_text=False))
    output = f"{scheme}{tmp_path}/ray"
    options = {"keep_text": False, "part_size": 3}
    summary = annotate_on_ray(model, [f"{scheme}{mixed}"], output, **options)
    expected = rows(tmp_path / "local")
    assert summary.notes == len(expected) == 5
    assert rows(tmp_path / "ray").equals(expected)
    rejected = (tmp_path / "ray" / "rejected.jsonl").read_bytes()
    assert rejected == (tmp_path / "local" / "rejected.jsonl").read_bytes()
    assert len(rejected.splitlines()) == summary.rejected == 8
    assert visible(tmp_path / "ray") == {"manifest.json", "parts", "rejected.jsonl"}
    for place in (tmp_path / "ray", ray_cluster):
        files = [path for path in place.rglob("*") if path.is_file()]
        assert files
        assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    assert annotate_on_ray(model, [f"{scheme}{mixed}"], output, **options).before == 13
    with pytest.raises(ProjectError, match="options: part_size was 3, is 4"):
        annotate_on_ray(model, [f"{scheme}{mixed}"], output, **{**options, "part_size": 4})


def make_traced(folder, **config):
    """Write a pipeline that leaves traces in the folder, and give its path."""
    nlp = make_pipeline()
    (folder / "traces").mkdir()
    nlp.add_pipe("annotate_tests_trace", config={"folder": str(folder / "traces"), **config})
    nlp.to_disk(folder / "traced")
    for trace in (folder / "traces").iterdir():
        trace.unlink()
    return str(folder / "traced")


def test_a_worker_that_is_killed_loses_and_doubles_nothing(tmp_path, ray_cluster):
    model = make_traced(tmp_path)
    notes = write_jsonl(tmp_path / "notes.jsonl", [*TEXTS, SECRET, *TEXTS])
    summary = annotate_on_ray(model, [notes], str(tmp_path / "ray"), actors=2, part_size=4)
    killed = (tmp_path / "traces" / "killed").read_text()
    loaded = Counter(path.read_text() for path in (tmp_path / "traces").glob("loaded-*"))
    # The pipeline was loaded once by this process, by both workers, and by the one in place of the one that was killed.
    assert set(loaded.values()) == {1}
    assert len(loaded) == 4
    assert killed in loaded and killed != str(os.getpid())
    assert summary.notes == len(TEXTS) * 2 + 1
    annotate(model, [notes], tmp_path / "local", AnnotateOptions(format="parquet"))
    assert rows(tmp_path / "ray").equals(rows(tmp_path / "local"))


@pytest.mark.parametrize("component", ["annotate_tests_die", "annotate_tests_hang"])
def test_a_note_that_kills_or_hangs_its_process_is_rejected_as_by_the_local_engine(tmp_path, ray_cluster, component):
    make_pipeline(component).to_disk(tmp_path / "model")
    notes = write_jsonl(tmp_path / "notes.jsonl", ["gout", SECRET, "aspirin"])
    model, options = str(tmp_path / "model"), {"note_timeout": 1}
    assert annotate_on_ray(model, [notes], str(tmp_path / "ray"), **options).rejected == 1
    annotate(model, [notes], tmp_path / "local", AnnotateOptions(format="parquet", **options))
    assert rows(tmp_path / "ray").equals(rows(tmp_path / "local"))
    for run in ("local", "ray"):
        assert b'"id": "2"' in (tmp_path / run / "rejected.jsonl").read_bytes()


def test_a_note_that_kills_each_actor_ends_the_run_and_leaves_nothing(tmp_path, ray_cluster, monkeypatch, capfd):
    monkeypatch.setattr(ray_engine, "RETRIES", 1)
    notes = write_jsonl(tmp_path / "notes.jsonl", ["gout", SECRET])
    with pytest.raises(ProjectError, match="Ray gave up: Actor"):
        annotate_on_ray(make_traced(tmp_path, deadly=True), [notes], str(tmp_path / "ray"), part_size=1)
    assert visible(tmp_path / "ray") == set()
    assert "Traceback" not in "".join(capfd.readouterr())
    # By this process, by the worker, and by those in its place.
    assert len(list((tmp_path / "traces").glob("loaded-*"))) >= 3


def test_a_strict_run_stops_and_leaves_nothing(tmp_path, model, mixed, ray_cluster, monkeypatch):
    done = []

    def work(*args, **kwargs):
        try:
            yield from annotate_groups(*args, **kwargs)
        finally:
            done.append("stopped")

    def clear_folder(folder):
        clear(folder)
        done.append("cleared")

    monkeypatch.setattr(ray_engine, "annotate_groups", work)
    monkeypatch.setattr(ray_engine, "clear", clear_folder)
    with pytest.raises(ProjectError, match="Note '3': the pipeline failed on it: RuntimeError"):
        annotate_on_ray(model, [mixed], str(tmp_path / "ray"), part_size=1, strict=True)
    assert visible(tmp_path / "ray") == set()
    assert done == ["cleared", "stopped", "cleared"]


def test_rays_work_ends_with_the_rows():
    ended = []

    class Endless:
        def iter_rows(self):
            try:
                while True:
                    yield {"content": "{}"}
            finally:
                ended.append(True)

    rows = rows_of(Endless())
    assert next(rows) == {}
    assert not ended
    rows.close()
    assert ended


def test_nothing_is_told_to_rays_makers():
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_more_actors_than_this_machine_has_room_for_are_refused(monkeypatch):
    monkeypatch.setattr(ray_engine.ray, "cluster_resources", lambda: {"CPU": 2.0})
    check_resources({"CPU": 2, "GPU": 0})
    with pytest.raises(ProjectError, match="need 3 CPUs, and this machine has 2"):
        check_resources({"CPU": 3})
    with pytest.raises(ProjectError, match=r"need 0.5 GPUs, and this machine has 0"):
        check_resources({"GPU": 0.5})


def make_source(path):
    return Source(path, path.name, path.stem, path.suffix, None)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([1], [1]),
        ([GROUP_BYTES, 1, 1], [1, 2]),
        ([1, GROUP_BYTES, 1], [1, 1, 1]),
        ([2 * GROUP_BYTES] * 3, [1, 1, 1]),
        ([GROUP_BYTES // 2] * 4, [2, 2]),
        ([0] * (GROUP_BYTES // FILE_BYTES + 1), [GROUP_BYTES // FILE_BYTES, 1]),
    ],
)
def test_files_are_read_in_groups_in_their_order(sizes, expected):
    sources = [make_source(Path(f"{number}.jsonl")) for number in range(len(sizes))]
    groups = group_sources(sources, sizes)
    assert [len(group.sources) for group in groups] == expected
    assert [source for group in groups for source in group.sources] == sources
    assert [group.number for group in groups] == list(range(len(groups)))


def test_a_group_survives_the_way_to_another_process(tmp_path):
    name = os.fsdecode(b"\xff.jsonl")
    group = Group(3, [make_source(tmp_path / name), Source(Path("b/n.gz"), "n.gz", "n", ".gz", "gzip", "s3://b")], [2])
    assert Group.load(group.dump()) == group


def contents(found):
    return [json.loads(row["content"]) for row in found]


def test_ids_are_read_and_known_ones_are_rejected(tmp_path):
    path = tmp_path / "notes.jsonl"
    path.write_text('{"id": "1", "text": "a"}\n[]\n{"id": "1", "text": "b"}\n{"text": "c"}\n')
    group = Group(7, [make_source(path)], [])
    assert contents(read_ids(group.dump(), reading=READING)) == [{"group": 7, "ids": ["1", None, "1", "notes:4"]}]
    parts = contents(read_parts(group._replace(known=[2]).dump(), options=AnnotateOptions(part_size=3)))
    assert [part["name"] for part in parts] == ["part-00007-00000.parquet", "part-00007-00001.parquet"]
    assert [note for part in parts for note in part["notes"]] == [
        ["1", "a", {}],
        ["notes.jsonl:2", "not a JSON object"],
        ["1", SAME_ID],
        ["notes:4", "c", {}],
    ]


def test_a_column_that_is_missing_is_named(tmp_path):
    pq.write_table(pa.table({"id": ["1"], "note": ["gout"]}), tmp_path / "notes.parquet")
    (found,) = contents(read_ids(Group(0, [make_source(tmp_path / "notes.parquet")], []).dump(), reading=READING))
    assert found["problem"] == [
        f"{tmp_path}/notes.parquet has no column 'text'",
        "It has 2 columns. Name one of them with --text-column.",
    ]


def make_job(model, output, **changes):
    description = describe_model(model, load_pipeline(model))
    options = AnnotateOptions(format="parquet", threads=torch.get_num_threads(), ray=RayOptions())
    job = Job(model, description, options, str(output))
    return job._replace(**changes)


def annotate_part(job, notes):
    batch = {"content": [json.dumps({"name": "part-0.parquet", "group": 0, "notes": notes})]}
    (content,) = PartAnnotator(job)(batch)["content"]
    return json.loads(content)


def test_what_an_actor_writes_and_tells(tmp_path, model):
    notes = [Note("1", "gout", {}), Rejected("2", "why"), Note("3", SECRET, {})]
    Folder(str(tmp_path)).make(".parts.partial")
    told = annotate_part(make_job(model, tmp_path), notes)
    assert told["rejected"] == [["2", "why"], ["3", "the pipeline failed on it: RuntimeError"]]
    assert {name: told["part"][name] for name in ("notes", "rejected", "entities", "first", "last")} == {
        "notes": 1,
        "rejected": 2,
        "entities": {"Disease": 1},
        "first": "1",
        "last": "3",
    }
    assert pq.read_table(tmp_path / ".parts.partial" / "part-0.parquet").column("id").to_pylist() == ["1"]


def test_an_actor_with_another_pipeline_says_so(tmp_path, model):
    job = make_job(model, tmp_path, description={"name": "en_other", "version": "1", "sha256": "0"})
    title, hint = annotate_part(job, [])["problem"]
    assert "A worker has another pipeline" in title
    assert "same wheel" in hint


def test_what_an_actor_cannot_do_is_told_without_a_text(tmp_path, model):
    # Nobody has made the folder for the parts.
    told = annotate_part(make_job(model, tmp_path), [Note("1", SECRET, {})])
    assert told["problem"][0] == "part-0.parquet can't be made: No such file or directory"


def make_outcome(name, *, group=0, notes=1):
    return {"group": group, "rejected": [], "part": {"file": name, "notes": notes, "rejected": 0}}


@pytest.mark.parametrize(
    "found",
    [
        [make_outcome("a")],
        [make_outcome("a"), make_outcome("b", group=1, notes=2), make_outcome("c", group=1)],
        [make_outcome("a", group=1, notes=2), make_outcome("b", notes=2)],
        [make_outcome("a"), make_outcome("a", group=1, notes=2)],
    ],
)
def test_a_run_that_lost_or_doubled_a_note_fails(tmp_path, found):
    assert collect([make_outcome("a"), make_outcome("b", group=1, notes=2)], [1, 2], Folder(str(tmp_path)), strict=True)
    with pytest.raises(ProjectError, match="Not every note came back once"):
        collect(found, [1, 2], Folder(str(tmp_path)), strict=True)


IDENTITY = {"model": {"name": "en_a"}, "inputs": {"a.jsonl": {"bytes": 3}}, "options": {"engine": "ray"}}


@pytest.fixture(params=["", "file://"])
def folder(tmp_path, request):
    return Folder(f"{request.param}{tmp_path}/run")


def be_killed(folder):
    """Leave in a folder what a run leaves that is killed. What is given is to be kept: without it the run fails."""
    run = begun(folder, IDENTITY)
    run.__enter__()
    with folder.writing(f"{ray_engine.parts_folder(folder)}/part-9") as file:
        file.write(b"old")
    return run


def test_what_a_killed_run_left_is_not_finished_and_is_cleared(folder):
    killed = be_killed(folder)
    assert killed and BEGUN in folder.names()
    assert finished_parts(folder, IDENTITY, overwrite=False) is None
    with begun(folder, IDENTITY):
        finish(folder, {"begun": "", **IDENTITY, "parts": [], "finished": True})
    assert sorted(folder.names()) == ["manifest.json", "parts"]
    assert folder.names("parts") == []
    assert finished_parts(folder, IDENTITY, overwrite=False) == []
    assert finished_parts(folder, IDENTITY, overwrite=True) is None
    with pytest.raises(ProjectError, match="another model: name was 'en_a', is 'en_b'"):
        finished_parts(folder, {**IDENTITY, "model": {"name": "en_b"}}, overwrite=False)


def test_a_run_that_is_begun_anew_does_not_look_finished(folder):
    with begun(folder, IDENTITY):
        finish(folder, {"begun": "", **IDENTITY, "parts": [], "finished": True})
    killed = be_killed(folder)
    assert killed and "manifest.json" not in folder.names()


def test_a_folder_with_something_else_is_refused(folder):
    folder.make()
    with folder.writing("thesis.txt") as file:
        file.write(b"mine")
    with pytest.raises(ProjectError, match="something else, and no run"):
        finished_parts(folder, IDENTITY, overwrite=True)


def test_without_ray_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "scripts.annotation.ray_engine")
    with pytest.raises(ProjectError, match=r"pip install -r requirements-ray.txt -c constraints.txt"):
        import_module("scripts.annotation.ray_engine")
