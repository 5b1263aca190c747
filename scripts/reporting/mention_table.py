"""The mentions of some notes as a table for the terminal, with a column for each attribute that one of them has."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from scripts.records.mentions import Mention

WIDTH = 100
# What the context components assign, in the words of a reader. A mention with none of them is present.
STATES = {
    "is_negated": "denied",
    "is_uncertain": "possible",
    "is_historical": "past",
    "is_hypothetical": "planned",
    "is_family": "family",
}
PRESENT = "present"
# The order of the columns, and how wide each may be. Longer cells end in an ellipsis.
COLUMNS = {
    "Note": 18,
    "Mention": 24,
    "Label": 12,
    "State": 16,
    "Code": 14,
    "Dose": 16,
    "Medication": 18,
    "Confidence": 10,
}
OTHER_WIDTH = 16
GAP = 2
LABEL_STYLES = ("yellow", "cyan", "green", "magenta")


def mention_table(notes: Sequence[tuple[str, str, Sequence[Mention]]], *, width: int = WIDTH) -> Table:
    """Return the mentions of notes as a table.

    notes (Sequence[tuple[str, str, Sequence[Mention]]]): the name, the text and the mentions of each note.
    width (int): the number of characters in a line. The columns that do not fit are only named below the table.
    RETURNS (Table): a row for each mention. A note without mentions has one row.
    """
    rows = [row for name, text, mentions in notes for row in note_rows(name, text, mentions)]
    used = dict.fromkeys(title for row in rows for title, value in row.items() if value)
    columns, others = choose_columns(sorted(used, key=column_rank), rows, width)
    table = Table(
        box=box.SIMPLE_HEAD,
        padding=(0, GAP - 1, 0, 0),
        show_edge=False,
        pad_edge=False,
        header_style="bold",
        caption_justify="left",
    )
    if others:
        table.caption = f"Not shown: {', '.join(others)}"
    for title, size in columns.items():
        table.add_column(title, width=size, no_wrap=True, overflow="ellipsis")
    styles = label_styles(rows)
    for row in rows:
        style = styles.get(row.get("Label", ""), "")
        table.add_row(
            *(Text(row.get(title, ""), style=style if title in ("Mention", "Label") else "") for title in columns)
        )
    return table


def column_rank(title: str) -> int:
    """Return the place of a column; those that are not in `COLUMNS` come last, in the order of the pipeline."""
    return list(COLUMNS).index(title) if title in COLUMNS else len(COLUMNS)


def choose_columns(
    titles: Sequence[str], rows: Sequence[Mapping[str, str]], width: int
) -> tuple[dict[str, int], list[str]]:
    """Choose the columns that fit a width, the first ones first.

    titles (Sequence[str]): the columns in order.
    rows (Sequence[Mapping[str, str]]): their cells.
    width (int): the number of characters in a line.
    RETURNS (tuple[dict[str, int], list[str]]): the width of each column that fits, and the titles of the others.
    """
    chosen: dict[str, int] = {}
    for title in titles:
        longest = max(len(title), *(cell_len(row.get(title, "")) for row in rows))
        size = min(longest, max(len(title), COLUMNS.get(title, OTHER_WIDTH)))
        if sum(chosen.values()) + GAP * len(chosen) + size <= width:
            chosen[title] = size
    return chosen, [title for title in titles if title not in chosen]


def note_rows(name: str, text: str, mentions: Sequence[Mention]) -> Iterator[dict[str, str]]:
    """Yield the cells of a note's mentions by the titles of their columns. The first row has the note's name."""
    if not mentions:
        yield {"Note": name, "Mention": "-"}
    for number, mention in enumerate(mentions):
        yield {"Note": "" if number else name, **describe_mention(mention, text)}


def describe_mention(mention: Mention, text: str) -> dict[str, str]:
    """Return the cells of a mention by the titles of their columns.

    mention (Mention): the mention.
    text (str): the text of its document.
    RETURNS (dict[str, str]): the cells, "" for what the mention does not have.
    """
    others = {name: value for name, value in mention.attributes.items() if name not in STATES}
    return {
        "Mention": " ".join(text[mention.start : mention.end].split()),
        "Label": mention.label,
        "State": describe_state(mention.attributes),
        "Code": mention.concept,
        **{name.replace("_", " ").capitalize(): describe_value(value) for name, value in others.items()},
        "Confidence": "" if mention.confidence is None else f"{mention.confidence:.2f}",
    }


def describe_state(attributes: Mapping[str, Any]) -> str:
    """Return the context of a mention in words, "" if the pipeline does not assign one."""
    known = [name for name in STATES if name in attributes]
    return ", ".join(STATES[name] for name in known if attributes[name]) or (PRESENT if known else "")


def describe_value(value: Any) -> str:
    """Return the value of an attribute as text.

    value (Any): a value that JSON can hold.
    RETURNS (str): of an object with parts, such as a medication's dose and route, the text of each part in turn. Lists
        are left out: they hold the reasons for other attributes.
    """
    match value:
        case bool():
            return "yes" if value else ""
        case float():
            return f"{value:.2f}"
        case {"text": str(text)}:
            return text
        case dict():
            return " ".join(filter(None, map(describe_value, value.values())))
        case str() | int():
            return " ".join(str(value).split())
    return ""


def label_styles(rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return a colour for each label."""
    labels = sorted({row["Label"] for row in rows if "Label" in row})
    return {label: LABEL_STYLES[number % len(LABEL_STYLES)] for number, label in enumerate(labels)}
