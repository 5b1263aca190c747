"""AnnotatedNote notes in, files out: a writer for each format, those of `scripts.formats` among them.

A writer first prepares each note by itself, so that one which the format cannot hold is rejected and no other, and
then writes what was prepared. Offsets count characters (code points) of the text as given, in every format.
"""

import csv
import json
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.annotation.brat import BratWriter
from scripts.annotation.engine import AnnotatedNote
from scripts.annotation.omop import OmopWriter
from scripts.formats import FORMATS
from scripts.records.documents import Document, Passage
from scripts.records.mentions import Mention

ENTITY = pa.struct(
    [
        pa.field("text", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("confidence", pa.float64()),
        pa.field("kb_id", pa.string()),
    ]
)
# The columns of the Parquet files, "text" only where it is kept. "columns" is a JSON object with the other columns of
# the input: their types may differ from note to note, and a file has one schema.
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("entities", pa.list_(ENTITY), nullable=False),
        pa.field("columns", pa.string(), nullable=False),
    ]
)
CSV_COLUMNS = ("id", "start", "end", "label", "text", "confidence", "kb_id", "columns")
# Formats that `scripts.formats` does not have.
OWN_FORMATS = ("jsonl", "parquet", "csv", "brat", "omop")
ALL_FORMATS = (*OWN_FORMATS, *FORMATS)
# Formats that are written from the tokens.
NEED_DOCS = frozenset({"conll", "docbin"})


class Writer(Protocol):
    """How notes are written in a format.

    suffix (str): how the name of a part ends.
    """

    suffix: str

    def prepare(self, annotated: AnnotatedNote) -> Any:
        """Give a note as the format has it.

        RAISES (ProjectError, UnicodeEncodeError): the format cannot hold it. No message quotes the text.
        """

    def write(self, prepared: Sequence[Any], path: Path, *, number_from: int) -> None:
        """Write what was prepared. Where entities have numbers, the first has the one given."""


def make_writer(format: str, *, keep_text: bool, system: str, begun: datetime) -> Writer:
    """Give the writer of a format.

    format (str): one of `ALL_FORMATS`.
    keep_text (bool): whether JSONL and Parquet have the texts.
    system (str): name and version of the pipeline, for OMOP.
    begun (datetime): when the run was begun, for OMOP.
    RETURNS (Writer): the writer.
    """
    if format == "jsonl":
        return JsonlWriter(keep_text)
    if format == "parquet":
        return ParquetWriter(keep_text)
    if format == "csv":
        return CsvWriter()
    if format == "brat":
        return BratWriter()
    if format == "omop":
        return OmopWriter(system=system, begun=begun)
    return DocumentWriter(format)


class JsonlWriter:
    """A line of JSON for each note: "id", "text" if it is kept, "entities" and "columns"."""

    suffix = ".jsonl"

    def __init__(self, keep_text: bool):
        self.keep_text = keep_text

    def prepare(self, annotated: AnnotatedNote) -> bytes:
        """Give the line of a note."""
        return f"{dump_json(make_row(annotated, self.keep_text))}\n".encode()

    def write(self, prepared: Sequence[bytes], path: Path, *, number_from: int) -> None:
        """Write the lines of notes."""
        with path.open("wb") as file:
            file.writelines(prepared)


class ParquetWriter:
    """A row of `SCHEMA` for each note."""

    suffix = ".parquet"

    def __init__(self, keep_text: bool):
        self.keep_text = keep_text
        self.schema = SCHEMA if keep_text else SCHEMA.remove(SCHEMA.get_field_index("text"))

    def prepare(self, annotated: AnnotatedNote) -> dict[str, Any]:
        """Give the row of a note."""
        row = make_row(annotated, self.keep_text)
        return {**row, "id": encodable(row["id"]), "columns": encodable(dump_json(row["columns"]))}

    def write(self, prepared: Sequence[dict[str, Any]], path: Path | pa.NativeFile, *, number_from: int) -> None:
        """Write the rows of notes."""
        pq.write_table(pa.Table.from_pylist(list(prepared), schema=self.schema), path, compression="zstd")


class CsvWriter:
    """A row for each entity, with the note's other columns as a JSON object. Notes without entities are not there."""

    suffix = ".csv"

    def prepare(self, annotated: AnnotatedNote) -> list[dict[str, Any]]:
        """Give the rows of a note."""
        row = make_row(annotated, keep_text=False)
        note = {"id": encodable(row["id"]), "columns": encodable(dump_json(row["columns"]))}
        return [{**entity, **note} for entity in row["entities"]]

    def write(self, prepared: Sequence[Iterable[dict[str, Any]]], path: Path, *, number_from: int) -> None:
        """Write the rows of notes."""
        # newline: lines end as RFC 4180 has it, and line ends in a mention stay what they are.
        with path.open("w", encoding="utf8", newline="") as file:
            writer = csv.DictWriter(file, CSV_COLUMNS)
            writer.writeheader()
            writer.writerows(chain.from_iterable(prepared))


class DocumentWriter:
    """One of the formats of `scripts.formats`, with a note's text as its only passage.

    format (str): one of `FORMATS`.
    """

    def __init__(self, format: str):
        self.format = FORMATS[format]
        self.suffix = self.format.suffix

    def prepare(self, annotated: AnnotatedNote) -> Document:
        """Give a note as a document, once it was written to nowhere by itself to see whether it can be."""
        mentions = (Mention(ent.start, ent.end, ent.label, ent.kb_id or "") for ent in annotated.entities)
        note = annotated.note
        document = Document(encodable(note.id), (Passage("note", note.text),), tuple(mentions), annotated.doc)
        self.format.write([document], Path(os.devnull))
        return document

    def write(self, prepared: Sequence[Document], path: Path, *, number_from: int) -> None:
        """Write the documents."""
        self.format.write(prepared, path)


def make_row(annotated: AnnotatedNote, keep_text: bool) -> dict[str, Any]:
    """Give a note and its entities as plain values.

    annotated (AnnotatedNote): the note.
    keep_text (bool): whether the row has its text.
    RETURNS (dict[str, Any]): "id", "text", "entities" and "columns".
    """
    note = annotated.note
    return {
        "id": note.id,
        **({"text": note.text} if keep_text else {}),
        "entities": [entity._asdict() for entity in annotated.entities],
        "columns": note.columns,
    }


def dump_json(value: Any) -> str:
    """Give a value as JSON on one line. The standard library's: srsly's rounds numbers to ten digits."""
    return json.dumps(value, ensure_ascii=False)


def encodable(text: str) -> str:
    """Give a text that UTF-8 can hold: JSON can name half a surrogate pair, and no file can have it.

    RAISES (UnicodeEncodeError): it cannot.
    """
    text.encode()
    return text
