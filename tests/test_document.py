"""The generated pages agree with the code; each part of them, and the picture of a note."""

import importlib
from pathlib import Path
from typing import Annotated, Literal

import pytest
import spacy
import typer
from lxml import etree
from typer.testing import CliRunner

from scripts.document import PICTURE, PROJECT, SAMPLE, document, document_cli, make_pages, make_picture
from scripts.documentation.commands import (
    Parameter,
    first_sentence,
    make_app,
    module_blocks,
    modules_run_by_project,
    read_parameters,
)
from scripts.documentation.docstrings import to_google_style
from scripts.documentation.markdown import COMMAND, escape, table
from scripts.documentation.picture import draw_note, fold
from scripts.documentation.rest_api import describe_type, in_field_order
from scripts.records.mentions import Mention

GENERATED = ("reference/commands.md", "reference/project.md", "reference/rest-api.md")


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return make_pages()


@pytest.mark.parametrize("name", modules_run_by_project(PROJECT))
def test_help_of_each_command(name: str) -> None:
    done = CliRunner().invoke(make_app(name), ["--help"])
    assert done.exit_code == 0 and "Usage" in done.output, done.exception


@pytest.mark.parametrize("name", GENERATED)
def test_committed_page_is_the_generated_one(name: str, pages: dict[str, str]) -> None:
    committed = (PROJECT / "docs" / name).read_text(encoding="utf8")
    assert committed == pages[name], f"docs/{name} is out of date. Run: {COMMAND}"


def test_these_are_all_pages(pages: dict[str, str]) -> None:
    assert tuple(pages) == GENERATED


def test_each_command_of_the_project_has_a_section(pages: dict[str, str]) -> None:
    modules = modules_run_by_project(PROJECT)
    assert "document" in modules
    for module in modules:
        assert f"\n## {module.replace('_', '-')}\n" in pages["reference/commands.md"]
        assert f"\npython -m scripts.{module} " in pages["reference/commands.md"]


def test_environment_variables_of_serve_are_listed(pages: dict[str, str]) -> None:
    section = pages["reference/commands.md"].split("\n## serve\n")[1].split("\n## ")[0]
    assert "`SERVE_MODEL`" in section and "`SERVE_BATCH_SIZE`" in section


def test_each_endpoint_and_error_is_listed(pages: dict[str, str]) -> None:
    page = pages["reference/rest-api.md"]
    for endpoint in ("GET /health", "GET /ready", "POST /v1/annotate", "POST /v1/fhir", "GET /v1/model"):
        assert f"\n### {endpoint} {{" in page
    assert "| `429` | Too Many Requests |" in page
    assert "number from 0 to 1, or null" in page


def command(
    model: Annotated[str, typer.Argument(envvar="THE_MODEL", help="A pipeline")],
    notes: Annotated[list[Path] | None, typer.Argument(help="Notes")] = None,
    kind: Annotated[Literal["a", "b"] | None, typer.Option(help="Kind")] = None,
    size: Annotated[int, typer.Option(min=1, help="Size")] = 3,
    share: Annotated[float, typer.Option(min=0, max=1, help="Share")] = 0.5,
    keep: Annotated[bool, typer.Option(help="Keep")] = True,
    strict: Annotated[bool, typer.Option("--strict", help="Stop")] = False,
    counts: Annotated[tuple[int, int], typer.Option(help="Counts")] = (1, 2),
) -> None:
    """Do it. Then stop."""


# Names, values, default, variable, is_argument, is_required.
PARAMETERS = [
    (("MODEL",), "text", "", "THE_MODEL", True, True),
    (("NOTES...",), "path, any number", "", "", True, False),
    (("--kind",), "`a`, `b`", "", "APP_KIND", False, False),
    (("--size",), "integer, 1 or more", "`3`", "APP_SIZE", False, False),
    (("--share",), "number, 0 to 1", "`0.5`", "APP_SHARE", False, False),
    (("--keep", "--no-keep"), "flag", "`--keep`", "APP_KEEP", False, False),
    (("--strict",), "flag", "", "APP_STRICT", False, False),
    (("--counts",), "integer, integer", "`1 2`", "APP_COUNTS", False, False),
]


