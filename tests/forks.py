"""Run Python code, each in a process of its own that is forked from one where the libraries are imported already.

Importing torch, spaCy and transformers takes more time than most code blocks of the documentation. A line of the input
is the code and a file for its output, as JSON. A line of the output is its exit status.
"""

import gc
import json
import os
import signal
import sys
from pathlib import Path

import spacy_transformers  # noqa: F401

SECONDS = 500
# A fork that looks for garbage among what is imported copies all of it.
gc.freeze()


def redirect(output: Path) -> None:
    """Write what this process prints from now on to a file, and let it read nothing."""
    with output.open("w") as file, Path(os.devnull).open() as nothing:
        for standard, opened in enumerate((nothing, file, file)):
            os.dup2(opened.fileno(), standard)


for line in sys.stdin:
    code, output = json.loads(line)
    if child := os.fork():
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()
    else:
        redirect(Path(output))
        signal.alarm(SECONDS)
        exec(code, {"__name__": "__main__"})
        break
