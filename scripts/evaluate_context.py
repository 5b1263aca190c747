"""Score the context component on the NegEx/ConText test kit and on MACCROBAT's histories, beside negspacy.

In: negex_dev.tsv and, if it is there, a folder with MACCROBAT's brat files. Out: metrics/context/scores.json.
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


def evaluate_context_cli(
    kit: Annotated[Path, typer.Argument(help="The test kit, a TSV file")],
    output: Annotated[Path, typer.Argument(help="File for the scores, JSON")],
    maccrobat: Annotated[Path | None, typer.Option(help="Folder with MACCROBAT's .txt and .ann files")] = None,
    show_errors: Annotated[bool, typer.Option("--show-errors", help="Print the errors, with their text")] = False,
) -> None:
    """Score negation, time and experiencer on gold spans. The output has no text."""
    # This imports spaCy, which takes seconds, and --help does not need it.
    from scripts.evaluation.context_kit import evaluate_context, table

    command = shlex.join(["python", "-m", "scripts.evaluate_context", *sys.argv[1:]])
    with shown_to_user():
        figures, errors = evaluate_context(kit, maccrobat, command=command)
        output.parent.mkdir(parents=True, exist_ok=True)
        with moved_into_place(output) as partial:
            partial.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf8")
    msg.table(table(figures), header=("corpus", "system", "attribute", "gold", "P", "R", "F1"), divider=True)
    if show_errors:
        for line in errors:
            msg.text(line)
    msg.good(f"{output}")


if __name__ == "__main__":
    typer.run(evaluate_context_cli)
