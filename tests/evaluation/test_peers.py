"""The published systems score exactly what the organisers' own program gives them."""

import zipfile
from pathlib import Path

import pytest

from scripts.errors import ProjectError
from scripts.evaluation.peers import read_system, score_peers
from scripts.fetch_corpus import read_bioc
from scripts.records.bigbio import document_id
from scripts.records.mentions import DEFAULT_LABELS, Mention, flat_mentions, parse_labels
from tests.shared import ARCHIVE, needs_archive

PUBTATOR = """\
1|t|Aspirin and gout.
1|a|Gout.
1\t0\t7\tAspirin\tChemical\tD001241
1\t12\t16\tgout\tDisease\t
1\tCID\tD001241\tD006073

2|t|Lead.
2|a|
2\t0\t4\tLead\tChemical
2\t0\t4\tLead|lead\tGene\tG1|G2

3|t|None.
3|a|None.
"""


@pytest.fixture
def pubtator(tmp_path: Path) -> Path:
    path = tmp_path / "Toy.PubTator.txt"
    path.write_text(PUBTATOR, encoding="utf8")
    return path


def test_mentions_without_an_id_are_read(pubtator: Path) -> None:
    assert read_system(pubtator) == {
        "1": [Mention(0, 7, "Chemical", "D001241"), Mention(12, 16, "Disease")],
        "2": [Mention(0, 4, "Chemical"), Mention(0, 4, "Gene", "G1|G2")],
        "3": [],
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"no PubTator\n", "A document has no title"),
        (b"\xff\xfe\x00", "can't be read as pubtator"),
        (b"1|t|Title\n1\tx\n", "row 1 after the text is not one of its mentions or relations"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "Toy.PubTator.txt"
    path.write_bytes(content)
    with pytest.raises(ProjectError, match=message):
        read_system(path)


def test_system_about_other_documents_is_refused(pubtator: Path) -> None:
    with pytest.raises(ProjectError, match="Toy: 1 of 3 annotated documents were not predicted, and 1 of 3"):
        score_peers(pubtator.parent, {"1": [], "2": [], "4": []}, seed=0)


def test_system_is_scored_on_the_labels_it_gives(pubtator: Path) -> None:
    gold = {"1": [Mention(0, 7, "Chemical"), Mention(18, 22, "Species")], "2": [], "3": []}
    assert {
        name: row["tp"] for name, row in score_peers(pubtator.parent, gold, seed=0)["Toy"].items() if "tp" in row
    } == {
        "Chemical": 1,
        "Disease": 0,
        "Gene": 0,
        "micro": 1,
    }


def test_no_folder_no_peers(tmp_path: Path) -> None:
    assert score_peers(tmp_path / "peers", {"1": []}, seed=0) == {}


@needs_archive
def test_published_systems_have_the_organisers_counts(tmp_path: Path) -> None:
    with zipfile.ZipFile(ARCHIVE) as archive:
        members = {Path(member).name: archive.read(member) for member in archive.namelist()}
    for name in ("DNorm.PubTator.txt", "tmChem.PubTator.txt"):
        (tmp_path / name).write_bytes(members[f"TestSet.{name}"])
    labels = parse_labels(DEFAULT_LABELS)
    records = read_bioc(members["CDR_TestSet.BioC.xml"])
    tables = score_peers(tmp_path, {document_id(record): flat_mentions(record, labels) for record in records}, seed=0)
    rows = {
        (system, label): tuple(row[key] for key in ("tp", "fp", "fn"))
        + tuple(round(100 * row[key], 2) for key in ("precision", "recall", "f1"))
        for system, table in tables.items()
        for label, row in table.items()
        if label != "macro"
    }
    dnorm, tmchem = (3491, 786, 933, 81.62, 78.91, 80.24), (4837, 270, 548, 94.71, 89.82, 92.20)
    assert rows == {
        ("DNorm", "Disease"): dnorm,
        ("DNorm", "micro"): dnorm,
        ("tmChem", "Chemical"): tmchem,
        ("tmChem", "micro"): tmchem,
        ("DNorm + tmChem", "Disease"): dnorm,
        ("DNorm + tmChem", "Chemical"): tmchem,
        ("DNorm + tmChem", "micro"): (8328, 1056, 1481, 88.75, 84.90, 86.78),
    }
