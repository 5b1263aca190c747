"""The record between every source and `convert`: BigBio's `bc5cdr_source` schema, one JSON line a document.

Schema: https://github.com/bigscience-workshop/biomedical, bigbio/hub/hub_repos/bc5cdr. Three fields are this project's
and may be missing: "attributes" of entities and "sections" of passages, if they were not annotated, and "corpus" of a
document, the name of its corpus if several are joined.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import srsly

from scripts.errors import ProjectError
from scripts.files import moved_into_place

if TYPE_CHECKING:
    from datasets import Features

SPLITS = ("train", "dev", "test")
# What a pipeline is trained on: dev chooses the settings, and then most of it can be used for training, too.
TRAIN, TRAIN_AND_DEV = TRAIN_ON = ("train", "train+dev")
# With train and dev, one in ten documents of dev is kept to choose the checkpoint and to calibrate.
KEPT_FOR_DEV = 10
# How the corpus was read, where `fetch-corpus` says so.
REPORT = "report.json"

# What entities and passages may lack.
OPTIONAL = ("attributes", "sections")

Record = dict[str, Any]


@cache
def features() -> Features:
    """Return the fields of a record and their types."""
    # `datasets` takes a second to import, and most commands need only the type of a record.
    from datasets import Features, Value

    text = Value("string")
    normalized = {"db_name": text, "db_id": text}
    offsets = [Value("int32")]
    entity = {
        "id": text,
        "offsets": [offsets],
        "text": [text],
        "type": text,
        "normalized": [normalized],
        "attributes": [{"name": text, "value": text}],
    }
    relation = {"id": text, "type": text, "arg1_id": text, "arg2_id": text}
    passage = {
        "document_id": text,
        "type": text,
        "text": text,
        "entities": [entity],
        "relations": [relation],
        "sections": [{"category": text, "title": offsets, "body": offsets}],
    }
    return Features({"corpus": text, "passages": [passage]})


def document_id(record: Record) -> str:
    """Return the id of a record's document. Each of its passages has it."""
    return record["passages"][0]["document_id"]


def document_text(record: Record) -> str:
    """Return a document's text: its passages joined by one space. Offsets of entities are offsets in it."""
    return " ".join(passage["text"] for passage in record["passages"])


def read_records(path: Path) -> list[Record]:
    """Read one split. Nothing of it is left in a cache of `datasets`: the text may be a patient's.

    path (Path): a JSONL file of records.
    RETURNS (list[Record]): the records in the file's order.
    RAISES (ProjectError): a line is not JSON, or not a record.
    """
    try:
        lines = list(srsly.read_jsonl(path))
    except ValueError as error:
        raise not_records(path, "a line of it is not JSON") from error
    return checked_records(lines, path)


def read_corpus(folder: Path) -> dict[str, list[Record]]:
    """Read a corpus that `write_corpus` wrote.

    folder (Path): holds {train,dev,test}.jsonl.
    RETURNS (dict[str, list[Record]]): the documents of each of `SPLITS`.
    RAISES (ProjectError): a split is missing, or holds something else.
    """
    missing = [f"{split}.jsonl" for split in SPLITS if not (folder / f"{split}.jsonl").is_file()]
    if missing:
        raise ProjectError(f"{folder} lacks {', '.join(missing)}", "Run first: spacy project run fetch-corpus")
    return {split: read_records(folder / f"{split}.jsonl") for split in SPLITS}


def choose_training(splits: Mapping[str, list[Record]], train_on: str) -> dict[str, list[Record]]:
    """Return the splits with the documents to train on in train.

    splits (Mapping[str, list[Record]]): the documents of each of `SPLITS`.
    train_on (str): "train", or "train+dev", which moves nine of ten dev documents to train.
    RETURNS (dict[str, list[Record]]): the documents of each of `SPLITS`.
    RAISES (ProjectError): train_on is something else.
    """
    if train_on not in TRAIN_ON:
        raise ProjectError(f"A pipeline can't be trained on '{train_on}'", f"Use one of: {', '.join(TRAIN_ON)}")
    if train_on == TRAIN:
        return dict(splits)
    dev = splits["dev"]
    moved = [record for number, record in enumerate(dev) if number % KEPT_FOR_DEV]
    return {**splits, "train": [*splits["train"], *moved], "dev": dev[::KEPT_FOR_DEV]}


