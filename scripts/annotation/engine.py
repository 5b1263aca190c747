"""Run a pipeline over notes: grouped by length, long ones in pieces, and none lost when the pipeline fails on one.

In: notes. Out: their entities, with offsets in the text as given, or the reason why there are none.
"""

import os
import pickle
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from multiprocessing import get_start_method, parent_process
from multiprocessing.util import register_after_fork
from threading import Thread
from typing import NamedTuple

from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.annotation.notes import Note, Rejected
from scripts.annotation.pieces import cut_text
from scripts.errors import ProjectError
from scripts.pipelines import entity_pipes, gives_confidence

# The encoder computes all windows of a text before the next part of the pipeline sees one: a piece has so much memory.
PIECE_CHARACTERS = 20_000
# What lies between two parts of the pipeline is one batch of texts with the encoder's output.
BATCH_CHARACTERS = 200_000


class Entity(NamedTuple):
    """A mention that the pipeline found.

    text (str): its text.
    label (str): what it is a mention of, e.g. "Disease".
    start (int): offset of its first character (code points) in the note's text as given.
    end (int): offset after its last character.
    confidence (float | None): how sure the pipeline is, from 0 to 1; None if it does not say.
    kb_id (str | None): its id in a knowledge base, if the pipeline gives one.
    """

    text: str
    label: str
    start: int
    end: int
    confidence: float | None = None
    kb_id: str | None = None


class AnnotatedNote(NamedTuple):
    """A note with what was found in it.

    note (Note): the note.
    entities (list[Entity]): by position.
    words (int): the number of the pipeline's tokens.
    doc (Doc | None): the tokens, with the entities; only if they are kept.
    """

    note: Note
    entities: list[Entity]
    words: int
    doc: Doc | None = None


class Piece(NamedTuple):
    """A part of a note's text: the note's number, where it begins and where it ends."""

    number: int
    start: int
    end: int


class Read(NamedTuple):
    """What was found in a piece: as in `AnnotatedNote`."""

    entities: list[Entity]
    words: int
    doc: Doc | None


class Failed(NamedTuple):
    """The pipeline raised an exception on a piece. Only its type is kept: its message may hold text."""

    type: str


class Annotator:
    """A pipeline with what is wanted of it.

    nlp (Language): the pipeline.
    labels (Sequence[str]): labels of the entities to keep; all if empty.
    minimum_confidence (float): entities with a lower confidence, or with none, are left out. 0 keeps all.
    batch_size (int): texts that the pipeline's parts get at once, at most.
    processes (int): processes that share the work.
    keep_docs (bool): whether to keep the tokens.
    RAISES (ProjectError): the pipeline does not know a label, gives no confidences, or can't be shared.
    """

    def __init__(
        self,
        nlp: Language,
        *,
        labels: Sequence[str] = (),
        minimum_confidence: float = 0.0,
        batch_size: int = 64,
        processes: int = 1,
        keep_docs: bool = False,
    ):
        check_labels(nlp, labels)
        self.nlp = nlp
        self.labels = frozenset(labels)
        self.minimum_confidence = minimum_confidence
        self.batch_size = batch_size
        self.processes = processes
        self.has_confidence = gives_confidence(nlp)
        if minimum_confidence > 0 and not self.has_confidence:
            raise ProjectError(
                "The pipeline gives no confidences, so there is no minimum to choose by",
                "Leave out --minimum-confidence, or take a pipeline one part of which assigns span._.confidence.",
            )
        self.keep_docs = keep_docs
        if processes > 1:
            register_after_fork(self, end_with_parent)
            if get_start_method() != "fork":
                prepare_spawning(nlp)

    def annotate(self, notes: Sequence[Note]) -> Iterator[tuple[int, AnnotatedNote | Rejected]]:
        """Find the entities of notes.

        Each word that is new stays in the vocabulary: call it within `nlp.memory_zone()`, and use what it gives there.

        notes (Sequence[Note]): the notes, all in memory.
        YIELDS (tuple[int, AnnotatedNote | Rejected]): a note's number, from 0, and what came of it, the longest first.
        """
        limit = min(PIECE_CHARACTERS, self.nlp.max_length)
        pieces = [Piece(number, *ends) for number, note in enumerate(notes) for ends in cut_text(note.text, limit)]
        waiting = Counter(piece.number for piece in pieces)
        found: dict[int, list[tuple[int, Read | Failed]]] = defaultdict(list)
        for piece, outcome in self.read(notes, pieces):
            found[piece.number].append((piece.start, outcome))
            waiting[piece.number] -= 1
            if not waiting[piece.number]:
                outcomes = [outcome for _, outcome in sorted(found.pop(piece.number))]
                yield piece.number, join(notes[piece.number], outcomes)

    def read(self, notes: Sequence[Note], pieces: Sequence[Piece]) -> Iterator[tuple[Piece, Read | Failed]]:
        """Run the pipeline over pieces of notes, those of like length together."""

        def batch_size(piece: Piece) -> int:
            return fitting_batch_size(piece.end - piece.start, self.batch_size)

        by_length = sorted(pieces, key=lambda piece: piece.start - piece.end)
        for size, group in groupby(by_length, key=batch_size):
            alike = list(group)
            texts = TextsOf(notes, alike)
            for piece, doc in zip(alike, self.run(texts, size), strict=True):
                yield piece, doc if isinstance(doc, Failed) else self.make_read(doc, piece.start)

    def run(self, texts: Sequence[str], batch_size: int) -> Iterator[Doc | Failed]:
        """Run the pipeline over texts; where it raises an exception, over one text at a time, to find which it was.

        texts (Sequence[str]): the texts.
        batch_size (int): how many go through the pipeline's parts at once.
        YIELDS (Doc | Failed): what came of each, in order.
        """
        done = 0
        while done < len(texts):
            rest = islice(texts, done, None)
            try:
                for doc in self.nlp.pipe(rest, batch_size=batch_size, n_process=self.processes):
                    done += 1
                    yield doc
            except Exception:
                for text in islice(texts, done, done + batch_size):
                    done += 1
                    yield self.run_alone(text)

    def run_alone(self, text: str) -> Doc | Failed:
        """Run the pipeline over one text that was in a batch on which it raised an exception."""
        try:
            return self.nlp(text)
        except Exception as error:
            return Failed(type(error).__name__)

    def make_read(self, doc: Doc, offset: int) -> Read:
        """Give what was found in a piece that begins at an offset of its note's text."""
        ents = [ent for ent in doc.ents if self.is_wanted(ent)]
        entities = [self.make_entity(ent, offset) for ent in ents]
        return Read(entities, len(doc), strip(doc, ents) if self.keep_docs else None)

    def is_wanted(self, ent: Span) -> bool:
        """Whether an entity has one of the labels and the confidence that were asked for."""
        if self.labels and ent.label_ not in self.labels:
            return False
        return self.minimum_confidence <= 0 or (ent._.confidence or 0.0) >= self.minimum_confidence

    def make_entity(self, ent: Span, offset: int) -> Entity:
        """Give an entity with its offsets in the note's text."""
        confidence = ent._.confidence if self.has_confidence else None
        return Entity(
            text=ent.text,
            label=ent.label_,
            start=ent.start_char + offset,
            end=ent.end_char + offset,
            confidence=None if confidence is None else float(confidence),
            kb_id=ent.kb_id_ or None,
        )


