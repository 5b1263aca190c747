"""Scores of what a pipeline says of mentions, e.g. that one is negated: on the gold mentions, and end to end.

An attribute is scored if the corpus has gold for it and a component declares that it assigns it. Both are read from
`span._.<name>`, each in its own Doc.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.annotation.mentions import PREFIX, attribute_names, span_attributes
from scripts.evaluation.error_analysis import quote
from scripts.evaluation.inputs import EvaluationData
from scripts.evaluation.order_scores import ORDER, has_orders, score_orders
from scripts.evaluation.scoring import match_key, score
from scripts.evaluation.section_scores import has_sections, mention_section, score_sections
from scripts.records.attributes import read_attributes
from scripts.records.mentions import Mention, annotations

# What the components before the entities assign that attributes depend on.
LAYOUT = ("doc._.sections", "doc.sents", "token.is_sent_start", "token.sent_start")
# The attribute in which a component says which cues made it decide.
MODIFIERS = "modifiers"


@dataclass(frozen=True)
class Judgement:
    """What the gold and the pipeline say of an attribute of a mention.

    id (str): the document's id.
    mention (Mention): the mention, in the gold, predicted, or both.
    name (str): the attribute.
    gold (Any): its gold value; None or False if it does not hold.
    predicted (Any): its predicted value; None or False if it does not hold.
    section (str | None): the category of the gold section that the mention is in.
    cue (str): the categories of the cues that the pipeline found, and where they are.
    """

    id: str
    mention: Mention
    name: str
    gold: Any
    predicted: Any
    section: str | None = None
    cue: str = ""

    @property
    def is_right(self) -> bool:
        """Return whether both say the same. None and False are the same."""
        return self.gold == self.predicted or not (holds(self.gold) or holds(self.predicted))

    @property
    def outcomes(self) -> tuple[bool, bool, bool]:
        """Return whether it is a true positive, a false positive and a false negative.

        A value that is wrong, of an attribute that has more than two, is the last two.
        """
        right = self.is_right
        return right and holds(self.gold), not right and holds(self.predicted), not right and holds(self.gold)


def holds(value: Any) -> bool:
    """Return whether a value says something: neither None nor False."""
    return value is not None and value is not False


def score_attributes(
    nlp: Language, data: EvaluationData, predicted: dict[str, Doc], *, seed: int, text: bool = True
) -> tuple[dict[str, Any] | None, list[dict[str, Any]] | None]:
    """Score the attributes and sections that the corpus has gold for and the pipeline assigns.

    nlp (Language): the pipeline.
    data (EvaluationData): the corpus.
    predicted (dict[str, Doc]): the pipeline's documents by id, with the tokens of the gold.
    seed (int): the seed of the bootstrap.
    text (bool): whether to quote the documents in the errors.
    RETURNS (tuple): the field "attributes" of scores.json, and the rows of attribute_errors.jsonl; None for both if
        there is nothing to score. The field has "names"; "gold_spans" and "end_to_end", see `score_judgements`;
        "errors" on the gold mentions, see `summarize`; "orders", see `score_orders`; "sections", see
        `score_sections`.
    """
    names = scored_names(nlp, data)
    if not names and not has_orders(nlp, data.gold.values()) and not has_sections(nlp, data.gold.values()):
        return None, None
    docs = annotate_gold(nlp, data.gold)
    on_gold = [each for key, doc in docs.items() for each in judge_gold(key, data.gold[key], doc, names)]
    end_to_end = [each for key, doc in predicted.items() for each in judge(key, data.gold[key], doc, names)]
    scores = {
        "names": names,
        "gold_spans": score_judgements(on_gold, list(docs), names, seed=seed),
        "end_to_end": score_judgements(end_to_end, list(docs), names, seed=seed),
        "errors": summarize(on_gold),
        "orders": score_orders(nlp, data.gold, docs, predicted, seed=seed),
        "sections": score_sections(nlp, data.gold, docs, seed=seed),
    }
    return scores, [error_row(each, data.gold[each.id].text if text else None) for each in on_gold if not each.is_right]


def scored_names(nlp: Language, data: EvaluationData) -> list[str]:
    """Return the attributes that both the pipeline assigns and the corpus has gold for, in the pipeline's order.

    Orders of medications have scores of their own.
    """
    known = {name for record in data.records for entity in annotations(record) for name in read_attributes(entity)}
    return [name for name in attribute_names(nlp) if name in known and name != ORDER]


def annotate_gold(nlp: Language, gold: dict[str, Doc]) -> dict[str, Doc]:
    """Run the components that find layout and attributes on the gold mentions.

    Components run in their order. The first one that sets entities is replaced by the gold, and the others are left
    out.

    nlp (Language): the pipeline.
    gold (dict[str, Doc]): the annotated documents by id.
    RETURNS (dict[str, Doc]): documents with the gold's entities and the pipeline's attributes, by id.
    """
    return {key: annotate_one(nlp, reference) for key, reference in gold.items()}


def annotate_one(nlp: Language, reference: Doc) -> Doc:
    """Run the components that find layout and attributes on one document with its gold mentions."""
    doc = nlp.make_doc(reference.text)
    for name, pipe in nlp.pipeline:
        assigns = nlp.get_pipe_meta(name).assigns
        if "doc.ents" in assigns:
            if not doc.ents:
                doc.set_ents([Span(doc, ent.start, ent.end, ent.label, kb_id=ent.kb_id) for ent in reference.ents])
        elif any(assigned in LAYOUT or assigned.startswith(PREFIX) for assigned in assigns):
            doc = pipe(doc)
    return doc


def judge_gold(key: str, reference: Doc, doc: Doc, names: list[str]) -> Iterator[Judgement]:
    """Compare the attributes of the gold mentions. Where the gold says nothing, nothing is compared."""
    for gold, ent in zip(reference.ents, doc.ents, strict=True):
        for name in names:
            if (value := read_value(gold, name)) is not None:
                section = mention_section(reference, ent)
                yield Judgement(key, as_mention(ent), name, value, read_value(ent, name), section, describe_cues(ent))


def judge(key: str, reference: Doc, doc: Doc, names: list[str]) -> Iterator[Judgement]:
    """Compare the attributes of gold and predicted mentions, which match if offsets and label are the same.

    An attribute of a predicted mention without a match is wrong if it holds, and one of a gold mention without a match
    is missed if it holds.
    """
    sides: list[dict[tuple, Span]] = [
        {match_key(as_mention(ent)): ent for ent in each.ents} for each in (reference, doc)
    ]
    for found in sorted({*sides[0], *sides[1]}):
        gold, ent = sides[0].get(found), sides[1].get(found)
        for name in names:
            value = read_value(gold, name) if gold is not None else False
            if value is not None:
                yield Judgement(key, Mention(*found), name, value, read_value(ent, name))


def read_value(ent: Span | None, name: str) -> Any:
    """Return an attribute of an entity; None without an entity, or if nothing has added the attribute."""
    return span_attributes(ent, [name]).get(name) if ent is not None else None


def as_mention(ent: Span) -> Mention:
    """Return the offsets and the label of an entity."""
    return Mention(ent.start_char, ent.end_char, ent.label_)


def describe_cues(ent: Span) -> str:
    """Return the categories of the cues of an entity and where they are, e.g. "NEGATED_EXISTENCE before"."""
    cues = span_attributes(ent, [MODIFIERS]).get(MODIFIERS) or []
    if not all(isinstance(cue, dict) and {"category", "start", "end"} <= cue.keys() for cue in cues):
        return ""
    title = ent._.get("section_title") if ent.has_extension("section_title") else None
    return ", ".join(sorted({f"{cue['category']} {cue_place(cue, ent, title)}" for cue in cues}))


def cue_place(cue: dict[str, Any], ent: Span, title: Span | None) -> str:
    """Return where a cue stands: in the section's heading, before or after the entity, or inside of it."""
    if title is not None and title.start_char <= cue["start"] < title.end_char:
        return "heading"
    return "before" if cue["end"] <= ent.start_char else "after" if cue["start"] >= ent.end_char else "inside"


