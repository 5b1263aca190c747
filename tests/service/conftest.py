"""Small pipelines, and the service of one on a real port."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import spacy
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from spacy.language import Language
from spacy.tokens import Span

from scripts.service.app import create_app
from scripts.service.settings import Settings

PATTERNS = [
    {"label": "Chemical", "pattern": "aspirin"},
    {"label": "Disease", "pattern": "gout"},
    {"label": "Disease", "pattern": "heart failure", "id": "D006333"},
]


def make_pipeline() -> Language:
    """Make a pipeline that finds three names, in no time."""
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns(PATTERNS)
    nlp.meta.update(name="ner_small", version="1.2.3")
    return nlp


@pytest.fixture
def confidence() -> Iterator[None]:
    """Entities have a confidence: 0.9 for diseases, 0.4 for chemicals, none for the rest."""

    def by_label(ent: Span) -> float | None:
        return {"Disease": 0.9, "Chemical": 0.4}.get(ent.label_)

    Span.set_extension("confidence", getter=by_label)
    yield
    Span.remove_extension("confidence")


@pytest.fixture
def client() -> Iterator[Callable[..., TestClient]]:
    """Gives a client of an app whose lifespan has begun: client(nlp=..., max_texts=...)."""
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
    """Run an app on a real port of the loopback interface and give its address."""
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
