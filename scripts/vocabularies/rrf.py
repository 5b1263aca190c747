"""UMLS and RxNorm in NLM's rich release format: MRCONSO.RRF or RXNCONSO.RRF, and the semantic types if there are any.

https://www.ncbi.nlm.nih.gov/books/NBK9685, https://www.nlm.nih.gov/research/umls/rxnorm/docs/techdoc.html
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scripts.clinical_ner.linking.concept import Concept
from scripts.errors import ProjectError
from scripts.vocabularies.tables import read_rrf

NAME_FIELDS, TYPE_FIELDS = 18, 6
# Fields of a name: concept, language, status and preferences of terms, source, type of term, text, suppressed.
CUI, LANGUAGE, STATUS, TERM, PREFERRED, SOURCE, KIND, TEXT, SUPPRESSED = 0, 1, 2, 4, 6, 11, 12, 14, 16
# The normalized names and the ingredients come first among RxNorm's own.
RXNORM, RXNORM_KINDS = "RXNORM", ("IN", "PIN", "MIN", "BN", "SCD", "SBD")


class Names(NamedTuple):
    """The files of one of the two.

    names (str): the file of names.
    types (str): the file of semantic types.
    """

    names: str
    types: str


UMLS_FILES, RXNORM_FILES = Names("MRCONSO.RRF", "MRSTY.RRF"), Names("RXNCONSO.RRF", "RXNSTY.RRF")


def read_umls(folder: Path) -> Iterator[Concept]:
    """Read the English names of the UMLS. Arguments as for `read_folder`."""
    return read_folder(folder, UMLS_FILES)


def read_rxnorm(folder: Path) -> Iterator[Concept]:
    """Read RxNorm. Arguments as for `read_folder`."""
    return read_folder(folder, RXNORM_FILES)


def read_folder(folder: Path, files: Names) -> Iterator[Concept]:
    """Read the English names that are not suppressed.

    folder (Path): the folder with the files.
    files (Names): their names.
    YIELDS (Concept): the concepts in the file's order, with their semantic types as groups: "T047".
    RAISES (ProjectError): the file of names is missing, or a file is damaged.
    """
    if not (folder / files.names).is_file():
        raise ProjectError(f"{folder} has no {files.names}", "Give the folder META or rrf of NLM's release.")
    types: dict[str, list[str]] = defaultdict(list)
    if (folder / files.types).is_file():
        for row in read_rrf(folder / files.types, TYPE_FIELDS):
            types[row[0]].append(row[1])
    names: dict[str, dict[str, int]] = {}
    for row in read_rrf(folder / files.names, NAME_FIELDS):
        if row[LANGUAGE] == "ENG" and row[SUPPRESSED] in ("N", "") and row[TEXT]:
            ranks = names.setdefault(row[CUI], {})
            ranks[row[TEXT]] = min(ranks.get(row[TEXT], 99), rank(row))
    for identifier, ranks in names.items():
        first, *others = sorted(ranks, key=lambda name: ranks[name])
        yield Concept(identifier, first, tuple(others), tuple(types[identifier]))


def rank(row: list[str]) -> int:
    """Return how good a name is as the preferred one; the lowest is best."""
    if row[SOURCE] == RXNORM:
        return RXNORM_KINDS.index(row[KIND]) if row[KIND] in RXNORM_KINDS else len(RXNORM_KINDS)
    is_preferred = row[STATUS] == "P" and row[TERM] == "PF" and row[PREFERRED] == "Y"
    return 10 if is_preferred else 20
