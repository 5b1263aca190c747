"""The entry points of an installed wheel: with them a pipeline in a folder, which holds no code, loads by itself.

spaCy imports them before it builds any pipeline. The copy of the first wheel that it finds is registered.
"""

from .linking.linker import make_linker
from .ner.abbreviations import make_abbreviations
from .ner.agreement import make_agreement
from .ner.token_classifier import make_token_classifier
from .registration import is_registered, register

__all__ = ["make_abbreviations", "make_agreement", "make_linker", "make_token_classifier"]

if not is_registered():
    register()
