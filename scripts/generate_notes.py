"""Generate clinical notes as BigBio records, with the drugs and diagnoses in them: the corpus of profile `synthetic`.

scripts/synthetic makes up everything in them, and knows the context of each mention and all sections. Train, dev and
test share no term and no template.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from faker import Faker
from wasabi import msg

from scripts.errors import ProjectError, shown_to_user
from scripts.files import moved_into_place
from scripts.records.attributes import write_attributes
from scripts.records.bigbio import SPLITS, Record, write_records
from scripts.synthetic.patient import Patient
from scripts.synthetic.templates import CONTEXTS, NOTE_TYPES, Section, Values, read_layouts, read_values
from scripts.synthetic.terms import Term, read_terms
from scripts.synthetic.text import MarkedMention, MarkedText
from scripts.synthetic.writer import days_of, write_note

# About 120,000, 7,000 and 18,000 words: a small encoder learns from them in minutes on two CPU cores.
N_TRAIN, N_DEV, N_TEST = 800, 50, 100

# Most notes are short, and a few very long: a size is drawn uniformly from 0 to 1 and raised to this power.
SIZE_POWER = 3.5


def generate_notes(
    output: Path, *, seed: int, n_train: int = N_TRAIN, n_dev: int = N_DEV, n_test: int = N_TEST
) -> None:
    """Write a corpus of synthetic notes.

    output (Path): the folder for `train.jsonl`, `dev.jsonl` and `test.jsonl`. It is replaced as a whole.
    seed (int): the seed of all randomness. A note depends only on the seed, its split and its position in it.
    n_train (int): the number of notes for training.
    n_dev (int): the number of notes for choosing the best model.
    n_test (int): the number of notes for testing.
    RAISES (ProjectError): a data file of scripts/synthetic is malformed, or a number of notes is below 1.
    """
    counts = dict(zip(SPLITS, (n_train, n_dev, n_test), strict=True))
    for split, count in counts.items():
        if count < 1:
            raise ProjectError(f"{split} can't have {count} notes", "Each split needs at least one note.")
    with moved_into_place(output) as partial:
        partial.mkdir()
        for split, count in counts.items():
            write_records(split_records(split, seed=seed, count=count), partial / f"{split}.jsonl")


def split_records(split: str, *, seed: int, count: int) -> list[Record]:
    """Generate the notes of one split.

    split (str): "train", "dev" or "test". Each split has its own terms and templates.
    seed (int): the seed of all randomness.
    count (int): the number of notes.
    RETURNS (list[Record]): BigBio records.
    RAISES (ProjectError): a data file is malformed.
    """
    values = read_values()
    terms = [term for term in read_terms() if term.split == split]
    layouts = read_layouts(split, values)
    fake = Faker("en_US")
    records = []
    for number in range(1, count + 1):
        document_id = f"synthetic-{split}-{number:04}"
        fake.seed_instance(f"{seed} {document_id}")
        # In turn, so that even a small split has notes of all types.
        note_type = NOTE_TYPES[number % len(NOTE_TYPES)]
        note = generate_note(layouts[note_type], terms, values, fake)
        records.append(to_record(note, document_id=document_id, note_type=note_type))
    return records


def generate_note(sections: list[Section], terms: list[Term], values: Values, fake: Faker) -> MarkedText:
    """Make up a patient and write a note of random size about them."""
    size = fake.random.random() ** SIZE_POWER
    topics = 2 + round(5 * size) + fake.random.randint(0, 1)
    patient = Patient(fake, terms, values, topics=topics, stay=days_of(sections, size))
    return write_note(sections, patient, size=size)


def to_record(note: MarkedText, *, document_id: str, note_type: str) -> Record:
    """Return a note as a record with one passage: its mentions as entities with their context, and its sections."""
    entities = [
        {
            "id": f"{document_id}-{number}",
            "offsets": [[mention.start, mention.end]],
            "text": [note.text[mention.start : mention.end]],
            "type": mention.term.label,
            "normalized": [{"db_name": "synthetic-term", "db_id": each} for each in mention.term.ids],
            "attributes": write_attributes(
                {name: name in mention.attributes for name in CONTEXTS.values()} | medication(mention, note.text)
            ),
        }
        for number, mention in enumerate(note.mentions, start=1)
    ]
    passage = {
        "document_id": document_id,
        "type": note_type,
        "text": note.text,
        "entities": entities,
        "relations": [],
        "sections": [
            {"category": section.category, "title": list(section.title), "body": list(section.body)}
            for section in note.sections
        ],
    }
    return {"passages": [passage]}


def medication(mention: MarkedMention, text: str) -> dict[str, Any]:
    """Return the order of a drug as the attribute "medication", which is empty for a drug without an order.

    mention (MarkedMention): a mention.
    text (str): the note.
    RETURNS (dict[str, Any]): the attribute by its name; nothing for a diagnosis.
    """
    if mention.term.label != "Chemical":
        return {}
    order: dict[str, Any] = {}
    for part in sorted(mention.order, key=lambda part: part.start):
        value = dict(part.value)
        if part.reason:
            value["reason"] = span(*part.reason, text)
        order.setdefault(part.name, span(part.start, part.end, text) | value)
    return {"medication": order}


def span(start: int, end: int, text: str) -> dict[str, Any]:
    """Return a part of a text with its offsets."""
    return {"text": text[start:end], "start": start, "end": end}


def generate_notes_cli(
    output: Annotated[Path, typer.Argument(help="Folder for train.jsonl, dev.jsonl and test.jsonl")],
    seed: Annotated[int, typer.Option(help="Seed of all randomness; the same seed gives the same bytes")] = 0,
    n_train: Annotated[int, typer.Option(min=1, help="Number of notes for training")] = N_TRAIN,
    n_dev: Annotated[int, typer.Option(min=1, help="Number of notes for choosing the best model")] = N_DEV,
    n_test: Annotated[int, typer.Option(min=1, help="Number of notes for testing")] = N_TEST,
) -> None:
    """Generate clinical notes as BigBio records, with their diagnoses and medications."""
    with shown_to_user():
        generate_notes(output, seed=seed, n_train=n_train, n_dev=n_dev, n_test=n_test)
        msg.good(f"{n_train} notes to train on, {n_dev} for dev and {n_test} for test are in {output}")


if __name__ == "__main__":
    typer.run(generate_notes_cli)
