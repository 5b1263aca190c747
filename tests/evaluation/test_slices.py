"""Mentions fall into parts by place and text, the same way on both sides, and the parts add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.evaluation.scoring import ScoredDocument, count_outcomes, tabulate
from scripts.evaluation.slices import (
    DOCUMENTS_OF_A_SECTION,
    Context,
    Names,
    collect_names,
    find_composites,
    read_context,
    score_slices,
    surface_form,
)
from scripts.records.bigbio import Record, document_id, document_text
from scripts.records.mentions import Mention, flat_mentions
from tests.marked import make_record
from tests.mentions import LENGTH, drawn_mentions

LABELS = {"Chemical": "Chemical", "Disease": "Disease"}
NAMES = list(LABELS)


def slices_of(records: list[Record], predicted: list[list[Mention]], names: Names | None = None) -> dict:
    """Return tp, fp and fn by group and part."""
    documents = [
        ScoredDocument(document_id(record), flat_mentions(record, LABELS), found)
        for record, found in zip(records, predicted, strict=True)
    ]
    contexts = {document_id(record): read_context(record, LABELS) for record in records}
    rows = score_slices(documents, contexts, names or Names(), NAMES)
    return {
        (row["group"], row["part"]): tuple(row["scores"]["micro"][key] for key in ("tp", "fp", "fn")) for row in rows
    }


@pytest.mark.parametrize(
    ("text", "form"), [("Renal\n  Failure", "renal failure"), ("5-HT", "5-ht"), ("", ""), ("STRASSE", "strasse")]
)
def test_surface_form(text: str, form: str) -> None:
    assert surface_form(text) == form


def test_seen_needs_form_and_label() -> None:
    names = collect_names([make_record("[Disease Gout] and [Chemical lead]")], LABELS)
    record = make_record("[Disease gout], [Disease lead] and [Disease ague]")
    found = slices_of([record], [[Mention(0, 4, "Disease"), Mention(6, 10, "Chemical")]], names)
    assert found["training", "seen"] == (1, 1, 0)
    assert found["training", "unseen"] == (0, 0, 2)


def test_length_counts_words_between_spaces() -> None:
    record = make_record("[Disease 5-HT syndrome] and [Disease heart-failure]")
    found = slices_of([record], [[]])
    assert found["length", "multi-word"] == found["length", "single-word"] == (0, 0, 1)


def test_abbreviation_and_its_long_form() -> None:
    record = make_record("[Disease Renal failure] ([Disease RF]) and [Disease gout] and [Disease RF]")
    found = slices_of([record], [flat_mentions(record, LABELS)[:3]])
    assert found["abbreviation", "short form"] == (1, 0, 1)
    assert found["abbreviation", "long form"] == (1, 0, 0)
    assert found["abbreviation", "other"] == (1, 0, 0)


def test_position_is_the_passage() -> None:
    record = make_record("A [Disease gout].", "A [Disease gout] and lead.")
    found = slices_of([record], [[Mention(2, 6, "Disease"), Mention(19, 23, "Chemical")]])
    assert found["position", "title"] == (1, 0, 0)
    assert found["position", "abstract"] == (0, 1, 1)


def composite(*offsets: tuple, ids: tuple = ()) -> Record:
    record = make_record("hepatic and renal toxicity")
    record["passages"][0]["entities"] = [
        {
            "id": "1",
            "offsets": list(map(list, parts)),
            "text": [],
            "type": "Disease",
            "normalized": [{"db_name": "MESH", "db_id": identifier} for identifier in ids],
        }
        for parts in offsets
    ]
    return record


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (composite([(0, 26)], [(0, 7), (18, 26)], [(12, 26)]), {(0, 26, "Disease")}),
        (composite([(0, 26)], ids=("D1", "D2")), {(0, 26, "Disease")}),
        (composite([(0, 26)], ids=("D1",)), set()),
        (composite([(0, 7)], [(12, 26)]), set()),
    ],
)
def test_composites(record: Record, expected: set) -> None:
    assert find_composites(record, LABELS) == expected


def test_no_prediction_is_wrong_in_a_composite() -> None:
    record = composite([(0, 26)], [(12, 26)])
    documents = [ScoredDocument("1", flat_mentions(record, LABELS), [Mention(12, 26, "Disease")])]
    rows = score_slices(documents, {"1": read_context(record, LABELS)}, Names(), NAMES)
    row = next(row["scores"]["micro"] for row in rows if row["part"] == "composite")
    assert row == {"precision": None, "recall": 0.0, "f1": None, "tp": 0, "fp": None, "fn": 1}


NOTE = """[Disease Gout] seen.
HISTORY OF PRESENT ILLNESS: [Disease gout]
  since May.
