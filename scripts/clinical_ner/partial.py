"""Partial annotation: which labels a gold document was annotated with, where those are not all.

`convert` notes it in `doc.user_data`. The token head learns nothing about the other labels from such a document, and no
score counts them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# spaCy takes seconds to import, and `convert --help` does not need it.
if TYPE_CHECKING:
    from spacy.tokens import Doc

# The key in `doc.user_data` of a list of labels. A document without it is annotated with all labels.
ANNOTATED_LABELS = "annotated_labels"


def is_annotated(gold: Doc, label: str) -> bool:
    """Return whether a gold document was annotated with a label."""
    labels = gold.user_data.get(ANNOTATED_LABELS)
    return labels is None or label in labels


def remove_unannotated(predicted: Doc, gold: Doc) -> None:
    """Remove entities whose label was not annotated: nobody knows whether they are right."""
    if gold.user_data.get(ANNOTATED_LABELS) is not None:
        predicted.ents = tuple(ent for ent in predicted.ents if is_annotated(gold, ent.label_))
