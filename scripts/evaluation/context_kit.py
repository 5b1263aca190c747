"""Read the NegEx/ConText test kit and MACCROBAT's histories, and score a pipeline's context on their gold mentions.

In: a TSV with id, concept, sentence, negation, temporality and experiencer; brat files. Out: counts, P, R and F1.
No text is kept.
"""

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.clinical_ner.registration import register
from scripts.clinical_ner.tokenizer import set_tokenizer
from scripts.errors import ProjectError

COLUMNS = ("concept", "sentence", "negation", "temporality", "experiencer")
# The kit's labels that mean an attribute. "Not particular", its third temporality, is what may happen.
KIT_LABELS = {
    "is_negated": ("negation", {"Negated"}),
    "is_historical": ("temporality", {"Historical"}),
    "is_hypothetical": ("temporality", {"Not particular"}),
    "is_family": ("experiencer", {"Family member", "Other"}),
}
BRAT_LABELS = {"Family_history": "is_family", "History": "is_historical"}
LABEL = "Disease"


@dataclass(frozen=True)
class Example:
    """A text with one mention.

    text (str): the text.
    start, end (int): the mention's offsets; equal if the text does not contain it.
    gold (frozenset[str]): the attributes that are true of it.
    known (frozenset[str]): the attributes that its corpus annotates.
    """

    text: str
    start: int
    end: int
    gold: frozenset[str]
    known: frozenset[str]


