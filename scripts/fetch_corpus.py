"""Fetch a corpus: BC5CDR, synthetic notes, or documents of your own, in the formats of the tools that people use.

First step of the workflow. Out: assets/<profile>/{train,dev,test}.jsonl, the records that `convert` reads.
"""

import hashlib
import io
import json
import os
import re
import shlex
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import requests
import typer
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.util import Retry
from wasabi import msg

from scripts.catalog.corpora import JOIN, Archive, ArchiveFile, Corpus, read_corpora
from scripts.corpora.offsets import CHARACTERS, UNITS
from scripts.corpora.options import CorpusOptions
from scripts.errors import ProjectError, shown_to_user
from scripts.formats.bioc import BioCJson, annotation_spans
from scripts.formats.bioc_xml import parse_documents
from scripts.generate_notes import generate_notes
from scripts.records.bigbio import REPORT, SPLITS, Record, read_corpus, write_corpus
from scripts.records.joining import join_records

TRIES = 5
SECONDS_BEFORE_RETRY = 0.5
SECONDS_TO_ANSWER = 30


def fetch_corpus(
    profile: str,
    output: Path,
    *,
    archive: str = "",
    source: str = "",
    options: CorpusOptions | None = None,
    seed: int = 0,
) -> None:
    """Fetch the corpus of a profile as records, one file for each split.

    profile (str): a profile in configs/corpora.yml, or with a `source` any name of lowercase letters, digits and
        underscores. Several are joined by plus signs; those that are not beside the output are fetched to there.
    output (Path): the folder for {train,dev,test}.jsonl. It is written as a whole or not at all.
    archive (str): a local copy of the corpus's archive, zipped or unpacked. Empty to download it.
    source (str): a file or folder of annotated documents, or hub:owner/name[/config]@revision. Empty for none. With
        several corpora, pairs of a profile and its source: "ncbi=/data/ncbi".
    options (CorpusOptions | None): how to read the source. Its seed is `seed`.
    seed (int): the seed of the synthetic notes, or of the splits of a source that comes without.
    RAISES (ProjectError): the profile is unknown, or its corpus can't be fetched or is not as released.
    """
    if JOIN in profile:
        fetch_joined(profile.split(JOIN), output, sources=parse_sources(source), options=options, seed=seed)
        return
    check_profile(profile)
    if source:
        fetch_source(source, output, (options or CorpusOptions())._replace(seed=seed))
        return
    corpus = find_known(profile)
    if corpus.archive:
        fetch_archive(corpus.archive, output, copy=archive)
    elif corpus.generated:
        generate_notes(output, seed=seed)
    else:
        raise ProjectError(
            f"configs/corpora.yml names no archive for '{profile}'",
            "Name a file or folder of annotated documents: --vars.corpus_source /path/to/folder",
        )


def fetch_joined(
    profiles: list[str], output: Path, *, sources: Mapping[str, str], options: CorpusOptions | None, seed: int
) -> None:
    """Join corpora. Each that is not in a folder of its own beside the output is fetched first.

    profiles (list[str]): their profiles.
    output (Path): the folder for {train,dev,test}.jsonl.
    sources (Mapping[str, str]): files, folders and data sets of the hub, by profile.
    options (CorpusOptions | None): how to read the sources.
    seed (int): the seed, as for one corpus.
    RAISES (ProjectError): a corpus is named twice or not at all, can't be fetched, or shares documents with another.
    """
    if "" in profiles or len(set(profiles)) < len(profiles):
        raise ProjectError(
            f"'{JOIN.join(profiles)}' does not name each corpus once",
            "Write for instance: --vars.profile bc5cdr+synthetic",
        )
    if others := {*sources} - {*profiles}:
        raise ProjectError(
            f"There is a source for {', '.join(sorted(others))}, but the profile is {JOIN.join(profiles)}",
            "Each source needs the name of one of the profile's corpora.",
        )
    for profile in profiles:
        folder = output.with_name(profile)
        if profile in sources or not all((folder / f"{split}.jsonl").is_file() for split in SPLITS):
            msg.info(f"Fetching {profile} into {folder}")
            given = sources.get(profile, "")
            fetch_corpus(profile, folder, archive=local_copy(profile), source=given, options=options, seed=seed)
    write_corpus(join_records({profile: read_corpus(output.with_name(profile)) for profile in profiles}), output)


