"""What a component assigns to entities is in every format, and read back where the format can tell it."""

import json
from pathlib import Path

import pytest
from bioc import biocjson, biocxml
from hypothesis import given
from spacy.tokens import DocBin, Span
from spacy.vocab import Vocab

from scripts.annotate import annotate
from scripts.annotation.options import AnnotateOptions
from scripts.errors import ProjectError
from scripts.formats.registry import WRITERS
from scripts.formats.writing import WriteOptions
from scripts.predict import predict_records
from scripts.records.notes import Note
from tests.annotation.pipelines import DOSE, make_pipeline
from tests.formats.documents import documents, make_document
from tests.formats.reading_back import read_brat, read_csv, read_modifiers, read_rows
from tests.marked import make_record

TEXT = "aspirin for gout"
NEGATED = {"is_negated": True, "chapter": "Past β history"}
# brat's attributes that are absent are false.
ASPIRIN = {"is_negated": False, "dose": DOSE}
ATTRIBUTES = [ASPIRIN, NEGATED]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("models") / "attributes"
    make_pipeline("annotate_tests_attributes").to_disk(folder)
    return str(folder)


def run(model: str, folder: Path, format: str, **options) -> Path:
    """Annotate one note, and return the part."""
    notes = folder / "notes.jsonl"
    notes.write_text(json.dumps({"id": "7", "text": TEXT}) + "\n")
    annotate(model, [str(notes)], folder / "run", AnnotateOptions(format=format, **options))
    (part,) = (folder / "run" / "parts").iterdir()
    return part


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_jsonl_and_parquet(tmp_path, model, format, processes):
    (row,) = read_rows(run(model, tmp_path, format, processes=processes), format)
    assert [entity["attributes"] for entity in row["entities"]] == ATTRIBUTES


def test_csv(tmp_path, model):
    rows = read_csv(run(model, tmp_path, "csv"))
    assert [json.loads(row["attributes"]) for row in rows] == ATTRIBUTES


def test_omop(tmp_path, model):
    rows = read_csv(run(model, tmp_path, "omop"))
    assert [row["term_modifiers"] for row in rows] == [
        'label=Chemical,negated=false,dose={"value": 81, "units": ["mg", "β"], "note": "a=1, \\"b\\"\\n"}',
        'label=Disease,negated=true,chapter="Past β history"',
    ]
    found = [read_modifiers(row["term_modifiers"]) for row in rows]
    assert found == [
        {"label": "Chemical", "negated": False, "dose": DOSE},
        {"label": "Disease", "negated": True, "chapter": NEGATED["chapter"]},
    ]
    # The specification's name for is_negated.
    assert [row["term_exists"] for row in rows] == ["Y", "N"]


def test_brat(tmp_path, model):
    path = run(model, tmp_path, "brat")
    assert (path / "7.ann").read_text(encoding="utf8") == (
        "T1\tChemical 0 7\taspirin\n"
        "T2\tDisease 12 16\tgout\n"
        "A1\tis_negated T2\n"
        '#3\tAnnotatorNotes T1\tdose={"value": 81, "units": ["mg", "β"], "note": "a=1, \\"b\\"\\n"}\n'
        '#4\tAnnotatorNotes T2\tchapter="Past β history"\n'
    )


def brat_attributes(document):
    """Read the attributes of a brat document by its entities: of False nothing is there."""
    found = {entity.id: {} for entity in document.entities}
    for attribute in document.attributes:
        found[attribute.refid][attribute.type] = next(iter(attribute.attributes), True)
    for note in document.notes:
        if note.id[1:] != note.refid[1:]:
            name, _, value = note.text.partition("=")
            found[note.refid][name] = json.loads(value)
    return found


