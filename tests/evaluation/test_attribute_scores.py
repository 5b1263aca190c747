"""Attributes and sections are scored wherever the corpus has gold and a component assigns them, by counted examples."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.language import Language
from spacy.tokens import Doc, Span

from scripts.clinical_ner.tokenizer import set_tokenizer
from scripts.convert import convert
from scripts.evaluation.attribute_scores import Judgement, annotate_gold, describe_cues, score_judgements
from scripts.evaluation.pipeline_scores import EvaluationOptions, evaluate
from scripts.evaluation.scoring import MEASURES
from scripts.records.attributes import write_attributes
from scripts.records.bigbio import SPLITS, Record, write_records
from scripts.records.mentions import Mention
from scripts.report import report
from tests.marked import make_record

LABELS = {"Chemical": "Chemical", "Disease": "Disease"}
CONTEXT, SECTIONS = "evaluation_tests_context", "evaluation_tests_sections"
EXTENSIONS = ("sections", "section_categories", "section_titles")


@Language.component(
    CONTEXT, assigns=["span._.is_negated", "span._.is_family", "span._.dose", "span._.modifiers", "span._.unknown"]
)
def find_context(doc: Doc) -> Doc:
    """Negate what comes after "no", and know no families."""
    for ent in doc.ents:
        cue = doc[ent.start - 1] if ent.start else None
        ent._.is_negated = cue is not None and cue.lower_ == "no"
        ent._.dose = "81 mg" if ent.label_ == "Chemical" else None
        ent._.modifiers = (
            [{"category": "NEGATED", "start": cue.idx, "end": cue.idx + 2}]
            if cue is not None and ent._.is_negated
            else []
        )
    return doc


@Language.component(SECTIONS, assigns=["doc._.sections", "span._.section_category"])
def find_sections(doc: Doc) -> Doc:
    """Take each word before a colon for a heading."""
    titles = [doc[token.i - 1 : token.i] for token in doc if token.text == ":" and token.i]
    doc._.section_titles, doc._.section_categories = titles, [title.text.lower() for title in titles]
    return doc


def enclosing(span: Span) -> str | None:
    """Return the category of the last heading before a span."""
    titles = zip(span.doc._.section_titles or [], span.doc._.section_categories or [], strict=True)
    return next((category for title, category in reversed([*titles]) if title.start < span.start), None)


@pytest.fixture(autouse=True)
def extensions() -> Iterator[None]:
    """Add the extensions that the components use, and leave none changed for other tests."""
    before = [(kind, name, kind.get_extension(name)) for kind, name in USED if kind.has_extension(name)]
    for kind, name in USED:
        kind.set_extension(name, default=None, force=True)
    Span.set_extension("section_category", getter=enclosing, force=True)
    yield
    for kind, name in USED:
        kind.remove_extension(name)
    for kind, name, (default, method, getter, setter) in before:
        kind.set_extension(name, default=default, method=method, getter=getter, setter=setter)


USED = [
    *((Doc, name) for name in EXTENSIONS),
    *((Span, name) for name in ("is_negated", "is_family", "dose", "modifiers", "unknown", "section_category")),
]


def with_gold(marked: str, *values: dict, sections: list[dict] | None = None, name: str = "1") -> Record:
    """Make a record whose entities have these attributes."""
    record = make_record(marked, document_id=name)
    for entity, attributes in zip(record["passages"][0]["entities"], values, strict=True):
        entity["attributes"] = write_attributes(attributes)
    if sections is not None:
        record["passages"][0]["sections"] = sections
    return record


YES, NO = {"is_negated": True}, {"is_negated": False}
TEST = [
    with_gold(
        "HPI: no [Disease gout], no [Disease ague]. PMH: [Disease colic], not [Disease fever].",
        *(YES, NO, NO, {**YES, "is_family": False}),
        sections=[
            {"category": "hpi", "title": [0, 3], "body": [5, 22]},
            {"category": "past", "title": [23, 26], "body": [28, 45]},
        ],
        name="a",
    ),
    # The second mention is not found, and the words "no lead" are no mention.
    with_gold(
        "no [Disease colic], no [Disease chorea], no lead; [Chemical Aspirin]", YES, YES, {"dose": "81 mg"}, name="b"
    ),
]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return make(tmp_path, TEST, CONTEXT, SECTIONS)


def make(root: Path, test: list[Record], *components: str) -> Path:
    """Write a corpus and a pipeline that finds some words, in front of and behind these components."""
    for split in SPLITS:
        records = test if split == "test" else [make_record("[Disease gout]", document_id=split)]
        write_records(records, root / "records" / f"{split}.jsonl")
    convert(root / "records", root / "corpus", labels=LABELS)
    nlp = set_tokenizer(spacy.blank("en"))
    for name in components:
        nlp.add_pipe(name)
    ruler = nlp.add_pipe("entity_ruler", first=True)
    words = {"gout": "Disease", "ague": "Disease", "colic": "Disease", "fever": "Disease", "lead": "Chemical"}
    ruler.add_patterns([{"label": label, "pattern": word} for word, label in {**words, "Aspirin": "Chemical"}.items()])
    nlp.to_disk(root / "model")
    return root


def run(root: Path, **options: object) -> dict:
    arguments = (str(root / "model"), root / "records", root / "corpus", root / "metrics" / "run")
    return evaluate(*arguments, EvaluationOptions(**{"labels": LABELS, **options}))


def counts(row: dict) -> tuple[int, int, int]:
    return row["tp"], row["fp"], row["fn"]


def test_gold_is_kept_in_the_docs(made: Path) -> None:
    nlp = spacy.blank("en")
    docs = list(spacy.tokens.DocBin().from_disk(made / "corpus" / "test.spacy").get_docs(nlp.vocab))
    assert [(ent.text, ent._.is_negated, ent._.is_family) for ent in docs[0].ents] == [
        ("gout", True, None),
        ("ague", False, None),
        ("colic", False, None),
        ("fever", True, False),
    ]
    assert [tuple(section.values()) for section in docs[0].user_data["gold_sections"]] == [
        ("hpi", (0, 3), (5, 22)),
        ("past", (23, 26), (28, 45)),
    ]
    assert "gold_sections" not in docs[1].user_data


def test_attributes_are_counted_on_gold_mentions_and_end_to_end(made: Path) -> None:
    scores = run(made)["attributes"]
    assert scores["names"] == ["is_negated", "is_family", "dose"]
    assert {name: counts(row) for name, row in scores["gold_spans"].items() if name != "macro"} == {
        # "no gout", "no colic" and "no chorea" are right, "no ague" is wrong by the gold, and "not fever" is missed.
        "is_negated": (3, 1, 1),
        "is_family": (0, 0, 0),
        "dose": (1, 0, 0),
        "micro": (4, 1, 1),
    }
    assert scores["gold_spans"]["is_negated"]["precision"] == 0.75
    assert scores["gold_spans"]["is_family"]["f1"] is None
    # "chorea" is not found and "no lead" is found wrongly, so there is one more of both errors. So has "lead" a dose.
    assert counts(scores["end_to_end"]["is_negated"]) == (2, 2, 2)
    assert counts(scores["end_to_end"]["dose"]) == (1, 1, 0)
    assert set(scores["end_to_end"]["is_negated"]["intervals"]) == set(MEASURES)


def test_sections_are_counted_by_category_and_title(made: Path) -> None:
    sections = run(made)["attributes"]["sections"]
    assert {name: counts(row) for name, row in sections["scores"].items() if name != "macro"} == {
        "hpi": (1, 0, 0),
        "past": (0, 0, 1),
        "pmh": (0, 1, 0),
        "micro": (1, 1, 1),
    }
    assert counts(sections["starts"]["micro"]) == (1, 1, 1)
    assert (sections["mentions"], sections["accuracy"]) == (4, 0.5)


def test_errors_are_summarized_and_listed(made: Path) -> None:
    assert run(made)["attributes"]["errors"] == [
        {
            "attribute": "is_negated",
            "side": "false_negative",
            "label": "Disease",
            "section": "past",
            "cue": "none",
            "count": 1,
        },
        {
            "attribute": "is_negated",
            "side": "false_positive",
            "label": "Disease",
            "section": "hpi",
            "cue": "NEGATED before",
            "count": 1,
        },
    ]
    rows = list(srsly.read_jsonl(made / "metrics" / "run" / "attribute_errors.jsonl"))
    assert [(row["id"], row["text"], row["gold"], row["predicted"], row["section"]) for row in rows] == [
        ("a", "ague", False, True, "hpi"),
        ("a", "fever", True, False, "past"),
    ]


def test_without_text_no_file_quotes_a_document(made: Path) -> None:
    run(made, text=False)
    folder = made / "metrics" / "run"
    report(folder, made / "records")
    assert {path.name for path in folder.iterdir()} >= {"attribute_errors.jsonl", "report.html", "report.md"}
    for path in folder.iterdir():
        assert not any(word in path.read_text("utf8") for word in ("gout", "ague", "chorea", "lead;")), path.name


def test_report_shows_the_tables(made: Path) -> None:
    run(made)
    report(made / "metrics" / "run", made / "records")
    card = (made / "metrics" / "run" / "report.md").read_text("utf8")
    assert "| is_negated | 4 | 75.00 | 75.00 | 75.00 (" in card
    assert "| is_negated | false positive | Disease | hpi | NEGATED before | 1 |" in card
    assert "| mentions in the right section | 4 | 50.00 | - | - |" in card
    assert 'href="#attributes"' in (made / "metrics" / "run" / "report.html").read_text("utf8")


@pytest.mark.parametrize(
    ("test", "components"),
    [
        ([make_record("no [Disease gout]")], (CONTEXT, SECTIONS)),
        (TEST, ()),
        ([with_gold("no [Disease gout]", {"is_historical": True})], (CONTEXT,)),
    ],
)
def test_without_gold_or_without_a_component_nothing_appears(tmp_path: Path, test: list, components: tuple) -> None:
    root = make(tmp_path, test, *components)
    (root / "metrics" / "run").mkdir(parents=True)
    (root / "metrics" / "run" / "attribute_errors.jsonl").write_text("old")
    assert run(root)["attributes"] is None
    assert not (root / "metrics" / "run" / "attribute_errors.jsonl").exists()
    report(root / "metrics" / "run", root / "records")
    for name in ("report.md", "report.html"):
        assert "ttributes and sections" not in (root / "metrics" / "run" / name).read_text("utf8")
    assert json.loads((root / "metrics" / "run" / "scores.json").read_text())["attributes"] is None


def test_only_layout_and_attributes_run_on_the_gold() -> None:
    nlp = set_tokenizer(spacy.blank("en"))
    nlp.add_pipe("sentencizer")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "Disease", "pattern": "ague"}])
    nlp.add_pipe(CONTEXT)
    gold = nlp.make_doc("No gout. No ague.")
    gold.ents = [Span(gold, 1, 2, "Disease", kb_id="D1")]
    doc = annotate_gold(nlp, {"a": gold})["a"]
    assert [(ent.text, ent.label_, ent.kb_id_, ent._.is_negated) for ent in doc.ents] == [
        ("gout", "Disease", "D1", True)
    ]
    assert [token.i for token in doc if token.is_sent_start] == [0, 3]
    assert gold.ents[0]._.is_negated is None


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        (True, True, (1, 0, 0)),
        (False, False, (0, 0, 0)),
        (False, None, (0, 0, 0)),
        (False, True, (0, 1, 0)),
        (True, None, (0, 0, 1)),
        ("81 mg", "81 mg", (1, 0, 0)),
        ("81 mg", "5 mg", (0, 1, 1)),
        (0, None, (0, 0, 1)),
    ],
)
def test_each_pair_of_values_is_counted(gold: object, predicted: object, expected: tuple) -> None:
    judgement = Judgement("a", Mention(0, 1, "Disease"), "x", gold, predicted)
    assert counts(score_judgements([judgement], ["a"], ["x"], seed=0)["x"]) == expected


@pytest.mark.parametrize(
    ("modifiers", "expected"),
    [
        (None, ""),
        ([], ""),
        (["no"], ""),
        ([{"category": "NEG", "start": 0, "end": 2}], "NEG before"),
        (
            [{"category": "NEG", "start": 8, "end": 9}, {"category": "FAM", "start": 3, "end": 4}],
            "FAM inside, NEG after",
        ),
    ],
)
def test_cues_are_described_without_their_words(modifiers: list | None, expected: str) -> None:
    doc = spacy.blank("en")("no gout now")
    ent = Span(doc, 1, 2, "Disease")
    ent._.modifiers = modifiers
    assert describe_cues(ent) == expected