def parse_sources(text: str) -> dict[str, str]:
    """Parse the folders of corpora: pairs of a profile and a folder, as in "ncbi=/data/ncbi 'own=/my notes'".

    RAISES (ProjectError): a pair does not have that form.
    """
    pairs = [pair.partition("=") for pair in shlex.split(text)]
    if not all(profile and folder for profile, _, folder in pairs):
        raise ProjectError(
            f"Can't read the sources '{text}'",
            "For a profile of several corpora, give pairs of a profile and its folder: ncbi=/data/ncbi",
        )
    return {profile: folder for profile, _, folder in pairs}


def fetch_source(source: str, output: Path, options: CorpusOptions) -> None:
    """Fetch a corpus of annotated documents, with a report of how they were read: report.json.

    source (str): a file or folder, or hub:owner/name[/config]@revision.
    output (Path): the folder for {train,dev,test}.jsonl and report.json.
    options (CorpusOptions): how to read it.
    RAISES (ProjectError): the documents can't be read.
    """
    # Its readers import libraries that other corpora don't need.
    from scripts.corpora.hub import PREFIX, download_data_set
    from scripts.corpora.reading import read_corpus_files

    with TemporaryDirectory() as folder:
        commit = download_data_set(source, Path(folder)) if source.startswith(PREFIX) else ""
        corpus, report = read_corpus_files(Path(folder) if commit else Path(source), options)
    report = {"source": source, **({"commit": commit} if commit else {}), **report}
    write_corpus(corpus, output, others={REPORT: (json.dumps(report, indent=2) + "\n").encode()})
    show_report(report)


def show_report(report: Mapping[str, Any]) -> None:
    """Show how a corpus was read, and what was dropped, moved or merged."""
    formats = sorted({file["format"] for file in report["files"]})
    msg.info(f"{len(report['files'])} files ({', '.join(formats)}); splits {report['splits']}")
    for split in SPLITS:
        types = ", ".join(f"{name} {count}" for name, count in report[split]["types"].items())
        msg.text(f"{split}: {report[split]['documents']} documents, {report[split]['mentions']} mentions ({types})")
    if report["offsets"] != CHARACTERS:
        msg.warn(f"Offsets count {UNITS[report['offsets']]}. They were converted to characters")
    for name, count in report["counts"].items():
        msg.text(f"{name.replace('_', ' ')}: {count}")
    if "drafts_as_they_are" in report["counts"]:
        msg.warn("A pipeline has annotated these documents, and nobody has corrected them")
    if report["files_not_read"]:
        names = report["files_not_read"]
        msg.warn(f"{len(names)} files hold no documents in a format that is known, the first is {names[0]}")


def check_profile(profile: str) -> None:
    """Raise an error if a profile's name can't be part of the name of a package."""
    if not re.fullmatch("[a-z0-9_]+", profile):
        raise ProjectError(
            f"'{profile}' can't be a profile's name", "It becomes part of a package's name: use a-z, 0-9 and _ only."
        )


def find_known(profile: str) -> Corpus:
    """Return a corpus in configs/corpora.yml.

    RAISES (ProjectError): there is no such profile.
    """
    corpora = read_corpora()
    if profile not in corpora:
        raise ProjectError(
            f"Unknown profile '{profile}'. Known are {', '.join(corpora)}",
            "For another corpus, name a file or folder of annotated documents: --vars.corpus_source /path/to/folder",
        )
    return corpora[profile]


def fetch_archive(archive: Archive, output: Path, *, copy: str = "") -> None:
    """Fetch a corpus from the archive in which it was released, with the predictions of peers that it has.

    archive (Archive): the archive.
    output (Path): the folder for {train,dev,test}.jsonl and peers/.
    copy (str): a local copy, zipped or unpacked. Empty to download it.
    RAISES (ProjectError): the archive can't be downloaded or is not as released.
    """
    contents = read_copy(archive, Path(copy)) if copy else read_zip(archive, download(archive), archive.url)
    peers = {
        f"peers/{peer}.PubTator.txt": contents[file.name]
        for peer, file in archive.peers.items()
        if file.name in contents
    }
    records = {split: read_bioc(contents[archive.files[split].name]) for split in SPLITS}
    write_corpus(records, output, others=peers)


