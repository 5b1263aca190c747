"""The tokenizer of convert, training and the wheel. Its tokens can express nearly all biomedical mentions.

spaCy's English tokenizer keeps `(PAN)-induced`, `Na+/K+` and `5-HT6` in one token, so mentions inside them are lost.
spaCy saves the rules of a tokenizer with the pipeline, so that a loaded pipeline needs no code for it.
"""

from collections.abc import Callable

from spacy.language import BaseDefaults, Language
from spacy.tokenizer import Tokenizer
from spacy.util import compile_infix_regex, compile_prefix_regex, compile_suffix_regex
from spacy.vocab import Vocab

# Each is always a token of its own: brackets, hyphens and dashes, slashes, signs, commas.
ALWAYS_SPLIT = r"[(){}\[\]<>\-\u2010-\u2015\u2212/\\+*=±\u00d7\u2192,;:|~^%]"
# A sentence's last period, also after one capital ("vitamin C.") or before a missing space ("adrenaline.7.").
FINAL_PERIOD = r"(?<=[^\W_])\."
PERIOD_WITHOUT_SPACE = r"(?<=[^\W\d_]{2})\.(?=[\d(\[])"
# spaCy splits signs off a word one at a time and searches the rest each time, so a run of thousands of brackets or
# emoji would take minutes. A run of this length is a dividing line or garbage, and stays one token.
LONG_RUN = r"(?:[^\w\s]|_){32,}"


def configure_tokenizer() -> Callable[[Language], Language]:
    """Return a callback for `[initialize.before_init]` that sets the tokenizer."""
    return set_tokenizer


def set_tokenizer(nlp: Language) -> Language:
    """Set the biomedical tokenizer.

    nlp (Language): a pipeline of any language; its own prefixes, suffixes and infixes stay.
    RETURNS (Language): the same pipeline.
    """
    nlp.tokenizer = make_tokenizer(nlp.vocab, nlp.Defaults)
    return nlp


def make_tokenizer(vocab: Vocab, defaults: type[BaseDefaults]) -> Tokenizer:
    """Return a tokenizer that splits at every bracket, hyphen, slash, sign and comma, except in very long runs.

    Exceptions ("a.m.", "w/o") and URL matching are off, because a mention may start or end inside of both.

    vocab (Vocab): the vocabulary of the tokens.
    defaults (type[BaseDefaults]): the language's defaults, for instance `English.Defaults`.
    RETURNS (Tokenizer): the tokenizer. A text is always the concatenation of its tokens and their whitespace.
    """
    prefixes, suffixes, infixes = (rules or () for rules in (defaults.prefixes, defaults.suffixes, defaults.infixes))
    return Tokenizer(
        vocab,
        rules={},
        prefix_search=compile_prefix_regex([LONG_RUN, ALWAYS_SPLIT, *prefixes]).search,
        suffix_search=compile_suffix_regex([LONG_RUN, ALWAYS_SPLIT, FINAL_PERIOD, *suffixes]).search,
        infix_finditer=compile_infix_regex([LONG_RUN, ALWAYS_SPLIT, PERIOD_WITHOUT_SPACE, *infixes]).finditer,
        token_match=None,
        url_match=None,
    )
