"""Expand the shorthand of clinical notes: "HTN" is hypertension, even if the document does not define it.

The table has abbreviations with one common meaning by label: "RA" is rheumatoid arthritis only if it is a disease.
Abbreviations that the document defines, or that the annotated corpus uses, take precedence.
"""

import csv
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("shorthand.tsv")


@cache
def read_shorthand() -> dict[str, dict[str, str]]:
    """Return the names by label and shorthand, as it is written in the table."""
    names: dict[str, dict[str, str]] = {}
    with TABLE.open(encoding="utf8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            names.setdefault(row["label"], {})[row["short"]] = row["name"]
    return names


@cache
def without_case() -> dict[str, dict[str, str]]:
    """Return the names by label and shorthand in lower case."""
    return {label: {short.lower(): name for short, name in names.items()} for label, names in read_shorthand().items()}


def write_out_shorthand(mention: str, label: str) -> str:
    """Return a mention with its shorthand written out.

    mention (str): "htn", or "CHF exacerbation". Within a longer mention, shorthand has to be written as in the table.
    label (str): its label.
    RETURNS (str): "hypertension", "congestive heart failure exacerbation"; the same if it has no shorthand.
    """
    words = mention.split()
    whole = without_case().get(label, {}).get(" ".join(words).lower())
    if whole:
        return whole
    names = read_shorthand().get(label, {})
    return " ".join(names.get(word, word) for word in words) if not names.keys().isdisjoint(words) else mention
