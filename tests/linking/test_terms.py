"""Names in place of ids get the ids of the vocabulary."""

import pytest

from scripts.clinical_ner.linking.concept import Concept
from scripts.clinical_ner.linking.index import build_index
from scripts.clinical_ner.linking.matcher import LinkedName
from scripts.clinical_ner.linking.queries import Query
from scripts.linking.pipeline import LinkOptions, make_matcher
from scripts.linking.terms import new_names, resolve
from scripts.synthetic.terms import read_terms
from scripts.vocabularies.folder import Description, Vocabulary
from tests.clinical_ner.linking.vocabulary import CONCEPTS, GROUPS

MORE = [
    Concept("D000001", "Insulin", ("Pen",), ("D06.1",)),
    Concept("D000002", "Insulins", (), ("D06.2",)),
    Concept("D000003", "Penicillin", ("Pen",), ("D06.3",)),
    Concept("D000004", "Bronchitis", ("Cold",), ("C08.1",)),
]
INDEX = build_index([*CONCEPTS, *MORE], GROUPS)


@pytest.mark.parametrize(
    ("concept", "expected"),
    [
        ("term:hypertension", "D006973"),
        ("term:renal-disease", "D007674"),
        ("term:acid-acetylsalicylic", "D001241"),
        ("term:aspirin|term:propranolol", "D001241|D011433"),
        # Ids stay, whether the vocabulary has them or not.
        ("D006973", "D006973"),
        ("C555555", "C555555"),
        ("-1", "-1"),
        ("", ""),
        # No concept has the name, several have it, several prefer it.
        ("term:gout", ""),
        ("term:aspirin|term:gout", ""),
        ("term:pen", ""),
        ("term:insulin", ""),
    ],
)
def test_resolved(concept, expected):
    assert resolve(concept, INDEX) == expected


@pytest.mark.parametrize(
    ("mention", "concept", "expected"),
    [
        ("tension trouble", "term:hypertension", "D006973"),
        # The vocabulary has the words already, for this concept or for another, or it lacks the concept.
        ("high blood pressure", "term:hypertension", ""),
        ("kidney failure", "term:renal-disease", ""),
        ("toe trouble", "term:gout", ""),
    ],
)
def test_new_names(mention, concept, expected):
    name = LinkedName(Query(mention, mention, "Disease"), concept)
    assert new_names([name], INDEX) == ([name._replace(concept=expected)] if expected else [])


def test_generated_notes_have_names_in_place_of_ids():
    assert all(one.startswith("term:") for term in read_terms() for one in term.ids)


def test_a_linker_learns_names_from_generated_notes():
    vocabulary = Vocabulary(Description(name="small", title="Small", groups=GROUPS), CONCEPTS)
    names = [
        LinkedName(Query("tension trouble", "tension trouble", "Disease"), "term:hypertension"),
        LinkedName(Query("toe trouble", "toe trouble", "Disease"), "term:gout"),
    ]
    matcher = make_matcher(vocabulary, names, [], LinkOptions(vector_labels=()))
    (found,) = matcher.link(Query("tension trouble", "tension trouble", "Disease"))[:1]
    assert found.id == "D006973"
    assert matcher.index.concept_number("term:gout") is None
