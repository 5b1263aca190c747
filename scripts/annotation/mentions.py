"""Turn the entities of a Doc into mentions with their confidence and attributes, for predict, annotate and the service.

An attribute is whatever a component declares that it assigns to spans:

    @Language.component("negation", assigns=["span._.is_negated"])

Every output then has "is_negated" among the attributes of an entity; no other code has to know the name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scripts.errors import ProjectError
from scripts.records.mentions import Mention

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Span

PREFIX = "span._."
# It has a field of its own.
CONFIDENCE = "confidence"


def attribute_names(nlp: Language) -> tuple[str, ...]:
    """Return the names of the attributes that a pipeline's components assign to entities.

    nlp (Language): the pipeline.
    RETURNS (tuple[str, ...]): each name in `assigns` that begins with "span._.", without that and without "confidence",
        in the order of the components.
    RAISES (ProjectError): one of them can't be a name in Python, and so in no format.
    """
    assigned = [name for pipe in nlp.pipe_names for name in nlp.get_pipe_meta(pipe).assigns if name.startswith(PREFIX)]
    names = dict.fromkeys(name.removeprefix(PREFIX) for name in assigned)
    for name in names:
        if not name.isidentifier():
            raise ProjectError(
                f"A component of the pipeline assigns '{PREFIX}{name}', which is no name of an attribute",
                "Use letters, digits and underscores.",
            )
    return tuple(name for name in names if name != CONFIDENCE)


def span_mention(
    ent: Span, *, offset: int = 0, attributes: Sequence[str] = (), has_confidence: bool = False
) -> Mention:
    """Return an entity as a mention.

    ent (Span): the entity.
    offset (int): the offset of its Doc in the whole text.
    attributes (Sequence[str]): the attributes to look for, of `attribute_names`.
    has_confidence (bool): whether the pipeline assigns `span._.confidence`.
    RETURNS (Mention): the mention.
    RAISES (ProjectError): the value of an attribute can't be written as JSON.
    """
    confidence = ent._.get(CONFIDENCE) if has_confidence else None
    return Mention(
        start=ent.start_char + offset,
        end=ent.end_char + offset,
        label=ent.label_,
        concept=ent.kb_id_,
        confidence=None if confidence is None else float(confidence),
        attributes=span_attributes(ent, attributes),
    )


def doc_mentions(doc: Doc, *, attributes: Sequence[str] = (), has_confidence: bool = False) -> tuple[Mention, ...]:
    """Return the entities of a Doc as mentions; see `span_mention`."""
    return tuple(span_mention(ent, attributes=attributes, has_confidence=has_confidence) for ent in doc.ents)


def span_attributes(span: Span, names: Sequence[str]) -> dict[str, Any]:
    """Return the attributes that a span has.

    span (Span): the span.
    names (Sequence[str]): the attributes to look for.
    RETURNS (dict[str, Any]): value by name, without those that are None.
    RAISES (ProjectError): a value can't be written as JSON.
    """
    values = {name: span._.get(name) for name in names if span.has_extension(name)}
    return {name: plain_value(value, name) for name, value in values.items() if value is not None}


def set_attributes(span: Span, values: Mapping[str, Any]) -> None:
    """Set attributes of a span as a component would. An extension that is not there yet is added, with no default.

    span (Span): the span.
    values (Mapping[str, Any]): value by name.
    """
    for name, value in values.items():
        if not span.has_extension(name):
            span.set_extension(name, default=None)
        span._.set(name, value)


def plain_value(value: Any, name: str) -> Any:
    """Return the value of an attribute as JSON would give it back, in new objects.

    value (Any): the value.
    name (str): the attribute's name, for the message.
    RETURNS (Any): the same with lists for tuples, and the text of a span.
    RAISES (ProjectError): JSON can't hold it. The message has its type only.
    """
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    # Not by its class: spaCy takes seconds to import.
    if hasattr(value, "start_char"):
        return str(value)
    if isinstance(value, (list, tuple)):
        return [plain_value(inner, name) for inner in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: plain_value(inner, name) for key, inner in value.items()}
    kind = "NaN or infinity" if isinstance(value, float) else type(value).__name__
    raise ProjectError(f"its attribute '{name}' has a value that can't be written as JSON: {kind}")
