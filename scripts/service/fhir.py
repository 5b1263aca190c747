"""The entities of a text as a FHIR Bundle. It needs fhir.resources, an optional requirement."""

from collections.abc import Sequence
from hashlib import sha256

from fastapi.responses import JSONResponse
from spacy.language import Language

from scripts.annotation.vocabulary import linked_vocabulary
from scripts.errors import ProjectError
from scripts.formats.fhir import FhirWriter, Resource
from scripts.formats.fhir_bundle import make_bundle
from scripts.formats.writing import WriteOptions
from scripts.records.documents import Document, Passage
from scripts.records.mentions import Mention
from scripts.service.schemas import EntitySchema, FhirRequest


class FhirResponse(JSONResponse):
    """A response in FHIR's JSON."""

    media_type = "application/fhir+json"


def make_fhir_writer(nlp: Language) -> FhirWriter | None:
    """Return what makes the resources of a pipeline's entities, None if `fhir.resources` is not installed."""
    try:
        return FhirWriter(WriteOptions(vocabulary=linked_vocabulary(nlp)))
    except ProjectError:
        return None


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
