"""Score the components context and sections on gold mentions, beside negspacy.

In: what is there of the NegEx/ConText test kit, MACCROBAT's brat files and a split with gold attributes. Out: JSON.
"""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from scripts.errors import ProjectError, shown_to_user
from scripts.files import moved_into_place


def evaluate_context_cli(
    output: Annotated[Path, typer.Argument(help="File for the scores, JSON")],
    kit: Annotated[Path | None, typer.Option(help="The NegEx/ConText test kit, a TSV file")] = None,
    maccrobat: Annotated[Path | None, typer.Option(help="Folder with MACCROBAT's .txt and .ann files")] = None,
    corpus: Annotated[Path | None, typer.Option(help="A converted split with attributes, .spacy")] = None,
    show_errors: Annotated[bool, typer.Option("--show-errors", help="Print the kit's errors, with their text")] = False,
) -> None:
    """Score negation, doubt, time, experiencer and sections on gold mentions. What is not there is left out."""
    # This imports spaCy, which takes seconds, and --help does not need it.
    from scripts.evaluation.context_scores import evaluate_context, table

    command = shlex.join(["python", "-m", "scripts.evaluate_context", *sys.argv[1:]])
    with shown_to_user():
        found = [path if path and path.exists() else None for path in (kit, maccrobat, corpus)]
        for path, there in zip((kit, maccrobat, corpus), found, strict=True):
            if path and not there:
                msg.warn(f"{path} is not there, and not scored")
        if not any(found):
            raise ProjectError(
                "There is nothing to score", "Pass --kit, --maccrobat or --corpus, with a path that is there."
            )
        figures, errors = evaluate_context(*found, command=command)
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
