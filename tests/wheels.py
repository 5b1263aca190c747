"""Real wheels for tests: the tiny pipeline, packaged in each precision, and by another version of the library."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import srsly

from scripts import package as packaging
from scripts.package import package

ROW = {"precision": 0.802529, "recall": 0.25, "f1": 0.333333}
SCORES = {
    "labels": ["Chemical", "Disease"],
    "scores": {"Chemical": ROW, "Disease": {**ROW, "f1": None}, "micro": ROW, "macro": ROW},
}
TEXT = "aspirin caused gout in 3 rats."
FOUND = [("aspirin", "Chemical"), ("gout", "Disease")]


def make_wheel(project: Path, trained: Path, folder: Path, *, precision: str = "fp32", profile: str = "small") -> Path:
    """Package the tiny pipeline.

    project (Path): the small project, with the encoder.
    trained (Path): the pipeline.
    folder (Path): a new folder for the package.
    precision (str): "fp32" or "int8".
    profile (str): part of the package's name.
    RETURNS (Path): the wheel.
    """
    folder.mkdir(parents=True)
    srsly.write_json(folder / "scores.json", SCORES)
    options = {"profile": profile, "version": "1.2.3", "precision": precision}
    return package(trained, project / "tiny", folder, folder / "packages", **options)


def make_wheel_of_version(
    version: str, project: Path, trained: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Package the tiny pipeline with a library of another version, whose agreement removes all mentions."""
    library = folder / "clinical_ner"
    shutil.copytree(packaging.LIBRARY, library, ignore=shutil.ignore_patterns("__pycache__"))
    edit(library / "version.py", 'VERSION = "1.0"', f'VERSION = "{version}"')
    edit(library / "ner" / "agreement.py", "set_mentions(doc, agreed)", "set_mentions(doc, [])")
    model = shutil.copytree(trained, folder / "model")
    meta = srsly.read_json(model / "meta.json")
    srsly.write_json(model / "meta.json", {**meta, "clinical_ner": version})
    # The project's own library builds the pipeline that spaCy looks into while it packages it.
    monkeypatch.setattr("scripts.clinical_ner.version.is_compatible", lambda saved: True)
    monkeypatch.setattr(packaging, "LIBRARY", library)
    wheel = make_wheel(project, model, folder / "wheel")
    monkeypatch.undo()
    return wheel


def edit(path: Path, before: str, after: str) -> None:
    """Replace a text that occurs once in a file."""
    content = path.read_text(encoding="utf8")
    assert content.count(before) == 1
    path.write_text(content.replace(before, after), encoding="utf8")


def install(wheels: list[Path], target: Path) -> None:
    """Install wheels into a folder, as pip does it, with the requirements of this environment."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target]
    subprocess.run([*command, *wheels], check=True)
