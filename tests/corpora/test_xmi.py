"""What INCEpTION exports is read with dkpro-cassis, if that is installed."""

import sys

import pytest

from scripts.errors import ProjectError
from tests.corpora.samples import NOTES, write_files
from tests.corpora.test_corpora import read

cassis = pytest.importorskip("cassis")
NAMED_ENTITY = "de.tudarmstadt.ukp.dkpro.core.api.ner.type.NamedEntity"
METADATA = "de.tudarmstadt.ukp.dkpro.core.api.metadata.type.DocumentMetaData"


def make_types():
    types = cassis.TypeSystem()
    entity = types.create_type(NAMED_ENTITY, "uima.tcas.Annotation")
    for name in ("value", "identifier"):
        types.create_feature(entity, name, "uima.cas.String")
    types.create_feature(types.create_type(METADATA, "uima.tcas.Annotation"), "documentId", "uima.cas.String")
    layer = types.create_type("webanno.custom.Symptom", "uima.tcas.Annotation")
    types.create_feature(layer, "Negated", "uima.cas.Boolean")
    return types


def xmi(notes, types):
    """Return an export: a file for each note, and the type system."""
    files = {"TypeSystem.xml": types.to_xml()}
    for name, (text, mentions) in notes.items():
        cas = cassis.Cas(types)
        cas.sofa_string, cas.sofa_mime = text, "text/plain"
        cas.add(types.get_type(METADATA)(begin=0, end=len(text), documentId=f"{name}.txt"))
        for kind, start, end in mentions:
            cas.add(types.get_type(NAMED_ENTITY)(begin=start, end=end, value=kind, identifier=f"http://x/{kind}"))
        cas.add(types.get_type("webanno.custom.Symptom")(begin=0, end=2, Negated=True))
        files[f"{name}.xmi"] = cas.to_xmi()
    return files


def test_xmi_with_named_entities_and_a_custom_layer(tmp_path):
    notes = {**NOTES, "a": ("\U0001f600 Göut, no asthma", [("Finding", 2, 6), ("Finding", 11, 17)])}
    files = xmi(notes, make_types())
    # UIMA counts UTF-16: the smiley is two.
    assert 'begin="3" end="7"' in files["a.xmi"]
    found, report = read(write_files(files, tmp_path))
    assert (found, report["counts"], report["files_not_read"]) == (of_files(notes), {}, [])


def of_files(notes):
    """Return notes as XMI has them: with the name of a file as id, and a mention of the custom layer."""
    return {
        f"{name}.txt": (text, sorted([*mentions, ("Symptom", 0, 2)], key=lambda each: (each[1], -each[2])))
        for name, (text, mentions) in notes.items()
    }


@pytest.mark.parametrize("change", ["bom", "crlf"])
def test_a_byte_order_mark_and_windows_line_ends_of_the_files_change_nothing(tmp_path, change):
    files = xmi(NOTES, make_types())
    changed = {
        name: f"\ufeff{content}" if change == "bom" else content.replace("\n", "\r\n")
        for name, content in files.items()
    }
    assert read(write_files(changed, tmp_path))[0] == of_files(NOTES)


def test_line_ends_overlapping_spans_and_unknown_labels_are_kept(tmp_path):
    notes = {
        "a": ("Gouty arthritis x", [("Finding", 0, 15), ("Odd type", 0, 5), ("Finding", 6, 15)]),
        "b": ("Hx:\r\ngout\r\npain", [("Finding", 5, 9), ("Finding", 11, 15)]),
        "c": ("\ufeffNo pain.", [("Finding", 4, 8)]),
    }
    assert read(write_files(xmi(notes, make_types()), tmp_path))[0] == of_files(notes)


def test_an_empty_document_is_left_out_and_two_with_one_id_are_refused(tmp_path):
    files = xmi({**NOTES, "d": ("  ", [])}, make_types())
    found, report = read(write_files(files, tmp_path / "empty"))
    assert (found, report["counts"]) == (of_files(NOTES), {"empty_documents": 1})
    write_files(xmi(NOTES, make_types()), tmp_path / "two" / "one")
    write_files(xmi({"a": NOTES["b"]}, make_types()), tmp_path / "two" / "other")
    with pytest.raises(ProjectError, match=r"Two documents have the id 'a\.txt', and they differ") as caught:
        read(tmp_path / "two")
    assert "Aspirin" not in str(caught.value)


def test_xmi_without_its_type_system_or_cut_short_is_refused(tmp_path):
    files = xmi(NOTES, make_types())
    with pytest.raises(ProjectError, match=r"there is no TypeSystem\.xml beside it"):
        read(write_files({"a.xmi": files["a.xmi"]}, tmp_path / "1"))
    with pytest.raises(ProjectError, match=r"a\.xmi: not XMI") as caught:
        read(write_files(files | {"a.xmi": files["a.xmi"][:-200]}, tmp_path / "2"))
    assert "asthma" not in str(caught.value)


def test_without_cassis_the_command_that_installs_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cassis", None)
    with pytest.raises(ProjectError, match=r"pip install -r requirements-xmi\.txt"):
        read(write_files(xmi(NOTES, make_types()), tmp_path))
