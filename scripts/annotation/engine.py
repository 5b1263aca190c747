"""Run a pipeline over notes: grouped by length, long ones in pieces, and none lost if the pipeline fails on one.

In: notes. Out: their mentions, with offsets in the text as given, or the reason why there are none.
"""

import os
import pickle
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby, islice
from multiprocessing import get_start_method, parent_process
from multiprocessing.util import register_after_fork
from threading import Thread
from typing import Any, NamedTuple, cast

from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.annotation.mentions import attribute_names, move_places, span_mention
from scripts.annotation.options import AnnotateOptions
from scripts.annotation.pieces import cut_text
from scripts.clinical_ner.sections.section import KEY as SECTIONS
from scripts.clinical_ner.sections.section import moved_section
from scripts.errors import ProjectError
from scripts.pipelines import entity_pipes, gives_confidence
from scripts.records.documents import Document, Passage
from scripts.records.mentions import Mention
from scripts.records.notes import Note, Rejected

# The encoder computes all windows of a text before the next component sees one, so a piece bounds the memory.
PIECE_CHARACTERS = 20_000
# Between two components there is one batch of texts with the encoder's output.
BATCH_CHARACTERS = 200_000


class AnnotatedNote(NamedTuple):
    """A note with what was found in it.

    document (Document): the note with its mentions, by position; with its tokens if they are kept.
    words (int): the number of the pipeline's tokens.
    """

    document: Document
    words: int


class Piece(NamedTuple):
    """A part of a note's text: the note's number, the start and the end."""

    number: int
    start: int
    end: int


class PieceResult(NamedTuple):
    """What was found in a piece: its mentions, its words, and its tokens if they are kept."""

    mentions: list[Mention]
    words: int
    doc: Doc | None


class PipelineFailure(NamedTuple):
    """Why a piece has no result. Of an exception only the type is kept: its message may quote the text."""

    reason: str


class Annotator:
    """A pipeline with what is wanted of it.

    nlp (Language): the pipeline.
    options (AnnotateOptions): what is wanted.
    keep_docs (bool): whether to keep the tokens.
    RAISES (ProjectError): the pipeline does not know a label, gives no confidences, declares an attribute that can't
        be one, or can't be shared with other processes.
    """

    def __init__(self, nlp: Language, options: AnnotateOptions, *, keep_docs: bool = False):
        check_labels(nlp, options.labels)
        self.nlp = nlp
        self.options = options
        self.keep_docs = keep_docs
        self.labels = frozenset(options.labels)
        self.attributes = attribute_names(nlp)
        self.has_confidence = gives_confidence(nlp)
        if options.minimum_confidence > 0 and not self.has_confidence:
            raise ProjectError(
                "The pipeline gives no confidences, so there is no minimum to choose by",
                "Leave out --minimum-confidence, or use a pipeline with a component that assigns span._.confidence.",
            )
        if options.processes > 1:
            register_after_fork(self, end_with_parent)
            if get_start_method() != "fork":
                prepare_spawning(nlp)

    def annotate(self, notes: Sequence[Note]) -> Iterator[tuple[int, AnnotatedNote | Rejected]]:
        """Find the mentions in notes.

        Each new word stays in the vocabulary: call it within `nlp.memory_zone()`, and use what it yields there.

        notes (Sequence[Note]): the notes, all in memory.
        YIELDS (tuple[int, AnnotatedNote | Rejected]): a note's number, from 0, and its result, the longest first.
        """
        limit = min(PIECE_CHARACTERS, self.nlp.max_length)
        pieces = [Piece(number, *ends) for number, note in enumerate(notes) for ends in cut_text(note.text, limit)]
        waiting = Counter(piece.number for piece in pieces)
        found: dict[int, list[tuple[int, PieceResult | PipelineFailure]]] = defaultdict(list)
        for piece, result in self.read(notes, pieces):
            found[piece.number].append((piece.start, result))
            waiting[piece.number] -= 1
            if not waiting[piece.number]:
                results = [result for _, result in sorted(found.pop(piece.number), key=lambda placed: placed[0])]
                yield piece.number, join(notes[piece.number], results)

    def read(
        self, notes: Sequence[Note], pieces: Sequence[Piece]
    ) -> Iterator[tuple[Piece, PieceResult | PipelineFailure]]:
        """Run the pipeline over pieces of notes, those of similar length together."""

        def batch_size(piece: Piece) -> int:
            return fitting_batch_size(piece.end - piece.start, self.options.batch_size)

        by_length = sorted(pieces, key=lambda piece: piece.start - piece.end)
        for size, group in groupby(by_length, key=batch_size):
            alike = list(group)
            for piece, doc in zip(alike, self.run(PieceTexts(notes, alike), size), strict=True):
                yield piece, doc if isinstance(doc, PipelineFailure) else self.piece_result(doc, piece.start)

    def run(self, texts: "PieceTexts", batch_size: int) -> Iterator[Doc | PipelineFailure]:
        """Run the pipeline over texts; where it raises an exception, over one text at a time, to find which it was.

        texts (PieceTexts): the texts.
        batch_size (int): how many of them the pipeline's components get at once.
        YIELDS (Doc | PipelineFailure): the result for each, in order.
        """
        done = 0
        while done < len(texts):
            rest = islice(texts, done, None)
            try:
                for doc in self.nlp.pipe(rest, batch_size=batch_size, n_process=self.options.processes):
                    done += 1
                    yield doc
            except Exception:
                for text in islice(texts, done, done + batch_size):
                    done += 1
                    yield self.run_alone(text)

    def run_alone(self, text: str) -> Doc | PipelineFailure:
        """Run the pipeline over one text of a batch on which it raised an exception."""
        try:
            return self.nlp(text)
        except Exception as error:
            return failure(error)

    def piece_result(self, doc: Doc, offset: int) -> PieceResult | PipelineFailure:
        """Return what was found in a piece that begins at an offset of its note's text."""
        try:
            ents = [ent for ent in doc.ents if self.is_wanted(ent)]
            mentions = [
                span_mention(
                    ent,
                    offset=offset,
                    attributes=self.attributes,
                    has_confidence=self.has_confidence,
                    keep_text=self.options.keep_text,
                )
                for ent in ents
            ]
        except ProjectError as error:
            return PipelineFailure(error.title)
        # The value of an attribute may be computed when it is asked for.
        except Exception as error:
            return failure(error)
        return PieceResult(mentions, len(doc), strip(doc, ents, offset) if self.keep_docs else None)

    def is_wanted(self, ent: Span) -> bool:
        """Return whether an entity has one of the labels and the confidence that were asked for."""
        if self.labels and ent.label_ not in self.labels:
            return False
        minimum = self.options.minimum_confidence
        return minimum <= 0 or (ent._.confidence or 0.0) >= minimum


