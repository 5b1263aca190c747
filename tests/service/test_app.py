"""Each route responds correctly, and an odd or hostile request gets a 4xx with a reason: never a 500 or its text."""

import json
import logging
import socket
import threading
import time

import pytest
import spacy
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import metrics, trace
from pydantic import ValidationError
from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.clinical_ner.context.rules import ATTRIBUTES
from scripts.service.app import create_app
from scripts.service.schemas import Annotations
from scripts.service.settings import Settings
from tests.annotation.pipelines import make_context_pipeline
from tests.service.conftest import SURE, VOCABULARY, make_linked_pipeline, make_pipeline, running

SECRET = "Mr. Okonkwo"


@Language.component("fails_on_kaboom")
def fails_on_kaboom(doc: Doc) -> Doc:
    """Raise an error whose message repeats the text."""
    if "kaboom" in doc.text:
        raise ValueError(doc.text)
    return doc


@Language.component("slow")
def slow(doc: Doc) -> Doc:
    time.sleep(0.3)
    return doc


@pytest.fixture(scope="module")
def shared_client():
    """A client of an app that tests share, as none of them changes it."""
    with TestClient(create_app(make_pipeline())) as client:
        yield client


def annotate(client, body, **headers):
    """Send bytes as they are, or another value as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body)
    return client.post("/v1/annotate", content=content, headers={"content-type": "application/json"} | headers)


def mentions(answer):
    assert answer.status_code == 200, answer.text
    return [[(ent["text"], ent["label"]) for ent in document["entities"]] for document in answer.json()["documents"]]


def test_an_answer_has_every_field(shared_client):
    answer = annotate(shared_client, {"text": "💊 aspirin for heart failure"})
    assert answer.json() == {
        "documents": [
            {
                "entities": [
                    {
                        "text": "aspirin",
                        "label": "Chemical",
                        "start": 2,
                        "end": 9,
                        "confidence": None,
                        "kb_id": None,
                        "attributes": {},
                        "kb_name": None,
                        "states": [],
                    },
                    {
                        "text": "heart failure",
                        "label": "Disease",
                        "start": 14,
                        "end": 27,
                        "confidence": None,
                        "kb_id": None,
                        "attributes": {},
                        "kb_name": None,
                        "states": [],
                    },
                ]
            }
        ],
        "offset_unit": "code points",
        "model": {"name": "en_ner_small", "version": "1.2.3"},
    }


@pytest.mark.parametrize(
    "body, expected",
    [
        ({"text": "gout"}, [[("gout", "Disease")]]),
        ({"texts": ["gout", "", "aspirin"]}, [[("gout", "Disease")], [], [("aspirin", "Chemical")]]),
        ({"texts": []}, []),
        ({"text": ""}, [[]]),
        ({"text": " \n\t "}, [[]]),
        ({"text": "gout", "texts": None, "labels": None, "min_confidence": None}, [[("gout", "Disease")]]),
        ({"text": "aspirin, gout", "labels": ["Disease"]}, [[("gout", "Disease")]]),
        ({"text": "aspirin, gout", "labels": []}, [[]]),
        ({"text": "\x00\x01\x7f\x85\u2028 gout \ufeff\u202e"}, [[("gout", "Disease")]]),
        ({"text": "a" * 100_000}, [[]]),
        ({"text": "gout <script>alert(1)</script>"}, [[("gout", "Disease")]]),
        ('{"text": "gout \U0001f600"}'.encode(), [[("gout", "Disease")]]),
        (b'{"text": "\\ud83d\\ude00 gout"}', [[("gout", "Disease")]]),
    ],
)
def test_a_right_request_gets_a_right_answer(shared_client, body, expected):
    assert mentions(annotate(shared_client, body)) == expected


@pytest.mark.parametrize(
    "body, status, reason",
    [
        (b"", 422, "Invalid JSON: EOF"),
        (b"{", 422, "Invalid JSON: EOF"),
        (b"[" * 100_000, 422, "recursion limit"),
        (b'{"text": "\xff"}', 400, "not valid UTF-8 at byte 10"),
        ('{"text": "gout"}'.encode("utf-16"), 400, "not valid UTF-8 at byte 0"),
        (b'{"text": "\\ud800"}', 422, "surrogate"),
        (b'{"text": "\\ude00"}', 422, "surrogate"),
        (b'{"text": "a\nb"}', 422, "control character"),
        (b"null", 422, "object"),
        (b'"text"', 422, "object"),
        ([], 422, "object"),
        ({}, 422, "either 'text' or 'texts'"),
        ({"text": "a", "texts": ["b"]}, 422, "either 'text' or 'texts'"),
        ({"text": None, "texts": None}, 422, "either 'text' or 'texts'"),
        ({"text": 5}, 422, "text: Input should be a valid string"),
        ({"text": ["a"]}, 422, "text: Input should be a valid string"),
        ({"texts": "a"}, 422, "texts: Input should be a valid array"),
        ({"texts": ["a", None]}, 422, "texts[1]: Input should be a valid string"),
        ({"texts": ["a"] * 129}, 422, "texts: List should have at most 128 items"),
        ({"text": "a" * 100_001}, 422, "text: String should have at most 100000 characters"),
        ({"text": "a" * 1_000_000}, 422, "text: String should have at most 100000 characters"),
        ({"text": "a" * 4_000_000}, 413, "larger than 4000000 bytes"),
        ({"text": "a", "labels": "Disease"}, 422, "labels: Input should be a valid array"),
        ({"text": "a", "labels": ["Person"]}, 422, "labels[0]: Input should be 'Chemical' or 'Disease'"),
        ({"text": "a", "min_confidence": 0.5}, 422, "min_confidence: This pipeline does not report confidence"),
        ({"text": "a", "include": ["present"]}, 422, "include: This pipeline does not report states"),
        ({"text": "a", "include": "present"}, 422, "include: This pipeline does not report states"),
        ({"text": "a", "language": "en"}, 422, "the known fields are text, texts, labels, include and min_confidence"),
        ({"texts": [1] * 10}, 422, "and 5 more"),
    ],
)
def test_a_wrong_request_gets_a_reason(shared_client, body, status, reason):
    answer = annotate(shared_client, body)
    assert (answer.status_code, list(answer.json())) == (status, ["detail"])
    assert reason in answer.json()["detail"]


@pytest.mark.parametrize("value", [b"NaN", b"Infinity", b"-0.1", b"1.5", b'"0.5"', b"true", b"1e999", b"9" * 5000])
def test_a_confidence_that_is_none(client, value):
    answer = annotate(client(make_pipeline(SURE)), b'{"text": "gout", "min_confidence": ' + value + b"}")
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "least, expected",
    [
        (None, ["aspirin", "gout"]),
        (0, ["aspirin", "gout"]),
        (0.4, ["aspirin", "gout"]),
        (0.41, ["gout"]),
        (0.9, ["gout"]),
        (1, []),
    ],
)
def test_confidence_where_the_pipeline_has_one(client, least, expected):
    answer = annotate(client(make_pipeline(SURE)), {"text": "aspirin for gout", "min_confidence": least})
    assert [text for text, _ in mentions(answer)[0]] == expected
    assert all(ent["confidence"] in (0.4, 0.9) for ent in answer.json()["documents"][0]["entities"])


def test_entities_without_a_confidence_are_not_dropped_silently(client):
    nlp = make_pipeline(SURE)
    nlp.get_pipe("entity_ruler").add_patterns([{"label": "Gene", "pattern": "BRCA1"}])
    answer = annotate(client(nlp), {"texts": ["gout", "BRCA1"], "min_confidence": 0.5})
    assert (answer.status_code, "no confidence" in answer.json()["detail"]) == (422, True)


@pytest.mark.parametrize(
    "attributes, expected",
    [
        ({}, {}),
        ({"is_negated": True, "is_family": False}, {"is_negated": True, "is_family": False}),
        ({"ward": "history", "is_negated": None}, {"ward": "history"}),
        ({"dose": {"amount": 2.5, "units": ["mg", None]}}, {"dose": {"amount": 2.5, "units": ["mg", None]}}),
    ],
)
def test_attributes_are_those_that_components_declare(client, attributes, expected):
    client = client(make_pipeline(SURE, {"gout": attributes, "aspirin": {"is_family": True}}))
    answer = annotate(client, {"text": "gout, aspirin", "min_confidence": 0})
    gout, aspirin = answer.json()["documents"][0]["entities"]
    assert (gout["attributes"], gout["confidence"]) == (expected, 0.9)
    assert aspirin["attributes"] == {"is_family": True}


@pytest.fixture(scope="module")
def context_client():
    with TestClient(create_app(make_context_pipeline())) as client:
        yield client


STATES = ["present", "denied", "possible", "past", "planned", "family", "allergy"]
HISTORY = "No gout. Possible gout. Father had no gout. History of gout. Takes aspirin. Aspirin if needed. Gout."


@pytest.mark.parametrize(
    "include, expected",
    [
        (None, [["denied"], ["possible"], ["denied", "family"], ["past"], ["present"], ["planned"], ["present"]]),
        (STATES, [["denied"], ["possible"], ["denied", "family"], ["past"], ["present"], ["planned"], ["present"]]),
        (["present"], [["present"], ["present"]]),
        (["present", "past"], [["past"], ["present"], ["present"]]),
        (["family"], []),
        (["family", "denied"], [["denied"], ["denied", "family"]]),
        (["allergy"], []),
        ([], []),
    ],
)
def test_entities_are_chosen_by_all_of_their_states(context_client, include, expected):
    answer = annotate(context_client, {"text": HISTORY, "include": include})
    assert [entity["states"] for entity in answer.json()["documents"][0]["entities"]] == expected


@pytest.mark.parametrize("include", [["absent"], ["Present"], ["present", 5], [None]])
def test_a_state_that_is_none_is_refused_with_those_that_are(context_client, include):
    answer = annotate(context_client, {"text": HISTORY, "include": include})
    known = "'present', 'denied', 'possible', 'past', 'planned', 'family' or 'allergy'"
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        f"include[{len(include) - 1}]: Input should be {known}",
    )


def test_context_and_section_are_in_the_answer_and_described(context_client):
    answer = annotate(context_client, {"texts": ["PMH: gout", "gout"]})
    (known,), (unknown,) = (document["entities"] for document in answer.json()["documents"])
    absent = dict.fromkeys(ATTRIBUTES.values(), False)
    assert known["attributes"] == {
        "section_category": "past_medical_history",
        "section_title": "PMH:",
        "section_code": "11348-0",
        **absent,
        "is_historical": True,
        "modifiers": [
            {"category": "HISTORICAL", "start": 0, "end": 4},
        ],
    }
    assert unknown["attributes"] == {**absent, "modifiers": []}
    model = context_client.get("/v1/model").json()
    assert (model["states"], model["attributes"][3:9]) == (STATES, list(ATTRIBUTES.values()))
    schema = context_client.get("/openapi.json").json()
    body = schema["paths"]["/v1/annotate"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"]["properties"]["include"]["anyOf"][0]["items"]["enum"] == STATES
    assert all(annotate(context_client, example["value"]).status_code == 200 for example in body["examples"].values())


def test_only_the_states_that_a_pipeline_tells_can_be_asked_for(client):
    client = client(make_pipeline(attributes={"gout": {"is_negated": True}}))
    assert client.get("/v1/model").json()["states"] == ["present", "denied", "family"]
    # Of aspirin nothing is known.
    answer = annotate(client, {"text": "gout, aspirin", "include": ["denied", "present"]})
    assert mentions(answer) == [[("gout", "Disease")]]
    assert annotate(client, {"text": "gout", "include": ["past"]}).status_code == 422


def test_attributes_are_documented_with_an_example(shared_client):
    schemas = shared_client.get("/openapi.json").json()["components"]["schemas"]
    field = schemas["EntitySchema"]["properties"]["attributes"]
    assert field["description"] and isinstance(field["examples"][0], dict)
    assert field["$ref"] == "#/components/schemas/Attributes"
    described = schemas["Attributes"]
    # A component of somebody else can set any other.
    assert (described["type"], described["additionalProperties"]) == ("object", True)
    assert described["properties"]["medication"] == {"$ref": "#/components/schemas/Medication"}
    assert {"strength", "dose", "form", "route", "frequency", "duration", "as_needed", "action"} <= schemas[
        "Medication"
    ]["properties"].keys()
    assert [schemas[f"{title}Schema"]["title"] for title in ("Entity", "Document")] == ["Entity", "Document"]
    Annotations.model_validate(schemas["Annotations"]["examples"][0])


@Language.component("find_first_word", assigns=["doc.ents"])
def find_first_word(doc: Doc) -> Doc:
    """A component that declares no labels."""
    doc.ents = [Span(doc, 0, 1, "Word")]
    return doc


@pytest.mark.parametrize("labels, expected", [(None, ["gout"]), (["Word"], ["gout"]), (["Disease"], [])])
def test_a_pipeline_that_declares_no_labels_is_served(client, labels, expected):
    nlp = spacy.blank("en")
    nlp.add_pipe("find_first_word")
    client = client(nlp)
    assert client.get("/v1/model").json()["labels"] == []
    answer = annotate(client, {"text": "gout", "labels": labels})
    assert [text for text, _ in mentions(answer)[0]] == expected
    assert annotate(client, {"text": "gout", "labels": [5]}).status_code == 422
    document = client.get("/openapi.json").json()
    assert document["info"]["summary"] == "Finds mentions in biomedical and clinical text"
    body = document["paths"]["/v1/annotate"]["post"]["requestBody"]["content"]["application/json"]
    assert all(annotate(client, example["value"]).status_code == 200 for example in body["examples"].values())


def test_limits_are_those_of_the_pipeline_asked(client):
    few, many = client(max_characters=10), client(make_pipeline(SURE))
    assert annotate(few, {"text": "a" * 11}).status_code == 422
    assert annotate(many, {"text": "a" * 11, "min_confidence": 0.5}).status_code == 200


def test_ids_in_a_knowledge_base(client):
    nlp = make_pipeline()

    @Language.component("link_heart_failure")
    def link(doc):
        doc.ents = [Span(doc, ent.start, ent.end, ent.label_, kb_id="D006333") for ent in doc.ents]
        return doc

    nlp.add_pipe("link_heart_failure")
    answer = annotate(client(nlp), {"text": "heart failure"})
    assert answer.json()["documents"][0]["entities"][0]["kb_id"] == "D006333"


def test_code_name_and_order_are_in_the_answer(client):
    client = client(make_linked_pipeline())
    answer = annotate(client, {"text": "HTN. Takes metoprolol 25 mg PO BID PRN palpitations, held. Gout."})
    htn, metoprolol, gout = answer.json()["documents"][0]["entities"]
    assert (htn["kb_id"], htn["kb_name"]) == ("D006973", "Hypertension")
    (first, *_) = htn["attributes"]["kb_candidates"]
    assert first == {"id": "D006973", "name": "Hypertension", "score": htn["attributes"]["kb_score"]}
    assert (metoprolol["kb_id"], metoprolol["kb_name"]) == ("D008790", "Metoprolol")
    order = metoprolol["attributes"]["medication"]
    assert {name: part["text"] for name, part in order.items()} == {
        "strength": "25 mg",
        "route": "PO",
        "frequency": "BID",
        "as_needed": "PRN palpitations",
        "action": "held",
    }
    assert (order["strength"]["value"], order["strength"]["unit"], order["frequency"]["per_day"]) == (25, "mg", 2)
    assert (gout["kb_id"], gout["kb_name"]) == (None, None)
    assert client.get("/v1/model").json()["vocabulary"] == VOCABULARY


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_only_json_is_read(shared_client, content_type):
    assert annotate(shared_client, {"text": "gout"}, **{"content-type": content_type}).status_code == 415


def test_json_with_parameters_is_read(shared_client):
    answer = annotate(shared_client, {"text": "gout"}, **{"content-type": "Application/JSON; charset=utf-8"})
    assert mentions(answer) == [[("gout", "Disease")]]


def test_the_pipelines_own_limit_of_length_holds(client):
    nlp = make_pipeline()
    nlp.max_length = 10
    client = client(nlp)
    assert annotate(client, {"text": "a" * 10}).status_code == 200
    assert annotate(client, {"text": "a" * 11}).status_code == 422
    assert client.get("/v1/model").json()["limits"]["characters"] == 10


def test_a_body_without_a_length_is_limited_too(client):
    chunks = (b"a" * 1000 for _ in range(100))
    answer = client(max_body_bytes=50_000).post(
        "/v1/annotate", content=chunks, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413


def test_a_text_that_breaks_the_pipeline_spoils_no_other(client, caplog):
    caplog.set_level(logging.DEBUG)
    nlp = make_pipeline()
    nlp.add_pipe("fails_on_kaboom")
    client = client(nlp, batch_wait=0.1)
    answers = {}

    def ask(name, body):
        answers[name] = annotate(client, body)

    asked = {
        "one": {"text": "gout"},
        "bad": {"texts": ["gout", f"{SECRET} kaboom"]},
        "many": {"texts": ["aspirin"] * 5},
    }
    threads = [threading.Thread(target=ask, args=item) for item in asked.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert mentions(answers["one"]) == [[("gout", "Disease")]]
    assert mentions(answers["many"]) == [[("aspirin", "Chemical")]] * 5
    assert answers["bad"].status_code == 422
    assert answers["bad"].json() == {"detail": "The pipeline failed on 1 of 2 texts (counted from 0): 1"}
    assert "clinical_ner_failed_texts_total 1.0" in client.get("/metrics").text
    assert "ValueError at" in caplog.text
    assert SECRET not in caplog.text


def test_a_full_queue_turns_requests_away(client):
    nlp = make_pipeline()
    nlp.add_pipe("slow")
    client = client(nlp, batch_size=1, queue_size=1, max_texts=1)
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(annotate(client, {"text": "gout"}))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    turned_away = [answer for answer in statuses if answer.status_code == 429]
    assert 1 <= len(turned_away) < 6
    assert all(answer.status_code == 200 for answer in statuses if answer not in turned_away)
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in turned_away)


def test_an_answer_that_takes_too_long(client):
    nlp = make_pipeline()
    nlp.add_pipe("slow")
    client = client(nlp, timeout=0.1)
    answer = annotate(client, {"text": "gout"})
    assert (answer.status_code, answer.json()) == (504, {"detail": "The pipeline did not finish within 0.1 seconds"})
    assert client.get("/ready").status_code == 200


def test_a_body_that_comes_too_slowly():
    with running(create_app(make_pipeline(), Settings(read_timeout=0.2))) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(
                b"POST /v1/annotate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: 99\r\n\r\n{"
            )
            assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")


def test_a_client_that_goes_away_costs_nothing():
    nlp = make_pipeline()
    nlp.add_pipe("slow")
    body = json.dumps({"texts": ["gout"] * 20}).encode()
    head = f"POST /v1/annotate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    with running(create_app(nlp, Settings(batch_size=1))) as url:
        host, port = url.removeprefix("http://").split(":")
        for _ in range(2):
            with socket.create_connection((host, int(port)), timeout=10) as connection:
                connection.sendall(head.encode() + b"\r\n" + body)
                time.sleep(0.1)
        started = time.perf_counter()
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(head.replace(str(len(body)), "16").encode() + b'\r\n{"text": "gout"}')
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        # 40 texts of 0.3 seconds each were dropped.
        assert time.perf_counter() - started < 5


def test_ready_tells_whether_texts_are_accepted():
    client = TestClient(create_app(make_pipeline(), Settings()))
    with client:
        assert client.get("/ready").json() == {"status": "ready"}
    assert client.get("/ready").status_code == 503
    assert client.get("/health").status_code == 200
    answer = annotate(client, {"text": "gout"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_what_is_said_of_the_model(client):
    nlp = make_pipeline()
    nlp.meta.update(
        performance={"micro": {"f1": 0.82}},
        sources=[{"name": "BC5CDR"}, {"name": "Encoder all-MiniLM-L6-v2, revision 1", "license": "Apache-2.0"}],
        license="MIT",
        description="Finds things.",
    )
    assert client(nlp, max_texts=3, max_body_bytes=999).get("/v1/model").json() == {
        "name": "en_ner_small",
        "version": "1.2.3",
        "description": "Finds things.",
        "license": "MIT",
        "labels": ["Chemical", "Disease"],
        "scores": {"micro": {"f1": 0.82}},
        "encoder": "all-MiniLM-L6-v2, revision 1",
        "corpus": "BC5CDR",
        "confidence": False,
        "attributes": [],
        "states": [],
        "fhir": True,
        "vocabulary": None,
        "offset_unit": "code points",
        "limits": {"body_bytes": 999, "texts": 3, "characters": 100_000},
    }


def test_metrics_count_without_text_or_paths(client):
    client = client()
    annotate(client, {"texts": [f"{SECRET} has gout", "gout"]})
    annotate(client, {SECRET: 1})
    client.get(f"/{SECRET}?{SECRET}")
    client.request("OKONKWO", "/v1/annotate")
    text = client.get("/metrics").text
    for line in (
        'clinical_ner_requests_total{method="POST",route="/v1/annotate",status="200"} 1.0',
        'clinical_ner_requests_total{method="POST",route="/v1/annotate",status="422"} 1.0',
        'clinical_ner_requests_total{method="GET",route="none",status="404"} 1.0',
        'clinical_ner_requests_total{method="other",route="/v1/annotate",status="405"} 1.0',
        'clinical_ner_entities_total{label="Disease"} 2.0',
        "clinical_ner_queued_texts 0.0",
    ):
        assert line in text.splitlines()
    assert "okonkwo" not in text.lower()


@pytest.mark.parametrize(
    "body",
    [
        {"text": SECRET},
        {"text": [SECRET]},
        {"texts": [SECRET, 1]},
        {"texts": {SECRET: SECRET}},
        {SECRET: SECRET},
        {"text": "a", SECRET: {SECRET: 1}},
        {"text": "a", "labels": [SECRET]},
        {"text": "a", "labels": SECRET},
        {"text": "a", "min_confidence": SECRET},
        {"text": f"{SECRET} kaboom"},
        f'{{"text": "{SECRET}'.encode(),
        f'{{"text": "{SECRET} \\ud800"}}'.encode(),
        f'{{"text": "{SECRET} \xff"}}'.encode("latin-1"),
        SECRET.encode(),
    ],
)
def test_nothing_of_a_request_is_in_logs_or_errors(client, caplog, capfd, body):
    caplog.set_level(logging.DEBUG)
    nlp = make_pipeline()
    nlp.add_pipe("fails_on_kaboom")
    content = body if isinstance(body, bytes) else json.dumps(body)
    url = f"/v1/annotate?note={SECRET}"
    answer = client(nlp).post(url, content=content, headers={"content-type": "application/json"})
    # The client logs the address that it asked.
    records = [record for record in caplog.records if not record.name.startswith("httpx")]
    assert any("/v1/annotate" in record.getMessage() for record in records), "the access log is silent"
    written = "".join(f"{record.getMessage()} {record.exc_info}" for record in records) + "".join(capfd.readouterr())
    assert "Okonkwo" not in written
    if answer.status_code != 200:
        assert "Okonkwo" not in answer.text


def test_a_fault_of_the_service_itself_shows_nothing(client, caplog, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError(SECRET)

    monkeypatch.setattr("scripts.service.app.wanted", broken)
    answer = annotate(client(), {"text": SECRET})
    assert (answer.status_code, answer.json()) == (500, {"detail": "The service failed"})
    assert "RuntimeError at" in caplog.text
    assert SECRET not in caplog.text


@pytest.fixture
def reported(monkeypatch) -> list[str]:
    """What is asked of OpenTelemetry's providers, as if a program that embeds the service had configured some."""
    asked: list[str] = []

    class Spans(trace.TracerProvider):
        def get_tracer(self, *_, **__):
            asked.append("traces")
            return trace.NoOpTracer()

    class Meters(metrics.MeterProvider):
        def get_meter(self, name, *_, **__):
            asked.append("metrics")
            return metrics.NoOpMeter(name)

    monkeypatch.setattr(trace, "get_tracer_provider", Spans)
    monkeypatch.setattr(metrics, "get_meter_provider", Meters)
    return asked


