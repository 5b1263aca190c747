"""What the formats for hospitals share, FHIR, OMOP and the table: the note's patient and date, concepts, orders.

In: documents with their columns. Out: plain values, for `fhir`, `omop`, `omop_tables` and `table`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, NamedTuple, get_args

from scripts.errors import ProjectError
from scripts.formats.reading import note_id
from scripts.records.documents import Document
from scripts.records.mentions import Mention

# The labels of the project's pipelines.
DISEASE, CHEMICAL = "Disease", "Chemical"
TableFormat = Literal["csv", "parquet", "xlsx"]
# What says how much of a drug is taken, in an order of the medications component.
SIG = ("strength", "dose", "form", "route", "frequency", "duration", "as_needed", "maximum")
# What comes before the text of a part.
WORDS_BEFORE = {"maximum": "max "}
# The section whose diseases are reactions to the drugs in it.
ALLERGIES = "allergies"
FIELD = re.compile(r"\{([^{}]+)\}")
# A relative reference, or an absolute one: https://hl7.org/fhir/R4/references.html#literal
REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}|(?:https?://|urn:)[^\s<>\"{}]+", re.ASCII)
# The system of OMOP's concept ids, as HL7's guide for OMOP has it: https://build.fhir.org/ig/HL7/fhir-omop-ig
OMOP_SYSTEM = "https://fhir-terminology.ohdsi.org"


@dataclass(frozen=True)
class ClinicalOptions:
    """How to write notes for FHIR, OMOP and the table.

    person_column (str): the column of the input with the patient's id.
    date_column (str): the column with the note's date.
    subject_reference (str): the FHIR reference of the patient; "{person_id}" is the value of that column.
    note_reference (str): the FHIR reference of the note; "{id}" is its id.
    code_system (str): the URI of the code system that the ids of mentions are from; that of the linked vocabulary if
        empty.
    omop_tables (bool): whether to write candidates for CONDITION_OCCURRENCE and DRUG_EXPOSURE beside NOTE_NLP.
    table_format (str): the format of the table, one of `TableFormat`.
    RAISES (ProjectError): a reference has no field or no type, or the table's format is unknown.
    """

    person_column: str = "person_id"
    date_column: str = "note_date"
    subject_reference: str = "Patient/{person_id}"
    note_reference: str = "DocumentReference/{id}"
    code_system: str = ""
    omop_tables: bool = False
    table_format: str = "csv"

    def __post_init__(self) -> None:
        check_template("subject_reference", self.subject_reference)
        check_template("note_reference", self.note_reference)
        if self.table_format not in get_args(TableFormat):
            raise ProjectError(
                f"Unknown format of a table '{self.table_format}'", f"Known are {', '.join(get_args(TableFormat))}."
            )


def check_template(name: str, template: str) -> None:
    """Check the template of a reference.

    RAISES (ProjectError): it has no field, or what it makes is no reference.
    """
    if not FIELD.search(template) or not REFERENCE.fullmatch(FIELD.sub("1", template)):
        raise ProjectError(
            f"{name} '{template}' is not a template of a FHIR reference",
            "Give 'Patient/{person_id}' or 'https://fhir.example.org/Patient/{person_id}': names in braces are columns,"
            " and {id} is the note's id.",
        )


class LinkedVocabulary(NamedTuple):
    """The vocabulary that a pipeline links mentions to.

    system (str): the URI of its code system, "" if it is unknown or there is no vocabulary.
    sections (Mapping[str, int]): OMOP's concepts of sections, by their LOINC codes.
    """

    system: str = ""
    sections: Mapping[str, int] = {}

    @property
    def is_omop(self) -> bool:
        """Whether its ids are OMOP's concept ids."""
        return self.system == OMOP_SYSTEM


class Concept(NamedTuple):
    """A concept of a mention: its id, "" if there is none, and its preferred name, "" if it is unknown."""

    id: str
    name: str


