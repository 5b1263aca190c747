"""Generate the pages of the documentation that must agree with the code, and a picture of an annotated note.

In: the commands, project.yml, the service, and a pipeline. Out: docs/reference/{commands,project,rest-api}.md and
docs/assets/note.svg.
"""

from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from scripts.errors import ProjectError, shown_to_user
from scripts.files import moved_into_place

PROJECT = Path(__file__).parents[1]
PICTURE = "assets/note.svg"
# What the quickstart builds.
WHEELS = "packages/synthetic_minilm/*/dist/*.whl"
SAMPLE = Path("scripts/samples/emergency_note.txt")


def make_pages() -> dict[str, str]:
    """Return the generated pages.

    RETURNS (dict[str, str]): the text of each page by its path in docs/.
    """
    # Their imports take seconds.
    from scripts.documentation.commands import commands_page
    from scripts.documentation.project import project_page
    from scripts.documentation.rest_api import openapi_document, rest_api_page

    return {
        "reference/commands.md": commands_page(PROJECT),
        "reference/project.md": project_page(PROJECT),
        "reference/rest-api.md": rest_api_page(openapi_document()),
    }


def make_picture(model: str, note: Path) -> str:
    """Return a picture of a note as a pipeline annotates it.

    model (str): the folder of a pipeline, a wheel, or the name of an installed package.
    note (Path): a UTF-8 text file.
    RETURNS (str): the SVG.
    RAISES (ProjectError): the pipeline can't be loaded.
    """
    from scripts.annotation.mentions import attribute_names, doc_mentions
    from scripts.documentation.picture import draw_note
    from scripts.pipelines import gives_confidence, load_pipeline

    nlp = load_pipeline(model)
    text = note.read_text(encoding="utf8")
    mentions = doc_mentions(nlp(text), attributes=attribute_names(nlp), has_confidence=gives_confidence(nlp))
    name = f"{nlp.meta['lang']}_{nlp.meta['name']} {nlp.meta['version']}"
    return draw_note(text, mentions, caption=f"{note.name}, annotated by {name}")


def quickstart_wheel() -> str:
    """Return the path of the wheel that the quickstart built, or an empty string if there is none."""
    return next(map(str, sorted(PROJECT.glob(WHEELS))), "")


def document(output: Path, *, model: str = "", note: Path = SAMPLE) -> list[Path]:
    """Write the generated pages and the picture.

    output (Path): the folder of the documentation.
    model (str): the pipeline for the picture; without one the picture stays as it is.
    note (Path): the note in the picture, a UTF-8 text file.
    RETURNS (list[Path]): the files.
    RAISES (ProjectError): the pipeline can't be loaded, or the note does not exist.
    """
    if not note.is_file():
        raise ProjectError(f"There is no note {note}", "Name a text file with --note.")
    contents = make_pages()
    if model:
        contents[PICTURE] = make_picture(model, note)
    for name, content in contents.items():
        with moved_into_place(output / name) as partial:
            partial.write_text(content, encoding="utf8", newline="\n")
    return [output / name for name in contents]


def document_cli(
    output: Annotated[Path, typer.Argument(help="Folder of the documentation")] = Path("docs"),
    model: Annotated[
        str,
        typer.Option(
            help="Pipeline for the picture: a folder, a wheel or an installed package; empty for the quickstart's wheel"
        ),
    ] = "",
    note: Annotated[Path, typer.Option(help="Text file with the note in the picture")] = SAMPLE,
) -> None:
    """Generate the reference pages that must agree with the code, and the picture of an annotated note."""
    with shown_to_user():
        model = model or quickstart_wheel()
        written = document(output, model=model, note=note)
    msg.good(f"Written: {', '.join(map(str, written))}")
    if not model:
        msg.warn(f"{output / PICTURE} was left as it is", "Run the quickstart first, or name a pipeline with --model.")


if __name__ == "__main__":
    typer.run(document_cli)
