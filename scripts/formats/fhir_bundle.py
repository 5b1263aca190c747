"""The mentions of one note as a FHIR R4 Bundle, for the service: https://hl7.org/fhir/R4/bundle.html."""

from collections import Counter
from uuid import uuid5

from scripts.formats.fhir import NAMESPACE, FhirWriter, Resource
from scripts.records.documents import Document

# What is written in place of the reference to a patient or a note, if it is not known.
PATIENT, NOTE = {"display": "Patient of the note"}, {"display": "Note"}


def make_bundle(document: Document, writer: FhirWriter, *, subject: str | None, note: str | None) -> Resource:
    """Return a document as a collection of the resources of its mentions.

    document (Document): the document. The ids of the resources are made of its id.
    writer (FhirWriter): makes the resources.
    subject (str | None): the reference to the patient, if it is known.
    note (str | None): the reference to the note, if it is known.
    RETURNS (Resource): the Bundle. If mentions have no resource, an OperationOutcome in it says how many and why.
    RAISES (ProjectError): a resource is not valid.
    """
    references = ({"reference": subject} if subject else PATIENT, {"reference": note} if note else NOTE)
    resources, left_out = writer.resources(document, *references)
    if left_out:
        resources = [*resources, make_outcome(document, left_out)]
    entries = [{"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource} for resource in resources]
    # FHIR has no empty lists.
    return {"resourceType": "Bundle", "type": "collection", **({"entry": entries} if entries else {})}


def make_outcome(document: Document, left_out: Counter[str]) -> Resource:
    """Return how many mentions have no resource, by the reason."""
    issues = [
        {"severity": "information", "code": "not-supported", "diagnostics": f"{reason} ({number})"}
        for reason, number in sorted(left_out.items())
    ]
    name = str(uuid5(NAMESPACE, f"{document.id}\nOperationOutcome"))
    return {"resourceType": "OperationOutcome", "id": name, "issue": issues}
