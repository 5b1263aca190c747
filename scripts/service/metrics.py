"""Figures about the service for Prometheus. Labels are routes, status codes and entity labels: no text, no ids."""

from collections.abc import Callable
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from scripts.service.schemas import Entity

Annotate = Callable[[list[str]], list[list[Entity]]]
SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 60)
TEXTS = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The figures of one app, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        own = {"namespace": "clinical_ner", "registry": self.registry}
        self.requests = Counter("requests", "Requests answered", ["method", "route", "status"], **own)
        self.seconds = Histogram("request_seconds", "From request to answer", ["route"], buckets=SECONDS, **own)
        self.batch_texts = Histogram("batch_texts", "Texts in a batch", buckets=TEXTS, **own)
        self.batch_seconds = Histogram("batch_seconds", "The pipeline's time for a batch", buckets=SECONDS, **own)
        self.entities = Counter("entities", "Entities found", ["label"], **own)
        self.failed_texts = Counter("failed_texts", "Texts on which the pipeline failed", **own)
        self.queued_texts = Gauge("queued_texts", "Texts that wait", **own)

    def count_batches(self, annotate: Annotate) -> Annotate:
        """Wrap the function that annotates a batch, to note its size, time and entities.

        annotate (Annotate): gives the entities of each text.
        RETURNS (Annotate): the same, noted.
        """

        def counted(texts: list[str]) -> list[list[Entity]]:
            started = perf_counter()
            documents = annotate(texts)
            self.batch_seconds.observe(perf_counter() - started)
            self.batch_texts.observe(len(texts))
            for entities in documents:
                for entity in entities:
                    self.entities.labels(entity.label).inc()
            return documents

        return counted
