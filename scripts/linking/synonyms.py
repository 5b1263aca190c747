"""Train the vectors of `SynonymVectors` on a vocabulary's names, and on those of an annotated corpus.

Two names of a concept should be nearer to each other than to the names of other concepts in the batch: the InfoNCE
loss, as in SapBERT (https://aclanthology.org/2021.naacl-main.334). Concepts with similar names share a batch.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import EmbeddingBag
from torch.nn.functional import normalize
from tqdm import tqdm

from scripts.clinical_ner.linking.grams import in_chunks
from scripts.clinical_ner.linking.index import NameIndex
from scripts.clinical_ner.linking.vectors import FEATURES, SynonymVectors, encode, features

WIDTH = 96
EPOCHS = 16
PAIRS = 3  # of each concept in an epoch
BATCH = 1536
RATE = 0.01
TEMPERATURE = 0.05
# More names are not searched by their vectors: each search reads all of them.
MOST_NAMES = 400_000


class NameVectors(torch.nn.Module):
    """The vectors of names: the weighted sums of the vectors of their features."""

    def __init__(self, forms: Sequence[str]):
        super().__init__()
        rows, self.columns = features(forms)
        self.starts = np.searchsorted(rows, np.arange(len(forms) + 1))
        counts = np.bincount(self.columns, minlength=FEATURES)
        self.weights = torch.from_numpy(np.maximum(np.log(len(forms) / (1 + counts)), 0.1).astype(np.float32))
        self.bag = EmbeddingBag(FEATURES, WIDTH, mode="sum", sparse=True)
        torch.nn.init.normal_(self.bag.weight, std=WIDTH**-0.5)

    def forward(self, numbers: np.ndarray) -> torch.Tensor:
        """Return the vectors of some of the names, given by their numbers, each of length 1."""
        lengths = self.starts[numbers + 1] - self.starts[numbers]
        offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        within = np.arange(lengths.sum()) - np.repeat(offsets, lengths)
        flat = torch.from_numpy(self.columns[np.repeat(self.starts[numbers], lengths) + within])
        return normalize(self.bag(flat, torch.from_numpy(offsets), per_sample_weights=self.weights[flat]))

    def table(self) -> np.ndarray:
        """Return the vectors of the features with their weights, small enough for half precision."""
        table = (self.bag.weight.detach() * self.weights[:, None]).numpy()
        return table / np.abs(table).max()


def train_vectors(index: NameIndex, *, labels: int, seed: int = 0, epochs: int = EPOCHS) -> SynonymVectors | None:
    """Train the vectors of the names that fit some labels.

    index (NameIndex): the names.
    labels (int): the bits of the labels.
    seed (int): the seed.
    epochs (int): how often each concept is seen.
    RETURNS (SynonymVectors | None): the vectors. None if there are too many names to search, or no synonyms.
    """
    owners = np.asarray(index.owners)
    rows = np.flatnonzero((np.asarray(index.labels)[owners] & labels) > 0)
    synonyms = {concept: names for concept, names in by_concept(owners[rows]).items() if len(names) > 1}
    if not synonyms or len(rows) > MOST_NAMES:
        return None
    forms = [index.name(int(row)) for row in rows]
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    vectors = NameVectors(forms)
    optimizer = torch.optim.SparseAdam(list(vectors.parameters()), lr=RATE)
    for epoch in tqdm(range(epochs), desc="Training vectors of synonyms", unit="epoch"):
        order = similar_together(vectors, synonyms, random) if epoch else random.permutation([*synonyms])
        train_epoch(vectors, optimizer, synonyms, np.repeat(order, PAIRS), random)
    table = vectors.table()
    names = np.concatenate([encode(table, chunk) for _, chunk in in_chunks(forms, 2**12)])
    return SynonymVectors(table, names, rows.astype(np.int32), np.array(labels))


def by_concept(owners: np.ndarray) -> dict[int, list[int]]:
    """Return the numbers of the names of each concept."""
    groups = defaultdict(list)
    for number, concept in enumerate(owners.tolist()):
        groups[concept].append(number)
    return dict(groups)


def train_epoch(
    vectors: NameVectors,
    optimizer: torch.optim.Optimizer,
    synonyms: dict[int, list[int]],
    order: np.ndarray,
    random: np.random.Generator,
) -> None:
    """Update the vectors with a random pair of names of each concept, batch by batch.

    vectors (NameVectors): the vectors.
    optimizer (Optimizer): their optimizer.
    synonyms (dict[int, list[int]]): the names of each concept.
    order (ndarray): the concepts.
    random (Generator): chooses the names.
    """
    for start in range(0, len(order), BATCH):
        concepts = order[start : start + BATCH]
        pairs = np.array([random.choice(synonyms[concept], 2, replace=False) for concept in concepts])
        loss = contrast(vectors(pairs[:, 0]), vectors(pairs[:, 1]), torch.from_numpy(concepts))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def contrast(left: torch.Tensor, right: torch.Tensor, concepts: torch.Tensor) -> torch.Tensor:
    """Return the InfoNCE loss of pairs of names, with all pairs of the same concept as positives."""
    similarities = left @ right.T / TEMPERATURE
    same = concepts[:, None] == concepts[None, :]
    positive = torch.logsumexp(similarities.masked_fill(~same, -1e4), 1)
    return (torch.logsumexp(similarities, 1) - positive).mean()


def similar_together(vectors: NameVectors, synonyms: dict[int, list[int]], random: np.random.Generator) -> np.ndarray:
    """Return the concepts in an order in which similar ones are often near each other.

    They are sorted by two random projections of their first name's vector.
    """
    with torch.no_grad():
        first = vectors(np.array([names[0] for names in synonyms.values()])).numpy()
    one, two = (first @ random.standard_normal((WIDTH, 2))).T
    return np.array([*synonyms])[np.lexsort((two, one.round(1)))]
