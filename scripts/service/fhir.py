"""The entities of a text as a FHIR Bundle: the request and the response. It needs fhir.resources, an optional
requirement, and the formats of `annotate`: the service does without either, as in its image.
"""

from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from typing import Annotated, Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, create_model
from spacy.language import Language

from scripts.annotation.vocabulary import linked_vocabulary
from scripts.formats.fhir import FhirWriter, Resource
from scripts.formats.fhir_bundle import make_bundle
from scripts.formats.writing import WriteOptions
from scripts.records.documents import Document, Passage
from scripts.records.mentions import Mention
from scripts.service.schemas import TEXT, EntitySchema

# A relative or an absolute reference, in ASCII: https://hl7.org/fhir/R4/references.html#literal
REFERENCE = r"^([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}|(https?://|urn:)[!#-;=?-z|~]+)$"


class FhirRequest(BaseModel):
    """One text, and what its FHIR resources refer to."""

    model_config = ConfigDict(strict=True, extra="forbid")

    text: str = Field(description="The text")
    subject_reference: str | None = Field(
        default=None,
        max_length=1_000,
        pattern=REFERENCE,
        description="Reference to the patient, e.g. Patient/12; null: a display without a reference",
    )
    note_reference: str | None = Field(
        default=None,
        max_length=1_000,
        pattern=REFERENCE,
        description="Reference to the note, e.g. DocumentReference/17; null: a display without a reference",
    )
    note_date: date | None = Field(default=None, description="The note's date in ISO 8601; null: no dates")


def fhir_request_model(max_characters: int) -> type[FhirRequest]:
    """Create the model of a request for FHIR with the limit of a text."""
    text: Any = Annotated[str, Field(max_length=max_characters)]
    return create_model(
        FhirRequest.__name__,
        __base__=FhirRequest,
        __doc__=FhirRequest.__doc__,
        text=(text, FhirRequest.model_fields["text"]),
    )


FHIR_EXAMPLES: dict[str, Any] = {
    "one text": {
        "value": {
            "text": TEXT,
            "subject_reference": "Patient/12",
            "note_reference": "DocumentReference/17",
            "note_date": "2026-01-31",
        }
    }
}


class FhirResponse(JSONResponse):
    """A response in FHIR's JSON."""

    media_type = "application/fhir+json"


def make_fhir_writer(nlp: Language) -> FhirWriter:
    """Return what makes the resources of a pipeline's entities."""
    return FhirWriter(WriteOptions(vocabulary=linked_vocabulary(nlp)))


def bundle_of(asked: FhirRequest, entities: Sequence[EntitySchema], writer: FhirWriter) -> Resource:
    """Return what a request for FHIR asks for.

    asked (FhirRequest): the request.
    entities (Sequence[EntitySchema]): the entities of its text.
    writer (FhirWriter): makes the resources.
    RETURNS (Resource): the Bundle.
    RAISES (ProjectError): a resource is not valid. The message does not quote the text.
    """
    mentions = tuple(
        Mention(each.start, each.end, each.label, each.kb_id or "", each.confidence, each.attributes)
        for each in entities
    )
    # The resources of a note have the same ids as those of `annotate`; those of another text have others.
    name = (asked.note_reference or "").rpartition("/")[2] or sha256(asked.text.encode()).hexdigest()
    columns = {writer.options.clinical.date_column: asked.note_date}
    document = Document(name, (Passage("note", asked.text),), mentions, columns=columns)
    return make_bundle(document, writer, subject=asked.subject_reference, note=asked.note_reference)
