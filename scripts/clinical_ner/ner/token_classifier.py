"""The token head: a linear-chain CRF over the BILUO tags of each sentence's tokens.

It replaces spaCy's `ner` under that name and sets `ent._.confidence`, which is not calibrated yet: see `confidence.py`.
"""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Any, cast

import numpy
from spacy.language import Language
from spacy.pipeline import TrainablePipe
from spacy.tokens import Doc, Span
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import (
    Dropout,
    Linear,
    Maxout,
    Model,
    NumpyOps,
    Ops,
    Optimizer,
    chain,
    expand_window,
    resizable,
    with_array,
)
from thinc.layers.chain import forward as forward_chain
from thinc.layers.chain import init as init_chain
from thinc.layers.resizable import resize_linear_weighted, resize_model
from thinc.types import Floats2d

from ..factory import Factory
from ..partial import is_annotated
from ..version import check_version
from .crf import POSITIONS, Chain, expect, make_chain
from .scorer import score_annotated
from .sentences import TaggedSpan, find_spans, group_by_length, pad, split_sentences

# The initial bias of a label that is added to a trained head: it is not predicted before it has been trained.
UNTRAINED = -10.0
# A transition's score is so many times its parameter. The optimizer moves each parameter by about the learning rate,
# and at an encoder's rate scores that are used as they are would hardly leave 0.
TRANSITION_SCALE = 20.0
# The rows of a block: the window of a token has three vectors, of 4.6 kB together with MiniLM.
BLOCK = 512
# thinc's own matrix products take three times as long as NumPy's.
WITHOUT_BLIS = NumpyOps(use_blis=False)


def configure_token_classifier(
    tok2vec: Model[list[Doc], list[Floats2d]], hidden_width: int = 0, nO: int | None = None
) -> Model[list[Doc], list[Floats2d]]:
    """Return the model of the head: the scores of each token's tags from its vector, and those of tags in sequence.

    tok2vec (Model): returns the tokens' vectors; usually a listener to the encoder.
    hidden_width (int): the width of a layer over each token and its two neighbours; 0 for none.
    nO (int | None): the number of tags. Inferred from the labels if None.
    RETURNS (Model): from documents to the scores of their tokens, (tokens, tags) each, not normalized. Its layer
        "transitions" has the scores of tags in sequence.
    """
    output: Model[Floats2d, Floats2d] = resizable(
        Linear(nO), resize_layer=partial(resize_linear_weighted, fill_defaults={"b": UNTRAINED})
    )
    layers: list[Any] = [Dropout(), output]
    if hidden_width:
        layers[:0] = [expand_window(1), Maxout(hidden_width, nP=3, normalize=True)]
    transitions = make_transitions()
    model: Model[list[Doc], list[Floats2d]] = chain(tok2vec, with_array(in_blocks(layers), pad=1), transitions)
    model.set_ref("output_layer", output)
    model.set_ref("transitions", transitions)
    return model


def in_blocks(layers: list[Model]) -> Model[Floats2d, Floats2d]:
    """Return layers in sequence that predict a block of rows at a time, so that what they compute stays in the cache.

    layers (list[Model]): the layers. None of them sees more of a row than the row and its two neighbours.
    RETURNS (Model): from rows to rows.
    """
    return Model("blocks", forward_in_blocks, init=init_chain, dims={"nO": None, "nI": None}, layers=layers)


def forward_in_blocks(model: Model, rows: Floats2d, is_train: bool) -> tuple[Floats2d, Callable]:
    """Run all layers over all rows in training, else over one block after the other."""
    for node in model.walk():
        # Here, because a copy of a model has operations of its own.
        if isinstance(node.ops, NumpyOps):
            node.ops = WITHOUT_BLIS
    if is_train or len(rows) <= BLOCK:
        return forward_chain(model, rows, is_train)
    blocks = []
    for start in range(0, len(rows), BLOCK):
        before = min(start, 1)
        found, _ = forward_chain(model, rows[start - before : start + BLOCK + 1], False)
        blocks.append(found[before : before + BLOCK])
    return model.ops.xp.concatenate(blocks), not_trained


def not_trained(gradients: Floats2d) -> Floats2d:
    """Refuse gradients of a prediction."""
    raise ValueError("A prediction has no gradients: run the model with is_train=True")


