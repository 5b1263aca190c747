"""Requests and responses of the service, with examples. Its OpenAPI document is generated from them."""

from collections.abc import Collection
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    computed_field,
    create_model,
    model_validator,
)
from pydantic_core import PydanticCustomError

from scripts.records.states import STATES, mention_states
from scripts.service.attributes import Attributes, DescribedBy, concept_name

OFFSET_UNIT: Literal["code points"] = "code points"
TEXT = "Delirium on famotidine 20 mg BID."
ANSWER: dict[str, Any] = {
    "documents": [
        {
            "entities": [
                {
                    "text": "Delirium",
                    "label": "Disease",
                    "start": 0,
                    "end": 8,
                    "confidence": 0.95,
                    "kb_id": "D003693",
                    "attributes": {
                        "is_negated": False,
                        "kb_candidates": [{"id": "D003693", "name": "Delirium", "score": 0.98}],
                        "kb_score": 0.98,
                    },
                    "kb_name": "Delirium",
                    "states": ["present"],
                },
                {
                    "text": "famotidine",
                    "label": "Chemical",
                    "start": 12,
                    "end": 22,
                    "confidence": 0.98,
                    "kb_id": "D015738",
                    "attributes": {
                        "is_negated": False,
                        "kb_candidates": [{"id": "D015738", "name": "Famotidine", "score": 0.99}],
                        "kb_score": 0.99,
                        "medication": {
                            "strength": {"text": "20 mg", "start": 23, "end": 28, "value": 20, "unit": "mg"},
                            "frequency": {
                                "text": "BID",
                                "start": 29,
                                "end": 32,
                                "code": "BID",
                                "frequency": 2,
                                "period": 1,
                                "unit": "d",
                                "per_day": 2,
                            },
                        },
                    },
                    "kb_name": "Famotidine",
                    "states": ["present"],
                },
            ]
        }
    ],
    "offset_unit": OFFSET_UNIT,
    "model": {"name": "en_ner_bc5cdr_minilm", "version": "0.1.0"},
}
STATES_READ_FROM = ", ".join(f"{state} ({name})" for state, name in STATES.items())
ATTRIBUTES = {"is_negated": True, "section_category": "past_medical_history", "ward": "B4"}


class EntitySchema(BaseModel):
    """A mention: `text[start:end]`, counted in Unicode code points as in Python. JavaScript counts UTF-16 units."""

    model_config = ConfigDict(title="Entity")

    text: str
    label: str
    start: int
    end: int
    confidence: float | None = Field(description="From 0 to 1; null if the pipeline does not report it")
    kb_id: str | None = Field(description="Identifier in a knowledge base; null if the pipeline does not set one")
    attributes: Annotated[dict[str, Any], DescribedBy(Attributes)] = Field(
        default_factory=dict,
        description="What else the pipeline says about the mention, by name, for example its context, code or dose."
        " Which attributes there are depends on the pipeline; empty if it sets none",
        examples=[ATTRIBUTES],
    )

    @computed_field(description="Name of the concept with that identifier; null if it is not known")  # type: ignore[prop-decorator]
    @property
    def kb_name(self) -> str | None:
        """The name of the mention's concept."""
        return concept_name(self.kb_id, self.attributes)

    @computed_field(  # type: ignore[prop-decorator]
        description=f"What the attributes say, in a word each: {STATES_READ_FROM}, or present if none of them is true."
        " Empty if the pipeline does not say"
    )
    @property
    def states(self) -> list[str]:
        """The states of the mention."""
        return mention_states(self.attributes)


class DocumentSchema(BaseModel):
    """The entities of one text, in order of position."""

    model_config = ConfigDict(title="Document")

    entities: list[EntitySchema]


class ModelName(BaseModel):
    """Name and version of a pipeline's package."""

    name: str
    version: str


class Annotations(BaseModel):
    """One document for each text, in the order of the texts."""

    model_config = ConfigDict(json_schema_extra={"examples": [ANSWER]})

    documents: list[DocumentSchema]
    offset_unit: Literal["code points"] = OFFSET_UNIT
    model: ModelName


class Limits(BaseModel):
    """Limits of a request."""

    body_bytes: int
    texts: int
    characters: int = Field(description="Code points in one text")


class VocabularyInfo(BaseModel):
    """The vocabulary that mentions are linked to."""

    model_config = ConfigDict(title="Vocabulary")

    name: str
    title: str
    license: str = Field(description="Its licence, and the credit that it asks for")
    browser: str = Field(description="The address of a concept's page, with {id} in it; empty if there is none")
    concepts: int | None
    names: int | None


class ModelInfo(ModelName):
    """Information about the pipeline."""

    description: str
    license: str
    labels: list[str] = Field(description="Labels that the pipeline declares; empty if it declares none")
    scores: dict[str, Any] = Field(description="On the corpus's test split; empty if the pipeline is not packaged")
    encoder: str | None
    corpus: str | None
    confidence: bool = Field(description="Whether entities have a confidence")
    attributes: list[str] = Field(description="Names of the attributes that entities can have")
    states: list[str] = Field(description="States that entities can have; empty if the pipeline reports none")
    fhir: bool = Field(description="Whether the service has /v1/fhir, which needs fhir.resources")
    vocabulary: VocabularyInfo | None = Field(description="Where kb_id is from; null if the pipeline has no linker")
    offset_unit: Literal["code points"] = OFFSET_UNIT
    limits: Limits


