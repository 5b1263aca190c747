"""Fit the calibration of a pipeline's confidences. `train` and `calibrate` share it.

A pipeline without the token head has no confidences.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from tqdm import tqdm

from scripts.clinical_ner.ner.calibration import Calibration, logit
from scripts.clinical_ner.ner.confidence import CONFIDENCE_FILTER, Confidence
from scripts.clinical_ner.partial import is_annotated
from scripts.errors import ProjectError
from scripts.pipelines import gives_confidence

# The range of the inverse of a temperature.
SLOPES = (0.05, 20.0)


class Judged(NamedTuple):
    """What a pipeline finds in a split, before calibration and without a threshold.

    labels (list[str]): the label of each entity that has a confidence.
    probabilities (np.ndarray): its confidence without calibration, (entities,).
    right (np.ndarray): whether it is right, (entities,).
    mentions (int): the number of gold mentions.
    """

    labels: list[str]
    probabilities: np.ndarray
    right: np.ndarray
    mentions: int

    def confidences(self, calibration: Mapping[str, Calibration]) -> np.ndarray:
        """Return the entities' confidences with a calibration by label. Other labels have none."""
        pairs = zip(self.labels, self.probabilities.tolist(), strict=True)
        return np.array([calibration.get(label, Calibration())(value) for label, value in pairs], dtype=float)


def find_confidence(nlp: Language) -> Confidence:
    """Return the component of a pipeline that calibrates its confidences.

    nlp (Language): the pipeline.
    RETURNS (Confidence): the component.
    RAISES (ProjectError): the pipeline gives no confidences, or has no such component.
    """
    # Its class is that of the pipeline's own copy of the library.
    names = [name for name in nlp.pipe_names if nlp.get_pipe_meta(name).factory == CONFIDENCE_FILTER.name]
    if names and gives_confidence(nlp):
        return cast(Confidence, nlp.get_pipe(names[-1]))
    raise ProjectError(
        "The pipeline gives no confidences, so there is nothing to calibrate", "Train one with --vars.head token."
    )


def read_gold(path: Path, nlp: Language) -> list[Doc]:
    """Read the documents of a split that `convert` has written."""
    if not path.is_file():
        raise ProjectError(f"{path} is not there", "Run first: spacy project run convert")
    return list(DocBin().from_disk(path).get_docs(nlp.vocab))


def judge(nlp: Language, gold: list[Doc]) -> Judged:
    """Run a pipeline over documents, without calibration and threshold.

    nlp (Language): the pipeline. It is the same afterwards.
    gold (list[Doc]): the documents with their gold entities, tokenized as the pipeline does.
    RETURNS (Judged): what it finds. Entities whose label was not annotated in a document are left out.
    """
    component = find_confidence(nlp)
    before = component.calibration, component.threshold
    component.calibration, component.threshold = {}, 0.0
    rows: list[tuple[str, float, bool]] = []
    try:
        stream = nlp.pipe(doc.text for doc in gold)
        for expected, doc in zip(gold, tqdm(stream, total=len(gold), unit="doc", disable=None), strict=True):
            mentions = {(ent.start_char, ent.end_char, ent.label_) for ent in expected.ents}
            rows += [
                (ent.label_, ent._.confidence, (ent.start_char, ent.end_char, ent.label_) in mentions)
                for ent in doc.ents
                if ent._.confidence is not None and is_annotated(expected, ent.label_)
            ]
    finally:
        component.calibration, component.threshold = before
    labels, probabilities, right = zip(*rows, strict=True) if rows else ((), (), ())
    return Judged(
        list(labels),
        np.array(probabilities, dtype=float),
        np.array(right, dtype=bool),
        sum(len(doc.ents) for doc in gold),
    )


def fit_calibration(judged: Judged) -> dict[str, Calibration]:
    """Fit the calibration with which the confidences of each label best predict which entities are right.

    judged (Judged): what the pipeline finds in documents that it was not trained on.
    RETURNS (dict[str, Calibration]): the calibration by label. A label whose entities are all right or all wrong gets
        none.
    RAISES (ProjectError): no label gets one.
    """
    fitted, labels = {}, np.array(judged.labels)
    for label in sorted(set(judged.labels)):
        right = judged.right[labels == label].astype(float)
        if 0 < right.sum() < len(right):
            log_odds = np.array([logit(value) for value in judged.probabilities[labels == label].tolist()])
            fitted[label] = fit_label(log_odds, right)
    if not fitted:
        raise ProjectError(
            f"Of {len(judged.right)} entities {judged.right.sum()} are right: no calibration can be fitted to that",
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


def in_words(calibration: Mapping[str, Calibration]) -> str:
    """Return a calibration as text."""
    return "; ".join(
        f"{label}: temperature {temperature:.3f}, bias {bias:+.3f}"
        for label, (temperature, bias) in calibration.items()
    )
