"""A small vocabulary, and a matcher with weights that can be computed by hand."""

from scripts.clinical_ner.linking.concept import Concept
from scripts.clinical_ner.linking.index import build_index
from scripts.clinical_ner.linking.matcher import KnownNames, LinkedName, Matcher, Weights
from scripts.clinical_ner.linking.queries import Query

GROUPS = {"Disease": ["C", "F03"], "Chemical": ["D"]}
CONCEPTS = [
    Concept("D006973", "Hypertension", ("Blood Pressure, High",), ("C14.907",)),
    Concept("D007674", "Kidney Diseases", ("Renal Disease", "Nephropathy"), ("C12.1",)),
    Concept("D051437", "Renal Insufficiency", ("Kidney Failure",), ("C12.2",)),
    Concept("D056486", "Hepatic toxicity", (), ("C06.5",)),
    Concept("D999999", "Renal toxicity", (), ("C12.5",)),
    Concept("D001241", "Aspirin", ("Acetylsalicylic Acid",), ("D02.1",)),
    Concept("D011433", "Propranolol", (), ("D02.2",)),
    Concept("C000001", "aspirin disease", ("Cold",), ()),
]
WEIGHTS = Weights(
    ranking={
        "trained": 12.0,
        "same_form": 6.0,
        "same_words": 3.0,
        "plain": 3.0,
        "grams": 5.0,
        "beside": 4.0,
        "misfits": -9.0,
    },
    certainty={
        "": {"trained": 6.0, "same_form": 4.0, "plain": 2.0, "grams": 3.0, "beside": 3.0, "misfits": -9.0, "bias": -2.0}
    },
)
KNOWN = [
    LinkedName(Query("HTN", "HTN", "Disease"), "D006973"),
    LinkedName(Query("cold", "cold", "Disease"), "C000001"),
    LinkedName(Query("cold", "cold", "Chemical"), "D001241"),
]


def make_matcher() -> Matcher:
    """Return a matcher of the small vocabulary."""
    return Matcher(build_index(CONCEPTS, GROUPS), [*GROUPS], KnownNames.from_mentions(KNOWN), None, WEIGHTS)
