"""Rows of the table NOTE_NLP of the OMOP Common Data Model 5.4, as CSV.

https://ohdsi.github.io/CommonDataModel/cdm54.html#note_nlp
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

from scripts.errors import ProjectError
from scripts.formats.clinical import mention_concepts, order_of
from scripts.formats.writing import Writer, dump_json, with_attributes
from scripts.records.documents import Document
from scripts.records.mentions import Mention
from scripts.records.states import STATES, mention_states

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
# "No matching concept": not linked, or to another vocabulary than OMOP's.
NO_CONCEPT = 0
# The modifiers of the specification by the attribute that they are read from: name, value if it is false, and if true.
MODIFIERS = {
    STATES["denied"]: ("negated", "false", "true"),
    STATES["family"]: ("subject", "patient", "family"),
    STATES["possible"]: ("certainty", "certain", "uncertain"),
    STATES["planned"]: ("conditional", "false", "true"),
    STATES["past"]: ("history", "false", "true"),
    STATES["allergy"]: ("allergy", "false", "true"),
}
# What they say of a term that the patient neither has nor had. The specification has degrees of uncertainty, and lets
# "rule out" and the lowest of them count; the pipeline has one, and finds both with it.
NOT_THERE = {"denied", "family", "planned", "possible"}
# The specification has "past" and "present" for term_temporal, and leaves others to later versions.
TEMPORAL = {"past": "past", "planned": "future"}
# Where a heading is, its category is enough; and the cues may be many. Other formats have both.
LEFT_OUT = ("section_title", "modifiers")
# What is left out first where all of it is longer than the column.
LEAST = ("steps", "kb_candidates", "previous", "maximum")


class OmopWriter(Writer):
    """A row for each mention, numbered through all files of a run.

    "term_modifiers" has the mention's label, confidence, id and attributes as name=value, separated by commas. Those of
    the context have the specification's names, and each attribute of a medication has its own. The value of an
    attribute that is no string, or has a comma, an equals sign, a quote or a line end in it, is JSON.
    """

    suffix = ".csv"
    settings: ClassVar[tuple[str, ...]] = ("omop_tables",)
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

        By the specification "a complete lack of modifiers would make term_exists true". `term_temporal` is empty if
        the pipeline does not read the context.
        """
        states = mention_states(mention.attributes)
        times = [TEMPORAL[state] for state in states if state in TEMPORAL] or ["present"] * bool(states)
        # A run that goes on after it was killed writes the date on which it was begun.
        begun = self.options.begun or datetime.now(UTC)
        concept = self.concept_id(mention)
        return {
            "note_id": document.id,
            "section_concept_id": self.section_concept_id(mention),
            "snippet": make_snippet(document.text, mention.start, mention.end) if self.options.keep_text else "",
            "offset": mention.start,
            "lexical_variant": document.text[mention.start : mention.end][:TEXT_LENGTH],
            "note_nlp_concept_id": concept,
            # Names of source vocabularies lead to the standard concept: which one it was is not kept.
            "note_nlp_source_concept_id": concept,
            "nlp_system": self.options.system[:TEXT_LENGTH],
            "nlp_date": f"{begun:%Y-%m-%d}",
            "nlp_datetime": f"{begun:%Y-%m-%d %H:%M:%S}",
            "term_exists": "Y" if NOT_THERE.isdisjoint(states) else "N",
            "term_temporal": "".join(times[:1]),
            "term_modifiers": make_modifiers(mention),
        }

    def concept_id(self, mention: Mention) -> int:
        """Return the standard concept of a mention, the first of a composite one; `NO_CONCEPT` if there is none."""
        identifier = mention_concepts(mention)[0].id
        # The columns are integers of 32 bits.
        is_concept = self.options.vocabulary.is_omop and INTEGER.fullmatch(identifier) and len(identifier) < 10
        return int(identifier) if is_concept else NO_CONCEPT

    def section_concept_id(self, mention: Mention) -> int:
        """Return the concept of a mention's section, `NO_CONCEPT` if it is unknown."""
        code = mention.attributes.get("section_code")
        return self.options.vocabulary.sections.get(code, NO_CONCEPT) if isinstance(code, str) else NO_CONCEPT

    def write(self, prepared: Sequence[list[dict[str, Any]]], path: Path, *, number_from: int = 1) -> None:
        rows = enumerate(chain.from_iterable(prepared), start=number_from)
        write_rows(({"note_nlp_id": number, **row} for number, row in rows), COLUMNS, path)


def write_rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], path: Path) -> None:
    """Write the rows of a table as CSV, with its header."""
    with path.open("w", encoding="utf8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def make_modifiers(mention: Mention) -> str:
    """Return what is known of a mention besides its text.

    RAISES (ProjectError): it is longer than the column.
    """
    pairs = modifier_pairs(mention)
    modifiers = join_pairs(pairs)
    for name in LEAST:
        if len(modifiers) > MODIFIERS_LENGTH:
            pairs.pop(name, None)
            modifiers = join_pairs(pairs)
    if mention.attributes and len(modifiers) > MODIFIERS_LENGTH:
        raise ProjectError(f"term_modifiers of {len(modifiers)} characters, and OMOP has {MODIFIERS_LENGTH}")
    return modifiers


def join_pairs(pairs: Mapping[str, str]) -> str:
    """Return modifiers as one string."""
    return ",".join(f"{name}={value}" for name, value in pairs.items())


def modifier_pairs(mention: Mention) -> dict[str, str]:
    """Return the modifiers of a mention by name.

    RAISES (ProjectError): an attribute has the name of another modifier.
    """
    others = other_attributes(mention)
    context = {
        name: values[bool(mention.attributes[attribute])]
        for attribute, (name, *values) in MODIFIERS.items()
        if attribute in mention.attributes
    }
    fields = {"label": mention.label, "confidence": str(mention.confidence), "kb_id": mention.concept, **context}
    pairs = with_attributes(fields, replace(mention, attributes=others), "OMOP")
    for name, value in others.items():
        if re.search('[,="\\s]', pairs[name]) and isinstance(value, str):
            pairs[name] = dump_json(pairs[name])
    if mention.confidence is None:
        del pairs["confidence"]
    if not mention.concept:
        del pairs["kb_id"]
    return pairs


def other_attributes(mention: Mention) -> dict[str, Any]:
    """Return the attributes of a mention that are not of the context, with those of its order in the order's place.

    RAISES (ProjectError): an attribute has the name of one of the order's.
    """
    others = {name: value for name, value in mention.attributes.items() if name not in (*MODIFIERS, *LEFT_OUT)}
    order = order_of(mention)
    if not order:
        return others
    del others["medication"]
    # With the name of a field it would be refused all the same.
    if both := sorted(others.keys() & order.keys()):
        raise ProjectError(
            f"the attribute '{both[0]}' can't be written as OMOP, where medications have one of that name"
        )
    return {**others, **order}


def make_snippet(text: str, start: int, end: int) -> str:
    """Return a mention with as much text on both sides as the column holds."""
    begin = max(0, start - max(0, TEXT_LENGTH - (end - start)) // 2)
    return text[begin : begin + TEXT_LENGTH]
