"""Notes in, entities out: in every format, with nothing lost when a note is bad or the run is killed anywhere."""

import errno
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from scripts import annotate as command
from scripts.annotate import annotate_cli
from scripts.annotation import local_engine
from scripts.annotation.manifest import Run, locked
from scripts.annotation.options import AnnotateOptions
from scripts.annotation.parts import SAME_ID
from scripts.errors import ProjectError
from scripts.formats.jsonl import JsonlWriter
from scripts.formats.reading import ReadOptions
from scripts.formats.registry import WRITERS
from tests.annotation.pipelines import SECRET, make_pipeline
from tests.annotation.test_manifest import state
from tests.formats.reading_back import mentions_of

ROOT = Path(__file__).parents[1]
TEXTS = ("aspirin caused gout in 3 rats.", "", "Hx:\r\n\tgout 😀, aspirin\r\n", " \n ", "aspirin " * 30, "None.")
# What is read in them, by hand.
MENTIONS = (
    [(0, 7, "Chemical", ""), (15, 19, "Disease", "")],
    [],
    [(6, 10, "Disease", ""), (14, 21, "Chemical", "")],
    [],
    [(start, start + 7, "Chemical", "") for start in range(0, 240, 8)],
    [],
)


@pytest.fixture(autouse=True)
def same_date(monkeypatch):
    """The manifest and OMOP's rows have the date on which a run was begun."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767323045")


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Pipelines that find aspirin and gout; one fails on the secret, one takes a millisecond for each note."""
    folder = tmp_path_factory.mktemp("models")
    for name, components in {"plain": [], "fail": ["annotate_tests_fail"], "slow": ["annotate_tests_delay"]}.items():
        make_pipeline(*components).to_disk(folder / name)
    return folder


@pytest.fixture
def model(models):
    return str(models / "plain")


def write_notes(path, texts, **columns):
    """Write notes as JSONL with the ids 1, 2 and so on."""
    rows = [{"id": str(number), "text": text, **columns} for number, text in enumerate(texts, start=1)]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return str(path)


@pytest.fixture
def notes(tmp_path):
    return write_notes(tmp_path / "notes.jsonl", TEXTS, ward="B2")


def annotate(model, inputs, output, *, text_column="text", encoding="utf-8", **options):
    """Annotate with options of any kind."""
    reading = ReadOptions(text_column, encoding=encoding)
    return command.annotate(model, inputs, output, AnnotateOptions(reading=reading, **options))


def rows(folder):
    """Return all rows of all parts of a run in JSONL."""
    paths = sorted((folder / "parts").iterdir())
    return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]


def rejected(folder):
    return [json.loads(line) for line in (folder / "rejected.jsonl").read_bytes().splitlines()]


# A table has concepts instead of mentions, and FHIR needs the patient's id: see their own tests.
@pytest.mark.parametrize("format", [name for name in WRITERS if name not in ("table", "fhir")])
def test_each_format_has_the_mentions_of_each_note(tmp_path, model, notes, format):
    summary = annotate(model, [notes], tmp_path / "run", format=format, part_size=4)
    assert (summary.notes, summary.rejected, summary.entities) == (6, 0, {"Chemical": 32, "Disease": 2})
    parts = sorted((tmp_path / "run" / "parts").iterdir())
    assert [path.name.split(".")[0] for path in parts] == ["part-00000", "part-00001"]
    found = {name: mentions for path in parts for name, mentions in mentions_of(path, format).items()}
    expected = {str(number): mentions for number, mentions in enumerate(MENTIONS, start=1)}
    # These have nothing to say about a note without a mention, or without a word.
    left_out = {"csv": "246", "omop": "246", "conll": "24"}.get(format, "")
    assert found == {name: mentions for name, mentions in expected.items() if name not in left_out}


def test_a_trained_pipeline_annotates_in_one_process_as_in_two(tmp_path, trained, notes):
    for processes in (1, 2):
        annotate(str(trained), [notes], tmp_path / str(processes), processes=processes, batch_size=2)
    first, *_ = found = rows(tmp_path / "1")
    assert [(ent["text"], ent["label"]) for ent in first["entities"]] == [("aspirin", "Chemical"), ("gout", "Disease")]
    assert all(row["text"][ent["start"] : ent["end"]] == ent["text"] for row in found for ent in row["entities"])

    def spans(rows):
        return [(row["id"], [(ent["start"], ent["end"], ent["label"]) for ent in row["entities"]]) for row in rows]

    assert spans(rows(tmp_path / "2")) == spans(found)