def test_parameters_are_read() -> None:
    found = read_parameters(command, prefix="APP")
    assert [(*parameter[:1], *parameter[2:]) for parameter in found] == PARAMETERS
    assert found[0] == Parameter(("MODEL",), "A pipeline", "text", "", "THE_MODEL", True, True)


@pytest.mark.parametrize("name", ["serve", "annotate", "fetch_corpus"])
def test_parameters_are_those_that_typer_makes(name: str) -> None:
    app = make_app(name)
    made = typer.main.get_command(app).params
    found = read_parameters(app.registered_commands[0].callback)
    options = [option for option in made if option.param_type_name == "option" and "completion" not in option.name]
    shown = [parameter.names for parameter in found if not parameter.is_argument]
    assert shown == [(*option.opts, *option.secondary_opts) for option in options]


def test_an_app_with_several_commands_has_a_section_for_each() -> None:
    app = typer.Typer(callback=lambda: None)
    app.command("one")(command)
    app.command("two")(command)
    blocks = list(module_blocks("tool", app, ["run-tool"]))
    assert [block for block in blocks if block.startswith("#")] == ["## tool", "### tool one", "### tool two"]
    assert "In the project: `spacy project run run-tool`." in blocks


def test_first_sentence() -> None:
    assert first_sentence("Write report.html\nand more. Then stop.") == "Write report.html and more"


def test_table_has_no_empty_columns() -> None:
    assert table(("A", "B"), [("x|y", ""), ("z", "")]) == "| A |\n| --- |\n| x\\|y |\n| z |"
    assert table(("A",), []) == ""


def test_escape_leaves_code_alone() -> None:
    assert escape("<a> {b} `<a> {b}` *") == "&lt;a> &#123;b} `<a> {b}` \\*"


@pytest.mark.parametrize(
    ("docstring", "fields", "expected"),
    [
        ("Return it.", "Args", "Return it."),
        (
            "Return it.\n\na (int): a number,\n    on two lines.\nRETURNS (str): a text.\n"
            "RAISES (ValueError): it is bad.",
            "Args",
            "Return it.\n\nArgs:\n    a (int): a number,\n        on two lines.\n\nReturns:\n    str: a text.\n\n"
            "Raises:\n    ValueError: it is bad.",
        ),
        ("A row.\n\na (dict[str, int]): it.", "Attributes", "A row.\n\nAttributes:\n    a (dict[str, int]): it."),
        ("Yield it.\n\nYIELDS (str): it.\n\nSee there.", "Args", "Yield it.\n\n\nSee there.\n\nYields:\n    str: it."),
    ],
)
def test_docstrings_are_converted(docstring: str, fields: str, expected: str) -> None:
    assert to_google_style(docstring, fields=fields) == expected


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string", "maxLength": 1000}, "string of at most 1,000 characters"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"type": "number", "minimum": 0.0, "maximum": 1.0}, "number from 0 to 1"),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 5}, "list of at most 5 strings"),
        ({"type": "array", "items": {"$ref": "#/x/Thing"}}, "list of [Thing](#thing)"),
        ({"const": "a", "type": "string"}, '`"a"`'),
        ({"enum": ["a", "b"]}, '`"a"` or `"b"`'),
    ],
)
def test_types_are_described(schema: dict, expected: str) -> None:
    assert describe_type(schema, {"Thing": {"title": "Thing"}}) == expected


def test_examples_have_the_order_of_the_fields() -> None:
    schemas = {"Thing": {"title": "Thing", "properties": {"b": {}, "a": {}}}}
    ordered = in_field_order([{"a": 1, "b": 2}], {"type": "array", "items": {"$ref": "#/x/Thing"}}, schemas)
    assert list(ordered[0].items()) == [("b", 2), ("a", 1)]


