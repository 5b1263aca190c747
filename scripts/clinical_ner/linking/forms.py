"""Normalized forms of names: two names with the same form are taken as the same name.

Case, hyphens, plurals, word order, British spelling, Greek letters, and the salts and doses of drugs.
"""

import re
import unicodedata
from functools import lru_cache

# A longer mention is not a name.
LONGEST = 200

GREEK = str.maketrans(
    {
        chr(code): unicodedata.name(chr(code)).split()[-1].lower().replace("lamda", "lambda")
        for code in range(0x3B1, 0x3CA)
        if "FINAL" not in unicodedata.name(chr(code))
    }
)
POSSESSIVE = re.compile("['\u2019]s\\b")
WORD = re.compile(r"[^\W_]+")
# British spellings within words, and the American ones.
AMERICAN = {
    "aemi": "emi",
    "aetiolog": "etiolog",
    "aluminium": "aluminum",
    "anaesth": "anesth",
    "behaviour": "behavior",
    "caec": "cec",
    "caesar": "cesar",
    "centre": "center",
    "coeliac": "celiac",
    "colour": "color",
    "diarrhoe": "diarrhe",
    "faec": "fec",
    "fibre": "fiber",
    "foet": "fet",
    "gynaec": "gynec",
    "haem": "hem",
    "isation": "ization",
    "leuco": "leuko",
    "noea": "nea",
    "oedem": "edem",
    "oesoph": "esoph",
    "oestr": "estr",
    "orthopaed": "orthoped",
    "paed": "ped",
    "paralys": "paralyz",
    "rrhoe": "rrhe",
    "sulph": "sulf",
    "tumour": "tumor",
}
BRITISH = re.compile("|".join(sorted(AMERICAN, key=len, reverse=True)))
STOP_WORDS = frozenset(["an", "and", "by", "due", "for", "from", "in", "of", "on", "or", "the", "to", "with"])
SALTS = frozenset(
    [
        "acetate",
        "besylate",
        "bitartrate",
        "bromide",
        "calcium",
        "chloride",
        "citrate",
        "dihydrate",
        "dihydrochloride",
        "diphosphate",
        "disodium",
        "fumarate",
        "gluconate",
        "hcl",
        "hydrate",
        "hydrobromide",
        "hydrochloride",
        "lactate",
        "magnesium",
        "maleate",
        "mesylate",
        "monohydrate",
        "nitrate",
        "pamoate",
        "phosphate",
        "potassium",
        "salt",
        "sodium",
        "succinate",
        "sulfate",
        "tartrate",
        "tosylate",
        "trihydrate",
    ]
)
DOSE = re.compile(r"\b\d+(?:[.,]\d+)?\s?(?:mg|mcg|µg|ug|g|ml|mmol|iu|units?|%)(?:/\w+)*(?=\W|$)", re.IGNORECASE)
PREPARATIONS = frozenset(["capsule", "injection", "oral", "solution", "tablet"])


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, with Greek letters by name, without accents and signs."""
    plain = unicodedata.normalize("NFKD", text).lower().translate(GREEK)
    if not plain.isascii():
        plain = "".join(char for char in plain if not unicodedata.combining(char))
    return WORD.findall(POSSESSIVE.sub("", plain))


def singular(word: str) -> str:
    """Return a word without the ending of a plural."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


@lru_cache(maxsize=2**14)
def normal_form(name: str) -> str:
    """Return the form of a name: its words in American spelling and in the singular, joined by spaces.

    name (str): the name.
    RETURNS (str): the form. Empty if the name has no word, or is too long to be a name.
    """
    if len(name) > LONGEST:
        return ""
    spelled = BRITISH.sub(lambda match: AMERICAN[match[0]], " ".join(words(name)))
    return " ".join(map(singular, spelled.split()))


def bag_of_words(form: str) -> str:
    """Return the words of a form in alphabetical order, without those that have no meaning of their own.

    MeSH's inverted entries have the same words in another order: "Failure, Renal, Acute".
    """
    return " ".join(sorted(set(form.split()) - STOP_WORDS)) or form


def without_salt(name: str) -> str:
    """Return the form of a drug's name without its doses, its salt and its preparation, or the whole form."""
    kept = normal_form(DOSE.sub(" ", name)).split()
    while len(kept) > 1 and (kept[-1] in SALTS or kept[-1] in PREPARATIONS):
        kept.pop()
    return " ".join(kept) or normal_form(name)


HEAD_LAST = re.compile(r"(?P<parts>\S+(?:, \S+)*,? (?:and/or|and|or) \S+) (?P<head>.+)")
HEAD_FIRST = re.compile(r"(?P<head>.+? of (?:the )?)(?P<parts>.+? (?:and|or) .+)")
BETWEEN_PARTS = re.compile(r",? (?:and/or|and|or) |, |/")


def composite_parts(name: str) -> list[str]:
    """Return the names that a composite mention stands for.

    name (str): a mention, e.g. "hepatic and renal toxicity" or "cancer of the breast and ovary".
    RETURNS (list[str]): "hepatic toxicity" and "renal toxicity". Empty if it is not such a mention.
    """
    if len(name) > LONGEST:
        return []
    if match := HEAD_LAST.fullmatch(name):
        return [f"{part} {match['head']}" for part in BETWEEN_PARTS.split(match["parts"])]
    if match := HEAD_FIRST.fullmatch(name):
        return [match["head"] + part for part in BETWEEN_PARTS.split(match["parts"])]
    parts = BETWEEN_PARTS.split(name)
    return parts if len(parts) > 1 and all(parts) else []
