"""From a vocabulary and an annotated corpus to the linker of a pipeline."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from scripts.clinical_ner.linking.concept import Concept
from scripts.clinical_ner.linking.index import build_index
from scripts.clinical_ner.linking.matcher import (
    DEFAULT_WEIGHTS,
    KnownNames,
    LinkedName,
    Matcher,
)
from scripts.clinical_ner.linking.queries import Query, make_queries
from scripts.errors import ProjectError
from scripts.linking.synonyms import train_vectors
from scripts.records.bigbio import Record, document_text
from scripts.records.mentions import Mention, flat_mentions

# Below this share, the corpus has the ids of another vocabulary.
FEWEST_KNOWN = 0.2


def mention_queries(text: str, mentions: Iterable[Mention]) -> list[Query]:
    """Return the mentions of a text as the linker asks for them."""
    return make_queries(text, [(mention.start, mention.end, mention.label) for mention in mentions])


def linked_names(records: Iterable[Record], labels: Mapping[str, str]) -> list[LinkedName]:
    """Return the mentions of records that have an id.

    records (Iterable[Record]): annotated documents.
    labels (Mapping[str, str]): label by pattern of the entity type.
    RETURNS (list[LinkedName]): the mentions.
    """
    names = []
    for record in records:
        mentions = [mention for mention in flat_mentions(record, dict(labels)) if mention.concept]
        queries = mention_queries(document_text(record), mentions)
        names += [LinkedName(query, one.concept) for query, one in zip(queries, mentions, strict=True)]
    return names


def check_ids(concepts: Sequence[Concept], names: Sequence[LinkedName], title: str) -> None:
    """Raise an error if the ids of an annotated corpus are not those of a vocabulary.

    concepts (Sequence[Concept]): the vocabulary.
    names (Sequence[LinkedName]): the mentions with ids.
    title (str): the vocabulary's title, for the message.
    RAISES (ProjectError): hardly any id is known.
    """
    ids = {concept.id for concept in concepts}
    known = sum(not ids.isdisjoint(name.concept.split("|")) for name in names)
    if known < FEWEST_KNOWN * len(names):
        raise ProjectError(
            f"Only {known} of the corpus's {len(names)} mentions with an id have one of {title}",
            "Use the vocabulary that the corpus was annotated with, or a corpus without ids.",
        )


def with_names(
    concepts: Sequence[Concept], names: Iterable[LinkedName], groups: Mapping[str, Sequence[str]]
) -> list[Concept]:
    """Return the concepts of a vocabulary with the names that an annotated corpus has for them, and new ones.

    concepts (Sequence[Concept]): the vocabulary.
    names (Iterable[LinkedName]): the names.
    groups (Mapping[str, Sequence[str]]): the prefixes of the groups of each label's concepts.
    RETURNS (list[Concept]): the concepts.
    """
    extra: dict[str, dict[str, str]] = defaultdict(dict)
    for query, concept in names:
        extra[concept].setdefault(query.long, query.label)
    more = [
        concept._replace(names=(*concept.names, *extra.pop(concept.id))) if concept.id in extra else concept
        for concept in concepts
    ]
    titles = {concept.id: concept.name for concept in concepts}
    for identifier, forms in sorted(extra.items()):
        parts = identifier.split("|")
        title = " | ".join(titles[part] for part in parts) if titles.keys() >= {*parts} else next(iter(forms))
        places = {prefix for label in forms.values() for prefix in groups.get(label, ())[:1]}
        more.append(Concept(identifier, title, tuple(forms), tuple(sorted(places))))
    return more


def build_matcher(
    concepts: Sequence[Concept],
    groups: Mapping[str, Sequence[str]],
    names: Sequence[LinkedName],
    *,
    vector_labels: Sequence[str] = (),
    seed: int = 0,
) -> Matcher:
    """Build a matcher.

    concepts (Sequence[Concept]): the vocabulary.
    groups (Mapping[str, Sequence[str]]): the prefixes of the groups of each label's concepts.
    names (Sequence[LinkedName]): the names of an annotated corpus.
    vector_labels (Sequence[str]): the labels for whose names vectors of synonyms are trained.
    seed (int): the seed of the vectors.
    RETURNS (Matcher): the matcher, with the default weights.
    """
    index = build_index(with_names(concepts, names, groups), groups)
    labels = [*groups]
    bits = sum(1 << labels.index(label) for label in vector_labels if label in labels)
    vectors = train_vectors(index, labels=bits, seed=seed) if bits else None
    return Matcher(index, labels, KnownNames.from_mentions(names), vectors, DEFAULT_WEIGHTS)
