"""What the project's own sections and context components say of mentions is in every format."""

import json
from pathlib import Path

import pytest
from bioc import biocjson, biocxml
from spacy.tokens import DocBin
from spacy.vocab import Vocab

from scripts.annotate import annotate
from scripts.annotation.options import AnnotateOptions
from scripts.clinical_ner.context.rules import ATTRIBUTES
from scripts.errors import ProjectError
from scripts.formats.registry import WRITERS
from tests.annotation.pipelines import make_context_pipeline
from tests.formats.documents import make_document
from tests.formats.reading_back import read_brat, read_csv, read_modifiers, read_rows

TEXT = """PMH: gout
ALLERGIES: aspirin
FAMILY HISTORY: Father had gout.
HPI: No gout. Possible gout. Start aspirin if needed. Takes aspirin.
"""
# For each mention: what is true of it, and its cues.
EXPECTED = [
    ("is_historical", ["PMH:"]),
    ("is_allergy", ["ALLERGIES:"]),
    ("is_family", ["FAMILY HISTORY:", "Father"]),
    ("is_negated", ["No"]),
    ("is_uncertain", ["Possible"]),
    ("is_hypothetical", ["if needed"]),
    ("", []),
]
SECTIONS = [
    ("past_medical_history", "PMH:", "11348-0"),
    ("allergies", "ALLERGIES:", "48765-2"),
    ("family_history", "FAMILY HISTORY:", "10157-6"),
    *[("history_of_present_illness", "HPI:", "10164-2")] * 4,
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("models") / "context"
    make_context_pipeline().to_disk(folder)
    return str(folder)


def run(model: str, folder: Path, format: str, text: str = TEXT, **options) -> Path:
    """Annotate one note, and return the part."""
    notes = folder / "notes.jsonl"
    notes.write_text(json.dumps({"id": "7", "text": text}) + "\n")
    annotate(model, [str(notes)], folder / "run", AnnotateOptions(format=format, **options))
    (part,) = (folder / "run" / "parts").iterdir()
    return part


def check(found: list[dict], text: str = TEXT) -> None:
    """Check the attributes of each mention."""
    for attributes, (true, cues), section in zip(found, EXPECTED, SECTIONS, strict=True):
        assert [name for name in ATTRIBUTES.values() if attributes[name]] == [true] * bool(true)
        assert [text[cue["start"] : cue["end"]] for cue in attributes["modifiers"]] == cues
        assert tuple(attributes[f"section_{name}"] for name in ("category", "title", "code")) == section


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_jsonl_and_parquet(tmp_path, model, format):
    (row,) = read_rows(run(model, tmp_path, format), format)
    check([entity["attributes"] for entity in row["entities"]])


def test_csv(tmp_path, model):
    check([json.loads(row["attributes"]) for row in read_csv(run(model, tmp_path, "csv"))])


@pytest.mark.parametrize(("format", "load"), [("bioc-xml", biocxml.loads), ("bioc-json", biocjson.loads)])
def test_bioc(tmp_path, model, format, load):
    (document,) = load(run(model, tmp_path, format).read_bytes().decode()).documents
    infons = [annotation.infons for annotation in document.passages[0].annotations]
    assert infons[0] == {
        "type": "Disease",
        "section_category": "past_medical_history",
        "section_title": "PMH:",
        "section_code": "11348-0",
        **{name: "true" if name == "is_historical" else "false" for name in ATTRIBUTES.values()},
        "modifiers": '[{"category": "HISTORICAL", "start": 0, "end": 4}]',
    }
    check(
        [{**each, **{name: json.loads(each[name]) for name in (*ATTRIBUTES.values(), "modifiers")}} for each in infons]
    )


def test_brat(tmp_path, model):
    part = run(model, tmp_path, "brat")
    document = read_brat(part)["7"]
    found = {entity.id: set() for entity in document.entities}
    for attribute in document.attributes:
        found[attribute.refid].add((attribute.type, *attribute.attributes))
    for (true, _), (category, title, code), attributes in zip(EXPECTED, SECTIONS, found.values(), strict=True):
        expected = {("section_category", category), ("section_code", code), (true,)} - {("",)}
        # A heading of two words is a note.
        assert attributes == (expected if " " in title else expected | {("section_title", title)})
    assert '\tAnnotatorNotes T3\tsection_title="FAMILY HISTORY:"\n' in (part / "7.ann").read_text()
    assert (part / "annotation.conf").read_text() == (
        "[entities]\nChemical\nDisease\n\n[relations]\n\n[events]\n\n[attributes]\n"
        "is_allergy\tArg:<ENTITY>\nis_family\tArg:<ENTITY>\nis_historical\tArg:<ENTITY>\n"
        "is_hypothetical\tArg:<ENTITY>\nis_negated\tArg:<ENTITY>\nis_uncertain\tArg:<ENTITY>\n"
        "section_category\tArg:<ENTITY>,"
        " Value:allergies|family_history|history_of_present_illness|past_medical_history\n"
        "section_code\tArg:<ENTITY>, Value:10157-6|10164-2|11348-0|48765-2\n"
        "section_title\tArg:<ENTITY>, Value:ALLERGIES:|HPI:|PMH:\n"
    )


def test_omop(tmp_path, model):
    rows = read_csv(run(model, tmp_path, "omop"))
    assert [(row["lexical_variant"], row["term_exists"], row["term_temporal"]) for row in rows] == [
        ("gout", "Y", "past"),
        ("aspirin", "Y", "present"),
        ("gout", "N", "present"),
        ("gout", "N", "present"),
        ("gout", "N", "present"),
        ("aspirin", "N", "future"),
        ("aspirin", "Y", "present"),
    ]
    assert {row["section_concept_id"] for row in rows} == {"0"}
    assert rows[2]["term_modifiers"] == (
        "label=Disease,negated=false,subject=family,certainty=certain,conditional=false,history=false,allergy=false,"
        "section_category=family_history,section_code=10157-6"
    )
    usual = {
        "negated": False,
        "subject": "patient",
        "certainty": "certain",
        "conditional": False,
        "history": False,
        "allergy": False,
    }
    unusual = [
        {"history": True},
        {"allergy": True},
        {"subject": "family"},
        {"negated": True},
        {"certainty": "uncertain"},
        {"conditional": True},
        {},
    ]
    expected = [
        {**usual, **changed, "section_category": category, "section_code": code}
        for changed, (category, _, code) in zip(unusual, SECTIONS, strict=True)
    ]
    found = [read_modifiers(row["term_modifiers"]) for row in rows]
    assert [{name: value for name, value in each.items() if name != "label"} for each in found] == expected


@pytest.mark.parametrize(
    ("attributes", "exists", "temporal", "modifiers"),
    [
        ({}, "Y", "", "label=X"),
        ({"section_category": "plan"}, "Y", "", "label=X,section_category=plan"),
        ({"is_negated": False}, "Y", "present", "label=X,negated=false"),
        ({"is_negated": True}, "N", "present", "label=X,negated=true"),
        ({"is_negated": True, "is_historical": True}, "N", "past", "label=X,negated=true,history=true"),
        ({"is_historical": True, "is_hypothetical": True}, "N", "past", "label=X,conditional=true,history=true"),
        ({"is_family": True, "dose": "5 mg"}, "N", "present", 'label=X,subject=family,dose="5 mg"'),
        ({"modifiers": [{"category": "C", "start": 1, "end": 2}] * 500}, "Y", "", "label=X"),
        ({"section_title": "T" * 10_000, "is_allergy": True}, "Y", "present", "label=X,allergy=true"),
    ],
)
def test_omop_of_what_is_known(attributes, exists, temporal, modifiers):
    document = make_document("gout", [(0, 1, "X", None, "")], attributes=[attributes])
    (row,) = WRITERS["omop"]().prepare(document)
    assert (row["term_exists"], row["term_temporal"], row["term_modifiers"]) == (exists, temporal, modifiers)


def test_omop_refuses_an_attribute_with_the_name_of_a_modifier():
    document = make_document("gout", [(0, 1, "X", None, "")], attributes=[{"is_family": True, "subject": "aunt"}])
    with pytest.raises(ProjectError, match="'subject' can't be written as OMOP, which has a field of that name"):
        WRITERS["omop"]().prepare(document)


def test_pubtator_is_as_without(tmp_path, model):
    lines = run(model, tmp_path, "pubtator").read_text().splitlines()
    assert lines[2:4] == ["7\t5\t9\tgout\tDisease\t-1", "7\t21\t28\taspirin\tChemical\t-1"]


def read_docbin(path: Path):
    (doc,) = DocBin(store_user_data=True).from_disk(path).get_docs(Vocab())
    return doc


def doc_attributes(doc) -> list[dict]:
    names = ("modifiers", *ATTRIBUTES.values(), "section_category", "section_code")
    return [
        {**{name: ent._.get(name) for name in names}, "section_title": ent._.section_title.text} for ent in doc.ents
    ]


def test_docbin(tmp_path, model):
    doc = read_docbin(run(model, tmp_path, "docbin"))
    check(doc_attributes(doc))
    assert [doc[slice(*section.title_span)].text for section in doc._.sections] == [
        "PMH:",
        "ALLERGIES:",
        "FAMILY HISTORY:",
        "HPI:",
    ]


@pytest.mark.parametrize("format", ["jsonl", "docbin"])
def test_a_long_note_is_read_as_a_whole(tmp_path, model, format):
    text = "Nothing else.\n" * 5_000 + "\n" + TEXT
    path = run(model, tmp_path, format, text)
    if format == "docbin":
        doc = read_docbin(path)
        assert doc.text == text
        check(doc_attributes(doc), text)
    else:
        check([entity["attributes"] for entity in read_rows(path, format)[0]["entities"]], text)


def test_without_the_text_no_heading_is_quoted(tmp_path, model):
    (row,) = read_rows(run(model, tmp_path, "jsonl", keep_text=False), "jsonl")
    assert {name for entity in row["entities"] for name in entity["attributes"]} == {
        "section_category",
        "section_code",
        "modifiers",
        *ATTRIBUTES.values(),
    }
