"""The library's names are registered with spaCy for all tests of it."""

from scripts.clinical_ner.ner.token_classifier import add_confidence
from scripts.clinical_ner.registration import register

register()
add_confidence()
