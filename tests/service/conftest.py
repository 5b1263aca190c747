"""Small pipelines, and a service on a real port."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import spacy
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.clinical_ner.linking.concept import Concept
from scripts.clinical_ner.linking.index import build_index
from scripts.clinical_ner.linking.matcher import KnownNames, Matcher, Weights
from scripts.clinical_ner.registration import is_registered, register
from scripts.service.app import create_app
from scripts.service.settings import Settings

PATTERNS = [
    {"label": "Chemical", "pattern": "aspirin"},
    {"label": "Disease", "pattern": "gout"},
    {"label": "Disease", "pattern": "heart failure", "id": "D006333"},
]


# A pipeline that is confident about diseases, less so about chemicals.
SURE = {"aspirin": 0.4, "gout": 0.9, "heart failure": 0.9}


@Language.factory("set_confidences", assigns=["span._.confidence"])
def make_confidences(nlp: Language, name: str, by_text: dict[str, float]) -> Callable[[Doc], Doc]:
    """Create a component that sets the confidence of entities by their text, or to None."""
    if not Span.has_extension("confidence"):
        Span.set_extension("confidence", default=None)

    def set_confidences(doc: Doc) -> Doc:
        for ent in doc.ents:
            ent._.confidence = by_text.get(ent.text)
        return doc

    return set_confidences


ATTRIBUTES = ("is_negated", "is_family", "ward", "dose", "is_checked")


@Language.factory("set_attributes", assigns=[f"span._.{name}" for name in ATTRIBUTES])
def make_attributes(nlp: Language, name: str, by_text: dict[str, dict[str, Any]]) -> Callable[[Doc], Doc]:
    """Create a component that sets attributes of entities by their text, and one that it does not declare."""
    for attribute in (*ATTRIBUTES, "undeclared"):
        if not Span.has_extension(attribute):
            Span.set_extension(attribute, default=None)

    def set_attributes(doc: Doc) -> Doc:
        for ent in doc.ents:
            ent._.undeclared = "hidden"
            for attribute, value in by_text.get(ent.text, {}).items():
                ent._.set(attribute, value)
        return doc

    return set_attributes


def make_pipeline(
    confidences: dict[str, float] | None = None, attributes: dict[str, dict[str, Any]] | None = None
) -> Language:
    """Create a fast pipeline that finds three names; with confidences and attributes by name, if they are given."""
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(PATTERNS)
    if confidences:
        nlp.add_pipe("set_confidences", config={"by_text": confidences})
    if attributes:
        nlp.add_pipe("set_attributes", config={"by_text": attributes})
    nlp.meta.update(name="ner_small", version="1.2.3")
    return nlp


VOCABULARY = {
    "name": "small",
    "title": "Small MeSH",
    "license": "Courtesy of a test",
    "browser": "https://meshb.nlm.nih.gov/record/ui?ui={id}",
    "concepts": 4,
    "names": 8,
}
CONCEPTS = [
    Concept("D006973", "Hypertension", ("High Blood Pressure", "HTN"), ("C14",)),
    Concept("D007674", "Kidney Diseases", ("Renal Disease",), ("C12",)),
    Concept("D008790", "Metoprolol", ("Metoprolol tartrate",), ("D02",)),
    # No id of MeSH.
    Concept("H12", "Dyspnea", ("SOB",), ("C08",)),
]
LINKED = {
    "Disease": ["HTN", "hypertension", "Hypertension", "high blood pressure", "dyspnea", "gout", "Gout"],
    "Chemical": ["metoprolol"],
}


def make_linked_pipeline(**vocabulary: str) -> Language:
    """Create a pipeline with the project's own sections, context, linker and medications, and a small vocabulary.

    vocabulary (str): what is different about the vocabulary.
    RETURNS (Language): the pipeline.
    """
    if not is_registered():
        register()
    nlp = spacy.blank("en")
    nlp.add_pipe("clinical_sections")
    patterns = [{"label": label, "pattern": name} for label, names in LINKED.items() for name in names]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    nlp.add_pipe("clinical_context")
    linker = nlp.add_pipe("clinical_linker")
    weights = Weights(ranking={"same_form": 6.0}, certainty={"": {"same_form": 8.0, "bias": -4.0}})
    index = build_index(CONCEPTS, {"Disease": ["C"], "Chemical": ["D"]})
    linker.matcher = Matcher(index, ["Disease", "Chemical"], KnownNames({}), None, weights)
    linker.vocabulary = {**VOCABULARY, **vocabulary}
    nlp.add_pipe("clinical_medications")
    return nlp


@pytest.fixture
def client() -> Iterator[Callable[..., TestClient]]:
    """A function that returns a client of a started app: client(nlp=..., max_texts=...)."""
    clients = []

    def make(nlp: Language | None = None, **settings) -> TestClient:
        client = TestClient(create_app(nlp or make_pipeline(), Settings(**settings)))
        clients.append(client.__enter__())
        return client

    yield make
    for client in clients:
        client.__exit__()


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """Run an app on a real port of the loopback interface and yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    started = threading.Event()
    startup = server.startup

    async def startup_and_tell(sockets=None):
        await startup(sockets)
        started.set()

    server.startup = startup_and_tell
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert started.wait(30), "the server did not start"
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
