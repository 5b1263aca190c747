"""The wheel is found, installed and run as someone else's application would, and what fails is said."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts.errors import ProjectError
from scripts.records.mentions import Mention
from scripts.try_wheel import SAMPLES, find_python, find_wheel, next_commands, try_wheel, try_wheel_cli

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
from spacy.language import Language
from spacy.tokens import Span

@Language.component("stub_dose", assigns=["span._.dose", "span._.is_negated"])
def stub_dose(doc):
    for ent in doc.ents:
        ent._.dose, ent._.is_negated = "81 mg", ent.start == 0
    return doc

def load(**kwargs):
    Span.set_extension("dose", default=None)
    Span.set_extension("is_negated", default=False)
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Chemical", "pattern": "aspirin", "id": "D001241"}])
    nlp.add_pipe("stub_dose")
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
    attributes = {"dose": "81 mg", "is_negated": False}
    assert try_wheel(wheel, notes) == [
        [Mention(5, 12, "Chemical", attributes=attributes), Mention(17, 24, "Chemical", attributes=attributes)],
        [],
    ]


def test_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = make_wheel(tmp_path / "packages" / "stub" / "en_stub-1.0", RULES)
    (tmp_path / "training" / "model-best").mkdir(parents=True)
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics" / "scores.json").write_text('{"scores": {"micro": {"f1": 0.675}}}', encoding="utf8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("scripts.try_wheel.find_python", lambda: "python")
    result = runner.invoke(app(), ["packages/stub", "--training", "training", "--metrics", "metrics"])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].split() == ["Note", "Mention", "Label", "State", "Dose"]
    assert {sample.stem for sample in SAMPLES.glob("*.txt")} <= {line.split()[0] for line in lines if line.strip()}
    assert next(line for line in lines if "aspirin" in line).split()[-4:] == ["Chemical", "present", "81", "mg"]
    built = lines.index("Built")
    assert lines[built + 1 :] == [
        "  Wheel     en_stub-1.0-py3-none-any.whl (0 MB)",
        "            in packages/stub/en_stub-1.0/dist",
        "  Pipeline  training/model-best",
        "  Report    metrics/report.html (F1 67.50 on the test split)",
        "",
        "Try next",
        "  Serve it, with a page to try it in the browser",
        "    python -m scripts.serve packages/stub/*/dist/*.whl",
        "  Annotate notes",
        "    python -m scripts.annotate packages/stub/*/dist/*.whl scripts/samples annotations/samples --format csv",
        "  Train on BC5CDR abstracts",
        "    python -m spacy project run all . --vars.encoder minilm",
    ]
    assert wheel.is_file()


def test_commands_can_be_run_in_a_shell(tmp_path: Path) -> None:
    folder = tmp_path / "my packages"
    wheel = make_wheel(folder / "en_stub-1.0", RULES)
    (_, serve), *_ = next_commands(folder, wheel)
    python, wheel_path = f"'{find_python()}'", f"'{wheel}'"
    assert serve in (f"{find_python()} -m scripts.serve {wheel_path}", f"{python} -m scripts.serve {wheel_path}")


def test_python_is_the_one_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert find_python() == "python"
    monkeypatch.setenv("PATH", "")
    named = find_python()
    done = subprocess.run([named, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == sys.prefix


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
