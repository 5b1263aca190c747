"""Scores of the orders of medications: of the text of their attributes, their values, and their ties to drugs.

Gold and predictions are dicts in `span._.medication`. What follows from other values, such as a frequency's code, and
the parts that gold does not have, such as the steps of a taper, are not scored.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.annotation.mentions import attribute_names, span_attributes
from scripts.evaluation.scoring import score

ORDER = "medication"
NAMES = ("strength", "dose", "form", "route", "frequency", "duration", "as_needed", "action")
DIGITS = 9
DERIVED = ("text", "start", "end", "code", "per_day")


class OrderPart(NamedTuple):
    """An attribute of a drug's order.

    drug (tuple[int, int, str]): the drug's offsets and label.
    start (int): the attribute's first character.
    end (int): the end of its last character.
    value (str): its value, to compare.
    """

    drug: tuple[int, int, str]
    start: int
    end: int
    value: str

    def overlaps(self, other: "OrderPart") -> bool:
        """Return whether two attributes share a character."""
        return self.start < other.end and other.start < self.end


Match = Callable[[OrderPart, OrderPart], bool]
# By measure: what must be the same on both sides, and which parts are compared: each text once, or once for each drug.
MATCHES: dict[str, tuple[Match, bool]] = {
    "text": (lambda one, other: (one.start, one.end) == (other.start, other.end), False),
    "overlap": (OrderPart.overlaps, False),
    "value": (lambda one, other: one.overlaps(other) and one.value == other.value, False),
    "tie": (lambda one, other: one.overlaps(other) and one.drug == other.drug, True),
}


def score_orders(
    nlp: Language, gold: dict[str, Doc], on_gold: dict[str, Doc], predicted: dict[str, Doc], *, seed: int
) -> dict[str, Any] | None:
    """Score the orders of medications.

    nlp (Language): the pipeline.
    gold (dict[str, Doc]): the annotated documents by id.
    on_gold (dict[str, Doc]): by id, documents with the gold mentions that the pipeline's components have processed.
    predicted (dict[str, Doc]): the pipeline's documents by id.
    seed (int): the seed of the bootstrap.
    RETURNS (dict[str, Any] | None): "gold_spans" and "end_to_end", each with a table by measure: "text" (the same
        offsets), "overlap" (a shared character), "value" (that and the same value) and "tie" (that and the same drug);
        each by attribute, micro and macro. None if the corpus has no orders, or the pipeline reads none.
    """
    if not has_orders(nlp, gold.values()):
        return None
    return {
        "gold_spans": score_side(gold, on_gold, seed=seed),
        "end_to_end": score_side(gold, predicted, seed=seed),
    }


def has_orders(nlp: Language, gold: Iterable[Doc]) -> bool:
    """Return whether a corpus has orders, and a pipeline reads them."""
    return ORDER in attribute_names(nlp) and any(read_order(ent) is not None for doc in gold for ent in doc.ents)


def score_side(gold: dict[str, Doc], predicted: dict[str, Doc], *, seed: int) -> dict[str, Any]:
    """Score the orders of one set of documents, by measure."""
    keys = sorted(gold)
    parts = [(order_parts(gold[key]), order_parts(predicted[key])) for key in keys]
    tables = {}
    for measure, (match, by_drug) in MATCHES.items():
        counts = [
            [count(one.get(name, []), other.get(name, []), match, by_drug=by_drug) for name in NAMES]
            for one, other in parts
        ]
        tables[measure] = score(np.array(counts, dtype=np.int64), list(NAMES), seed=seed)
    return tables


def read_order(ent: Span) -> Mapping[str, Any] | None:
    """Return the order of a drug; None if nothing says whether it has one."""
    return span_attributes(ent, [ORDER]).get(ORDER)


def order_parts(doc: Doc) -> dict[str, list[OrderPart]]:
    """Return the attributes of all orders of a document by name."""
    found: dict[str, list[OrderPart]] = {}
    for ent in doc.ents:
        for name, part in (read_order(ent) or {}).items():
            if name in NAMES:
                drug = (ent.start_char, ent.end_char, ent.label_)
                found.setdefault(name, []).append(OrderPart(drug, part["start"], part["end"], plain_value(part)))
    return found


def plain_value(part: Mapping[str, Any]) -> str:
    """Return the value of an attribute as a text that is equal for equal values."""
    # JSON can change the last digit of a number.
    value: dict[str, Any] = {
        name: round(each, DIGITS) if isinstance(each, float) else each
        for name, each in part.items()
        if name not in DERIVED
    }
    if isinstance(value.get("reason"), Mapping):
        value["reason"] = " ".join(value["reason"]["text"].split())
    return repr(sorted(value.items()))


def count(gold: list[OrderPart], predicted: list[OrderPart], match: Match, *, by_drug: bool) -> tuple[int, int, int]:
    """Count the true positives, false positives and false negatives of one attribute in a document.

    gold (list[OrderPart]): what is annotated.
    predicted (list[OrderPart]): what was found. Each is matched once.
    match (Match): which of them are the same.
    by_drug (bool): whether an attribute that several drugs share counts once for each of them.
    RETURNS (tuple[int, int, int]): the counts.
    """
    expected, rest = (
        sorted(side if by_drug else {part._replace(drug=(0, 0, "")) for part in side}) for side in (gold, predicted)
    )
    right = 0
    for part in expected:
        place = next((number for number, other in enumerate(rest) if match(part, other)), None)
        if place is not None:
            del rest[place]
            right += 1
    return right, len(rest), len(expected) - right
