"""The record between every source and `convert`: BigBio's `bc5cdr_source` schema, one JSON line a document.

Schema: https://github.com/bigscience-workshop/biomedical, bigbio/hub/hub_repos/bc5cdr
"""

from pathlib import Path
from typing import Any

import srsly
from datasets import Dataset, Features, Value

from scripts.errors import ProjectError
from scripts.files import moved_into_place

SPLITS = ("train", "dev", "test")

ENTITY = {
    "id": Value("string"),
    "offsets": [[Value("int32")]],
    "text": [Value("string")],
    "type": Value("string"),
    "normalized": [{"db_name": Value("string"), "db_id": Value("string")}],
}
RELATION = {
    "id": Value("string"),
    "type": Value("string"),
    "arg1_id": Value("string"),
    "arg2_id": Value("string"),
}
FEATURES = Features(
    {
        "passages": [
            {
                "document_id": Value("string"),
                "type": Value("string"),
                "text": Value("string"),
                "entities": [ENTITY],
                "relations": [RELATION],
            }
        ]
    }
)

Record = dict[str, Any]


def document_id(record: Record) -> str:
    """Give the id of a record's document, which each of its passages carries."""
    return record["passages"][0]["document_id"]


def document_text(record: Record) -> str:
    """Give a document's text: its passages joined by one space. Entity offsets count in it."""
    return " ".join(passage["text"] for passage in record["passages"])


def read_records(path: Path) -> list[Record]:
    """Read one split. Nothing of it is left in a cache of `datasets`: the text may be a patient's.

    path (Path): a JSONL file of records.
    RETURNS (list[Record]): the records in the file's order.
    RAISES (ProjectError): a line is not JSON, or not a record.
    """
    try:
        return Dataset.from_list(list(srsly.read_jsonl(path)), features=FEATURES).to_list()
    except (KeyError, TypeError, ValueError) as error:
        raise ProjectError(
            f"{path} does not hold records of BigBio's bc5cdr_source schema ({type(error).__name__})",
            "Each line must be a JSON object with 'passages'; see scripts/bigbio.py for the fields.",
        ) from error


def write_records(records: list[Record], path: Path) -> None:
    """Write one split as JSONL, whole or not at all.

    records (list[Record]): the split's documents.
    path (Path): the file to write.
    """
    with moved_into_place(path) as partial:
        srsly.write_jsonl(partial, Dataset.from_list(records, features=FEATURES).to_list())
