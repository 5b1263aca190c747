"""Scores on whole tokens, computed from character spans and confirmed by seqeval and spaCy's scorer."""

from math import isclose
from typing import Any

import numpy as np
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc
from spacy.training import Example

from scripts.annotation.mentions import doc_mentions
from scripts.errors import ProjectError
from scripts.evaluation.scoring import MEASURES, count_outcomes, pair, rounded, tabulate


def iob2_tags(doc: Doc) -> list[str]:
    """Return the IOB2 tag of each token."""
    tags = ["O"] * len(doc)
    for ent in doc.ents:
        tags[ent.start : ent.end] = [f"B-{ent.label_}", *[f"I-{ent.label_}"] * (len(ent) - 1)]
    return tags


def score_words(gold: dict[str, Doc], predicted: dict[str, Doc], labels: list[str]) -> dict[str, Any]:
    """Score on whole tokens in three ways, which must agree.

    Mentions that `convert` widened to whole tokens are compared as widened: BioCreative's scores can be lower.

    gold (dict[str, Doc]): annotated documents by id.
    predicted (dict[str, Doc]): predicted documents by id, with the same tokens.
    labels (list[str]): all labels that occur.
    RETURNS (dict): "scores", the table of `scoring.tabulate` over character spans, which seqeval confirms; "spacy",
        the output of spaCy's scorer.
    RAISES (ProjectError): the tokens differ, or the scorers do not agree.
    """
    differing = [key for key in gold if not np.array_equal(gold[key].to_array("ORTH"), predicted[key].to_array("ORTH"))]
    if differing:
        raise ProjectError(
            f"The pipeline splits {len(differing)} of {len(gold)} documents into other words than the corpus has,"
            f" the first is '{differing[0]}'",
            "Run convert and train again, so that the corpus and the pipeline have the same tokenizer.",
        )
    sides = [{key: doc_mentions(doc) for key, doc in side.items()} for side in (gold, predicted)]
    documents = pair(*sides)
    table = tabulate(count_outcomes(documents, labels), labels)
    docs = [(gold[key], predicted[key]) for key in gold]
    spacy = get_ner_prf(Example(doc, reference) for reference, doc in docs)
    check_agreement("seqeval", table, seqeval_scores(docs, labels))
    check_agreement("spaCy's scorer", table, spacy_scores(spacy))
    return {"scores": table, "spacy": spacy}


def seqeval_scores(docs: list[tuple[Doc, Doc]], labels: list[str]) -> dict[str, list[float]]:
    """Score word tags with seqeval in its strict mode.

    docs (list[tuple[Doc, Doc]]): gold and predicted documents.
    labels (list[str]): all labels that occur.
    RETURNS (dict[str, list[float]]): precision, recall and F1 by label and "micro"; zero if undefined. Empty if
        neither side has a mention, which seqeval cannot score.
    """
    # seqeval imports sklearn, which takes a second.
    from seqeval.metrics import classification_report
    from seqeval.scheme import IOB2

    tags = [[iob2_tags(doc) for doc in side] for side in zip(*docs, strict=True)]
    if not any(tag != "O" for side in tags for sequence in side for tag in sequence):
        return {}
    report = classification_report(*tags, mode="strict", scheme=IOB2, output_dict=True, zero_division=0)
    rows = {label: report[label] for label in labels if label in report} | {"micro": report["micro avg"]}
    return {name: [row["precision"], row["recall"], row["f1-score"]] for name, row in rows.items()}


def spacy_scores(scores: dict[str, Any]) -> dict[str, list[float]]:
    """Return the scores of spaCy's scorer in the same form; zero if undefined."""
    if scores["ents_per_type"] is None:
        return {}
    rows = {label: [row["p"], row["r"], row["f"]] for label, row in scores["ents_per_type"].items()}
    return rows | {"micro": [scores["ents_p"], scores["ents_r"], scores["ents_f"]]}


def check_agreement(scorer: str, table: dict[str, dict[str, Any]], scores: dict[str, list[float]]) -> None:
    """Raise an error if another scorer gives other scores.

    scorer (str): the other scorer's name.
    table (dict[str, dict]): our scores, by label, micro and macro.
    scores (dict[str, list[float]]): its precision, recall and F1 by label and micro; zero if undefined.
    RAISES (ProjectError): they differ.
    """
    for name, row in table.items():
        if name == "macro":
            continue
        ours, others = [row[measure] or 0.0 for measure in MEASURES], scores.get(name, [0.0] * len(MEASURES))
        if not all(isclose(one, other, abs_tol=1e-6) for one, other in zip(ours, others, strict=True)):
            raise ProjectError(
                f"On {name}, {scorer} gives {', '.join(map(str, map(rounded, others)))} for precision, recall and F1,"
                f" and the character spans {', '.join(map(str, ours))}",
                "No score was written. Each token of the corpus must be annotated, as part of a mention or as O.",
            )