class TextsOf(Sequence[str]):
    """The texts of pieces, each of them cut out only when it is asked for."""

    def __init__(self, notes: Sequence[Note], pieces: Sequence[Piece]):
        self.notes = notes
        self.pieces = pieces

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, index: int) -> str:
        number, start, end = self.pieces[index]
        return self.notes[number].text[start:end]


def check_labels(nlp: Language, labels: Sequence[str]) -> None:
    """Refuse labels that the pipeline never gives. A pipeline whose parts do not tell theirs may give any."""
    known = {label for pipe in entity_pipes(nlp) for label in nlp.pipe_labels.get(pipe, ())}
    unknown = [label for label in labels if label not in known]
    if known and unknown:
        raise ProjectError(
            f"The pipeline gives no entities with the label '{unknown[0]}'", f"Its labels: {', '.join(sorted(known))}."
        )


def prepare_spawning(nlp: Language) -> None:
    """See that workers can begin that are no forks: each gets the pipeline pickled, and its threads by a variable.

    RAISES (ProjectError): the pipeline can't be pickled. Each batch would fail, and be read one text at a time.
    """
    # Forks have one thread each by clinical_ner.processes.
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        pickle.dumps(nlp)
    except Exception as error:
        raise ProjectError(
            f"The pipeline can't be given to other processes: {type(error).__name__} when it is pickled",
            "Leave out --processes.",
        ) from error


def fitting_batch_size(length: int, batch_size: int) -> int:
    """Give how many texts of a length go into a batch: as many as were asked for, or a fourth of it, and so on.

    Few sizes make few groups: with more than one process, at the end of each group some of them wait for the others.
    """
    while batch_size > 1 and batch_size * length > BATCH_CHARACTERS:
        batch_size = max(batch_size // 4, 1)
    return batch_size


def join(note: Note, outcomes: Sequence[Read | Failed]) -> AnnotatedNote | Rejected:
    """Put together what was found in the pieces of a note, or give the reason why not all of it was read."""
    for outcome in outcomes:
        if isinstance(outcome, Failed):
            return Rejected(note.id, f"the pipeline failed on it: {outcome.type}")
    docs = [outcome.doc for outcome in outcomes if outcome.doc is not None]
    return AnnotatedNote(
        note=note,
        entities=[entity for outcome in outcomes for entity in outcome.entities],
        words=sum(outcome.words for outcome in outcomes),
        doc=join_docs(docs) if docs else None,
    )


def strip(doc: Doc, ents: list[Span]) -> Doc:
    """Leave in a document what is wanted: not the encoder's output, which may be megabytes, nor other entities."""
    doc.tensor = None
    # What belongs to a span has its offsets in the key; the confidences are among it.
    doc.user_data = {
        key: value for key, value in doc.user_data.items() if isinstance(key, tuple) and key[2] is not None
    }
    doc.ents = ents
    return doc


def join_docs(docs: list[Doc]) -> Doc:
    """Give the documents of a text's pieces as one, with their entities."""
    if len(docs) == 1:
        return docs[0]
    return Doc.from_docs(docs, ensure_whitespace=False, exclude=["tensor", "spans"])


def end_with_parent(_: object) -> None:
    """Let a worker process end when its parent is killed, instead of waiting for work for ever."""

    def wait() -> None:
        parent_process().join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()
