"""Any number of pipelines in one process: folders, wheels and installed packages, of any version of the library."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.language import Language

from scripts.errors import ProjectError
from scripts.pipelines import load_pipeline
from tests.wheels import FOUND, TEXT, install, make_wheel, make_wheel_of_version

ROOT = Path(__file__).parents[1]
# Where the host has other wheels, and never imports ours: a pipeline in a folder loads by itself.
FOLDER_APPLICATION = """
import sys
import spacy

nlp = spacy.load(sys.argv[1])
assert [(ent.text, ent.label_) for ent in nlp("aspirin caused gout in 3 rats.").ents], "nothing was found"
print(type(nlp.get_pipe("agreement")).__module__)
"""
INSTALLED_APPLICATION = """
import sys
import spacy
from scripts.pipelines import load_pipeline

pipelines = []
for model in sys.argv[1:]:
    pipelines.append(load_pipeline(model) if "/" in model else spacy.load(model))
    for nlp in pipelines:
        found = [(ent.text, ent.label_) for ent in nlp("aspirin caused gout in 3 rats.").ents]
        assert found == [("aspirin", "Chemical"), ("gout", "Disease")], found
print(len({type(nlp.get_pipe("agreement")).__module__ for nlp in pipelines}))
"""
HOST = """
import os, threading
import torch

before = dict(os.environ), torch.get_num_threads(), threading.active_count()
torch.set_num_threads(2)
import {package}.clinical_ner.registration
import {package}
assert torch.get_num_threads() == 2
torch.set_num_threads(before[1])
assert (dict(os.environ), torch.get_num_threads(), threading.active_count()) == before
from spacy.tokens import Span
from spacy.util import registry
assert not Span.has_extension("confidence")
assert "clinical_agreement" not in registry.factories
torch.set_num_threads(2)
child = os.fork()
if not child:
    os._exit(torch.get_num_threads())
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


# A wheel that is not installed, with workers that are forks and with workers that import its code.
WORKERS_APPLICATION = """
import multiprocessing, sys
from scripts.pipelines import code_folder, load_pipeline

if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[2])
    nlp = load_pipeline(sys.argv[1])
    docs = nlp.pipe(["aspirin caused gout in 3 rats."] * 8, n_process=2, batch_size=2)
    assert all(len(doc.ents) == 2 for doc in docs)
    print(sum(path.stat().st_size > 100_000 for path in code_folder().rglob("*")))
"""


@pytest.fixture(scope="module")
def wheels(project: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The tiny pipeline as wheels in both precisions."""
    folder = tmp_path_factory.mktemp("wheels")
    return {name: make_wheel(project, trained, folder / name, precision=name) for name in ("fp32", "int8")}


@pytest.fixture(scope="module")
def installed(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which both wheels are installed."""
    folder = tmp_path_factory.mktemp("installed")
    install([*wheels.values()], folder)
    return folder


def entities(nlp: Language) -> list[tuple[str, str]]:
    return [(ent.text, ent.label_) for ent in nlp(TEXT).ents]


def run(application: str, *arguments: object, path: list[Path]) -> str:
    """Run an application with folders on the path of Python's modules, and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    command = [sys.executable, "-W", "error::UserWarning:spacy", "-c", application, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "order", [("folder", "fp32", "int8", "fp32"), ("int8", "folder", "fp32", "folder"), ("fp32", "fp32", "int8")]
)
def test_pipelines_of_all_kinds_in_one_process(order, wheels: dict[str, Path], trained: Path) -> None:
    pipelines = []
    for kind in order:
        pipelines.append(load_pipeline(str(wheels.get(kind, trained))))
        assert [entities(nlp) for nlp in pipelines] == [FOUND] * len(pipelines)
    layers = [
        type(nlp.get_pipe("transformer").model.transformer.encoder.layer[0].output.dense).__name__ for nlp in pipelines
    ]
    assert layers == ["Int8Linear" if kind == "int8" else "Linear" for kind in order]


def test_wheel_loads_after_the_host_has_reset_its_path(
    wheels: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    load_pipeline(str(wheels["int8"]))
    monkeypatch.setattr(sys, "path", [path for path in sys.path if "clinical-ner-" not in path])
    assert entities(load_pipeline(str(wheels["fp32"]))) == FOUND


@pytest.mark.parametrize("start_method", ["fork", "spawn"])
def test_wheel_in_worker_processes_leaves_no_weights_on_the_disk(start_method: str, wheels, tmp_path: Path) -> None:
    (tmp_path / "application.py").write_text(WORKERS_APPLICATION, encoding="utf8")
    command = [sys.executable, tmp_path / "application.py", wheels["fp32"], start_method]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "0\n"), done.stderr


def test_installed_packages_wheels_and_folders_in_one_process(installed: Path, wheels, trained: Path) -> None:
    names = ("en_ner_small_tiny", "en_ner_small_tiny_int8")
    models = (names[0], wheels["fp32"], trained, names[1], wheels["int8"], names[0])
    # Each brings its own copy of the library, and the folder has the project's.
    assert run(INSTALLED_APPLICATION, *models, path=[installed, ROOT]) == "5"


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_each_wheel_is_built_by_its_own_version(
    version: str, project: Path, trained: Path, wheels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_wheel_of_version(version, project, trained, tmp_path, monkeypatch)
    ours = load_pipeline(str(wheels["fp32"]))
    theirs = load_pipeline(str(other))
    again = load_pipeline(str(wheels["fp32"]))
    assert [entities(nlp) for nlp in (ours, theirs, again)] == [FOUND, [], FOUND]
    # A component that is added gets the code of the pipeline that was loaded last.
    assert spacy.blank("en").add_pipe("clinical_agreement").share == 0.5


@pytest.mark.parametrize("version", ["1.1", "2.0", "0.9"])
def test_folder_of_an_incompatible_version_is_refused(version: str, trained: Path, tmp_path: Path) -> None:
    nlp = load_pipeline(str(trained))
    nlp.meta["clinical_ner"] = version
    nlp.to_disk(tmp_path / "model")
    message = rf"was saved by clinical_ner {version}, which clinical_ner 1\.0 cannot read"
    with pytest.raises(ProjectError, match=message):
        load_pipeline(str(tmp_path / "model"))


def test_saved_pipeline_names_its_version(trained: Path) -> None:
    assert srsly.read_json(trained / "meta.json")["clinical_ner"] == "1.1"


def test_pipeline_saved_to_a_folder_loads_by_itself_where_a_wheel_is_installed(installed: Path, trained: Path) -> None:
    module = run(FOLDER_APPLICATION, trained, path=[installed])
    assert module in {f"en_ner_small_tiny{end}.clinical_ner.ner.agreement" for end in ("", "_int8")}


def test_import_changes_nothing_in_the_host(installed: Path) -> None:
    assert run(HOST.format(package="en_ner_small_tiny"), path=[installed]) == "2"


def test_wheel_that_is_damaged_is_named(wheels: dict[str, Path], tmp_path: Path) -> None:
    content = wheels["fp32"].read_bytes()
    damaged = tmp_path / wheels["fp32"].name
    damaged.write_bytes(content[: len(content) // 2])
    with pytest.raises(ProjectError, match=r"There is no pipeline|can't be loaded"):
        load_pipeline(str(damaged))
