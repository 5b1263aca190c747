"""README is one page, its figures are the measured ones, and what README and the guides name exists."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import srsly
from weasel.util import load_project_config

from scripts.compare import compare
from scripts.evaluation.formatting import percent
from scripts.evaluation.scoring import MEASURES
from tests.test_results import Table, find_tables, is_among, numbers_in, read_source

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
GUIDES = [README, DOCS / "index.md", *sorted(DOCS.glob("tutorials/*.md")), *sorted(DOCS.glob("how-to/*.md"))]
PAGES = sorted({*GUIDES, ROOT / "CONTRIBUTING.md", *DOCS.rglob("*.md")})
CONFIG = load_project_config(ROOT)
LABELS = ("Chemical", "Disease", "micro")
LINK = re.compile(r"\[([^]]*)\]\(([^)]*)\)")
CODE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
METRICS_FILE = re.compile(r"`(metrics/[\w/]+\.json)`")
# Ratios and scores: no versions, and no thresholds, which have one digit.
MEASURED = re.compile(r"(?<![\w.])\d+\.\d{2,}(?![\w.]*\w)")


def page_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> Iterator[str]:
    """Yield the paragraphs of a page outside of code blocks and tables."""
    for paragraph in re.split(r"\n\s*\n", CODE.sub("", path.read_text(encoding="utf8"))):
        if not paragraph.lstrip().startswith(("|", "#")):
            yield paragraph


def read_metrics(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "metrics" / name).read_text(encoding="utf8"))


def find_figure(figures: Any, *keys: str) -> float:
    """Return the one number below all keys, in whatever order a file nests them."""

    def walk(content: Any, path: tuple[str, ...]) -> Iterator[float]:
        if isinstance(content, dict):
            for key, value in content.items():
                yield from walk(value, (*path, key))
        elif isinstance(content, (int, float)) and path[-1] == keys[-1] and {*keys} <= {*path}:
            yield content

    (found,) = walk(figures, ())
    return found


def readme_table(first_cell: str) -> dict[str, list[str]]:
    """Return the rows of a table of README by their first cell, links and all."""
    text = README.read_text(encoding="utf8")
    (table,) = (table for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE) if table[2:].startswith(first_cell))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return {name: cells for name, *cells in rows}


def test_readme_is_one_page() -> None:
    text = README.read_text(encoding="utf8")
    assert len(text.splitlines()) <= 130
    assert len(text.split()) <= 1000


def test_results_of_readme_are_those_of_the_committed_run() -> None:
    scores = read_metrics("bc5cdr_minilm/scores.json")["scores"]
    expected = [percent(scores[label]["f1"]) for label in LABELS]
    assert readme_table("System")["This project, MiniLM"] == expected
    slices = read_metrics("bc5cdr+synthetic_minilm/scores.json")["slices"]
    (abstracts,) = [each["scores"] for each in slices if (each["group"], each["part"]) == ("corpus", "bc5cdr")]
    expected = [percent(abstracts[label]["f1"]) for label in LABELS]
    assert readme_table("System")["This project, MiniLM, trained on notes and dev, too"] == expected


def test_peers_of_readme_are_the_published_ones() -> None:
    published = srsly.read_yaml(ROOT / "configs" / "corpora.yml")["bc5cdr"]["published"]
    expected = {
        f"[{peer['system']}]({peer['source']})": [peer["f1"].get(label, "") for label in LABELS] for peer in published
    }
    rows = readme_table("System")
    rows = {name: cells for name, cells in rows.items() if not name.startswith("This project")}
    assert rows == expected


def test_speed_of_readme_is_that_of_the_benchmark() -> None:
    figures = read_metrics("benchmark/benchmark.json")
    ours, ratios, fastest = [], [], []
    for corpus in ("abstracts", "notes"):
        speed = find_figure(figures, "this pipeline", corpus, "words_per_second")
        ratio = find_figure(figures, "this pipeline", corpus, "of_hugging_face")
        ours.append(f"{speed:,.0f}")
        ratios.append(f"{ratio:.2f}")
        fastest.append(f"{speed / ratio:,.0f}")
    rows = readme_table("Words per second")
    assert rows == {"This project": ours, "Hugging Face pipeline, fastest setting": fastest, "Ratio": ratios}


TABLES = [table for page in GUIDES for table in find_tables(page)]


@pytest.mark.parametrize("table", [table for table in TABLES if table.sources], ids=str)
def test_numbers_of_a_table_are_in_its_sources(table: Table) -> None:
    values = set[float]().union(*(read_source(source)[0] for source in table.sources))
    for name, *cells in table.rows:
        for number in numbers_in(" | ".join([name, *cells])):
            assert is_among(number, values), f"{table}: {number} in the row '{name}'"


@pytest.mark.parametrize("table", [table for table in TABLES if not table.sources], ids=str)
def test_table_with_measured_numbers_names_its_sources(table: Table) -> None:
    cells = [number for row in table.rows for cell in row for number in numbers_in(cell)]
    assert not list(filter(MEASURED.fullmatch, cells)), f"{table} has no comment that names its sources"


def test_scores_of_the_tutorial_are_those_of_the_committed_run() -> None:
    scores = read_metrics("bc5cdr_minilm/scores.json")["scores"]
    (table,) = (
        table for table in find_tables(DOCS / "tutorials" / "train-bc5cdr.md") if table.rows[0][0] == "Chemical"
    )
    for row, label in zip(table.rows, LABELS, strict=True):
        interval = " to ".join(map(percent, scores[label]["intervals"]["f1"]))
        assert row[1:] == [*(percent(scores[label][measure]) for measure in MEASURES), interval]


QUOTING = [
    (page_name(page), paragraph) for page in GUIDES for paragraph in prose(page) if METRICS_FILE.search(paragraph)
]


@pytest.mark.parametrize(("page", "paragraph"), QUOTING, ids=[page for page, _ in QUOTING])
def test_numbers_of_a_paragraph_are_in_the_file_that_it_names(page: str, paragraph: str) -> None:
    values = set[float]().union(*(read_source(name)[0] for name in METRICS_FILE.findall(paragraph)))
    percentages = re.findall(r"(\d+)%", paragraph)
    for number in (*MEASURED.findall(paragraph), *percentages):
        assert is_among(number, values), f"{page}: {number}"


def test_heads_differ_as_the_results_say() -> None:
    paths = ("recipe/transition_windows_320", "recipe/transition_seed1"), ("bc5cdr_minilm", "gpu/token_seed0")
    runs = ["+".join(str(ROOT / "metrics" / name) for name in names) for names in paths]
    (differences,) = compare(runs)["differences"].values()
    page = (DOCS / "results" / "accuracy.md").read_text(encoding="utf8")
    for name, label in (("Micro", "micro"), ("Disease", "Disease")):
        f1 = differences[label]["f1"]
        low, high = map(percent, f1["interval"])
        assert f"| {name} F1 | {percent(f1['difference'])} | {low} to {high} |" in page


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_named_commands_and_variables_exist(page: Path) -> None:
    text = page.read_text(encoding="utf8")
    commands = {command["name"] for command in CONFIG["commands"]}
    assert set(re.findall(r"spacy project run ([a-z][\w-]*)", text)) <= {*commands, *CONFIG["workflows"]}
    assert set(re.findall(r"--vars\.(\w+)", text)) <= set(CONFIG["vars"])


@pytest.mark.parametrize("page", GUIDES, ids=page_name)
def test_named_modules_and_files_exist(page: Path) -> None:
    text = page.read_text(encoding="utf8")
    modules = set(re.findall(r"python -m scripts\.(\w+)", text))
    assert not [name for name in modules if not (ROOT / "scripts" / f"{name}.py").is_file()]
    files = set(re.findall(r"\b(?:configs/|scripts/|requirements)[\w/-]*\.\w+", text))
    assert not [name for name in files if not (ROOT / name).is_file()]


def test_known_encoders_are_in_the_guide() -> None:
    (table,) = find_tables(DOCS / "how-to" / "encoder.md")
    known = srsly.read_yaml(ROOT / "configs" / "encoders.yml")
    assert {row[0].split()[0].strip("`"): row[1] for row in table.rows} == {
        name: encoder["repository"] for name, encoder in known.items()
    }


def test_links_of_readme_lead_to_files() -> None:
    targets = [target for _, target in LINK.findall(README.read_text(encoding="utf8"))]
    local = [target for target in targets if not target.startswith("https://")]
    assert local and not [target for target in local if not (ROOT / target).exists()]


def test_citation_has_what_its_format_requires() -> None:
    """https://github.com/citation-file-format/citation-file-format/blob/main/schema-guide.md"""
    citation = srsly.read_yaml(ROOT / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["cff-version"] == "1.2.0"
    assert citation["authors"] == [{"name": "The clinical NER pipeline developers"}]
    assert citation["license"] in (ROOT / "LICENSE").read_text(encoding="utf8")
