"""The component: it sets `ent.kb_id_`, `ent._.kb_score` and `ent._.kb_candidates`."""

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import srsly
from spacy.language import Language
from spacy.tokens import Doc, Span

from ..factory import Factory, check_fraction
from ..version import check_version
from .forms import composite_parts
from .index import NameIndex
from .matcher import ANY_LABEL, Candidate, KnownNames, Matcher, Weights
from .queries import Query, make_queries
from .vectors import SynonymVectors

CANDIDATES, SCORE = "kb_candidates", "kb_score"
SETTINGS, INDEX, VECTORS = "linker.json", "index", "vectors"
# Chosen on BC5CDR's dev split by the F1 of the ids of documents.
THRESHOLD = 0.45
# Both parts of a composite mention have to be at least this certain.
CERTAIN_PARTS = 0.7


def make_linker(nlp: Language, name: str, threshold: float) -> "Linker":
    """Return the component. It has no vocabulary until one is read from disk or set.

    nlp (Language): the pipeline.
    name (str): the component's name in it.
    threshold (float): mentions with a lower score get no id.
    RETURNS (Linker): the component.
    RAISES (ValueError): the threshold is not within 0 and 1.
    """
    check_fraction("threshold", threshold)
    check_version(nlp)
    return Linker(name, threshold=threshold)


class Linker:
    """A component that links mentions to the concepts of a vocabulary. Without a vocabulary it changes nothing.

    matcher (Matcher | None): finds the concepts; None without a vocabulary.
    vocabulary (dict[str, Any]): what is known about the vocabulary: name, title, year, license, restricted, sha256.
    """

    def __init__(self, name: str = "linker", *, threshold: float = 0.0):
        add_extensions()
        self.name = name
        self.threshold = threshold
        self.matcher: Matcher | None = None
        self.vocabulary: dict[str, Any] = {}

    def __call__(self, doc: Doc) -> Doc:
        """Link the mentions of a document. Mentions with the same words and label get the same concept.

        doc (Doc): the document with its mentions.
        RETURNS (Doc): the same document.
        """
        if self.matcher is None or not doc.ents:
            return doc
        # An unpickled component, in a worker process for instance, has not run __init__.
        add_extensions()
        linked: dict[Query, list[Candidate]] = {}
        places = [(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents]
        for ent, query in zip(doc.ents, make_queries(doc.text, places), strict=True):
            if query not in linked:
                linked[query] = self.link(query)
            self.annotate(ent, linked[query])
        return doc

    def link(self, query: Query) -> list[Candidate]:
        """Return the concepts that a mention may be, the best first.

        query (Query): the mention.
        RETURNS (list[Candidate]): the candidates. A composite mention has one with several ids, if its parts are known.
        """
        if self.matcher is None:
            return []
        candidates = self.matcher.link(query)
        if candidates and candidates[0].score < CERTAIN_PARTS:
            together = self.link_parts(self.matcher, query)
            return [*together, *candidates][: len(candidates)]
        return candidates

    @staticmethod
    def link_parts(matcher: Matcher, query: Query) -> list[Candidate]:
        """Return the concepts of a composite mention's parts as one candidate, if all of them are certain."""
        parts = [Query(part, part, query.label) for part in composite_parts(query.long)]
        best = [candidates[0] for candidates in map(matcher.link, parts) if candidates]
        if not parts or len(best) < len(parts) or min(one.score for one in best) < CERTAIN_PARTS:
            return []
        unique = {one.id: one for one in best}
        names = " | ".join(one.name for one in unique.values())
        return [Candidate("|".join(unique), names, min(one.score for one in best))]

    def annotate(self, ent: Span, candidates: list[Candidate]) -> None:
        """Set what is known about a mention."""
        ent._.set(CANDIDATES, [candidate._asdict() for candidate in candidates])
        ent._.set(SCORE, candidates[0].score if candidates else None)
        linked = candidates[0].id if candidates and candidates[0].score >= self.threshold else ""
        for token in ent:
            token.ent_kb_id_ = linked

    def to_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> None:
        """Save the component to a folder."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        if self.matcher is None:
            return
        self.matcher.index.to_disk(folder / INDEX)
        if self.matcher.vectors:
            self.matcher.vectors.to_disk(folder / VECTORS)
        settings = {
            "vocabulary": self.vocabulary,
            "labels": [*self.matcher.labels],
            "ranking": self.matcher.weights.ranking,
            "certainty": self.matcher.weights.certainty,
            "known": self.matcher.known.counts,
        }
        srsly.write_json(folder / SETTINGS, settings)

    def from_disk(self, path: str | Path, *, exclude: Iterable[str] = ()) -> "Linker":
        """Load the component from a folder. Its names are read when they are used.

        RAISES (ValueError): a file is missing or damaged.
        """
        folder = Path(path)
        if not (folder / SETTINGS).is_file():
            return self
        try:
            settings = srsly.read_json(folder / SETTINGS)
            self.vocabulary = settings["vocabulary"]
            self.matcher = Matcher(
                NameIndex.from_disk(folder / INDEX),
                settings["labels"],
                KnownNames(settings["known"]),
                SynonymVectors.from_disk(folder / VECTORS) if (folder / VECTORS).is_dir() else None,
                Weights(settings["ranking"], by_label(settings["certainty"])),
            )
        except (OSError, KeyError, TypeError, ValueError, EOFError) as error:
            raise ValueError(f"The linker's files in {folder} are damaged or incomplete: {error}") from error
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """Return the component as bytes: the files of `to_disk`."""
        with TemporaryDirectory() as folder:
            self.to_disk(folder)
            files = {
                path.relative_to(folder).as_posix(): path.read_bytes()
                for path in sorted(Path(folder).rglob("*"))
                if path.is_file()
            }
        return srsly.msgpack_dumps(files)

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "Linker":
        """Load the component from bytes."""
        with TemporaryDirectory() as folder:
            for name, content in srsly.msgpack_loads(data).items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            # The open files outlive their names.
            return self.from_disk(folder)


def by_label(certainty: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return the weights of certainty by label. Earlier versions saved the same ones for all labels."""
    return certainty if all(isinstance(weights, dict) for weights in certainty.values()) else {ANY_LABEL: certainty}


def add_extensions() -> None:
    """Add the extensions unless they exist."""
    for name in (CANDIDATES, SCORE):
        if not Span.has_extension(name):
            Span.set_extension(name, default=None)


LINKER = Factory(
    "clinical_linker",
    make_linker,
    {
        "requires": ["doc.ents"],
        "assigns": ["token.ent_kb_id", "span._.kb_candidates", "span._.kb_score"],
        "default_config": {"threshold": THRESHOLD},
    },
)
