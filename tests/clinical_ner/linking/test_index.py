"""The index finds names by their form, their words and their n-grams, and is the same after it was on disk."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from scripts.clinical_ner.linking.concept import Concept
from scripts.clinical_ner.linking.grams import SIZES, gram_buckets
from scripts.clinical_ner.linking.index import NameIndex, build_index
from tests.clinical_ner.linking.vocabulary import CONCEPTS, GROUPS

INDEX = build_index(CONCEPTS, GROUPS)


@pytest.mark.parametrize(
    ("form", "same_form", "same_words"),
    [
        ("hypertension", ["D006973"], ["D006973"]),
        ("high blood pressure", [], ["D006973"]),
        ("blood pressure high", ["D006973"], ["D006973"]),
        ("renal disease", ["D007674"], ["D007674"]),
        ("blood", [], []),
        ("", [], []),
    ],
)
def test_names_by_form_and_words(form, same_form, same_words):
    found = [
        [INDEX.concept_id(INDEX.owners[row]) for row in rows]
        for rows in (INDEX.same_form(form), INDEX.same_words(form))
    ]
    assert found == [same_form, same_words]


def test_concepts():
    number = INDEX.concept_number("D001241")
    assert number is not None and INDEX.title(number) == "Aspirin"
    assert INDEX.concept_number("D1") is None
    assert [INDEX.labels[INDEX.concept_number(one)] for one in ("D006973", "D001241", "C000001")] == [1, 2, 0]
    assert [INDEX.is_preferred(row) for row in range(4)] == [True, False, True, False]


@given(
    st.lists(
        st.text(st.sampled_from("ab c"), min_size=1, max_size=12).map(str.split).map(" ".join), min_size=1, max_size=6
    )
)
def test_similarities_are_those_of_scikit_learn(forms):
    names = [Concept(f"D{number}", f"q{form}") for number, form in enumerate(forms)]
    index = build_index(names, {})
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(SIZES[0], SIZES[-1]), binary=True)
    expected = vectors.fit_transform([concept.name for concept in names])
    for row, concept in enumerate(names):
        found = {near.row: near.similarity for near in index.nearest(concept.name, 10, most_postings=10**6)}
        similar = (expected @ expected[row].T).toarray().ravel()
        assert found == pytest.approx({other: value for other, value in enumerate(similar) if value > 0}, abs=1e-5)


def test_the_rarest_grams_are_read_first():
    names = [Concept(f"D{number:03}", f"common {number}") for number in range(300)] + [Concept("X", "common rare")]
    index = build_index(names, {})
    (best, *_) = index.nearest("common rare", 3, most_postings=20)
    assert index.concept_id(best.concept) == "X"


def test_it_is_the_same_after_it_was_on_disk(tmp_path):
    INDEX.to_disk(tmp_path)
    again = NameIndex.from_disk(tmp_path)
    for name, array in INDEX.arrays().items():
        assert np.array_equal(array, getattr(again, name)) and isinstance(getattr(again, name), np.memmap), name
    assert again.nearest("renal failure", 3, most_postings=1000) == INDEX.nearest(
        "renal failure", 3, most_postings=1000
    )


@pytest.mark.parametrize("concepts", [[], [Concept("D1", "+")]])
def test_an_index_needs_names(concepts):
    with pytest.raises(ValueError, match="no names"):
        build_index(concepts, GROUPS)


@pytest.mark.parametrize(("forms", "count"), [([""], 0), (["a"], 1), (["ab", ""], 3), (["abc"], 6), (["a b"], 2)])
def test_grams_lie_within_words(forms, count):
    rows, _ = gram_buckets(forms)
    assert len(rows) == count and (rows == 0).all()
