"""Vocabularies are fetched as checked folders, and what fits no label is left out."""

import gzip
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from scripts import fetch_vocabulary as module
from scripts.catalog.vocabularies import read_vocabularies
from scripts.errors import ProjectError
from scripts.fetch_vocabulary import fetch_vocabulary
from scripts.vocabularies.folder import read_vocabulary
from tests.vocabularies.test_readers import DESCRIPTORS, OMOP, SUPPLEMENTARY, name_row, write_all


def ids(folder):
    """Return the ids of a vocabulary."""
    return [concept.id for concept in read_vocabulary(folder).concepts]


@pytest.mark.parametrize(("keep_all", "expected"), [(False, ["C000002", "D005260", "D006973"]), (True, None)])
def test_mesh_from_local_files(tmp_path, keep_all, expected):
    files = write_all(tmp_path, {"desc2026.xml": DESCRIPTORS, "supp2026.gz": SUPPLEMENTARY})
    written = fetch_vocabulary("mesh", tmp_path / "mesh", source=str(files), keep_all=keep_all)
    assert ids(tmp_path / "mesh") == (expected or ["C000002", "D005260", "D006973"])
    assert "Courtesy of the U.S. National Library of Medicine" in written.license
    assert (written.year, written.restricted, sorted(written.sources)) == (
        "2026",
        False,
        ["desc2026.xml", "supp2026.gz"],
    )


def test_what_fits_no_label_is_left_out_unless_it_is_asked_for(tmp_path):
    text = DESCRIPTORS.replace("C14.907.489", "E01.370")
    files = write_all(tmp_path, {"desc2026.xml": text, "supp2026.xml": SUPPLEMENTARY})
    fetch_vocabulary("mesh", tmp_path / "some", source=str(files))
    fetch_vocabulary("mesh", tmp_path / "all", source=str(files), keep_all=True)
    assert ids(tmp_path / "some") == ["C000002", "D005260"]
    assert ids(tmp_path / "all") == ["C000002", "D005260", "D006973"]


def test_an_athena_download_is_restricted(tmp_path):
    written = fetch_vocabulary("omop", tmp_path / "omop", source=str(write_all(tmp_path, OMOP)))
    assert written.restricted
    assert ids(tmp_path / "omop") == ["320128", "9"]


def test_umls_keeps_the_types_of_its_labels(tmp_path):
    types = "C1|T047|x|x|x||\nC2|T017|x|x|x||\n"
    write_all(tmp_path, {"MRCONSO.RRF": name_row("C1", "a") + name_row("C2", "b"), "MRSTY.RRF": types})
    assert fetch_vocabulary("umls", tmp_path / "umls", source=str(tmp_path)).restricted
    assert ids(tmp_path / "umls") == ["C1"]


