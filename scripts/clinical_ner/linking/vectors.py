"""Vectors of names, trained on a vocabulary's synonyms: "renal" and "kidney" share no n-gram, but many concepts.

A name's vector is the sum of the vectors of its n-grams and words. It takes microseconds, and no encoder.
scripts/linking/synonyms.py trains them, with the loss of SapBERT (https://aclanthology.org/2021.naacl-main.334).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from .grams import BUCKETS, gram_buckets
from .index import Near, largest, text_hash

# Fewer buckets than for the index: a table of 2^16 vectors is small enough for a wheel.
FEATURES = 2**16


def features(forms: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the features of forms: their n-grams and their words.

    forms (Sequence[str]): the forms.
    RETURNS (tuple[ndarray, ndarray]): the number of the form and of the feature, sorted by form.
    """
    rows, buckets = gram_buckets(forms)
    pairs = [(row, text_hash(word) % FEATURES) for row, form in enumerate(forms) for word in form.split()]
    word_rows, words = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    all_rows = np.concatenate([rows, word_rows])
    order = np.argsort(all_rows, kind="stable")
    return all_rows[order], np.concatenate([buckets // (BUCKETS // FEATURES), words])[order]


@dataclass(frozen=True, eq=False)
class SynonymVectors:
    """The vectors of features and names.

    table (ndarray): the vector of each feature.
    names (ndarray): the vectors of names, each of length 1.
    rows (ndarray): the names' numbers in the index.
    labels (ndarray): the bits of the labels that the names fit, as a single number.
    """

    table: np.ndarray
    names: np.ndarray
    rows: np.ndarray
    labels: np.ndarray

    def encode(self, forms: Sequence[str]) -> np.ndarray:
        """Return the vectors of forms, (forms, width), each of length 1 or 0."""
        return encode(self.table, forms)

    def nearest(self, form: str, owners: np.ndarray, count: int) -> list[Near]:
        """Return the names whose vectors are most similar to a form's.

        form (str): the form.
        owners (ndarray): the concept of each name of the index.
        count (int): the number of names.
        RETURNS (list[Near]): the names, the most similar first.
        """
        similarities = self.names @ self.encode([form])[0]
        best = largest(similarities, count)
        return [Near(int(self.rows[at]), int(owners[self.rows[at]]), float(similarities[at])) for at in best]

    def to_disk(self, folder: Path) -> None:
        """Write the arrays in half precision."""
        folder.mkdir(parents=True, exist_ok=True)
        for field in fields(self):
            array = getattr(self, field.name)
            np.save(folder / f"{field.name}.npy", array.astype(np.float16) if array.dtype == np.float32 else array)

    @classmethod
    def from_disk(cls, folder: Path) -> "SynonymVectors":
        """Read the arrays that `to_disk` wrote."""
        table, names, rows, labels = (np.load(folder / f"{field.name}.npy") for field in fields(cls))
        return cls(table.astype(np.float32), names.astype(np.float32), rows, labels)


def encode(table: np.ndarray, forms: Sequence[str]) -> np.ndarray:
    """Return the sums of the vectors of the forms' features, each scaled to length 1."""
    rows, columns = features(forms)
    sums = np.zeros((len(forms), table.shape[1]), dtype=np.float32)
    np.add.at(sums, rows, table[columns])
    return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
