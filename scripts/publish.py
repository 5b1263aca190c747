"""Publish a wheel and its card to the Hugging Face hub, in one commit, so that pip can install it from there.

In: a wheel, or the folder that holds it. Out: a repository with the wheel, README.md, meta.json and config.cfg.
"""

import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NamedTuple

import requests
import typer
from huggingface_hub import CommitOperationAdd, HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError
from wasabi import msg

from scripts.errors import ProjectError, shown_to_user
from scripts.files import sha256

NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
CARD, META = "README.md", "meta.json"
# What the hub shows of a pipeline, beside the wheel.
SHOWN = (CARD, META, "config.cfg")
BRANCH = "main"


class Published(NamedTuple):
    """A wheel on the hub.

    url (str): its address, for pip.
    is_new (bool): whether it was uploaded now.
    """

    url: str
    is_new: bool


def publish(place: Path, repository: str, *, public: bool = False) -> Published:
    """Publish a wheel. The repository is created if it does not exist.

    place (Path): the wheel, or a folder that holds one and no other.
    repository (str): owner/name on the hub, or on the server in `HF_ENDPOINT`.
    public (bool): whether a new repository is public. An existing one stays as it is.
    RETURNS (Published): the wheel on the hub.
    RAISES (ProjectError): there is no such wheel, the name is none, the hub can't be reached or refuses, or it has
        another wheel of this version.
    """
    if not NAME.fullmatch(repository):
        raise ProjectError(
            f"'{repository}' is not the name of a repository on the Hugging Face hub",
            "Name one: --vars.repository owner/name. Nothing is published under a name that was not given.",
        )
    wheel = find_wheel(place)
    shown = read_shown(wheel)
    url = f"{constants.ENDPOINT}/{repository}/resolve/{BRANCH}/{wheel.name}"
    with hub_errors_explained(repository):
        if is_there(wheel, repository):
            return Published(url, is_new=False)
        api = HfApi()
        api.create_repo(repository, private=not public, exist_ok=True)
        operations = [CommitOperationAdd(name, content) for name, content in shown.items()]
        operations.append(CommitOperationAdd(wheel.name, str(wheel)))
        version = json.loads(shown[META])["version"]
        api.create_commit(repository, operations, commit_message=f"Version {version}", revision=BRANCH)
    return Published(url, is_new=True)


def find_wheel(place: Path) -> Path:
    """Return a wheel, or the only one in a folder.

    RAISES (ProjectError): there is none, or more than one.
    """
    wheels = [place] if place.is_file() else sorted(place.rglob("*.whl"))
    if len(wheels) != 1 or wheels[0].suffix != ".whl":
        raise ProjectError(
            f"{place} is not a wheel, and holds {len(wheels) if place.is_dir() else 'none'}",
            "Run first: spacy project run package. Or name the wheel itself.",
        )
    return wheels[0]


def read_shown(wheel: Path) -> dict[str, bytes]:
    """Return the files of `SHOWN` in a wheel by name: those of its pipeline.

    RAISES (ProjectError): the file is damaged, or not a wheel of a pipeline with a card.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            # A wheel has its pipeline in <package>/<package>-<version>/.
            card = next(name for name in archive.namelist() if re.fullmatch(rf"[^/]+/[^/]+/{CARD}", name))
            return {name: archive.read(f"{card.removesuffix(CARD)}{name}") for name in SHOWN}
    except (KeyError, StopIteration, zipfile.BadZipFile) as error:
        raise ProjectError(
            f"{wheel} is damaged, or not the wheel of a pipeline with a card", "Run: spacy project run package"
        ) from error


def is_there(wheel: Path, repository: str) -> bool:
    """Return whether a repository has a wheel already.

    RAISES (ProjectError): it has another one of the same name. Those who have installed that would never get this one.
    """
    try:
        info = HfApi().model_info(repository, revision=BRANCH, files_metadata=True)
    except RepositoryNotFoundError:
        return False
    found = next((file for file in info.siblings or [] if file.rfilename == wheel.name), None)
    if found is None:
        return False
    if found.lfs is None or found.lfs.sha256 != sha256(wheel):
        raise ProjectError(
            f"{repository} has another {wheel.name}", "Package this one under a new version: --vars.version 0.2.0"
        )
    return True


@contextmanager
def hub_errors_explained(repository: str) -> Iterator[None]:
    """Turn the errors of the hub into messages that say what to do."""
    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "an error"
        raise ProjectError(
            f"{constants.ENDPOINT} refuses to write to {repository}: {status}",
            "Log in with `huggingface-cli login`, or set HF_TOKEN to a token that may write there.",
        ) from error
    except (OfflineModeIsEnabled, requests.RequestException) as error:
        raise ProjectError(
            f"Nothing was published: {constants.ENDPOINT} can't be reached ({type(error).__name__})",
            "Is HF_HUB_OFFLINE set, or HTTPS_PROXY missing? A wheel can also be installed from a folder.",
        ) from error


def publish_cli(
    place: Annotated[Path, typer.Argument(help="Wheel, or the folder that holds it")],
    repository: Annotated[str, typer.Argument(help="owner/name on the Hugging Face hub")],
    public: Annotated[bool, typer.Option("--public", help="Make a new repository public")] = False,
) -> None:
    """Publish a wheel and its card to the Hugging Face hub."""
    with shown_to_user():
        done = publish(place, repository, public=public)
    if done.is_new:
        msg.good(f"Published in {repository}", f"pip install {done.url}")
    else:
        msg.info(f"{repository} has this wheel already: pip install {done.url}")


if __name__ == "__main__":
    typer.run(publish_cli)
