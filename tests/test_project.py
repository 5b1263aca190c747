"""project.yml, the README and the tree say the same thing."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from weasel.cli.run import check_rerun, update_lockfile
from weasel.util import load_project_config
from weasel.util.commands import split_command

ROOT = Path(__file__).parents[1]
CONFIG = load_project_config(ROOT)
COMMANDS = {command["name"]: command for command in CONFIG["commands"]}
MODULES = {path.stem for path in (ROOT / "scripts").glob("*.py")}
# Modules that commands are made of, and that are no command themselves.
LIBRARIES = {"__init__", "base_pipeline", "downloads", "errors", "files", "gpu", "pipelines", "retries", "workers"}


# What they do to every command alike, an error's wording for instance, is no reason to train again.
HELPERS = {ROOT / "scripts" / f"{name}.py" for name in ("__init__", "errors", "files", "retries")}


# Commands that are skipped as long as nothing that they read has changed.
RERUNNABLE = {name for name, command in COMMANDS.items() if command.get("outputs")}


def modules_run_by(name: str) -> set[str]:
    return set(re.findall(r"-m scripts\.(\w+)", " ".join(COMMANDS[name]["script"])))


def test_each_script_is_reached_from_a_command_and_has_tests() -> None:
    assert set.union(*map(modules_run_by, COMMANDS)) == MODULES - LIBRARIES
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    # The last one's is in tests/evaluation/test_context_kit.py.
    assert MODULES - {"__init__", "corpora", "errors", "evaluate_context"} <= tested


@pytest.mark.parametrize("name", [name for name, command in COMMANDS.items() if command.get("outputs")])
def test_deps_hold_all_the_code_that_a_command_runs(name: str) -> None:
    """Otherwise an edit to the tokenizer would not retrain."""
    deps = [ROOT / dep for dep in COMMANDS[name]["deps"]]
    imported = set.union(*(project_imports(ROOT / "scripts" / f"{module}.py") for module in modules_run_by(name)))
    outside = [path for path in imported if not any(path.is_relative_to(dep) for dep in deps)]
    assert not outside


def project_imports(path: Path) -> set[Path]:
    """Return a module of the project and all modules of the project that it imports, and those import."""
    found, waiting = set(), {path}
    while waiting:
        module = waiting.pop()
        found.add(module)
        for node in ast.walk(ast.parse(module.read_text(encoding="utf8"))):
            waiting |= set(imported_files(node, module)) - found
    return found - HELPERS


def imported_files(node: ast.AST, module: Path) -> Iterator[Path]:
    """Yield the project's files behind an import statement, wherever it is in a module."""
    if isinstance(node, ast.Import):
        folders = [(ROOT, alias.name) for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        folder = module.parents[node.level - 1] if node.level else ROOT
        folders = [
            (folder, ".".join(filter(None, (node.module, *end)))) for end in ([], *([a.name] for a in node.names))
        ]
    else:
        return
    for folder, name in folders:
        path = folder.joinpath(*name.split("."))
        candidates = (path.with_suffix(".py"), path / "__init__.py")
        yield from (file for file in candidates if file.is_file() and file.is_relative_to(ROOT / "scripts"))


# Which commands of the workflows run again after an edit, by the room or the file that was edited.
RERUN = {
    "README.md": set(),
    "configs/corpora.yml": {"fetch-corpus", "convert", "evaluate", "package", "calibrate"},
    "configs/encoders.yml": {"fetch-encoder", "train"},
    "configs/heads/token.cfg": {"train"},
    "configs/ner.cfg": {"train"},
    "configs/vocabularies.yml": set(),
    "requirements.txt": {"package"},
    "scripts/annotation/local_engine.py": set(),
    "scripts/benchmarks/harness.py": set(),
    "scripts/catalog/corpora.py": {"fetch-corpus", "fetch-encoder", "convert", "evaluate", "package", "calibrate"},
    "scripts/clinical_ner/context/rules.json": {"train", "evaluate", "package", "calibrate"},
    "scripts/clinical_ner/encoder/windows.py": {"train", "evaluate", "package", "calibrate"},
    "scripts/clinical_ner/sections/section_rules.json": {"convert", "train", "evaluate", "package", "calibrate"},
    "scripts/clinical_ner/tokenizer.py": {"convert", "train", "evaluate", "package", "calibrate"},
    "scripts/compare.py": set(),
    "scripts/corpora/reading.py": {"fetch-corpus"},
    "scripts/documentation/commands.py": set(),
    "scripts/encoders/downloads.py": {"fetch-corpus", "fetch-encoder"},
    "scripts/evaluation/confidence.py": {"train", "evaluate", "calibrate"},
    "scripts/evaluation/scoring.py": {"evaluate", "calibrate"},
    "scripts/formats/pubtator.py": {"fetch-corpus", "convert", "evaluate"},
    "scripts/gpu_check/checks.py": set(),
    "scripts/linking/build.py": {"evaluate"},
    "scripts/packaging/init.py.txt": {"package"},
    "scripts/records/bigbio.py": {"fetch-corpus", "generate-notes", "convert", "evaluate", "package", "calibrate"},
    "scripts/reporting/page/page.html": {"evaluate", "calibrate"},
    "scripts/service/app.py": set(),
    "scripts/synthetic/data/train.yaml": {"fetch-corpus", "generate-notes"},
    "scripts/train.py": {"train"},
    "scripts/vocabularies/mesh.py": set(),
}


@pytest.fixture(scope="module")
def finished_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which all commands that have outputs have run."""
    root = tmp_path_factory.mktemp("finished")
    for name in ("configs", "scripts"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("project.yml", "requirements.txt", "README.md"):
        shutil.copyfile(ROOT / name, root / name)
    for command in COMMANDS.values():
        for path in (*command.get("deps", []), *command.get("outputs", [])):
            if not (root / path).exists():
                (root / path).mkdir(parents=True)
    for command in COMMANDS.values():
        update_lockfile(root, command)
    return root


@pytest.mark.parametrize(("edited", "expected"), RERUN.items())
def test_exactly_the_right_commands_run_again(finished_project: Path, edited: str, expected: set[str]) -> None:
    """An edit reruns each command that reads the file, and no other; those that follow run if an output changes."""
    path = finished_project / edited
    before = path.read_bytes()
    path.write_bytes(before + b"\n")
    try:
        assert {name for name in RERUNNABLE if check_rerun(finished_project, COMMANDS[name])} == expected
    finally:
        path.write_bytes(before)


def test_each_room_is_in_the_table() -> None:
    rooms = {path.name for path in (ROOT / "scripts").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms - {Path(edited).parts[1] for edited in RERUN if edited.startswith("scripts/")} <= {"samples"}


def test_running_a_command_does_not_make_another_run_again(tmp_path: Path) -> None:
    """weasel hashes compiled files too: importing the code must not write any."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-c", "import scripts.compare, scripts.convert, scripts.synthetic.writer"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    # Only what is imported before the package can say so.
    compiled = {path.parent.parent.relative_to(tmp_path) for path in tmp_path.rglob("*.pyc")}
    assert compiled <= {Path("scripts")}


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


@pytest.mark.parametrize(
    ("notes", "inputs"),
    [
        ("a b/n.csv", ["a", "b/n.csv"]),
        ("'my notes' b", ["my notes", "b"]),
        # The command then lacks an argument, and says so.
        ("", []),
    ],
)
def test_a_path_with_spaces_needs_quotes_of_its_own(notes: str, inputs: list[str]) -> None:
    """Single quotes in a variable are those of the command line that weasel splits. It takes no double ones."""
    config = load_project_config(ROOT, overrides={"vars.model": "m", "vars.notes": notes, "vars.annotations": "out"})
    (line,) = next(command["script"] for command in config["commands"] if command["name"] == "annotate")
    assert split_command(line) == ["python", "-m", "scripts.annotate", "m", *inputs, "out"]


@pytest.mark.parametrize("path", ["Makefile", "README.md", "CONTRIBUTING.md"])
def test_documented_commands_exist(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf8")
    named = set(re.findall(r"spacy project run ([\w-]+)", text))
    assert named and named <= {*COMMANDS, *CONFIG["workflows"]}
    given = set(re.findall(r"--vars\.(\w+)", text))
    assert given <= set(CONFIG["vars"])


def test_each_pin_lies_in_its_range() -> None:
    names = ("", "-ray", "-sql", "-fhir", "-xmi")
    files = [ROOT / f"requirements{name}.txt" for name in names]
    lines = [line for file in files for line in file.read_text(encoding="utf8").splitlines()]
    pins = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf8").split())
    pins = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins.items()}
    for requirement in map(Requirement, (line for line in lines if line and not line.startswith("#"))):
        assert pins[re.sub(r"[-_.]+", "-", requirement.name).lower()] in requirement.specifier, requirement.name