def test_notes_keep_their_order_and_their_columns(tmp_path, model, notes):
    annotate(model, [notes], tmp_path / "run", keep_text=False)
    found = rows(tmp_path / "run")
    assert [row["id"] for row in found] == ["1", "2", "3", "4", "5", "6"]
    assert all(row["columns"] == {"ward": "B2"} and "text" not in row for row in found)


def test_omop_rows_are_numbered_through_all_parts(tmp_path, model, notes):
    annotate(model, [notes], tmp_path / "run", format="omop", part_size=1)
    lines = [line for path in sorted((tmp_path / "run" / "parts").iterdir()) for line in path.open() if "en_" in line]
    numbers = [line.split(",")[0] for line in lines if line[0].isdigit()]
    assert numbers == [str(number) for number in (1, 2, *range(5, 35))]


def test_a_long_note_is_a_whole_and_one_too_long_is_rejected(tmp_path):
    make_pipeline("annotate_tests_first_word").to_disk(tmp_path / "model")
    text = "gout\n" + "No complaints. \n" * 12_500 + "gout"
    notes = write_notes(tmp_path / "notes.jsonl", ["aspirin", text, "gout " * 200_001, "gout"])
    annotate(str(tmp_path / "model"), [notes], tmp_path / "run", processes=2)
    assert [[(ent["start"], ent["end"]) for ent in row["entities"]] for row in rows(tmp_path / "run")] == [
        [(0, 7)],
        [(0, 4), (len(text) - 4, len(text))],
        [(0, 4)],
    ]
    assert rejected(tmp_path / "run") == [
        {"id": "3", "reason": "it has 1,000,005 characters, and the pipeline reads at most 1,000,000"}
    ]


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    ("component", "reason"),
    [
        ("annotate_tests_hang", "the pipeline did not finish it within 1 seconds"),
        ("annotate_tests_die", "the pipeline's process ended while it was annotated"),
    ],
)
def test_a_note_that_hangs_or_kills_its_process_is_rejected_alone(tmp_path, component, reason, processes):
    make_pipeline(component).to_disk(tmp_path / "model")
    notes = write_notes(tmp_path / "notes.jsonl", [*TEXTS, f"{SECRET} gout", *TEXTS])
    options = {"note_timeout": 1, "processes": processes, "batch_size": 4}
    summary = annotate(str(tmp_path / "model"), [notes], tmp_path / "run", **options)
    assert (summary.notes, summary.rejected) == (12, 1)
    assert rejected(tmp_path / "run") == [{"id": "7", "reason": reason}]
    found = [[(e["start"], e["end"], e["label"], "") for e in row["entities"]] for row in rows(tmp_path / "run")]
    assert found == [*MENTIONS, *MENTIONS]


# The command in a process of its own: a fork of this one would have what other tests left in it, threads for instance.
# The pipeline's components are in the tests.
COMMAND = "import typer, tests.annotation.pipelines, scripts.annotate; typer.run(scripts.annotate.annotate_cli)"


def heed_interruption() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_an_interrupted_run_ends_at_once_with_its_workers(tmp_path):
    reached = tmp_path / "reached"
    reached.mkdir()
    nlp = make_pipeline()
    nlp.add_pipe("annotate_tests_sleep", config={"folder": str(reached)})
    nlp.to_disk(tmp_path / "model")
    notes = write_notes(tmp_path / "notes.jsonl", ["gout", "aspirin"])
    arguments = [tmp_path / "model", notes, tmp_path / "run", "--processes", "2", "--batch-size", "1"]
    # A shell that starts the tests in the background lets them, and what they start, ignore the signal.
    run = subprocess.Popen([sys.executable, "-c", COMMAND, *arguments], cwd=ROOT, preexec_fn=heed_interruption)
    try:
        workers = wait_for(lambda: [int(path.name) for path in reached.iterdir()], lambda found: len(found) == 2, 60)
        assert len(workers) == 2
        assert set(workers) <= set(children(run.pid))
        run.send_signal(signal.SIGINT)
        assert run.wait(20) == 130
        assert not wait_for(lambda: [pid for pid in workers if is_alive(pid)], lambda found: not found, 1)
    finally:
        run.kill()
        run.wait()


