"""What no prediction can reach is counted by hand here."""

from scripts.evaluation.ceiling import recall_ceiling
from tests.marked import make_record

LABELS = {"Chem*": "Chemical", "Disease": "Disease"}


def test_ceiling_counts_what_is_out_of_reach() -> None:
    record = make_record("[Disease hepatic and renal toxicity] of [Chemical PAN]A, [Disease gout]")
    entities = record["passages"][0]["entities"]
    entities.append({**entities[0], "offsets": [[0, 7], [18, 26]]})
    entities.append({**entities[0], "offsets": [[12, 26]]})
    entities.append({**entities[2], "offsets": [[30, 31], [33, 34]], "type": "Chemical"})
    on_tokens = {"1": {(0, 26, "Disease"), (30, 34, "Chemical"), (36, 40, "Disease")}}
    assert recall_ceiling([record], on_tokens, LABELS) == {
        "Chemical": {
            "annotations": 2,
            "discontinuous": 1,
            "overlaps_removed": 1,
            "mentions": 1,
            "off_boundary": 0,
            "recall": 1.0,
            "recall_of_annotations": 0.0,
        },
        "Disease": {
            "annotations": 4,
            "discontinuous": 1,
            "overlaps_removed": 2,
            "mentions": 2,
            "off_boundary": 0,
            "recall": 1.0,
            "recall_of_annotations": 0.5,
        },
        "micro": {
            "annotations": 6,
            "discontinuous": 2,
            "overlaps_removed": 3,
            "mentions": 3,
            "off_boundary": 0,
            "recall": 1.0,
            "recall_of_annotations": round(2 / 6, 6),
        },
    }


def test_mention_that_was_widened_is_out_of_reach() -> None:
    record = make_record("[Chemical PAN]A and [Chemical lead]")
    on_tokens = {"1": {(0, 4, "Chemical"), (9, 13, "Chemical")}}
    row = recall_ceiling([record], on_tokens, LABELS)["Chemical"]
    assert (row["mentions"], row["off_boundary"], row["recall"], row["recall_of_annotations"]) == (2, 1, 0.5, 0.5)


def test_blank_mentions_and_types_to_leave_out_do_not_count() -> None:
    record = make_record("[Chemical PAN] [Gene TP53]")
    entities = record["passages"][0]["entities"]
    entities.append({**entities[0], "offsets": [[3, 4]]})
    rows = recall_ceiling([record], {"1": {(0, 3, "Chemical")}}, {"Chem*": "Chemical", "*": "-"})
    assert {label: row["annotations"] for label, row in rows.items()} == {"Chemical": 1, "micro": 1}


def test_ceiling_of_nothing_is_undefined() -> None:
    row = recall_ceiling([make_record("Nothing here.")], {"1": set()}, LABELS)["micro"]
    assert (row["annotations"], row["recall"], row["recall_of_annotations"]) == (0, None, None)
