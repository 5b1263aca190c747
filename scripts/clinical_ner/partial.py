"""Partial annotation: which labels a gold document was annotated with, where those are not all.

`convert` notes it in `doc.user_data`. The token head learns nothing about the other labels from such a document.
"""

# The key in `doc.user_data` of a list of labels. A document without it is annotated with all labels.
ANNOTATED_LABELS = "annotated_labels"
