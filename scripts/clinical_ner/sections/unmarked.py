"""Headings that text follows without a sign: "FAMILY HISTORY Father had gout", "PMHx asthma", "Obs stable"."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .layout import FINAL, Line, find_width, is_continuation
from .rules import RuleTable, SectionRule

CAPITALS = re.compile(r"[A-Z][A-Z/&+]*x?(?:[ ][A-Z/&+]+)*(?=[ ]+[^\sA-Z:\-\u2013\u2014]|[ ]+[A-Z][a-z])")
LONG_NAME = 6
# Behind these words the name is a part of a sentence.
CONNECTING = re.compile(
    r"[ ]+(?:is|was|are|were|be|has|had|have|of|for|to|and|or|with|as|on|in|at|by|from|vs|show(?:s|ed)|reveal(?:s|ed)"
    r"|sig(?:nificant)?|notable|remarkable|pos(?:itive)?|neg(?:ative)?|incl(?:udes|uding|uded|\.)?)"
    r"(?!\w)"
)
WORDS = re.compile(r"[^\W\d_][\w/&+'\-]*(?:[ ][^\W\d_][\w/&+'\-]*){0,3}")
SAYS = re.compile(
    r"[ ]+(?:pending|awaited|sent|taken|drawn|booked|requested|ordered|reviewed|reconciled|discussed|explained|agreed"
    r"|unchanged|updated|given|made|done|completed|performed|will|to|should|can|would|that|this|which|who)(?!\w)",
    re.IGNORECASE,
)
BODY = re.compile(r"[ ]+(?=[^\s:>=\-\u2013\u2014])")
WIDE = "  "
# What the second column of a table is called: "Medication    Sig".
TABLE = re.compile(
    r"(?:[ ]{2,}|\t)[ \t]*(?:sig|dates?|doses?|dosage|freq\w*|route|strength|comments?|notes?|status|onset|started?"
    r"|since|diagnosed|quantity|disp\w*|refills?|reactions?|severity|type|relation\w*|age|results?|values?|units?|ref\w*"
    r"|provider|indications?|year)(?:[ ]\w+)?(?:[ ]{2,}|\t|\Z)",
    re.IGNORECASE,
)


class Unmarked(NamedTuple):
    """A known heading at the start of a line, with text behind it and no sign between them.

    start, end (int): the offsets of the line's first character, and after the heading's last.
    rule (SectionRule): the rule that knows it.
    is_sure (bool): whether it looks like a heading by itself: it is an abbreviation, or a wide gap follows.
    """

    start: int
    end: int
    rule: SectionRule
    is_sure: bool


def find_column(text: str, lines: Sequence[Line], table: RuleTable) -> dict[int, Unmarked]:
    """Return the unmarked headings of a text that has a column of them, by the offset of their line.

    "Plan" may start a sentence, so there have to be three different ones, or two if one is sure to be a heading.
    """
    found = list(find_known(text, lines, table))
    n_rules = len({each.rule.literal for each in found})
    is_column = n_rules > 2 or (n_rules == 2 and any(each.is_sure for each in found))
    return {each.start: each for each in found} if is_column else {}


def find_known(text: str, lines: Sequence[Line], table: RuleTable) -> Iterator[Unmarked]:
    """Yield what may be unmarked headings. A line that continues the one before has none, unless it is sure."""
    width = find_width(text, lines)
    before = None
    for line in lines:
        found = None if line.is_blank or line.is_item else find_at(text, line, table)
        if found is not None and (found.is_sure or not continues(text, before, line, width)):
            yield found
        before = line


def continues(text: str, before: Line | None, line: Line, width: int | None) -> bool:
    """Return whether a line continues the sentence of the line before."""
    if before is None or before.is_blank or text.endswith(FINAL, before.start, before.end):
        return False
    return is_continuation(text, before, line, width, inside=False)


def find_at(text: str, line: Line, table: RuleTable) -> Unmarked | None:
    """Return the longest known heading at the start of a line that text follows without a sign, or None."""
    match = WORDS.match(text, line.start, line.end)
    if match is None or match[0].split(" ", 1)[0].lower() not in table.first_words:
        return None
    for name in prefixes(match[0]):
        rule, end = table.find_start(name), line.start + len(name)
        if rule is not None and is_known(rule, name) and has_body(text, end, line.end):
            return Unmarked(line.start, end, rule, is_sure=is_abbreviation(rule) or text.startswith(WIDE, end))
    return None


def prefixes(words: str) -> list[str]:
    """Return all words, then without the last one, and so on."""
    parts = words.split(" ")
    return [" ".join(parts[:size]) for size in range(len(parts), 0, -1)]


def is_known(rule: SectionRule, name: str) -> bool:
    """Return whether a rule's heading needs no sign in a column. A word that is no abbreviation needs a capital."""
    return is_abbreviation(rule) or (bool(rule.metadata.get("column")) and name[0].isupper())


def is_abbreviation(rule: SectionRule) -> bool:
    """Return whether a rule's heading is an abbreviation that starts no sentence: "PMHx"."""
    return bool(rule.metadata.get("bare")) and not rule.metadata.get("column")


def has_body(text: str, start: int, end: int) -> bool:
    """Return whether what follows a heading is its section's text, and no sentence that goes on or head of a table."""
    is_other = any(each.match(text, start, end) for each in (CONNECTING, SAYS, TABLE))
    return BODY.match(text, start, end) is not None and not is_other


def find_capitals(text: str, line: Line, table: RuleTable) -> Unmarked | None:
    """Return a heading in capitals at the start of a line, in any note, or None."""
    match = CAPITALS.match(text, line.start, line.end)
    if match is None or CONNECTING.match(text, match.end(), line.end):
        return None
    rule = table.find(match[0])
    if rule is None or rule.category is None or rule.metadata.keys() & {"line", "alone", "starts_line"}:
        return None
    if not rule.metadata.get("bare") and len(match[0]) < LONG_NAME:
        return None
    return Unmarked(line.start, match.end(), rule, is_sure=True)
