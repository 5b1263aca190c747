"""Split a corpus that comes without splits into train, dev and test, by documents."""

from collections.abc import Sequence
from hashlib import blake2b

from scripts.errors import ProjectError
from scripts.records.bigbio import SPLITS, Record, document_text

# The shares of the documents; the rest is for training.
SHARES = {"test": 0.15, "dev": 0.15}


def split_records(records: Sequence[Record], *, seed: int, splits: Sequence[str] = SPLITS) -> dict[str, list[Record]]:
    """Split documents at random. Documents with the same text are in the same split.

    A document's place depends on the seed and its text, and not on the other documents: if more are annotated later,
    few of the old ones move to another split.

    records (Sequence[Record]): the documents.
    seed (int): the seed.
    splits (Sequence[str]): the splits to make; "train" is among them.
    RETURNS (dict[str, list[Record]]): the documents of each split, in the order given.
    RAISES (ProjectError): there are fewer texts than splits.
    """
    keys = [text_key(record, seed) for record in records]
    order = sorted(set(keys))
    if len(order) < len(splits):
        raise ProjectError(
            f"{len(order)} documents with a text of their own can't be split into {', '.join(splits)}",
            "Annotate more documents, or name files after their splits.",
        )
    split_of: dict[bytes, str] = {}
    for split in splits:
        if split in SHARES:
            number = max(1, round(SHARES[split] * len(order)))
            split_of.update((key, split) for key in order[len(split_of) : len(split_of) + number])
    return {
        split: [record for record, key in zip(records, keys, strict=True) if split_of.get(key, "train") == split]
        for split in splits
    }


def text_key(record: Record, seed: int) -> bytes:
    """Return a number that is as good as random for a text, white space aside."""
    text = " ".join(document_text(record).split())
    return blake2b(f"{seed}\0{text}".encode(), digest_size=16).digest()
