"""Scores of the sections that a pipeline finds, and of the section that it says a mention is in."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.evaluation.scoring import ratio, score
from scripts.formats.docbin import GOLD_SECTIONS
from scripts.records.sections import Section, section_at, trim_title

ASSIGNED = "doc._.sections"

SectionKey = tuple[str, int, int]


def score_sections(
    nlp: Language, gold: dict[str, Doc], predicted: dict[str, Doc], *, seed: int
) -> dict[str, Any] | None:
    """Score the sections of a pipeline that assigns `doc._.sections`, as medspaCy's sectionizer does.

    nlp (Language): the pipeline.
    gold (dict[str, Doc]): the annotated documents by id.
    predicted (dict[str, Doc]): by id, documents with the gold mentions that the pipeline's components have processed.
    seed (int): the seed of the bootstrap.
    RETURNS (dict[str, Any] | None): "scores", by category, micro and macro, where a section is right if the gold has
        one with its category and its title's offsets; "starts", the same with the title's first character only;
        "mentions" and "accuracy", the number of gold mentions, and the share that is in the right section. None if
        the corpus has no sections, or the pipeline assigns none.
    """
    if not has_sections(nlp, gold.values()):
        return None
    keys = sorted(key for key, doc in gold.items() if GOLD_SECTIONS in doc.user_data)
    sides = [({*read_gold(gold[key])}, {*read_predicted(predicted[key])}) for key in keys]
    tables = []
    for length in (3, 2):
        found = [tuple({section[:length] for section in side} for side in pair) for pair in sides]
        names = sorted({section[0] for pair in found for side in pair for section in side})
        counts = np.array([[outcomes(*pair, name) for name in names] for pair in found], dtype=np.int64)
        tables.append(score(counts.reshape(len(keys), len(names), 3), names, seed=seed))
    places = [
        (mention_section(gold[key], ent), ent._.get("section_category")) for key in keys for ent in predicted[key].ents
    ]
    return {
        "scores": tables[0],
        "starts": tables[1],
        "mentions": len(places),
        "accuracy": ratio(sum(one == other for one, other in places), len(places)),
    }


def has_sections(nlp: Language, gold: Iterable[Doc]) -> bool:
    """Return whether a corpus has sections, and a pipeline assigns them."""
    assigns = any(ASSIGNED in nlp.get_pipe_meta(name).assigns for name in nlp.pipe_names)
    return assigns and any(GOLD_SECTIONS in doc.user_data for doc in gold)


def outcomes(gold: set[tuple], predicted: set[tuple], category: str) -> tuple[int, int, int]:
    """Count the true positives, false positives and false negatives of a category in a document."""
    one, other = ({section for section in side if section[0] == category} for side in (gold, predicted))
    return len(one & other), len(other - one), len(one - other)


def gold_sections_of(doc: Doc) -> list[Section]:
    """Return the sections that `convert` put into a document; none if it has no such annotation."""
    stored = doc.user_data.get(GOLD_SECTIONS, [])
    return [Section(each["category"], tuple(each["title"]), tuple(each["body"])) for each in stored]


def read_gold(doc: Doc) -> Iterable[SectionKey]:
    """Return category and title of the annotated sections, as they are compared."""
    return [(each.category, *trim_title(doc.text, *each.title)) for each in gold_sections_of(doc)]


def read_predicted(doc: Doc) -> Iterable[SectionKey]:
    """Return category and title of the predicted sections. One without a title or a category is none."""
    return [
        (category, *trim_title(doc.text, title.start_char, title.end_char))
        for category, title in zip(doc._.section_categories, doc._.section_titles, strict=True)
        if category and title
    ]


def mention_section(reference: Doc, ent: Span) -> str | None:
    """Return the category of the annotated section that an entity starts in; None before the first, or without any."""
    return section_at(gold_sections_of(reference), ent.start_char)
