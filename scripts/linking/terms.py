"""Ids that are names: the generated notes have "term:chest-pain" for what a vocabulary calls chest pain.

So they teach and test a linker with any vocabulary, MeSH as well as that of a hospital.
"""

from collections.abc import Iterable

from scripts.clinical_ner.linking.forms import normal_form
from scripts.clinical_ner.linking.index import NameIndex
from scripts.clinical_ner.linking.matcher import LinkedName
from scripts.records.mentions import TERM


def is_term(name: LinkedName) -> bool:
    """Return whether a mention has a name in place of an id."""
    return TERM in name.concept


def new_names(names: Iterable[LinkedName], index: NameIndex) -> list[LinkedName]:
    """Return the mentions whose words are no name of the vocabulary yet, with the ids that it has for their names.

    Notes use near names for one thing: "sleep apnea" stays that, and does not become obstructive sleep apnea.

    names (Iterable[LinkedName]): mentions with a name in place of an id.
    index (NameIndex): the vocabulary.
    RETURNS (list[LinkedName]): the mentions, without those whose concept the vocabulary lacks.
    """
    resolved = [name._replace(concept=resolve(name.concept, index)) for name in names]
    return [name for name in resolved if name.concept and not named_rows(name.query.long, index)]


def resolve(concept: str, index: NameIndex) -> str:
    """Return the ids of a mention, where it has names those of the vocabulary's concepts with these names.

    concept (str): ids or names, joined by "|".
    index (NameIndex): the vocabulary.
    RETURNS (str): the ids, joined by "|"; empty if a name is that of no concept or of several.
    """
    ids = [find_id(part, index) if part.startswith(TERM) else part for part in concept.split("|")]
    return "|".join(ids) if all(ids) else ""


def find_id(term: str, index: NameIndex) -> str:
    """Return the id of the only concept with a name, or the only one that prefers it. Empty if there is none."""
    rows = named_rows(term.removeprefix(TERM), index)
    for chosen in (rows, filter(index.is_preferred, rows)):
        owners = {int(index.owners[row]) for row in chosen}
        if len(owners) == 1:
            return index.concept_id(owners.pop())
    return ""


def named_rows(name: str, index: NameIndex) -> list[int]:
    """Return the rows of a vocabulary with a name, or else those with its words in another order."""
    form = normal_form(name)
    return index.same_form(form) or index.same_words(form)
