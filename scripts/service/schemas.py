"""What goes into and comes out of the service, with examples; its OpenAPI document is made from this."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

OFFSET_UNIT = "code points"
TEXT = "Famotidine-associated delirium."
ANSWER = {
    "documents": [
        {
            "entities": [
                {
                    "text": "Famotidine",
                    "label": "Chemical",
                    "start": 0,
                    "end": 10,
                    "confidence": 0.98,
                    "kb_id": "D015738",
                },
                {
                    "text": "delirium",
                    "label": "Disease",
                    "start": 22,
                    "end": 30,
                    "confidence": 0.95,
                    "kb_id": "D003693",
                },
            ]
        }
    ],
    "offset_unit": OFFSET_UNIT,
    "model": {"name": "en_ner_bc5cdr_minilm", "version": "0.1.0"},
}


class Entity(BaseModel):
    """A mention: `text[start:end]` counted in Unicode code points, as Python counts; JavaScript does not."""

    text: str
    label: str
    start: int
    end: int
    confidence: float | None = Field(description="From 0 to 1; null where the pipeline gives none")
    kb_id: str | None = Field(description="Id in a knowledge base; null where the pipeline gives none")


class Document(BaseModel):
    """The entities of a text, by start."""

    entities: list[Entity]


class ModelName(BaseModel):
    name: str
    version: str


class Annotations(BaseModel):
    """One document for each text, in the order of the texts."""

    documents: list[Document]
    offset_unit: Literal["code points"] = OFFSET_UNIT
    model: ModelName

    model_config = ConfigDict(json_schema_extra={"examples": [ANSWER]})


class Limits(BaseModel):
    """What a request may hold."""

    body_bytes: int
    texts: int
    characters: int = Field(description="Code points in one text")


class ModelInfo(ModelName):
    """What is known of the pipeline that answers."""

    description: str
    license: str
    labels: list[str]
    scores: dict[str, Any] = Field(description="On the corpus's test split; empty before the pipeline is packaged")
    encoder: str | None
    corpus: str | None
    confidence: bool = Field(description="Whether entities have a confidence")
    offset_unit: Literal["code points"] = OFFSET_UNIT
    limits: Limits


class Status(BaseModel):
    status: str


class Problem(BaseModel):
    """Why there is no answer. Nothing of the request is in it."""

    detail: str


def request_model(*, labels: list[str], confidence: bool, max_texts: int, max_characters: int) -> type[BaseModel]:
    """Make the model of a request's body, which holds the limits and the pipeline's own labels.

    labels (list[str]): what the pipeline can find.
    confidence (bool): whether its entities have a confidence.
    max_texts (int): texts in a request.
    max_characters (int): characters in a text.
    RETURNS (type[BaseModel]): a model with `texts_given()`, `labels` and `min_confidence`.
    """
    Text = Annotated[str, Field(max_length=max_characters)]
    Label = Literal[tuple(labels)]
    Confidence = Annotated[float, Field(ge=0, le=1)] if confidence else Annotated[None, BeforeValidator(no_confidence)]

    class AnnotateRequest(BaseModel):
        """One text or a list of texts, and which of their entities to give."""

        # strict: "0.5" is no number, and 5 no text. oneOf: what `one_of_both` checks.
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

        text: Text | None = Field(default=None, description="One text; give either this or texts")
        texts: Annotated[list[Text], Field(max_length=max_texts)] | None = Field(
            default=None, description="A list of texts; give either this or text"
        )
        labels: list[Label] | None = Field(default=None, description="Only entities with these labels; null: all")
        min_confidence: Confidence | None = Field(
            default=None,
            description="Only entities with at least this confidence"
            if confidence
            else "This pipeline gives no confidence",
        )

        @model_validator(mode="after")
        def one_of_both(self) -> "AnnotateRequest":
            if (self.text is None) == (self.texts is None):
                raise PydanticCustomError("one_of_both", "Give either 'text' or 'texts'")
            return self

        def texts_given(self) -> list[str]:
            return self.texts if self.text is None else [self.text]

    return AnnotateRequest


def no_confidence(value: Any) -> None:
    """Refuse a confidence for a pipeline that has none."""
    if value is not None:
        raise PydanticCustomError("no_confidence", "This pipeline gives no confidence")


def request_examples(labels: list[str]) -> dict[str, Any]:
    """Give the examples of a request that the documentation shows."""
    return {
        "one text": {"value": {"text": TEXT}},
        "texts, one label": {"value": {"texts": [TEXT, "No complaints."], "labels": labels[:1]}},
    }


def reason(error: ValidationError) -> str:
    """Say what is wrong with a request, where, and what would be right, with nothing of its content.

    A key that is not known is content as well.

    error (ValidationError): what pydantic found.
    RETURNS (str): up to five faults, one sentence.
    """
    faults = [fault(found["type"], found["loc"], found["msg"]) for found in error.errors(include_input=False)]
    return "; ".join(faults[:5]) + (f"; and {len(faults) - 5} more" if len(faults) > 5 else "")


def fault(type: str, location: tuple[int | str, ...], message: str) -> str:
    """Say one fault that pydantic found."""
    if type == "extra_forbidden":
        return "A field is not known; known are text, texts, labels and min_confidence"
    if type == "json_invalid" and "hex escape" in message:
        return f"{message}: half a surrogate pair, such as \\ud800 by itself, is no character"
    if not location:
        return message
    where = "".join(f"[{part}]" if isinstance(part, int) else part for part in location)
    return f"{where}: {message}"
