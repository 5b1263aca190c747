"""A vocabulary as a table: `id`, `name`, `synonyms`, and where there are any `tree_numbers` and `mapped_to`."""

from collections.abc import Iterator
from pathlib import Path

from scripts.clinical_ner.linking.concept import Concept
from scripts.vocabularies.tables import read_table

LISTS = ("synonyms", "tree_numbers", "mapped_to")


def read_tsv(path: Path) -> Iterator[Concept]:
    """Read a table of concepts.

    path (Path): the file, separated by tabs, or a gzip file of it. Several synonyms are joined by "|".
    YIELDS (Concept): the concepts.
    RAISES (ProjectError): a column is missing, or the file is damaged.
    """
    for row in read_table(path, ("id", "name", "synonyms"), optional=LISTS[1:]):
        names, groups, mapped = (tuple(filter(None, row.get(column, "").split("|"))) for column in LISTS)
        yield Concept(row["id"], row["name"], names, groups, mapped)
