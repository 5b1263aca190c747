"""Assign each false positive and each false negative to exactly one class, and flag what may explain it.

The classes add up to FP + FN. A boundary error usually has two rows, the wrong prediction and the missed mention; both
get the same kind of boundary.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.evaluation.scoring import ScoredDocument, match_key
from scripts.evaluation.slices import Context, Names, concepts
from scripts.records.mentions import Mention

CLASSES = ("boundary", "wrong_label", "missed", "spurious")
BOUNDARIES = (
    "too_long_left",
    "too_long_right",
    "too_long_both",
    "too_short_left",
    "too_short_right",
    "too_short_both",
    "shifted",
    "split",
    "merged",
)
FLAGS = ("abbreviation", "synonym", "unseen_id", "hyphenated", "digits", "inconsistent")
HYPHENS = frozenset("-\u2010\u2011\u2012\u2013\u2014\u2212")
CHARACTERS_AROUND = 60


@dataclass(frozen=True)
class Error:
    """A false positive or a false negative.

    mention (Mention): the predicted or gold mention without a match on the other side.
    partners (list[Mention]): the mentions of the other side that overlap it, see `find_partners`.
    is_prediction (bool): whether it is a false positive.
    """

    mention: Mention
    partners: list[Mention]
    is_prediction: bool


def find_partners(mention: Mention, others: Sequence[Mention]) -> list[Mention]:
    """Return the mentions that overlap a mention: those with its label or, if there are none, the others."""
    found = [other for other in others if other.start < mention.end and mention.start < other.end]
    return [other for other in found if other.label == mention.label] or found


def find_errors(document: ScoredDocument) -> list[Error]:
    """Return a document's false positives and false negatives by position, gold first."""
    errors = [Error(mention, find_partners(mention, document.predicted), False) for mention in document.missed]
    errors += [Error(mention, find_partners(mention, document.gold), True) for mention in document.wrong]
    return sorted(errors, key=lambda error: (error.mention.start, error.mention.end, error.is_prediction))


def classify(error: Error) -> str:
    """Return the class of an error.

    error (Error): the error.
    RETURNS (str): "missed" or "spurious" if nothing overlaps; "boundary" if a mention with the same label overlaps;
        "wrong_label" if only mentions with other labels overlap, whether their offsets are the same or not.
    """
    if not error.partners:
        return "spurious" if error.is_prediction else "missed"
    return "boundary" if error.partners[0].label == error.mention.label else "wrong_label"


def find_boundary(error: Error, document: ScoredDocument) -> str | None:
    """Return how the predicted boundaries differ from the gold ones.

    error (Error): an error.
    document (ScoredDocument): its document.
    RETURNS (str | None): one of `BOUNDARIES`, always as seen from the gold: "too_long_left" is a prediction that
        starts before the gold mention. None if nothing overlaps or only the label differs.
    """
    if not error.partners:
        return None
    if len(error.partners) > 1:
        return "merged" if error.is_prediction else "split"
    partner = error.partners[0]
    if len(find_partners(partner, document.predicted if error.is_prediction else document.gold)) > 1:
        return "split" if error.is_prediction else "merged"
    gold, predicted = (partner, error.mention) if error.is_prediction else (error.mention, partner)
    return compare_ends(gold, predicted)


def compare_ends(gold: Mention, predicted: Mention) -> str | None:
    """Return on which side a prediction is longer or shorter than the only mention that it overlaps."""
    left, right = gold.start - predicted.start, predicted.end - gold.end
    if not left and not right:
        return None
    if left * right < 0:
        return "shifted"
    side = "both" if left and right else "left" if left else "right"
    return f"too_long_{side}" if left + right > 0 else f"too_short_{side}"


