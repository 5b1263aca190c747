"""Score the medications component on MACCROBAT's dosages and their drugs, with gold drugs.

In: a folder with MACCROBAT's brat files. Out: metrics/medications/maccrobat.json.
"""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from scripts.errors import shown_to_user
from scripts.files import moved_into_place


def evaluate_medications_cli(
    maccrobat: Annotated[Path, typer.Argument(help="Folder with MACCROBAT's .txt and .ann files")],
    output: Annotated[Path, typer.Argument(help="File for the scores, JSON")],
    show_errors: Annotated[bool, typer.Option("--show-errors", help="Print the errors, with their text")] = False,
) -> None:
    """Score which dose, form, route, frequency and duration belongs to which drug. The output has no text."""
    # This imports spaCy, which takes seconds, and --help does not need it.
    from scripts.evaluation.medication_pairs import evaluate_medications, table

    command = shlex.join(["python", "-m", "scripts.evaluate_medications", *sys.argv[1:]])
    with shown_to_user():
        figures, errors = evaluate_medications(maccrobat, command=command)
        output.parent.mkdir(parents=True, exist_ok=True)
        with moved_into_place(output) as partial:
            partial.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf8")
    msg.table(table(figures), header=("label", "gold", "found", "P", "R", "F1"), divider=True)
    if show_errors:
        for line in errors:
            msg.text(line)
    msg.good(f"{output}")


if __name__ == "__main__":
    typer.run(evaluate_medications_cli)
