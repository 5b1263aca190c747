"""The pipeline as the service uses it: texts in; entities and information about the pipeline out."""

from typing import Any

from spacy.language import Language
from spacy.tokens import Span

from scripts.annotation.mentions import attribute_names, span_mention
from scripts.pipelines import entity_pipes, gives_confidence
from scripts.records.states import known_states
from scripts.service.schemas import Limits, ModelInfo, ModelName, VocabularyInfo
from scripts.service.settings import Settings

# In a package's sources, the encoder's name has this prefix; the corpus has none.
ENCODER = "Encoder "
LINKER = "clinical_linker"


class ServedPipeline:
    """A pipeline that finds entities, with its name and labels.

    nlp (Language): the pipeline.
    batch_size (int): the maximum number of texts that its components process at once.
    """

    def __init__(self, nlp: Language, *, batch_size: int):
        self.nlp = nlp
        self.batch_size = batch_size
        # The name of its package: the language, then the pipeline's own name.
        self.name = ModelName(name=f"{nlp.meta['lang']}_{nlp.meta['name']}", version=nlp.meta["version"])
        self.labels = sorted({label for pipe in entity_pipes(nlp) for label in nlp.pipe_labels.get(pipe, ())})
        self.has_confidence = gives_confidence(nlp)
        self.attributes = attribute_names(nlp)
        self.states = known_states(self.attributes)

    def annotate(self, texts: list[str]) -> list[list[dict[str, Any]]]:
        """Find the entities in texts. Not thread-safe.

        texts (list[str]): the texts.
        RETURNS (list[list[dict[str, Any]]]): the entities of each text as rows, in order of position.
        """
        # Without a memory zone, every new word would stay in the vocabulary while the service runs.
        with self.nlp.memory_zone():
            docs = self.nlp.pipe(texts, batch_size=self.batch_size)
            return [[self.make_row(ent) for ent in doc.ents] for doc in docs]

    def make_row(self, ent: Span) -> dict[str, Any]:
        """Convert an entity to plain values, which can be sent from one process to another."""
        mention = span_mention(ent, attributes=self.attributes, has_confidence=self.has_confidence)
        return mention.to_row(ent.text)

    def max_characters(self, settings: Settings) -> int:
        """Return the length of the longest text that both the service and the pipeline accept."""
        return min(settings.max_characters, self.nlp.max_length)

    def info(self, settings: Settings, *, fhir: bool) -> ModelInfo:
        """Describe the pipeline and the limits of a request.

        settings (Settings): the service's limits.
        fhir (bool): whether the service makes FHIR resources.
        RETURNS (ModelInfo): the response of /v1/model. Only packaged pipelines include scores, encoder and corpus.
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
            attributes=list(self.attributes),
            states=self.states,
            fhir=fhir,
            vocabulary=find_vocabulary(self.nlp),
            limits=Limits(
                body_bytes=settings.max_body_bytes,
                texts=settings.max_texts,
                characters=self.max_characters(settings),
            ),
        )


def find_vocabulary(nlp: Language) -> VocabularyInfo | None:
    """Return what is known about the vocabulary of a pipeline's linker, or None if it has none."""
    for name in nlp.pipe_names:
        known = getattr(nlp.get_pipe(name), "vocabulary", None) if nlp.get_pipe_meta(name).factory == LINKER else None
        if known:
            return VocabularyInfo(
                name=known.get("name") or "",
                title=known.get("title") or known.get("name") or "",
                license=known.get("license") or "",
                browser=known.get("browser") or "",
                concepts=known.get("concepts"),
                names=known.get("names"),
            )
    return None
