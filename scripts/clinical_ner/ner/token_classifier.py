"""The token head: a BIO tag for each token, trained with cross-entropy and decoded to the best legal sequence.

It replaces spaCy's `ner` under that name and sets `ent._.confidence`.
"""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Any, cast

import numpy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Dropout, Linear, Model, Optimizer, chain, resizable, with_array
from thinc.layers.resizable import resize_linear_weighted, resize_model
from thinc.types import Floats2d

from ..factory import Factory
from ..version import check_version
from .calibration import Calibration
from .decoding import TaggedSpan, cut_at_sentences, decode, log_softmax, probability, tagged_spans

# The initial bias of a label that is added to a trained head: it is not predicted before it has been trained.
UNTRAINED = -10.0


def configure_token_classifier(
    tok2vec: Model[list[Doc], list[Floats2d]], nO: int | None = None
) -> Model[list[Doc], list[Floats2d]]:
    """Return the model of the head: dropout and a linear layer over each token's vector.

    tok2vec (Model): returns the tokens' vectors; usually a listener to the encoder.
    nO (int | None): the number of tags. Inferred from the labels if None.
    RETURNS (Model): from documents to the scores of their tokens, (tokens, tags) each, not normalized.
    """
    initial = {"b": UNTRAINED}
    output: Model[Floats2d, Floats2d] = resizable(
        Linear(nO), resize_layer=partial(resize_linear_weighted, fill_defaults=initial)
    )
    classify: Model[Floats2d, Floats2d] = chain(cast(Model[Floats2d, Floats2d], Dropout()), output)
    model: Model[list[Doc], list[Floats2d]] = chain(tok2vec, with_array(classify))
    model.set_ref("output_layer", output)
    return model


