"""What comes of notes: each made ready to be written or rejected, the figures of a part, the summary of a run.

In: notes and a pipeline. Out: what a writer writes, and what the manifest and the user are told.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tqdm import tqdm

from scripts.annotation.engine import AnnotatedNote, Annotator
from scripts.annotation.notes import Note, Rejected
from scripts.annotation.writers import Writer
from scripts.errors import ProjectError


class Summary(NamedTuple):
    """What a run came to.

    notes (int): notes that were annotated, by runs before this one in the same folder too.
    rejected (int): notes that were not, and are in rejected.jsonl.
    before (int): how many of both were done before this run, and were skipped.
    entities (dict[str, int]): entities by label.
    seconds (float): how long this run took, the pipeline's loading aside.
    words_per_second (float): the words, which are the pipeline's tokens, that this run read in a second.
    """

    notes: int
    rejected: int
    before: int
    entities: dict[str, int]
    seconds: float
    words_per_second: float


class Prepared(NamedTuple):
    """A note, ready to be written: its id, what the writer made of it, its entities by label, and its words."""

    id: str
    content: Any
    entities: Counter[str]
    words: int


def prepare_notes(
    notes: list[Note | Rejected], annotator: Annotator, writer: Writer, *, strict: bool, bar: tqdm
) -> list[Prepared | Rejected]:
    """Annotate the notes of one part and make them ready to be written.

    Call it within `nlp.memory_zone()`, as `Annotator.annotate`.

    notes (list[Note | Rejected]): the notes.
    annotator (Annotator): the pipeline.
    writer (Writer): the format.
    strict (bool): whether to stop at the first note that is rejected.
    bar (tqdm): counts the notes that are done.
    RETURNS (list[Prepared | Rejected]): what came of each, in the order given.
    RAISES (ProjectError): a note was rejected and `strict` is set.
    """
    places = [place for place, note in enumerate(notes) if isinstance(note, Note)]
    outcomes: list[Any] = list(notes)
    bar.update(len(notes) - len(places))
    if strict:
        refuse_rejected(notes)
    for number, outcome in annotator.annotate([notes[place] for place in places]):
        prepared = prepare(outcome, writer)
        if strict:
            refuse_rejected([prepared])
        outcomes[places[number]] = prepared
        bar.update()
    return outcomes


def prepare(outcome: AnnotatedNote | Rejected, writer: Writer) -> Prepared | Rejected:
    """Make an annotated note ready to be written, or reject it where the format cannot hold it."""
    if isinstance(outcome, Rejected):
        return outcome
    try:
        content = writer.prepare(outcome)
    except ProjectError as error:
        return Rejected(outcome.note.id, error.title)
    except UnicodeEncodeError:
        return Rejected(outcome.note.id, "its id or another column can't be written as UTF-8")
    return Prepared(outcome.note.id, content, Counter(entity.label for entity in outcome.entities), outcome.words)


def refuse_rejected(outcomes: Iterable[Any]) -> None:
    """Stop a strict run at a note that was rejected."""
    for outcome in outcomes:
        if isinstance(outcome, Rejected):
            raise ProjectError(f"Note {outcome.id!r}: {outcome.reason}", "Without --strict the run goes on.")


def part_figures(outcomes: Sequence[Prepared | Rejected]) -> dict[str, Any]:
    """Give what the manifest says about a part, by what came of its notes."""
    prepared = [outcome for outcome in outcomes if isinstance(outcome, Prepared)]
    entities = sum((outcome.entities for outcome in prepared), Counter())
    return {
        "first": outcomes[0].id,
        "last": outcomes[-1].id,
        "notes": len(prepared),
        "rejected": len(outcomes) - len(prepared),
        "words": sum(outcome.words for outcome in prepared),
        "entities": dict(sorted(entities.items())),
    }


class Counts(NamedTuple):
    """What stands in finished parts: notes annotated, notes rejected, words, and entities by label."""

    notes: int
    rejected: int
    words: int
    entities: Counter[str]

    @property
    def read(self) -> int:
        """The notes that were read."""
        return self.notes + self.rejected


def count(parts: Sequence[dict[str, Any]]) -> Counts:
    """Add up what the manifest says about parts."""
    notes, rejected, words = (sum(part[name] for part in parts) for name in ("notes", "rejected", "words"))
    return Counts(notes, rejected, words, sum((Counter(part["entities"]) for part in parts), Counter()))


def summarize(before: Counts, after: Counts, seconds: float) -> Summary:
    """Give the summary of a run.

    before (Counts): what was done before it.
    after (Counts): what is done now.
    seconds (float): how long it took.
    """
    return Summary(
        notes=after.notes,
        rejected=after.rejected,
        before=before.read,
        entities=dict(after.entities),
        seconds=seconds,
        words_per_second=(after.words - before.words) / seconds,
    )
