"""The vocabularies that the project knows: configs/vocabularies.yml.

`fetch-vocabulary` takes their sources from it, and the wheel cites them.
"""

from dataclasses import dataclass, field
from pathlib import Path

from scripts.catalog.entries import CONFIGS, Entry, read_entries

VOCABULARIES = CONFIGS / "vocabularies.yml"


@dataclass(frozen=True, kw_only=True)
class KnownVocabulary(Entry):
    """What is known about a vocabulary.

    title (str): its name in texts.
    format (str): the format of its files: mesh, omop, umls, rxnorm or tsv.
    year (str): its edition.
    files (tuple[str, ...]): the files to download. Empty if it can't be downloaded without an account.
    urls (tuple[str, ...]): folders to download them from; the first one that has a file is used.
    sha256 (dict[str, str]): the sha256 of a file, by its name. NLM publishes none.
    environment (str): the environment variable that names local files.
    license (str): its terms, which are kept with it.
    restricted (bool): whether its license forbids passing it on, in a wheel for instance.
    browser (str): the address of a concept's page, with {id} in it.
    system (str): the URI of its code system in FHIR.
    groups (dict[str, tuple[str, ...]]): for each label, the prefixes of the groups of its concepts: tree numbers,
        semantic types, domains or classes.
    """

    title: str
    format: str = "tsv"
    year: str = ""
    files: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    sha256: dict[str, str] = field(default_factory=dict)
    environment: str = ""
    license: str = "Not stated. Check that you may pass it on."
    restricted: bool = False
    browser: str = ""
    system: str = ""
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)


def read_vocabularies(path: Path = VOCABULARIES) -> dict[str, KnownVocabulary]:
    """Read the vocabularies that the project knows.

    path (Path): the YAML file.
    RETURNS (dict[str, KnownVocabulary]): the vocabularies by name.
    RAISES (ProjectError): a field is unknown, missing or of another type.
    """
    return read_entries(path, KnownVocabulary)