class Status(BaseModel):
    """The state of the service, for an orchestrator."""

    status: str


class Problem(BaseModel):
    """The reason for an error. It never repeats any part of the request."""

    detail: str


class AnnotateRequest(BaseModel):
    """One text or a list of texts, and which of their entities to return."""

    # strict: "0.5" is not a number, and 5 is not a text. oneOf: the rule that `one_of_both` checks.
    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        json_schema_extra={
            "oneOf": [
                {"required": ["text"], "properties": {"text": {"type": "string"}}},
                {"required": ["texts"], "properties": {"texts": {"type": "array"}}},
            ]
        },
    )

    text: str | None = Field(default=None, description="One text; provide either this or texts")
    texts: list[str] | None = Field(default=None, description="A list of texts; provide either this or text")
    labels: list[str] | None = Field(default=None, description="Return only entities with these labels; null: all")
    include: list[str] | None = Field(
        default=None,
        description="Return only entities all of whose states are listed, e.g. present and past; null: all",
    )
    min_confidence: float | None = Field(
        default=None, description="Return only entities with at least this confidence; null: all"
    )

    @model_validator(mode="after")
    def one_of_both(self) -> "AnnotateRequest":
        """Check that there is either a text or a list of texts."""
        if (self.text is None) == (self.texts is None):
            raise PydanticCustomError("one_of_both", "Provide either 'text' or 'texts'")
        return self

    def all_texts(self) -> list[str]:
        """Return the texts, whether the request has one or a list."""
        return [self.text] if self.text is not None else self.texts or []


def request_model(
    *, labels: list[str], states: list[str], confidence: bool, max_texts: int, max_characters: int
) -> type[AnnotateRequest]:
    """Create the model of a request body with the service's limits and the pipeline's labels.

    labels (list[str]): the labels that the pipeline declares. If there are none, a request can name any.
    states (list[str]): the states that the pipeline's entities can have.
    confidence (bool): whether the pipeline's entities have a confidence.
    max_texts (int): the maximum number of texts in a request.
    max_characters (int): the maximum number of characters in a text.
    RETURNS (type[AnnotateRequest]): the model.
    """
    fields = AnnotateRequest.model_fields
    text: Any = Annotated[str, Field(max_length=max_characters)]
    texts: Any = Annotated[list[text], Field(max_length=max_texts)]
    label: Any = Literal[tuple(labels)] if labels else str
    state: Any = Literal[tuple(states)] if states else None
    included: Any = list[state] if states else Annotated[None, BeforeValidator(refuse_states)]
    least: Any = (
        Annotated[float, Field(ge=0, le=1)] if confidence else Annotated[None, BeforeValidator(refuse_confidence)]
    )
    return create_model(
        AnnotateRequest.__name__,
        __base__=AnnotateRequest,
        __doc__=AnnotateRequest.__doc__,
        text=(text | None, fields["text"]),
        texts=(texts | None, fields["texts"]),
        labels=(list[label] | None, fields["labels"]),
        include=(included | None, fields["include"]),
        min_confidence=(least | None, fields["min_confidence"]),
    )


def refuse_confidence(value: Any) -> None:
    """Raise an error if a request asks for a minimum confidence from a pipeline that reports none."""
    if value is not None:
        raise PydanticCustomError("no_confidence", "This pipeline does not report confidence")


def refuse_states(value: Any) -> None:
    """Raise an error if a request asks for states of a pipeline that reports none."""
    if value is not None:
        raise PydanticCustomError("no_states", "This pipeline does not report states such as present or denied")


def request_examples(labels: list[str], states: list[str]) -> dict[str, Any]:
    """Return example requests for the documentation.

    labels (list[str]): the labels that the pipeline declares.
    states (list[str]): the states that its entities can have.
    RETURNS (dict[str, Any]): the examples by title.
    """
    texts = {"texts": [TEXT, "No complaints."]}
    examples: dict[str, Any] = {"one text": {"value": {"text": TEXT}}}
    examples["texts, one label" if labels else "texts"] = {"value": texts | ({"labels": labels[:1]} if labels else {})}
    if states:
        examples["what a patient has or had"] = {
            "value": {"text": TEXT, "include": [state for state in ("present", "past") if state in states]}
        }
    return examples


def reason(error: ValidationError, fields: Collection[str]) -> str:
    """Describe what is wrong with a request without repeating any of it. Unknown field names count as content, too.

    error (ValidationError): the errors that pydantic found.
    fields (Collection[str]): the names of the known fields.
    RETURNS (str): up to five of them, separated by semicolons.
    """
    found = [
        describe_error(each["type"], each["loc"], each["msg"], fields) for each in error.errors(include_input=False)
    ]
    return "; ".join(found[:5]) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")


def describe_error(type: str, location: tuple[int | str, ...], message: str, fields: Collection[str]) -> str:
    """Describe one error that pydantic found."""
    if type == "extra_forbidden":
        *others, last = fields
        return f"Unknown field: the known fields are {', '.join(others)} and {last}"
    if type == "string_pattern_mismatch":
        message = "Input should be a FHIR reference such as Patient/12"
    if type == "json_invalid" and "hex escape" in message:
        return f"{message}: half a surrogate pair, such as \\ud800 by itself, is not a character"
    if not location:
        return message
    where = "".join(f"[{part}]" if isinstance(part, int) else part for part in location)
    return f"{where}: {message}"
