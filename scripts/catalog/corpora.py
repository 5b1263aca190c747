"""The corpora that the project knows: configs/corpora.yml.

`fetch-corpus` takes their archives from it, `convert` their labels, and the model card and the wheel cite them. A
profile is one corpus or several, as "bc5cdr+synthetic".
"""

from dataclasses import dataclass, field
from pathlib import Path

from scripts.catalog.entries import CONFIGS, Entry, check_digest, read_entries
from scripts.errors import ProjectError
from scripts.records.bigbio import SPLITS
from scripts.records.mentions import DEFAULT_LABELS, parse_labels

CORPORA = CONFIGS / "corpora.yml"
# Joins the corpora of a profile.
JOIN = "+"


@dataclass(frozen=True)
class ArchiveFile(Entry):
    """A file in a corpus's archive.

    name (str): the name of the file, without folders.
    sha256 (str): the sha256 of the file as released.
    """

    name: str
    sha256: str

    def __post_init__(self) -> None:
        check_digest("sha256", self.sha256, length=64)


@dataclass(frozen=True, kw_only=True)
class Archive(Entry):
    """The archive in which a corpus was released. Its files are BioC XML.

    url (str): where to download it, as a zip file.
    environment (str): the environment variable that names a local copy, zipped or unpacked.
    files (dict[str, ArchiveFile]): the file of each split.
    peers (dict[str, ArchiveFile]): what published systems predicted on the test split, in PubTator's format, by
        system. An archive can lack them.
    """

    url: str
    environment: str
    files: dict[str, ArchiveFile]
    peers: dict[str, ArchiveFile] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if set(self.files) != set(SPLITS):
            raise ValueError(f"files ({', '.join(self.files)}) must be {', '.join(SPLITS)}")

    @property
    def name(self) -> str:
        """The name of the zip file."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class PublishedResult(Entry):
    """The F1 of a published system on the test split of a corpus, quoted from its authors.

    system (str): the name of the system.
    source (str): the URL of the publication.
    f1 (dict[str, str]): F1 in percent by label or "micro", with the digits that were published.
    """

    system: str
    source: str
    f1: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Corpus(Entry):
    """A corpus.

    name (str): its name in texts.
    url (str): its home page.
    author (str): its authors and their publication.
    license (str): its license.
    dataset (str): its id on the Hugging Face hub.
    labels (dict[str, str]): label by pattern of the entity type; the first pattern that matches a type applies.
    limits (str): a sentence for the model card: what training on it means for other texts.
    privacy (str): the end of a sentence for the model card: which texts a model can hold traces of.
    archive (Archive | None): the archive to fetch it from; None if it is generated or has no public source.
    generated (bool): whether this project generates it.
    published (tuple[PublishedResult, ...]): results of published systems on its test split.
    """

    name: str
    url: str = ""
    author: str = ""
    license: str = ""
    dataset: str = ""
    labels: dict[str, str] = field(default_factory=lambda: parse_labels(DEFAULT_LABELS))
    limits: str = "Expect lower scores on text that differs from the training corpus."
    privacy: str = "think of that before you pass it on, if the corpus was private."
    archive: Archive | None = None
    generated: bool = False
    published: tuple[PublishedResult, ...] = ()

    @property
    def citation(self) -> dict[str, str]:
        """The fields that the meta.json of a spaCy package has for a source, without those that are empty."""
        fields = {"name": self.name, "url": self.url, "author": self.author, "license": self.license}
        return {name: value for name, value in fields.items() if value}


def read_corpora(path: Path = CORPORA) -> dict[str, Corpus]:
    """Read the corpora that the project knows.

    path (Path): the YAML file.
    RETURNS (dict[str, Corpus]): the corpora by profile.
    RAISES (ProjectError): a field is unknown, missing or of another type.
    """
    return read_entries(path, Corpus)


def find_corpora(profile: str) -> list[Corpus]:
    """Return the corpora of a profile. An unknown one is named after its profile and has default values otherwise."""
    known = read_corpora()
    return [known.get(name) or Corpus(name=name) for name in profile.split(JOIN)]


def find_corpus(profile: str) -> Corpus:
    """Return the corpus of a profile; several as one, with the labels of all and without published results.

    RAISES (ProjectError): the corpora have different labels for one type.
    """
    corpora = find_corpora(profile)
    return corpora[0] if len(corpora) == 1 else join_corpora(corpora)


def join_corpora(corpora: list[Corpus]) -> Corpus:
    """Return several corpora as one; see `find_corpus`."""
    labels: dict[str, str] = {}
    for corpus in corpora:
        for pattern, label in corpus.labels.items():
            if labels.setdefault(pattern, label) != label:
                raise ProjectError(
                    f"The type {pattern} has the label {labels[pattern]} in one corpus, and {label} in {corpus.name}",
                    "Name the labels for all corpora: --vars.labels 'Chem*=Chemical Dis*=Disease'",
                )
    return Corpus(
        name=" and ".join(corpus.name for corpus in corpora),
        author="; ".join(filter(None, (corpus.author for corpus in corpora))),
        license="; ".join(dict.fromkeys(corpus.license or "not stated" for corpus in corpora)),
        labels=labels,
        limits="Trained on several kinds of text: the scores by corpus below tell how well it reads each.",
        privacy="; ".join(corpus.privacy.rstrip(".") for corpus in corpora) + ".",
    )


def package_name(profile: str) -> str:
    """Return a profile's name as a part of a package's name, which can have no plus sign."""
    return profile.replace(JOIN, "_and_")


def choose_labels(labels: str, profile: str) -> dict[str, str]:
    """Return the labels for a corpus.

    labels (str): pairs of a pattern and a label, as on the command line. Empty for those of the corpus.
    profile (str): the profile of the corpus.
    RETURNS (dict[str, str]): label by pattern of the entity type.
    RAISES (ProjectError): the labels can't be parsed.
    """
    return parse_labels(labels) if labels.strip() else find_corpus(profile).labels
