"""Sentences: which full stops end one, and where the items of a list within a line start."""

import re
from collections.abc import Iterator

# A sentence's end and the white space after it. Without white space the next sentence has to start with a capital.
END = re.compile(r"[.?!\u2026][\"'\u201d\u2019)\]]{0,3}(?:\s+|(?<=[a-z]{2}\.)(?=[A-Z][a-z]))")
WORD_AFTER = re.compile(r"[^\W\d_]*")
# i.v, e.g, b.i.d, U.S
DOTTED = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}\Z")
NUMBER = re.compile(r"\d{1,3}\Z")


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


# Something always follows these.
NEVER_LAST = words(
    """
    dr drs mr mrs ms prof st vs e.g eg i.e ie cf viz fig figs eq al approx ca dept incl excl resp hosp pt pts
    messrs rev hon gen sgt capt lt col sr mt ft
    """
)
# A number follows these.
BEFORE_NUMBER = words(
    """
    no nos vol pp p ref refs ch sec jan feb mar apr jun jul aug sep sept oct nov dec temp
    """
)
# Shortened words: what follows in lower case continues the sentence.
SHORTENED = words(
    """
    abd abn adm admin alb amt ant assoc avg bilat bld cap caps cath chol chr clin comp conc cont contd cont'd
    dev diab diag diff dil disch disp dist dr dx ed eds elev emerg equiv esp est eval exam ext extr fam freq fx
    gtt hr hrs hx hypert imp inc ind indet inf inj insuff int intermit kg lab lat lb lbs lg liq ltd lymph max
    mcg med meds mg min mins ml mo mod mos mult neg neuro norm nov nurs obs occ op orig oz path ped perf pos
    poss post postop preg prelim preop prev prn prob proc prox psych pulm q qid rad rec ref reg rep rt rx sec
    sev sib sig sm sol spec spp ssp subsp surg susp sx sz tab tabs tbsp tech temp tid tsp tx unk ur usu vasc vol
    wk wks wt yr yrs bid qd qod qhs po iv im sc sl pr hs ac pc etc var cv mm cm sq
    """
)
# What starts a sentence and hardly names anything: a dotted abbreviation before it was the last word of its sentence.
STARTERS = words(
    """
    a after all also although an and as at because before both by currently denies during each examination exam
    family following for from given he her his however i if in it its labs last most no none not now of on one
    our overall past patient patients physical plan please pt repeat reports review s seen she since some such
    that the their then there therefore these they this those thus to today treatment two under until upon was
    we were when while will with without you
    """
)
# "H. PYLORI" and "E. Coli" are written in capitals too.
SPECIES = words(
    """
    aeruginosa albicans aureus baumannii burgdorferi catarrhalis cerevisiae coli diff difficile epidermidis faecalis
    faecium fragilis fumigatus influenzae jejuni jirovecii meningitidis monocytogenes neoformans perfringens pneumoniae
    pylori pyogenes tuberculosis vaginalis
    """
)
# A capital after one of these is a person's initial.
BEFORE_INITIAL = words(
    """
    by per dr mr mrs ms prof drs and
    """
)
# A number after one of these is no item of a list.
BEFORE_VALUE = words(
    """
    type grade stage class phase day week month year case group table fig figure no number level cycle score
    step factor vitamin of to and or versus vs than is was in for
    """
)

MARK = re.compile(r"(?:(?<=\s)|(?<![^\s]))(?:[(#]?(\d{1,2})[.)]|\(?([a-h])\))\s+(?=[^\W\d])")
# Items of one line are not further apart than this.
REACH = 400


def find_sentences(text: str, contents: set[int]) -> Iterator[int]:
    """Yield where a new sentence starts after the end of another one.

    text (str): any text.
    contents (set[int]): the offsets after the signs of list items, whose full stops end nothing.
    YIELDS (int): offsets in order.
    """
    for match in END.finditer(text):
        if match.end() < len(text) and match.end() not in contents and ends_sentence(text, match):
            yield match.end()


