"""The tokenizer of convert, training and the wheel. Its tokens can express nearly all biomedical mentions.

spaCy's English tokenizer keeps `(PAN)-induced`, `Na+/K+` and `5-HT6` in one token, so mentions inside them are lost.
spaCy saves the rules of a tokenizer with the pipeline, so that a loaded pipeline needs no code for it.
"""

import re
from collections.abc import Callable, Iterable

from spacy.lang.char_classes import UNITS
from spacy.language import BaseDefaults, Language
from spacy.tokenizer import Tokenizer
from spacy.util import compile_infix_regex
from spacy.vocab import Vocab

from .invisible import INVISIBLE

# Each is always a token of its own: brackets, hyphens and dashes, slashes, signs, commas.
ALWAYS_SPLIT = r"[(){}\[\]<>\-\u2010-\u2015\u2212/\\+*=±\u00d7\u2192,;:|~^%]"
# Nobody sees them, so they belong to no word: a run of them is a token.
INVISIBLE_RUN = f"[{INVISIBLE}]+"
# A sentence's last period, also after one capital ("vitamin C."), an invisible character or before a missing space
# ("adrenaline.7.").
FINAL_PERIOD = rf"(?<=[^\W_]|[{INVISIBLE}])\."
PERIOD_WITHOUT_SPACE = r"(?<=[^\W\d_]{2})\.(?=[\d(\[])"
# A dose that is glued to its drug or to its unit: "500mg/day", "ASA81mg", "aspirin81 mg", "81aspirin". Names of letters
# and digits (IL6, CYP3A4, HbA1c) stay whole: they have fewer letters, or one digit, and no unit behind it.
DOSE_UNIT = r"(?:(?i:[muµμ]g|mcg|kg|ml|[mµμ]mol|meq|iu|units?)|[np]?g|d[lL])(?![^\W\d_])"
GLUED_DOSES = (
    rf"(?<=\d)(?={DOSE_UNIT})",
    rf"(?<=[^\W\d_]{{3}})(?=\d+(?:[.,]\d+)?{DOSE_UNIT})",
    r"(?<=[^\W\d_]{5})(?=\d{2,}(?![^\W_]))",
    r"(?<=\d)(?=[^\W\d_]{6})",
)
# spaCy splits affixes off a word one at a time and searches and hashes the rest each time, so that a word of thousands
# of brackets, or of "'s", would take minutes. So the time that one word can take is bounded:
# - A run of this many signs is a dividing line or garbage, and stays one token.
SIGN = r"(?:[^\w\s]|_)"
LONG_RUN = rf"{SIGN}{{32,}}"
# - A word of 128 characters or more is split by infixes only, which takes one pass.
NOT_IN_LONG_WORD = r"(?!(?s:.){128})", r"(?<!(?s:.){128})"
# - Only the last characters of a word are searched for a suffix. None that is not a long run has more.
NEAR_END = r"(?!(?s:.){32})"


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
    RETURNS (Tokenizer): the tokenizer. A text is always the concatenation of its tokens and their whitespace. The time
        that it takes is linear in the text's length.
    """
    prefixes, suffixes, infixes = (rules or () for rules in (defaults.prefixes, defaults.suffixes, defaults.infixes))
    # As infixes, because a suffix would hide from the rules of glued doses that there is a unit.
    units = [f"{suffix}$" for suffix in suffixes if UNITS in suffix]
    endings = [suffix for suffix in suffixes if UNITS not in suffix]
    always = (ALWAYS_SPLIT, INVISIBLE_RUN)
    return Tokenizer(
        vocab,
        rules={},
        prefix_search=compile_prefixes([*always, *prefixes]).search,
        suffix_search=compile_suffixes([*always, FINAL_PERIOD, *endings]).search,
        infix_finditer=compile_infix_regex(
            [LONG_RUN, *units, *always, PERIOD_WITHOUT_SPACE, *GLUED_DOSES, *infixes]
        ).finditer,
        token_match=None,
        url_match=None,
    )


def compile_prefixes(rules: Iterable[str]) -> re.Pattern[str]:
    """Compile the rules of a word's start; the first that matches applies. None but `LONG_RUN` does in a long word."""
    return re.compile(rf"^(?:{LONG_RUN}|{NOT_IN_LONG_WORD[0]}(?:{join(rules)}))")


def compile_suffixes(rules: Iterable[str]) -> re.Pattern[str]:
    """Compile the rules of a word's end; the longest match applies. None but `LONG_RUN` does in a long word."""
    return re.compile(rf"(?<!{SIGN}){LONG_RUN}$|{NEAR_END}{NOT_IN_LONG_WORD[1]}(?:{join(rules)})$")


def join(rules: Iterable[str]) -> str:
    """Return an expression that matches what one of some expressions matches."""
    return "|".join(rule for rule in rules if rule.strip())
