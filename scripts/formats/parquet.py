"""Parquet: a row for each note."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.formats.reading import DAMAGED, ReadOptions, Source, row_note
from scripts.formats.writing import Writer, document_row, dump_json, encodable
from scripts.records.documents import Document
from scripts.records.notes import Note, Rejected

# A note may be megabytes: few at a time. A column of a row group may be gigabytes: it is read in pieces.
ROWS = 64
BUFFER_BYTES = 2**18

# "attributes" is a JSON object: a struct would need to know all names and types in advance.
ENTITY = pa.struct(
    [
        pa.field("text", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
        pa.field("confidence", pa.float64()),
        pa.field("kb_id", pa.string()),
        pa.field("attributes", pa.string(), nullable=False),
    ]
)
# "text" is there only if it is kept. "columns" is a JSON object with the other columns of the input: their types may
# differ from note to note, and a file has one schema.
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("entities", pa.list_(ENTITY), nullable=False),
        pa.field("columns", pa.string(), nullable=False),
    ]
)


def read_header(file: io.BufferedReader, source: Source, options: ReadOptions) -> list[str]:
    """Return the names of the columns and, as "note.text", of what is in structs."""
    schema = pq.ParquetFile(file).schema_arrow
    inner = dict.fromkeys(name for field in schema for name in field_names(field))
    # A column that is there twice is listed twice.
    return [*schema.names, *(name for name in inner if name not in schema.names)]


def field_names(field: pa.Field, prefix: str = "") -> list[str]:
    """Return the name of a field and of those in it."""
    name = f"{prefix}{field.name}"
    inner = [field.type.field(i) for i in range(field.type.num_fields)] if pa.types.is_struct(field.type) else []
    return [name, *(deeper for child in inner for deeper in field_names(child, f"{name}."))]


def read_notes(file: io.BufferedReader, source: Source, options: ReadOptions) -> Iterator[Note | Rejected]:
    """Read a note from each row. A damaged row group is rejected, and the next one read."""
    parquet, number = pq.ParquetFile(file, buffer_size=BUFFER_BYTES, pre_buffer=False), 1
    for group in range(parquet.num_row_groups):
        end = number + parquet.metadata.row_group(group).num_rows
        try:
            for batch in parquet.iter_batches(ROWS, row_groups=[group]):
                for index in range(len(batch)):
                    yield batch_note(batch, index, number, source, options)
                    number += 1
        except DAMAGED:
            problem = f"the file is damaged: its rows {number} to {end - 1} can't be read"
            yield Rejected(f"{source.name}:{number}", problem)
        number = end


def batch_note(batch: pa.RecordBatch, index: int, number: int, source: Source, options: ReadOptions) -> Note | Rejected:
    """Return a row of a batch as a note."""
    row, problem = {}, ""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            row[name] = column[index].as_py()
        # Text that is not UTF-8, a date that Python can't represent, an unknown time zone.
        except (ArithmeticError, LookupError, ValueError) as error:
            problem = f"the value of column '{name}' can't be read ({type(error).__name__})"
    return row_note(row, number, source, options, problem)


class ParquetWriter(Writer):
    """A row of `SCHEMA` for each document."""

    suffix = ".parquet"
    can_leave_out_text = True

    @property
    def schema(self) -> pa.Schema:
        """`SCHEMA`, without the text if it is not kept."""
        return SCHEMA if self.options.keep_text else SCHEMA.remove(SCHEMA.get_field_index("text"))

    def prepare(self, document: Document) -> dict[str, Any]:
        row = document_row(document, keep_text=self.options.keep_text)
        for entity in row["entities"]:
            entity["attributes"] = encodable(dump_json(entity["attributes"]))
        return {**row, "id": encodable(row["id"]), "columns": encodable(dump_json(row["columns"]))}

    def write(self, prepared: Sequence[dict[str, Any]], path: Path | pa.NativeFile, *, number_from: int = 1) -> None:
        pq.write_table(pa.Table.from_pylist(list(prepared), schema=self.schema), path, compression="zstd")
