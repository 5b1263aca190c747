"""spaCy's scorer of entities, for documents that may be annotated with some of the labels only."""

from collections.abc import Callable, Iterable
from typing import Any

from spacy.scorer import get_ner_prf
from spacy.training import Example

from ..partial import remove_unannotated


def configure_scorer() -> Callable[..., dict[str, Any]]:
    """Return the scorer, for a config."""
    return score_annotated


def score_annotated(examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
    """Score entities as `spacy.ner_scorer.v1` does, without those whose label was not annotated.

    examples (Iterable[Example]): the predicted documents, whose entities are changed, and the gold ones.
    RETURNS (dict[str, Any]): `ents_p`, `ents_r`, `ents_f` and `ents_per_type`.
    """
    examples = list(examples)
    for example in examples:
        remove_unannotated(example.predicted, example.reference)
    return get_ner_prf(examples, **kwargs)
