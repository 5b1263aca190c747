"""How sure a pipeline's head is, how right it is, and the temperature that brings the two together.

What `train` and `calibrate` share. A pipeline without the token head has no confidences.
"""

from math import exp, log
from pathlib import Path
from typing import NamedTuple

import numpy
from scipy.optimize import minimize_scalar
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.util import minibatch
from thinc.types import Floats1d, Floats2d
from tqdm import tqdm

from scripts.errors import ProjectError
from scripts.runtime.token_classifier import TokenClassifier

# Where a temperature is looked for.
TEMPERATURES = (0.05, 20.0)


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
    """Give the part of a pipeline that has a temperature.

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


def confidences(head: TokenClassifier, judged: Judged, temperature: float) -> tuple[Floats1d, numpy.ndarray]:
    """Give the confidence of each entity at a temperature, and whether it is right.

    head (TokenClassifier): the head. Its own temperature is as before afterwards.
    judged (Judged): the scores.
    temperature (float): the temperature.
    RETURNS (tuple): confidences and bool, (entities,) each.
    """
    before = head.temperature
    head.temperature = temperature
    try:
        found = head.entities(judged.docs, judged.scores)
    finally:
        head.temperature = before
    rows = [(ent.confidence, ent[:3] in gold) for ents, gold in zip(found, judged.gold, strict=True) for ent in ents]
    values, right = zip(*rows, strict=True) if rows else ((), ())
    return numpy.array(values, dtype=float), numpy.array(right, dtype=bool)


def fit_temperature(head: TokenClassifier, judged: Judged) -> float:
    """Find the temperature at which the confidences best foretell which entities are right.

    It minimizes the logarithmic loss over entities. No entity changes by it.

    head (TokenClassifier): the head.
    judged (Judged): what it found in documents it has not learned from.
    RETURNS (float): the temperature.
    RAISES (ProjectError): the head finds nothing, or is always right, or never: there is nothing to fit.
    """
    right = confidences(head, judged, 1.0)[1]
    if right.all() or not right.any():
        raise ProjectError(
            f"Of {len(right)} entities {right.sum()} are right: no temperature can be fitted to that",
            "Train for longer, or give more documents.",
        )

    def loss(log_temperature: float) -> float:
        values, right = confidences(head, judged, exp(log_temperature))
        sure = numpy.clip(numpy.where(right, values, 1 - values), 1e-12, 1)
        return -float(numpy.log(sure).mean())

    found = minimize_scalar(loss, bounds=tuple(map(log, TEMPERATURES)), method="bounded", options={"xatol": 1e-3})
    return exp(found.x)
