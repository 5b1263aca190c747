"""FHIR from the service: the resources of `annotate --format fhir` in a Bundle, and errors that repeat nothing."""

import json

import pytest
from fastapi.testclient import TestClient
from fhir.resources.R4B.bundle import Bundle
from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.formats.fhir import CONFIDENCE, DERIVATION, FhirWriter
from scripts.formats.writing import WriteOptions
from scripts.records.documents import Document, Passage
from scripts.records.mentions import Mention
from scripts.service import app
from scripts.service.app import create_app
from tests.annotation.pipelines import make_context_pipeline
from tests.service.conftest import SURE, make_linked_pipeline, make_pipeline

SECRET = "Mr. Okonkwo"
GIVEN = {"subject_reference": "Patient/12", "note_reference": "DocumentReference/17", "note_date": "2026-01-31"}


@pytest.fixture(scope="module")
def fhir_client():
    """A client of an app with context, a linker and medications."""
    with TestClient(create_app(make_linked_pipeline())) as client:
        yield client


@Language.component("fhir_tests_odd_order", assigns=["span._.medication"])
def set_odd_orders(doc: Doc) -> Doc:
    """Set an attribute that looks like an order of the medications component."""
    if not Span.has_extension("medication"):
        Span.set_extension("medication", default=None)
    for ent in doc.ents:
        ent._.medication = {"frequency": {"text": SECRET, "start": 1, "code": [SECRET]}}
    return doc


def ask(client, body, path="/v1/fhir"):
    return client.post(path, content=json.dumps(body), headers={"content-type": "application/json"})


