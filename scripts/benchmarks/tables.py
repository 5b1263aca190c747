"""The figures of a benchmark as tables, a Markdown page and a plot; see `benchmark` for what they are."""

from typing import Any
from xml.etree import ElementTree

from scripts.evaluation.formatting import percent
from scripts.reporting.plots import draw_bars
from scripts.reporting.score_tables import Table

SVG = "http://www.w3.org/2000/svg"
# A file by itself has no page that gives it colours.
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1b2129; }
.strong { font-weight: 600; }
.series-0 { color: #0b5fae; }
.series-1 { color: #b3470a; }
@media (prefers-color-scheme: dark) {
  text { fill: #e8ecf1; }
  .series-0 { color: #7dbbf7; }
  .series-1 { color: #f7a069; }
}
"""


def make_tables(figures: dict[str, Any]) -> list[Table]:
    """Give the tables of speed, of windows, and of where the time goes."""
    return [speed_table(figures), window_table(figures), stage_table(figures)]


def speed_table(figures: dict[str, Any]) -> Table:
    """Give words per second, in ratio to the two peers, the time of the short note, and memory."""
    corpora = figures["corpora"]
    rows = [
        (
            name,
            *(
                cell
                for corpus in corpora
                for cell in (
                    f"{row[corpus]['words_per_second']:,.0f}",
                    f"{row[corpus]['of_bare']:.2f}",
                    f"{row[corpus]['of_hugging_face']:.2f}",
                )
            ),
            f"{1000 * row['note_seconds']:.1f}",
            f"{row['memory']['peak']:,.0f}",
        )
        for name, row in figures["contenders"].items()
    ]
    of_corpus = [
        title
        for corpus in corpora
        for title in (f"{corpus.capitalize()}, words/s", "of the bare encoder", "of Hugging Face's best")
    ]
    return Table("Speed", ("", *of_corpus, "Short note, ms", "Peak memory, MB"), rows)


def window_table(figures: dict[str, Any]) -> Table:
    """Give what the encoder did more than it had to, and what the pipelines lost and found."""
    corpora = figures["corpora"]
    rows = [
        (name, *(cell for corpus in corpora for cell in window_cells(row[corpus])))
        for name, row in figures["contenders"].items()
    ]
    columns = ("repeated, %", "padding, %", "tokens lost", "F1")
    header = ("", *(f"{corpus.capitalize()}, {column}" for corpus in corpora for column in columns))
    return Table("Wordpieces read again, padding, tokens lost, strict F1", header, rows)


def window_cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Give a contender's cells for a corpus; the last two are empty unless it is a pipeline."""
    quality = row.get("quality")
    found = (f"{quality['tokens_lost']:,}", percent(quality["f1"])) if quality else ("", "")
    return percent(row["repeated"]), percent(row["padding"]), *found


def stage_table(figures: dict[str, Any]) -> Table:
    """Give where the pipeline's time goes."""
    stages = figures["stages"]
    whole = sum(stages.values())
    rows = [(stage, f"{seconds:.2f}", percent(seconds / whole)) for stage, seconds in stages.items()]
    return Table("Where this pipeline's time goes, on the abstracts", ("Stage", "Seconds", "Share, %"), rows)


def to_markdown(figures: dict[str, Any], tables: list[Table]) -> str:
    """Give the page: what was measured on what, and the tables."""
    machine = figures["machine"]
    measured = "; ".join(
        f"{name}: {corpus['documents']:,} documents, {corpus['words']:,} words, {corpus['wordpieces']:,} wordpieces,"
        f" {corpus['longer_than_limit']:,} documents longer than the encoder's limit"
        for name, corpus in figures["corpora"].items()
    )
    lines = [
        "# Benchmark",
        "",
        f"`{figures['command']}`",
        "",
        f"{figures['model']} on {machine['processor']}, {machine['threads']} threads; medians of {figures['rounds']}"
        f" rounds, {figures['block']} documents at a turn. {measured}."
        f" The short note has {figures['note_words']} words.",
    ]
    for table in tables:
        marks = ("---", *("---:" for _ in table.header[1:]))
        lines += ["", f"## {table.title}", "", *map(row_line, (table.header, marks, *table.rows))]
    return "\n".join([*lines, ""])


def row_line(cells: tuple[str, ...]) -> str:
    """Give a row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def draw(figures: dict[str, Any]) -> str:
    """Give the plot of words per second as an SVG file."""
    groups = {
        name: [
            (row[corpus]["words_per_second"], f"{row[corpus]['words_per_second']:,.0f} {corpus}")
            for corpus in figures["corpora"]
        ]
        for name, row in figures["contenders"].items()
    }
    described = "; ".join(f"{name}: {', '.join(text for _, text in bars)}" for name, bars in groups.items())
    svg = ElementTree.fromstring(draw_bars("speed", "Words per second", f"{described}.", groups))
    svg.set("xmlns", SVG)
    style = ElementTree.Element("style")
    style.text = STYLE
    svg.insert(0, style)
    return ElementTree.tostring(svg, encoding="unicode") + "\n"
