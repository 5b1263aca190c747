"""The results for notes: each prepared for writing or rejected, the figures of a part, the summary of a run.

In: notes and a pipeline. Out: what a writer writes, and what the manifest and the user are told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tqdm import tqdm

from scripts.errors import ProjectError
from scripts.formats.writing import Writer
from scripts.records.notes import Note, Rejected

if TYPE_CHECKING:
    from scripts.annotation.engine import AnnotatedNote
    from scripts.annotation.pool import Pool


class Counts(NamedTuple):
    """What finished parts contain: notes annotated, notes rejected, words, and entities by label.

    Also how many entities are not in the output of these notes, by the reason.
    """

    notes: int
    rejected: int
    words: int
    entities: Counter[str]
    left_out: Counter[str]

    @classmethod
    def of(cls, parts: Sequence[dict[str, Any]]) -> Counts:
        """Return the sums of what the manifest says about parts."""
        notes, rejected, words = (sum(part[name] for part in parts) for name in ("notes", "rejected", "words"))
        entities: Counter[str] = sum((Counter(part["entities"]) for part in parts), Counter())
        left_out: Counter[str] = sum((Counter(part.get("left_out", {})) for part in parts), Counter())
        return cls(notes, rejected, words, entities, left_out)

    @property
    def read(self) -> int:
        """The number of notes that were read."""
        return self.notes + self.rejected


class Summary(NamedTuple):
    """The result of a run.

    notes (int): notes that were annotated, also by earlier runs in the same folder.
    rejected (int): notes that were not, and are in rejected.jsonl.
    before (int): how many of both were done before this run, and were skipped.
    entities (dict[str, int]): entities by label.
    seconds (float): how long this run took, without loading the pipeline.
    words_per_second (float): how many words, the pipeline's tokens, this run read in a second.
    left_out (dict[str, int]): how many entities the format has no place for, or lacks something of, by the reason.
    """

    notes: int
    rejected: int
    before: int
    entities: dict[str, int]
    seconds: float
    words_per_second: float
    left_out: dict[str, int]

    @classmethod
    def of(cls, before: Counts, after: Counts, seconds: float) -> Summary:
        """Return the summary of a run.

        before (Counts): what was done before it.
        after (Counts): what is done now.
        seconds (float): how long it took.
        """
        return cls(
            notes=after.notes,
            rejected=after.rejected,
            before=before.read,
            entities=dict(after.entities),
            seconds=seconds,
            words_per_second=(after.words - before.words) / seconds,
            left_out=dict(after.left_out),
        )


class Prepared(NamedTuple):
    """A note, ready to be written: its id, what the writer made of it, its entities by label, and its words."""

    id: str
    content: Any
    entities: Counter[str]
    words: int


def prepare_notes(notes: list[Note | Rejected], pool: Pool, *, strict: bool, bar: tqdm) -> list[Prepared | Rejected]:
    """Annotate the notes of one part and prepare them for writing.

    notes (list[Note | Rejected]): the notes.
    pool (Pool): the processes that do it.
    strict (bool): whether to stop at the first note that is rejected.
    bar (tqdm): counts the notes that are done.
    RETURNS (list[Prepared | Rejected]): the result for each, in the order given.
    RAISES (ProjectError): a note was rejected in a strict run.
    """
    readable = [(place, note) for place, note in enumerate(notes) if isinstance(note, Note)]
    outcomes: list[Any] = list(notes)
    bar.update(len(notes) - len(readable))
    if strict:
        refuse_rejected(notes)
    for number, prepared in pool.annotate([note for _, note in readable]):
        if strict:
            refuse_rejected([prepared])
        place, _ = readable[number]
        outcomes[place] = prepared
        bar.update()
    return outcomes


def prepare(outcome: AnnotatedNote | Rejected, writer: Writer) -> Prepared | Rejected:
    """Prepare an annotated note for writing, or reject it if the format can't hold it."""
    if isinstance(outcome, Rejected):
        return outcome
    document = outcome.document
    try:
        content = writer.prepare(document)
    except ProjectError as error:
        return Rejected(document.id, error.title)
    except UnicodeEncodeError:
        return Rejected(document.id, "its id, another column or an attribute can't be written as UTF-8")
    return Prepared(document.id, content, Counter(mention.label for mention in document.mentions), outcome.words)


def refuse_rejected(outcomes: Iterable[Any]) -> None:
    """Stop a strict run at a note that was rejected.

    RAISES (ProjectError): one was.
    """
    for outcome in outcomes:
        if isinstance(outcome, Rejected):
            raise ProjectError(f"Note {outcome.id!r}: {outcome.reason}", "Without --strict the run goes on.")


def part_figures(outcomes: Sequence[Prepared | Rejected]) -> dict[str, Any]:
    """Return what the manifest says about a part with these notes."""
    prepared = [outcome for outcome in outcomes if isinstance(outcome, Prepared)]
    entities: Counter[str] = sum((outcome.entities for outcome in prepared), Counter())
    return {
        "first": outcomes[0].id,
        "last": outcomes[-1].id,
        "notes": len(prepared),
        "rejected": len(outcomes) - len(prepared),
        "words": sum(outcome.words for outcome in prepared),
        "entities": dict(sorted(entities.items())),
    }
