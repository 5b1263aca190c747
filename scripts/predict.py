"""Run a trained pipeline over a split and write what it finds as PubTator, BioC, CoNLL and DocBin files.

In: a pipeline and assets/<profile>/<split>.jsonl. Out: predictions.PubTator.txt and one file for each other format.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from tqdm import tqdm
from wasabi import msg

from scripts.annotation.mentions import attribute_names, doc_mentions
from scripts.errors import ProjectError, shown_to_user
from scripts.formats.registry import CORPUS_FORMATS, WRITERS, check_formats, write_documents
from scripts.records.documents import Document, Passage

if TYPE_CHECKING:
    from spacy.language import Language

    from scripts.records.bigbio import Record


def predict(model: str, records: Path, output: Path, *, formats: Sequence[str] = CORPUS_FORMATS) -> list[Document]:
    """Write a pipeline's predictions over a split.

    model (str): the folder of a pipeline, a wheel, or the name of an installed package.
    records (Path): the split as BigBio records, JSONL. Their annotations are ignored.
    output (Path): the folder for the files. Each of them appears complete or not at all; others in it are kept.
    formats (Sequence[str]): which of `CORPUS_FORMATS` to write.
    RETURNS (list[Document]): the documents with the predicted mentions.
    RAISES (ProjectError): the pipeline, the records or a format is not what it should be.
    """
    # The imports take seconds.
    from scripts.pipelines import load_pipeline
    from scripts.records.bigbio import read_records
    from scripts.records.checks import check_ids

    check_formats(formats, CORPUS_FORMATS)
    if not formats:
        raise ProjectError("No format to write was named", f"Known are {', '.join(CORPUS_FORMATS)}.")
    if not records.is_file():
        raise ProjectError(f"There is no file {records}", "Run first: spacy project run fetch-corpus")
    split = read_records(records)
    check_ids({records.stem: split})
    documents = predict_records(load_pipeline(model), split)
    for name in formats:
        write_documents(documents, output / f"predictions{WRITERS[name].suffix}", format=name)
    return documents


def predict_records(nlp: Language, records: list[Record]) -> list[Document]:
    """Run a pipeline over documents.

    nlp (Language): the pipeline.
    records (list[Record]): the documents.
    RETURNS (list[Document]): the documents in the same order, with the predicted mentions and their tokens.
    RAISES (ProjectError): the value of an attribute can't be written as JSON.
    """
    from spacy.pipeline.functions import DocCleaner

    from scripts.pipelines import gives_confidence
    from scripts.records.bigbio import document_id, document_text

    # The encoder's output is hundreds of kilobytes a document, and can't be written to a DocBin.
    clean = DocCleaner({"tensor": None, "_.trf_data": None})
    attributes, has_confidence = attribute_names(nlp), gives_confidence(nlp)
    texts = ((document_text(record), record) for record in records)
    documents = []
    for doc, record in nlp.pipe(tqdm(texts, total=len(records), unit=" documents", disable=None), as_tuples=True):
        identifier = document_id(record)
        passages = tuple(Passage(passage["type"], passage["text"]) for passage in record["passages"])
        try:
            mentions = doc_mentions(doc, attributes=attributes, has_confidence=has_confidence)
        except ProjectError as error:
            raise ProjectError(f"Document '{identifier}': {error.title}", error.hint) from error
        documents.append(Document(identifier, passages, mentions, clean(doc)))
    return documents


def predict_cli(
    model: Annotated[str, typer.Argument(help="Folder of a pipeline, a wheel, or an installed package")],
    records: Annotated[Path, typer.Argument(help="The split, assets/<profile>/<split>.jsonl")],
    output: Annotated[Path, typer.Argument(help="Folder for predictions.PubTator.txt and the other files")],
    formats: Annotated[str, typer.Option(help="Which formats to write, separated by spaces")] = " ".join(
        CORPUS_FORMATS
    ),
) -> None:
    """Write a pipeline's predictions over a split as files."""
    with shown_to_user():
        documents = predict(model, records, output, formats=formats.split())
    counts = Counter(mention.label for document in documents for mention in document.mentions)
    by_label = ", ".join(f"{label} {count}" for label, count in sorted(counts.items()))
    msg.good(f"{counts.total()} mentions ({by_label or 'none'}) in {len(documents)} documents are in {output}")


if __name__ == "__main__":
    typer.run(predict_cli)
