"""The code system of a pipeline's ids, from what its linker knows about its vocabulary."""

import pytest
import spacy

from scripts.annotation.vocabulary import linked_vocabulary
from scripts.clinical_ner.registration import is_registered, register
from scripts.formats.clinical import OMOP_SYSTEM, LinkedVocabulary


def make_linked(vocabulary):
    """Return a pipeline whose linker has a vocabulary."""
    if not is_registered():
        register()
    nlp = spacy.blank("en")
    nlp.add_pipe("clinical_linker", name="links").vocabulary = vocabulary
    return nlp


@pytest.mark.parametrize(
    ("vocabulary", "expected"),
    [
        ({}, LinkedVocabulary()),
        ({"name": "own", "title": "Own"}, LinkedVocabulary()),
        ({"name": "own", "system": "urn:own", "sections": {}}, LinkedVocabulary("urn:own")),
        # Linked by a version of the project that did not know the system.
        ({"name": "mesh", "year": "2026"}, LinkedVocabulary("https://www.nlm.nih.gov/mesh")),
        ({"name": "omop", "sections": {"48765-2": 1}}, LinkedVocabulary(OMOP_SYSTEM, {"48765-2": 1})),
    ],
)
def test_vocabulary(vocabulary, expected):
    assert linked_vocabulary(make_linked(vocabulary)) == expected


def test_without_a_linker():
    assert linked_vocabulary(spacy.blank("en")) == LinkedVocabulary()


def test_the_ids_of_an_athena_vocabulary_are_omop_concepts():
    assert linked_vocabulary(make_linked({"name": "omop"})).is_omop
    assert not linked_vocabulary(make_linked({"name": "mesh"})).is_omop
