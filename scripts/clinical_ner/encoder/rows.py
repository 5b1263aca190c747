"""Rows of wordpieces as they go through the encoder: windows of documents, grouped by length and padded."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy
import torch
from spacy_transformers.data_classes import WordpieceBatch

from .windows import Window
from .wordpieces import Ints, Wordpieces

logger = logging.getLogger(f"spacy.{__name__}")


@dataclass
class Row:
    """A window with its special wordpieces.

    ids (Ints): the ids of its wordpieces.
    columns (Ints): the wordpieces whose vectors are taken from this row; a neighbour shows more context of the others.
    vectors (Ints): the positions of these vectors among those of all documents.
    """

    ids: Ints
    columns: Ints
    vectors: Ints


class Places(NamedTuple):
    """Where the vectors of a group of rows are in the encoder's output, and among those of all documents.

    rows, columns (torch.Tensor): int64, their positions in the output.
    vectors (torch.Tensor): int64, their positions among all.
    """

    rows: torch.Tensor
    columns: torch.Tensor
    vectors: torch.Tensor


class GroupLimits(NamedTuple):
    """How many rows go through the encoder at once. It changes speed and memory, but no result.

    wordpieces (int): the most wordpieces, padding included, in a group; a longer row is a group by itself.
    padding (float): the largest fraction of a row that may be padding.
    """

    wordpieces: int
    padding: float


# On a CPU a padded wordpiece costs as much as any other, and one long row keeps two cores busy. A GPU is busy only with
# thousands of wordpieces: there a group less saves more than its padding costs.
CPU_LIMITS = GroupLimits(wordpieces=2048, padding=0.05)
GPU_LIMITS = GroupLimits(wordpieces=16384, padding=0.5)


def limits_for(device: torch.device) -> GroupLimits:
    """Return the limits that fit a device."""
    return CPU_LIMITS if device.type == "cpu" else GPU_LIMITS


def make_rows(document: Wordpieces, windows: list[Window], special: tuple[Ints, Ints], first: int) -> list[Row]:
    """Turn a document's windows into rows.

    document (Wordpieces): the document.
    windows (list[Window]): its windows.
    special (tuple[Ints, Ints]): the special wordpieces before and after each window.
    first (int): the position of the document's first vector among those of all documents.
    RETURNS (list[Row]): its rows.
    """
    before, after = special
    # Of the wordpieces that two windows share, each window gives the half that is deeper inside it.
    cuts = [(end + start) // 2 for (_, end), (start, _) in pairwise(windows)]
    rows = []
    for (start, end), low, high in zip(windows, [0, *cuts], [*cuts, len(document.ids)], strict=True):
        ids = numpy.concatenate([before, document.ids[start:end], after])
        taken = numpy.arange(low, high)
        rows.append(Row(ids, taken - start + len(before), taken + first))
    return rows


def check_windows(document: Wordpieces, windows: list[Window], n_special: int, limit: int) -> None:
    """Check the windows' lengths, and log a warning about tokens that no window can hold.

    document (Wordpieces): the document.
    windows (list[Window]): its windows.
    n_special (int): the number of special wordpieces in each window.
    limit (int): the most wordpieces that the encoder takes.
    RAISES (ValueError): a window is longer than that.
    """
    capacity = max(end - start for start, end in windows)
    longest = capacity + n_special
    if longest > limit:
        raise ValueError(
            f"A window of {longest} wordpieces is longer than the encoder's limit, {limit}:"
            " give the span getter a lower max_wordpieces"
        )
    divided = int((document.counts > capacity).sum())
    if divided:
        logger.warning(
            "%d tokens are longer than a window of %d wordpieces: they were read in parts, and have the mean of all."
            " Text without spaces does this.",
            divided,
            longest,
        )


def group_by_length(rows: list[Row], limits: GroupLimits) -> Iterator[list[Row]]:
    """Group rows of similar length to limit padding. Longest first: if memory runs out, it does so immediately.

    rows (list[Row]): the rows.
    limits (GroupLimits): the limits of a group.
    YIELDS (list[Row]): the groups.
    """
    group: list[Row] = []
    for row in sorted(rows, key=lambda row: -len(row.ids)):
        longest = len(group[0].ids) if group else 0
        full = longest * (len(group) + 1) > limits.wordpieces
        if group and (full or len(row.ids) < (1 - limits.padding) * longest):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def pad(group: list[Row], pad_id: int) -> WordpieceBatch:
    """Pad rows to the batch that spacy-transformers' wrapper of the encoder takes.

    group (list[Row]): the rows.
    pad_id (int): the id of the wordpiece to pad with.
    RETURNS (WordpieceBatch): the batch, with ids, mask and lengths.
    """
    lengths = [len(row.ids) for row in group]
    mask = numpy.arange(max(lengths)) < numpy.array(lengths)[:, None]
    input_ids: Any = numpy.full(mask.shape, pad_id)
    input_ids[mask] = numpy.concatenate([row.ids for row in group])
    attention_mask: Any = mask.astype("f")
    return WordpieceBatch([], input_ids, attention_mask, lengths, None)


def find_places(group: list[Row], device: torch.device) -> Places:
    """Return the places of the vectors that are taken from a group's rows.

    group (list[Row]): the rows.
    device (torch.device): the encoder's device.
    RETURNS (Places): the places, on that device.
    """
    rows = numpy.repeat(numpy.arange(len(group)), [len(row.columns) for row in group])
    columns = numpy.concatenate([row.columns for row in group])
    vectors = numpy.concatenate([row.vectors for row in group])
    return Places(*(torch.from_numpy(indices).to(device) for indices in (rows, columns, vectors)))
