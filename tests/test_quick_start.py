"""Commands that load no pipeline, and the help of those that do, start without the libraries that take seconds."""

import subprocess
import sys

import pytest

SLOW = {"torch", "spacy", "transformers", "datasets", "pandas", "sklearn", "scipy", "ray"}


@pytest.mark.parametrize(
    "module",
    [
        "compare",
        "report",
        "evaluate",
        "calibrate",
        "convert",
        "fetch_corpus",
        "fetch_encoder",
        "generate_notes",
        "inspect_corpus",
    ],
)
def test_import_of_a_command_loads_no_slow_library(module: str) -> None:
    code = f"import sys, scripts.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert SLOW & set(done.stdout.split()) == set()