def score_judgements(
    judgements: Iterable[Judgement], ids: list[str], names: list[str], *, seed: int
) -> dict[str, dict[str, Any]]:
    """Return the table of `scoring.score` by attribute, micro and macro.

    judgements (Iterable[Judgement]): what was compared.
    ids (list[str]): the ids of all documents.
    names (list[str]): the attributes.
    seed (int): the seed of the bootstrap.
    RETURNS (dict[str, dict]): the scores with their intervals; empty without attributes.
    """
    rows = {key: number for number, key in enumerate(sorted(ids))}
    counts = np.zeros((len(rows), len(names), 3), dtype=np.int64)
    for each in judgements:
        counts[rows[each.id], names.index(each.name)] += each.outcomes
    return score(counts, names, seed=seed) if names else {}


def summarize(judgements: Iterable[Judgement]) -> list[dict[str, Any]]:
    """Count the errors of attributes by what may explain them.

    judgements (Iterable[Judgement]): what was compared.
    RETURNS (list[dict]): "attribute", "side", "label", "section", "cue" and "count", the most frequent first.
    """
    counts = Counter(
        (each.name, side_of(each), each.mention.label, each.section or "none", each.cue or "none")
        for each in judgements
        if not each.is_right
    )
    fields = ("attribute", "side", "label", "section", "cue")
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [dict(zip(fields, key, strict=True)) | {"count": count} for key, count in ordered]


def side_of(judgement: Judgement) -> str:
    """Return on which side an attribute holds that is wrong."""
    if holds(judgement.gold) and holds(judgement.predicted):
        return "wrong_value"
    return "false_negative" if holds(judgement.gold) else "false_positive"


def error_row(judgement: Judgement, text: str | None) -> dict[str, Any]:
    """Return an error as a row of attribute_errors.jsonl. It quotes the document if its text is given."""
    mention = judgement.mention
    return {
        "id": judgement.id,
        "start": mention.start,
        "end": mention.end,
        "label": mention.label,
        "attribute": judgement.name,
        "side": side_of(judgement),
        "gold": judgement.gold,
        "predicted": judgement.predicted,
        "section": judgement.section,
        "cue": judgement.cue,
    } | (quote(text, mention) if text is not None else {})
