"""The highest recall that flat entities on whole tokens can reach on a test split, and what is out of reach."""

from collections import Counter
from typing import Any

from scripts.evaluation.scoring import MatchKey, match_key, ratio
from scripts.records.bigbio import Record, document_id, document_text
from scripts.records.mentions import annotated_mentions, flat_mentions, label_names, trim, wanted_entities


def recall_ceiling(
    records: list[Record], on_tokens: dict[str, set[MatchKey]], labels: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """Count the annotations that are out of reach, and compute the highest recall that remains.

    records (list[Record]): the documents.
    on_tokens (dict[str, set[MatchKey]]): by document id, the mentions as `convert` set them on whole tokens.
    labels (dict[str, str]): label by pattern of the entity type.
    RETURNS (dict[str, dict]): by label and "micro": annotations; discontinuous; overlaps_removed; mentions (the flat
        ones, which are scored; a discontinuous one from its lowest start to its highest end); off_boundary (mentions
        that start or end inside a token); recall, the highest on the mentions; recall_of_annotations, the highest on
        all annotations of the corpus, where a discontinuous one counts as out of reach.
    """
    counts: dict[str, Counter[str]] = {label: Counter() for label in label_names(labels)}
    for record in records:
        flat = set(map(match_key, flat_mentions(record, labels)))
        reachable = flat & on_tokens[document_id(record)]
        for key in flat:
            counts[key[2]].update(mentions=1, off_boundary=key not in reachable)
        entities = zip(wanted_entities(record, labels), annotated_mentions(record, labels), strict=True)
        for entity, annotated in entities:
            mention = trim(annotated, document_text(record))
            # It is of white space only, and `convert` has left it out.
            if mention is None:
                continue
            discontinuous = len(entity["offsets"]) > 1
            reached = match_key(mention) in reachable and not discontinuous
            counts[mention.label].update(annotations=1, discontinuous=discontinuous, reached=reached)
    counts["micro"] = sum(counts.values(), Counter())
    return {label: ceiling_row(row) for label, row in counts.items()}


def ceiling_row(counts: Counter[str]) -> dict[str, Any]:
    """Return the counts of a label with the highest recall that remains."""
    return {
        "annotations": counts["annotations"],
        "discontinuous": counts["discontinuous"],
        "overlaps_removed": counts["annotations"] - counts["mentions"],
        "mentions": counts["mentions"],
        "off_boundary": counts["off_boundary"],
        "recall": ratio(counts["mentions"] - counts["off_boundary"], counts["mentions"]),
        "recall_of_annotations": ratio(counts["reached"], counts["annotations"]),
    }