def write_records(records: list[Record], path: Path) -> None:
    """Write one split as JSONL. The file appears complete, or not at all.

    records (list[Record]): the split's documents.
    path (Path): the file to write.
    RAISES (ProjectError): one of them is not a record.
    """
    with moved_into_place(path) as partial:
        srsly.write_jsonl(partial, checked_records(records, path))


def write_corpus(
    corpus: dict[str, list[Record]], folder: Path, *, others: Mapping[str, bytes] = MappingProxyType({})
) -> None:
    """Write a corpus as a folder with one JSONL file for each split. It appears complete, or not at all.

    corpus (dict[str, list[Record]]): the documents of each of `SPLITS`.
    folder (Path): the folder to write. One that is there is replaced, if a corpus is all it holds.
    others (Mapping[str, bytes]): files that belong to the corpus, by their path in a folder inside of it.
    RAISES (ProjectError): the folder holds something else, or one of the documents is not a record.
    """
    names = {split: f"{split}.jsonl" for split in SPLITS}
    expected = {*names.values(), REPORT, *(Path(path).parts[0] for path in others)}
    unexpected = {path.name for path in folder.iterdir()} - expected if folder.exists() else set()
    if unexpected:
        raise ProjectError(
            f"{folder} holds more than a corpus, and would be replaced: {', '.join(sorted(unexpected)[:5])}",
            f"Give a new folder, or one that holds nothing but {', '.join(sorted(expected))}.",
        )
    with moved_into_place(folder) as partial:
        partial.mkdir()
        for split, name in names.items():
            write_records(corpus[split], partial / name)
        for path, content in others.items():
            (partial / path).parent.mkdir(exist_ok=True)
            (partial / path).write_bytes(content)


def checked_records(records: list[Any], where: Path) -> list[Record]:
    """Return the records with exactly the fields and types of `features`. Optional fields may be missing.

    records (list[Any]): the records.
    where (Path): the file that they are read from or written to, for the message.
    RETURNS (list[Record]): the records.
    RAISES (ProjectError): one of them is not a record.
    """
    from datasets import Dataset

    if not records:
        raise not_records(where, "it is empty")
    try:
        rows = [{"corpus": None} | record for record in records]
        records = without_missing(Dataset.from_list(rows, features=features()).to_list())
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise not_records(where, f"a field is missing or of another type ({type(error).__name__})") from error
    for number, record in enumerate(records, start=1):
        if not record["passages"] or lacks_value(record):
            raise not_records(where, f"record {number} has no passages, or one that lacks a field")
    return records


def without_missing(records: list[Any]) -> list[Any]:
    """Remove optional fields that are missing. `datasets` fills missing fields with None."""
    for record in records:
        if record["corpus"] is None:
            del record["corpus"]
        for passage in record["passages"] or []:
            for holder in (passage, *((passage or {}).get("entities") or [])):
                for name in OPTIONAL:
                    if holder and name in holder and holder[name] is None:
                        del holder[name]
    return records


def lacks_value(value: Any) -> bool:
    """Return whether a field, or one inside it, is missing: None."""
    if isinstance(value, dict):
        return any(map(lacks_value, value.values()))
    if isinstance(value, list):
        return any(map(lacks_value, value))
    return value is None


def not_records(where: Path, why: str) -> ProjectError:
    """Return the error for a file that does not have the fields of `features`."""
    return ProjectError(
        f"{where} does not hold records of BigBio's bc5cdr_source schema: {why}",
        "Each line must be a JSON object with 'passages'; see scripts/records/bigbio.py for the fields.",
    )
