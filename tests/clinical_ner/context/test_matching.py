"""Patterns are matched as spaCy's Matcher does it."""

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.matcher import Matcher
from spacy.tokens import Doc

from scripts.clinical_ner.context.matching import PatternMatcher
from scripts.clinical_ner.context.rules import DEFAULT_RULES, read_rules

VOCAB = spacy.blank("en").vocab
PATTERNS = {
    "start": [{"LOWER": {"IN": [",", "And"]}}, {"IS_ALPHA": True, "OP": "{0,2}"}, {"TEXT": "is"}],
    "second": [{"TEXT": {"REGEX": r"^\d+$"}}, {"LOWER": "/"}, {"IS_DIGIT": True}],
    "both": [{"LOWER": "he"}, {"LOWER": {"IN": ["is", "has"]}}, {"LOWER": "old", "OP": "?"}],
    "anywhere": [{"IS_DIGIT": True}, {"LOWER": "old", "OP": "?"}, {"LOWER": "is"}],
    "endless": [{"LOWER": "has"}, {"IS_ALPHA": True, "OP": "*"}, {"LOWER": "old"}],
    "not": [{"LOWER": "old"}, {"LOWER": "he", "OP": "!"}],
}
WORDS = (",", "and", "And", "he", "is", "Is", "has", "old", "3", "/", "gout", "gout", "gout", "gout")


@pytest.fixture(scope="module")
def default_patterns() -> dict[str, list]:
    """The patterns of the rules that come with the component."""
    rules = read_rules(DEFAULT_RULES, VOCAB).rules
    return {str(number): rule.pattern for number, rule in enumerate(rules) if isinstance(rule.pattern, list)}


def check_same(patterns: dict[str, list], words: list[str]) -> None:
    """Check that both matchers find the same in a document."""
    ours, spacys = PatternMatcher(VOCAB), Matcher(VOCAB)
    for key, pattern in patterns.items():
        ours.add(key, pattern)
        spacys.add(key, [pattern])
    doc = Doc(VOCAB, words)
    assert sorted(ours(doc)) == sorted(spacys(doc))


@given(st.lists(st.sampled_from(WORDS), max_size=30))
def test_each_kind_of_pattern(words: list[str]) -> None:
    check_same(PATTERNS, words)


@pytest.mark.parametrize(
    "text",
    [
        "gout , he is well . No gout , and she has asthma ; 3 / 52 history of gout , less likely is gout",
        "/ 52 hx of gout , pain persists . Asthma ( in May 2019 ) , father - gout . 3/52 weeks hx , stopped in 2019",
        "if gout recurs ? a stroke and it was treated with aspirin years ago ; mother has had gout , should it recur",
    ],
)
def test_default_patterns(text: str, default_patterns: dict[str, list]) -> None:
    check_same(default_patterns, [*text.split(), *["gout"] * 50])
