"""Several corpora as one: each document keeps the name of its corpus, and knows which labels that corpus annotates.

A corpus that annotates only diseases does not say where chemicals are. Neither training nor evaluation may take that
for "there are none".
"""

from collections.abc import Iterable, Mapping

from scripts.errors import ProjectError
from scripts.records.bigbio import SPLITS, Record, document_id
from scripts.records.mentions import annotations, find_label

Splits = dict[str, list[Record]]


def join_records(corpora: Mapping[str, Splits]) -> Splits:
    """Join corpora, and mark each document with the name of its corpus.

    corpora (Mapping[str, Splits]): the documents by split, by the name of the corpus.
    RETURNS (Splits): the documents of each of `SPLITS`, corpus by corpus.
    RAISES (ProjectError): two corpora have a document with the same id.
    """
    owners: dict[str, str] = {}
    for name, splits in corpora.items():
        for identifier in {document_id(record) for records in splits.values() for record in records}:
            if owners.setdefault(identifier, name) != name:
                raise ProjectError(
                    f"'{identifier}' is a document in both {owners[identifier]} and {name}",
                    "Ids must differ. Are the corpora the same texts, or is one part of the other?",
                )
    return {
        split: [{**record, "corpus": name} for name, splits in corpora.items() for record in splits[split]]
        for split in SPLITS
    }


def corpus_name(record: Record) -> str:
    """Return the name of a document's corpus, empty if the corpus is not joined with others."""
    return record.get("corpus", "")


def annotated_labels(records: Iterable[Record], labels: dict[str, str]) -> dict[str, list[str]]:
    """Return which labels each corpus annotates: those that it has at least one annotation of.

    records (Iterable[Record]): all documents of all splits.
    labels (dict[str, str]): label by pattern of the entity type.
    RETURNS (dict[str, list[str]]): the labels by the corpus's name, sorted.
    """
    found: dict[str, set[str]] = {}
    for record in records:
        own = found.setdefault(corpus_name(record), set())
        own.update(label for entity in annotations(record) if (label := find_label(entity["type"], labels)))
    return {name: sorted(own) for name, own in found.items()}
