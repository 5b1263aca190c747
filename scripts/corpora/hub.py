"""Download a data set from the Hugging Face hub: its files, and never a script.

A source is "hub:owner/name[/config]@revision", e.g. "hub:bigbio/bc5cdr/bc5cdr_bigbio_kb@refs/convert/parquet".
"""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from huggingface_hub import HfApi

from scripts.corpora.files import CERTAIN, COMPANIONS, POSSIBLE
from scripts.encoders.downloads import DownloadInterrupted, download_file, hub_errors_explained
from scripts.errors import ProjectError
from scripts.formats.token_rows import CARD

PREFIX = "hub:"
SOURCE = re.compile(r"hub:(\w[\w.-]*/\w[\w.-]*)(?:/([^@]+))?@(\S+)", re.ASCII)
# The branches to which the hub itself converts data sets: a folder for each config, with a folder for each split.
CONVERTED = "refs/convert/"
DATA = (*CERTAIN, *POSSIBLE)


class HubSource(NamedTuple):
    """A data set on the hub.

    repository (str): owner/name.
    config (str): one of its configs, "" for the only one.
    revision (str): a commit, branch or tag.
    """

    repository: str
    config: str
    revision: str


def parse_source(source: str) -> HubSource:
    """Return the data set that a source names.

    RAISES (ProjectError): it has another form, e.g. no revision.
    """
    found = SOURCE.fullmatch(source)
    if found is None:
        raise ProjectError(
            f"Can't read the source '{source}'",
            "Use hub:owner/name[/config]@revision. With a commit as revision, the next run reads the same data.",
        )
    return HubSource(found[1], found[2] or "", found[3])


def download_data_set(source: str, folder: Path) -> str:
    """Download a data set into a folder.

    source (str): hub:owner/name[/config]@revision.
    folder (Path): the folder, empty.
    RETURNS (str): the commit.
    RAISES (ProjectError): there is no such data set or config, or the hub can't be reached.
    """
    wanted = parse_source(source)
    try:
        with hub_errors_explained(wanted.repository, wanted.revision):
            info = HfApi().dataset_info(wanted.repository, revision=wanted.revision)
            names = [file.rfilename for file in info.siblings or []]
            commit = info.sha or wanted.revision
            card = info.card_data.to_dict() if info.card_data else {}
            for name in choose_files(names, card, wanted):
                download_file(wanted.repository, name, commit, folder, is_data=True)
    except DownloadInterrupted as error:
        raise ProjectError(
            error.title,
            "Download the data set where there is a network, and name its folder: --vars.corpus_source PATH.",
        ) from error
    return commit


def choose_files(names: list[str], card: Mapping[str, Any], wanted: HubSource) -> list[str]:
    """Return the files of a config, and those that describe them.

    RAISES (ProjectError): there is no such config, or several, and none was named.
    """
    described = [name for name in names if PurePosixPath(name).name in {CARD, *COMPANIONS}]
    data = [name for name in names if name.lower().endswith(DATA) and name not in described]
    configs = find_configs(data, card, wanted.revision)
    if not wanted.config and len(configs) == 1:
        (chosen,) = configs.values()
    else:
        chosen = configs.get(wanted.config) or [name for name in data if wanted.config in PurePosixPath(name).parts]
    if not chosen:
        known = ", ".join(sorted(configs)) or "none"
        raise ProjectError(
            f"{wanted.repository} has the configs {known} with data files"
            if configs
            else f"{wanted.repository} has no data files at {wanted.revision}",
            "Name one as hub:owner/name/config@revision. A data set that is a script has its data on the branch"
            " refs/convert/parquet.",
        )
    return [*described, *chosen]


def find_configs(data: list[str], card: Mapping[str, Any], revision: str) -> dict[str, list[str]]:
    """Return the data files of each config, as the card or the folders name them; of "" if there are no configs."""
    declared = {
        each["config_name"]: [name for name in data if any(fnmatchcase(name, glob) for glob in globs(each))]
        for each in card.get("configs") or ()
    }
    if declared:
        return declared
    if not revision.startswith(CONVERTED):
        return {"": data} if data else {}
    folders = dict.fromkeys(PurePosixPath(name).parts[0] for name in data)
    return {folder: [name for name in data if name.startswith(f"{folder}/")] for folder in folders}


def globs(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the patterns of a config's data files."""
    files = config.get("data_files") or ()
    for each in [files] if isinstance(files, str) else files:
        paths = each["path"] if isinstance(each, dict) else each
        yield from [paths] if isinstance(paths, str) else paths
