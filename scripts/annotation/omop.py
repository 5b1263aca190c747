"""Entities as rows of the table NOTE_NLP of the OMOP Common Data Model 5.4.

In: annotated notes. Out: a CSV file with the table's columns.
https://ohdsi.github.io/CommonDataModel/cdm54.html#note_nlp
"""

import csv
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from scripts.annotation.engine import AnnotatedNote, Entity
from scripts.errors import ProjectError

COLUMNS = (
    "note_nlp_id",
    "note_id",
    "section_concept_id",
    "snippet",
    "offset",
    "lexical_variant",
    "note_nlp_concept_id",
    "note_nlp_source_concept_id",
    "nlp_system",
    "nlp_date",
    "nlp_datetime",
    "term_exists",
    "term_temporal",
    "term_modifiers",
)
# The length of the columns snippet, lexical_variant and nlp_system.
TEXT_LENGTH = 250
# Without a sign and leading zeros: "7" and "07" would be one note to a database.
INTEGER = re.compile("0|[1-9][0-9]*", re.ASCII)
# "No matching concept": the pipeline maps neither sections nor terms to the standardized vocabularies.
NO_CONCEPT = 0


class OmopWriter:
    """Rows of NOTE_NLP, one for each entity.

    system (str): name and version of the pipeline.
    begun (datetime): the date of the rows: the run's, so that those that it writes after it was killed have the same.
    """

    suffix = ".csv"

    def __init__(self, *, system: str, begun: datetime):
        self.system = system
        self.begun = begun

    def prepare(self, annotated: AnnotatedNote) -> list[dict[str, Any]]:
        """Give the rows of a note, all but their ids.

        RAISES (ProjectError): the note's id is no integer.
        """
        if not INTEGER.fullmatch(annotated.note.id):
            raise ProjectError("note_id must be an integer in OMOP, without a sign or leading zeros")
        return [self.make_row(annotated, entity) for entity in annotated.entities]

    def make_row(self, annotated: AnnotatedNote, entity: Entity) -> dict[str, Any]:
        """Give the row of an entity.

        The pipeline finds no modifiers, negation for instance, and by the specification "a complete lack of modifiers
        would make term_exists true". What it does find besides the text goes into term_modifiers.
        """
        modifiers = {"label": entity.label, "confidence": entity.confidence, "kb_id": entity.kb_id}
        return {
            "note_id": annotated.note.id,
            "section_concept_id": NO_CONCEPT,
            "snippet": make_snippet(annotated.note.text, entity.start, entity.end),
            "offset": entity.start,
            "lexical_variant": entity.text[:TEXT_LENGTH],
            "note_nlp_concept_id": NO_CONCEPT,
            "note_nlp_source_concept_id": NO_CONCEPT,
            "nlp_system": self.system[:TEXT_LENGTH],
            "nlp_date": f"{self.begun:%Y-%m-%d}",
            "nlp_datetime": f"{self.begun:%Y-%m-%d %H:%M:%S}",
            "term_exists": "Y",
            "term_temporal": "",
            "term_modifiers": ",".join(f"{name}={value}" for name, value in modifiers.items() if value is not None),
        }

    def write(self, prepared: Sequence[Iterable[dict[str, Any]]], path: Path, *, number_from: int) -> None:
        """Write the rows of notes, the first with a given id."""
        with path.open("w", encoding="utf8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            rows = chain.from_iterable(prepared)
            writer.writerows({"note_nlp_id": number, **row} for number, row in enumerate(rows, start=number_from))


def make_snippet(text: str, start: int, end: int) -> str:
    """Give a mention with as much text on both sides as the column holds."""
    begin = max(0, start - max(0, TEXT_LENGTH - (end - start)) // 2)
    return text[begin : begin + TEXT_LENGTH]