def find_flags(error: Error, document: ScoredDocument, context: Context, names: Names) -> list[str]:
    """Return the flags that apply to an error.

    error (Error): the error.
    document (ScoredDocument): its document.
    context (Context): its context.
    names (Names): the names in the training split.
    RETURNS (list[str]): in the order of `FLAGS`. synonym and unseen_id refer to the gold mention: the missed one, or
        the one that a false positive overlaps.
    """
    form = context.form(error.mention)
    gold = error.partners[:1] if error.is_prediction else [error.mention]
    elsewhere = [other for other in document.gold if (other.start, other.end) != offsets(error.mention)]
    holds = {
        "abbreviation": form in context.short_forms,
        "synonym": any(is_synonym(mention, context, names) for mention in gold),
        "unseen_id": any(is_unseen(mention, names) for mention in gold),
        "hyphenated": not HYPHENS.isdisjoint(form),
        "digits": any(char.isdigit() for char in form),
        "inconsistent": any(context.form(other) == form for other in elsewhere),
    }
    return [flag for flag in FLAGS if holds[flag]]


def offsets(mention: Mention) -> tuple[int, int]:
    """Return a mention's offsets."""
    return mention.start, mention.end


def is_synonym(mention: Mention, context: Context, names: Names) -> bool:
    """Return whether a mention's concept occurs in the training split, but only under other surface forms."""
    forms = [names.forms_by_concept[concept] for concept in concepts(mention) if concept in names.forms_by_concept]
    return bool(forms) and all(context.form(mention) not in known for known in forms)


def is_unseen(mention: Mention, names: Names) -> bool:
    """Return whether a mention has ids, none of which occurs in the training split."""
    ids = concepts(mention)
    return bool(ids) and names.forms_by_concept.keys().isdisjoint(ids)


def analyse(
    documents: list[ScoredDocument], contexts: dict[str, Context], names: Names, *, text: bool = True
) -> Iterator[dict[str, Any]]:
    """Describe each error.

    documents (list[ScoredDocument]): the documents.
    contexts (dict[str, Context]): the context of each document, by id.
    names (Names): the names in the training split.
    text (bool): whether to quote the document.
    YIELDS (dict): id; start and end; label; side, "false_positive" or "false_negative"; class; boundary or None; gold
        and predicted, the mentions of each side as [start, end, label]; flags; and if `text` is set, the mention's
        text and 60 characters before and after it.
    """
    for document in documents:
        context = contexts[document.id]
        for error in find_errors(document):
            sides = [[error.mention], error.partners][:: -1 if error.is_prediction else 1]
            gold, predicted = ([list(match_key(mention)) for mention in side] for side in sides)
            yield {
                "id": document.id,
                "start": error.mention.start,
                "end": error.mention.end,
                "label": error.mention.label,
                "side": "false_positive" if error.is_prediction else "false_negative",
                "class": classify(error),
                "boundary": find_boundary(error, document),
                "gold": gold,
                "predicted": predicted,
                "flags": find_flags(error, document, context, names),
            } | (quote(context.text, error.mention) if text else {})


def quote(text: str, mention: Mention) -> dict[str, str]:
    """Return a mention's text and the text around it."""
    return {
        "text": text[mention.start : mention.end],
        "before": text[max(0, mention.start - CHARACTERS_AROUND) : mention.start],
        "after": text[mention.end : mention.end + CHARACTERS_AROUND],
    }


def summarize_errors(rows: list[dict[str, Any]], labels: list[str]) -> dict[str, Any]:
    """Count errors by class, kind of boundary and flag, each by label.

    rows (list[dict]): the errors that `analyse` yields.
    labels (list[str]): all labels that occur.
    RETURNS (dict): "total"; "by_class", "by_boundary", "by_flag" and "by_side", counts by name and label. The classes
        and the sides add up to the total; flags may overlap.
    """

    def tally(names: tuple[str, ...], named: Callable[[dict[str, Any], str], bool]) -> dict[str, dict[str, int]]:
        counts = Counter((name, row["label"]) for row in rows for name in names if named(row, name))
        return {name: {label: counts[name, label] for label in labels} for name in names}

    return {
        "total": len(rows),
        "by_class": tally(CLASSES, lambda row, name: row["class"] == name),
        "by_boundary": tally(BOUNDARIES, lambda row, name: row["boundary"] == name),
        "by_flag": tally(FLAGS, lambda row, name: name in row["flags"]),
        "by_side": tally(("false_positive", "false_negative"), lambda row, name: row["side"] == name),
    }