Discharge medications:
 [Chemical lead]
Plan: [Chemical lead]
JOHN SMITH: [Disease ague]"""


def test_sections_are_those_that_several_notes_have() -> None:
    notes = [
        make_record(NOTE if number == 0 else NOTE.replace("JOHN SMITH:", "and"), document_id=str(number))
        for number in range(DOCUMENTS_OF_A_SECTION)
    ]
    found = slices_of(notes, [[]] * len(notes))
    assert {key: value for key, value in found.items() if key[0] == "section"} == {
        ("section", "none"): (0, 0, 5),
        ("section", "history of present illness"): (0, 0, 5),
        # "Plan: lead" is not alone on its line, and "JOHN SMITH:" stands in one note only: a name, for all we know.
        ("section", "discharge medications"): (0, 0, 15),
    }
    assert ("position", "title") not in found


def test_no_sections_without_headers() -> None:
    assert {group for group, _ in slices_of([make_record("NSAIDs: a [Disease gout].")], [[]])} == {
        "training",
        "length",
        "abbreviation",
        "composite",
    }


@given(st.lists(st.tuples(drawn_mentions(), drawn_mentions()), min_size=1, max_size=3))
def test_parts_of_a_group_add_up(sides: list) -> None:
    documents = [ScoredDocument(str(number), gold, predicted) for number, (gold, predicted) in enumerate(sides)]
    context = Context(("Gout x " * LENGTH)[:LENGTH], {"gout"}, {"x gout"}, [(0, "title"), (9, "body")], [], set())
    names = Names(forms={("out", "Disease"), ("gout", "Disease")})
    rows = score_slices(documents, {document.id: context for document in documents}, names, NAMES)
    whole = tabulate(count_outcomes(documents, NAMES), NAMES)
    for name in (*NAMES, "micro"):
        for group in {row["group"] for row in rows} - {"composite"}:
            parts = [row["scores"][name] for row in rows if row["group"] == group]
            assert [sum(part[key] for part in parts) for key in ("tp", "fp", "fn")] == [
                whole[name][key] for key in ("tp", "fp", "fn")
            ]


def test_forms_are_collected_by_concept() -> None:
    record = make_record("[Disease Gout] and [Disease podagra]")
    for entity in record["passages"][0]["entities"]:
        entity["normalized"] = [{"db_name": "MESH", "db_id": "D1"}, {"db_name": "MESH", "db_id": "-1"}]
    names = collect_names([record], LABELS)
    assert names.forms == {("gout", "Disease"), ("podagra", "Disease")}
    assert dict(names.forms_by_concept) == {"D1": {"gout", "podagra"}}
    assert document_text(record) == "Gout and podagra"


def test_joined_corpora_are_parts() -> None:
    records = [
        {**make_record("[Disease gout]", document_id="1"), "corpus": "a"},
        {**make_record("[Disease ague]", document_id="2"), "corpus": "b"},
    ]
    found = slices_of(records, [[Mention(0, 4, "Disease")], []])
    assert found["corpus", "a"] == (1, 0, 0) and found["corpus", "b"] == (0, 0, 1)
    assert not any(group == "corpus" for group, _ in slices_of(records[:1], [[]]))
