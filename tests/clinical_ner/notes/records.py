"""Write the hand-written notes of notes.txt as the test split of a corpus, for `convert` and `evaluate`.

    python -m tests.clinical_ner.notes.records assets/hand_written
    python -m scripts.convert assets/hand_written corpus/hand_written
    python -m scripts.evaluate MODEL assets/hand_written corpus/hand_written metrics/hand_written

Where a note may be read in two ways, the attribute is not annotated.
"""

import sys
from pathlib import Path

from scripts.records.attributes import write_attributes
from scripts.records.bigbio import SPLITS, Record, write_corpus
from tests.clinical_ner.notes.test_notes import LETTERS, NOTES, Note


def to_record(note: Note) -> Record:
    """Return a note as a record with one passage: its mentions as entities with their context."""
    entities = [
        {
            "id": f"{note.name}-{number}",
            "offsets": [[start, end]],
            "text": [note.text[start:end]],
            "type": label,
            "normalized": [],
            "attributes": write_attributes(
                {name: letter in true for letter, name in LETTERS.items() if letter not in either}
            ),
        }
        for number, (start, end, label, true, either) in enumerate(note.mentions, start=1)
    ]
    passage = {"document_id": note.name, "type": "note", "text": note.text, "entities": entities, "relations": []}
    return {"passages": [passage]}


def write_notes(folder: Path) -> None:
    """Write all notes as test. Train and dev have one note without mentions each, because every split has documents."""
    empty = Note("", "Nothing to report.\n", set(), [])
    splits = {split: [to_record(empty._replace(name=split))] for split in SPLITS}
    write_corpus({**splits, "test": [to_record(note) for note in NOTES]}, folder)


if __name__ == "__main__":
    write_notes(Path(sys.argv[1]))
