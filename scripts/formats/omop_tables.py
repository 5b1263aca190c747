"""NOTE_NLP with candidates for CONDITION_OCCURRENCE and DRUG_EXPOSURE of the OMOP Common Data Model 5.4, as CSV.

https://ohdsi.github.io/CommonDataModel/cdm54.html

Only what is present and the patient's is a candidate, dated by the note. It has the number of its row in NOTE_NLP.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from scripts.formats.clinical import (
    ALLERGIES,
    CHEMICAL,
    DISEASE,
    SIG,
    action_of,
    note_date,
    note_person,
    order_of,
    order_text,
)
from scripts.formats.omop import COLUMNS, INTEGER, OmopWriter, write_rows
from scripts.records.documents import Document
from scripts.records.mentions import Mention
from scripts.records.states import PRESENT, mention_states

CONDITION_COLUMNS = (
    "condition_occurrence_id",
    "person_id",
    "condition_concept_id",
    "condition_start_date",
    "condition_start_datetime",
    "condition_end_date",
    "condition_end_datetime",
    "condition_type_concept_id",
    "condition_status_concept_id",
    "stop_reason",
    "provider_id",
    "visit_occurrence_id",
    "visit_detail_id",
    "condition_source_value",
    "condition_source_concept_id",
    "condition_status_source_value",
)
DRUG_COLUMNS = (
    "drug_exposure_id",
    "person_id",
    "drug_concept_id",
    "drug_exposure_start_date",
    "drug_exposure_start_datetime",
    "drug_exposure_end_date",
    "drug_exposure_end_datetime",
    "verbatim_end_date",
    "drug_type_concept_id",
    "stop_reason",
    "refills",
    "quantity",
    "days_supply",
    "sig",
    "route_concept_id",
    "lot_number",
    "provider_id",
    "visit_occurrence_id",
    "visit_detail_id",
    "drug_source_value",
    "drug_source_concept_id",
    "route_source_value",
    "dose_unit_source_value",
)
# The first column of each is its id.
TABLES = {"note_nlp": COLUMNS, "condition_occurrence": CONDITION_COLUMNS, "drug_exposure": DRUG_COLUMNS}
# What is said of mentions that lack a required column.
NO_ROW = "no row in CONDITION_OCCURRENCE or DRUG_EXPOSURE"
# The type concept "NLP": https://athena.ohdsi.org/search-terms/terms/32858
NLP_TYPE = 32858
# The length of the columns that end in source_value.
SOURCE_LENGTH = 50
# They are taken from the columns of the input that have their names.
PASSED_ON = ("provider_id", "visit_occurrence_id", "visit_detail_id")
DAYS = {"d": 1, "wk": 7}
MOST_DAYS = 10_000
# What a drug is not taken any more with.
ENDED = ("stop", "hold")


class Candidate(NamedTuple):
    """A row of a table, without its id.

    table (str): the table.
    place (int): the number of its mention in the note, from 0.
    row (dict[str, Any]): the row.
    """

    table: str
    place: int
    row: dict[str, Any]


class NoteTables(NamedTuple):
    """The rows of a note, and how many mentions lack a column that a table requires, by the reason."""

    note_nlp: list[dict[str, Any]]
    candidates: list[Candidate]
    left_out: Counter[str]


class OmopTablesWriter(OmopWriter):
    """A folder with note_nlp.csv, condition_occurrence.csv and drug_exposure.csv.

    A candidate is a concept of a note: the first mention that is present, of a drug the first with an order. Its id is
    that of the mention's row in NOTE_NLP.
    """

    suffix = ""
    settings = ("omop_tables", "person_column", "date_column")

    def prepare(self, document: Document) -> Any:
        """Return the rows of a document.

        RAISES (ProjectError): see `OmopWriter`.
        """
        rows = super().prepare(document)
        candidates = list(candidate_mentions(document))
        problem = self.problem(document)
        if problem:
            return NoteTables(rows, [], Counter({problem: len(candidates)} if candidates else {}))
        return NoteTables(rows, [self.candidate(place, document, rows[place]) for place in candidates], Counter())

    def problem(self, document: Document) -> str:
        """Return which required column a note lacks, "" if none."""
        person = note_person(document, self.options.clinical)
        if not is_integer(person):
            return f"{NO_ROW}: {'the patient is no integer' if person else 'the note has no patient'}"
        return "" if note_date(document, self.options.clinical) else f"{NO_ROW}: the note has no date"

    def candidate(self, place: int, document: Document, row: Mapping[str, Any]) -> Candidate:
        """Return the candidate of a mention.

        place (int): the mention's number.
        document (Document): the note, with patient and date.
        row (Mapping[str, Any]): its row in NOTE_NLP.
        """
        mention, day = document.mentions[place], note_date(document, self.options.clinical)
        assert day
        shared = {
            "person_id": note_person(document, self.options.clinical),
            **{name: document.columns[name] for name in PASSED_ON if is_integer(document.columns.get(name))},
        }
        source = row["lexical_variant"][:SOURCE_LENGTH]
        if mention.label == DISEASE:
            return Candidate("condition_occurrence", place, {**shared, **condition_columns(row, source, day)})
        return Candidate("drug_exposure", place, {**shared, **drug_columns(mention, row, source, day)})

    def left_out(self, prepared: Sequence[NoteTables]) -> Counter[str]:
        return sum((note.left_out for note in prepared), Counter())

    def write(self, prepared: Sequence[Any], path: Path, *, number_from: int = 1) -> None:
        path.mkdir()
        for table, columns in TABLES.items():
            write_rows(numbered(prepared, table, number_from), columns, path / f"{table}.csv")


def numbered(notes: Sequence[NoteTables], table: str, number: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table with their ids.

    notes (Sequence[NoteTables]): the notes.
    table (str): the table.
    number (int): the number of the first mention.
    """
    for note in notes:
        found = enumerate(note.note_nlp) if table == "note_nlp" else note_rows(note, table)
        yield from ({TABLES[table][0]: number + place, **row} for place, row in found)
        number += len(note.note_nlp)