class PieceTexts:
    """The texts of pieces, each of them cut out only when it is asked for.

    notes (Sequence[Note]): the notes.
    pieces (Sequence[Piece]): the pieces of their texts.
    """

    def __init__(self, notes: Sequence[Note], pieces: Sequence[Piece]):
        self.notes = notes
        self.pieces = pieces

    def __len__(self) -> int:
        return len(self.pieces)

    def __iter__(self) -> Iterator[str]:
        for number, start, end in self.pieces:
            yield self.notes[number].text[start:end]


def failure(error: Exception) -> PipelineFailure:
    """Return the reason for rejecting a note on which the pipeline raised an exception."""
    return PipelineFailure(f"the pipeline failed on it: {type(error).__name__}")


def check_labels(nlp: Language, labels: Sequence[str]) -> None:
    """Check that a pipeline can give labels. One whose components do not declare theirs may give any.

    nlp (Language): the pipeline.
    labels (Sequence[str]): the labels.
    RAISES (ProjectError): it never gives one of them.
    """
    known = {label for pipe in entity_pipes(nlp) for label in nlp.pipe_labels.get(pipe, ())}
    unknown = [label for label in labels if label not in known]
    if known and unknown:
        raise ProjectError(
            f"The pipeline gives no entities with the label '{unknown[0]}'", f"Its labels: {', '.join(sorted(known))}."
        )


def prepare_spawning(nlp: Language) -> None:
    """Prepare for workers that are not forks: each gets the pipeline pickled, and its threads by a variable.

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
    """Return how many texts of a length go into a batch: as many as were asked for, or a fourth of it, and so on.

    Few sizes make few groups: with more than one process, some of them wait for the others at the end of each group.
    """
    while batch_size > 1 and batch_size * length > BATCH_CHARACTERS:
        batch_size = max(batch_size // 4, 1)
    return batch_size


def join(note: Note, results: Sequence[PieceResult | PipelineFailure]) -> AnnotatedNote | Rejected:
    """Join what was found in the pieces of a note. If one of them failed, the note is rejected.

    note (Note): the note.
    results (Sequence[PieceResult | PipelineFailure]): the result for each piece, in order.
    RETURNS (AnnotatedNote | Rejected): the result for the note.
    """
    read = []
    for result in results:
        if isinstance(result, PipelineFailure):
            return Rejected(note.id, result.reason)
        read.append(result)
    docs = [result.doc for result in read if result.doc is not None]
    document = Document(
        id=note.id,
        passages=(Passage("note", note.text),),
        mentions=tuple(mention for result in read for mention in result.mentions),
        doc=join_docs(docs) if docs else None,
        columns=note.columns,
    )
    return AnnotatedNote(document, sum(result.words for result in read))


def strip(doc: Doc, ents: list[Span], offset: int) -> Doc:
    """Remove from a Doc what is not wanted: the encoder's output, which may be megabytes, and other entities.

    doc (Doc): the document.
    ents (list[Span]): the entities to keep.
    offset (int): its offset in the whole text, by which the places in its attributes move.
    RETURNS (Doc): the same document.
    """
    # Typed as an array; spaCy's own doc_cleaner sets None too.
    cast(Any, doc).tensor = None
    # What belongs to a span has its offsets in the key: confidences and attributes.
    kept = {key: value for key, value in doc.user_data.items() if isinstance(key, tuple) and key[2] is not None}
    sections = {SECTIONS: doc.user_data[SECTIONS]} if SECTIONS in doc.user_data else {}
    doc.user_data = {key: move_places(value, offset) for key, value in kept.items()} | sections
    doc.ents = ents
    return doc


def join_docs(docs: list[Doc]) -> Doc:
    """Return the Docs of a text's pieces as one, with their entities."""
    if len(docs) == 1:
        return docs[0]
    sections = [doc.user_data.pop(SECTIONS, None) for doc in docs]
    # spaCy's type hints lack `exclude`.
    from_docs = cast(Any, Doc.from_docs)
    joined = from_docs(docs, ensure_whitespace=False, exclude=["tensor", "spans"])
    if None not in sections:
        firsts = accumulate((len(doc) for doc in docs[:-1]), initial=0)
        joined.user_data[SECTIONS] = [
            moved_section(section, first)
            for first, found in zip(firsts, sections, strict=True)
            for section in found or ()
        ]
    return joined


def end_with_parent(_: object) -> None:
    """Let a worker process end when its parent is killed, instead of waiting for work forever."""
    parent = parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()
