"""Whatever a component declares that it assigns to spans becomes an attribute, as JSON would give it back."""

import json

import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Span

from scripts.annotation.mentions import attribute_names, doc_mentions, span_mention
from scripts.errors import ProjectError
from scripts.records.mentions import Mention
from tests.annotation.pipelines import DOSE, make_pipeline


def test_the_attributes_are_those_that_components_declare():
    nlp = make_pipeline("annotate_tests_confidence", "annotate_tests_attributes")
    assert attribute_names(nlp) == ("is_negated", "chapter", "dose", "never_set")
    with nlp.select_pipes(disable="annotate_tests_attributes"):
        assert attribute_names(nlp) == ()


def test_an_entity_has_the_attributes_that_are_set():
    nlp = make_pipeline("annotate_tests_confidence", "annotate_tests_link", "annotate_tests_attributes")
    doc = nlp("aspirin for gout")
    names = attribute_names(nlp)
    assert doc_mentions(doc, attributes=names) == (
        Mention(0, 7, "Chemical", "D001241", None, {"is_negated": False, "dose": DOSE}),
        Mention(12, 16, "Disease", "", None, {"is_negated": True, "chapter": "Past β history"}),
    )
    assert doc_mentions(doc) == (Mention(0, 7, "Chemical", "D001241"), Mention(12, 16, "Disease"))
    found = span_mention(doc.ents[1], attributes=["chapter"])
    assert found == Mention(12, 16, "Disease", attributes={"chapter": "Past β history"})


def test_the_confidence_has_its_own_field():
    nlp = make_pipeline("annotate_tests_confidence")
    assert [mention.confidence for mention in doc_mentions(nlp("aspirin for gout"), has_confidence=True)] == [0.9, None]


def make_span(value):
    if not Span.has_extension("annotate_tests_value"):
        Span.set_extension("annotate_tests_value", default=None)
    span = make_pipeline()("gout").ents[0]
    span._.annotate_tests_value = value
    return span


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, {}),
        (False, False),
        (0, 0),
        ("", ""),
        (2**70, 2**70),
        (1.5, 1.5),
        ((1, [None, "β"]), [1, [None, "β"]]),
        ({"a": {"b": (True,)}}, {"a": {"b": [True]}}),
    ],
)
def test_values_are_what_json_gives_back(value, expected):
    (found,) = span_mention(make_span(value), attributes=["annotate_tests_value"]).attributes.values() or [{}]
    assert found == expected and type(found) is type(expected)
    assert json.loads(json.dumps(found)) == expected


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (object(), "object"),
        ({"SECRET"}, "set"),
        (b"SECRET", "bytes"),
        ({1: "SECRET"}, "dict"),
        ([float("nan")], "NaN or infinity"),
        ({"a": [{"b": float("inf")}]}, "NaN or infinity"),
    ],
)
def test_a_value_that_json_cannot_hold_is_an_error_and_not_quoted(value, kind):
    with pytest.raises(ProjectError, match=f"'annotate_tests_value' has a value .* as JSON: {kind}") as caught:
        span_mention(make_span(value), attributes=["annotate_tests_value"])
    assert "SECRET" not in str(caught.value)


@Language.component("annotate_tests_odd_name", assigns=["span._.two words"])
def do_nothing(doc):
    return doc


def test_a_name_that_is_none_is_refused():
    nlp = spacy.blank("en")
    nlp.add_pipe("annotate_tests_odd_name")
    with pytest.raises(ProjectError, match=r"'span\._\.two words'"):
        attribute_names(nlp)
