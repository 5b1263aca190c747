"""Prometheus metrics of the service. Their labels are routes, status codes and entity labels, never text or ids."""

from collections.abc import Callable
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from scripts.service.batching import FailedText
from scripts.service.schemas import EntitySchema

Found = list[EntitySchema] | FailedText
Annotate = Callable[[list[str]], list[Found]]
SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60)
TEXTS = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The metrics of one app, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.requests = Counter(
            "clinical_ner_requests", "Requests answered", ["method", "route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "clinical_ner_request_seconds",
            "Time from request to response",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self.batch_texts = Histogram("clinical_ner_batch_texts", "Texts in a batch", buckets=TEXTS, registry=registry)
        self.batch_seconds = Histogram(
            "clinical_ner_batch_seconds", "Time the pipeline takes for a batch", buckets=SECONDS, registry=registry
        )
        self.entities = Counter("clinical_ner_entities", "Entities found", ["label"], registry=registry)
        self.failed_texts = Counter(
            "clinical_ner_failed_texts", "Texts on which the pipeline failed or took too long", registry=registry
        )
        self.worker_starts = Counter(
            "clinical_ner_worker_starts", "Starts of the process that runs the pipeline", registry=registry
        )
        self.queued_texts = Gauge("clinical_ner_queued_texts", "Texts in the queue", registry=registry)

    def count_batches(self, annotate: Annotate) -> Annotate:
        """Wrap a function that annotates batches to record their size, time and entities.

        annotate (Annotate): returns the entities of each text.
        RETURNS (Annotate): the wrapped function.
        """

        def counted(texts: list[str]) -> list[Found]:
            started = perf_counter()
            documents = annotate(texts)
            self.batch_seconds.observe(perf_counter() - started)
            self.batch_texts.observe(len(texts))
            for entities in documents:
                if isinstance(entities, FailedText):
                    self.failed_texts.inc()
                else:
                    self.count_entities(entities)
            return documents

        return counted

    def count_entities(self, entities: list[EntitySchema]) -> None:
        """Count the entities of a text by their label."""
        for entity in entities:
            self.entities.labels(entity.label).inc()
