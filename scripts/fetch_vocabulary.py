"""Fetch a vocabulary to link mentions to: MeSH from NLM, or OMOP, UMLS, RxNorm or a table from local files.

Out: assets/vocabularies/<vocabulary>/, the folder that `train` and `link` read.
"""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from wasabi import msg

from scripts.catalog.vocabularies import KnownVocabulary, read_vocabularies
from scripts.clinical_ner.linking.concept import Concept, in_groups
from scripts.downloads import NotThere, download
from scripts.errors import ProjectError, shown_to_user
from scripts.files import remove, sha256
from scripts.vocabularies.folder import Description, write_vocabulary
from scripts.vocabularies.mesh import read_mesh
from scripts.vocabularies.omop import FILES as OMOP_FILES
from scripts.vocabularies.omop import read_omop, read_sections
from scripts.vocabularies.rrf import RXNORM_FILES, UMLS_FILES, read_rxnorm, read_umls
from scripts.vocabularies.tables import check_files
from scripts.vocabularies.tsv import read_tsv

# The formats whose files are in one folder: what reads the folder, and the files.
FOLDER_FORMATS: dict[str, tuple[Callable[[Path], Iterator[Concept]], Sequence[str]]] = {
    "omop": (read_omop, OMOP_FILES),
    "umls": (read_umls, UMLS_FILES),
    "rxnorm": (read_rxnorm, RXNORM_FILES),
}
FILE_FORMATS: dict[str, Callable[[Path], Iterator[Concept]]] = {"mesh": read_mesh, "tsv": read_tsv}


def fetch_vocabulary(vocabulary: str, output: Path, *, source: str = "", keep_all: bool = False) -> Description:
    """Fetch a vocabulary into a folder.

    vocabulary (str): a name in configs/vocabularies.yml, or a new name for a table in `source`.
    output (Path): the folder to write. It is replaced as a whole, or left unchanged.
    source (str): local files: a folder, or a file. Empty to download them.
    keep_all (bool): keep the concepts that fit no label, too.
    RETURNS (Description): what was written.
    RAISES (ProjectError): the name is unknown, or the files can't be fetched or read.
    """
    known = find_vocabulary(vocabulary, source)
    downloads = output.with_name(f".{output.name}.download")
    files = local_files(known, Path(source).expanduser()) if source else download_files(known, downloads)
    try:
        written = convert_files(vocabulary, known, files, output, keep_all=keep_all)
    except ProjectError:
        # What was downloaded is damaged, or not what it should be: the next run must not find it again.
        remove(downloads)
        raise
    remove(downloads)
    return written


def convert_files(
    vocabulary: str, known: KnownVocabulary, files: Sequence[Path], output: Path, *, keep_all: bool
) -> Description:
    """Write the files of a vocabulary as a folder. Arguments as for `fetch_vocabulary`."""
    check_sha256(files, known)
    description = Description(
        name=vocabulary,
        title=known.title,
        year=known.year,
        license=known.license,
        restricted=known.restricted,
        browser=known.browser,
        system=known.system,
        sections=read_sections(files[0]) if known.format == "omop" else {},
        groups={label: [*prefixes] for label, prefixes in known.groups.items()},
        sources={path.name: sha256(path) for path in files},
    )
    concepts = read_files(known, files)
    return write_vocabulary(concepts if keep_all else select(concepts, known), description, output)


def find_vocabulary(vocabulary: str, source: str) -> KnownVocabulary:
    """Return what is known about a vocabulary.

    vocabulary (str): its name.
    source (str): local files.
    RETURNS (KnownVocabulary): its entry. A new name with a source is that of a table.
    RAISES (ProjectError): the name is not valid, or unknown and without a source.
    """
    if not re.fullmatch("[a-z0-9_]+", vocabulary):
        raise ProjectError(
            f"'{vocabulary}' can't be a vocabulary's name", "Use a-z, 0-9 and _ only: it becomes the name of a folder."
        )
    vocabularies = read_vocabularies()
    if vocabulary not in vocabularies and not source:
        raise ProjectError(
            f"There is no vocabulary '{vocabulary}'",
            f"Choose one of {', '.join(vocabularies)}, or give a table with --vars.vocabulary_source.",
        )
    # Tree numbers are MeSH's, so that a table with them has MeSH's groups.
    return vocabularies.get(vocabulary, KnownVocabulary(title=vocabulary, groups=vocabularies["mesh"].groups))


