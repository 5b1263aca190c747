"""The project's commands, one module each. `project.yml` shows how they follow each other."""

import os
import sys

if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    raise SystemExit(
        f"This project runs on Python 3.11 to 3.13, and this is Python {sys.version.split()[0]}."
        " Make the virtual environment with one of those, for instance: python3.11 -m venv .venv"
    )

# weasel hashes whole folders of code, and compiled files are not code: an import must not make a command run again.
sys.dont_write_bytecode = True

# wasabi, which prints the messages, colours them wherever they go. It reads this variable when it is imported.
if os.environ.get("NO_COLOR") or not (sys.stdout and sys.stdout.isatty()):
    os.environ.setdefault("ANSI_COLORS_DISABLED", "1")
