"""What an evaluation reads beside the pipeline: the corpus as records and as converted, and the training log."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import srsly
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from scripts.errors import ProjectError
from scripts.evaluation.scoring import MEASURES, rounded
from scripts.files import sha256
from scripts.records.bigbio import TRAIN, Record, choose_training, document_id, document_text, read_records
from scripts.records.checks import check_record


@dataclass(frozen=True)
class EvaluationData:
    """The corpus that a pipeline is scored on.

    records (list[Record]): the split that is scored, usually test.
    gold (dict[str, Doc]): the split as converted, by document id.
    training (list[Record]): the documents that the pipeline was trained on, for the names that occur in them.
    report (dict[str, Any]): the report of `convert`.
    """

    records: list[Record]
    gold: dict[str, Doc]
    training: list[Record]
    report: dict[str, Any]


def read_evaluation_data(
    source: Path, corpus: Path, vocab: Vocab, labels: dict[str, str], *, split: str = "test"
) -> EvaluationData:
    """Read a corpus, and check that its records and its converted documents belong together.

    source (Path): the folder with train.jsonl and the split, e.g. test.jsonl.
    corpus (Path): the folder with the split, e.g. test.spacy, and report.json.
    vocab (Vocab): the pipeline's vocabulary.
    labels (dict[str, str]): label by pattern of the entity type.
    split (str): the split that is scored.
    RETURNS (EvaluationData): the corpus.
    RAISES (ProjectError): a file is missing, a record is invalid, or the corpus was converted from other records.
    """
    for path, command in ((source / f"{split}.jsonl", "fetch-corpus"), (corpus / "report.json", "convert")):
        if not path.is_file():
            raise ProjectError(f"{path} is not there", f"Run first: spacy project run {command}")
    report = srsly.read_json(corpus / "report.json")
    train_on = report.get("train_on", TRAIN)
    splits = {name: read_records(source / f"{name}.jsonl") for name in {split, *train_on.split("+")}}
    splits = choose_training(splits, train_on)
    records = splits[split]
    for record in records:
        check_record(record, labels)
    docs = list(DocBin().from_disk(corpus / f"{split}.spacy").get_docs(vocab))
    gold = {doc.user_data["document_id"]: doc for doc in docs}
    texts = {document_id(record): document_text(record) for record in records}
    same = texts == {key: doc.text for key, doc in gold.items()}
    if not same or sha256(corpus / f"{split}.spacy") != report[split]["sha256"]:
        raise ProjectError(
            f"{corpus} was not made from {source} as it is now, or was changed since", "Run: spacy project run convert"
        )
    return EvaluationData(records, gold, splits["train"], report)


def read_training_log(path: Path) -> list[dict[str, Any]]:
    """Read the learning curves from a training log.

    path (Path): the JSONL file of spaCy's console logger.
    RETURNS (list[dict]): for each evaluation on dev: epoch, step, losses by component, precision, recall, f1.
    RAISES (ProjectError): the file is missing or is not a training log.
    """
    if not path.is_file():
        raise ProjectError(f"There is no training log {path}", "Run first: spacy project run train")
    try:
        return [learning_row(row) for row in srsly.read_jsonl(path)]
    except (KeyError, TypeError, ValueError) as error:
        raise ProjectError(f"{path} is not a training log of spaCy", "Give training/<run>/log.jsonl.") from error


def learning_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of the training log with scores between 0 and 1 instead of percent."""
    measures = {name: rounded(row["scores"][f"ents_{name[0]}"] / 100) for name in MEASURES}
    return {"epoch": row["epoch"], "step": row["step"], "losses": row["losses"], **measures}