def fill_reference(template: str, document: Document, option: str) -> str:
    """Return the FHIR reference that a template makes for a note.

    template (str): the template.
    document (Document): the note.
    option (str): the option that has the template, for the message.
    RETURNS (str): the reference.
    RAISES (ProjectError): the note lacks a column, or what is in it can't be in a reference.
    """

    def value(match: re.Match[str]) -> str:
        found = document.id if match[1] == "id" else note_id(document.columns.get(match[1]), whole=True)
        if not found:
            raise ProjectError(f"it has no '{match[1]}', of which {option} makes a reference")
        return found

    reference = FIELD.sub(value, template)
    if not REFERENCE.fullmatch(reference):
        raise ProjectError(
            f"{option} makes no FHIR reference of it: ids have up to 64 letters, digits, hyphens and periods"
        )
    return reference


def note_person(document: Document, options: ClinicalOptions) -> str:
    """Return the id of a note's patient, "" if it has none."""
    return note_id(document.columns.get(options.person_column), whole=True)


def note_date(document: Document, options: ClinicalOptions) -> date | None:
    """Return the date of a note, None if there is none or it is not in ISO 8601."""
    try:
        return date.fromisoformat(str(document.columns.get(options.date_column))[:10])
    except ValueError:
        return None


def mention_concepts(mention: Mention) -> list[Concept]:
    """Return the concepts of a mention: one, several of a composite mention, or one without an id."""
    ids = [concept for concept in mention.concept.split("|") if concept not in ("", "-1")]
    names = concept_names(mention)
    return [Concept(concept, names.get(concept, "")) for concept in dict.fromkeys(ids)] or [Concept("", "")]


def concept_names(mention: Mention) -> dict[str, str]:
    """Return the preferred names of a mention's concepts by their ids, from the candidates of the linker."""
    candidates = mention.attributes.get("kb_candidates")
    found: dict[str, str] = {}
    for candidate in candidates if isinstance(candidates, list) else ():
        match candidate:
            case {"id": str(ids), "name": str(names)}:
                split = names.split(" | ") if "|" in ids else [names]
                found |= {one: name for one, name in zip(ids.split("|"), split, strict=False) if one not in found}
    return found


def concept_score(mention: Mention) -> float | None:
    """Return how certain the linker is of a mention's concept, from 0 to 1; None if it does not say."""
    candidates = mention.attributes.get("kb_candidates")
    for candidate in candidates if isinstance(candidates, list) else ():
        match candidate:
            case {"id": mention.concept, "score": int() | float() as score} if not isinstance(score, bool):
                return score
    return None


def order_of(mention: Mention) -> dict[str, Any]:
    """Return the order of a medication, {} if it has none. Another pipeline may use the attribute otherwise."""
    order = mention.attributes.get("medication")
    return {name: part for name, part in order.items() if is_part(name, part)} if isinstance(order, Mapping) else {}


def is_part(name: str, part: Any) -> bool:
    """Return whether a value is a part of an order: an attribute with its text and offset, or the steps of a taper."""
    if name == "steps":
        return isinstance(part, list) and all(isinstance(step, Mapping) for step in part)
    return isinstance(part, Mapping) and isinstance(part.get("text"), str) and isinstance(part.get("start"), int)


def order_text(order: Mapping[str, Any]) -> str:
    """Return how much of a drug is taken, as the note says it: "40 mg daily x 5 days, then 20 mg x 5 days, then stop".

    order (Mapping[str, Any]): the order.
    RETURNS (str): the texts of its parts in their order, "" if there are none.
    """
    first = {name: part for name, part in order.items() if name in SIG}
    # The order itself has the parts of its first step.
    return ", then ".join(filter(None, map(step_text, (first, *order.get("steps", ())[1:]))))


def step_text(step: Mapping[str, Any]) -> str:
    """Return the texts of the parts of an order that has no steps, or of one step."""
    parts = [(part["start"], part["text"], name) for name, part in step.items() if is_part(name, part)]
    texts, end = [], -1
    for start, text, name in sorted(parts, key=lambda part: (part[0], -len(part[1]))):
        # The form "tabs" is within the dose "2 tabs".
        if start >= end:
            texts.append(WORDS_BEFORE.get(name, "") + text)
            end = start + len(text)
    return " ".join(" ".join(texts).split())


def action_of(mention: Mention) -> str:
    """Return what is done with a medication: "hold", for instance; "" if nothing."""
    value = order_of(mention).get("action", {}).get("value")
    return value if isinstance(value, str) else ""
