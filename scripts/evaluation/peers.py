"""Score published systems on the same documents by the same rules, from their output in PubTator's format.

For BC5CDR test: DNorm (https://doi.org/10.1093/bioinformatics/btt474) for Disease and tmChem
(https://doi.org/10.1186/1758-2946-7-S1-S3) for Chemical, as the organisers released them in CDR_Data.zip.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.errors import ProjectError
from scripts.evaluation.scoring import count_outcomes, labels_of, pair, score
from scripts.formats.pubtator import read_documents
from scripts.records.mentions import Mention


def read_system(path: Path) -> dict[str, list[Mention]]:
    """Read a system's output.

    path (Path): a file in PubTator's format: title and abstract of each document, and a line for each mention.
    RETURNS (dict[str, list[Mention]]): the mentions by document id.
    RAISES (ProjectError): the file is not in that format, or is empty.
    """
    mentions = {document.id: list(document.mentions) for document in read_documents(path)}
    if not mentions:
        raise ProjectError(f"{path} is empty", "It needs a title, an abstract and mentions for each document.")
    return mentions


def score_peers(folder: Path, gold: Mapping[str, Sequence[Mention]], *, seed: int) -> dict[str, dict[str, Any]]:
    """Score each system in a folder on the labels that it predicts, and their union if they share none.

    folder (Path): a folder with files named like DNorm.PubTator.txt. If it does not exist, there are no systems.
    gold (Mapping[str, Sequence[Mention]]): annotated mentions by document id.
    seed (int): the seed of the intervals.
    RETURNS (dict[str, dict]): the table of `scoring.score` by system.
    RAISES (ProjectError): a file is not in PubTator's format, or has other documents.
    """
    paths = sorted(folder.glob("*.PubTator.txt"))
    systems = {path.name.removesuffix(".PubTator.txt"): read_system(path) for path in paths}
    labels = {
        name: {mention.label for mentions in system.values() for mention in mentions}
        for name, system in systems.items()
    }
    tables = {name: score_system(name, system, gold, labels[name], seed=seed) for name, system in systems.items()}
    every = set().union(*labels.values())
    if len(systems) > 1 and sum(map(len, labels.values())) == len(every):
        name = " + ".join(systems)
        together = {key: [mention for system in systems.values() for mention in system[key]] for key in gold}
        tables[name] = score_system(name, together, gold, every, seed=seed)
    return tables


def score_system(
    name: str,
    system: Mapping[str, Sequence[Mention]],
    gold: Mapping[str, Sequence[Mention]],
    labels: set[str],
    *,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Score a system on the labels that it predicts.

    name (str): its name, for the message.
    system (Mapping[str, Sequence[Mention]]): its mentions by document id.
    gold (Mapping[str, Sequence[Mention]]): annotated mentions by document id.
    labels (set[str]): the labels.
    seed (int): the seed of the intervals.
    RETURNS (dict[str, dict]): the table of `scoring.score`.
    RAISES (ProjectError): it has other documents.
    """
    annotated = {key: [mention for mention in mentions if mention.label in labels] for key, mentions in gold.items()}
    try:
        documents = pair(annotated, system)
    except ProjectError as error:
        raise ProjectError(f"{name}: {error.title}", error.hint) from error
    names = labels_of(documents, labels)
    return score(count_outcomes(documents, names), names, seed=seed)
