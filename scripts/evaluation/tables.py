"""Print scores as tables: percent with two decimals, and a dash for what is undefined."""

from typing import Any

from wasabi import msg

from scripts.evaluation.scoring import MEASURES


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
            show_interval(row["intervals"]["f1"]),
            *(row.get(outcome, "") for outcome in ("tp", "fp", "fn")),
        )
        for system, table in tables.items()
        for name, row in table.items()
        # The averages over one label only repeat it.
        if len(table) > 3 or name not in ("micro", "macro")
    ]
    msg.table(rows, header=header, aligns=tuple("llrrrrrrr"), divider=True)


def percent(value: float | None) -> str:
    """Give a measure in percent, or a dash where it is undefined."""
    return "-" if value is None else f"{100 * value:.2f}"


def show_interval(bounds: list[float] | None) -> str:
    """Give an interval in percent, or a dash where it is undefined."""
    return "-" if bounds is None else " to ".join(map(percent, bounds))