def local_files(known: KnownVocabulary, source: Path) -> list[Path]:
    """Return the local files of a vocabulary.

    known (KnownVocabulary): the vocabulary.
    source (Path): the folder with its files, or a single file.
    RETURNS (list[Path]): the files.
    RAISES (ProjectError): there are none.
    """
    if not source.exists():
        raise ProjectError(f"There is no file or folder {source}", "Check the path.")
    if source.is_file():
        return [source]
    if known.format in FOLDER_FORMATS:
        names: Sequence[str] = FOLDER_FORMATS[known.format][1]
        check_files(source, names[:1], source=f"Expected are {', '.join(names)}.")
        # Another one that is missing is optional, or reported by what reads the folder.
        return [source / name for name in names if (source / name).is_file()]
    stems = {name.partition(".")[0] for name in known.files}
    files = sorted(path for path in source.iterdir() if path.name.partition(".")[0] in stems)
    if {path.name.partition(".")[0] for path in files} != stems or not files:
        raise ProjectError(f"{source} lacks a file of {known.title}", f"Expected are {' and '.join(known.files)}.")
    return files


def download_files(known: KnownVocabulary, folder: Path) -> list[Path]:
    """Download the files of a vocabulary, or what is missing of them.

    known (KnownVocabulary): the vocabulary.
    folder (Path): the folder for the files.
    RETURNS (list[Path]): the files.
    RAISES (ProjectError): they can't be downloaded.
    """
    hint = f"Name local files with --vars.vocabulary_source PATH or in the environment, {known.environment}=PATH."
    if not known.files:
        raise ProjectError(f"{known.title} can't be downloaded without an account", hint)
    for name in known.files:
        for number, url in enumerate(known.urls, start=1):
            try:
                download(f"{url}/{name}", folder / name, hint=hint)
                break
            except NotThere:
                if number == len(known.urls):
                    raise
    return [folder / name for name in known.files]


def check_sha256(files: Sequence[Path], known: KnownVocabulary) -> None:
    """Raise an error if a file does not have the sha256 that is pinned for it."""
    for path in files:
        expected = known.sha256.get(path.name)
        if expected and (found := sha256(path)) != expected:
            raise ProjectError(
                f"{path} has the sha256 {found}, not {expected}", "It is damaged or was changed: remove it, try again."
            )


def read_files(known: KnownVocabulary, files: Sequence[Path]) -> Iterator[Concept]:
    """Read the concepts of a vocabulary."""
    if known.format in FOLDER_FORMATS:
        return FOLDER_FORMATS[known.format][0](files[0].parent)
    return chain.from_iterable(map(FILE_FORMATS[known.format], files))


def select(concepts: Iterator[Concept], known: KnownVocabulary) -> Iterator[Concept]:
    """Return the concepts that fit a label; all of them if it is not known what fits."""
    prefixes = tuple(prefix for group in known.groups.values() for prefix in group)
    return (concept for concept in concepts if not prefixes or not concept.groups or in_groups(concept, prefixes))


def local_source(vocabulary: str) -> str:
    """Return the local files that the environment names, or an empty string."""
    known = read_vocabularies().get(vocabulary)
    return os.environ.get(known.environment, "") if known and known.environment else ""


def fetch_vocabulary_cli(
    vocabulary: Annotated[str, typer.Argument(help="A name in configs/vocabularies.yml, or a new name with --source")],
    output: Annotated[Path, typer.Argument(help="Folder to write")],
    source: Annotated[
        str,
        typer.Option(help="Local files; empty for those that the environment names (MESH_FILES), or to download them"),
    ] = "",
    keep_all: Annotated[bool, typer.Option(help="Keep the concepts that fit no label, too")] = False,
) -> None:
    """Fetch a vocabulary: MeSH from NLM, or OMOP, UMLS, RxNorm or a table from local files."""
    with shown_to_user():
        written = fetch_vocabulary(vocabulary, output, source=source or local_source(vocabulary), keep_all=keep_all)
    msg.good(f"{written.title}: {written.concepts} concepts with {written.names} names are in {output}")
    msg.info(f"License: {written.license}")


if __name__ == "__main__":
    typer.run(fetch_vocabulary_cli)
