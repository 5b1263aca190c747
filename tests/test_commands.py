"""Each command that takes a pipeline takes a real wheel of ours, in one process and as a command."""

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import requests
import srsly
import typer
from typer.testing import CliRunner

from scripts.convert import convert
from scripts.records.bigbio import SPLITS, write_records
from tests.conftest import LABELS
from tests.marked import make_record
from tests.test_serve import serving
from tests.wheels import install, make_wheel

ROOT = Path(__file__).parents[1]
# What the pipeline finds in all of them is annotated in some, so that there is something to calibrate.
MARKED = ("[Chemical aspirin] caused [Disease gout] in {} rats.", "aspirin caused gout in {} rats.")
# The arguments of each command, and what it leaves: {model} is the pipeline, {out} a new folder, {data} the corpus.
COMMANDS = {
    "annotate": (["{model}", "{data}/notes", "{out}"], "manifest.json"),
    "predict": (["{model}", "{data}/records/test.jsonl", "{out}"], "predictions.PubTator.txt"),
    "evaluate": (["{model}", "{data}/records", "{data}/corpus", "{out}"], "scores.json"),
    "calibrate": (["{model}", "{data}/corpus", "{out}"], "calibration.json"),
}
RAY = {"annotate": (["{model}", "{data}/notes", "{out}", "--engine", "ray"], "manifest.json")}
KINDS = ("folder", "wheel", "int8 wheel", "package")


@pytest.fixture(scope="module")
def models(project: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The tiny pipeline as a folder, as wheels, and as a package that is installed for these tests."""
    folder = tmp_path_factory.mktemp("models")
    wheel = make_wheel(project, trained, folder / "fp32", profile="commands")
    int8 = make_wheel(project, trained, folder / "int8", profile="commands", precision="int8")
    install([wheel], folder / "installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder / "installed")
        patch.setenv("PYTHONPATH", str(folder / "installed"))
        yield {
            "folder": str(trained),
            "wheel": str(wheel),
            "int8 wheel": str(int8),
            "package": "en_ner_commands_tiny",
        }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with notes/, records/ and corpus/."""
    root = tmp_path_factory.mktemp("data")
    (root / "notes").mkdir()
    for number in range(3):
        (root / "notes" / f"{number}.txt").write_text("aspirin caused gout in 3 rats.", encoding="utf8")
    for split in SPLITS:
        records = [make_record(MARKED[n % 2].format(n), document_id=f"{split}{n}") for n in range(6)]
        write_records(records, root / "records" / f"{split}.jsonl")
    convert(root / "records", root / "corpus", labels=LABELS)
    return root


def fill(arguments: list[str], *, model: str, data: Path, out: Path) -> list[str]:
    return [argument.format(model=model, data=data, out=out) for argument in arguments]


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("kind", KINDS)
def test_in_one_process(name: str, kind: str, models: dict[str, str], data: Path, tmp_path: Path) -> None:
    arguments, left = COMMANDS[name]
    app = typer.Typer()
    app.command()(getattr(import_module(f"scripts.{name}"), f"{name}_cli"))
    done = CliRunner().invoke(app, fill(arguments, model=models[kind], data=data, out=tmp_path / "out"))
    assert done.exit_code == 0, done.output
    assert (tmp_path / "out" / left).is_file()


@pytest.mark.parametrize(("name", "command"), [*COMMANDS.items(), *RAY.items()])
def test_as_a_command(
    name: str, command: tuple[list[str], str], models: dict[str, str], data: Path, tmp_path: Path
) -> None:
    arguments, left = command
    filled = fill(arguments, model=models["wheel"], data=data, out=tmp_path / "out")
    done = subprocess.run([sys.executable, "-m", f"scripts.{name}", *filled], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out" / left).is_file()


def test_engines_and_kinds_give_the_same_entities(models: dict[str, str], data: Path, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(import_module("scripts.annotate").annotate_cli)
    found = {}
    for kind in KINDS:
        out = tmp_path / kind
        done = CliRunner().invoke(app, [models[kind], str(data / "notes"), str(out)])
        assert done.exit_code == 0, done.output
        rows = srsly.read_jsonl(out / "parts" / "part-00000.jsonl")
        found[kind] = [[(ent["text"], ent["label"]) for ent in row["entities"]] for row in rows]
    assert list(found.values()) == [[[("aspirin", "Chemical"), ("gout", "Disease")]] * 3] * len(KINDS)


@pytest.mark.parametrize("kind", ["wheel", "package"])
def test_serve(kind: str, models: dict[str, str], tmp_path: Path) -> None:
    with serving(models[kind], log=tmp_path / "log") as (url, _):
        answer = requests.post(f"{url}/v1/annotate", json={"text": "aspirin caused gout in 3 rats."}, timeout=30)
    entities = answer.json()["documents"][0]["entities"]
    assert [(ent["text"], ent["label"]) for ent in entities] == [("aspirin", "Chemical"), ("gout", "Disease")]