def ends_sentence(text: str, match: re.Match[str]) -> bool:
    """Return whether a full stop, a question mark or an exclamation mark ends a sentence.

    text (str): the text.
    match (re.Match): of `END`, not at the end of the text.
    RETURNS (bool): whether it does.
    """
    stop, after = match.start(), text[match.end()]
    word = "" if text[stop - 1 : stop].isspace() else "".join(text[max(stop - 30, 0) : stop].split()[-1:])
    word = word.lstrip("([\"'\u201c\u2018")
    if text[stop] in "?!":
        # "?PE" and "? PE" ask whether it is one.
        return bool(word)
    if not word or word[-1] in "./":
        return after.isupper()
    bare = re.split(r"[/(\-]", word)[-1].lower()
    if bare in NEVER_LAST:
        return False
    if after.islower():
        return ends_before_lower(text, match.end(), word)
    if after.isdigit():
        return bare not in BEFORE_NUMBER and not NUMBER.match(word) and not DOTTED.match(bare)
    if len(bare) == 1 and bare.isalpha():
        following = WORD_AFTER.match(text, match.end())
        if following and following[0].lower() in SPECIES:
            return False
        # "N/V." ends a sentence, "J.D." does not.
        return word[-1].islower() or "/" in word or not (len(word) > 1 or is_initial(text, stop - 1))
    if DOTTED.match(bare):
        following = WORD_AFTER.match(text, match.end())
        return following is not None and following[0].lower() in STARTERS
    return True


def ends_before_lower(text: str, start: int, word: str) -> bool:
    """Return whether a full stop ends a sentence although what follows starts in lower case, as in hasty notes.

    text (str): the text.
    start (int): where the next word starts.
    word (str): the word before the full stop.
    RETURNS (bool): whether it does.
    """
    # pH and mRNA start sentences as they are.
    if len(text) > start + 1 and text[start + 1].isupper():
        return word[-1].isalpha() and len(word) > 3
    last = re.split(r"[-/,(]", word.rstrip(")]"))[-1]
    return len(last) >= 3 and last.isalpha() and last.lower() not in SHORTENED


def is_initial(text: str, start: int) -> bool:
    """Return whether a capital is a name's initial and not a word such as the C in "vitamin C".

    text (str): the text.
    start (int): the capital's offset.
    RETURNS (bool): whether the word before is a name or announces one, or there is none.
    """
    words = text[max(start - 30, 0) : start].split()
    if not words or text[max(start - 2, 0) : start].strip(" ") in ("\n", "."):
        return True
    return words[-1].rstrip(".").lower() in BEFORE_INITIAL or (words[-1][0].isupper() and words[-1][-1] not in ":,;)")


def find_marks(text: str) -> list[tuple[int, int]]:
    """Find the signs of list items within lines: "1. hypertension 2. diabetes", "(a) fever (b) chills".

    text (str): any text.
    RETURNS (list[tuple[int, int]]): the offsets of each sign that belongs to a list of two or more, in order.
    """
    marks: list[tuple[int, int]] = []
    run: list[tuple[int, int]] = []
    kind, last = 0, 0
    for match in MARK.finditer(text):
        place = (match.start(), match.end())
        found = match.lastindex or 0
        value = int(match[1]) if found == 1 else ord(match[2]) - ord("a") + 1
        if (
            run
            and found == kind
            and value == last + 1
            and place[0] - run[-1][1] <= REACH
            and not is_value(text, place[0])
        ):
            run.append(place)
            last = value
        elif value == 1 and not is_value(text, place[0]):
            marks += run if len(run) > 1 else []
            run, kind, last = [place], found, 1
    return marks + (run if len(run) > 1 else [])


def is_value(text: str, start: int) -> bool:
    """Return whether a number belongs to the word before it: "type 1"."""
    words = text[max(start - 12, 0) : start].split()
    return bool(words) and words[-1].lower() in BEFORE_VALUE
