"""A pipeline's predictions land in files, whole, and a user's mistake in a message."""

import pytest
import spacy
import typer
from spacy.language import Language
from spacy_transformers.pipeline_component import install_extensions
from typer.testing import CliRunner

from scripts.clinical_ner.tokenizer import set_tokenizer
from scripts.errors import ProjectError
from scripts.files import sha256
from scripts.formats.registry import CORPUS_FORMATS, WRITERS, write_documents
from scripts.predict import predict, predict_cli, predict_records
from scripts.records.bigbio import write_records
from scripts.records.documents import Passage
from scripts.records.mentions import Mention
from tests.formats.reading_back import read_documents
from tests.marked import make_record

RECORDS = [
    make_record("Famotidine-associated [Disease delirium].", "Six cases.", document_id="8701013"),
    make_record("No pain.\n\tHTN,\nheart\nfailure", document_id="note"),
]
PATTERNS = [
    {"label": "Chemical", "pattern": [{"LOWER": "famotidine"}]},
    {"label": "Disease", "pattern": "HTN"},
    {"label": "Disease", "pattern": [{"LOWER": "heart"}, {"IS_SPACE": True}, {"LOWER": "failure"}]},
]
EXPECTED = [
    ("8701013", (Mention(0, 10, "Chemical"),)),
    ("note", (Mention(10, 13, "Disease"), Mention(15, 28, "Disease"))),
]
FILES = [f"predictions{WRITERS[name].suffix}" for name in CORPUS_FORMATS]


@pytest.fixture
def model(tmp_path):
    """A pipeline that finds three names, in a folder."""
    nlp = set_tokenizer(spacy.blank("en"))
    nlp.add_pipe("entity_ruler").add_patterns(PATTERNS)
    nlp.to_disk(tmp_path / "model")
    return str(tmp_path / "model")


@pytest.fixture
def records(tmp_path):
    write_records(RECORDS, tmp_path / "test.jsonl")
    return tmp_path / "test.jsonl"


def found(documents):
    return [(document.id, document.mentions) for document in documents]


def test_predictions_are_in_every_format(tmp_path, model, records):
    documents = predict(model, records, tmp_path / "run")
    assert found(documents) == EXPECTED
    assert documents[0].passages == (
        Passage("title", "Famotidine-associated delirium."),
        Passage("abstract", "Six cases."),
    )
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == sorted(FILES)
    for name, file in zip(CORPUS_FORMATS, FILES, strict=True):
        assert found(read_documents(tmp_path / "run" / file, name)) == EXPECTED


def test_two_runs_give_the_same_bytes(tmp_path, model, records):
    for run in ("first", "again"):
        predict(model, records, tmp_path / run)
    for name in FILES:
        assert sha256(tmp_path / "first" / name) == sha256(tmp_path / "again" / name)


def test_only_the_formats_asked_for_are_written_and_other_files_stay(tmp_path, model, records):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "scores.json").write_text("{}")
    predict(model, records, tmp_path / "run", formats=["conll"])
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["predictions.conll", "scores.json"]


def test_what_the_encoder_leaves_in_a_doc_is_not_written(tmp_path):
    install_extensions()
    nlp = spacy.blank("en")
    nlp.add_pipe("as_an_encoder")
    documents = predict_records(nlp, RECORDS)
    write_documents(documents, tmp_path / "predictions.spacy", format="docbin")
    assert found(read_documents(tmp_path / "predictions.spacy", "docbin")) == [("8701013", ()), ("note", ())]


@Language.component("as_an_encoder")
def leave_output(doc):
    """Leave what no DocBin can hold where the transformer component leaves its output."""
    doc._.trf_data = object()
    return doc


def without_entities(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "sentences")
    return str(tmp_path / "sentences")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda folder: {"model": "no_such_pipeline"}, "There is no pipeline 'no_such_pipeline'"),
        (lambda folder: {"model": without_entities(folder)}, "has no component that sets entities.*: sentencizer"),
        (lambda folder: {"records": folder / "dev.jsonl"}, "There is no file .*dev.jsonl"),
        (lambda folder: {"records": twice(folder)}, "more than once, the first is 'note'"),
        (lambda folder: {"formats": ["pubtator", "brat"]}, "Unknown format 'brat'.*Known are pubtator, bioc-xml"),
        (lambda folder: {"formats": []}, "No format to write.*Known are pubtator, bioc-xml"),
    ],
)
def test_a_mistake_is_named_before_anything_is_written(tmp_path, model, records, change, why):
    given = {"model": model, "records": records, "output": tmp_path / "run", **change(tmp_path)}
    with pytest.raises(ProjectError, match=why):
        predict(**given)
    assert not (tmp_path / "run").exists()


def test_what_the_command_says(tmp_path, model, records):
    done = run(model, records, tmp_path / "run", "--formats", "pubtator conll")
    assert done.exit_code == 0
    assert "3 mentions (Chemical 1, Disease 2) in 2 documents" in " ".join(done.output.split())
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "predictions.PubTator.txt",
        "predictions.conll",
    ]


def test_the_command_names_a_mistake_without_a_traceback(tmp_path, records):
    done = run("no_such_pipeline", records, tmp_path / "run")
    assert done.exit_code == 1
    assert "There is no pipeline 'no_such_pipeline'" in done.output
    assert isinstance(done.exception, SystemExit)


def run(*arguments):
    app = typer.Typer()
    app.command()(predict_cli)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def twice(folder):
    write_records([*RECORDS, RECORDS[1]], folder / "twice.jsonl")
    return folder / "twice.jsonl"
