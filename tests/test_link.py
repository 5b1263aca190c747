"""A pipeline gets a linker from a vocabulary and a corpus, and keeps it."""

from pathlib import Path

import pytest
import spacy
import typer
from typer.testing import CliRunner

from scripts.clinical_ner.linking.matcher import LinkedName
from scripts.clinical_ner.linking.queries import Query
from scripts.clinical_ner.registration import register
from scripts.errors import ProjectError
from scripts.link import link_cli
from scripts.linking.build import check_ids, linked_names, with_names
from scripts.linking.pipeline import LinkOptions, add_linker, link
from scripts.records.bigbio import Record
from scripts.vocabularies.folder import Description, write_vocabulary
from tests.clinical_ner.linking.vocabulary import CONCEPTS, GROUPS

register()
LABELS = {"Chem*": "Chemical", "Dis*": "Disease"}
TEXT = "High pressure (HP) and sepsis. HP rose."


def record(identifier: str = "1") -> Record:
    """Return an annotated document."""
    entities = [
        ("0", [0, 13], "High pressure", ["D006973"]),
        ("1", [15, 17], "HP", ["D006973"]),
        ("2", [23, 29], "sepsis", ["D018805"]),
        ("3", [31, 33], "HP", []),
    ]
    return {
        "passages": [
            {
                "document_id": identifier,
                "type": "note",
                "text": TEXT,
                "entities": [
                    {
                        "id": number,
                        "offsets": [offsets],
                        "text": [text],
                        "type": "Disease",
                        "normalized": [{"db_name": "MESH", "db_id": one} for one in ids],
                    }
                    for number, offsets, text, ids in entities
                ],
                "relations": [],
            }
        ]
    }


def test_names_of_a_corpus_have_their_long_forms():
    assert linked_names([record()], LABELS) == [
        LinkedName(Query("High pressure", "High pressure", "Disease"), "D006973"),
        LinkedName(Query("HP", "High pressure", "Disease"), "D006973"),
        LinkedName(Query("sepsis", "sepsis", "Disease"), "D018805"),
    ]


def test_concepts_that_the_vocabulary_lacks_come_from_the_corpus():
    names = [
        *linked_names([record()], LABELS),
        LinkedName(Query("both", "both", "Disease"), "D006973|D007674"),
    ]
    concepts = {concept.id: concept for concept in with_names(CONCEPTS, names, GROUPS)}
    assert len(concepts) == len(CONCEPTS) + 2
    assert concepts["D006973"].names == ("Blood Pressure, High", "High pressure")
    assert (concepts["D018805"].name, concepts["D018805"].groups) == ("sepsis", ("C",))
    assert concepts["D006973|D007674"].name == "Hypertension | Kidney Diseases"


def test_a_corpus_with_the_ids_of_another_vocabulary_is_refused():
    names = [LinkedName(Query("a", "a", "Disease"), "320128")] * 10
    with pytest.raises(ProjectError, match="Only 0 of the corpus's 10 mentions with an id have one of MeSH"):
        check_ids(CONCEPTS, names, "MeSH")
    check_ids(CONCEPTS, [], "MeSH")
    check_ids(CONCEPTS, linked_names([record()], LABELS), "MeSH")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """Save a pipeline that finds a few mentions."""
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Disease", "pattern": "nephropathy"}])
    nlp.add_pipe("clinical_context")
    nlp.add_pipe("clinical_medications")
    nlp.add_pipe("clinical_doc_cleaner")
    path = tmp_path_factory.mktemp("models") / "model"
    nlp.to_disk(path)
    return path


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory) -> Path:
    """Write the small vocabulary."""
    path = tmp_path_factory.mktemp("vocabularies") / "small"
    write_vocabulary(CONCEPTS, Description(name="small", title="Small", groups=GROUPS), path)
    return path


@pytest.mark.parametrize("vectors", [(), ("Disease",)])
def test_a_pipeline_gets_a_linker_and_gets_another_one(tmp_path, model, vocabulary, vectors):
    for _ in range(2):
        link(str(model), tmp_path, vocabulary, tmp_path / "linked", LinkOptions(LABELS, vector_labels=vectors))
        model = tmp_path / "linked"
    nlp = spacy.load(model)
    assert nlp.pipe_names[-3:] == ["linker", "clinical_medications", "clinical_doc_cleaner"]
    assert nlp.get_pipe("linker").vocabulary["title"] == "Small"
    (ent,) = nlp("Nephropathy or nephropathy").ents
    assert ent.kb_id_ == "D007674" and 0.5 < ent._.kb_score < 1


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ((), ["linker"]),
        (("sentencizer",), ["sentencizer", "linker"]),
        (("sentencizer", "doc_cleaner"), ["sentencizer", "linker", "doc_cleaner"]),
        (("clinical_doc_cleaner",), ["linker", "clinical_doc_cleaner"]),
    ],
)
def test_the_linker_is_before_medications_and_the_cleaner(others, expected):
    nlp = spacy.blank("en")
    for name in others:
        nlp.add_pipe(name)
    for _ in range(2):
        add_linker(nlp, 0.5)
        assert nlp.pipe_names == expected
    assert nlp.get_pipe("linker").threshold == 0.5


def run(*arguments: str):
    """Run the command as a user does."""
    app = typer.Typer()
    app.command()(link_cli)
    return CliRunner().invoke(app, arguments)


def test_without_a_vocabulary_nothing_is_written(tmp_path, model):
    result = run(str(model), str(tmp_path), "", str(tmp_path / "linked"))
    assert result.exit_code == 0 and not (tmp_path / "linked").exists()


@pytest.mark.parametrize(
    ("arguments", "why"), [(("missing",), "is not a vocabulary"), (("small", "--threshold", "2"), "threshold is 2")]
)
def test_mistakes_are_named(tmp_path, model, arguments, why):
    name, *options = arguments
    result = run(str(model), str(tmp_path), name, str(tmp_path / "linked"), *options)
    assert result.exit_code == 1 and why in " ".join(result.output.split())
    assert not (tmp_path / "linked").exists()
