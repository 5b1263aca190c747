"""Run a trained pipeline over a split and write what it finds as PubTator, BioC, CoNLL and DocBin files.

In: a pipeline and assets/<profile>/<split>.jsonl. Out: predictions.PubTator.txt and its like, one for each format.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from spacy.language import Language
from spacy.pipeline.functions import DocCleaner
from spacy.tokens import Doc
from tqdm import tqdm
from wasabi import msg

from scripts.errors import ProjectError, shown_to_user
from scripts.formats import FORMATS, doc_mentions, write_documents
from scripts.pipelines import load_pipeline
from scripts.records.bigbio import Record, document_id, document_text, read_records
from scripts.records.checks import check_ids
from scripts.records.documents import Document, Passage


def predict(model: str, records: Path, output: Path, *, formats: Sequence[str] = tuple(FORMATS)) -> list[Document]:
    """Write a pipeline's predictions over a split.

    model (str): an installed package, or the folder of a pipeline.
    records (Path): the split as BigBio records, JSONL. Their annotations are not looked at.
    output (Path): the folder for the files. Each of them appears whole or not at all, others in it stay.
    formats (Sequence[str]): which of `FORMATS` to write.
    RETURNS (list[Document]): the documents with the predicted mentions.
    RAISES (ProjectError): the pipeline, the records or a format is not what it should be.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        title = f"Unknown format '{unknown[0]}'" if unknown else "No format to write was named"
        raise ProjectError(title, f"Known are {', '.join(FORMATS)}.")
    if not records.is_file():
        raise ProjectError(f"There is no file {records}", "Run first: spacy project run fetch-corpus")
    split = read_records(records)
    check_ids({records.stem: split})
    documents = predict_records(load_pipeline(model), split)
    for name in formats:
        write_documents(documents, output / f"predictions{FORMATS[name].suffix}", format=name)
    return documents


def predict_records(nlp: Language, records: list[Record]) -> list[Document]:
    """Run a pipeline over documents.

    nlp (Language): the pipeline.
    records (list[Record]): the documents.
    RETURNS (list[Document]): the documents in the same order, with the predicted mentions and their tokens.
    """
    # The encoder's output is hundreds of kilobytes a document, and has no place in a DocBin.
    clean = DocCleaner({"tensor": None, "_.trf_data": None})
    texts = ((document_text(record), record) for record in records)
    docs = nlp.pipe(tqdm(texts, total=len(records), unit=" documents", disable=None), as_tuples=True)
    return [make_document(clean(doc), record) for doc, record in docs]


def make_document(doc: Doc, record: Record) -> Document:
    """Give a record as a document with a Doc's entities as its mentions."""
    passages = tuple(Passage(passage["type"], passage["text"]) for passage in record["passages"])
    return Document(document_id(record), passages, doc_mentions(doc), doc)


def predict_cli(
    model: Annotated[str, typer.Argument(help="Folder of a pipeline, or the name of an installed package")],
    records: Annotated[Path, typer.Argument(help="The split, assets/<profile>/<split>.jsonl")],
    output: Annotated[Path, typer.Argument(help="Folder for predictions.PubTator.txt and its like")],
    formats: Annotated[str, typer.Option(help="Which formats to write, separated by spaces")] = " ".join(FORMATS),
) -> None:
    """Write a pipeline's predictions over a split as files."""
    with shown_to_user():
        documents = predict(model, records, output, formats=formats.split())
    counts = Counter(mention.label for document in documents for mention in document.mentions)
    by_label = ", ".join(f"{label} {count}" for label, count in sorted(counts.items()))
    msg.good(f"{counts.total()} mentions ({by_label or 'none'}) in {len(documents)} documents are in {output}")


if __name__ == "__main__":
    typer.run(predict_cli)
