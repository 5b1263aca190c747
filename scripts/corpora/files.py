"""The files of a corpus: found in a folder, with the format and the split of each."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

from scripts.annotation.sources import COMPRESSIONS, make_source, walk
from scripts.corpora.recognition import CORPUS_FORMATS, is_brat, recognise
from scripts.errors import ProjectError
from scripts.formats.reading import Source
from scripts.formats.token_rows import INFOS
from scripts.formats.xmi import TYPE_SYSTEM
from scripts.records.bigbio import SPLITS

# The ends of names of files that hold documents and nothing else. One that can't be recognised is an error.
CERTAIN = (".jsonl", ".ndjson", ".parquet", ".arrow", ".pubtator", ".pubtator.txt", ".conll", ".iob", ".spacy", ".xmi")
# Those of files that may hold documents.
POSSIBLE = (".json", ".txt", ".xml", ".tsv", ".bio", ".iob2", ".bioc.json", ".bioc.xml")
# Files that belong to a corpus and hold no documents.
COMPANIONS = {*INFOS, TYPE_SYSTEM, "dataset_dict.json", "state.json", "report.json"}
SPLIT_NAMES = {
    "train": {"train", "training"},
    "dev": {"dev", "validation", "valid", "val"},
    "test": {"test", "testing"},
}
# Formats with a file for each document, whose name says nothing of a split.
FILE_EACH = ("brat", "xmi")


@dataclass(frozen=True)
class CorpusFile:
    """A file of a corpus.

    source (Source): the file.
    format (str): its format, one of `CORPUS_FORMATS`.
    split (str): its split, "" if its path names none.
    """

    source: Source
    format: str
    split: str = ""


def find_files(place: Path, format: str = "") -> tuple[list[CorpusFile], list[str]]:
    """Find the files of a corpus.

    place (Path): a file, or a folder.
    format (str): the format of all files; empty to recognise each.
    RETURNS (tuple[list[CorpusFile], list[str]]): the files by path, and the names of files that hold no documents.
    RAISES (ProjectError): there are none, one can't be read, or its path names two splits.
    """
    if format and format not in CORPUS_FORMATS:
        raise ProjectError(f"Unknown format '{format}' of a corpus", f"Known are {', '.join(CORPUS_FORMATS)}.")
    if not place.exists():
        raise ProjectError(
            f"There is no folder or file {place}", "The source of a corpus is a folder, a file or hub:owner/name."
        )
    sources = folder_sources(place) if place.is_dir() else [file_source(place)]
    formats = {source: format_of(source, format) for source in sources}
    # A text without annotations among others that have some.
    if "brat" in formats.values():
        formats.update({source: "brat" for source, found in formats.items() if not found and source.suffix == ".txt"})
    files = [
        CorpusFile(source, found, split_of(source, found) if place.is_dir() else "")
        for source, found in formats.items()
        if found
    ]
    if not files:
        raise ProjectError(
            f"{place} holds no annotated documents whose format is recognised",
            f"Name the format with --vars.corpus_format: {', '.join(CORPUS_FORMATS)}. Unpack archives first.",
        )
    return files, [source.name for source, found in formats.items() if not found]


def folder_sources(folder: Path) -> list[Source]:
    """Return the files in a folder that may hold documents, by path."""
    names = {path: path.relative_to(folder) for path in walk(folder) if path.is_file() and path.name not in COMPANIONS}
    found = (make_source(path, name, (*CERTAIN, *POSSIBLE)) for path, name in names.items())
    return [source for source in found if source]


def file_source(path: Path) -> Source:
    """Return a file, whatever its name."""
    packed = next((end for end in COMPRESSIONS if path.name.lower().endswith(end)), "")
    suffix = PurePath(path.name[: len(path.name) - len(packed)]).suffix.lower()
    made = make_source(path, PurePath(path.name), (*CERTAIN, *POSSIBLE))
    return made or Source(path, path.name, path.name.partition(".")[0], suffix, COMPRESSIONS.get(packed))


def format_of(source: Source, wanted: str) -> str:
    """Return the format of a file, "" if it holds no documents.

    RAISES (ProjectError): it can't be recognised, and its name says that it holds documents.
    """
    if wanted:
        return wanted if wanted != "brat" or source.suffix == ".txt" else ""
    found = recognise(source)
    if found is None and source.suffix in CERTAIN:
        why = "it is empty" if not source.path.stat().st_size else "its format is not recognised, or it is damaged"
        raise ProjectError(
            f"{source.path} can't be read: {why}",
            f"Name the format with --vars.corpus_format: {', '.join(CORPUS_FORMATS)}.",
        )
    return found or ""


def split_of(source: Source, format: str) -> str:
    """Return the split that the words of a file's path name, "" for none.

    RAISES (ProjectError): they name two.
    """
    path = PurePath(source.name)
    named = path.parent if format in FILE_EACH or is_brat(source) else path
    words = set(re.split("[^a-z]+", named.as_posix().lower()))
    found = [split for split, names in SPLIT_NAMES.items() if words & names]
    if len(found) > 1:
        raise ProjectError(f"{source.path} could be {' or '.join(found)}", "Name each file after one split.")
    return found[0] if found else ""


def splits_to_make(files: Iterable[CorpusFile], place: Path) -> tuple[str, ...]:
    """Return the splits that have to be made from the files without one, or from those for training.

    files (Iterable[CorpusFile]): the files.
    place (Path): their folder, for the message.
    RETURNS (tuple[str, ...]): all three, if no path names a split; train and dev, if only dev is missing; else none.
    RAISES (ProjectError): some files have a split and others don't, or train or test is missing.
    """
    given: dict[str, list[str]] = {split: [] for split in ("", *SPLITS)}
    for file in files:
        given[file.split].append(file.source.name)
    missing = [split for split in SPLITS if not given[split]]
    if len(missing) == len(SPLITS):
        return SPLITS
    if given[""]:
        raise ProjectError(
            f"{place}: the path of {given[''][0]} names no split, and those of other files do",
            "Name all files after train, dev and test, or none.",
        )
    if missing and missing != ["dev"]:
        raise ProjectError(
            f"{place} has no file for {', '.join(missing)}",
            "Name files train, dev (or validation) and test, or none of them: then the documents are split.",
        )
    return ("train", "dev") if missing else ()