def resources(answer):
    """Return the resources of a Bundle that is valid."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    Bundle.model_validate(answer.json())
    entries = answer.json().get("entry", [])
    assert [each["fullUrl"] for each in entries] == [f"urn:uuid:{each['resource']['id']}" for each in entries]
    return [each["resource"] for each in entries]


def test_resources_are_those_of_annotate(fhir_client):
    text = "PMH: HTN. Metoprolol 25 mg PO BID. Father had gout."
    made = resources(ask(fhir_client, {"text": text.replace("Metoprolol", "metoprolol"), **GIVEN}))
    condition, statement, relative = made
    assert [each["resourceType"] for each in made] == ["Condition", "MedicationStatement", "FamilyMemberHistory"]
    assert condition["code"]["coding"][0]["code"] == "D006973"
    assert condition["code"]["coding"][0]["extension"][0]["url"] == CONFIDENCE
    assert condition["subject"] == {"reference": "Patient/12"}
    assert condition["recordedDate"] == statement["dateAsserted"] == relative["date"] == "2026-01-31"
    assert statement["dosage"][0]["text"] == "25 mg PO BID"
    assert condition["extension"][0] == {
        "url": DERIVATION,
        "extension": [
            {"url": "reference", "valueReference": {"reference": "DocumentReference/17"}},
            {"url": "offset", "valueInteger": 5},
            {"url": "length", "valueInteger": 3},
        ],
    }


def test_the_same_as_a_line_of_annotate(client):
    mention = Mention(0, 4, "Disease", confidence=0.9)
    columns = {"person_id": "12", "note_date": "2026-01-31"}
    document = Document("17", (Passage("note", "gout"),), (mention,), columns=columns)
    (line,) = FhirWriter(WriteOptions()).prepare(document).lines
    assert resources(ask(client(make_pipeline(SURE)), {"text": "gout", **GIVEN})) == [json.loads(line)]


def test_a_pasted_text_refers_to_no_patient_and_has_ids_of_its_own(fhir_client):
    (one,) = resources(ask(fhir_client, {"text": "HTN"}))
    (again,) = resources(ask(fhir_client, {"text": "HTN"}))
    (other,) = resources(ask(fhir_client, {"text": "HTN."}))
    assert one["subject"] == {"display": "Patient of the note"}
    assert one["extension"][0]["extension"][0]["valueReference"] == {"display": "Note"}
    assert "recordedDate" not in one
    assert one == again
    assert one["id"] != other["id"]


def test_absolute_references_are_kept(fhir_client):
    given = {"subject_reference": "https://fhir.example.org/Patient/12?a=b", "note_reference": "urn:uuid:1-2"}
    (made,) = resources(ask(fhir_client, {"text": "HTN", **given}))
    assert made["subject"] == {"reference": given["subject_reference"]}
    assert made["extension"][0]["extension"][0]["valueReference"] == {"reference": given["note_reference"]}


def test_what_has_no_resource_is_counted(client):
    client = client(make_context_pipeline())
    text = "Father had no gout. Father takes aspirin. gout"
    condition, outcome = resources(ask(client, {"text": text}))
    assert condition["resourceType"] == "Condition"
    assert (outcome["resourceType"], {each["severity"] for each in outcome["issue"]}) == (
        "OperationOutcome",
        {"information"},
    )
    assert [each["diagnostics"] for each in outcome["issue"]] == [
        "no FHIR resource for the drug or allergy of a relative (1)",
        "no FHIR resource for what a relative does not have, or may have (1)",
    ]


def test_a_text_without_mentions_is_a_bundle_without_entries(client):
    answer = ask(client(), {"text": "Nothing."})
    assert resources(answer) == []
    assert answer.json() == {"resourceType": "Bundle", "type": "collection"}


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({}, 422, "text: Field required"),
        ({"texts": ["a"]}, 422, "the known fields are text, subject_reference, note_reference and note_date"),
        ({"text": "a" * 100_001}, 422, "text: String should have at most 100000 characters"),
        (
            {"text": "a", "subject_reference": SECRET},
            422,
            "subject_reference: Input should be a FHIR reference such as",
        ),
        ({"text": "a", "subject_reference": "Patient/"}, 422, "subject_reference: Input should be a FHIR reference"),
        ({"text": "a", "note_reference": "a b"}, 422, "note_reference: Input should be a FHIR reference such as"),
        ({"text": "a", "subject_reference": "Patient/1\n"}, 422, "subject_reference: Input should be a FHIR reference"),
        (
            {"text": "a", "note_reference": "urn:\u2028"},
            422,
            "note_reference: Input should be a FHIR reference such as",
        ),
        ({"text": "a", "note_date": SECRET}, 422, "note_date: Input should be a valid date"),
    ],
)
def test_bad_requests_are_refused_without_what_they_say(fhir_client, body, status, reason):
    answer = ask(fhir_client, body)
    assert (answer.status_code, SECRET in answer.text) == (status, False)
    assert reason in answer.json()["detail"]


def test_a_resource_that_is_not_valid_is_refused_without_its_content(client):
    nlp = make_pipeline()
    nlp.add_pipe("fhir_tests_odd_order")
    answer = ask(client(nlp), {"text": "aspirin"})
    assert (answer.status_code, SECRET in answer.text) == (422, False)
    assert "a MedicationStatement is not valid FHIR: dosage.0." in answer.json()["detail"]


def test_the_endpoint_is_described_and_needs_the_library(client, monkeypatch):
    with_library = client()
    assert with_library.get("/v1/model").json()["fhir"] is True
    described = with_library.get("/openapi.json").json()["paths"]["/v1/fhir"]["post"]
    assert "application/fhir+json" in described["responses"]["200"]["content"]
    examples = described["requestBody"]["content"]["application/json"]["examples"]
    assert all(ask(with_library, example["value"]).status_code == 200 for example in examples.values())
    monkeypatch.setattr(app, "find_spec", lambda name: None)
    without = client()
    assert without.get("/v1/model").json()["fhir"] is False
    assert "/v1/fhir" not in without.get("/openapi.json").json()["paths"]
    assert ask(without, {"text": "gout"}).status_code == 404
    assert ask(without, {"text": "gout"}, "/v1/annotate").status_code == 200


def test_a_token_is_needed(client):
    assert ask(client(token="s3cret"), {"text": "gout"}).status_code == 401
