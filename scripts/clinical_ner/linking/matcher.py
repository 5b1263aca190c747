"""From a mention to the concepts that it may be, each with what speaks for it, and a score."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import srsly

from ..ner.calibration import expit
from .forms import normal_form, without_salt
from .index import NameIndex
from .queries import Query
from .shorthand import write_out_shorthand
from .vectors import SynonymVectors

NEAREST = 20
# How much of the index a search reads.
MOST_POSTINGS = 100_000
# The candidates that are kept.
BEST = 5
# The mentions whose candidates are remembered: the same names are in many documents, and a search takes a millisecond.
MOST_REMEMBERED = 2**13
EVIDENCE = (
    "trained",
    "same_form",
    "same_words",
    "preferred",
    "grams",
    "gram_margin",
    "vectors",
    "vector_margin",
    "beside",
    "fits",
    "misfits",
    "frequent",
    "plain",
)
# Of a mention's best candidate; further to its evidence.
CERTAINTY = (*EVIDENCE, "share", "short", "gap", "unknown", "unknown_gap", "bias")
# A larger difference of ranks says no more.
LARGEST_GAP = 6.0
# The certainty of labels that have no weights of their own.
ANY_LABEL = ""


class Candidate(NamedTuple):
    """A concept that a mention may be.

    id (str): its id; ids of a composite mention are joined by "|".
    name (str): its preferred name.
    score (float): the probability that it is right.
    """

    id: str
    name: str
    score: float


class LinkedName(NamedTuple):
    """A mention of an annotated corpus with its id.

    query (Query): the mention.
    concept (str): its id, or ids joined by "|".
    """

    query: Query
    concept: str


class KnownNames:
    """How often an annotated corpus uses a form for a concept.

    counts (dict): counts by form, label and id.
    """

    def __init__(self, counts: dict[str, dict[str, dict[str, int]]] | None = None):
        self.counts = counts or {}
        self.totals: Counter[str] = Counter()
        for labels in self.counts.values():
            for ids in labels.values():
                self.totals.update(ids)

    @classmethod
    def from_mentions(cls, names: Iterable[LinkedName]) -> "KnownNames":
        """Count the mentions of an annotated corpus, under their forms with abbreviations and without.

        A document that defines "SAH" as something rare says nothing of "SAH" in a note.
        """
        counts: dict[str, dict[str, dict[str, int]]] = {}
        for query, concept in names:
            is_shorthand = write_out_shorthand(query.surface, query.label) != query.surface
            forms = [query.long] if is_shorthand else [query.long, query.surface]
            for form in dict.fromkeys(map(normal_form, forms)):
                ids = counts.setdefault(form, {}).setdefault(query.label, {})
                ids[concept] = ids.get(concept, 0) + 1
        counts.pop("", None)
        return cls(counts)

    def knows(self, form: str, label: str) -> bool:
        """Return whether the annotated corpus uses a form with a label."""
        return label in self.counts.get(form, {})

    def shares(self, form: str, label: str) -> dict[str, float]:
        """Return the share of each id among the mentions with a form, those with the same label if there are any."""
        labels = self.counts.get(form, {})
        ids: Counter[str] = Counter()
        for found in [labels[label]] if label in labels else labels.values():
            ids.update(found)
        return {concept: count / ids.total() for concept, count in ids.items()}


@dataclass(frozen=True)
class Weights:
    """How much each kind of evidence counts.

    ranking (dict[str, float]): for the order of the candidates, by `EVIDENCE`.
    certainty (dict[str, dict[str, float]]): for the probability that one is right, by label and `CERTAINTY`.
    """

    ranking: dict[str, float]
    certainty: dict[str, dict[str, float]]

    def certainty_of(self, label: str) -> np.ndarray:
        """Return the weights for the probability, those of a label if it has its own."""
        return as_array(self.certainty.get(label) or self.certainty.get(ANY_LABEL, {}), CERTAINTY)


# Fitted on BC5CDR's dev split.
DEFAULT_WEIGHTS = Weights(**srsly.read_json(Path(__file__).with_name("weights.json")))


@dataclass(eq=False)
class Matcher:
    """Finds and scores candidates.

    index (NameIndex): the vocabulary.
    labels (Sequence[str]): the labels in the order of the index's bits.
    known (KnownNames): the names of an annotated corpus.
    vectors (SynonymVectors | None): the vectors of names, if there are any.
    weights (Weights): how much each kind of evidence counts. To be set before a mention is linked.
    """

    index: NameIndex
    labels: Sequence[str]
    known: KnownNames = field(default_factory=KnownNames)
    vectors: SynonymVectors | None = None
    weights: Weights = DEFAULT_WEIGHTS

    def __post_init__(self) -> None:
        self.remembered: dict[Query, list[Candidate]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: nothing of the texts that were read."""
        return {**vars(self), "remembered": {}}

    def link(self, query: Query) -> list[Candidate]:
        """Return the best candidates of a mention, the best first. Empty if it has no word."""
        if query not in self.remembered:
            if len(self.remembered) >= MOST_REMEMBERED:
                self.remembered.clear()
            self.remembered[query] = self.find(query)
        return self.remembered[query]

    def find(self, query: Query) -> list[Candidate]:
        """Return what `link` returns, without looking whether it is remembered."""
        query = self.write_out(query)
        concepts, evidence = self.gather(query)
        if not concepts:
            return []
        ranks = evidence @ as_array(self.weights.ranking, EVIDENCE)
        scores = certainty_rows(query, evidence, ranks) @ self.weights.certainty_of(query.label)
        # The order is that of the ranks; a lower score follows a higher one, so that no candidate seems better.
        order = np.lexsort((np.array(concepts), -ranks))[:BEST]
        scores = np.minimum.accumulate(scores[order])
        return [
            Candidate(self.index.concept_id(concepts[at]), self.index.title(concepts[at]), expit(float(score)))
            for at, score in zip(order, scores, strict=True)
        ]

    def write_out(self, query: Query) -> Query:
        """Return a mention with its shorthand written out, unless its document or the annotated corpus defines it."""
        if query.long != query.surface or self.known.knows(normal_form(query.surface), query.label):
            return query
        name = write_out_shorthand(query.surface, query.label)
        return query._replace(surface=name, long=name)

    def bit(self, label: str) -> int:
        """Return the bit of a label in the index, 0 for one that the vocabulary does not know."""
        return 1 << self.labels.index(label) if label in self.labels else 0

    def gather(self, query: Query) -> tuple[list[int], np.ndarray]:
        """Return the concepts that a mention may be, and the evidence for each.

        query (Query): the mention.
        RETURNS (tuple[list[int], ndarray]): the concepts' numbers, and the evidence of shape (concepts, `EVIDENCE`).
        """
        forms = [form for form in dict.fromkeys(map(normal_form, (query.long, query.surface))) if form]
        if not forms:
            return [], np.zeros((0, len(EVIDENCE)))
        found: Found = defaultdict(lambda: dict.fromkeys(EVIDENCE, 0.0))
        for form in forms:
            self.add_known(found, form, query.label)
        plain = without_salt(query.long)
        for form in dict.fromkeys([*forms, plain]):
            self.add_same(found, form, as_plain=form not in forms)
        # The search takes most of the time, and where a name is known it would hardly change the order.
        if not any(row["trained"] or row["same_form"] for row in found.values()):
            self.add_near(found, forms[0], self.bit(query.label))
            self.add_beside(found, normal_form(query.beside), query.label)
        self.add_labels(found, query.label)
        return list(found), np.array([[row[name] for name in EVIDENCE] for row in found.values()])

    def add_known(self, found: "Found", form: str, label: str) -> None:
        """Add the concepts that the annotated corpus has for a form."""
        for number, share in self.known_concepts(form, label).items():
            found[number]["trained"] = max(found[number]["trained"], share)

    def known_concepts(self, form: str, label: str) -> dict[int, float]:
        """Return the share of each concept among the annotated corpus's mentions with a form."""
        shares = self.known.shares(form, label)
        numbers = {concept: self.index.concept_number(concept) for concept in shares}
        return {number: shares[concept] for concept, number in numbers.items() if number is not None}

    def add_same(self, found: "Found", form: str, *, as_plain: bool) -> None:
        """Add the concepts with a name of the same form, or of the same words.

        found (Found): the evidence.
        form (str): the form.
        as_plain (bool): whether it is the form without salt and dose.
        """
        for row in self.index.same_form(form):
            evidence = found[int(self.index.owners[row])]
            evidence["plain" if as_plain else "same_form"] = 1.0
            if self.index.is_preferred(row):
                evidence["preferred"] = 1.0
        for row in self.index.same_words(form):
            found[int(self.index.owners[row])]["plain" if as_plain else "same_words"] = 1.0

    def add_near(self, found: "Found", form: str, label: int) -> None:
        """Add the concepts with similar names. The label is given as its bit."""
        vectors = self.vectors if self.vectors and label & int(self.vectors.labels) else None
        for kind, nearest in (
            ("gram", self.index.nearest(form, NEAREST, most_postings=MOST_POSTINGS)),
            ("vector", vectors.nearest(form, self.index.owners, NEAREST) if vectors else []),
        ):
            for near in nearest:
                evidence = found[near.concept]
                evidence[f"{kind}s"] = max(evidence[f"{kind}s"], near.similarity)
        for kind in ("gram", "vector"):
            first, second = sorted([0.0, 0.0, *(row[f"{kind}s"] for row in found.values())])[:-3:-1]
            for row in found.values():
                row[f"{kind}_margin"] = row[f"{kind}s"] - (second if row[f"{kind}s"] == first else first)

    def add_beside(self, found: "Found", form: str, label: str) -> None:
        """Add the concepts of the mention on the other side of a bracket, given by its form."""
        names = [*self.index.same_form(form), *self.index.same_words(form)]
        shares = self.known_concepts(form, label) | {int(self.index.owners[row]): 1.0 for row in names}
        for concept, share in shares.items():
            found[concept]["beside"] = share

    def add_labels(self, found: "Found", label: str) -> None:
        """Add whether the concepts fit the label, and how frequent they are in the annotated corpus."""
        bit = self.bit(label)
        for concept, row in found.items():
            mask = int(self.index.labels[concept])
            row["fits"] = float(bool(mask & bit))
            row["misfits"] = float(bool(mask and bit and not mask & bit))
            row["frequent"] = math.log1p(self.known.totals[self.index.concept_id(concept)])


