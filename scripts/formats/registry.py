"""The formats by name, for writing, and by the end of a file's name, for reading."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from scripts.errors import ProjectError
from scripts.files import moved_into_place
from scripts.formats import (
    bioc_json,
    bioc_xml,
    brat,
    conll,
    csv_tsv,
    docbin,
    doccano,
    json_values,
    jsonl,
    labelstudio,
    parquet,
    prodigy,
    pubtator,
    text,
    token_rows,
    xlsx,
    xmi,
)
from scripts.formats.annotated import AnnotatedReader, make_notes_reader
from scripts.formats.brat import BratWriter
from scripts.formats.clinical import ClinicalOptions
from scripts.formats.conll import ConllWriter
from scripts.formats.docbin import DocBinWriter
from scripts.formats.drafts import DraftWriter
from scripts.formats.fhir import FhirWriter
from scripts.formats.omop import OmopWriter
from scripts.formats.omop_tables import OmopTablesWriter
from scripts.formats.reading import Reader
from scripts.formats.table import TableWriter
from scripts.formats.writing import WRITE_DEFAULTS, WriteOptions, Writer
from scripts.records.documents import Document

FormatName = Literal[
    "jsonl",
    "parquet",
    "csv",
    "table",
    "omop",
    "fhir",
    "brat",
    "pubtator",
    "bioc-xml",
    "bioc-json",
    "conll",
    "docbin",
    "prodigy",
    "doccano",
    "labelstudio",
]
WRITERS: dict[str, type[Writer]] = {
    "jsonl": jsonl.JsonlWriter,
    "parquet": parquet.ParquetWriter,
    "csv": csv_tsv.CsvWriter,
    "table": TableWriter,
    "omop": OmopWriter,
    "fhir": FhirWriter,
    "brat": BratWriter,
    "pubtator": pubtator.PubtatorWriter,
    "bioc-xml": bioc_xml.BioCXmlWriter,
    "bioc-json": bioc_json.BioCJsonWriter,
    "conll": ConllWriter,
    "docbin": DocBinWriter,
    "prodigy": prodigy.ProdigyWriter,
    "doccano": doccano.DoccanoWriter,
    "labelstudio": labelstudio.LabelStudioWriter,
}
# Formats of notes that people correct, and that can be put into another order.
DRAFT_FORMATS = tuple(name for name, writer in WRITERS.items() if issubclass(writer, DraftWriter))
# Formats that keep a document's passages or tokens, for corpora.
CORPUS_FORMATS = ("pubtator", "bioc-xml", "bioc-json", "conll", "docbin")
# Formats that are written from the tokens.
TOKEN_FORMATS = frozenset({"conll", "docbin"})

READERS: dict[str, Reader] = {
    ".txt": Reader(text.read_notes),
    ".jsonl": Reader(jsonl.read_notes),
    ".ndjson": Reader(jsonl.read_notes),
    ".json": Reader(json_values.read_notes),
    ".csv": csv_tsv.make_reader(",", "standard"),
    ".tsv": csv_tsv.make_reader("\t", "none"),
    ".xlsx": Reader(xlsx.read_notes, xlsx.read_header),
    ".parquet": Reader(parquet.read_notes, parquet.read_header),
    ".pubtator": Reader(pubtator.read_notes),
    ".pubtator.txt": Reader(pubtator.read_notes),
    ".xml": Reader(bioc_xml.read_notes),
    ".bioc.xml": Reader(bioc_xml.read_notes),
    ".bioc.json": Reader(json_values.read_notes),
    ".conll": Reader(make_notes_reader(conll.read_annotated)),
    ".iob": Reader(make_notes_reader(conll.read_annotated)),
    ".spacy": Reader(make_notes_reader(docbin.read_annotated)),
    ".xmi": Reader(make_notes_reader(xmi.read_annotated)),
}

# Formats of annotated documents, from which a corpus is made. BigBio's own schemas are read by `formats.bigbio`.
ANNOTATED: dict[str, AnnotatedReader] = {
    "brat": brat.read_annotated,
    "pubtator": pubtator.read_annotated,
    "bioc-xml": bioc_xml.read_annotated,
    "bioc-json": json_values.read_annotated_bioc,
    "conll": conll.read_annotated,
    "docbin": docbin.read_annotated,
    "jsonl": json_values.read_annotated_rows,
    "prodigy": prodigy.read_annotated,
    "doccano": doccano.read_annotated,
    "labelstudio": labelstudio.read_annotated,
    "xmi": xmi.read_annotated,
    "datasets": token_rows.read_annotated,
}


def writer_class(format: str, clinical: ClinicalOptions) -> type[Writer]:
    """Return the writer of a format, one of `WRITERS`, with the options for hospitals."""
    return OmopTablesWriter if format == "omop" and clinical.omop_tables else WRITERS[format]


def check_formats(names: Iterable[str], known: Iterable[str] = tuple(WRITERS)) -> None:
    """Check that formats are known.

    names (Iterable[str]): the names of formats.
    known (Iterable[str]): the formats to choose from.
    RAISES (ProjectError): one of them is not known.
    """
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ProjectError(f"Unknown format '{unknown[0]}'", f"Known are {', '.join(known)}.")


def write_documents(
    documents: Iterable[Document],
    path: Path,
    *,
    format: str,
    options: WriteOptions = WRITE_DEFAULTS,
) -> None:
    """Write documents in a format. The file appears complete, or not at all.

    documents (Iterable[Document]): the documents; for CoNLL and DocBin with their tokens.
    path (Path): the file to write.
    format (str): one of `WRITERS`.
    options (WriteOptions): how to write.
    RAISES (ProjectError): the format can't hold an id or a label.
    """
    writer = WRITERS[format](options)
    prepared = [writer.prepare(document) for document in documents]
    with moved_into_place(path) as partial:
        writer.write(prepared, partial)
