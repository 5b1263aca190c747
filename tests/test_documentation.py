"""Every code block of README, CONTRIBUTING and docs/ is run, with the quickstart's pipeline, or says why it is not.

A block that tests cannot run has the reason in a comment before it: <!-- not run: needs a GPU -->. Where the quickstart
has not been run yet, a tiny pipeline takes the place of its wheel; .ci/run runs the quickstart first.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import srsly
from spacy.cli._util import parse_config_overrides

from scripts.package import package
from tests.wheels import SCORES, install

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)[^\n]*\n(?P<code>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
REASON = re.compile(r"<!-- not run: ((?:(?!-->).)+?) -->\s*\Z", re.DOTALL)
VARIABLES = srsly.read_yaml(ROOT / "project.yml")["vars"]
RUN = "synthetic_minilm"
WHEELS = f"packages/{RUN}/en_ner_{RUN}-0.1.0/dist"
NOTES = {"a.txt": "No aspirin for gout.", "b.txt": "Metformin 500 mg for type 2 diabetes."}


class Block(NamedTuple):
    """A code block of a page: its place, its language, its code, and why it is not run."""

    page: str
    line: int
    language: str
    code: str
    reason: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def find_blocks(page: Path) -> Iterator[Block]:
    """Yield the shell and Python blocks of a page."""
    text = page.read_text(encoding="utf8")
    for match in BLOCK.finditer(text):
        if match["language"] in ("bash", "python"):
            line = text.count("\n", 0, match.start()) + 1
            indent = match["indent"]
            code = "".join(part.removeprefix(indent) for part in match["code"].splitlines(keepends=True))
            reason = REASON.search(text[: match.start()])
            yield Block(str(page.relative_to(ROOT)), line, match["language"], code, reason and reason[1])


BLOCKS = [block for page in PAGES for block in find_blocks(page)]


@pytest.fixture(scope="module")
def workshop(project: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout after the quickstart: the project's code, and what the quickstart leaves."""
    root = tmp_path_factory.mktemp("workshop")
    for name in ("configs", "constraints.txt", "metrics", "project.yml", "requirements.txt", "scripts", "tests"):
        (root / name).symlink_to(ROOT / name)
    if list((ROOT / WHEELS).glob("*.whl")):
        for name in ("assets", "corpus", "packages", "training"):
            shutil.copytree(ROOT / name, root / name)
    else:
        make_quickstart(root, project, trained)
    (root / "notes").mkdir()
    for name, text in NOTES.items():
        (root / "notes" / name).write_text(text, encoding="utf8")
    install([*(root / WHEELS).glob("*.whl")], root / "installed")
    return root


def make_quickstart(root: Path, project: Path, trained: Path) -> None:
    """Leave in a folder what the quickstart would, made from the tiny pipeline."""
    encoder = shutil.copytree(project / "tiny", root / "assets" / "encoders" / "minilm")
    srsly.write_json(encoder / "encoder.json", {**srsly.read_json(encoder / "encoder.json"), "encoder": "minilm"})
    shutil.copytree(project / "records", root / "assets" / "synthetic")
    shutil.copytree(project / "corpus", root / "corpus" / "synthetic")
    model = shutil.copytree(trained, root / "training" / RUN / "model-best")
    scores = root / "scores"
    scores.mkdir()
    srsly.write_json(scores / "scores.json", SCORES)
    package(model, encoder, scores, root / "packages" / RUN, profile="synthetic", version="0.1.0")


@pytest.fixture(scope="module")
def environment(workshop: Path) -> dict[str, str]:
    """The environment variables of the blocks."""
    return {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(workshop / "installed"), str(workshop)]),
        # What a block installs goes into a folder of its own, and comes from nowhere but this machine.
        "PIP_TARGET": str(workshop / "pip"),
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
    }


@pytest.fixture(scope="module")
def forks(workshop: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The process from which those that run Python code are forked."""
    command = [sys.executable, "-m", "tests.forks"]
    with subprocess.Popen(
        command, cwd=workshop, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.reason is None], ids=str)
def test_block_runs(
    block: Block, workshop: Path, environment: dict[str, str], forks: subprocess.Popen[str], tmp_path: Path
) -> None:
    output = tmp_path / "output.txt"
    if block.language == "bash":
        command = ["bash", "-euo", "pipefail", "-c", block.code]
        with output.open("w") as file:
            status = subprocess.run(
                command, cwd=workshop, env=environment, stdout=file, stderr=subprocess.STDOUT, timeout=500
            ).returncode
    else:
        status = run_python(forks, block.code, output)
    assert status == 0, f"{block}\n{block.code}\n{output.read_text()}"


def run_python(forks: subprocess.Popen[str], code: str, output: Path) -> int:
    """Run Python code in a fork, and return its exit status."""
    assert forks.stdin and forks.stdout
    print(json.dumps([code, str(output)]), file=forks.stdin, flush=True)
    return int(forks.stdout.readline())


@pytest.mark.parametrize(
    ("code", "status", "printed"),
    [
        ("print(1 + 1)", 0, "2\n"),
        ("import os\nos.write(2, b'written')", 0, "written"),
        ("raise SystemExit(3)", 3, ""),
        ("import os\nos.kill(os.getpid(), 9)", -9, ""),
        ("np", 1, "NameError: name 'np' is not defined\n"),
        ("print(input())", 1, "EOFError: EOF when reading a line\n"),
    ],
)
def test_python_is_run_in_a_process_of_its_own(
    code: str, status: int, printed: str, forks: subprocess.Popen[str], tmp_path: Path
) -> None:
    run_python(forks, "import numpy as np", tmp_path / "before.txt")
    assert run_python(forks, code, tmp_path / "output.txt") == status
    assert (tmp_path / "output.txt").read_text().endswith(printed)


def project_runs(block: Block) -> Iterator[list[str]]:
    """Yield the options of each `spacy project run` in a block."""
    for line in block.code.replace("\\\n", " ").splitlines():
        if match := re.search(r"spacy project run [\w-]+ \. ([^|>;&]+)", line):
            yield shlex.split(match[1])


# spaCy takes a value that starts with dashes for another option.
@pytest.mark.parametrize("block", [block for block in BLOCKS if any(project_runs(block))], ids=str)
def test_options_of_project_run_are_variables(block: Block) -> None:
    for options in project_runs(block):
        flags = {option for option in options if option in ("--force", "--dry")}
        overrides = parse_config_overrides([option for option in options if option not in flags], env_var=None)
        assert {name.removeprefix("vars.") for name in overrides} <= {*VARIABLES}
        assert not [name for name, value in overrides.items() if value is True]


def test_reasons_say_what_is_missing() -> None:
    assert not [str(block) for block in BLOCKS if block.reason is not None and len(block.reason.split()) < 3]


def test_blocks_are_found(tmp_path: Path) -> None:
    page = ROOT / "README.md"
    assert any(block.page == page.name for block in BLOCKS)
    text = "Text\n<!-- not run: needs a GPU -->\n```bash\na\n```\n1. Item\n\n    ```python\n    b = 1\n    ```\n"
    (tmp_path / "page.md").write_text(text, encoding="utf8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(globals(), "ROOT", tmp_path)
        blocks = list(find_blocks(tmp_path / "page.md"))
    assert blocks == [
        Block("page.md", 3, "bash", "a\n", "needs a GPU"),
        Block("page.md", 8, "python", "b = 1\n", None),
    ]
