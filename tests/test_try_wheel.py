"""The wheel is found, installed and run as someone else's application would, and what fails is said."""

import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts.errors import ProjectError
from scripts.try_wheel import SAMPLES, find_wheel, try_wheel, try_wheel_cli

runner = CliRunner()


def make_wheel(folder: Path, code: str) -> Path:
    """Make a wheel whose pipeline is what `code` loads."""
    wheel = folder / "dist" / "en_stub-1.0-py3-none-any.whl"
    wheel.parent.mkdir(parents=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("en_stub/__init__.py", code)
        archive.writestr("en_stub/meta.json", "{}")
        archive.writestr("en_stub-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: en_stub\nVersion: 1.0\n")
        archive.writestr(
            "en_stub-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr("en_stub-1.0.dist-info/RECORD", "")
    return wheel


RULES = """
import spacy

def load(**kwargs):
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Chemical", "pattern": "aspirin"}])
    return nlp
"""


@pytest.mark.parametrize("names", [[], ["a.whl", "b.whl"]])
def test_there_must_be_one_wheel(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(ProjectError, match=f"holds {len(names)} wheels. Run first: spacy project run package"):
        find_wheel(tmp_path)


def test_entities_of_each_note(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, RULES)
    notes = [tmp_path / "first.txt", tmp_path / "second.txt"]
    notes[0].write_text("Took aspirin\nand aspirin.", encoding="utf8")
    notes[1].write_text("Nothing.", encoding="utf8")
    assert try_wheel(wheel, notes) == [[[5, 12, "Chemical"], [17, 24, "Chemical"]], []]


def test_table_shows_the_mentions_of_the_samples(tmp_path: Path) -> None:
    make_wheel(tmp_path, RULES)
    result = runner.invoke(app(), [str(tmp_path)])
    assert result.exit_code == 0
    for sample in SAMPLES.glob("*.txt"):
        assert sample.name in result.output
    assert "aspirin" in result.output
    assert len(list(SAMPLES.glob("*.txt"))) == 3


def test_wheel_that_does_not_load(tmp_path: Path) -> None:
    make_wheel(tmp_path, "def load(**kwargs):\n    raise RuntimeError('no weights')\n")
    result = runner.invoke(app(), [str(tmp_path)])
    assert result.exit_code == 1
    assert "en_stub could not be run" in result.output
    assert "no weights" in result.output


def app():
    import typer

    application = typer.Typer()
    application.command()(try_wheel_cli)
    return application
