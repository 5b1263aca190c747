"""A vocabulary as a folder: concepts.jsonl.gz, a line for each concept, and vocabulary.json, which describes it."""

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from scripts.clinical_ner.linking.concept import Concept
from scripts.errors import ProjectError
from scripts.files import moved_into_place, sha256

CONCEPTS, DESCRIPTION = "concepts.jsonl.gz", "vocabulary.json"
SPACES = re.compile(r"\s+")


@dataclass(frozen=True, kw_only=True)
class Description:
    """What is known about a vocabulary.

    name (str): its name, that of its folder.
    title (str): its name in texts.
    year (str): its edition. Empty if it is unknown.
    license (str): its terms.
    restricted (bool): whether its license forbids passing it on.
    browser (str): the address of a concept's page, with {id} in it. Empty if there is none.
    system (str): the URI of its code system in FHIR. Empty if it is unknown.
    sections (dict[str, int]): the concepts of sections by their LOINC codes, in OMOP's vocabularies.
    groups (dict[str, list[str]]): for each label, the prefixes of the groups of its concepts.
    sources (dict[str, str]): the sha256 of the files that it was read from, by name.
    concepts, names (int): how many there are.
    sha256 (str): the sha256 of concepts.jsonl.gz.
    """

    name: str
    title: str
    year: str = ""
    license: str = ""
    restricted: bool = False
    browser: str = ""
    system: str = ""
    sections: dict[str, int] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    concepts: int = 0
    names: int = 0
    sha256: str = ""


@dataclass(frozen=True)
class Vocabulary:
    """A vocabulary.

    description (Description): what is known about it.
    concepts (list[Concept]): its concepts, by id.
    """

    description: Description
    concepts: list[Concept]


def checked(concepts: Iterable[Concept]) -> list[Concept]:
    """Return concepts with clean names, sorted by id.

    Tabs, line ends and other white space in names become a single space; names that occur twice are kept once.

    concepts (Iterable[Concept]): the concepts.
    RETURNS (list[Concept]): the concepts.
    RAISES (ProjectError): there are none, two have one id, or one has no id or no name.
    """
    found: dict[str, Concept] = {}
    for concept in concepts:
        identifier, name, *names = (
            SPACES.sub(" ", text or "").strip() for text in (concept.id, concept.name, *concept.names)
        )
        if not identifier or not name or "|" in identifier or " " in identifier:
            raise ProjectError(
                f"Concept '{identifier or name}' has no id, no name, or an id with a space or '|'",
                "Each concept needs an id in one word and a preferred name.",
            )
        if identifier in found:
            raise ProjectError(f"Two concepts have the id '{identifier}'", "Put all names of a concept into one.")
        others = tuple(other for other in dict.fromkeys(names) if other and other != name)
        found[identifier] = Concept(identifier, name, others, concept.groups, concept.mapped_to)
    if not found:
        raise ProjectError("The vocabulary is empty", "Check the file, and the groups of concepts to keep.")
    return [found[identifier] for identifier in sorted(found)]


def write_vocabulary(concepts: Iterable[Concept], description: Description, folder: Path) -> Description:
    """Write a vocabulary as a folder, as a whole or not at all. The same vocabulary always has the same bytes.

    concepts (Iterable[Concept]): the concepts.
    description (Description): what is known about it; the counts and the sha256 are set here.
    folder (Path): the folder. One that is there is replaced.
    RETURNS (Description): the complete description.
    RAISES (ProjectError): two concepts have one id, one has no name, or there are none.
    """
    rows = checked(concepts)
    with moved_into_place(folder) as partial:
        partial.mkdir()
        with (
            (partial / CONCEPTS).open("wb") as file,
            # Without a name and a time, which would differ.
            gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed,
        ):
            for concept in rows:
                packed.write(json.dumps(concept, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        complete = Description(
            **{
                **asdict(description),
                "concepts": len(rows),
                "names": sum(1 + len(concept.names) for concept in rows),
                "sha256": sha256(partial / CONCEPTS),
            }
        )
        text = json.dumps(asdict(complete), indent=2, ensure_ascii=False)
        (partial / DESCRIPTION).write_text(text + "\n", encoding="utf8")
    return complete


def read_vocabulary(folder: Path) -> Vocabulary:
    """Read a vocabulary that `write_vocabulary` wrote.

    folder (Path): the folder.
    RETURNS (Vocabulary): the vocabulary.
    RAISES (ProjectError): a file is missing, damaged or changed.
    """
    if not (folder / DESCRIPTION).is_file() or not (folder / CONCEPTS).is_file():
        raise ProjectError(
            f"{folder} is not a vocabulary", "Run first: spacy project run fetch-vocabulary . --vars.vocabulary NAME"
        )
    try:
        description = Description(**json.loads((folder / DESCRIPTION).read_text(encoding="utf8")))
        content = (folder / CONCEPTS).read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if found != description.sha256:
            raise ProjectError(
                f"{folder / CONCEPTS} has the sha256 {found}, not {description.sha256}", "Fetch the vocabulary again."
            )
        return Vocabulary(description, list(parse_concepts(content)))
    except (TypeError, ValueError, EOFError, OSError, zlib.error) as error:
        if isinstance(error, ProjectError):
            raise
        raise ProjectError(f"{folder} is damaged ({type(error).__name__})", "Fetch the vocabulary again.") from error


def parse_concepts(content: bytes) -> Iterator[Concept]:
    """Yield the concepts of a compressed file."""
    for line in gzip.decompress(content).splitlines():
        identifier, name, *lists = json.loads(line)
        yield Concept(identifier, name, *map(tuple, lists))
