"""Overlaps of mentions are resolved as spaCy resolves them, and labels are found by pattern."""

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.util import filter_spans

from scripts.errors import ProjectError
from scripts.records.mentions import Mention, filter_overlaps, find_label, parse_labels

DOC = Doc(spacy.blank("en").vocab, words=["x"] * 12)


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(1, 12), st.sampled_from(["Chemical", "Disease"]))))
def test_overlaps_are_resolved_as_spacy_does(drawn: list[tuple[int, int, str]]) -> None:
    spans = [(start, min(start + length, 12), label) for start, length, label in drawn]
    kept = filter_spans([DOC.char_span(2 * s, 2 * e - 1, label=label) for s, e, label in spans])
    mentions = [Mention(*span) for span in spans]
    assert filter_overlaps(mentions) == [Mention(span.start, span.end, span.label_) for span in kept]


@pytest.mark.parametrize(
    ("spans", "kept"),
    [
        ([(0, 4), (2, 9)], [(2, 9)]),
        ([(2, 6), (0, 4)], [(0, 4)]),
        ([(0, 2), (2, 4)], [(0, 2), (2, 4)]),
        ([(1, 3), (0, 9), (8, 12)], [(0, 9)]),
    ],
)
def test_longest_is_kept_and_of_equals_the_first(spans: list, kept: list) -> None:
    found = filter_overlaps(Mention(start, end, "Disease") for start, end in spans)
    assert [(mention.start, mention.end) for mention in found] == kept


def test_first_pattern_that_matches_applies() -> None:
    labels = parse_labels("Chem*=Chemical *=Other")
    assert [find_label(kind, labels) for kind in ("Chemical", "ChemicalEntity", "Gene")] == ["Chemical"] * 2 + ["Other"]
    assert find_label("Gene", parse_labels("Chem*=Chemical")) is None


@pytest.mark.parametrize("text", ["", "Chemical", "A=B=C", "=B", "A="])
def test_labels_in_another_form_are_refused(text: str) -> None:
    with pytest.raises(ProjectError, match="Can't read the labels"):
        parse_labels(text)
