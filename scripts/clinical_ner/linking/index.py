"""The names of a vocabulary in arrays that are read from disk as they are needed.

A pipeline loads in seconds, because nothing is parsed, and processes on one machine share the memory.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .concept import Concept, in_groups
from .forms import bag_of_words, normal_form
from .grams import BUCKETS, gram_buckets, in_chunks

# The arrays that have a value for each concept, and for each name.
OF_CONCEPTS = ("labels", "id_ends", "title_ends", "id_keys", "id_rows")
OF_NAMES = ("owners", "name_ends", "keys", "rows", "bag_keys", "bag_rows", "norms")


class Near(NamedTuple):
    """A name that is similar to a form.

    row (int): the name's number.
    concept (int): its concept's number.
    similarity (float): the cosine of the two, from 0 to 1.
    """

    row: int
    concept: int
    similarity: float


@dataclass(frozen=True, eq=False)
class NameIndex:
    """The concepts and names of a vocabulary.

    ids, id_ends, titles, title_ends (ndarray): ids and preferred names of the concepts, as UTF-8, one after another.
    id_keys, id_rows (ndarray): the hashes of the ids, sorted, and the numbers of their concepts.
    labels (ndarray): the labels that each concept fits, as bits; 0 for all.
    names, name_ends, owners (ndarray): the forms of all names, and the numbers of their concepts.
    keys, rows (ndarray): the hashes of the forms, sorted, and the numbers of their names.
    bag_keys, bag_rows (ndarray): the same for their bags of words.
    starts, postings, norms (ndarray): the names that have a gram, by the gram's bucket, and the lengths of the names'
        vectors.
    """

    ids: np.ndarray
    id_ends: np.ndarray
    id_keys: np.ndarray
    id_rows: np.ndarray
    titles: np.ndarray
    title_ends: np.ndarray
    labels: np.ndarray
    names: np.ndarray
    name_ends: np.ndarray
    owners: np.ndarray
    keys: np.ndarray
    rows: np.ndarray
    bag_keys: np.ndarray
    bag_rows: np.ndarray
    starts: np.ndarray
    postings: np.ndarray
    norms: np.ndarray

    def concept_id(self, concept: int) -> str:
        """Return the id of a concept."""
        return text_at(self.ids, self.id_ends, concept)

    def concept_number(self, concept: str) -> int | None:
        """Return the number of the concept with an id, None if there is none."""
        return next(iter(lookup(self.id_keys, self.id_rows, concept)), None)

    def title(self, concept: int) -> str:
        """Return the preferred name of a concept."""
        return text_at(self.titles, self.title_ends, concept)

    def name(self, row: int) -> str:
        """Return the form of a name."""
        return text_at(self.names, self.name_ends, row)

    def fits(self, concept: int, label: int) -> bool:
        """Return whether a concept fits a label, given as its bit."""
        return not self.labels[concept] or not label or bool(self.labels[concept] & label)

    def is_preferred(self, row: int) -> bool:
        """Return whether a name is the preferred one of its concept: the first that the concept has."""
        return row == 0 or self.owners[row - 1] != self.owners[row]

    def same_form(self, form: str) -> list[int]:
        """Return the names with a form."""
        return lookup(self.keys, self.rows, form)

    def same_words(self, form: str) -> list[int]:
        """Return the names with the words of a form in any order."""
        return lookup(self.bag_keys, self.bag_rows, bag_of_words(form))

    def nearest(self, form: str, count: int, *, most_postings: int) -> list[Near]:
        """Return the names that share most n-grams with a form: the cosine of their tf-idf vectors.

        form (str): the form.
        count (int): the number of names.
        most_postings (int): the most postings to read, those of the rarest grams.
        RETURNS (list[Near]): the names, the most similar first.
        """
        _, grams = gram_buckets([form])
        ends = self.starts[grams + 1]
        lengths = ends - self.starts[grams]
        known = np.flatnonzero(lengths)
        weights = squared_idf(lengths, len(self.norms))
        if not len(known):
            return []
        rarest = known[np.argsort(lengths[known], kind="stable")]
        read = rarest[: max(int(np.searchsorted(np.cumsum(lengths[rarest]), most_postings)), 1)]
        lists = [self.postings[ends[gram] - lengths[gram] : ends[gram]] for gram in read]
        sums = np.zeros(len(self.norms), dtype=np.float32)
        for rows, weight in zip(lists, weights[read].astype(np.float32), strict=True):
            sums[rows] += weight
        # Only what the lists touch is read, so that the time does not grow with the vocabulary.
        rows = np.concatenate(lists)
        similarities = sums[rows] / (self.norms[rows] * np.float32(np.sqrt(weights.sum())))
        # Most are far below the largest, and sorting all of them would take longer than the search.
        near = np.flatnonzero(similarities > similarities.max() / 2)
        unique, first = np.unique(rows[near], return_index=True)
        if len(unique) < count:
            near = np.arange(len(rows))
            unique, first = np.unique(rows, return_index=True)
        similarities = similarities[near[first]]
        return [
            Near(int(unique[at]), int(self.owners[unique[at]]), float(similarities[at]))
            for at in largest(similarities, count)
        ]

    def to_disk(self, folder: Path) -> None:
        """Write the arrays, a file each."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, array in self.arrays().items():
            np.save(folder / f"{name}.npy", array)

    @classmethod
    def from_disk(cls, folder: Path) -> "NameIndex":
        """Open the arrays that `to_disk` wrote. They are read when they are used.

        RAISES (ValueError): a file is cut short, or is that of another vocabulary.
        """
        index = cls(**{field.name: np.load(folder / f"{field.name}.npy", mmap_mode="r") for field in fields(cls)})
        for group in (OF_CONCEPTS, OF_NAMES):
            if len({len(getattr(index, name)) for name in group}) > 1:
                raise ValueError(f"{', '.join(group)} are not of one vocabulary")
        return index

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def build_index(concepts: Iterable[Concept], labels: Mapping[str, Sequence[str]]) -> NameIndex:
    """Build the index of a vocabulary.

    concepts (Iterable[Concept]): the concepts.
    labels (Mapping[str, Sequence[str]]): for each label the prefixes of the groups of its concepts.
    RETURNS (NameIndex): the index.
    RAISES (ValueError): there is no concept, or none has a name.
    """
    ids: list[str] = []
    titles: list[str] = []
    masks: list[int] = []
    names: list[str] = []
    owners: list[int] = []
    for number, concept in enumerate(concepts):
        ids.append(concept.id)
        titles.append(concept.name)
        masks.append(label_mask(concept, labels))
        forms = dict.fromkeys(map(normal_form, (concept.name, *concept.names)))
        forms.pop("", None)
        names += forms
        owners += [number] * len(forms)
    if not names:
        raise ValueError("The vocabulary has no names")
    keys, rows = sorted_hashes(names)
    bag_keys, bag_rows = sorted_hashes(map(bag_of_words, names))
    starts, postings, norms = build_postings(names)
    return NameIndex(
        *pack(ids), *sorted_hashes(ids), *pack(titles), np.array(masks, dtype=np.uint16),
        *pack(names), np.array(owners, dtype=np.int32),
        keys, rows, bag_keys, bag_rows, starts, postings, norms,
    )  # fmt: skip