# The evidence by the number of the concept.
Found = dict[int, dict[str, float]]


def as_array(weights: Mapping[str, float], names: Sequence[str]) -> np.ndarray:
    """Return weights in the order of names, 0 for those that are not there."""
    return np.array([weights.get(name, 0.0) for name in names])


def certainty_rows(query: Query, evidence: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Return what the probability of each candidate is computed from.

    query (Query): the mention.
    evidence (ndarray): the evidence, of shape (candidates, `EVIDENCE`).
    ranks (ndarray): the rank of each candidate.
    RETURNS (ndarray): the rows, of shape (candidates, `CERTAINTY`).
    """
    powers = np.exp(ranks - ranks.max())
    short = math.exp(-len(query.long) / 5)
    count = len(ranks)
    shares = powers / powers.sum()
    gaps = np.clip((ranks - second_best(ranks)) / LARGEST_GAP, -1, 1)
    unknown = 1.0 - evidence[:, [EVIDENCE.index("trained"), EVIDENCE.index("same_form")]].any(axis=1)
    columns = [evidence, shares, np.full(count, short), gaps, unknown, unknown * gaps, np.ones(count)]
    return np.column_stack(columns)


def second_best(ranks: np.ndarray) -> np.ndarray:
    """Return for each candidate the best rank of the others; that of one without others is very low."""
    second, first = np.sort([-np.inf, *ranks])[-2:]
    return np.where(ranks == first, second, first)
