"""The pipeline as the service sees it: texts in, entities out, and what can be said about it."""

from spacy.language import Language
from spacy.tokens import Span

from scripts.pipelines import entity_pipes, gives_confidence
from scripts.service.schemas import Entity, Limits, ModelInfo, ModelName
from scripts.service.settings import Settings

# `package` names the encoder and the corpus among the sources, the encoder with this prefix.
ENCODER = "Encoder "


class Annotator:
    """A pipeline that gives entities.

    nlp (Language): the pipeline.
    batch_size (int): texts that its parts get at once, at most.
    """

    def __init__(self, nlp: Language, *, batch_size: int):
        self.nlp = nlp
        self.batch_size = batch_size
        # As a package has it: its language, then its name.
        self.name = ModelName(name=f"{nlp.meta['lang']}_{nlp.meta['name']}", version=nlp.meta["version"])
        self.labels = sorted({label for pipe in entity_pipes(nlp) for label in nlp.pipe_labels.get(pipe, ())})
        self.has_confidence = gives_confidence(nlp)

    def annotate(self, texts: list[str]) -> list[list[Entity]]:
        """Find the entities of texts. May only be called from one thread at a time.

        texts (list[str]): the texts.
        RETURNS (list[list[Entity]]): the entities of each, by their start.
        """
        # Without a memory zone each new word stays in the vocabulary for as long as the service runs.
        with self.nlp.memory_zone():
            docs = self.nlp.pipe(texts, batch_size=self.batch_size)
            return [[self.make_entity(ent) for ent in doc.ents] for doc in docs]

    def make_entity(self, ent: Span) -> Entity:
        """Give an entity in the shape of the service's answer."""
        return Entity(
            text=ent.text,
            label=ent.label_,
            start=ent.start_char,
            end=ent.end_char,
            confidence=ent._.confidence if self.has_confidence else None,
            kb_id=ent.kb_id_ or None,
        )

    def max_characters(self, settings: Settings) -> int:
        """Give the number of characters in a text that both the service and the pipeline accept."""
        return min(settings.max_characters, self.nlp.max_length)

    def info(self, settings: Settings) -> ModelInfo:
        """Give what the pipeline's meta.json says about it, and what a request to it may hold.

        settings (Settings): the limits.
        RETURNS (ModelInfo): the answer of /v1/model. Only a packaged pipeline knows its scores, encoder and corpus.
        """
        meta = self.nlp.meta
        sources = [source["name"] for source in meta.get("sources") or []]
        return ModelInfo(
            name=self.name.name,
            version=self.name.version,
            description=meta.get("description", ""),
            license=meta.get("license", ""),
            labels=self.labels,
            scores=meta.get("performance") or {},
            encoder=next((name.removeprefix(ENCODER) for name in sources if name.startswith(ENCODER)), None),
            corpus=next((name for name in sources if not name.startswith(ENCODER)), None),
            confidence=self.has_confidence,
            limits=Limits(
                body_bytes=settings.max_body_bytes,
                texts=settings.max_texts,
                characters=self.max_characters(settings),
            ),
        )