def read_kit(path: Path) -> list[Example]:
    """Read the test kit.

    path (Path): a TSV file with the columns COLUMNS; the concept is in capitals in its sentence.
    RETURNS (list[Example]): an example for each row.
    RAISES (ProjectError): there is no such file, or a column is missing.
    """
    if not path.is_file():
        raise ProjectError(f"{path} is not there", "Give the path of the NegEx/ConText test kit as a TSV file.")
    with path.open(encoding="utf8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    if not rows or not set(COLUMNS) <= set(rows[0]):
        raise ProjectError(f"{path} is not the test kit", f"It needs the columns {', '.join(COLUMNS)}.")
    return [kit_example(row) for row in rows]


def kit_example(row: dict[str, str]) -> Example:
    """Return a row of the kit as an example."""
    start, end = find_concept(row["sentence"], row["concept"])
    gold = {name for name, (column, labels) in KIT_LABELS.items() if row[column] in labels}
    return Example(row["sentence"], start, end, frozenset(gold), frozenset(KIT_LABELS))


def find_concept(sentence: str, concept: str) -> tuple[int, int]:
    """Return where a concept is: in capitals, whole words first, else in any case. (0, 0) if it is nowhere."""
    form = re.escape(concept.upper())
    for pattern, flags in ((rf"(?<!\w){form}(?![\w'])", 0), (form, 0), (form, re.IGNORECASE)):
        if found := re.search(pattern, sentence, flags):
            return found.span()
    return 0, 0


def read_histories(folder: Path) -> list[Example]:
    """Read the histories of MACCROBAT and, as what is none, its other diseases and symptoms.

    folder (Path): a folder with brat files, one .ann for each .txt.
    RETURNS (list[Example]): an example for each mention. Only is_family and is_historical are known.
    """
    examples = []
    for path in sorted(folder.glob("*.ann")):
        text = path.with_suffix(".txt").read_text(encoding="utf8")
        for label, start, end in brat_spans(path.read_text(encoding="utf8")):
            gold = frozenset({BRAT_LABELS[label]} if label in BRAT_LABELS else ())
            examples.append(Example(text, start, end, gold, frozenset(BRAT_LABELS.values())))
    return examples


def brat_spans(annotations: str) -> list[tuple[str, int, int]]:
    """Return label and offsets of the mentions in brat's format that are a history, a disease or a symptom."""
    labels = "|".join((*BRAT_LABELS, "Disease_disorder", "Sign_symptom"))
    pattern = re.compile(rf"^T\d+\t({labels}) (\d+) (?:[\d ;]* )?(\d+)\t", re.MULTILINE)
    return [(found[1], int(found[2]), int(found[3])) for found in pattern.finditer(annotations)]


def context_pipeline(rules: Path | None = None) -> Language:
    """Return a pipeline of tokenizer, sections and context."""
    register()
    nlp = set_tokenizer(spacy.blank("en"))
    nlp.add_pipe("clinical_sections")
    nlp.add_pipe("clinical_context", config={"rules": str(rules) if rules else None})
    return nlp


def negspacy_pipeline() -> Language | None:
    """Return a pipeline with negspacy as its documentation sets it up, or None if it is not installed."""
    try:
        import negspacy.negation  # noqa: F401
    except ImportError:
        return None
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("negex", config={"ent_types": [LABEL]})
    return nlp


def predict(nlp: Language, examples: Sequence[Example], read: Callable[[Span], set[str]]) -> list[set[str]]:
    """Return the attributes that a pipeline finds for each example.

    nlp (Language): the pipeline.
    examples (Sequence[Example]): the examples. Those without a mention get no attribute.
    read (Callable): returns the attributes that an entity has.
    RETURNS (list[set[str]]): the attributes' names.
    """
    docs = [marked(nlp.make_doc(example.text), example) for example in examples]
    return [read(doc.ents[0]) if doc.ents else set() for doc in nlp.pipe(docs)]


def marked(doc: Doc, example: Example) -> Doc:
    """Set the mention of an example as a document's only entity. It is extended to whole tokens."""
    span = doc.char_span(example.start, example.end, LABEL, alignment_mode="expand") if example.end else None
    doc.ents = [span] if span else []
    return doc


def context_attributes(ent: Span) -> set[str]:
    """Return the attributes that the context component has set."""
    return {name for name in KIT_LABELS if ent._.get(name)}


def negex_attributes(ent: Span) -> set[str]:
    """Return what negspacy says of an entity."""
    return {"is_negated"} if ent._.negex else set()


def score_attributes(
    examples: Sequence[Example], predicted: Sequence[set[str]], names: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Return counts, precision, recall and F1 of each attribute, in percent with two decimals; None if undefined."""
    return {name: score_attribute(examples, predicted, name) for name in names}


def score_attribute(examples: Sequence[Example], predicted: Sequence[set[str]], name: str) -> dict[str, Any]:
    """Return counts, precision, recall and F1 of one attribute."""
    return count_pairs(
        [
            (name in example.gold, name in found)
            for example, found in zip(examples, predicted, strict=True)
            if name in example.known
        ]
    )


def count_pairs(pairs: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    """Return counts, precision, recall and F1 of what holds in the gold and what was found, in this order."""
    return count_outcomes(pairs.count((True, True)), pairs.count((False, True)), pairs.count((True, False)))


def count_outcomes(right: int, wrong: int, missed: int) -> dict[str, Any]:
    """Return counts with precision, recall and F1 in percent; None where nothing can be divided."""
    return {
        "gold": right + missed,
        "true_positives": right,
        "false_positives": wrong,
        "false_negatives": missed,
        "precision": percent(right, right + wrong),
        "recall": percent(right, right + missed),
        "f1": percent(2 * right, 2 * right + wrong + missed),
    }


def percent(part: int, whole: int) -> float | None:
    """Return a percentage with two decimals, None of nothing."""
    return round(100 * part / whole, 2) if whole else None


def error_lines(examples: Sequence[Example], predicted: Sequence[set[str]]) -> Iterable[str]:
    """Yield a line for each attribute that is wrong, with the text."""
    for example, found in zip(examples, predicted, strict=True):
        for name in sorted((example.gold ^ found) & example.known):
            kind = "missed" if name in example.gold else "wrong"
            before, mention = example.text[: example.start], example.text[example.start : example.end]
            yield " ".join(f"{kind} {name}: {before[-150:]}[{mention}]{example.text[example.end :][:150]}".split())
