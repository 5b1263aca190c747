"""What flat entities on whole tokens cannot reach, counted: the highest recall that a test split leaves."""

from collections import Counter
from typing import Any

from scripts.evaluation.scoring import Place, place, ratio
from scripts.records.bigbio import Record, document_id
from scripts.records.mentions import annotations, mentions, whole_mentions


def recall_ceiling(
    records: list[Record], on_tokens: dict[str, set[Place]], labels: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """Count the annotations that are out of reach, and the recall that is left.

    records (list[Record]): the documents.
    on_tokens (dict[str, set[Place]]): by document id, the mentions as `convert` set them on whole tokens.
    labels (dict[str, str]): label by pattern of the entity type.
    RETURNS (dict[str, dict]): by label and "micro": annotations; discontinuous; overlaps_removed; mentions (the flat
        ones, which are scored; a discontinuous one from its lowest start to its highest end); off_boundary (mentions
        that begin or end inside a token); recall, the highest on the mentions; recall_of_annotations, the highest on
        all annotations as the corpus has them, where a discontinuous one counts as out of reach.
    """
    counts = {label: Counter() for label in sorted({*labels.values()})}
    for record in records:
        flat = {place(mention) for mention in mentions(record, labels)}
        reachable = flat & on_tokens[document_id(record)]
        for key in flat:
            counts[key[2]].update(mentions=1, off_boundary=key not in reachable)
        for entity, mention in zip(annotations(record), whole_mentions(record, labels), strict=True):
            discontinuous = len(entity["offsets"]) > 1
            reached = place(mention) in reachable and not discontinuous
            counts[mention.label].update(annotations=1, discontinuous=discontinuous, reached=reached)
    counts["micro"] = sum(counts.values(), Counter())
    return {label: ceiling_row(row) for label, row in counts.items()}


def ceiling_row(counts: Counter) -> dict[str, Any]:
    """Give one label's counts with the recall that they leave."""
    return {
        "annotations": counts["annotations"],
        "discontinuous": counts["discontinuous"],
        "overlaps_removed": counts["annotations"] - counts["mentions"],
        "mentions": counts["mentions"],
        "off_boundary": counts["off_boundary"],
        "recall": ratio(counts["mentions"] - counts["off_boundary"], counts["mentions"]),
        "recall_of_annotations": ratio(counts["reached"], counts["annotations"]),
    }