def note_rows(note: NoteTables, table: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number of the mention and the row of each of a note's candidates for a table."""
    return ((place, row) for name, place, row in note.candidates if name == table)


def candidate_mentions(document: Document) -> list[int]:
    """Return the numbers of the mentions that are candidates: one for each concept, of a drug one with an order."""
    found: dict[tuple[str, str], int] = {}
    for place, mention in enumerate(document.mentions):
        if not is_candidate(mention):
            continue
        surface = " ".join(document.text[mention.start : mention.end].casefold().split())
        first = found.setdefault((mention.label, mention.concept or surface), place)
        if order_of(mention) and not order_of(document.mentions[first]):
            found[mention.label, mention.concept or surface] = place
    return sorted(found.values())


def is_candidate(mention: Mention) -> bool:
    """Return whether a mention is a disease that the patient has, or a drug that he or she takes."""
    if mention_states(mention.attributes) != [PRESENT]:
        return False
    if mention.label == DISEASE:
        # There it is the reaction to a drug.
        return mention.attributes.get("section_category") != ALLERGIES
    return mention.label == CHEMICAL and action_of(mention) not in ENDED


def condition_columns(row: Mapping[str, Any], source: str, day: date) -> dict[str, Any]:
    """Return the columns of CONDITION_OCCURRENCE that a mention fills."""
    return {
        "condition_concept_id": row["note_nlp_concept_id"],
        "condition_start_date": day.isoformat(),
        "condition_type_concept_id": NLP_TYPE,
        "condition_source_value": source,
        "condition_source_concept_id": row["note_nlp_source_concept_id"],
    }


def drug_columns(mention: Mention, row: Mapping[str, Any], source: str, day: date) -> dict[str, Any]:
    """Return the columns of DRUG_EXPOSURE that a mention fills. It ends after its duration, or on the note's date."""
    order = order_of(mention)
    supply = days_supply(order)
    amount = order.get("dose") or order.get("strength") or {}
    return {
        "drug_concept_id": row["note_nlp_concept_id"],
        "drug_exposure_start_date": day.isoformat(),
        "drug_exposure_end_date": end_date(day, supply).isoformat(),
        "drug_type_concept_id": NLP_TYPE,
        "days_supply": supply,
        "sig": order_text(order),
        "drug_source_value": source,
        "drug_source_concept_id": row["note_nlp_source_concept_id"],
        "route_source_value": order.get("route", {}).get("text", "")[:SOURCE_LENGTH],
        "dose_unit_source_value": str(amount.get("unit", ""))[:SOURCE_LENGTH],
    }


def days_supply(order: Mapping[str, Any]) -> int | None:
    """Return the days of an order, of a taper those of its steps; None if one has no clear number of whole days."""
    steps = [step for step in order.get("steps", ()) if any(name in SIG for name in step)] or [order]
    days = [duration_days(step.get("duration")) for step in steps]
    return sum(filter(None, days)) if all(days) else None


def duration_days(duration: Any) -> int | None:
    """Return the days of a duration, None if it has no clear number of whole days or a senseless one."""
    match duration:
        case {"value": int(value), "unit": str(unit)} if unit in DAYS and 0 < value < MOST_DAYS:
            return value * DAYS[unit]
    return None


def end_date(day: date, supply: int | None) -> date:
    """Return the last day of a number of days, the first if the number is unknown or beyond the calendar."""
    try:
        return day + timedelta(days=(supply or 1) - 1)
    except OverflowError:
        return day


def is_integer(value: Any) -> bool:
    """Return whether a value is an integer, or its digits, that a column of a database can hold."""
    return not isinstance(value, bool) and len(str(value)) < 19 and bool(INTEGER.fullmatch(str(value)))
