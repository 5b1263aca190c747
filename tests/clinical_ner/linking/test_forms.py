"""Names that mean the same have the same form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.clinical_ner.linking.forms import bag_of_words, composite_parts, normal_form, without_salt


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Hypertension", "hypertension"),
        ("Non-small-cell  lung cancers", "non small cell lung cancer"),
        ("Parkinson's disease", "parkinson disease"),
        ("Parkinson\u2019s Disease", "parkinson disease"),
        ("Sjögren syndrome", "sjogren syndrome"),
        ("anaemia", "anemia"),
        ("Ischaemic oesophageal tumours", "ischemic esophageal tumor"),
        ("diarrhoea", "diarrhea"),
        ("sulphonamides", "sulfonamide"),
        ("β-carotene", "beta carotene"),
        ("TNF-\u03b1", "tnf alpha"),
        ("λ μ ς", "lambda mu ς"),
        ("biopsies", "biopsy"),
        ("losses", "loss"),
        ("virus", "virus"),
        ("diagnosis", "diagnosis"),
        ("gas", "gas"),
        ("5-HT(3)", "5 ht 3"),
        ("", ""),
        ("+/-", ""),
        ("x" * 201, ""),
        ("高血压", "高血压"),
    ],
)
def test_normal_form(name, expected):
    assert normal_form(name) == expected


@given(st.text(max_size=50))
def test_a_normal_form_is_stable_words(name):
    form = normal_form(name)
    assert form == form.strip().lower() and "  " not in form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kidney Failure, Acute", "acute kidney failure"),
        ("Cancer of the breast", "breast cancer"),
        ("of the", "the of"),
    ],
)
def test_inverted_entries_have_the_same_words(one, other):
    assert (bag_of_words(normal_form(one)) == bag_of_words(normal_form(other))) == (one != "of the")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("propranolol hydrochloride", "propranolol"),
        ("Metoprolol succinate 50 mg tablets", "metoprolol"),
        ("aspirin 81mg", "aspirin"),
        ("morphine 5 mg/kg", "morphine"),
        ("potassium chloride", "potassium"),
        ("sodium", "sodium"),
        ("10 mg", "10 mg"),
    ],
)
def test_without_salt(name, expected):
    assert without_salt(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hepatic and renal toxicity", ["hepatic toxicity", "renal toxicity"]),
        ("breast, ovarian, and colon cancer", ["breast cancer", "ovarian cancer", "colon cancer"]),
        ("nausea and/or vomiting", ["nausea", "vomiting"]),
        ("cancer of the breast and ovary", ["cancer of the breast", "cancer of the ovary"]),
        ("levodopa/carbidopa", ["levodopa", "carbidopa"]),
        ("hypertension", []),
        ("/", []),
        ("a and " * 50, []),
    ],
)
def test_composite_parts(name, expected):
    assert composite_parts(name) == expected