BAD = ("gout", f"{SECRET} gout", "aspirin", f"gout {SECRET}")
REASON = "the pipeline failed on it: RuntimeError"


@pytest.fixture
def bad_notes(tmp_path):
    """Six notes: two on which the pipeline fails, one that has another's id, one that cannot be read."""
    path = tmp_path / "notes.jsonl"
    write_notes(path, BAD)
    with path.open("a") as file:
        file.write(f'{{"id": "1", "text": "{SECRET} again"}}\n{{"id": "8", "text": "{SECRET}\n')
    return str(path)


@pytest.mark.parametrize("processes", [1, 2])
def test_bad_notes_are_rejected_with_a_reason_and_no_text(tmp_path, models, bad_notes, processes):
    run = tmp_path / "run"
    summary = annotate(str(models / "fail"), [bad_notes], run, part_size=3, processes=processes)
    assert (summary.notes, summary.rejected) == (2, 4)
    assert [row["id"] for row in rows(run)] == ["1", "3"]
    *others, unread = rejected(run)
    assert others == [
        {"id": "2", "reason": REASON},
        {"id": "4", "reason": REASON},
        {"id": "1", "reason": SAME_ID},
    ]
    assert set(unread) == {"id", "reason"}
    assert not any(SECRET.encode() in content for content in state(run).values())


def test_what_the_command_says_and_its_exit_code(tmp_path, models, bad_notes):
    done = invoke(models / "fail", bad_notes, tmp_path / "run")
    assert done.exit_code == 3
    said = " ".join(done.output.split())
    assert "2 entities (Chemical 1, Disease 1) in 2 notes" in said
    assert "4 notes were rejected" in said
    assert SECRET not in said
    assert invoke(models / "fail", bad_notes, tmp_path / "run").exit_code == 3


@pytest.mark.parametrize(
    ("texts", "why"),
    [(BAD, f"Note '2': {REASON}"), (["gout", "gout"], f"Note '1': {SAME_ID}")],
)
def test_a_strict_run_stops_at_the_first_bad_note_and_can_go_on_without(tmp_path, models, texts, why):
    path = tmp_path / "notes.jsonl"
    write_notes(path, texts)
    path.write_text(path.read_text() + path.read_text().splitlines()[0] + "\n")
    done = invoke(models / "fail", path, tmp_path / "run", "--strict", "--part-size", 1)
    assert done.exit_code == 1
    assert why in " ".join(done.output.split())
    assert SECRET not in done.output
    assert invoke(models / "fail", path, tmp_path / "run", "--part-size", 1).exit_code == 3


def test_a_format_that_cannot_hold_an_id_rejects_that_note_alone(tmp_path, model):
    path = tmp_path / "notes.jsonl"
    path.write_text('{"id": "a7", "text": "gout"}\n{"id": "7", "text": "gout"}\n')
    summary = annotate(model, [str(path)], tmp_path / "run", format="omop")
    assert (summary.notes, summary.rejected) == (1, 1)
    assert rejected(tmp_path / "run") == [
        {"id": "a7", "reason": "note_id must be an integer in OMOP, without a sign or leading zeros"}
    ]


def test_two_notes_that_would_have_one_integer_in_omop_are_not_mixed_up(tmp_path, model):
    path = tmp_path / "notes.jsonl"
    path.write_text('{"id": "7", "text": "gout"}\n{"id": 7.0, "text": "gout"}\n')
    summary = annotate(model, [str(path)], tmp_path / "run", format="omop")
    assert (summary.notes, rejected(tmp_path / "run")) == (1, [{"id": "7", "reason": SAME_ID}])


def test_a_finished_run_is_not_done_again(tmp_path, model, notes):
    annotate(model, [notes], tmp_path / "run", part_size=2)
    before = state(tmp_path / "run")
    summary = annotate(model, [notes], tmp_path / "run", part_size=2)
    assert (summary.notes, summary.before, summary.words_per_second) == (6, 6, 0)
    assert state(tmp_path / "run") == before


