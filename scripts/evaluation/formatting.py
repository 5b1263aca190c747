"""Scores as text: percent with two decimals, a dash for what is undefined, and tables for the terminal."""

from typing import Any

from wasabi import msg

from scripts.evaluation.scoring import MEASURES


def percent(value: float | None) -> str:
    """Return a measure in percent, or a dash if it is undefined."""
    return "-" if value is None else f"{100 * value:.2f}"


def format_interval(bounds: list[float] | None) -> str:
    """Return an interval in percent, or a dash if it is undefined."""
    return "-" if bounds is None else " to ".join(map(percent, bounds))


def show_scores(tables: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Print tables of scores with the intervals of F1.

    tables (dict[str, dict]): the table of `scoring.score` by system.
    """
    header = ("System", "", "Precision", "Recall", "F1", "95% interval", "TP", "FP", "FN")
    rows = [
        (
            system,
            name,
            *(percent(row[measure]) for measure in MEASURES),
            format_interval(row["intervals"]["f1"]),
            *(row.get(outcome, "") for outcome in ("tp", "fp", "fn")),
        )
        for system, table in tables.items()
        for name, row in table.items()
        # With a single label, the averages only repeat it.
        if len(table) > 3 or name not in ("micro", "macro")
    ]
    msg.table(rows, header=header, aligns=tuple("llrrrrrrr"), divider=True)


def show_linking(linking: dict[str, Any]) -> None:
    """Print the scores of ids: accuracy on gold mentions, then precision, recall and F1 of documents.

    linking (dict[str, Any]): what `linking_scores.score_linking` returns.
    """
    rows = [
        (name, row["mentions"], *(percent(row[measure]) for measure in ("accuracy_at_1", "accuracy_at_5", "reachable")))
        for name, row in linking["accuracy"].items()
    ]
    header = ("Ids of gold mentions", "Mentions", "Accuracy at 1", "at 5", "Reachable")
    msg.table(rows, header=header, aligns=tuple("lrrrr"), divider=True)
    show_scores(linking["documents"])