TEXT = "No aspirin for\ngout & <pain>."
MENTIONS = [
    Mention(
        3,
        10,
        "Chemical",
        "D001241",
        0.98,
        {"is_negated": True, "is_family": False, "dose": {"amount": 5, "unit": "mg"}},
    ),
    Mention(15, 19, "Disease"),
]


def texts_of(picture: str) -> list[str]:
    root = etree.fromstring(picture.encode())
    return [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_picture_shows_mentions_and_what_is_known_of_them() -> None:
    found = texts_of(draw_note(TEXT, MENTIONS, caption="a.txt"))
    assert found == [
        *("No", "aspirin", "for", "gout", "& <pain>."),
        *("Chemical 0.98", "D001241", "is_negated", "dose: 5 mg", "Disease", "a.txt"),
    ]


def test_picture_loads_nothing() -> None:
    picture = draw_note(TEXT, MENTIONS, caption="a.txt")
    assert not [part for part in ("href", "url(", "@import", "<image", "<script") if part in picture]
    assert "prefers-color-scheme:dark" in picture


def test_descriptions_do_not_overlap() -> None:
    mentions = [Mention(0, 1, "Chemical"), Mention(2, 3, "Disease"), Mention(60, 61, "Disease")]
    root = etree.fromstring(draw_note("a b " + "c " * 29, mentions, caption="", width=64).encode())
    small = [element for element in root.iter("{*}text") if "label" in element.get("class", "")]
    first, second, third = [(float(e.get("x")), float(e.get("y")), float(e.get("textLength"))) for e in small]
    assert second[1] > first[1] and third[1] == first[1]
    assert third[0] + third[2] <= float(root.get("width"))


@pytest.mark.parametrize(
    ("text", "mentions", "width", "expected"),
    [
        ("one two three", [], 7, ["one two", "three"]),
        ("a long word", [Mention(2, 11, "X")], 4, ["a", "long word"]),
        ("it was wrapped\nhere", [], 40, ["it was wrapped here"]),
        ("short\nline of it all", [Mention(0, 10, "X")], 40, ["short line of it all"]),
        ("1. first drugs\n2. second", [], 40, ["1. first drugs", "2. second"]),
        ("short\nit was a long line", [], 40, ["short", "it was a long line"]),
        ("a\n\n  b\n", [], 40, ["a", "", "  b"]),
    ],
)
def test_note_is_folded(text: str, mentions: list[Mention], width: int, expected: list[str]) -> None:
    assert [text[line.start : line.end].replace("\n", " ") for line in fold(text, mentions, width)] == expected


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Disease", "pattern": "hypotension"}])
    path = tmp_path_factory.mktemp("model")
    nlp.to_disk(path)
    return str(path)


def test_command_writes_the_same_files_twice(model: str, tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(document_cli)
    contents = []
    for _ in range(2):
        done = CliRunner().invoke(app, [str(tmp_path), "--model", model, "--note", str(PROJECT / SAMPLE)])
        assert done.exit_code == 0, done.output
        contents.append({path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.*")})
    assert contents[0] == contents[1]
    assert {str(path) for path in contents[0]} == {*GENERATED, PICTURE}
    assert "hypotension" in texts_of(make_picture(model, PROJECT / SAMPLE))


def test_without_a_pipeline_the_picture_stays(tmp_path: Path) -> None:
    (tmp_path / PICTURE).parent.mkdir()
    (tmp_path / PICTURE).write_text("old", encoding="utf8")
    document(tmp_path, note=PROJECT / SAMPLE)
    assert (tmp_path / PICTURE).read_text(encoding="utf8") == "old"


def test_a_missing_note_is_reported(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(document_cli)
    done = CliRunner().invoke(app, [str(tmp_path), "--note", "missing.txt"])
    assert done.exit_code == 1 and "There is no note missing.txt" in done.output


def test_every_module_can_be_found_by_its_name() -> None:
    for module in modules_run_by_project(PROJECT):
        assert importlib.import_module(f"scripts.{module}")