@pytest.mark.parametrize(
    "change",
    [
        {"format": "csv"},
        {"labels": ("Disease",)},
        {"keep_text": False},
        {"part_size": 3},
        {"batch_size": 8},
        {"encoding": "utf-8-sig"},
    ],
)
def test_a_changed_option_is_refused_or_overwrites(tmp_path, model, notes, change):
    options = {"part_size": 2}
    annotate(model, [notes], tmp_path / "run", **options)
    before = state(tmp_path / "run")
    with pytest.raises(ProjectError, match=f"options: {next(iter(change))} was .*--overwrite"):
        annotate(model, [notes], tmp_path / "run", **{**options, **change})
    assert state(tmp_path / "run") == before
    annotate(model, [notes], tmp_path / "run", **{**options, **change}, overwrite=True)
    annotate(model, [notes], tmp_path / "fresh", **{**options, **change})
    assert state(tmp_path / "run") == state(tmp_path / "fresh")


def test_a_changed_input_or_model_is_refused(tmp_path, models, notes):
    annotate(str(models / "plain"), [notes], tmp_path / "run")
    with pytest.raises(ProjectError, match="another model: sha256 was"):
        annotate(str(models / "slow"), [notes], tmp_path / "run")
    write_notes(Path(notes), ["aspirin"])
    with pytest.raises(ProjectError, match=r"input: .*notes.jsonl was changed"):
        annotate(str(models / "plain"), [notes], tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": "xml"}, "Unknown format 'xml'.*Known are jsonl, parquet"),
        ({"model": "no_such_pipeline"}, "There is no pipeline 'no_such_pipeline'"),
        ({"labels": ("Drug",)}, "no entities with the label 'Drug'"),
        ({"minimum_confidence": 0.5}, "gives no confidences"),
        ({"format": "prodigy", "by": "uncertainty"}, "gives no confidences, so its notes can't be put into an order"),
        ({"processes": 2, "gpu_id": 0}, "can't share a GPU"),
        ({"gpu_id": 99}, r"There is no GPU 99\..* give --gpu-id -1\.$"),
        ({"note_timeout": 0}, r"note_timeout \(0\) must be greater than 0"),
        ({"model": ""}, "The argument MODEL is empty"),
        ({"inputs": ["", "notes"]}, "An input is empty"),
        ({"output": " "}, "The argument OUTPUT is empty"),
    ],
)
def test_a_mistake_is_named_before_anything_is_written(tmp_path, model, notes, change, why):
    given = {"model": model, "inputs": [notes], "output": tmp_path / "run", **change}
    with pytest.raises(ProjectError, match=why):
        annotate(**given)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--engine", "ray", "--format", "jsonl"], "writes Parquet, and not jsonl"),
        (["--engine", "ray", "--processes", 2], "Give --actors"),
        (["--engine", "ray", "--gpu-id", 0], "Give --gpus"),
        (["--no-keep-text", "--format", "brat"], "Files in the format brat contain the text of the notes"),
        (["--by", "uncertainty"], "Notes in the format jsonl are not put into an order"),
        (["--engine", "ray", "--by", "uncertainty"], "Notes in the format parquet are not put into an order"),
        (["--delimiter", "ab"], "The delimiter 'ab' is not one character"),
        (["--actors", 2], "--actors is an option of --engine ray"),
        (["--gpus", 1], "--gpus is an option of --engine ray"),
        (["--address", "auto"], "--address is an option of --engine ray"),
    ],
)
def test_options_that_exclude_each_other_are_refused(tmp_path, model, notes, options, why):
    done = invoke(model, notes, tmp_path / "run", *options)
    assert done.exit_code == 1
    assert why in " ".join(done.output.split())
    assert not (tmp_path / "run").exists()


def test_a_cluster_does_not_read_standard_input(tmp_path, model):
    done = invoke(model, "-", tmp_path / "run", "--engine", "ray")
    assert done.exit_code == 1
    assert "can't read standard input" in " ".join(done.output.split())