def make_token_classifier(
    nlp: Language, name: str, model: Model, threshold: float, scorer: Callable | None
) -> "TokenClassifier":
    """Return the component.

    nlp (Language): the pipeline.
    name (str): the component's name in it.
    model (Model): from documents to the scores of their tokens.
    threshold (float): entities with a lower confidence are left out.
    scorer (Callable | None): spaCy's scorer of entities.
    RETURNS (TokenClassifier): the component.
    RAISES (ValueError): the threshold is not within 0 and 1.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold ({threshold}) must be within [0, 1]")
    check_version(nlp)
    return TokenClassifier(nlp.vocab, model, name, threshold=threshold, scorer=scorer)


class TokenClassifier(TrainablePipe):
    """A trainable component that sets entities with a confidence.

    The calibration of the confidences is saved with the labels; the threshold is a setting of the config, so that
    `spacy.load(..., config=...)` can give another one.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], list[Floats2d]],
        name: str = "ner",
        *,
        threshold: float = 0.0,
        scorer: Callable[[Iterable[Example]], dict[str, Any]] | None = get_ner_prf,
    ):
        super().__init__(vocab, model, name, labels=[], calibration={})
        add_confidence()
        self.threshold = threshold
        self.scorer = scorer

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of entities."""
        return tuple(self.cfg["labels"])

    @property
    def label_data(self) -> tuple[str, ...]:
        """The labels as `spacy init labels` saves them and `initialize` takes them."""
        return self.labels

    @property
    def tags(self) -> list[str]:
        """The tags in the order of the model's outputs."""
        return ["O", *(f"{position}-{label}" for label in self.labels for position in "BI")]

    @property
    def calibration(self) -> dict[str, Calibration]:
        """The calibration of each label's confidences. Without a threshold it changes no entity."""
        return {label: Calibration(*self.cfg["calibration"].get(label, ())) for label in self.labels}

    @calibration.setter
    def calibration(self, values: dict[str, Calibration]) -> None:
        for label, (temperature, _) in values.items():
            if not temperature > 0:
                raise ValueError(f"The temperature of {label} ({temperature}) must be above 0")
        # Rounded to 1/1024, because spaCy's JSON has ten decimals and a loaded pipeline must be exactly the same.
        self.cfg["calibration"] = {
            label: [max(round(temperature * 1024), 1) / 1024, round(bias * 1024) / 1024]
            for label, (temperature, bias) in values.items()
        }

    def add_label(self, label: str) -> int:
        """Add a label.

        label (str): the label.
        RETURNS (int): 0 if it was there, else 1.
        RAISES (ValueError): it is empty or not a string.
        """
        if not (isinstance(label, str) and label):
            raise ValueError(f"A label ({label!r}) must be a string that is not empty")
        if label in self.labels:
            return 0
        self.cfg["labels"].append(label)
        self.vocab.strings.add(label)
        output = self.model.get_ref("output_layer")
        if output.layers[0].has_dim("nO"):
            resize_model(output, len(self.tags))
        return 1

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        labels: Iterable[str] | None = None,
    ) -> None:
        """Initialize the head for training.

        get_examples (Callable): returns examples with gold entities.
        nlp (Language | None): the pipeline.
        labels (Iterable[str] | None): the labels. If None, those of the examples.
        RAISES (ValueError): there is no label.
        """
        validate_get_examples(get_examples, "TokenClassifier.initialize")
        if labels is None:
            labels = sorted({ent.label_ for example in get_examples() for ent in example.reference.ents})
        for label in labels:
            self.add_label(label)
        self._require_labels()
        docs = [example.predicted for example in islice(get_examples(), 10)]
        self.model.initialize(X=docs, Y=[self.model.ops.alloc2f(len(doc), len(self.tags)) for doc in docs])

    def update(
        self,
        examples: Iterable[Example],
        *,
        drop: float = 0.0,
        sgd: Optimizer | None = None,
        losses: dict[str, float] | None = None,
    ) -> dict[str, float]:
        """Update the head from a batch of examples; see `TrainablePipe.update`."""
        validate_examples(examples, "TokenClassifier.update")
        return super().update(examples, drop=drop, sgd=sgd, losses=losses)

    def get_loss(self, examples: Iterable[Example], scores: list[Floats2d]) -> tuple[float, list[Floats2d]]:
        """Return the mean cross-entropy over all tokens with a gold tag, and its gradient.

        examples (Iterable[Example]): the examples. Tokens without annotation are ignored.
        scores (list[Floats2d]): the model's scores, (tokens, tags) for each.
        RETURNS (tuple[float, list[Floats2d]]): the loss, and the gradients of the scores.
        """
        ops = self.model.ops
        index = {tag: i for i, tag in enumerate(self.tags)}
        gold = [index.get(tag or "", -1) for example in examples for tag in gold_tags(example)]
        places = ops.asarray([i for i, tag in enumerate(gold) if tag >= 0], dtype="i8")
        right = ops.asarray([tag for tag in gold if tag >= 0], dtype="i8")
        log_probs = log_softmax(ops.xp.concatenate(scores)[places])
        rows = ops.xp.arange(len(right))
        loss = -log_probs[rows, right].sum() / max(len(right), 1)
        d_known = ops.xp.exp(log_probs)
        d_known[rows, right] -= 1
        d_all = ops.alloc2f(len(gold), len(index))
        d_all[places] = d_known / max(len(right), 1)
        return float(loss), ops.xp.split(d_all, numpy.cumsum([len(part) for part in scores])[:-1].tolist())

    def predict(self, docs: Iterable[Doc]) -> list[numpy.ndarray]:
        """Return the scores of the documents' tokens.

        docs (Iterable[Doc]): the documents.
        RETURNS (list[numpy.ndarray]): (tokens, tags) for each, in main memory.
        """
        docs = list(docs)
        if not any(map(len, docs)):
            return [numpy.zeros((0, len(self.tags)), dtype="f") for _ in docs]
        return [self.model.ops.to_numpy(scores) for scores in self.model.predict(docs)]

    def set_annotations(self, docs: Iterable[Doc], scores: list[numpy.ndarray]) -> None:
        """Set the documents' entities and their confidence. Existing entities are kept.

        docs (Iterable[Doc]): the documents.
        scores (list[numpy.ndarray]): what `predict` returned for them.
        """
        # An unpickled component, in a worker process for instance, has not run __init__.
        add_confidence()
        calibration = self.calibration
        for doc, entities in zip(docs, self.entities(docs, scores), strict=True):
            # Tokens in an entity of another component, or blocked by one.
            taken = {token.i for token in doc if token.ent_iob in (1, 3)}
            found = [
                (Span(doc, start, end, label), confidence)
                for start, end, label, probability in entities
                if (confidence := calibration[label](probability)) >= self.threshold
                and taken.isdisjoint(range(start, end))
            ]
            doc.set_ents([*doc.ents, *(span for span, _ in found)])
            for span, confidence in found:
                span._.confidence = confidence

    def entities(self, docs: Iterable[Doc], scores: list[numpy.ndarray]) -> list[list[TaggedSpan]]:
        """Return the entities with the best legal tags, and the probability of each.

        docs (Iterable[Doc]): the documents. No entity starts or ends with white space, or crosses a sentence's start.
        scores (list[numpy.ndarray]): (tokens, tags) for each.
        RETURNS (list[list[TaggedSpan]]): the entities of each document in order.
        """
        docs = list(docs)
        scores = [cut_at_sentences(doc, part) for doc, part in zip(docs, scores, strict=True)]
        return [
            [
                TaggedSpan(start, end, self.labels[label], probability(log_probs, start, end, label))
                for start, end, label in tagged_spans(doc, best)
            ]
            for doc, best, log_probs in zip(docs, decode(scores), map(log_softmax, scores), strict=True)
        ]


def add_confidence() -> None:
    """Add the extension `span._.confidence` unless it exists."""
    if not Span.has_extension("confidence"):
        Span.set_extension("confidence", default=None)


def gold_tags(example: Example) -> list[str | None]:
    """Return the gold BIO tag of each predicted token, None where it is unknown."""
    bio = str.maketrans("LU", "IB")
    return [tag and tag[0].translate(bio) + tag[1:] for tag in example.get_aligned_ner()]


TOKEN_CLASSIFIER = Factory(
    "clinical_token_classifier",
    make_token_classifier,
    {
        "assigns": ["doc.ents", "token.ent_iob", "token.ent_type", "span._.confidence"],
        "default_config": {
            "model": {
                "@architectures": "clinical_ner.TokenClassifier.v1",
                "tok2vec": {
                    "@architectures": "spacy-transformers.TransformerListener.v1",
                    "grad_factor": 1.0,
                    "pooling": {"@layers": "reduce_mean.v1"},
                },
            },
            "threshold": 0.0,
            "scorer": {"@scorers": "spacy.ner_scorer.v1"},
        },
        "default_score_weights": {"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
    },
)