def test_a_table_of_ones_own(tmp_path):
    table = b"id\tname\tsynonyms\ttree_numbers\nX1\tA\tb|c\t\nX2\tD\t\tC14.907\nX3\tE\t\tE01\n"
    (tmp_path / "own.tsv.gz").write_bytes(gzip.compress(table))
    written = fetch_vocabulary("hospital", tmp_path / "hospital", source=str(tmp_path / "own.tsv.gz"))
    assert (written.title, written.concepts, written.names) == ("hospital", 2, 4)
    assert written.groups["Disease"] == ["C", "F03", "disease"]
    assert ids(tmp_path / "hospital") == ["X1", "X2"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("id\tname\tsynonyms\n", "The vocabulary is empty"),
        ("id\tname\tsynonyms\ttree_numbers\nX1\tA\t\tE01\n", "The vocabulary is empty"),
        ("id\tname\tsynonyms\nX1\tA\t\nX1\tB\t\n", "Two concepts have the id 'X1'"),
        ("id\tname\tsynonyms\nX1\tA\tB", None),
        ("id\tname\tsynonyms\nX1\tA\nB\t\n", "line 2 has 2 fields, not 3"),
        ("id\tname\tsynonyms\nX1\tA\tB\tC\n", "line 2 has 4 fields, not 3"),
        ("id\tname\tsynonyms\nX 1\tA\t\n", "an id with a space"),
        ("id\tname\n", "has no column synonyms"),
        ("", "has no column"),
        ("<html>Not found</html>", "has no column"),
        ("\x00\x01", "has no column"),
    ],
)
def test_a_wrong_table_leaves_the_vocabulary_as_it_was(tmp_path, content, why):
    (tmp_path / "good.tsv").write_text("id\tname\tsynonyms\nX9\tGood\t\n", encoding="utf8")
    (tmp_path / "new.tsv").write_text(content, encoding="utf8", newline="")
    fetch_vocabulary("own", tmp_path / "own", source=str(tmp_path / "good.tsv"))
    if why:
        with pytest.raises(ProjectError, match=why):
            fetch_vocabulary("own", tmp_path / "own", source=str(tmp_path / "new.tsv"))
    else:
        fetch_vocabulary("own", tmp_path / "own", source=str(tmp_path / "new.tsv"))
    assert ids(tmp_path / "own") == (["X9"] if why else ["X1"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.tsv", "new.tsv", "own"]


def test_tabs_and_line_ends_in_names_of_mesh_become_spaces(tmp_path):
    text = DESCRIPTORS.replace("Blood Pressure, High<", "Blood\n  Pressure,&#9;High &#13;<")
    files = write_all(tmp_path, {"desc2026.xml": text, "supp2026.xml": SUPPLEMENTARY})
    fetch_vocabulary("mesh", tmp_path / "mesh", source=str(files))
    (hypertension,) = (one for one in read_vocabulary(tmp_path / "mesh").concepts if one.id == "D006973")
    assert hypertension.names == ("Blood Pressure, High", "Blood Pressures, High")


@pytest.mark.parametrize(
    ("name", "source", "why"),
    [
        ("Mesh", "", "can't be a vocabulary's name"),
        ("other", "", "There is no vocabulary 'other'"),
        ("omop", "", "can't be downloaded without an account.*OMOP_VOCABULARY"),
        ("mesh", "missing", "There is no file or folder"),
        ("mesh", ".", "lacks a file of Medical Subject Headings"),
        ("omop", ".", "has no CONCEPT.csv"),
    ],
)
def test_a_wrong_source_is_refused(tmp_path, monkeypatch, name, source, why):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectError, match=why):
        fetch_vocabulary(name, tmp_path / "out", source=source)
    assert not list(tmp_path.iterdir())


def test_a_file_with_another_sha256_is_refused_and_kept(tmp_path, monkeypatch):
    known = read_vocabularies()["mesh"]
    pinned = {"mesh": type(known)(**{**vars(known), "sha256": {"desc2026.xml": "0" * 64}})}
    monkeypatch.setattr(module, "read_vocabularies", lambda: pinned)
    files = write_all(tmp_path, {"desc2026.xml": DESCRIPTORS, "supp2026.xml": SUPPLEMENTARY})
    with pytest.raises(ProjectError, match=r"desc2026.xml has the sha256"):
        fetch_vocabulary("mesh", tmp_path / "mesh", source=str(files))
    assert (tmp_path / "desc2026.xml").is_file() and not (tmp_path / "mesh").exists()


CURRENT, ARCHIVE = "projects/mesh/MESH_FILES/xmlmesh", "projects/mesh/2026/xmlmesh"


@pytest.fixture
def nlm(tmp_path, monkeypatch) -> Iterator[Path]:
    """Serve a folder on the loopback in the place of NLM: the addresses of configs/vocabularies.yml, another host."""
    folder = tmp_path / "nlm"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        known = read_vocabularies()["mesh"]
        host = f"http://127.0.0.1:{server.server_port}"
        urls = tuple(url.replace("https://nlmpubs.nlm.nih.gov", host) for url in known.urls)
        there = {"mesh": type(known)(**{**vars(known), "urls": urls})}
        monkeypatch.setattr(module, "read_vocabularies", lambda: there)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield folder
        server.shutdown()


def put(folder: Path, name: str, text: str, *, cut: int = 0) -> None:
    """Put a file on the server, without its last bytes if it is to be cut short."""
    folder.mkdir(parents=True, exist_ok=True)
    packed = gzip.compress(text.encode())
    (folder / name).write_bytes(packed[: len(packed) - cut])


@pytest.mark.parametrize(
    ("descriptors", "supplementary"), [(CURRENT, CURRENT), (ARCHIVE, ARCHIVE), (CURRENT, ARCHIVE), (ARCHIVE, CURRENT)]
)
def test_mesh_is_downloaded_from_the_current_folder_or_that_of_its_year(tmp_path, nlm, descriptors, supplementary):
    put(nlm / descriptors, "desc2026.gz", DESCRIPTORS)
    put(nlm / supplementary, "supp2026.gz", SUPPLEMENTARY)
    written = fetch_vocabulary("mesh", tmp_path / "mesh")
    assert ids(tmp_path / "mesh") == ["C000002", "D005260", "D006973"]
    assert sorted(written.sources) == ["desc2026.gz", "supp2026.gz"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mesh", "nlm"]


def test_a_file_in_neither_folder_is_named_and_what_arrived_is_kept(tmp_path, nlm):
    put(nlm / CURRENT, "desc2026.gz", DESCRIPTORS)
    with pytest.raises(ProjectError, match=r"/2026/xmlmesh/supp2026.gz is not there: .* 404.*MESH_FILES"):
        fetch_vocabulary("mesh", tmp_path / "mesh")
    assert not (tmp_path / "mesh").exists()
    assert [path.name for path in (tmp_path / ".mesh.download").iterdir()] == ["desc2026.gz"]


def test_a_file_that_arrives_damaged_is_fetched_again(tmp_path, nlm):
    put(nlm / CURRENT, "desc2026.gz", DESCRIPTORS)
    put(nlm / CURRENT, "supp2026.gz", SUPPLEMENTARY, cut=9)
    with pytest.raises(ProjectError, match="cut short"):
        fetch_vocabulary("mesh", tmp_path / "mesh")
    assert [path.name for path in tmp_path.iterdir()] == ["nlm"]
    put(nlm / CURRENT, "supp2026.gz", SUPPLEMENTARY)
    fetch_vocabulary("mesh", tmp_path / "mesh")
    assert ids(tmp_path / "mesh") == ["C000002", "D005260", "D006973"]


def test_the_environment_names_local_files(monkeypatch):
    monkeypatch.setenv("MESH_FILES", "/somewhere")
    assert [module.local_source(name) for name in ("mesh", "omop", "other")] == ["/somewhere", "", ""]
