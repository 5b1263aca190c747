"""Every number in the tables of docs/results is in the file of metrics/ that the table names.

A comment directly before a table names its sources: <!-- from metrics/run/scores.json#scores -->. What follows # are
keys of a JSON or YAML file, separated by slashes; only what is below them counts. A number of a table is in a source if
it is one of its numbers, as a ratio or in percent, rounded to as many digits as the table has.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import srsly

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "results").glob("*.md"))
TABLE = re.compile(r"^\|.*\n\| ?:?-.*\n(?P<rows>(?:\|.*\n)+)", re.MULTILINE)
LINK_TARGET = re.compile(r"\]\([^)]*\)")
SOURCES = re.compile(r"<!-- from ([^>]+) -->\n\n\Z")
COMMAND = re.compile(r"python -m (?:scripts\.|spacy project run )\w+")
NUMBER = re.compile(r"(?<![\w.])[-+\u2212]?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?(?![\w.]*\w)")


class Table(NamedTuple):
    """A table of a page: its place, the files that its numbers come from, its rows, and the section it is in."""

    page: str
    line: int
    sources: list[str]
    rows: list[list[str]]
    section: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def find_tables(path: Path) -> Iterator[Table]:
    """Yield the tables of a page."""
    text = path.read_text(encoding="utf8")
    for match in TABLE.finditer(text):
        sources = SOURCES.search(text[: match.start()])
        start = text.rfind("\n## ", 0, match.start())
        end = text.find("\n## ", match.end())
        yield Table(
            page=path.name,
            line=text.count("\n", 0, match.start()) + 1,
            sources=sources[1].split() if sources else [],
            rows=[[cell.strip() for cell in row.strip("|").split("|")] for row in match["rows"].splitlines()],
            section=text[start:end],
        )


TABLES = [table for page in PAGES for table in find_tables(page)]


def numbers_in(text: str) -> list[str]:
    """Return the numbers in a text as they are written, without commas between thousands and without a plus."""
    found = NUMBER.findall(LINK_TARGET.sub("]", text))
    return [number.replace(",", "").replace("\u2212", "-").removeprefix("+") for number in found]


def read_source(source: str) -> tuple[set[float], str]:
    """Return the numbers in a source, and its text."""
    name, _, keys = source.partition("#")
    text = (ROOT / name).read_text(encoding="utf8")
    if name.endswith(".md"):
        return {float(number) for number in numbers_in(text)}, text
    content = json.loads(text) if name.endswith(".json") else srsly.read_yaml(ROOT / name)
    for key in filter(None, keys.split("/")):
        content = content[key]
    return set(values_in(content)), text


def values_in(content: Any) -> Iterator[float]:
    """Yield all numbers in nested lists and dictionaries, also those that are written as strings."""
    if isinstance(content, dict):
        for value in content.values():
            yield from values_in(value)
    elif isinstance(content, list):
        for value in content:
            yield from values_in(value)
    elif isinstance(content, (int, float)) or (isinstance(content, str) and re.fullmatch(r"\d+\.\d+", content)):
        yield float(content)


def is_among(number: str, values: set[float]) -> bool:
    """Return whether a number is one of the values, as it is or in percent, rounded to its own digits."""
    if "e" in number:
        return float(number) in values
    digits = len(number.partition(".")[2])
    return any(f"{scale * value:.{digits}f}" == number for value in values for scale in (1, 100))


def test_there_are_tables() -> None:
    assert {table.page for table in TABLES} == {"accuracy.md", "speed.md", "tried.md"}


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_numbers_of_a_table_are_in_its_sources(table: Table) -> None:
    assert table.sources, f"{table} has no comment that names its sources"
    read = [read_source(source) for source in table.sources]
    values = set[float]().union(*(values for values, _ in read))
    texts = "".join(text for _, text in read)
    for name, *cells in table.rows:
        for number in numbers_in(" | ".join(cells)):
            assert is_among(number, values), f"{table}: {number} in the row '{name}'"
        # The name of a row is not a figure: "batches of 8" can be in the name of a figure, too.
        for number in numbers_in(name):
            assert number in texts or is_among(number, values), f"{table}: {number} in the row '{name}'"


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_a_table_has_its_command_in_its_section(table: Table) -> None:
    assert COMMAND.search(table.section), f"{table} does not say which command made it"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("4,860", ["4860"]),
        ("84.56 to 86.96", ["84.56", "86.96"]),
        ("-0.69", ["-0.69"]),
        ("+0.02", ["0.02"]),
        ("rate 2e-4", ["2e-4"]),
        ("128/96", ["128", "96"]),
        ("int8, fp32, F1", []),
        ("`en_ner_bc5cdr_md`", []),
        ("[published](https://aclanthology.org/D19-1371)", []),
    ],
)
def test_numbers_in_a_cell(cell: str, expected: list[str]) -> None:
    assert numbers_in(cell) == expected


@pytest.mark.parametrize(
    ("number", "values", "expected"),
    [
        ("85.73", {0.857329}, True),
        ("85.74", {0.857329}, False),
        ("1.27", {1.2728}, True),
        ("1.3", {1.2728}, True),
        ("2406", {2405.86}, True),
        ("-1.41", {1.41}, False),
    ],
)
def test_number_is_among_values(number: str, values: set[float], expected: bool) -> None:
    assert is_among(number, values) is expected
