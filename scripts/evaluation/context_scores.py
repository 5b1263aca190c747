"""Score context and sections on gold mentions, without a trained pipeline.

In: the NegEx/ConText test kit, MACCROBAT, a split that `convert` has written. Out: counts, P, R and F1 by attribute.
negspacy, if it is installed, is scored on the same mentions in the same run. No text is kept.
"""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from scripts.clinical_ner.context.rules import ATTRIBUTES
from scripts.errors import ProjectError
from scripts.evaluation.confidence import read_gold
from scripts.evaluation.context_kit import (
    BRAT_LABELS,
    KIT_LABELS,
    context_attributes,
    context_pipeline,
    count_outcomes,
    count_pairs,
    error_lines,
    negex_attributes,
    negspacy_pipeline,
    predict,
    read_histories,
    read_kit,
    score_attributes,
)
from scripts.evaluation.section_scores import read_gold as read_gold_sections
from scripts.evaluation.section_scores import read_predicted

NEGATED = "is_negated"
# What may be scored, as the keys of the scores.
CORPORA = ("kit", "maccrobat", "corpus")


def evaluate_context(
    kit: Path | None, maccrobat: Path | None, corpus: Path | None, *, command: str
) -> tuple[dict[str, Any], list[str]]:
    """Score the context component, and negspacy if it is installed.

    kit (Path | None): the test kit.
    maccrobat (Path | None): a folder with MACCROBAT's brat files.
    corpus (Path | None): a split with gold attributes.
    command (str): the command that is run, for the record.
    RETURNS (tuple[dict, list[str]]): the scores, without any text, and a line for each error on the kit, with text.
    RAISES (ProjectError): one of them can't be read.
    """
    ours, peer = context_pipeline(), negspacy_pipeline()
    figures: dict[str, Any] = {"command": command}
    errors: list[str] = []
    if kit:
        figures["kit"], errors = score_kit(kit, ours, peer)
    if maccrobat:
        examples = read_histories(maccrobat)
        found = predict(ours, examples, context_attributes)
        scores = score_attributes(examples, found, BRAT_LABELS.values())
        figures["maccrobat"] = {"mentions": len(examples), "systems": {"context": scores}}
    if corpus:
        figures["corpus"] = score_corpus(corpus, ours, peer)
    return figures, errors


def score_kit(path: Path, ours: Language, peer: Language | None) -> tuple[dict[str, Any], list[str]]:
    """Score context and negspacy on the test kit.

    RETURNS (tuple[dict, list[str]]): "rows", "rows_without_concept" and the "systems"; a line with text for each error.
    """
    examples = read_kit(path)
    found = predict(ours, examples, context_attributes)
    systems = {"context": score_attributes(examples, found, KIT_LABELS)}
    if peer:
        systems[peer_name()] = score_attributes(examples, predict(peer, examples, negex_attributes), [NEGATED])
    n_without = sum(not example.end for example in examples)
    figures = {"rows": len(examples), "rows_without_concept": n_without, "systems": systems}
    return figures, list(error_lines(examples, found))


def peer_name() -> str:
    """Return the name and version of negspacy."""
    return f"negspacy {version('negspacy')}"


def score_corpus(path: Path, ours: Language, peer: Language | None) -> dict[str, Any]:
    """Score context, negspacy and sections on a split.

    path (Path): the split, e.g. corpus/synthetic/test.spacy.
    ours (Language): a pipeline of sections and context.
    peer (Language | None): negspacy's pipeline, if it is installed.
    RETURNS (dict[str, Any]): "documents", "mentions", and the "systems", with the counts of each attribute that the
        split has and of "sections": a section is right if its category and its title are. No text.
    RAISES (ProjectError): the split is not there, or has no attributes.
    """
    gold = read_gold(path, ours)
    names = [name for name in ATTRIBUTES.values() if any(is_known(ent, name) for doc in gold for ent in doc.ents)]
    if not names:
        raise ProjectError(f"The mentions in {path} have no attributes", "Take the test split of generated notes.")
    docs = [ours(with_mentions(ours.make_doc(doc.text), doc)) for doc in gold]
    systems = {"context": {name: count_pairs(pairs(gold, docs, name, lambda ent: ent._.get)) for name in names}}
    sections = [({*read_gold_sections(one)}, {*read_predicted(doc)}) for one, doc in zip(gold, docs, strict=True)]
    if any(one for one, _ in sections):
        outcomes = [(len(one & other), len(other - one), len(one - other)) for one, other in sections]
        systems["context"]["sections"] = count_outcomes(*map(sum, zip(*outcomes, strict=True)))
    if peer and NEGATED in names:
        theirs = [peer(with_mentions(peer.make_doc(doc.text), doc)) for doc in gold]
        found = pairs(gold, theirs, NEGATED, lambda ent: negex_attributes(ent).__contains__)
        systems[peer_name()] = {NEGATED: count_pairs(found)}
    return {"documents": len(gold), "mentions": sum(len(doc.ents) for doc in gold), "systems": systems}


def with_mentions(doc: Doc, gold: Doc) -> Doc:
    """Set the gold mentions as entities, extended to whole tokens."""
    spans = [doc.char_span(ent.start_char, ent.end_char, ent.label_, alignment_mode="expand") for ent in gold.ents]
    doc.set_ents(filter_spans([span for span in spans if span is not None]))
    return doc


def pairs(
    gold: list[Doc], docs: list[Doc], name: str, read: Callable[[Span], Callable[[str], Any]]
) -> list[tuple[bool, bool]]:
    """Return, for each gold mention with an attribute, whether it holds in the gold and in a system's document."""
    found = []
    for reference, doc in zip(gold, docs, strict=True):
        by_place = {place: ent for ent in doc.ents for place in range(ent.start_char, ent.end_char)}
        for ent in reference.ents:
            if is_known(ent, name):
                other = by_place.get(ent.start_char)
                found.append((bool(ent._.get(name)), bool(other is not None and read(other)(name))))
    return found


def is_known(ent: Span, name: str) -> bool:
    """Return whether the gold says whether an attribute holds."""
    return ent._.get(name) is not None


def table(figures: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the scores as rows of a table."""
    return [
        (corpus, system, name, *(str(row[key]) for key in ("gold", "precision", "recall", "f1")))
        for corpus in CORPORA
        if corpus in figures
        for system, rows in figures[corpus]["systems"].items()
        for name, row in rows.items()
    ]