def expected(archive: Archive) -> str:
    """Return a hint: the files of an archive."""
    names = [file.name for file in archive.files.values()]
    return f"It should be {archive.name}, or the unpacked folder, with {', '.join(names[:-1])} and {names[-1]}."


def read_copy(archive: Archive, copy: Path) -> dict[str, bytes]:
    """Read the files of an archive from a local copy.

    archive (Archive): the archive.
    copy (Path): the zip file, the folder it was unpacked into, or a folder inside of that.
    RETURNS (dict[str, bytes]): the content by the name of the file.
    RAISES (ProjectError): there is no such copy, or it is not as released.
    """
    if not copy.exists():
        raise ProjectError(f"There is no file or folder {copy}", expected(archive))
    if copy.is_dir():
        return read_folder(archive, copy)
    return read_zip(archive, copy.read_bytes(), str(copy))


def read_folder(archive: Archive, folder: Path) -> dict[str, bytes]:
    """Read the files of an unpacked archive from a folder, or up to two folders inside of it."""
    paths = {path.name: path for depth in ("*/*/*", "*/*", "*") for path in folder.glob(depth) if path.is_file()}
    return pick_files(archive, {name: path.read_bytes for name, path in paths.items()}, str(folder))


def read_zip(archive: Archive, content: bytes, where: str) -> dict[str, bytes]:
    """Read the files of an archive from the bytes of its zip file. Nothing is unpacked to disk.

    archive (Archive): the archive.
    content (bytes): the zip file.
    where (str): where it comes from, for messages.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            members = {PurePosixPath(name).name: partial(file.read, name) for name in file.namelist()}
            return pick_files(archive, members, where)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ProjectError(
            f"{where} is cut short or not a zip file ({len(content)} bytes)", expected(archive)
        ) from error


def pick_files(archive: Archive, readers: Mapping[str, Callable[[], bytes]], where: str) -> dict[str, bytes]:
    """Read those of the files that belong to an archive, and check that they are as released.

    archive (Archive): the archive.
    readers (Mapping[str, Callable]): a function that reads the file, by the name of each file that was found.
    where (str): where the files are, for messages.
    RETURNS (dict[str, bytes]): the content by the name of the file.
    RAISES (ProjectError): the file of a split is missing, or a file was changed.
    """
    missing = [file.name for file in archive.files.values() if file.name not in readers]
    if missing:
        raise ProjectError(f"{where} has no {missing[0]}", expected(archive))
    files = [file for file in (*archive.files.values(), *archive.peers.values()) if file.name in readers]
    contents = {file.name: readers[file.name]() for file in files}
    for file in files:
        check_file(file, contents[file.name], where, expected(archive))
    return contents


def check_file(file: ArchiveFile, content: bytes, where: str, hint: str) -> None:
    """Raise an error if a file does not have the sha256 that it was released with."""
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise ProjectError(
            f"{file.name} in {where} has the sha256 {found}, not {file.sha256}", f"It was changed. {hint}"
        )


def download(archive: Archive) -> bytes:
    """Download an archive into memory, starting again if the connection breaks.

    RAISES (ProjectError): the server can't be reached, or does not send the file.
    """
    retry = Retry(
        TRIES - 1,
        backoff_factor=SECONDS_BEFORE_RETRY,
        status_forcelist=(429, 500, 502, 503, 504),
        raise_on_status=False,
    )
    msg.info(f"Downloading {archive.url}")
    try:
        with requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(max_retries=retry))
            for _ in range(TRIES - 1):
                try:
                    return get_content(session, archive.url)
                except requests.exceptions.ChunkedEncodingError:
                    msg.warn("The connection broke before the download was complete. Starting again")
            return get_content(session, archive.url)
    except requests.RequestException as error:
        status = f"the server answered {error.response.status_code}" if error.response is not None else "no connection"
        raise ProjectError(
            f"Can't download {archive.url}: {status} ({type(error).__name__})",
            f"Name a local copy in the environment, {archive.environment}=/path/to/{archive.name}, or run the workflow"
            " that needs only PyPI: spacy project run quickstart",
        ) from error


def get_content(session: requests.Session, url: str) -> bytes:
    """Return the content of a URL, with a progress bar. Content that is shorter than announced raises an error."""
    # Without compression, the announced length is that of the content, and the progress bar is right.
    headers = {"Accept-Encoding": "identity"}
    body = io.BytesIO()
    with session.get(url, headers=headers, stream=True, timeout=SECONDS_TO_ANSWER) as response:
        response.raise_for_status()
        total = int(response.headers.get("Content-Length", 0)) or None
        with tqdm(desc=PurePosixPath(url).name, total=total, unit="B", unit_scale=True, disable=None) as progress:
            for chunk in response.iter_content(chunk_size=2**16):
                progress.update(body.write(chunk))
    return body.getvalue()


def read_bioc(content: bytes) -> list[Record]:
    """Read one of BC5CDR's BioC files.

    Ids, types, links and relations are those of BigBio's own loader: https://huggingface.co/datasets/bigbio/bc5cdr.
    So each passage carries all relations of its document, with MeSH ids as arguments.

    content (bytes): BioC XML, http://bioc.sourceforge.net.
    RETURNS (list[Record]): its documents in order.
    """
    return [bioc_record(document) for document in parse_documents(io.BytesIO(content))]


def bioc_record(document: BioCJson) -> Record:
    """Return a BioC document of BC5CDR as a record."""
    # In BC5CDR a passage's offset is its position in the passages joined by one space.
    text = " ".join(passage["text"] for passage in document["passages"])
    relations = [
        {
            "id": relation["id"],
            "type": relation["infons"]["relation"],
            "arg1_id": relation["infons"]["Chemical"],
            "arg2_id": relation["infons"]["Disease"],
        }
        for relation in document["relations"]
    ]
    return {
        "passages": [
            {
                "document_id": document["id"],
                "type": passage["infons"]["type"],
                "text": passage["text"],
                "entities": [bioc_entity(annotation, text) for annotation in passage["annotations"]],
                "relations": relations,
            }
            for passage in document["passages"]
        ]
    }


def bioc_entity(annotation: BioCJson, text: str) -> dict[str, Any]:
    """Return a BioC annotation as an entity. Its text is taken from the document: in four annotations it differs."""
    offsets = [list(span) for span in annotation_spans(annotation)]
    mesh_ids = annotation["infons"]["MESH"].split("|")
    return {
        "id": annotation["id"],
        "offsets": offsets,
        "text": [text[start:end] for start, end in offsets],
        "type": annotation["infons"]["type"],
        # "-1" means that MeSH has no entry for the mention.
        "normalized": [{"db_name": "MESH", "db_id": mesh_id} for mesh_id in mesh_ids if mesh_id != "-1"],
    }


def local_copy(profile: str) -> str:
    """Return the local copy of a corpus's archive that the environment names, or an empty string."""
    corpus = read_corpora().get(profile)
    return os.environ.get(corpus.archive.environment, "") if corpus and corpus.archive else ""


