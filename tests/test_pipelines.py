"""A pipeline is loaded from a folder, a wheel or a package, and anything else is a message."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest
import spacy
from spacy.cli.package import package

from scripts.errors import ProjectError
from scripts.pipelines import entity_pipes, gives_confidence, load_pipeline
from tests.service.conftest import make_pipeline


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline") / "model"
    make_pipeline().to_disk(folder)
    return folder


@pytest.fixture(scope="module")
def wheel(folder, tmp_path_factory):
    """The pipeline as a wheel, in a folder that is not on the path."""
    output = tmp_path_factory.mktemp("packages")
    package(folder, output, create_sdist=False)
    (source,) = output.iterdir()
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", source], check=True, capture_output=True
    )
    (wheel,) = source.glob("dist/*.whl")
    return wheel


@pytest.mark.parametrize("kind", ["folder", "wheel"])
def test_a_pipeline_is_loaded_from(kind, folder, wheel):
    path_before = list(sys.path)
    nlp = load_pipeline(str({"folder": folder, "wheel": wheel}[kind]))
    assert [ent.text for ent in nlp("aspirin for gout").ents] == ["aspirin", "gout"]
    assert nlp.meta["name"] == "ner_small"
    # What is imported from elsewhere still wins.
    assert sys.path[: len(path_before)] == path_before


@pytest.mark.parametrize("model", ["no_such_package", "no/such/folder", "no_such-1.0.0-py3-none-any.whl"])
def test_what_is_not_there(model):
    with pytest.raises(ProjectError, match=f"There is no pipeline '{model}'"):
        load_pipeline(model)


def write_wheel(path: Path, files: dict[str, str]) -> None:
    with ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (None, "BadZipFile: File is not a zip file"),
        ({"other/__init__.py": ""}, r"ModuleNotFoundError: No module named '.*broken'"),
        ({"broken/__init__.py": "import no_such_library"}, "ModuleNotFoundError: No module named 'no_such_library'"),
        ({"broken/__init__.py": "load = open('weights').read"}, "FileNotFoundError: .*'weights'"),
        ({"broken/__init__.py": ""}, "AttributeError: .*has no attribute 'load'"),
    ],
)
def test_an_error_in_a_wheel_is_reported_as_it_is(tmp_path, files, why):
    wheel = tmp_path / "broken-1.0-py3-none-any.whl"
    wheel.write_bytes(b"PK but no more")
    if files is not None:
        write_wheel(wheel, files)
    with pytest.raises(ProjectError, match=rf"(?s)can't be loaded: {why}"):
        load_pipeline(str(wheel))


def test_a_pipeline_that_finds_nothing_is_refused(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "model")
    assert entity_pipes(nlp) == []
    with pytest.raises(ProjectError, match="no component that sets entities"):
        load_pipeline(str(tmp_path / "model"))


def test_a_folder_that_names_the_projects_code_gets_it(trained):
    code = f"from scripts.pipelines import load_pipeline; print(load_pipeline({str(trained)!r}).pipe_names)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert "transformer" in done.stdout, done.stderr


def test_only_a_pipeline_with_the_part_for_it_gives_confidences(trained):
    ruler = spacy.blank("en")
    ruler.add_pipe("entity_ruler")
    assert (gives_confidence(load_pipeline(str(trained))), gives_confidence(ruler)) == (True, False)
