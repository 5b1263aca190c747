"""Run a pipeline over the notes of a batch: each note is a document, and none is lost if the pipeline fails on one.

In: notes. Out: their mentions, with offsets in the text as given, or the reason why there are none.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.annotation.mentions import attribute_names, span_mention
from scripts.annotation.options import AnnotateOptions
from scripts.clinical_ner.sections.section import KEY as SECTIONS
from scripts.errors import ProjectError
from scripts.pipelines import entity_pipes, gives_confidence
from scripts.records.documents import Document, Passage
from scripts.records.notes import Note, Rejected

# A batch is in memory together with the encoder's output for it. A longer note is a batch by itself.
BATCH_CHARACTERS = 200_000


class AnnotatedNote(NamedTuple):
    """A note with what was found in it.

    document (Document): the note with its mentions, by position; with its tokens if they are kept.
    words (int): the number of the pipeline's tokens.
    """

    document: Document
    words: int


class Annotator:
    """A pipeline with what is wanted of it.

    nlp (Language): the pipeline.
    options (AnnotateOptions): what is wanted.
    keep_docs (bool): whether to keep the tokens.
    RAISES (ProjectError): the pipeline does not know a label, gives no confidences, or declares an attribute that can't
        be one.
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
        if options.by and not self.has_confidence:
            raise ProjectError(
                f"The pipeline gives no confidences, so its notes can't be put into an order by {options.by}",
                "Leave out --by, or train a head that gives confidences: --vars.head token.",
            )

    def annotate(self, notes: Sequence[Note]) -> list[AnnotatedNote | Rejected]:
        """Find the mentions in the notes of a batch.

        Each new word stays in the vocabulary: call it within `nlp.memory_zone()`, and use what it returns there.

        notes (Sequence[Note]): the notes.
        RETURNS (list[AnnotatedNote | Rejected]): the result for each note.
        """
        longest = self.nlp.max_length
        docs = self.run([note.text for note in notes if len(note.text) <= longest])
        return [
            self.result(note, next(docs)) if len(note.text) <= longest else too_long(note, longest) for note in notes
        ]

    def run(self, texts: Sequence[str]) -> Iterator[Doc | Exception]:
        """Run the pipeline over texts; where it raises an exception, over one text at a time, to find which it was.

        texts (Sequence[str]): the texts.
        YIELDS (Doc | Exception): the result for each, in order.
        """
        done = 0
        try:
            for doc in self.nlp.pipe(texts, batch_size=self.options.batch_size):
                done += 1
                yield doc
        except Exception:
            yield from map(self.run_alone, texts[done:])

    def run_alone(self, text: str) -> Doc | Exception:
        """Run the pipeline over one text of a batch on which it raised an exception."""
        try:
            return self.nlp(text)
        except Exception as error:
            return error

    def result(self, note: Note, doc: Doc | Exception) -> AnnotatedNote | Rejected:
        """Return what was found in a note, or the reason why there is nothing."""
        if isinstance(doc, Exception):
            return failed(note, doc)
        try:
            ents = [ent for ent in doc.ents if self.is_wanted(ent)]
            options = {"has_confidence": self.has_confidence, "keep_text": self.options.keep_text}
            mentions = tuple(span_mention(ent, attributes=self.attributes, **options) for ent in ents)
        except ProjectError as error:
            return Rejected(note.id, error.title)
        # The value of an attribute may be computed when it is asked for.
        except Exception as error:
            return failed(note, error)
        document = Document(
            id=note.id,
            passages=(Passage("note", note.text),),
            mentions=mentions,
            doc=strip(doc, ents) if self.keep_docs else None,
            columns=note.columns,
        )
        return AnnotatedNote(document, len(doc))

    def is_wanted(self, ent: Span) -> bool:
        """Return whether an entity has one of the labels and the confidence that were asked for."""
        if self.labels and ent.label_ not in self.labels:
            return False
        minimum = self.options.minimum_confidence
        return minimum <= 0 or (ent._.confidence or 0.0) >= minimum


def too_long(note: Note, longest: int) -> Rejected:
    """Reject a note that is longer than the pipeline's limit."""
    return Rejected(note.id, f"it has {len(note.text):,} characters, and the pipeline reads at most {longest:,}")


def failed(note: Note, error: Exception) -> Rejected:
    """Reject a note on which the pipeline raised an exception. Its message is not kept: it may quote the text."""
    return Rejected(note.id, f"the pipeline failed on it: {type(error).__name__}")


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


def make_batches(lengths: Sequence[int], *, size: int, characters: int = BATCH_CHARACTERS) -> list[list[int]]:
    """Group texts of similar length, the longest first. Several long texts are never together in a batch.

    lengths (Sequence[int]): the number of characters of each text.
    size (int): the most texts in a batch.
    characters (int): the most characters in a batch; a longer text is a batch by itself.
    RETURNS (list[list[int]]): the texts' numbers in each batch.
    """
    batches: list[list[int]] = []
    room = 0
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        if not batches or len(batches[-1]) == size or lengths[number] > room:
            batches.append([])
            room = characters
        batches[-1].append(number)
        room -= lengths[number]
    return batches


def strip(doc: Doc, ents: list[Span]) -> Doc:
    """Remove from a Doc what is not wanted: the encoder's output, which may be megabytes, and other entities."""
    # Typed as an array; spaCy's own doc_cleaner sets None too.
    cast(Any, doc).tensor = None
    # What belongs to a span has its offsets in the key: confidences and attributes.
    doc.user_data = {
        key: value
        for key, value in doc.user_data.items()
        if key == SECTIONS or (isinstance(key, tuple) and key[2] is not None)
    }
    doc.ents = ents
    return doc