@given(drawn=documents())
def test_brat_read_back(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("brat") / "part"
    writer = WRITERS["brat"]()
    writer.write([writer.prepare(document) for document in drawn], folder)
    expected = {
        document.id: {
            f"T{number}": {name: value for name, value in mention.attributes.items() if value is not False}
            for number, mention in enumerate(document.mentions, start=1)
        }
        for document in drawn
    }
    assert {name: brat_attributes(document) for name, document in read_brat(folder).items()} == expected


@pytest.mark.parametrize(("format", "load"), [("bioc-xml", biocxml.loads), ("bioc-json", biocjson.loads)])
def test_bioc(tmp_path, model, format, load):
    (document,) = load(run(model, tmp_path, format).read_bytes().decode()).documents
    first, second = (annotation.infons for annotation in document.passages[0].annotations)
    assert (first.pop("type"), second.pop("type")) == ("Chemical", "Disease")
    assert second == {"is_negated": "true", "chapter": "Past β history"}
    assert {name: json.loads(value) for name, value in first.items()} == ASPIRIN


def test_bioc_xml_replaces_what_it_cannot_hold():
    document = make_document("gout", [(0, 1, "X", None, "")], attributes=[{"a": "\x00b", "c": ["\ufffe"]}])
    (annotation,) = WRITERS["bioc-xml"]().prepare(document).passages[0].annotations
    assert annotation.infons == {"type": "X", "a": "\ufffdb", "c": '["\ufffd"]'}


def test_docbin(tmp_path, model):
    (doc,) = DocBin(store_user_data=True).from_disk(run(model, tmp_path, "docbin")).get_docs(Vocab())
    assert [ent._.is_negated for ent in doc.ents] == [False, True]
    assert [ent._.chapter for ent in doc.ents] == [None, "Past β history"]
    # msgpack reads sequences as tuples.
    assert doc.ents[0]._.dose == {**DOSE, "units": tuple(DOSE["units"])}


@pytest.mark.parametrize("format", ["pubtator", "conll"])
def test_what_has_no_place_for_attributes_is_as_without(tmp_path, model, format):
    plain = tmp_path / "plain"
    plain.mkdir()
    make_pipeline().to_disk(plain / "model")
    assert run(model, tmp_path, format).read_bytes() == run(str(plain / "model"), plain, format).read_bytes()


def test_predict():
    (document,) = predict_records(make_pipeline("annotate_tests_attributes"), [make_record(TEXT)])
    assert [mention.attributes for mention in document.mentions] == ATTRIBUTES
    with pytest.raises(ProjectError, match=r"Document 'x': its attribute 'chapter' has a value .* as JSON: set"):
        predict_records(make_pipeline("annotate_tests_unwritable"), [make_record(TEXT, document_id="x")])


@pytest.mark.parametrize(
    ("format", "name"), [("bioc-xml", "type"), ("bioc-json", "identifier"), ("omop", "label"), ("omop", "confidence")]
)
def test_an_attribute_with_the_name_of_a_field_is_refused(format, name):
    document = make_document("gout", [(0, 1, "X", None, "")], attributes=[{name: "SECRET"}])
    with pytest.raises(ProjectError, match=f"'{name}' can't be written as .*field of that name") as caught:
        WRITERS[format]().prepare(document)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("format", ["jsonl", "parquet", "csv", "omop", "brat", "bioc-xml", "bioc-json"])
@pytest.mark.parametrize("value", ["\ud800", ["\ud800"]])
def test_half_a_surrogate_pair_is_refused(format, value):
    document = make_document("gout", [(0, 1, "X", None, "")], attributes=[{"a": value}])
    with pytest.raises(UnicodeEncodeError):
        WRITERS[format](WriteOptions()).prepare(document)


def test_a_value_that_docbin_cannot_hold_is_refused():
    document = make_document("gout", [(0, 1, "X", None, "")])
    if not Span.has_extension("chapter"):
        Span.set_extension("chapter", default=None)
    document.doc.ents[0]._.chapter = 2**70
    with pytest.raises(ProjectError, match=r"can't be written as DocBin \(OverflowError\)"):
        WRITERS["docbin"]().prepare(document)


def test_modifiers_that_are_longer_than_the_column_are_refused():
    document = make_document("gout", [(0, 1, "X", None, "")], attributes=[{"a": "x" * 2000}])
    with pytest.raises(ProjectError, match="term_modifiers of 2010 characters, and OMOP has 2000"):
        WRITERS["omop"]().prepare(document)


@pytest.mark.parametrize(
    ("component", "reason"),
    [
        ("annotate_tests_unwritable", "its attribute 'chapter' has a value that can't be written as JSON: set"),
        ("annotate_tests_raising", "the pipeline failed on it: RuntimeError"),
    ],
)
def test_a_note_whose_attribute_cannot_be_written_is_rejected_alone(tmp_path, component, reason):
    make_pipeline(component).to_disk(tmp_path / "model")
    notes = tmp_path / "notes.jsonl"
    notes.write_text('{"id": "1", "text": "gout"}\n{"id": "2", "text": "SECRET aspirin"}\n')
    summary = annotate(str(tmp_path / "model"), [str(notes)], tmp_path / "run")
    assert (summary.notes, summary.rejected) == (1, 1)
    assert json.loads((tmp_path / "run" / "rejected.jsonl").read_text()) == {"id": "2", "reason": reason}


def test_notes_keep_their_columns_beside_attributes():
    note = Note("7", "gout", {"attributes": 1})
    document = make_document(note.text, [(0, 1, "X", None, "")], columns=note.columns, attributes=[{"a": 2}])
    row = json.loads(WRITERS["jsonl"]().prepare(document))
    assert (row["columns"], row["entities"][0]["attributes"]) == ({"attributes": 1}, {"a": 2})
