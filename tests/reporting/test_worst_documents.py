"""Documents divided into stretches: no text is lost, and each stretch has the classes of its mentions."""

from hypothesis import given
from hypothesis import strategies as st

from scripts.evaluation.error_analysis import analyse
from scripts.evaluation.scoring import ScoredDocument, match_key
from scripts.evaluation.slices import Names, read_context
from scripts.records.mentions import Mention
from scripts.reporting.worst_documents import Segment, divide_text, find_marks, find_worst_documents
from tests.marked import make_record
from tests.mentions import LENGTH, drawn_mentions

TEXT = "abcdefghij" * (LENGTH // 10)


def compare(gold: list[Mention], predicted: list[Mention], *, identifier: str = "1") -> tuple[dict, list[dict]]:
    """Return a line of predictions.jsonl and those of errors.jsonl."""
    document = ScoredDocument(identifier, gold, predicted)
    context = read_context(make_record(TEXT, document_id=identifier), {})
    row = {"id": identifier, "gold": [match_key(m) for m in gold], "predicted": [match_key(m) for m in predicted]}
    return row, list(analyse([document], {identifier: context}, Names()))


def test_overlapping_mentions_are_one_piece_in_segments() -> None:
    row, errors = compare([Mention(2, 6, "Disease")], [Mention(4, 8, "Disease"), Mention(9, 10, "Chemical")])
    (document,) = find_worst_documents([row], errors, {"1": TEXT})
    before, shifted, between, spurious, _ = document["stretches"]
    assert before.segments == [Segment("ab", None, None)]
    assert shifted.segments == [
        Segment("cd", "boundary", None),
        Segment("ef", "boundary", "boundary"),
        Segment("gh", None, "boundary"),
    ]
    assert shifted.errors == [0, 1]
    assert shifted.notes == [("boundary", "Disease shifted")]
    assert between.segments == [Segment("i", None, None)]
    assert spurious.segments == [Segment("j", None, "spurious")]
    assert document["classes"] == {"boundary": 2, "spurious": 1}


def test_right_mentions_have_no_error_and_wrong_labels_name_both() -> None:
    gold = [Mention(0, 2, "Disease"), Mention(4, 6, "Disease")]
    row, errors = compare(gold, [Mention(0, 2, "Disease"), Mention(4, 6, "Chemical")])
    right, _, label, _ = find_worst_documents([row], errors, {"1": TEXT})[0]["stretches"]
    assert (right.segments, right.errors, right.label) == ([Segment("ab", "right", "right")], [], "Disease")
    assert label.notes == [("wrong_label", "Disease taken for Chemical")]


def test_documents_without_errors_are_left_out_and_ties_go_by_id() -> None:
    rows, errors = [], []
    for identifier, missed in (("b", 1), ("a", 1), ("c", 2), ("d", 0)):
        gold = [Mention(start, start + 1, "Disease") for start in range(missed)]
        row, found = compare(gold, [], identifier=identifier)
        rows.append(row)
        errors += found
    worst = find_worst_documents(rows, errors, dict.fromkeys("abcd", TEXT))
    assert [document["id"] for document in worst] == ["c", "a", "b"]


@given(drawn_mentions(), drawn_mentions(), st.data())
def test_pieces_are_the_text_and_hold_each_error_once(gold: list, predicted: list, data: st.DataObject) -> None:
    predicted = data.draw(st.sampled_from([predicted, gold, gold[::2]]))
    row, errors = compare(gold, predicted)
    numbered = {(e["side"] == "false_negative", e["start"], e["end"], e["label"]): n for n, e in enumerate(errors)}
    stretches = list(divide_text(TEXT, find_marks(row, numbered, errors), errors))
    assert "".join(segment.text for stretch in stretches for segment in stretch.segments) == TEXT
    assert sorted(number for stretch in stretches for number in stretch.errors) == list(range(len(errors)))