def pass_on(model: Model, scores: list[Floats2d], is_train: bool) -> tuple[list[Floats2d], Callable]:
    """Return the scores as they are."""
    return scores, lambda gradients: gradients


def make_transitions() -> Model[list[Floats2d], list[Floats2d]]:
    """Return a layer that passes scores on, and has the parameters of the CRF: the score of each tag after each other.

    The loss sets their gradients; see `TokenClassifier.get_loss`.
    """
    return Model("transitions", pass_on, params={"W": None})


def make_token_classifier(nlp: Language, name: str, model: Model, scorer: Callable | None) -> "TokenClassifier":
    """Return the component.

    nlp (Language): the pipeline.
    name (str): the component's name in it.
    model (Model): from documents to the scores of their tokens.
    scorer (Callable | None): spaCy's scorer of entities.
    RETURNS (TokenClassifier): the component.
    """
    check_version(nlp)
    return TokenClassifier(nlp.vocab, model, name, scorer=scorer)


class TokenClassifier(TrainablePipe):
    """A trainable component that sets entities, and the probability of each as its confidence."""

    def __init__(
        self,
        vocab: Vocab,
        model: Model[list[Doc], list[Floats2d]],
        name: str = "ner",
        *,
        scorer: Callable[[Iterable[Example]], dict[str, Any]] | None = score_annotated,
    ):
        super().__init__(vocab, model, name, labels=[])
        add_confidence()
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
        return ["O", *(f"{position}-{label}" for label in self.labels for position in POSITIONS)]

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
        resize_transitions(self.model.get_ref("transitions"), len(self.tags))
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

    @property
    def chain(self) -> Chain:
        """The legal and learned transitions between tags."""
        transitions = self.model.get_ref("transitions")
        weights = transitions.ops.to_numpy(transitions.get_param("W")).astype("f8")
        return make_chain(TRANSITION_SCALE * weights)

    def get_loss(self, examples: Iterable[Example], scores: list[Floats2d]) -> tuple[float, list[Floats2d]]:
        """Return the negative log-likelihood of a token, and its gradients.

        The gradient of the transitions is added to their layer. A token without annotation can have any tag. A sentence
        that contradicts its annotation, because a gold mention crosses its end, is ignored.

        examples (Iterable[Example]): the examples.
        scores (list[Floats2d]): the model's scores, (tokens, tags) for each.
        RETURNS (tuple[float, list[Floats2d]]): the loss, and the gradients of the scores.
        """
        examples, ops, tags = list(examples), self.model.ops, self.tags
        gold = [mark_gold(example, tags) for example in examples]
        gradients = [numpy.zeros(each.shape, dtype="f") for each in scores]
        loss, d_transitions = 0.0, numpy.zeros((len(tags), len(tags)))
        n_known = max(sum(int((each.sum(axis=1) == 1).sum()) for each in gold), 1)
        for group in group_by_length(split_sentences([each.predicted for each in examples], to_numpy(ops, scores))):
            right = expect(*pad([each.masked(gold[each.doc][each.start : each.end]) for each in group]), self.chain)
            usable = numpy.flatnonzero(numpy.isfinite(right.log_sums))
            if not len(usable):
                continue
            group, right = [group[i] for i in usable], right.select(usable)
            found = expect(*pad([each.scores for each in group]), self.chain)
            loss += float((found.log_sums - right.log_sums).sum())
            d_transitions += found.transitions - right.transitions
            for each, gradient in zip(group, (found.tags - right.tags) / n_known, strict=True):
                gradients[each.doc][each.start : each.end] = gradient[: len(each.scores)]
        d_weights = TRANSITION_SCALE / n_known * d_transitions
        self.model.get_ref("transitions").inc_grad("W", ops.asarray2f(d_weights))
        return loss / n_known, [ops.asarray2f(each) for each in gradients]

    def predict(self, docs: Iterable[Doc]) -> list[numpy.ndarray]:
        """Return the scores of the documents' tokens.

        docs (Iterable[Doc]): the documents.
        RETURNS (list[numpy.ndarray]): (tokens, tags) for each, in main memory.
        """
        docs = list(docs)
        if not any(map(len, docs)):
            return [numpy.zeros((0, len(self.tags)), dtype="f") for _ in docs]
        return to_numpy(self.model.ops, self.model.predict(docs))

    def set_annotations(self, docs: Iterable[Doc], scores: list[numpy.ndarray]) -> None:
        """Set the documents' entities and their probability. Existing entities are kept.

        docs (Iterable[Doc]): the documents.
        scores (list[numpy.ndarray]): what `predict` returned for them.
        """
        # An unpickled component, in a worker process for instance, has not run __init__.
        add_confidence()
        for doc, entities in zip(docs, self.entities(docs, scores), strict=True):
            # Tokens in an entity of another component, or blocked by one.
            taken = {token.i for token in doc if token.ent_iob in (1, 3)}
            found = [
                (Span(doc, start, end, label), probability)
                for start, end, label, probability in entities
                if taken.isdisjoint(range(start, end))
            ]
            doc.set_ents([*doc.ents, *(span for span, _ in found)])
            for span, probability in found:
                span._.confidence = probability

    def entities(self, docs: Iterable[Doc], scores: list[numpy.ndarray]) -> list[list[TaggedSpan]]:
        """Return the entities with the best tags, and the probability of each.

        docs (Iterable[Doc]): the documents.
        scores (list[numpy.ndarray]): (tokens, tags) for each.
        RETURNS (list[list[TaggedSpan]]): the entities of each document in order. None crosses a sentence's start, or
            starts or ends with white space.
        """
        docs = list(docs)
        found: list[list[TaggedSpan]] = [[] for _ in docs]
        for group in group_by_length(split_sentences(docs, scores)):
            for each, spans in zip(group, find_spans([each.scores for each in group], self.chain), strict=True):
                found[each.doc] += [
                    TaggedSpan(each.start + start, each.start + end, self.labels[label], probability)
                    for start, end, label, probability in spans
                ]
        return [sorted(spans) for spans in found]


