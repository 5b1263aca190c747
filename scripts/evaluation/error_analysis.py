"""Put each false positive and each false negative into exactly one class, and flag what may explain it.

The classes add up to FP + FN. A boundary error is usually two rows, the prediction that is wrong and the mention that
was missed by it; both get the same kind.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.evaluation.scoring import Document, place
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
CONTEXT = 60


@dataclass(frozen=True)
class Error:
    """A false positive or a false negative.

    mention (Mention): the predicted or the gold mention that is not on the other side.
    partners (list[Mention]): the mentions of the other side that overlap it, those of its label if there are any.
    is_prediction (bool): whether it is a false positive.
    """

    mention: Mention
    partners: list[Mention]
    is_prediction: bool


def overlapping(mention: Mention, others: Sequence[Mention]) -> list[Mention]:
    """Give the mentions that share a character with one, those of its label if there are any."""
    found = [other for other in others if other.start < mention.end and mention.start < other.end]
    return [other for other in found if other.label == mention.label] or found


def find_errors(document: Document) -> list[Error]:
    """Give a document's false positives and false negatives by position, gold first."""
    errors = [Error(mention, overlapping(mention, document.predicted), False) for mention in document.missed]
    errors += [Error(mention, overlapping(mention, document.gold), True) for mention in document.wrong]
    return sorted(errors, key=lambda error: (error.mention.start, error.mention.end, error.is_prediction))


def classify(error: Error) -> str:
    """Give the class of an error.

    error (Error): the error.
    RETURNS (str): "missed" or "spurious" without an overlap; "boundary" where a mention of the same label overlaps;
        "wrong_label" where all that overlap have another one, whether their offsets are the same or not.
    """
    if not error.partners:
        return "spurious" if error.is_prediction else "missed"
    return "boundary" if error.partners[0].label == error.mention.label else "wrong_label"


def find_boundary(error: Error, document: Document) -> str | None:
    """Tell how the predicted boundaries differ from the gold ones.

    error (Error): an error.
    document (Document): its document.
    RETURNS (str | None): one of `BOUNDARIES`, always as seen from the gold: "too_long_left" is a prediction that
        begins before the mention. None without an overlap, or where only the label differs.
    """
    if not error.partners:
        return None
    if len(error.partners) > 1:
        return "merged" if error.is_prediction else "split"
    partner = error.partners[0]
    if len(overlapping(partner, document.predicted if error.is_prediction else document.gold)) > 1:
        return "split" if error.is_prediction else "merged"
    gold, predicted = (partner, error.mention) if error.is_prediction else (error.mention, partner)
    return compare_ends(gold, predicted)


def compare_ends(gold: Mention, predicted: Mention) -> str | None:
    """Tell on which side a prediction is longer or shorter than the one mention that it overlaps."""
    left, right = gold.start - predicted.start, predicted.end - gold.end
    if not left and not right:
        return None
    if left * right < 0:
        return "shifted"
    side = "both" if left and right else "left" if left else "right"
    return f"too_long_{side}" if left + right > 0 else f"too_short_{side}"


def find_flags(error: Error, document: Document, context: Context, names: Names) -> list[str]:
    """Give the flags that hold for an error.

    error (Error): the error.
    document (Document): its document.
    context (Context): what is known of the document.
    names (Names): the names in the training split.
    RETURNS (list[str]): in the order of `FLAGS`. synonym and unseen_id are about the gold mention: the missed one, or
        the one that a false positive overlaps.
    """
    form = context.form(error.mention)
    gold = error.partners[:1] if error.is_prediction else [error.mention]
    elsewhere = [other for other in document.gold if (other.start, other.end) != span(error.mention)]
    holds = {
        "abbreviation": form in context.short_forms,
        "synonym": any(is_synonym(mention, context, names) for mention in gold),
        "unseen_id": any(is_unseen(mention, names) for mention in gold),
        "hyphenated": not HYPHENS.isdisjoint(form),
        "digits": any(char.isdigit() for char in form),
        "inconsistent": any(context.form(other) == form for other in elsewhere),
    }
    return [flag for flag in FLAGS if holds[flag]]


def span(mention: Mention) -> tuple[int, int]:
    """Give a mention's offsets."""
    return mention.start, mention.end


def is_synonym(mention: Mention, context: Context, names: Names) -> bool:
    """Tell whether a mention's concept was in the training split, and only under other surface forms."""
    forms = [names.forms_by_concept[concept] for concept in concepts(mention) if concept in names.forms_by_concept]
    return bool(forms) and context.form(mention) not in set().union(*forms)


def is_unseen(mention: Mention, names: Names) -> bool:
    """Tell whether a mention has an id, and none that was in the training split."""
    ids = concepts(mention)
    return bool(ids) and names.forms_by_concept.keys().isdisjoint(ids)


def analyse(
    documents: list[Document], contexts: dict[str, Context], names: Names, *, text: bool = True
) -> Iterator[dict[str, Any]]:
    """Describe each error.

    documents (list[Document]): the documents.
    contexts (dict[str, Context]): what is known of each, by id.
    names (Names): the names in the training split.
    text (bool): whether to quote the document.
    YIELDS (dict): id; start and end; label; side, "false_positive" or "false_negative"; class; boundary or None; gold
        and predicted, the mentions of each side as [start, end, label]; flags; and with `text` the mention's text and
        60 characters before and after it.
    """
    for document in documents:
        context = contexts[document.id]
        for error in find_errors(document):
            sides = [[error.mention], error.partners][:: -1 if error.is_prediction else 1]
            gold, predicted = ([list(place(mention)) for mention in side] for side in sides)
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
    """Give a mention's text and what stands around it."""
    return {
        "text": text[mention.start : mention.end],
        "before": text[max(0, mention.start - CONTEXT) : mention.start],
        "after": text[mention.end : mention.end + CONTEXT],
    }


def summarize(rows: list[dict[str, Any]], labels: list[str]) -> dict[str, Any]:
    """Count errors by class, kind of boundary and flag, each by label.

    rows (list[dict]): the errors as `analyse` gives them.
    labels (list[str]): all labels that occur.
    RETURNS (dict): "total"; "by_class", "by_boundary" and "by_flag", counts by name and label; "by_side", by side and
        label. The classes and the sides add up to the total; flags may overlap.
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
