"""Read a corpus from files of any format: the documents of each split as records, and a report of what was done."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scripts.annotation.sources import opened
from scripts.corpora.files import CorpusFile, find_files, splits_to_make
from scripts.corpora.offsets import CHARACTERS, UNITS, choose_unit, with_offsets
from scripts.corpora.options import CorpusOptions
from scripts.corpora.recognition import BIGBIO
from scripts.corpora.splitting import split_records
from scripts.errors import ProjectError
from scripts.files import sha256
from scripts.formats.bigbio import read_part
from scripts.formats.decoding import first_undecoded
from scripts.formats.reading import DAMAGED, ReadOptions
from scripts.formats.registry import ANNOTATED
from scripts.records.annotated import LeftOut, to_record
from scripts.records.bigbio import SPLITS, Record, checked_records, document_id, document_text
from scripts.records.mentions import annotations

# More mentions that are not where their text is are no slips of an annotator.
MOST_MISPLACED = 0.5


class Read(NamedTuple):
    """A document of a file, with the offsets of the file.

    record (Record): the document.
    file (CorpusFile): the file.
    is_draft (bool): whether only a pipeline has annotated it so far.
    """

    record: Record
    file: CorpusFile
    is_draft: bool = False


def read_corpus_files(
    place: Path, options: CorpusOptions | None = None
) -> tuple[dict[str, list[Record]], dict[str, Any]]:
    """Read a corpus.

    place (Path): a file, or a folder of files.
    options (CorpusOptions | None): how to read them.
    RETURNS (tuple[dict[str, list[Record]], dict[str, Any]]): the documents by split, and the report.
    RAISES (ProjectError): a file can't be read, two documents have the same id, or there are too few.
    """
    options = options or CorpusOptions()
    if options.offsets and options.offsets not in UNITS:
        raise ProjectError(f"Unknown unit '{options.offsets}' of offsets", f"Known are {', '.join(UNITS)}.")
    files, not_read = find_files(place, options.format)
    to_make = splits_to_make(files, place)
    counts: Counter[str] = Counter()
    documents = usable(list(read_files(files, counts)), counts)
    unit = choose_unit([read.record for read in documents], options.offsets)
    check_misplaced(unit.placed.right, unit.placed.total, options)
    records = []
    for record, changed in with_offsets((read.record for read in documents), unit.name):
        records.append(record)
        counts += changed
    by_split = group_by_split(records, [read.file.split for read in documents], to_make, seed=options.seed)
    by_split = {split: checked_records(by_split[split], place) for split in SPLITS}
    misplaced = unit.placed.total - unit.placed.right
    return by_split, {
        "files": [describe_file(file) for file in files],
        "files_not_read": not_read,
        "splits": describe_splits(to_make, options.seed),
        "offsets": unit.name,
        "counts": dict(sorted((+(counts + Counter(misplaced_mentions=misplaced))).items())),
        **{split: describe_records(records) for split, records in by_split.items()},
    }


def read_files(files: Iterable[CorpusFile], counts: Counter[str]) -> Iterator[Read]:
    """Yield the documents of files, and count what is left out of them."""
    for file in files:
        if file.format == BIGBIO:
            with opened(file.source) as content:
                records, changes = read_part(content, file.source.path)
            counts.update(changes)
            yield from (Read(record, file) for record in records)
        else:
            yield from read_file(file, counts)


def read_file(file: CorpusFile, counts: Counter[str]) -> Iterator[Read]:
    """Yield the documents of a file in another format than BigBio's, and count what is left out of it.

    RAISES (ProjectError): the file can't be read to its end.
    """
    try:
        with opened(file.source) as content:
            for document in ANNOTATED[file.format](content, file.source, ReadOptions()):
                if isinstance(document, LeftOut):
                    counts[document.reason] += 1
                    continue
                counts.update(document.left_out)
                counts["drafted_attributes"] += sum(
                    len(each.attributes) - len(each.gold_attributes) for each in document.annotations
                )
                counts["drafted_ids"] += sum(len(each.links) for each in document.annotations if each.is_drafted)
                yield Read(to_record(document), file, document.is_draft)
    except DAMAGED as error:
        raise ProjectError(
            f"{file.source.path} can't be read as {file.format} ({type(error).__name__})",
            "It is damaged or cut short, or name another format with --vars.corpus_format.",
        ) from None


def usable(documents: Sequence[Read], counts: Counter[str]) -> list[Read]:
    """Return the documents to train on, and count the others.

    Left out are those without a text, copies, and drafts that nobody has corrected, unless there are only drafts.

    documents (Sequence[Read]): the documents.
    counts (Counter[str]): counts what is left out.
    RETURNS (list[Read]): the documents that are kept.
    RAISES (ProjectError): two have the same id, but not the same content, or a text can't be written.
    """
    only_drafts = all(read.is_draft for read in documents)
    kept: dict[str, Read] = {}
    for read in documents:
        identifier = document_id(read.record) if read.record["passages"] else ""
        text = document_text(read.record)
        if first_undecoded(text):
            raise ProjectError(f"Document '{identifier}': half of a surrogate pair is in its text", "Correct the file.")
        if not text.strip():
            counts["empty_documents"] += 1
        elif read.is_draft and not only_drafts:
            counts["uncorrected_drafts"] += 1
        elif identifier not in kept:
            kept[identifier] = read
            counts["drafts_as_they_are"] += read.is_draft
        elif kept[identifier].record == read.record and kept[identifier].file.split == read.file.split:
            counts["copies_of_documents"] += 1
        else:
            raise ProjectError(
                f"Two documents have the id '{identifier}', and they differ ({kept[identifier].file.source.name},"
                f" {read.file.source.name})",
                "Was it annotated by two people, or exported twice? Keep each document once, in one split.",
            )
    return list(kept.values())


def check_misplaced(right: int, total: int, options: CorpusOptions) -> None:
    """Check that mentions are where their text is.

    RAISES (ProjectError): most are not.
    """
    if total and (total - right) / total > MOST_MISPLACED and options.offsets != CHARACTERS:
        raise ProjectError(
            f"{total - right} of {total} mentions are not where their text is, whatever the offsets count",
            "Were the texts changed after they were annotated? To take the offsets as they are:"
            f" --vars.corpus_offsets {CHARACTERS}.",
        )


def group_by_split(
    records: Sequence[Record], named: Sequence[str], to_make: Sequence[str], *, seed: int
) -> dict[str, list[Record]]:
    """Return the documents of each split: as their files name it, or at random."""
    groups: dict[str, list[Record]] = {split: [] for split in ("", *SPLITS)}
    for record, split in zip(records, named, strict=True):
        groups[split].append(record)
    if to_make:
        source = "" if len(to_make) == len(SPLITS) else "train"
        groups.update(split_records(groups[source], seed=seed, splits=to_make))
    return {split: groups[split] for split in SPLITS}


def describe_file(file: CorpusFile) -> dict[str, str]:
    """Return name, format and hash of a file."""
    return {"file": file.source.name, "format": file.format, "sha256": sha256(file.source.path)}


def describe_splits(to_make: Sequence[str], seed: int) -> str:
    """Return in words where the splits come from."""
    if not to_make:
        return "as the files are named"
    origin = "all documents" if len(to_make) == len(SPLITS) else "the documents for training"
    return f"{', '.join(to_make)}: at random from {origin}, with the seed {seed}"


def describe_records(records: Sequence[Record]) -> dict[str, Any]:
    """Return the number of documents, and of mentions by their type."""
    types = Counter(entity["type"] for record in records for entity in annotations(record))
    return {"documents": len(records), "mentions": types.total(), "types": dict(sorted(types.items()))}
