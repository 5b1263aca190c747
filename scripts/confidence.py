"""How sure a pipeline's head is, how right it is, and the calibration that brings the two together.

What `train` and `calibrate` share. A pipeline without the token head has no confidences.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy
from scipy.optimize import minimize
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.util import minibatch
from thinc.types import Floats1d, Floats2d
from tqdm import tqdm

from scripts.clinical_ner.ner.calibration import Calibration, logit
from scripts.clinical_ner.ner.decoding import TaggedSpan
from scripts.clinical_ner.ner.token_classifier import TokenClassifier
from scripts.errors import ProjectError

# Where the inverse of a temperature is looked for.
SLOPES = (0.05, 20.0)


class Judged(NamedTuple):
    """What a head found in a split, and how right it was.

    scores (list[Floats2d]): the scores of each document's tokens.
    docs (list[Doc]): the documents.
    gold (list[set]): each one's gold mentions as start, end and label.
    """

    scores: list[Floats2d]
    docs: list[Doc]
    gold: list[set[tuple[int, int, str]]]

    @property
    def mentions(self) -> int:
        """How many gold mentions there are."""
        return sum(map(len, self.gold))


def has_head(nlp: Language) -> bool:
    """Tell whether a pipeline gives confidences."""
    return any(isinstance(pipe, TokenClassifier) for _, pipe in nlp.pipeline)


def find_head(nlp: Language) -> tuple[str, TokenClassifier]:
    """Give the part of a pipeline that has confidences.

    nlp (Language): the pipeline.
    RETURNS (tuple[str, TokenClassifier]): its name, and the part.
    RAISES (ProjectError): there is none.
    """
    for name, pipe in nlp.pipeline:
        if isinstance(pipe, TokenClassifier):
            return name, pipe
    raise ProjectError(
        "The pipeline gives no confidences, so there is nothing to calibrate", "Train one with --vars.head token."
    )


def read_gold(path: Path, nlp: Language) -> list[Doc]:
    """Read a split as `convert` wrote it."""
    if not path.is_file():
        raise ProjectError(f"{path} is not there", "Run first: spacy project run convert")
    return list(DocBin().from_disk(path).get_docs(nlp.vocab))


def judge(nlp: Language, gold: list[Doc]) -> Judged:
    """Run a pipeline up to its head over documents.

    nlp (Language): the pipeline.
    gold (list[Doc]): the documents with their gold entities, tokenized as the pipeline does it.
    RETURNS (Judged): the scores of their tokens.
    """
    name, head = find_head(nlp)
    rest = nlp.pipe_names[nlp.pipe_names.index(name) :]
    docs: list[Doc] = []
    scores: list[Floats2d] = []
    stream = nlp.pipe((doc.text for doc in gold), disable=rest)
    for batch in minibatch(tqdm(stream, total=len(gold), unit="doc", disable=None), nlp.batch_size):
        scores += head.predict(batch)
        for doc in batch:
            # Hundreds of kilobytes a document, and no longer needed.
            doc._.trf_data = None
        docs += batch
    return Judged(scores, docs, [{(ent.start, ent.end, ent.label_) for ent in doc.ents} for doc in gold])


def confidences(nlp: Language, judged: Judged, calibration: dict[str, Calibration]) -> tuple[Floats1d, numpy.ndarray]:
    """Give the confidence of each entity that the pipeline gives in the end, and whether it is right.

    nlp (Language): the pipeline. The calibration of its head is as before afterwards.
    judged (Judged): the scores.
    calibration (dict[str, Calibration]): the calibration by label; a label that is not in it has none.
    RETURNS (tuple): confidences and bool, (entities,) each.
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
    return numpy.array(values, dtype=float), numpy.array(right, dtype=bool)


def found(head: TokenClassifier, judged: Judged) -> Iterator[tuple[TaggedSpan, bool]]:
    """Give the entities that the head itself finds in all documents, and whether each is right."""
    for entities, gold in zip(head.entities(judged.docs, judged.scores), judged.gold, strict=True):
        yield from ((entity, entity[:3] in gold) for entity in entities)


def fit_calibration(head: TokenClassifier, judged: Judged) -> dict[str, Calibration]:
    """Find the calibration under which the confidences of each label best foretell which entities are right.

    head (TokenClassifier): the head. It is not changed.
    judged (Judged): what it found in documents it has not learned from.
    RETURNS (dict[str, Calibration]): the calibration of each label that has one. There is nothing to learn from a label
        whose entities are all right, or all wrong.
    RAISES (ProjectError): that is so for all labels.
    """
    rows = [(entity.label, logit(entity.probability), is_right) for entity, is_right in found(head, judged)]
    fitted = {}
    for label in head.labels:
        log_odds, right = numpy.array([row[1:] for row in rows if row[0] == label], dtype=float).reshape(-1, 2).T
        if 0 < right.sum() < len(right):
            fitted[label] = fit_label(log_odds, right)
    if not fitted:
        raise ProjectError(
            f"Of {len(rows)} entities {sum(row[2] for row in rows)} are right: no calibration can be fitted to that",
            "Train for longer, or give more documents.",
        )
    return fitted


def fit_label(log_odds: Floats1d, right: Floats1d) -> Calibration:
    """Fit a label's calibration: a logistic regression whose slope stays above 0, so that the surer is the higher.

    log_odds (Floats1d): of the probabilities of its entities.
    right (Floats1d): 1 for those that are right, 0 for the others.
    RETURNS (Calibration): that with the lowest logarithmic loss.
    """
    sign = 1 - 2 * right

    def loss(line: Floats1d) -> float:
        return float(numpy.logaddexp(0, sign * (line[0] * log_odds + line[1])).mean())

    slope, bias = minimize(loss, (1.0, 0.0), bounds=[SLOPES, (None, None)], method="L-BFGS-B").x
    return Calibration(1 / slope, bias)


def in_words(calibration: dict[str, Calibration]) -> str:
    """Give a calibration in words."""
    return "; ".join(
        f"{label}: temperature {temperature:.3f}, bias {bias:+.3f}"
        for label, (temperature, bias) in calibration.items()
    )
