"""The service as an ASGI app: its routes, and how a request goes through them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from spacy.language import Language

from scripts.service.annotation import Annotator
from scripts.service.batching import Batcher, Closed, Failed, QueueFull
from scripts.service.docs import add_docs
from scripts.service.metrics import Metrics
from scripts.service.middleware import Observed, SecurityHeaders
from scripts.service.reading import make_check_token, make_read, while_connected
from scripts.service.schemas import (
    Annotations,
    Document,
    Entity,
    ModelInfo,
    Problem,
    Status,
    request_examples,
    request_model,
)
from scripts.service.settings import Settings

PAGE = Path(__file__).parent / "page"
SAMPLES = Path(__file__).parents[1] / "samples"
RETRY_SOON = {"Retry-After": "1"}


def create_app(nlp: Language, settings: Settings | None = None) -> FastAPI:
    """Make the service of a pipeline.

    nlp (Language): the pipeline. From now on nothing else may use it.
    settings (Settings | None): limits, batching and the token.
    RETURNS (FastAPI): the app. It answers between the start and the end of its lifespan.
    """
    settings = settings or Settings()
    annotator = Annotator(nlp, batch_size=settings.batch_size)
    metrics = Metrics()
    batcher = Batcher(
        metrics.count_batches(annotator.annotate),
        batch_size=settings.batch_size,
        batch_characters=settings.batch_characters,
        batch_wait=settings.batch_wait,
        queue_size=settings.queue_size,
    )
    metrics.queued_texts.set_function(lambda: len(batcher))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with batcher:
            yield

    app = FastAPI(
        title="Clinical NER",
        version=annotator.name.version,
        summary=f"Finds {' and '.join(annotator.labels)} mentions in biomedical and clinical text",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # It would pass on what stands in paths, queries and exceptions.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    # The last one added is the outermost.
    app.add_middleware(Observed, metrics=metrics)
    app.add_middleware(SecurityHeaders)
    add_state(app, batcher)
    add_docs(app)
    add_page(app)
    token = [Depends(make_check_token(settings.token))] if settings.token else []
    guarded = APIRouter(dependencies=token, responses=problems(401) if token else {})
    add_annotate(guarded, annotator, batcher, metrics, settings)
    add_information(guarded, annotator, metrics, settings)
    app.include_router(guarded)
    return app


def add_annotate(
    router: APIRouter, annotator: Annotator, batcher: Batcher[list[Entity]], metrics: Metrics, settings: Settings
) -> None:
    """Add the route that annotates texts."""
    model = request_model(
        labels=annotator.labels,
        confidence=annotator.has_confidence,
        max_texts=settings.max_texts,
        max_characters=annotator.max_characters(settings),
    )
    body = {"schema": model.model_json_schema(), "examples": request_examples(annotator.labels)}

    @router.post(
        "/v1/annotate",
        responses=problems(400, 408, 413, 415, 422, 429, 503, 504),
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": body}}},
    )
    async def annotate(request: Request, asked: Annotated[Any, Depends(make_read(model, settings))]) -> Annotations:
        """Find the entities of one text or of each text in a list."""
        try:
            found = await while_connected(request, batcher.submit(asked.texts_given()), timeout=settings.timeout)
        except QueueFull:
            raise HTTPException(429, "Too many texts wait", headers=RETRY_SOON) from None
        except Closed:
            raise HTTPException(503, "The service is not ready", headers=RETRY_SOON) from None
        metrics.failed_texts.inc(sum(isinstance(entities, Failed) for entities in found))
        documents = [
            Document(entities=wanted(entities, asked.labels, asked.min_confidence)) for entities in succeeded(found)
        ]
        return Annotations(documents=documents, model=annotator.name)


def succeeded(found: list[list[Entity] | Failed]) -> list[list[Entity]]:
    """Give the entities of each text, if the pipeline failed on none.

    RAISES (HTTPException): it did. Asking again would not help: the same text fails again.
    """
    failed = [number for number, entities in enumerate(found) if isinstance(entities, Failed)]
    if failed:
        numbers = ", ".join(map(str, failed[:5])) + (", ..." if len(failed) > 5 else "")
        raise HTTPException(
            422, f"The pipeline failed on {len(failed)} of {len(found)} texts (counted from 0): {numbers}"
        )
    return found


def wanted(entities: list[Entity], labels: list[str] | None, min_confidence: float | None) -> list[Entity]:
    """Give the entities that a request asks for.

    entities (list[Entity]): the entities of a text.
    labels (list[str] | None): the labels to keep; None keeps all.
    min_confidence (float | None): the least confidence to keep; None keeps all.
    RAISES (HTTPException): an entity has no confidence to compare.
    """
    if labels is not None:
        entities = [entity for entity in entities if entity.label in labels]
    if min_confidence is None:
        return entities
    if any(entity.confidence is None for entity in entities):
        raise HTTPException(422, "min_confidence: this pipeline gives no confidence to some of its entities")
    return [entity for entity in entities if entity.confidence >= min_confidence]


def add_information(router: APIRouter, annotator: Annotator, metrics: Metrics, settings: Settings) -> None:
    """Add the routes that tell of the pipeline and of the service's work."""

    @router.get("/v1/model")
    async def model() -> ModelInfo:
        """Say which pipeline answers, what it can find, how well, and what a request may hold."""
        return annotator.info(settings)

    figures = {"description": "Prometheus' text format", "content": {"text/plain": {"schema": {"type": "string"}}}}

    @router.get("/metrics", response_class=Response, responses={200: figures})
    async def prometheus() -> Response:
        """Give the figures of the service to Prometheus."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


def add_state(app: FastAPI, batcher: Batcher[Any]) -> None:
    """Add the routes that an orchestrator asks. They need no token and say nothing else."""

    @app.get("/health")
    async def health() -> Status:
        """Answer while the process is alive."""
        return Status(status="alive")

    @app.get("/ready", responses=problems(503))
    async def ready() -> Status:
        """Answer 200 while texts are accepted: the pipeline works and the service is not shutting down."""
        if not batcher.running:
            raise HTTPException(503, "The service is not ready", headers=RETRY_SOON)
        return Status(status="ready")


def add_page(app: FastAPI) -> None:
    """Add the page at / and its files under /page, the samples that it offers among them."""
    files = StaticFiles(directory=PAGE, check_dir=False)
    app.mount("/page/samples", StaticFiles(directory=SAMPLES, check_dir=False))
    app.mount("/page", files)

    @app.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        return await files.get_response("index.html", request.scope)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe answers that say why there is none, for the OpenAPI document."""
    return {status: {"model": Problem, "description": HTTPStatus(status).phrase} for status in statuses}
