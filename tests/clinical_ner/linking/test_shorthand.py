"""Shorthand of clinical notes is written out before a mention is looked up."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.clinical_ner.linking.forms import normal_form
from scripts.clinical_ner.linking.matcher import KnownNames, LinkedName, Matcher
from scripts.clinical_ner.linking.queries import Query
from scripts.clinical_ner.linking.shorthand import TABLE, read_shorthand, write_out_shorthand
from tests.clinical_ner.linking.vocabulary import make_matcher

HTN = Query("HTN", "HTN", "Disease")


@pytest.mark.parametrize(
    ("mention", "label", "expected"),
    [
        ("HTN", "Disease", "hypertension"),
        ("htn", "Disease", "hypertension"),
        ("DM  type 2", "Disease", "type 2 diabetes mellitus"),
        ("n/v", "Disease", "nausea and vomiting"),
        ("CHF exacerbation", "Disease", "congestive heart failure exacerbation"),
        ("severe AS", "Disease", "severe aortic valve stenosis"),
        # A label decides, and small letters within a longer mention are words.
        ("RA", "Disease", "rheumatoid arthritis"),
        ("RA", "Chemical", "RA"),
        ("MS", "Procedure", "MS"),
        ("as needed", "Disease", "as needed"),
        ("hypertension", "Disease", "hypertension"),
        ("", "Disease", ""),
    ],
)
def test_written_out(mention, label, expected):
    assert write_out_shorthand(mention, label) == expected


@given(st.text(), st.sampled_from(["Disease", "Chemical", ""]))
def test_what_has_no_shorthand_is_left_as_it_is(text, label):
    known = {short.lower() for short in read_shorthand().get(label, ())}
    if known.isdisjoint([" ".join(text.split()).lower(), *text.lower().split()]):
        assert write_out_shorthand(text, label) == text


def test_table_has_each_shorthand_once_in_order():
    with TABLE.open(encoding="utf8", newline="") as file:
        rows = [tuple(row) for row in csv.reader(file, delimiter="\t")][1:]
    keys = [(label, short.lower()) for label, short, _ in rows]
    assert keys == sorted(set(keys))
    assert all(normal_form(short) != normal_form(name) and name.strip() for _, short, name in rows)


def matcher(*names: LinkedName) -> Matcher:
    """Return the matcher of the small vocabulary with the names of a corpus."""
    made = make_matcher()
    made.known = KnownNames.from_mentions(names)
    return made


@pytest.mark.parametrize(
    ("query", "names", "expected"),
    [
        (HTN, [], "hypertension"),
        # The document defines it.
        (Query("HTN", "hereditary tubular nephropathy", "Disease"), [], "HTN"),
        # The corpus uses it, with the same label.
        (HTN, [LinkedName(HTN, "D007674")], "HTN"),
        (HTN, [LinkedName(HTN._replace(label="Chemical"), "D001241")], "hypertension"),
        # A document of the corpus defines it, which says nothing of other documents.
        (HTN, [LinkedName(HTN._replace(long="hereditary tubular nephropathy"), "D007674")], "hypertension"),
    ],
)
def test_document_and_corpus_come_before_the_table(query, names, expected):
    assert matcher(*names).write_out(query).surface == expected


def test_a_mention_is_linked_by_what_it_stands_for():
    found = matcher().link(HTN)
    assert [(one.id, one.name) for one in found[:1]] == [("D006973", "Hypertension")]
    assert found == matcher().link(Query("hypertension", "hypertension", "Disease"))
