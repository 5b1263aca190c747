"""configs/corpora.yml is read into typed entries, and whatever is wrong in such a file is named."""

from pathlib import Path

import pytest

from scripts.catalog.corpora import (
    Corpus,
    choose_labels,
    find_corpora,
    find_corpus,
    join_corpora,
    package_name,
    read_corpora,
)
from scripts.errors import ProjectError

DEFAULT = {"Chem*": "Chemical", "Dis*": "Disease"}
FILE = f"{{name: a, sha256: {'a' * 64}}}"
ARCHIVE = f"{{url: u/a.zip, environment: E, files: {{train: {FILE}, dev: {FILE}, test: {FILE}}}}}"


def write(folder: Path, content: str) -> Path:
    path = folder / "corpora.yml"
    path.write_text(content, encoding="utf8")
    return path


def test_known_corpora() -> None:
    corpora = read_corpora()
    assert list(corpora) == ["bc5cdr", "synthetic"]
    assert corpora["bc5cdr"].citation == {
        "name": "BioCreative V CDR corpus (BC5CDR)",
        "url": "https://github.com/JHnlp/BioCreative-V-CDR-Corpus",
        "author": "Jiao Li et al., Database 2016, baw068",
        "license": "public domain",
    }
    assert corpora["bc5cdr"].archive and corpora["bc5cdr"].archive.name == "CDR_Data.zip"
    assert [result.f1 for result in corpora["bc5cdr"].published][-1] == {"Chemical": "90.80", "Disease": "83.04"}
    assert corpora["synthetic"].archive is None


def test_an_unknown_corpus_is_named_after_its_profile() -> None:
    assert find_corpus("own") == Corpus(name="own")
    assert find_corpus("own").citation == {"name": "own"}


@pytest.mark.parametrize(
    ("labels", "profile", "expected"),
    [
        ("*=Disease", "bc5cdr", {"*": "Disease"}),
        ("", "bc5cdr", DEFAULT),
        (" ", "synthetic", DEFAULT),
        ("", "own", DEFAULT),
    ],
)
def test_labels_are_those_given_or_else_the_corpus_s(labels: str, profile: str, expected: dict[str, str]) -> None:
    assert choose_labels(labels, profile) == expected


def test_fields_have_defaults(tmp_path: Path) -> None:
    corpora = read_corpora(write(tmp_path, f"a: {{name: A, labels: {{G*: Gene}}, archive: {ARCHIVE}}}\nb: {{name: B}}"))
    assert corpora["a"].labels == {"G*": "Gene"}
    assert corpora["a"].archive and corpora["a"].archive.peers == {}
    assert corpora["b"] == Corpus(name="B")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [", "is not YAML"),
        ("[]", "the file: .* dictionary"),
        ("a: {url: u}", "a.name: Field required"),
        ("a: {name: 3}", "a.name: .* string"),
        ("a: {name: A, colour: red}", "a.colour: Unexpected"),
        ("a: {name: A, published: [{system: S, source: u, f1: {micro: 90.1}}]}", "a.published.0.f1.micro: .* string"),
        ("a: {name: A, archive: {url: u}}", "a.archive.environment: Field required"),
        (
            f"a: {{name: A, archive: {ARCHIVE.replace('dev', 'valid')}}}",
            r"files \(train, valid, test\) must be train, ",
        ),
        (f"a: {{name: A, archive: {ARCHIVE.replace('aa', 'g')}}}", "sha256 .* must have 64 hexadecimal digits"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(ProjectError, match=message) as caught:
        read_corpora(write(tmp_path, content))
    assert "corpora.yml" in caught.value.title


def test_several_corpora_are_one_with_the_labels_of_all() -> None:
    joined = find_corpus("bc5cdr+own")
    assert joined.name == "BioCreative V CDR corpus (BC5CDR) and own"
    assert joined.labels == DEFAULT and joined.license == "public domain; not stated" and not joined.published
    assert [corpus.name for corpus in find_corpora("bc5cdr+own")] == ["BioCreative V CDR corpus (BC5CDR)", "own"]
    assert package_name("bc5cdr+own") == "bc5cdr_and_own"
    with pytest.raises(ProjectError, match=r"The type Chem\* has the label Chemical in one corpus, and Drug in B"):
        join_corpora([Corpus(name="A"), Corpus(name="B", labels={"Chem*": "Drug"})])
