"""BigBio's schemas, source and `bigbio_kb`: corpora as the Hugging Face hub has them, in JSON Lines or Parquet.

https://github.com/bigscience-workshop/biomedical
"""

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet

from scripts.errors import ProjectError
from scripts.records.annotated import with_entities
from scripts.records.bigbio import Record, checked_records, document_text

PARQUET = b"PAR1"


def read_part(file: io.BufferedReader, path: Path) -> tuple[list[Record], Counter[str]]:
    """Read one file of a data set in BigBio's source or `bigbio_kb` schema; its columns show which.

    file (BufferedReader): the file's content.
    path (Path): the file.
    RETURNS (tuple[list[Record], Counter[str]]): its documents, and how many were moved and of what a record can't hold.
    RAISES (ProjectError): the file does not fit the schemas.
    """
    try:
        rows = read_rows(file)
        is_kb = bool(rows) and "entities" in rows[0]
        records = [kb_record(row) if is_kb else {"passages": row["passages"]} for row in rows]
    except ProjectError as error:
        raise ProjectError(f"{path}: {error.title}", error.hint) from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ProjectError(
            f"{path} can't be read as a data set in BigBio's source or bigbio_kb schema ({type(error).__name__})",
            "See https://github.com/bigscience-workshop/biomedical for both. Each line or row is one document.",
        ) from error
    changes = count_changes(rows, records) if is_kb else Counter[str]()
    return checked_records(records, path), changes


def read_rows(file: io.BufferedReader) -> list[dict[str, Any]]:
    """Read the rows of a file. No cache is used, because the texts may be about patients."""
    if file.peek(len(PARQUET)).startswith(PARQUET):
        return pyarrow.parquet.read_table(file).to_pylist()
    # Not by srsly, which takes a byte order mark for a part of the first document.
    lines = file.read().decode("utf-8-sig").split("\n")
    return [json.loads(line) for line in lines if line.strip()]


def kb_record(row: dict[str, Any]) -> Record:
    """Turn a document of the `bigbio_kb` schema into a record, which has no events and coreferences.

    Schema: https://github.com/bigscience-workshop/biomedical/blob/main/bigbio/utils/schemas/kb.py

    row (dict[str, Any]): passages, entities and relations, with offsets in the document.
    RETURNS (Record): a record with the same offsets, and each entity in the passage in which it starts.
    RAISES (ProjectError): passages overlap, or a passage is not as long as its offsets say.
    """
    passages = [
        {"document_id": row["document_id"], "type": kind, "text": text, "entities": [], "relations": kb_relations(row)}
        for kind, text in join_passages(row)
    ]
    entities = [{**entity, "normalized": known_links(entity)} for entity in row["entities"]]
    return with_entities({"passages": passages}, entities)


def kb_relations(row: dict[str, Any]) -> list[dict[str, str]]:
    """Return the relations of a document, between the ids of its entities."""
    return [{key: relation[key] for key in ("id", "type", "arg1_id", "arg2_id")} for relation in row["relations"]]


def known_links(entity: dict[str, Any]) -> list[dict[str, str]]:
    """Return the links of an entity to knowledge bases, without those that name no entry."""
    return [link for link in entity["normalized"] if link["db_name"] and link["db_id"]]


def join_passages(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the passages of a document, changed so that joining them with one space preserves all offsets.

    Passages that are further apart are padded with spaces; passages without a gap become one.

    row (dict[str, Any]): a document of the `bigbio_kb` schema.
    RETURNS (list[tuple[str, str]]): type and text of each passage.
    RAISES (ProjectError): passages overlap, or a passage is not as long as its offsets say.
    """
    parts = sorted(
        (start, end, passage["type"], text)
        for passage in row["passages"]
        for (start, end), text in zip(passage["offsets"], passage["text"], strict=True)
    )
    joined: list[tuple[str, str]] = []
    reached = 0
    for start, end, kind, text in parts:
        gap = start - reached
        if gap < 0 or end - start != len(text):
            raise ProjectError(
                f"Document '{row['document_id']}': its passages overlap, or are not as long as their offsets say",
                "Offsets of passages are [start, end] in characters of the document, and no two passages share one.",
            )
        if not joined:
            joined.append((kind, " " * gap + text))
        elif gap == 0:
            joined[-1] = (joined[-1][0], joined[-1][1] + text)
        else:
            joined[-1] = (joined[-1][0], joined[-1][1] + " " * (gap - 1))
            joined.append((kind, text))
        reached = end
    return joined


def count_changes(rows: list[dict[str, Any]], records: list[Record]) -> Counter[str]:
    """Count the documents whose passages were padded or joined, and what a record can't hold.

    rows (list[dict[str, Any]]): documents of the `bigbio_kb` schema.
    records (list[Record]): the same as records.
    RETURNS (Counter[str]): the numbers by name.
    """
    joined = (" ".join(text for passage in row["passages"] for text in passage["text"]) for row in rows)
    moved = sum(text != document_text(record) for text, record in zip(joined, records, strict=True))
    dropped = {kind: sum(len(row.get(kind) or ()) for row in rows) for kind in ("events", "coreferences")}
    return +Counter({"documents_with_moved_passages": moved, **dropped})