def label_mask(concept: Concept, labels: Mapping[str, Sequence[str]]) -> int:
    """Return the labels that a concept fits, as bits in the order of `labels`; 0 if its groups are not known."""
    return sum(1 << bit for bit, prefixes in enumerate(labels.values()) if in_groups(concept, tuple(prefixes)))


def build_postings(names: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the names that have a gram, by the gram's bucket, and the lengths of the names' vectors.

    names (Sequence[str]): the forms of the names.
    RETURNS (tuple[ndarray, ndarray, ndarray]): `starts`, `postings` and `norms` of `NameIndex`.
    """
    counts = np.zeros(BUCKETS, dtype=np.int64)
    for _, chunk in in_chunks(names):
        counts += np.bincount(gram_buckets(chunk)[1], minlength=BUCKETS)
    starts = np.concatenate([[0], np.cumsum(counts)])
    weights = squared_idf(counts, len(names))
    postings, norms = np.empty(starts[-1], dtype=np.int32), np.empty(len(names), dtype=np.float32)
    filled = starts[:-1].copy()
    for first, chunk in in_chunks(names):
        rows, buckets = gram_buckets(chunk)
        norms[first : first + len(chunk)] = np.sqrt(np.bincount(rows, weights=weights[buckets], minlength=len(chunk)))
        order = np.argsort(buckets, kind="stable")
        ordered = buckets[order]
        within = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
        postings[filled[ordered] + within] = rows[order] + first
        filled += np.bincount(buckets, minlength=BUCKETS)
    return starts, postings, np.maximum(norms, np.finfo(np.float32).tiny)


def squared_idf(counts: np.ndarray, names: int) -> np.ndarray:
    """Return the square of the inverse document frequency of grams, smoothed as scikit-learn does it."""
    return (np.log((1 + names) / (1 + counts)) + 1) ** 2


def largest(similarities: np.ndarray, count: int) -> np.ndarray:
    """Return the indices of the largest similarities above 0, the largest first, of equal ones the first first."""
    some = np.flatnonzero(similarities > max(float(similarities.max()) / 2, 0))
    if len(some) < count:
        some = np.flatnonzero(similarities > 0)
    return some[np.lexsort((some, -similarities[some]))[:count]]


def pack(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return texts as UTF-8, one after another, and where each ends."""
    encoded = [text.encode() for text in texts]
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), np.cumsum([*map(len, encoded)], dtype=np.int64)


def text_at(packed: np.ndarray, ends: np.ndarray, number: int) -> str:
    """Return one of the texts that `pack` packed."""
    start = ends[number - 1] if number else 0
    return packed[start : ends[number]].tobytes().decode()


def text_hash(text: str) -> int:
    """Return a hash of 64 bits that is the same everywhere. Two in a million names share one once in 10^7 cases."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def sorted_hashes(texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the hashes of texts, sorted, and the numbers of the texts in that order."""
    hashes = np.fromiter(map(text_hash, texts), dtype=np.uint64)
    order = np.argsort(hashes, kind="stable")
    return hashes[order], order.astype(np.int32)


def lookup(keys: np.ndarray, rows: np.ndarray, text: str) -> list[int]:
    """Return the numbers of the texts with the same hash as a text."""
    if not text:
        return []
    key = np.uint64(text_hash(text))
    start, end = np.searchsorted(keys, key), np.searchsorted(keys, key, side="right")
    return rows[start:end].tolist()
