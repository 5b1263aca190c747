"""Each false positive and false negative gets one class, whatever the spans, and the flags that hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.evaluation.error_analysis import BOUNDARIES, CLASSES, FLAGS, analyse, summarize_errors
from scripts.evaluation.scoring import ScoredDocument
from scripts.evaluation.slices import Context, Names, collect_names, read_context
from scripts.records.mentions import Mention
from tests.marked import make_record
from tests.mentions import LENGTH, drawn_mentions

LABELS = {"Chemical": "Chemical", "Disease": "Disease"}
NO_CONTEXT = Context("x" * LENGTH, set(), set(), [], [], set())


def disease(start: int, end: int, concept: str = "") -> Mention:
    return Mention(start, end, "Disease", concept)


def chemical(start: int, end: int) -> Mention:
    return Mention(start, end, "Chemical")


def errors_of(gold: list[Mention], predicted: list[Mention]) -> list[dict]:
    return list(analyse([ScoredDocument("1", gold, predicted)], {"1": NO_CONTEXT}, Names()))


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ([(10, 20)], [(10, 20)], []),
        ([(10, 20)], [], [("missed", None)]),
        ([], [(10, 20)], [("spurious", None)]),
        ([(10, 20)], [(20, 30)], [("missed", None), ("spurious", None)]),
        ([(10, 20)], [(5, 20)], [("boundary", "too_long_left")] * 2),
        ([(10, 20)], [(10, 25)], [("boundary", "too_long_right")] * 2),
        ([(10, 20)], [(5, 25)], [("boundary", "too_long_both")] * 2),
        ([(10, 20)], [(12, 20)], [("boundary", "too_short_left")] * 2),
        ([(10, 20)], [(10, 12)], [("boundary", "too_short_right")] * 2),
        ([(10, 20)], [(12, 18)], [("boundary", "too_short_both")] * 2),
        ([(10, 20)], [(12, 22)], [("boundary", "shifted")] * 2),
        ([(10, 20)], [(8, 18)], [("boundary", "shifted")] * 2),
        ([(10, 30)], [(10, 18), (20, 30)], [("boundary", "split")] * 3),
        ([(10, 18), (20, 30)], [(10, 30)], [("boundary", "merged")] * 3),
    ],
)
def test_class_and_boundary(gold: list, predicted: list, expected: list) -> None:
    rows = errors_of([disease(*span) for span in gold], [disease(*span) for span in predicted])
    assert [(row["class"], row["boundary"]) for row in rows] == expected


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [
        ([chemical(10, 20)], [("wrong_label", None)] * 2),
        ([chemical(10, 25)], [("wrong_label", "too_long_right")] * 2),
        # The mention of the right label decides, and the other is wrong by its label.
        ([chemical(10, 14), disease(15, 20)], [("wrong_label", "too_short_right"), ("boundary", "too_short_left")]),
    ],
)
def test_wrong_label(predicted: list[Mention], expected: list) -> None:
    rows = errors_of([disease(10, 20)], predicted)
    assert sorted({(row["class"], row["boundary"]) for row in rows}, reverse=True) == sorted(
        set(expected), reverse=True
    )
    assert len(rows) == len(predicted) + 1


def test_row_says_where_and_what() -> None:
    record = make_record("Rats with [Disease acute gout] got", "[Chemical aspirin] and died of it.", document_id="7")
    gold, predicted = [disease(10, 20), chemical(25, 32)], [disease(16, 20), chemical(25, 32)]
    contexts = {"7": read_context(record, LABELS)}
    missed, wrong = analyse([ScoredDocument("7", gold, predicted)], contexts, Names())
    assert missed == {
        "id": "7",
        "start": 10,
        "end": 20,
        "label": "Disease",
        "side": "false_negative",
        "class": "boundary",
        "boundary": "too_short_left",
        "gold": [[10, 20, "Disease"]],
        "predicted": [[16, 20, "Disease"]],
        "flags": [],
        "text": "acute gout",
        "before": "Rats with ",
        "after": " got aspirin and died of it.",
    }
    assert (wrong["side"], wrong["text"], wrong["before"]) == ("false_positive", "gout", "Rats with acute ")
    assert wrong["gold"] == missed["gold"]
    assert wrong["predicted"] == missed["predicted"]


def test_context_is_60_characters_and_no_text_leaves_it_out() -> None:
    text = "a" * 100 + " gout " + "b" * 100
    contexts = {"1": Context(text, set(), set(), [], [], set())}
    documents = [ScoredDocument("1", [disease(101, 105)], [])]
    (row,) = analyse(documents, contexts, Names())
    assert (len(row["before"]), len(row["after"])) == (60, 60)
    (row,) = analyse(documents, contexts, Names(), text=False)
    assert not {"text", "before", "after"} & row.keys()


TRAINING = [make_record("[Disease Gout] and [Disease renal failure] and [Disease joint pain]")]
for entity, concept in zip(TRAINING[0]["passages"][0]["entities"], ("D1", "D2", "-1"), strict=True):
    entity["normalized"] = [{"db_name": "MESH", "db_id": concept}]
NAMES = collect_names(TRAINING, LABELS)


@pytest.mark.parametrize(
    ("text", "gold", "predicted", "flags"),
    [
        # Missed mentions.
        ("had gout now", [disease(4, 8, "D1")], [], []),
        ("had podagra now", [disease(4, 11, "D1")], [], ["synonym"]),
        ("had podagra now", [disease(4, 11, "D9")], [], ["unseen_id"]),
        ("had podagra now", [disease(4, 11, "-1")], [], []),
        ("had podagra now", [disease(4, 11)], [], []),
        ("had podagra now", [disease(4, 11, "D9|D1")], [], ["synonym"]),
        ("had gout-like", [disease(4, 13, "D1")], [], ["synonym", "hyphenated"]),
        ("had CYP2D6 now", [disease(4, 10)], [], ["digits"]),
        ("renal failure (RF) and RF", [disease(23, 25)], [], ["abbreviation"]),
        ("Gout was\ngout", [disease(0, 4), disease(9, 13)], [disease(0, 4)], ["inconsistent"]),
        # False positives: the gold mention they overlap is asked for its id.
        ("had gout now", [], [disease(4, 8)], []),
        ("Gout was gout", [disease(0, 4)], [disease(0, 4), disease(9, 13)], ["inconsistent"]),
    ],
)
def test_flags(text: str, gold: list[Mention], predicted: list[Mention], flags: list[str]) -> None:
    contexts = {"1": read_context(make_record(text), LABELS)}
    (row,) = analyse([ScoredDocument("1", gold, predicted)], contexts, NAMES)
    assert row["flags"] == flags


def test_false_positive_has_the_flags_of_the_mention_it_overlaps() -> None:
    contexts = {"1": read_context(make_record("had bad podagra"), LABELS)}
    rows = analyse([ScoredDocument("1", [disease(8, 15, "D1")], [disease(4, 15)])], contexts, NAMES)
    assert [row["flags"] for row in rows] == [["synonym"], ["synonym"]]


@given(st.lists(st.tuples(drawn_mentions(), drawn_mentions()), min_size=1, max_size=3))
def test_every_error_has_exactly_one_class(sides: list) -> None:
    documents = [ScoredDocument(str(number), gold, predicted) for number, (gold, predicted) in enumerate(sides)]
    rows = list(analyse(documents, {document.id: NO_CONTEXT for document in documents}, Names()))
    errors = sum(len(document.wrong) + len(document.missed) for document in documents)
    summary = summarize_errors(rows, list(LABELS))
    assert summary["total"] == len(rows) == errors
    assert sum(number for counts in summary["by_class"].values() for number in counts.values()) == errors
    for row in rows:
        assert row["class"] in CLASSES
        assert (row["boundary"] in BOUNDARIES) == bool(row["gold"] and row["predicted"]) or row[
            "class"
        ] == "wrong_label"
        assert (row["class"] in ("missed", "spurious")) == (not row["gold"] or not row["predicted"])
        assert set(row["flags"]) <= {*FLAGS}


def test_summary_counts_by_label() -> None:
    rows = errors_of([disease(0, 4), chemical(10, 14)], [disease(0, 5), chemical(20, 24)])
    summary = summarize_errors(rows, ["Chemical", "Disease"])
    assert summary["by_class"] == {
        "boundary": {"Chemical": 0, "Disease": 2},
        "wrong_label": {"Chemical": 0, "Disease": 0},
        "missed": {"Chemical": 1, "Disease": 0},
        "spurious": {"Chemical": 1, "Disease": 0},
    }
    assert summary["by_boundary"]["too_long_right"] == {"Chemical": 0, "Disease": 2}
    assert summary["by_side"] == {
        "false_positive": {"Chemical": 1, "Disease": 1},
        "false_negative": {"Chemical": 1, "Disease": 1},
    }