def refuse_connection(*_: object) -> None:
    raise AssertionError("the service opened a connection")


def test_nothing_is_sent_even_if_the_environment_asks_for_it(client, monkeypatch, reported, caplog):
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    # Processes that are forked from here inherit these.
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse_connection)
    monkeypatch.setattr(socket, "getaddrinfo", refuse_connection)
    client = client()
    assert mentions(annotate(client, {"text": f"{SECRET} has gout"})) == [[("gout", "Disease")]]
    assert client.get("/v1/model").status_code == 200
    assert reported == []
    assert "telemetry" not in caplog.text
    # Without the app's settings, FastAPI would report every request, and export it as far as it can.
    with TestClient(FastAPI()) as other:
        other.get("/")
    assert set(reported) == {"traces", "metrics"}
    assert "automatic telemetry" in caplog.text


@pytest.mark.parametrize("path", ["/v1/model", "/metrics", "/health", "/docs", "/openapi.json", "/nothing"])
def test_every_answer_has_the_security_headers(shared_client, path):
    headers = shared_client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert "unsafe-inline" not in headers["content-security-policy"].partition("style-src")[0]
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "authorization, status",
    [
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer wrong", 401),
        ("Bearer s3cret-token-", 401),
        ("Basic s3cret-token", 401),
        (b"Bearer \xe9\xff", 401),
        ("Bearer s3cret-token", 200),
        ("bearer s3cret-token", 200),
    ],
)
def test_a_token_is_asked_for(client, authorization, status):
    client = client(token="s3cret-token")
    headers = {} if authorization is None else {"authorization": authorization}
    for path in ("/v1/model", "/metrics"):
        assert client.get(path, headers=headers).status_code == status
    answer = annotate(client, {"text": "gout"}, **headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
        # Without the token, the body is not read.
        assert annotate(client, b"not json", **headers).status_code == 401


@pytest.mark.parametrize("path", ["/health", "/ready", "/docs", "/openapi.json"])
def test_what_needs_no_token(client, path):
    assert client(token="s3cret-token").get(path).status_code == 200


def test_the_token_is_not_shown():
    assert "s3cret" not in repr(Settings(token="s3cret-token"))


@pytest.mark.parametrize(
    "changed",
    [{"batch_size": 0}, {"batch_wait": -1}, {"timeout": 0}, {"max_texts": 600}, {"queue_size": 10}, {"bathc_size": 1}],
)
def test_settings_that_do_not_fit(changed):
    with pytest.raises(ValidationError):
        Settings(**changed)


def test_the_documentation_needs_no_network(shared_client):
    page = shared_client.get("/docs").text
    assert "//" not in page.replace("<!DOCTYPE html>", "")
    for path in ("docs-files/swagger-ui-bundle.js", "docs-files/swagger-ui.css", "docs-files/favicon.png"):
        assert f'"{path}"' in page
        assert shared_client.get(f"/{path}").status_code == 200


def test_the_examples_of_the_documentation_work(shared_client):
    operation = shared_client.get("/openapi.json").json()["paths"]["/v1/annotate"]["post"]
    for example in operation["requestBody"]["content"]["application/json"]["examples"].values():
        assert annotate(shared_client, example["value"]).status_code == 200


def test_a_pipeline_of_another_language_needs_no_change(client):
    nlp = spacy.blank("de")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Disease", "pattern": "Gicht"}])
    assert mentions(annotate(client(nlp), {"text": "Gicht"})) == [[("Gicht", "Disease")]]


@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
@settings(max_examples=50, derandomize=True)
def test_offsets_are_those_of_the_text_as_sent(shared_client, texts):
    texts = [f"{text} gout {text}" for text in texts]
    documents = annotate(shared_client, {"texts": texts}).json()["documents"]
    for text, document in zip(texts, documents, strict=True):
        assert any(ent["text"] == "gout" for ent in document["entities"])
        assert all(text[ent["start"] : ent["end"]] == ent["text"] for ent in document["entities"])
