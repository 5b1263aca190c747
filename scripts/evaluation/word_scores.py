"""Word-level scores: seqeval's strict IOB2 ones, and proof that character spans and spaCy's own scorer agree."""

from math import isclose
from typing import Any

import numpy as np
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc
from spacy.training import Example

from scripts.annotation.mentions import doc_mentions
from scripts.errors import ProjectError
from scripts.evaluation.scoring import MEASURES, count, number, pair, tabulate


def word_tags(doc: Doc) -> list[str]:
    """Give each token's IOB2 tag."""
    tags = ["O"] * len(doc)
    for ent in doc.ents:
        tags[ent.start : ent.end] = [f"B-{ent.label_}", *[f"I-{ent.label_}"] * (len(ent) - 1)]
    return tags


def score_words(gold: dict[str, Doc], predicted: dict[str, Doc], labels: list[str]) -> dict[str, Any]:
    """Score on whole tokens in three ways, which must agree.

    Mentions that `convert` widened to whole tokens are compared as widened: BioCreative's scores may lie below these.

    gold (dict[str, Doc]): annotated documents by id.
    predicted (dict[str, Doc]): predicted documents by id, with the same tokens.
    labels (list[str]): all labels that occur.
    RETURNS (dict): "scores", the table of `scoring.tabulate` over character spans, as seqeval has it too; "spacy",
        what spaCy's scorer gives.
    RAISES (ProjectError): the tokens differ, or the scorers do not agree.
    """
    differing = [key for key in gold if not np.array_equal(gold[key].to_array("ORTH"), predicted[key].to_array("ORTH"))]
    if differing:
        raise ProjectError(
            f"The pipeline splits {len(differing)} of {len(gold)} documents into other words than the corpus has,"
            f" the first is '{differing[0]}'",
            "Run convert and train again, so that corpus and pipeline have the same tokenizer.",
        )
    documents = pair(*({key: doc_mentions(doc) for key, doc in side.items()} for side in (gold, predicted)))
    table = tabulate(count(documents, labels), labels)
    docs = [(gold[key], predicted[key]) for key in gold]
    spacy = get_ner_prf(Example(doc, reference) for reference, doc in docs)
    check_agreement("seqeval", table, seqeval_scores(docs, labels))
    check_agreement("spaCy's scorer", table, spacy_scores(spacy))
    return {"scores": table, "spacy": spacy}


def seqeval_scores(docs: list[tuple[Doc, Doc]], labels: list[str]) -> dict[str, list[float]]:
    """Score word tags by seqeval, strict.

    docs (list[tuple[Doc, Doc]]): gold and predicted documents.
    labels (list[str]): all labels that occur.
    RETURNS (dict[str, list[float]]): precision, recall and F1 by label and "micro"; zero where undefined. Nothing if
        neither side has a mention: seqeval cannot score that.
    """
    tags = [[word_tags(doc) for doc in side] for side in zip(*docs, strict=True)]
    if not any(tag != "O" for side in tags for sequence in side for tag in sequence):
        return {}
    report = classification_report(*tags, mode="strict", scheme=IOB2, output_dict=True, zero_division=0)
    rows = {label: report[label] for label in labels if label in report} | {"micro": report["micro avg"]}
    return {name: [row["precision"], row["recall"], row["f1-score"]] for name, row in rows.items()}


def spacy_scores(scores: dict[str, Any]) -> dict[str, list[float]]:
    """Give what spaCy's scorer found in the same form; zero where undefined."""
    if scores["ents_per_type"] is None:
        return {}
    rows = {label: [row["p"], row["r"], row["f"]] for label, row in scores["ents_per_type"].items()}
    return rows | {"micro": [scores["ents_p"], scores["ents_r"], scores["ents_f"]]}


def check_agreement(scorer: str, table: dict[str, dict[str, Any]], scores: dict[str, list[float]]) -> None:
    """Refuse scores that another scorer does not confirm.

    scorer (str): its name.
    table (dict[str, dict]): ours, by label, micro and macro.
    scores (dict[str, list[float]]): its precision, recall and F1 by label and micro, zero where undefined.
    RAISES (ProjectError): they differ.
    """
    for name, row in table.items():
        if name == "macro":
            continue
        ours, others = [row[measure] or 0.0 for measure in MEASURES], scores.get(name, [0.0] * len(MEASURES))
        if not all(isclose(one, other, abs_tol=1e-6) for one, other in zip(ours, others, strict=True)):
            raise ProjectError(
                f"On {name}, {scorer} gives {', '.join(map(str, map(number, others)))} for precision, recall and F1,"
                f" and the character spans {', '.join(map(str, ours))}",
                "No score is written. Tokens without annotation in the corpus do this: each must be in a mention or O.",
            )
