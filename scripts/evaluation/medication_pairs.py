"""Pairs of an attribute and its drug: the medications component against MACCROBAT's relations, with gold drugs.

MACCROBAT (https://doi.org/10.6084/m9.figshare.9764942) has `MODIFY` relations from `Dosage`, `Administration`,
`Frequency` and `Duration` to `Medication`. A pair counts as found if the text overlaps and the drug is the same.
"""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import spacy
from spacy.tokens import Doc
from spacy.util import filter_spans

from scripts.clinical_ner.medications.component import Medications
from scripts.clinical_ner.tokenizer import set_tokenizer
from scripts.errors import ProjectError

DRUG = "Medication"
RELATION = "MODIFY"
# The attributes that are predictions of each label.
LABELS = {
    "Dosage": ("strength", "dose", "previous"),
    "Administration": ("route", "form"),
    "Frequency": ("frequency",),
    "Duration": ("duration",),
}
# MACCROBAT's annotators put "40 mg daily" into one Dosage, and "continuous infusion" into Administration. An attribute
# that overlaps such a span of its drug is neither an error nor a further find.
ALSO = {"Frequency": ("Dosage", "Administration"), "Duration": ("Dosage",), "Administration": ("Dosage",)}


class Pair(NamedTuple):
    """An attribute of a drug.

    drug (tuple[int, int]): the drug's offsets.
    start, end (int): the attribute's.
    """

    drug: tuple[int, int]
    start: int
    end: int


def evaluate_medications(folder: Path, *, command: str) -> tuple[dict[str, Any], list[str]]:
    """Score the component on a folder of brat files.

    folder (Path): the folder.
    command (str): the command that was run, for the output.
    RETURNS (tuple[dict[str, Any], list[str]]): the scores, which have no text; and the errors, which have.
    RAISES (ProjectError): there are no such files.
    """
    paths = sorted(folder.glob("*.ann"))
    if not paths:
        raise ProjectError(f"{folder} has no .ann files", "Name the folder with MACCROBAT's brat files.")
    nlp = set_tokenizer(spacy.blank("en"))
    component = Medications(labels=[DRUG])
    counts = {label: {"gold": 0, "found": 0, "right": 0, "recalled": 0} for label in LABELS}
    errors: list[str] = []
    for path in paths:
        text = path.with_suffix(".txt").read_text(encoding="utf8")
        drugs, gold = read_gold(path.read_text(encoding="utf8"))
        found = predict(component, nlp.make_doc(text), drugs)
        for label in LABELS:
            errors += score(label, gold, found, counts[label], text, path.stem)
    scores = {label: {**values, **rates(values)} for label, values in counts.items()}
    return {"command": command, "documents": len(paths), "match": "overlap, gold drugs", "scores": scores}, errors


def read_gold(lines: str) -> tuple[list[tuple[int, int]], dict[str, list[Pair]]]:
    """Return the drugs of a brat file, and their attributes by label.

    lines (str): the content of the .ann file.
    RETURNS (tuple[list[tuple[int, int]], dict[str, list[Pair]]]): offsets of drugs; pairs.
    """
    spans: dict[str, tuple[str, int, int]] = {}
    events: dict[str, str] = {}
    relations = []
    for key, *values in (line.split("\t") for line in lines.splitlines() if line):
        if key[0] == "T":
            label, *offsets = values[0].replace(";", " ").split()
            spans[key] = (label, int(offsets[0]), int(offsets[-1]))
        elif key[0] == "E":
            events[key] = values[0].split()[0].split(":")[1]
        elif key[0] == "R":
            relations.append(values[0].split())
    pairs: dict[str, list[Pair]] = defaultdict(list)
    for kind, *ends in relations:
        first, second = (spans[events.get(name, name)] for name in (end.split(":")[1] for end in ends))
        if kind == RELATION and first[0] in LABELS and second[0] == DRUG:
            pairs[first[0]].append(Pair(second[1:], *first[1:]))
    return [span[1:] for span in spans.values() if span[0] == DRUG], pairs


def predict(component: Medications, doc: Doc, drugs: Iterable[tuple[int, int]]) -> dict[str, list[Pair]]:
    """Return the attributes that the component finds for gold drugs, by label.

    component (Medications): the component.
    doc (Doc): the document.
    drugs (Iterable[tuple[int, int]]): the drugs' offsets.
    RETURNS (dict[str, list[Pair]]): pairs.
    """
    spans = {}
    for start, end in drugs:
        span = doc.char_span(start, end, label=DRUG, alignment_mode="expand")
        if span is not None:
            spans[span.start, span.end] = ((start, end), span)
    doc.ents = filter_spans([span for _, span in spans.values()])
    found: dict[str, list[Pair]] = {label: [] for label in LABELS}
    for ent in component(doc).ents:
        for label, part in attributes(ent._.medication or {}):
            found[label].append(Pair(spans[ent.start, ent.end][0], part["start"], part["end"]))
    return {label: [*dict.fromkeys(pairs)] for label, pairs in found.items()}


def attributes(order: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    """Yield the attributes of an order with their labels, those of its steps included."""
    for label, names in LABELS.items():
        for values in (order, *order.get("steps", ())):
            yield from ((label, values[name]) for name in names if name in values)


def score(
    label: str, gold: dict[str, list[Pair]], found: dict[str, list[Pair]], counts: dict[str, int], text: str, name: str
) -> list[str]:
    """Add the counts of one document and label, and return its errors."""
    own = gold.get(label, [])
    others = [pair for other in ALSO.get(label, ()) for pair in gold.get(other, ())]
    counted = [pair for pair in found[label] if overlaps_any(pair, own) or not overlaps_any(pair, others)]
    # "twice daily" in a Dosage is found as a frequency.
    all_found = [pair for pairs in found.values() for pair in pairs]
    missed = [pair for pair in own if not overlaps_any(pair, all_found)]
    wrong = [pair for pair in counted if not overlaps_any(pair, own)]
    counts["gold"] += len(own)
    counts["found"] += len(counted)
    counts["right"] += len(counted) - len(wrong)
    counts["recalled"] += len(own) - len(missed)
    return [
        f"{kind} {label} {name}: {text[pair.start : pair.end]!r} of {text[slice(*pair.drug)]!r} in"
        f" {text[max(min(pair.start, pair.drug[0]) - 40, 0) : max(pair.end, pair.drug[1]) + 40]!r}"
        for kind, pairs in (("missed", missed), ("wrong", wrong))
        for pair in pairs
    ]


def overlaps_any(pair: Pair, others: Iterable[Pair]) -> bool:
    """Return whether a pair has the drug of one of others, and its text overlaps that one's."""
    return any(pair.drug == other.drug and pair.start < other.end and other.start < pair.end for other in others)


def rates(counts: dict[str, int]) -> dict[str, float | None]:
    """Return precision, recall and F1 in percent; None where undefined."""
    precision = 100 * counts["right"] / counts["found"] if counts["found"] else None
    recall = 100 * counts["recalled"] / counts["gold"] if counts["gold"] else None
    total = (precision or 0) + (recall or 0)
    f1 = 2 * (precision or 0) * (recall or 0) / total if total else None
    return {
        name: None if value is None else round(value, 2)
        for name, value in (("precision", precision), ("recall", recall), ("f1", f1))
    }


def table(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the scores as rows for a terminal."""
    return [
        (
            label,
            str(row["gold"]),
            str(row["found"]),
            *("-" if row[name] is None else f"{row[name]:.2f}" for name in ("precision", "recall", "f1")),
        )
        for label, row in figures["scores"].items()
    ]
