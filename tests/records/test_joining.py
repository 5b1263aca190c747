"""Joined corpora keep their documents apart, and say which labels each annotates."""

import pytest

from scripts.errors import ProjectError
from scripts.records.bigbio import document_id
from scripts.records.joining import annotated_labels, corpus_name, join_records
from tests.marked import make_record

LABELS = {"Chem*": "Chemical", "Dis*": "Disease"}


def splits(*texts: str, prefix: str) -> dict:
    names = ("train", "dev", "test")
    return {
        name: [make_record(text, document_id=f"{prefix}{number}")]
        for number, (name, text) in enumerate(zip(names, texts, strict=True))
    }


def test_documents_keep_their_order_and_the_name_of_their_corpus() -> None:
    first, second = splits("[Disease gout]", "a", "b", prefix="x"), splits("c", "d", "e", prefix="y")
    joined = join_records({"one": first, "two": second})
    found = {
        split: [(document_id(record), corpus_name(record)) for record in records] for split, records in joined.items()
    }
    assert found == {
        "train": [("x0", "one"), ("y0", "two")],
        "dev": [("x1", "one"), ("y1", "two")],
        "test": [("x2", "one"), ("y2", "two")],
    }
    assert corpus_name(first["train"][0]) == ""


def test_a_document_in_two_corpora_is_refused() -> None:
    second = splits("c", "d", "e", prefix="y")
    second["test"] = [make_record("other text", document_id="x0")]
    with pytest.raises(ProjectError, match="'x0' is a document in both one and two"):
        join_records({"one": splits("a", "b", "c", prefix="x"), "two": second})


def test_annotated_labels_are_those_that_occur() -> None:
    joined = join_records(
        {
            "diseases": splits("a", "[Disease gout]", "b", prefix="x"),
            "both": splits("[Chemical lead]", "[Disease ague]", "c", prefix="y"),
            "none": splits("d", "e", "f", prefix="z"),
        }
    )
    records = [record for part in joined.values() for record in part]
    assert annotated_labels(records, LABELS) == {"diseases": ["Disease"], "both": ["Chemical", "Disease"], "none": []}
