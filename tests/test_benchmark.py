"""The command imports only the benchmark that it runs, and shows errors without a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts.benchmark import COMMANDS, make_app
from scripts.records.bigbio import write_records
from tests.marked import make_record

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_benchmark_is_a_command(name: str) -> None:
    done = CliRunner().invoke(make_app([name]), [name, "--help"])
    assert done.exit_code == 0, done.output
    assert "output" in done.output.lower()


def test_help_names_all() -> None:
    done = CliRunner().invoke(make_app(["--help"]), ["--help"])
    assert all(f" {name} " in done.output for name in COMMANDS)


def test_only_what_runs_is_imported() -> None:
    code = (
        "import sys; from scripts.benchmark import make_app; assert 'torch' not in sys.modules; make_app(['annotate']);"
        "assert not {'scripts.benchmarks.speed', 'scripts.service'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_errors_are_shown(tmp_path: Path) -> None:
    write_records([make_record("aspirin")], tmp_path / "test.jsonl")
    arguments = ["annotate", "nowhere", str(tmp_path / "test.jsonl"), str(tmp_path / "out.json"), "--rounds", "1"]
    command = [sys.executable, "-m", "scripts.benchmark", "--threads", "1", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "There is no pipeline 'nowhere'" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["test.jsonl"]
