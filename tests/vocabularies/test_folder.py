"""A vocabulary's folder is whole, reproducible and checked."""

import json

import pytest

from scripts.clinical_ner.linking.concept import Concept
from scripts.errors import ProjectError
from scripts.vocabularies.folder import Description, checked, read_vocabulary, write_vocabulary

CONCEPTS = [
    Concept("D2", "Sepsis", ("Sepsis", "Blood\tPoisoning\n", "", "Blood Poisoning"), ("C01",), ("D9",)),
    Concept("D1", " Hypertension\u2028"),
]
CLEAN = [Concept("D1", "Hypertension"), Concept("D2", "Sepsis", ("Blood Poisoning",), ("C01",), ("D9",))]
DESCRIPTION = Description(name="small", title="Small", license="none", groups={"Disease": ["C"]})


def test_it_reads_what_it_wrote_with_clean_names(tmp_path):
    write_vocabulary(iter(CONCEPTS), DESCRIPTION, tmp_path / "small")
    vocabulary = read_vocabulary(tmp_path / "small")
    assert vocabulary.concepts == CLEAN
    description = vocabulary.description
    assert (description.concepts, description.names, description.groups) == (2, 3, {"Disease": ["C"]})


def test_the_same_vocabulary_has_the_same_bytes(tmp_path):
    for name, concepts in (("a", CONCEPTS), ("b", CONCEPTS[::-1])):
        write_vocabulary(concepts, DESCRIPTION, tmp_path / name)
    for file in ("concepts.jsonl.gz", "vocabulary.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize(
    ("concepts", "why"),
    [
        ([], "is empty"),
        ([Concept("D1", "a"), Concept("D1", "b")], "Two concepts have the id 'D1'"),
        ([Concept("D1", " \t")], "no name"),
        ([Concept("", "a")], "no id"),
        ([Concept(None, None)], "no id"),
        ([Concept("D1|D2", "a")], "an id with a space or"),
        ([Concept("D 1", "a")], "an id with a space or"),
    ],
)
def test_wrong_concepts_are_refused_and_the_folder_is_left_as_it_was(tmp_path, concepts, why):
    write_vocabulary(CONCEPTS, DESCRIPTION, tmp_path / "small")
    with pytest.raises(ProjectError, match=why):
        write_vocabulary(concepts, DESCRIPTION, tmp_path / "small")
    assert read_vocabulary(tmp_path / "small").concepts == CLEAN
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_checked_sorts_by_id():
    assert checked(CONCEPTS) == CLEAN


@pytest.mark.parametrize(
    ("file", "change", "why"),
    [
        ("concepts.jsonl.gz", lambda content: content[:-1], "has the sha256"),
        ("concepts.jsonl.gz", None, "is not a vocabulary"),
        ("vocabulary.json", None, "is not a vocabulary"),
        ("vocabulary.json", lambda content: content[:20], "is damaged"),
        ("vocabulary.json", lambda content: b"{}", "is damaged"),
        ("vocabulary.json", lambda content: json.dumps({**json.loads(content), "new": 1}).encode(), "is damaged"),
    ],
)
def test_a_damaged_folder_is_refused(tmp_path, file, change, why):
    write_vocabulary(CONCEPTS, DESCRIPTION, tmp_path / "small")
    path = tmp_path / "small" / file
    content = path.read_bytes()
    path.unlink()
    if change:
        path.write_bytes(change(content))
    with pytest.raises(ProjectError, match=why):
        read_vocabulary(tmp_path / "small")
