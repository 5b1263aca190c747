"""Fit the calibration of a pipeline's confidences. `train` and `calibrate` share it.

A pipeline without the token head has no confidences.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.util import minibatch
from tqdm import tqdm

from scripts.clinical_ner.ner.calibration import Calibration, logit
from scripts.clinical_ner.ner.sentences import TaggedSpan
from scripts.clinical_ner.ner.token_classifier import TOKEN_CLASSIFIER, TokenClassifier
from scripts.errors import ProjectError

# The range of the inverse of a temperature.
SLOPES = (0.05, 20.0)


class Judged(NamedTuple):
    """The scores of a head on a split, with the gold mentions.

    scores (list[np.ndarray]): the scores of each document's tokens.
    docs (list[Doc]): the documents.
    gold (list[set]): the gold mentions of each document as start, end and label, in tokens.
    """

    scores: list[np.ndarray]
    docs: list[Doc]
    gold: list[set[tuple[int, int, str]]]

    @property
    def mentions(self) -> int:
        """Return the number of gold mentions."""
        return sum(map(len, self.gold))


def has_head(nlp: Language) -> bool:
    """Return whether a pipeline has a head that gives confidences."""
    return any(is_head(nlp, name) for name in nlp.pipe_names)


def find_head(nlp: Language) -> tuple[str, TokenClassifier]:
    """Return the component of a pipeline that gives confidences.

    nlp (Language): the pipeline.
    RETURNS (tuple[str, TokenClassifier]): its name and the component.
    RAISES (ProjectError): there is none.
    """
    for name in nlp.pipe_names:
        if is_head(nlp, name):
            return name, cast(TokenClassifier, nlp.get_pipe(name))
    raise ProjectError(
        "The pipeline gives no confidences, so there is nothing to calibrate", "Train one with --vars.head token."
    )


def is_head(nlp: Language, name: str) -> bool:
    """Return whether a component is a token head. Its class is that of the pipeline's own copy of the library."""
    return nlp.get_pipe_meta(name).factory == TOKEN_CLASSIFIER.name


def read_gold(path: Path, nlp: Language) -> list[Doc]:
    """Read the documents of a split that `convert` has written."""
    if not path.is_file():
        raise ProjectError(f"{path} is not there", "Run first: spacy project run convert")
    return list(DocBin().from_disk(path).get_docs(nlp.vocab))


def judge(nlp: Language, gold: list[Doc]) -> Judged:
    """Run a pipeline over documents, up to and including its head.

    nlp (Language): the pipeline.
    gold (list[Doc]): the documents with their gold entities, tokenized as the pipeline does.
    RETURNS (Judged): the scores of their tokens, with the gold mentions.
    """
    name, head = find_head(nlp)
    rest = nlp.pipe_names[nlp.pipe_names.index(name) :]
    docs: list[Doc] = []
    scores: list[np.ndarray] = []
    stream = nlp.pipe((doc.text for doc in gold), disable=rest)
    for batch in minibatch(tqdm(stream, total=len(gold), unit="doc", disable=None), nlp.batch_size):
        scores += head.predict(batch)
        for doc in batch:
            # It takes hundreds of kilobytes per document and is no longer needed.
            doc._.trf_data = None
        docs += batch
    return Judged(scores, docs, [{(ent.start, ent.end, ent.label_) for ent in doc.ents} for doc in gold])


def confidences(nlp: Language, judged: Judged, calibration: dict[str, Calibration]) -> tuple[np.ndarray, np.ndarray]:
    """Return the confidence of each entity in the pipeline's final output, and whether it is right.

    nlp (Language): the pipeline. The calibration of its head is not changed.
    judged (Judged): the scores of its head.
    calibration (dict[str, Calibration]): the calibration by label; other labels have none.
    RETURNS (tuple): the confidences and whether they are right, of shape (entities,) each.
    """
    name, head = find_head(nlp)
    docs = [doc.copy() for doc in judged.docs]
    before, head.calibration = head.calibration, calibration
    try:
        head.set_annotations(docs, judged.scores)
    finally:
        head.calibration = before
    for _, pipe in nlp.pipeline[nlp.pipe_names.index(name) + 1 :]:
        docs = [pipe(doc) for doc in docs]
    rows = [
        (ent._.confidence, (ent.start, ent.end, ent.label_) in gold)
        for doc, gold in zip(docs, judged.gold, strict=True)
        for ent in doc.ents
    ]
    values, right = zip(*rows, strict=True) if rows else ((), ())
    return np.array(values, dtype=float), np.array(right, dtype=bool)


def head_entities(head: TokenClassifier, judged: Judged) -> Iterator[tuple[TaggedSpan, bool]]:
    """Yield the entities that the head itself predicts in all documents, and whether each is right."""
    for entities, gold in zip(head.entities(judged.docs, judged.scores), judged.gold, strict=True):
        yield from ((entity, entity[:3] in gold) for entity in entities)


def fit_calibration(head: TokenClassifier, judged: Judged) -> dict[str, Calibration]:
    """Fit the calibration with which the confidences of each label best predict which entities are right.

    head (TokenClassifier): the head. It is not changed.
    judged (Judged): its scores on documents that it was not trained on.
    RETURNS (dict[str, Calibration]): the calibration by label. A label whose entities are all right or all wrong gets
        none.
    RAISES (ProjectError): no label gets one.
    """
    rows = [(entity.label, logit(entity.probability), is_right) for entity, is_right in head_entities(head, judged)]
    fitted = {}
    for label in head.labels:
        log_odds, right = np.array([row[1:] for row in rows if row[0] == label], dtype=float).reshape(-1, 2).T
        if 0 < right.sum() < len(right):
            fitted[label] = fit_label(log_odds, right)
    if not fitted:
        raise ProjectError(
            f"Of {len(rows)} entities {sum(row[2] for row in rows)} are right: no calibration can be fitted to that",
            "Train for longer or use more documents.",
        )
    return fitted


def fit_label(log_odds: np.ndarray, right: np.ndarray) -> Calibration:
    """Fit the calibration of a label: a logistic regression with a positive slope, so that the order stays the same.

    log_odds (ndarray): the log odds of the probabilities of its entities.
    right (ndarray): 1 for entities that are right, 0 for the others.
    RETURNS (Calibration): the calibration with the lowest logarithmic loss.
    """
    # SciPy takes half a second to import, and `train` needs it only here.
    from scipy.optimize import minimize

    sign = 1 - 2 * right

    def loss(line: np.ndarray) -> float:
        return float(np.logaddexp(0, sign * (line[0] * log_odds + line[1])).mean())

    slope, bias = minimize(loss, (1.0, 0.0), bounds=[SLOPES, (None, None)], method="L-BFGS-B").x
    return Calibration(1 / slope, bias)


def in_words(calibration: dict[str, Calibration]) -> str:
    """Return a calibration as text."""
    return "; ".join(
        f"{label}: temperature {temperature:.3f}, bias {bias:+.3f}"
        for label, (temperature, bias) in calibration.items()
    )