def test_a_folder_with_nothing_in_it_is_refused(tmp_path, model):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ProjectError, match="empty"):
        annotate(model, [str(tmp_path / "empty")], tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_column_that_is_missing_is_named(tmp_path, model, notes):
    summary = annotate(model, [notes], tmp_path / "run", text_column="note_text")
    assert summary.rejected == len(TEXTS)
    assert all("note_text" in row["reason"] for row in rejected(tmp_path / "run"))


def test_a_column_that_a_header_lacks_is_named_before_anything_is_written(tmp_path, model):
    (tmp_path / "notes.csv").write_text("id,note\n1,gout\n")
    with pytest.raises(ProjectError, match="text"):
        annotate(model, [str(tmp_path / "notes.csv")], tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert annotate(model, [str(tmp_path / "notes.csv")], tmp_path / "run", text_column="note").notes == 1


def test_options_for_files_as_people_have_them(tmp_path, model):
    for ward in ("a", "b"):
        (tmp_path / ward).mkdir()
        (tmp_path / ward / "notes.csv").write_text('note|ward\n"gout|A\naspirin"|B\n')
    options = ["--delimiter", "|", "--quoting", "none", "--text-column", "note", "--folder-ids"]
    done = invoke(model, tmp_path / "a", tmp_path / "b", tmp_path / "run", *options)
    assert done.exit_code == 0, done.output
    assert [(row["id"], row["text"]) for row in rows(tmp_path / "run")] == [
        (f"{tmp_path}/{ward}/notes:{number}", text)
        for ward in ("a", "b")
        for number, text in ((1, '"gout'), (2, 'aspirin"'))
    ]


def test_files_that_are_not_read_are_named(tmp_path, model):
    (tmp_path / "notes").mkdir()
    write_notes(tmp_path / "notes" / "notes.jsonl", TEXTS)
    (tmp_path / "notes" / "scan.pdf").write_text("no notes")
    done = invoke(model, tmp_path / "notes", tmp_path / "run")
    assert done.exit_code == 0
    assert "1 files of no known format were not read, the first is" in " ".join(done.output.split())


def test_notes_on_standard_input_are_read_once(tmp_path, model, notes, monkeypatch):
    def run(**options):
        with Path(notes).open() as file:
            monkeypatch.setattr(sys, "stdin", file)
            return annotate(model, ["-"], tmp_path / "run", part_size=4, **options).notes

    assert run() == len(TEXTS)
    with pytest.raises(ProjectError, match="can't be read a second time"):
        run()
    assert run(overwrite=True) == len(TEXTS)


def test_an_output_within_the_input_is_refused(tmp_path, model, notes):
    with pytest.raises(ProjectError, match="lies within the input"):
        annotate(model, [str(tmp_path)], tmp_path / "run")


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("target", "name"),
    [(JsonlWriter, "write"), (Run, "save"), (Run, "add_part"), (Run, "finish")],
)
def test_a_full_disk_is_a_message_and_the_run_goes_on_later(tmp_path, model, notes, monkeypatch, target, name):
    with monkeypatch.context() as patched:
        patched.setattr(target, name, no_space)
        done = invoke(model, notes, tmp_path / "run", "--part-size", 4)
    assert done.exit_code == 1
    assert "No space left on device" in done.output
    annotate(model, [notes], tmp_path / "run", part_size=4)
    annotate(model, [notes], tmp_path / "undisturbed", part_size=4)
    assert state(tmp_path / "run") == state(tmp_path / "undisturbed")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which is always full")
def test_a_disk_that_is_really_full(tmp_path, model, notes, monkeypatch):
    def write_to_full_disk(self, prepared, path, *, number_from):
        Path("/dev/full").write_bytes(b"".join(prepared))

    monkeypatch.setattr(JsonlWriter, "write", write_to_full_disk)
    done = invoke(model, notes, tmp_path / "run")
    assert (done.exit_code, "No space left on device" in done.output) == (1, True)


def test_a_folder_that_cannot_be_written_is_a_message(tmp_path, model, notes, monkeypatch):
    # The permissions of a folder do not keep the superuser out, who runs the tests in a container.
    def refuse(self, *_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(self))

    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", refuse)
        done = invoke(model, notes, tmp_path / "run")
    assert done.exit_code == 1
    said = "".join(done.output.split())
    assert "Read-onlyfilesystem" in said
    assert str(tmp_path / "run") in said


def test_a_second_run_in_the_same_folder_is_refused(tmp_path, model, notes, monkeypatch):
    monkeypatch.setattr("scripts.annotation.manifest.LOCK_SECONDS", 0.1)
    with locked(tmp_path / "run"), pytest.raises(ProjectError, match="Another run writes to"):
        annotate(model, [notes], tmp_path / "run")


def test_the_command_in_a_process_of_its_own(tmp_path, model):
    done = subprocess.run(
        [sys.executable, "-m", "scripts.annotate", model, "scripts/samples", tmp_path / "run", "--format", "parquet"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "in 3 notes are in" in " ".join(done.stdout.split())
    assert [path.name for path in (tmp_path / "run" / "parts").iterdir()] == ["part-00000.parquet"]


def invoke(*arguments):
    app = typer.Typer()
    app.command()(annotate_cli)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def in_child(function, *arguments, kill_after=None):
    """Run a function in a fork of this process, which has everything imported, and give how that ended."""
    child = multiprocessing.get_context("fork").Process(target=function, args=arguments)
    child.start()
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child.pid, signal.SIGKILL)
    child.join()
    return child.exitcode


def preload(model, monkeypatch):
    """Load a pipeline once for all runs."""
    nlp = local_engine.load_pipeline(str(model))
    monkeypatch.setattr(local_engine, "load_pipeline", lambda _: nlp)


def run_until_event(events, model, notes, folder, options):
    """Annotate, and be killed at the n-th file that is opened for writing, moved, made or removed in the folder."""
    watched = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}
    left = events

    def kill(event, arguments):
        nonlocal left
        if event in watched and str(folder) in str(arguments[0]):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(kill)
    annotate(model, [notes], folder, **options)


@pytest.mark.parametrize("format", ["jsonl", "brat"])
def test_killed_at_each_change_of_a_file_it_goes_on_to_the_same_bytes(tmp_path, models, format, monkeypatch):
    notes = write_notes(tmp_path / "notes.jsonl", [*BAD, "gout"])
    model, options = str(models / "fail"), {"format": format, "part_size": 3}
    preload(model, monkeypatch)
    annotate(model, [notes], tmp_path / "undisturbed", **options)
    expected = state(tmp_path / "undisturbed")
    for events in range(1, 200):
        folder = tmp_path / f"run{events}"
        code = in_child(run_until_event, events, model, notes, folder, options)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        annotate(model, [notes], folder, **options)
        assert state(folder) == expected, f"killed at change {events}"
    assert events > 20
    assert state(folder) == expected


@pytest.mark.parametrize("processes", [1, 2])
def test_killed_at_random_moments_it_goes_on_to_the_same_bytes(tmp_path, monkeypatch, processes):
    texts = [f"{SECRET * (number % 80 == 7)} {'aspirin ' * (number % 7)} gout {number}" for number in range(400)]
    notes = write_notes(tmp_path / "notes.jsonl", texts)
    make_pipeline("annotate_tests_fail", "annotate_tests_delay").to_disk(tmp_path / "model")
    preload(tmp_path / "model", monkeypatch)
    options = {"part_size": 40, "processes": processes, "batch_size": 8}
    arguments = (str(tmp_path / "model"), notes, options)
    started = time.monotonic()
    assert in_child(run_whole, tmp_path / "undisturbed", *arguments) == 0
    duration = time.monotonic() - started
    assert len(rejected(tmp_path / "undisturbed")) == 5
    moments = random.Random(0)
    kills = sum(
        in_child(run_whole, tmp_path / "run", *arguments, kill_after=moments.uniform(0, duration / 2)) != 0
        for _ in range(6)
    )
    assert kills >= 2
    assert in_child(run_whole, tmp_path / "run", *arguments) == 0
    assert state(tmp_path / "run") == state(tmp_path / "undisturbed")


def run_whole(folder, model, notes, options):
    annotate(model, [notes], folder, **options)


@pytest.mark.skipif(not Path("/proc").exists(), reason="needs /proc to look for processes")
def test_workers_end_when_their_parent_is_killed(tmp_path, models):
    notes = write_notes(tmp_path / "notes.jsonl", ["gout"] * 20_000)
    child = multiprocessing.get_context("fork").Process(
        target=run_whole, args=(tmp_path / "run", str(models / "slow"), notes, {"processes": 2})
    )
    child.start()
    workers = wait_for(lambda: children(child.pid), lambda found: len(found) == 2)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert not wait_for(lambda: [pid for pid in workers if is_alive(pid)], lambda found: not found)


def wait_for(look, is_fine, seconds=20):
    """Look again and again until it is fine, and give what was seen last."""
    deadline = time.monotonic() + seconds
    while not is_fine(found := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