def fetch_corpus_cli(
    profile: Annotated[
        str,
        typer.Argument(help="A profile in configs/corpora.yml, a new name with --source, or several joined by +"),
    ],
    output: Annotated[Path, typer.Argument(help="Folder for {train,dev,test}.jsonl")],
    archive: Annotated[
        str,
        typer.Option(
            help="Local copy of the archive, zipped or unpacked; empty for the one that the environment names"
            " (BC5CDR_ARCHIVE for bc5cdr), or to download it"
        ),
    ] = "",
    source: Annotated[
        str, typer.Option(help="File or folder of annotated documents, or hub:owner/name/config@revision")
    ] = "",
    format: Annotated[str, typer.Option(help="Format of the source; empty to recognise it")] = "",
    offsets: Annotated[
        str, typer.Option(help="What offsets of the source count, e.g. characters or utf-16; empty to find out")
    ] = "",
    seed: Annotated[int, typer.Option(help="Seed of the synthetic notes, and of splits")] = 0,
) -> None:
    """Fetch a corpus as BigBio records: BC5CDR, synthetic notes, annotated documents in many formats, or several."""
    with shown_to_user():
        options = CorpusOptions(format, offsets)
        given = archive or local_copy(profile)
        fetch_corpus(profile, output, archive=given, source=source, options=options, seed=seed)
    msg.good(f"The corpus is in {output}")


if __name__ == "__main__":
    typer.run(fetch_corpus_cli)
