"""A concept of a vocabulary. The readers of scripts/vocabularies return them, and an index is built from them."""

from typing import NamedTuple


class Concept(NamedTuple):
    """A concept of a vocabulary.

    id (str): its id, e.g. "D006973".
    name (str): its preferred name.
    names (tuple[str, ...]): its other names.
    groups (tuple[str, ...]): where the vocabulary puts it: tree numbers, semantic types, a domain or a class. Empty if
        it does not say.
    mapped_to (tuple[str, ...]): the ids of the concepts that its source maps it to.
    """

    id: str
    name: str
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    mapped_to: tuple[str, ...] = ()


def in_groups(concept: Concept, prefixes: tuple[str, ...]) -> bool:
    """Return whether one of a concept's groups begins with one of the prefixes: "C14.907.489" is in "C" and "C14"."""
    return any(group.startswith(prefixes) for group in concept.groups)
