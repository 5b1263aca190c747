"""Read files back, with the libraries that others would read them with, to documents of flat mentions."""

import csv
import json
from itertools import groupby

import pyarrow.parquet as pq
from bioc import biocjson, biocxml, brat
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from scripts.annotation.mentions import doc_mentions
from scripts.annotation.sources import opened
from scripts.corpora.files import file_source
from scripts.formats import pubtator
from scripts.formats.brat import identifier_of
from scripts.formats.conll import DELIMITER
from scripts.formats.reading import ReadOptions
from scripts.formats.registry import ANNOTATED, DRAFT_FORMATS
from scripts.records.documents import Document, Passage
from scripts.records.mentions import Mention


def read_documents(path, format):
    """Read the documents in a format of corpora."""
    return list(READERS[format](path))


def read_bioc(path, load):
    # Not as text: line ends have to stay what they are.
    for document in load(path.read_bytes().decode()).documents:
        passages = tuple(Passage(part.infons["type"], part.text or "") for part in document.passages)
        mentions = tuple(
            Mention(
                annotation.total_span.offset,
                annotation.total_span.end,
                annotation.infons["type"],
                annotation.infons.get("identifier", ""),
            )
            for part in document.passages
            for annotation in part.annotations
        )
        yield Document(document.id, passages, mentions)


def read_conll(path):
    rows = [line.split("\t") for line in path.read_text(encoding="utf8").split("\n") if line and line != DELIMITER]
    for identifier, words in groupby(rows, key=lambda row: row[1]):
        mentions = []
        for _, _, start, end, concept, tag in words:
            if tag.startswith("B-"):
                mentions.append(Mention(int(start), int(end), tag[2:], "" if concept == "-" else concept))
            elif tag.startswith("I-"):
                begun = mentions.pop()
                mentions.append(Mention(begun.start, int(end), begun.label, begun.concept))
        yield Document(identifier, (), tuple(mentions))


def read_doc_bin(path):
    for doc in DocBin(store_user_data=True).from_disk(path).get_docs(Vocab()):
        yield Document(doc.user_data["document_id"], (Passage("", doc.text),), doc_mentions(doc), doc)


READERS = {
    "pubtator": pubtator.read_documents,
    "bioc-xml": lambda path: read_bioc(path, biocxml.loads),
    "bioc-json": lambda path: read_bioc(path, biocjson.loads),
    "conll": read_conll,
    "docbin": read_doc_bin,
}


def read_csv(path):
    with path.open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file))


def read_brat(folder):
    found = {}
    for path in folder.glob("*.txt"):
        # As brat reads them: bioc's own `listdir` makes one character of \r\n, which moves what comes after it.
        with path.open(encoding="utf8", newline="") as text, path.with_suffix(".ann").open(newline="") as annotations:
            found[identifier_of(path.stem)] = brat.load(text, annotations)
    return found


def brat_mentions(document):
    # The first notes are the ids, numbered like the mentions.
    concepts = {note.refid: note.text for note in document.notes if note.id[1:] == note.refid[1:]}
    return [(*ent.total_span, ent.type, concepts.get(ent.id, "")) for ent in document.entities]


def read_rows(path, format):
    """Read the rows of JSONL or Parquet, with what is JSON in Parquet parsed."""
    if format == "jsonl":
        return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    rows = pq.read_table(path).to_pylist()
    for row in rows:
        row["columns"] = json.loads(row["columns"])
        for entity in row["entities"]:
            entity["attributes"] = json.loads(entity["attributes"])
    return rows


def read_modifiers(text):
    """Parse OMOP's term_modifiers: name=value, where a value may be JSON that has commas in it."""
    found = {}
    while text:
        name, _, text = text.partition("=")
        try:
            value, end = json.JSONDecoder().raw_decode(text)
            if text[end : end + 1] not in ("", ","):
                raise ValueError
        except ValueError:
            value, end = text.partition(",")[0], len(text.partition(",")[0])
        found[name], text = value, text[end + 1 :]
    return found


def read_drafts(path, format):
    """Read documents by the reader from which a corpus is made."""
    source = file_source(path)
    with opened(source) as file:
        return list(ANNOTATED[format](file, source, ReadOptions()))


def mentions_of(path, format):
    """Read mentions back by their document: start, end, label, and the id in a knowledge base."""
    if format in DRAFT_FORMATS:
        return {
            document.id: [(m.start, m.end, m.label, m.concept) for m in document.mentions]
            for document in read_drafts(path, format)
        }
    if format in ("jsonl", "parquet"):
        return {
            row["id"]: [(ent["start"], ent["end"], ent["label"], ent["kb_id"] or "") for ent in row["entities"]]
            for row in read_rows(path, format)
        }
    if format == "brat":
        return {name: brat_mentions(document) for name, document in read_brat(path).items()}
    found = {}
    if format == "csv":
        for row in read_csv(path):
            mention = (int(row["start"]), int(row["end"]), row["label"], row["kb_id"])
            found.setdefault(row["id"], []).append(mention)
        return found
    if format == "omop":
        for row in read_csv(path):
            fields = dict(pair.split("=", 1) for pair in row["term_modifiers"].split(",") if "=" in pair)
            end = int(row["offset"]) + len(row["lexical_variant"])
            mention = (int(row["offset"]), end, fields["label"], fields.get("kb_id", ""))
            found.setdefault(row["note_id"], []).append(mention)
        return found
    documents = read_documents(path, format)
    return {doc.id: [(m.start, m.end, m.label, m.concept) for m in doc.mentions] for doc in documents}
