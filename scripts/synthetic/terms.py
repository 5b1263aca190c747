"""The drugs and diagnoses that notes speak of: `drugs.tsv` and `diagnoses.tsv`, read and checked.

A row is a concept with all its surface forms. It belongs to one split, and to a group: a drug treats what is in its
group. As in BC5CDR, symptoms and signs are diagnoses, a salt is part of a drug's name, a fixed combination is one
mention, and a drug class is a chemical only if it is named by what it is made of ("steroids", "statins"), not by what
it does ("diuretics"). Lab analytes are no terms.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.errors import ProjectError
from scripts.records.bigbio import SPLITS
from scripts.records.mentions import TERM
from scripts.synthetic import FOLDER

STYLES = ("name", "synonym", "short", "misspelled", "brand")
COLUMNS = {
    "Disease": ("name", "split", "group", "synonym", "short", "misspelled"),
    "Chemical": (
        *("name", "split", "group", "synonym", "short", "misspelled", "brand"),
        *("dose", "route", "frequency", "with"),
    ),
}
MILLIGRAMS = re.compile(r"[\d.]+ mg")
MAY_BE_EMPTY = ("synonym", "short", "misspelled", "brand", "with")


@dataclass(frozen=True, eq=False)
class Term:
    """One concept, equal to itself only.

    label (str): "Disease" or "Chemical".
    name (str): the preferred name.
    split (str): the only split whose notes may hold it.
    group (str): the field of medicine.
    forms (dict[str, tuple[str, ...]]): surface forms by style, one of STYLES.
    order (dict[str, tuple[str, ...]]): for a drug, its usual dose, route and frequency.
    partners (tuple[str, ...]): names of drugs that it shares a tablet with.
    parts (tuple[Term, ...]): the drugs of a fixed combination, if it is one.
    """

    label: str
    name: str
    split: str
    group: str
    forms: dict[str, tuple[str, ...]]
    order: dict[str, tuple[str, ...]]
    partners: tuple[str, ...]
    parts: tuple["Term", ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """The name as an id, "term:chest-pain" for any vocabulary's concept of that name, or those of the parts."""
        names = [part.name for part in self.parts] or [self.name]
        return tuple(TERM + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") for name in names)

    @property
    def taken_at_home(self) -> bool:
        """Whether people take a drug at home, day by day."""
        return "IV" not in self.order["route"] and "once" not in self.order["frequency"]

    @property
    def surface_forms(self) -> tuple[str, ...]:
        """All names of the concept."""
        return tuple(form for forms in self.forms.values() for form in forms)


def combination(first: Term, second: Term) -> Term:
    """Return two drugs that share a tablet as a term of its own, which has no form but its parts'."""
    strengths = [
        next((dose for dose in part.order["dose"] if MILLIGRAMS.fullmatch(dose)), "") for part in (first, second)
    ]
    dose = f"{strengths[0].split()[0]}/{strengths[1]}" if all(strengths) else "1 tablet"
    order = {**first.order, "dose": (dose, "1 tablet")}
    name = f"{first.name}/{second.name}"
    return replace(first, name=name, forms={}, order=order, partners=(), parts=(first, second))


def squeezed(form: str) -> str:
    """Return a surface form without case, spaces, hyphens and other signs."""
    return re.sub(r"[^a-z0-9]+", "", form.lower())


def read_terms(folder: Path = FOLDER) -> list[Term]:
    """Read both files.

    folder (Path): where `drugs.tsv` and `diagnoses.tsv` are.
    RETURNS (list[Term]): drugs, then diagnoses, as the files have them.
    RAISES (ProjectError): a line is malformed, or two concepts share a surface form.
    """
    terms = [
        *read_file(folder / "drugs.tsv", label="Chemical"),
        *read_file(folder / "diagnoses.tsv", label="Disease"),
    ]
    check_forms(terms)
    check_partners(terms)
    return terms


def read_file(path: Path, *, label: str) -> list[Term]:
    """Read one file of terms, all of them with the same label."""
    header, *lines = path.read_text(encoding="utf8").splitlines() or [""]
    if tuple(header.split("\t")) != COLUMNS[label]:
        raise ProjectError(
            f"{path}, line 1 does not name this file's columns", f"Right would be, by tabs: {' '.join(COLUMNS[label])}"
        )
    return [read_line(line, label=label, where=f"{path}, line {number}") for number, line in enumerate(lines, start=2)]


def read_line(line: str, *, label: str, where: str) -> Term:
    """Read one line of terms.

    line (str): the cells, separated by tabs. Values in a cell are separated by "; ".
    label (str): the term's label.
    where (str): the file and line, for messages.
    RETURNS (Term): the term.
    RAISES (ProjectError): the line is malformed.
    """
    columns, cells = COLUMNS[label], line.split("\t")
    if len(cells) != len(columns):
        raise ProjectError(f"{where} has {len(cells)} cells", f"Right are {len(columns)}: {' '.join(columns)}")
    values = {column: tuple(cell.split("; ")) if cell else () for column, cell in zip(columns, cells, strict=True)}
    for column, value in values.items():
        if not value and column not in MAY_BE_EMPTY:
            raise ProjectError(f"{where} has an empty cell for {column}", "Fill it in.")
        if any(not each.strip() or each != " ".join(each.split()) for each in value):
            raise ProjectError(f"{where} has an empty value or stray spaces in {column}", "Write: one; two; three")
    if cells[1] not in SPLITS:
        raise ProjectError(f"{where} has the split '{cells[1]}'", f"Right would be one of: {', '.join(SPLITS)}")
    return Term(
        label=label,
        name=cells[0],
        split=cells[1],
        group=cells[2],
        forms={style: values[style] for style in STYLES if values.get(style)},
        order={column: values[column] for column in ("dose", "route", "frequency") if column in values},
        partners=values.get("with", ()),
    )


def check_forms(terms: list[Term]) -> None:
    """Check that each surface form belongs to one term, so that no two splits share one."""
    owners: dict[str, Term] = {}
    for term in terms:
        for form in term.surface_forms:
            owner = owners.setdefault(squeezed(form), term)
            if owner is not term:
                raise ProjectError(
                    f"'{form}' is a form of two terms: '{owner.name}' and '{term.name}'", "Remove it from one of them."
                )


def check_partners(terms: list[Term]) -> None:
    """Check that drugs that share a tablet are in the same split."""
    split_of = {term.name: term.split for term in terms if term.label == "Chemical"}
    for term in terms:
        for partner in term.partners:
            if split_of.get(partner) != term.split:
                raise ProjectError(
                    f"'{term.name}' is in split {term.split}, its partner '{partner}' is not",
                    "The column 'with' names drugs of the same split by their preferred name.",
                )
