"""Checks that records must pass before they are used.

In: BigBio records. Out: nothing, or a `ProjectError` that names the document and the entity.
"""

from collections import Counter

from scripts.errors import ProjectError
from scripts.records.attributes import read_attributes
from scripts.records.bigbio import Record, document_id, document_text
from scripts.records.mentions import annotations, find_label


def check_record(record: Record, labels: dict[str, str]) -> None:
    """Raise an error if a record cannot be converted without guessing.

    record (Record): a document with its annotations.
    labels (dict[str, str]): label by pattern of the entity type.
    RAISES (ProjectError): the text is empty, or an entity is outside it or has a type without a label. The message
        names the document and the entity and never quotes the text.
    """
    if not record["passages"] or any(passage["text"] is None for passage in record["passages"]):
        raise ProjectError("A document has no passages, or a passage has no text", "Each record needs both.")
    where, length = f"Document '{document_id(record)}'", len(document_text(record))
    if not document_text(record).strip():
        raise ProjectError(f"{where} has an empty text", "Remove the document or add its text.")
    for entity in annotations(record):
        named = f"{where}, entity '{entity['id']}'"
        if find_label(entity["type"], labels) is None:
            raise ProjectError(
                f"{named} has the unknown type '{entity['type']}'",
                f"Known are {', '.join(labels)}. Add a pattern for it to vars.labels in project.yml.",
            )
        if not entity["offsets"]:
            raise ProjectError(f"{named} has no offsets", "Each part of a mention needs [start, end].")
        for start, end in entity["offsets"]:
            if not 0 <= start < end <= length:
                raise ProjectError(
                    f"{named} has the offsets [{start}, {end}], outside the text of {length} characters",
                    "Offsets count characters of the passages joined by one space: 0 <= start < end <= length.",
                )
        try:
            read_attributes(entity)
        except ProjectError as error:
            raise ProjectError(f"{named}: {error.title}", error.hint) from error
    check_sections(record, where, length)


def check_sections(record: Record, where: str, length: int) -> None:
    """Raise an error if the annotated sections of a document are malformed or outside its text."""
    for number, section in enumerate((each for part in record["passages"] for each in part.get("sections", [])), 1):
        for name in ("title", "body"):
            match section[name]:
                case [start, end] if 0 <= start <= end <= length:
                    continue
            raise ProjectError(
                f"{where}, section {number} has the {name} {section[name]}, outside the text of {length} characters",
                "Title and body are [start, end], offsets in the passages joined by one space.",
            )


def check_ids(splits: dict[str, list[Record]]) -> None:
    """Raise an error if a document occurs twice in a corpus, in one split or in two."""
    counts = Counter(document_id(record) for records in splits.values() for record in records)
    twice = [identifier for identifier, count in counts.items() if count > 1]
    if twice:
        raise ProjectError(
            f"{len(twice)} documents occur in the corpus more than once, the first is '{twice[0]}'",
            "Keep each document once, in one split. A test document seen in training makes the scores worthless.",
        )
