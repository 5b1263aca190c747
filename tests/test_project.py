"""project.yml, the README and the tree say the same thing."""

import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from weasel.cli.document import project_document
from weasel.util import load_project_config

from scripts.evaluation.formatting import format_interval, percent
from scripts.evaluation.scoring import MEASURES

ROOT = Path(__file__).parents[1]
CONFIG = load_project_config(ROOT)
COMMANDS = {command["name"]: command for command in CONFIG["commands"]}
MODULES = {path.stem for path in (ROOT / "scripts").glob("*.py")}
# Modules that commands are made of, and that are no command themselves.
LIBRARIES = {"__init__", "bigbio", "confidence", "corpora", "errors", "files", "formats", "gpu", "pipelines"}


# What they do to every command alike, an error's wording for instance, is no reason to train again.
HELPERS = {ROOT / "scripts" / f"{name}.py" for name in ("__init__", "errors", "files")}


def modules_run_by(command: dict) -> set[str]:
    return set(re.findall(r"-m scripts\.(\w+)", " ".join(command["script"])))


def test_readme_is_what_the_project_generates(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_bytes((ROOT / "README.md").read_bytes())
    project_document(ROOT, readme)
    assert readme.read_text(encoding="utf8") == (ROOT / "README.md").read_text(encoding="utf8"), (
        "Run: python -m spacy project document --output README.md"
    )


def test_each_script_is_reached_from_a_command_and_has_tests() -> None:
    assert set.union(*map(modules_run_by, CONFIG["commands"])) == MODULES - LIBRARIES
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    assert MODULES - {"__init__", "corpora", "errors"} <= tested


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if command.get("outputs")])
def test_deps_hold_all_the_code_that_a_command_runs(name: str) -> None:
    """Otherwise an edit to the tokenizer would not retrain."""
    deps = set(COMMANDS[name]["deps"])
    files = {ROOT / "scripts" / f"{module}.py" for module in modules_run_by(COMMANDS[name])}
    imported = set.union(*map(project_imports, files))
    assert {str(path.relative_to(ROOT)) for path in imported} <= deps


def project_imports(path: Path) -> set[Path]:
    """Give a module of the project and all modules of the project that it imports, and those import."""
    found, waiting = set(), {path}
    while waiting:
        module = waiting.pop()
        found.add(module)
        source = re.sub(r"#.*", "", module.read_text(encoding="utf8"))
        pattern = r"^(?:from (scripts[\w.]*) import \(?([\w,\s]+?)(?:\)|$)|import (scripts[\w.]*))"
        names = re.findall(pattern, source, re.MULTILINE)
        waiting |= {file for name in names for file in files_of(*name)} - found
    return found - HELPERS


def files_of(package: str, members: str, module: str) -> set[Path]:
    """Give the files behind an import statement."""
    names = [package or module, *(f"{package}.{member.strip()}" for member in members.split(",") if package)]
    paths = [ROOT.joinpath(*name.split(".")) for name in names]
    files = [file for path in paths for file in (path.with_suffix(".py"), path / "__init__.py")]
    return {file for file in files if file.is_file()}


def test_no_command_is_written_twice() -> None:
    scripts = [line for command in CONFIG["commands"] for line in command["script"]]
    assert len(scripts) == len(set(scripts))


def test_each_step_reads_what_the_one_before_wrote() -> None:
    """What a command of the workflow reads, and is no file of the project, is an output of an earlier one."""
    written: list[str] = []
    for name in CONFIG["workflows"]["all"]:
        for dep in COMMANDS[name].get("deps", []):
            made = any(dep == output or dep.startswith(f"{output}/") for output in written)
            assert made or (ROOT / dep).exists(), f"{name} depends on {dep}, which nothing makes"
        written += COMMANDS[name]["outputs"]


@pytest.mark.parametrize("path", ["Makefile", "README.md", "CONTRIBUTING.md"])
def test_documented_commands_exist(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf8")
    named = set(re.findall(r"spacy project run ([\w-]+)", text))
    assert named and named <= {*COMMANDS, *CONFIG["workflows"]}
    given = set(re.findall(r"--vars\.(\w+)", text))
    assert given <= set(CONFIG["vars"])


def test_each_pin_lies_in_its_range() -> None:
    files = [ROOT / "requirements.txt", ROOT / "requirements-ray.txt"]
    lines = [line for file in files for line in file.read_text(encoding="utf8").splitlines()]
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf8").split())
    pins = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins.items()}
    for requirement in map(Requirement, (line for line in lines if line and not line.startswith("#"))):
        assert pins[re.sub(r"[-_.]+", "-", requirement.name).lower()] in requirement.specifier, requirement.name


def test_readmes_figures_are_those_of_the_committed_run() -> None:
    scores = json.loads((ROOT / "metrics" / "bc5cdr_minilm" / "scores.json").read_text(encoding="utf8"))["scores"]
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    for name in ("Chemical", "Disease", "micro"):
        measures = " | ".join(percent(scores[name][measure]) for measure in MEASURES)
        assert f"| {name} | {measures} | {format_interval(scores[name]['intervals']['f1'])} |" in readme