def add_confidence() -> None:
    """Add the extension `span._.confidence` unless it exists."""
    if not Span.has_extension("confidence"):
        Span.set_extension("confidence", default=None)


def mark_gold(example: Example, tags: list[str]) -> numpy.ndarray:
    """Return which tags agree with the annotation of each predicted token: bool, (tokens, tags).

    Of a token without annotation all do. Outside of mentions, so do those of labels that were not annotated.
    """
    known = numpy.array(tags)
    outside = numpy.array([tag == "O" or not is_annotated(example.reference, tag[2:]) for tag in tags])
    gold = [tag if tag in tags else None for tag in example.get_aligned_ner()]
    agreeing = {None: numpy.ones(len(tags), dtype=bool), "O": outside}
    rows = [agreeing.get(tag, known == tag) for tag in gold]
    return numpy.array(rows, dtype=bool).reshape(-1, len(tags))


def to_numpy(ops: Ops, scores: list[Floats2d]) -> list[numpy.ndarray]:
    """Return scores in main memory."""
    return [ops.to_numpy(each) for each in scores]


def resize_transitions(transitions: Model, size: int) -> None:
    """Make room for the transitions of further tags, with a score of 0."""
    new = numpy.zeros((size, size), dtype="f")
    if transitions.has_param("W"):
        old = transitions.ops.to_numpy(transitions.get_param("W"))
        new[: len(old), : len(old)] = old
    transitions.set_param("W", transitions.ops.asarray2f(cast(Any, new)))


TOKEN_CLASSIFIER = Factory(
    "clinical_token_classifier",
    make_token_classifier,
    {
        "assigns": ["doc.ents", "token.ent_iob", "token.ent_type", "span._.confidence"],
        "default_config": {
            "model": {
                "@architectures": "clinical_ner.TokenClassifier.v2",
                "tok2vec": {
                    "@architectures": "spacy-transformers.TransformerListener.v1",
                    "grad_factor": 1.0,
                    "pooling": {"@layers": "reduce_mean.v1"},
                },
            },
            "scorer": {"@scorers": "clinical_ner.ner_scorer.v1"},
        },
        "default_score_weights": {"ents_f": 1.0, "ents_p": 0.0, "ents_r": 0.0, "ents_per_type": None},
    },
)
