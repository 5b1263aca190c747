"""The service as an ASGI app: its routes and how they process a request."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from spacy.language import Language

from scripts.errors import ProjectError
from scripts.service.batching import Batcher, Closed, FailedText, QueueFull
from scripts.service.docs import add_docs
from scripts.service.metrics import Found, Metrics
from scripts.service.middleware import Observed, SecurityHeaders
from scripts.service.pipeline import ServedPipeline
from scripts.service.process import PipelineProcess, make_process
from scripts.service.reading import make_check_token, make_read, while_connected
from scripts.service.schemas import (
    AnnotateRequest,
    Annotations,
    DocumentSchema,
    EntitySchema,
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
# What a request with a text can be answered with besides 200.
ANNOTATE_STATUSES = (400, 408, 413, 415, 422, 429, 503, 504)
Find = Callable[[Request, list[str]], Awaitable[list[list[EntitySchema]]]]


def create_app(
    nlp: Language, settings: Settings | None = None, *, load: Callable[[], Language] | None = None
) -> FastAPI:
    """Create the service for a pipeline.

    nlp (Language): the pipeline. A worker process runs it; here it is only described.
    settings (Settings | None): limits, batching and the token.
    load (Callable[[], Language] | None): loads the pipeline in the worker process, which is spawned then; see
        `make_process`.
    RETURNS (FastAPI): the app. It accepts texts during its lifespan.
    """
    settings = settings or Settings()
    pipeline = ServedPipeline(nlp, batch_size=settings.batch_size)
    metrics = Metrics()
    process = make_process(pipeline, load, work_timeout=settings.work_timeout, count_start=metrics.worker_starts.inc)
    batcher = Batcher(
        metrics.count_batches(process.annotate),
        batch_size=settings.batch_size,
        batch_characters=settings.batch_characters,
        batch_wait=settings.batch_wait,
        queue_size=settings.queue_size,
        start=process.start,
        check=process.check,
        stop=process.close,
    )
    metrics.queued_texts.set_function(lambda: len(batcher))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with batcher:
            yield

    app = FastAPI(
        title="Clinical NER",
        version=pipeline.name.version,
        summary=summary(pipeline.labels),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # Telemetry would pass on paths, queries and exceptions.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
    )
    # The middleware added last is the outermost.
    app.add_middleware(Observed, metrics=metrics)
    app.add_middleware(SecurityHeaders)
    add_state(app, batcher, process)
    add_docs(app)
    add_page(app)
    token = [Depends(make_check_token(settings.token))] if settings.token else []
    guarded = APIRouter(dependencies=token, responses=problems(401) if token else {})
    find = make_find(batcher, settings)
    add_annotate(guarded, pipeline, find, settings)
    if makes_fhir():
        add_fhir(guarded, pipeline, find, settings)
    add_information(guarded, pipeline.info(settings, fhir=makes_fhir()), metrics)
    app.include_router(guarded)
    return app


def summary(labels: list[str]) -> str:
    """Return a sentence about what the service finds, for its documentation."""
    return " ".join(["Finds", *filter(None, [" and ".join(labels)]), "mentions in biomedical and clinical text"])


def make_find(batcher: Batcher[list[EntitySchema]], settings: Settings) -> Find:
    """Return a function that finds the entities in the texts of a request, or raises an HTTPException."""

    async def find(request: Request, texts: list[str]) -> list[list[EntitySchema]]:
        try:
            found = await while_connected(request, batcher.submit(texts), timeout=settings.timeout)
        except QueueFull:
            raise HTTPException(429, "Too many texts are waiting", headers=RETRY_SOON) from None
        except Closed:
            raise not_ready() from None
        return succeeded(found, settings.work_timeout)

    return find


def add_annotate(router: APIRouter, pipeline: ServedPipeline, find: Find, settings: Settings) -> None:
    """Add the route that annotates texts."""
    model = request_model(
        labels=pipeline.labels,
        states=pipeline.states,
        confidence=pipeline.has_confidence,
        max_texts=settings.max_texts,
        max_characters=pipeline.max_characters(settings),
    )
    body = {"schema": model.model_json_schema(), "examples": request_examples(pipeline.labels, pipeline.states)}

    @router.post(
        "/v1/annotate",
        responses=problems(*ANNOTATE_STATUSES),
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": body}}},
    )
    async def annotate(
        request: Request, asked: Annotated[AnnotateRequest, Depends(make_read(model, settings))]
    ) -> Annotations:
        """Find the entities in one text, or in each text of a list."""
        found = await find(request, asked.all_texts())
        documents = [DocumentSchema(entities=wanted(entities, asked)) for entities in found]
        return Annotations(documents=documents, model=pipeline.name)


def makes_fhir() -> bool:
    """Return whether the service can make FHIR resources. Its image has neither the library nor the formats."""
    return all(map(find_spec, ("fhir", "scripts.formats")))


def add_fhir(router: APIRouter, pipeline: ServedPipeline, find: Find, settings: Settings) -> None:
    """Add the route that returns FHIR resources."""
    from scripts.service.fhir import (
        FHIR_EXAMPLES,
        FhirRequest,
        FhirResponse,
        bundle_of,
        fhir_request_model,
        make_fhir_writer,
    )

    writer = make_fhir_writer(pipeline.nlp)
    model = fhir_request_model(pipeline.max_characters(settings))
    body = {"schema": model.model_json_schema(), "examples": FHIR_EXAMPLES}
    content = {FhirResponse.media_type: {"schema": {"type": "object"}}}

    @router.post(
        "/v1/fhir",
        response_class=Response,
        responses={200: {"description": "A Bundle of FHIR R4", "content": content}, **problems(*ANNOTATE_STATUSES)},
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": body}}},
    )
    async def fhir(
        request: Request, asked: Annotated[FhirRequest, Depends(make_read(model, settings))]
    ) -> FhirResponse:
        """Find the entities in one text, as FHIR R4. Without fhir.resources, there is no such endpoint."""
        (entities,) = await find(request, [asked.text])
        try:
            # To validate the resources of a long text takes seconds.
            return FhirResponse(await run_in_threadpool(bundle_of, asked, entities, writer))
        except ProjectError as error:
            raise HTTPException(422, error.title) from None


def succeeded(found: Sequence[Found], work_timeout: float) -> list[list[EntitySchema]]:
    """Return the entities of each text if every text has a result.

    found (Sequence[Found]): the result of each text.
    work_timeout (float): how long the pipeline may take, in seconds, for the message.
    RAISES (HTTPException): a text has none: 503 if there is no pipeline at the moment, 504 if it took too long, else
        422. Only after a 503 does it help to send the same texts again.
    """
    failed = [(number, result) for number, result in enumerate(found) if isinstance(result, FailedText)]
    if failed:
        numbers = ", ".join(str(number) for number, _ in failed[:5]) + (", ..." if len(failed) > 5 else "")
        which = f"{len(failed)} of {len(found)} texts (counted from 0): {numbers}"
        kinds = {result.kind for _, result in failed}
        if "unavailable" in kinds:
            raise not_ready()
        if "late" in kinds:
            raise HTTPException(504, f"The pipeline failed or took more than {work_timeout:g} seconds on {which}")
        raise HTTPException(422, f"The pipeline failed on {which}")
    return [entities for entities in found if not isinstance(entities, FailedText)]


def not_ready() -> HTTPException:
    """Return the response while no text can be processed."""
    return HTTPException(503, "The service is not ready", headers=RETRY_SOON)


def wanted(entities: list[EntitySchema], asked: AnnotateRequest) -> list[EntitySchema]:
    """Return the entities that a request asks for.

    entities (list[EntitySchema]): the entities of a text.
    asked (AnnotateRequest): the request. An entity without states passes only if it names none.
    RAISES (HTTPException): an entity has no confidence to compare.
    """
    if asked.labels is not None:
        entities = [entity for entity in entities if entity.label in asked.labels]
    if asked.include is not None:
        included = set(asked.include)
        entities = [entity for entity in entities if entity.states and included.issuperset(entity.states)]
    least = asked.min_confidence
    if least is None:
        return entities
    if any(entity.confidence is None for entity in entities):
        raise HTTPException(422, "min_confidence: this pipeline reports no confidence for some of its entities")
    return [entity for entity in entities if entity.confidence is not None and entity.confidence >= least]


def add_information(router: APIRouter, info: ModelInfo, metrics: Metrics) -> None:
    """Add the routes with information about the pipeline and the service's metrics."""

    @router.get("/v1/model")
    async def model() -> ModelInfo:
        """Describe the pipeline: what it finds, how well, and the limits of a request."""
        return info

    text = {"description": "Prometheus text format", "content": {"text/plain": {"schema": {"type": "string"}}}}

    @router.get("/metrics", response_class=Response, responses={200: text})
    async def prometheus() -> Response:
        """Return the service's metrics for Prometheus."""
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


def add_state(app: FastAPI, batcher: Batcher[Any], process: PipelineProcess) -> None:
    """Add the routes for an orchestrator. They need no token and reveal nothing else."""

    @app.get("/health", responses=problems(503))
    async def health() -> Status:
        """Return 200 while the service is alive: the pipeline's process is there, or is being replaced."""
        if not process.is_healthy:
            raise HTTPException(503, "The process of the pipeline can't be started")
        return Status(status="alive")

    @app.get("/ready", responses=problems(503))
    async def ready() -> Status:
        """Return 200 while texts are processed: the pipeline is loaded and the service is not shutting down."""
        if not batcher.running or not process.is_ready:
            raise not_ready()
        return Status(status="ready")


def add_page(app: FastAPI) -> None:
    """Add the page at /, and its files and sample notes under /page."""
    files = StaticFiles(directory=PAGE, check_dir=False)
    app.mount("/page/samples", StaticFiles(directory=SAMPLES, check_dir=False))
    app.mount("/page", files)

    @app.get("/", include_in_schema=False)
    async def page(request: Request) -> Response:
        return await files.get_response("index.html", request.scope)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the error responses of a route for the OpenAPI document."""
    return {status: {"model": Problem, "description": HTTPStatus(status).phrase} for status in statuses}
