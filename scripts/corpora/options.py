"""The options with which a corpus is read."""

from typing import NamedTuple


class CorpusOptions(NamedTuple):
    """How to read a corpus.

    format (str): the format of all its files; empty to recognise each.
    offsets (str): what offsets count, one of `offsets.UNITS`; empty to find out.
    seed (int): the seed of the splits.
    """

    format: str = ""
    offsets: str = ""
    seed: int = 0
