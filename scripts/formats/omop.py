"""Rows of the table NOTE_NLP of the OMOP Common Data Model 5.4, as CSV.

https://ohdsi.github.io/CommonDataModel/cdm54.html#note_nlp
"""

import csv
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from scripts.errors import ProjectError
from scripts.formats.writing import Writer, dump_json, with_attributes
from scripts.records.documents import Document
from scripts.records.mentions import Mention

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
# The length of the columns snippet, lexical_variant and nlp_system, and of term_modifiers.
TEXT_LENGTH = 250
MODIFIERS_LENGTH = 2000
# Without a sign and leading zeros: "7" and "07" would be one note to a database.
INTEGER = re.compile("0|[1-9][0-9]*", re.ASCII)
HIGHEST_ID = 2**63 - 1
# "No matching concept": the pipeline maps neither sections nor terms to the standardized vocabularies.
NO_CONCEPT = 0


class OmopWriter(Writer):
    """A row for each mention, numbered through all files of a run.

    "term_modifiers" has the mention's label, confidence, id and attributes as name=value, separated by commas. The
    value of an attribute that is no string, or has a comma, an equals sign, a quote or a line end in it, is JSON.
    """

    suffix = ".csv"
    can_leave_out_text = True

    def prepare(self, document: Document) -> list[dict[str, Any]]:
        """Return the rows of a document, without their ids.

        RAISES (ProjectError): the document's id is no integer of 64 bits, or the modifiers of a mention are too long.
        """
        if not INTEGER.fullmatch(document.id):
            raise ProjectError("note_id must be an integer in OMOP, without a sign or leading zeros")
        # By length first: Python converts no number of more than 4,300 digits.
        if len(document.id) > len(str(HIGHEST_ID)) or int(document.id) > HIGHEST_ID:
            raise ProjectError(f"note_id must be at most {HIGHEST_ID} in OMOP, the highest 64-bit integer")
        return [self.mention_columns(mention, document) for mention in document.mentions]

    def mention_columns(self, mention: Mention, document: Document) -> dict[str, Any]:
        """Return the row of a mention.

        By the specification "a complete lack of modifiers would make term_exists true".
        """
        # A run that goes on after it was killed writes the date on which it was begun.
        begun = self.options.begun or datetime.now(UTC)
        return {
            "note_id": document.id,
            "section_concept_id": NO_CONCEPT,
            "snippet": make_snippet(document.text, mention.start, mention.end) if self.options.keep_text else "",
            "offset": mention.start,
            "lexical_variant": document.text[mention.start : mention.end][:TEXT_LENGTH],
            "note_nlp_concept_id": NO_CONCEPT,
            "note_nlp_source_concept_id": NO_CONCEPT,
            "nlp_system": self.options.system[:TEXT_LENGTH],
            "nlp_date": f"{begun:%Y-%m-%d}",
            "nlp_datetime": f"{begun:%Y-%m-%d %H:%M:%S}",
            "term_exists": "Y",
            "term_temporal": "",
            "term_modifiers": make_modifiers(mention),
        }

    def write(self, prepared: Sequence[list[dict[str, Any]]], path: Path, *, number_from: int = 1) -> None:
        with path.open("w", encoding="utf8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            rows = chain.from_iterable(prepared)
            writer.writerows({"note_nlp_id": number, **row} for number, row in enumerate(rows, start=number_from))


def make_modifiers(mention: Mention) -> str:
    """Return what is known of a mention besides its text.

    RAISES (ProjectError): it is longer than the column.
    """
    fields = {"label": mention.label, "confidence": str(mention.confidence), "kb_id": mention.concept}
    pairs = with_attributes(fields, mention, "OMOP")
    for name in mention.attributes:
        if re.search('[,="\\s]', pairs[name]) and isinstance(mention.attributes[name], str):
            pairs[name] = dump_json(pairs[name])
    if mention.confidence is None:
        del pairs["confidence"]
    if not mention.concept:
        del pairs["kb_id"]
    modifiers = ",".join(f"{name}={value}" for name, value in pairs.items())
    if mention.attributes and len(modifiers) > MODIFIERS_LENGTH:
        raise ProjectError(f"term_modifiers of {len(modifiers)} characters, and OMOP has {MODIFIERS_LENGTH}")
    return modifiers


def make_snippet(text: str, start: int, end: int) -> str:
    """Return a mention with as much text on both sides as the column holds."""
    begin = max(0, start - max(0, TEXT_LENGTH - (end - start)) // 2)
    return text[begin : begin + TEXT_LENGTH]
