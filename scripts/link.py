"""Give a trained pipeline a linker: its mentions get the ids of a vocabulary.

In: a pipeline, assets/<profile>/{train,dev}.jsonl, assets/vocabularies/<vocabulary>. Out: the pipeline with a linker.
"""

from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from scripts.catalog.corpora import choose_labels
from scripts.errors import ProjectError, shown_to_user

VOCABULARIES = Path("assets/vocabularies")


def link_cli(
    model: Annotated[str, typer.Argument(help="Pipeline: a folder, a wheel or an installed package")],
    source: Annotated[Path, typer.Argument(help="Folder with train.jsonl and dev.jsonl, whose ids are used")],
    vocabulary: Annotated[
        str, typer.Argument(help="Name of a fetched vocabulary, or its folder; empty to leave the pipeline as it is")
    ],
    output: Annotated[Path, typer.Argument(help="Folder for the pipeline; it may be that of the pipeline itself")],
    labels: Annotated[str, typer.Option(help="Entity type patterns and their labels; empty for the corpus's")] = "",
    threshold: Annotated[float, typer.Option(help="Mentions with a lower score get no id")] = 0.45,
    seed: Annotated[int, typer.Option(help="Seed of the vectors of synonyms")] = 0,
    vector_labels: Annotated[
        str, typer.Option(help="Labels for whose names vectors of synonyms are trained, which takes minutes")
    ] = "Disease",
) -> None:
    """Give a trained pipeline a linker, which sets the ids of its mentions."""
    if not vocabulary:
        msg.info("No vocabulary is named: the pipeline has no linker")
        return
    with shown_to_user():
        if not 0 <= threshold <= 1:
            raise ProjectError(f"The threshold is {threshold}", "It must be within 0 and 1.")
        # This imports spaCy and torch, which takes seconds, and --help needs neither.
        from scripts.linking.pipeline import LinkOptions, link

        options = LinkOptions(choose_labels(labels, source.name), threshold, seed, tuple(vector_labels.split()))
        folder = Path(vocabulary) if Path(vocabulary).is_dir() else VOCABULARIES / vocabulary
        link(model, source, folder, output, options)
    msg.good(f"The pipeline with its linker is in {output}")


if __name__ == "__main__":
    typer.run(link_cli)
