"""Headings: at the start of a line, alone on it or with text behind them, and within a line."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from .dates import has_day, is_period, leading_date, only_date, without_dates
from .layout import BULLETS, FINAL, Line
from .rules import LAST_WORD, LONGEST, RuleTable, SectionRule, normalize
from .unmarked import Unmarked, find_capitals, find_column

# Before a heading: Markdown, a number or letter, signs of emphasis.
LEAD = re.compile(
    r"(?:#{1,6}[ \t]*|>+[ \t]*)?(?:\(?(?:\d{1,2}(?:\.\d{1,2})*|[A-Za-z]|[IVXivx]{1,4})[.)][ \t]+)?"
    r"(?:[*_]{1,3}|[=\-]{2,}|\[)?[ \t]*"
)
NAME = re.compile(
    rf"(?P<name>(?:\d{{1,2}}[- ]?(?i:h|hrs?|hours?|point|pt)\b|[^\W\d_])"
    rf"(?:[^:>\n\r\t.;?!]|[.;?!](?!\s)){{0,{LONGEST}}}?)[ ]*[*_=\-\]]{{0,40}}"
    r"\.?(?P<sign>:+|>(?=\s|\Z)|\Z|[ ][-\u2013\u2014]{1,2}(?=[ ])|(?=[ ]{3}|\t)|[.?](?=[ ]+\S))[*_]{0,3}"
)
FIRST_WORDS = re.compile(r"(?P<name>[^\W\d_][^,\n\r]{0,40}),")
MARKDOWN = re.compile(r"(#{1,6})[ \t]*[^\W\d]|(\*\*|__)\w")
BULLET = re.compile(rf"[{BULLETS}+]+(?![*_\-=])")
# What a heading within a line can start after: a sentence, a semicolon, a wide gap, a bar.
GAP = re.compile(r"(?:[.;|/!?\])][ ]+|[ ]{2,}|\t[ ]*|[|][ ]*|\A)\Z")
INNER_SIGN = re.compile(r":|(?<=[A-Za-z])[ ][-\u2013\u2014](?=[ ])")
WORD_START = re.compile(r"(?<![^\s(.;|])[^\W\d_]")
MOST_WORDS = 8
# What a heading does not say: "Bloods sent", "Blood results are awaited".
SAYS = re.compile(
    r"[ ](?:pending|awaited|sent|taken|drawn|booked|requested|ordered|repeated|arranged|normal|negative|clear)$"
    r"|[ ](?:is|are|was|were|has|have|had|will|to be)[ ]",
    re.IGNORECASE,
)
DEAR_DOCTOR = re.compile(
    r"^[ \t]*dear (?:dr|doctors?|prof\w*|colleagues?|gp|sirs?|team)\b", re.IGNORECASE | re.MULTILINE
)
# The letters of SOAP with another sign than a colon: "S - ", "(O)", "A/". Two that belong together have to be there.
SOAP = re.compile(r"^[ \t]*[*_(\[]{0,2}([SOAP])[*_]{0,2}(?:[)\]/]|[ ]?[-\u2013\u2014=])(?=\s)", re.MULTILINE)
PAIRS = ({"S", "O"}, {"A", "P"})
APART = re.compile(r"\n\n.{2,8}\n")
# A line with one of these is about whose note it is.
IDENTIFIER = re.compile(
    r"\b(?:DOB|D\.O\.B|MRN|date of birth|medical record (?:no|number)|(?:NHS|hospital|chart) (?:no|number))\b",
    re.IGNORECASE,
)
# How a line starts that says whose note it is, or when and by whom it was written.
HEAD = re.compile(
    r"(?:patient|name|pt|mrs?|ms|dr|re|dob|born|d\.o\.b|date|seen|admi\w+|discharge\w*|ward|unit|bed|physician|consultant"
    r"|doctor|attending|author|written|mrn|nhs|hospital|record|case|age|sex|in|from|stay|identifier|id)\b[^\n]{0,60}?(?::|\d)",
    re.IGNORECASE,
)
# In these, an unknown heading is about a problem or a part of the body.
WITH_PARTS = frozenset(
    (
        "observation_and_plan",
        "hospital_course",
        "physical_exam",
        "review_of_systems",
        "labs_and_studies",
        "imaging",
        "problem_list",
        "diagnoses",
        "medications",
    )
)
IMAGING, REASON = "imaging", "reason_for_examination"
RESULTS = frozenset(("labs_and_studies", IMAGING))
NARRATIVE = frozenset(("observation_and_plan", "hospital_course"))
# In a narrative, a line "Diet: renal" or "CXR: clear" is a part of it.
PARTS_OF_NARRATIVE = RESULTS | {"other", "patient_instructions", "diagnoses"}
# In a list of a narrative, an item "DDx: gout" is a part of it, and "Safety net: return if" is not.
PARTS_OF_LIST = RESULTS | {"diagnoses"}
# A list of doses or numbers under an unknown heading of a narrative is a part of it.
NOT_IN_NARRATIVE = frozenset(("medications", "labs_and_studies"))
MOST_BODY = 200
MEDICATIONS = "medications"
# Lists of medications within a list are those of another time.
OTHER_TIME = re.compile(
    r"(?:previous|prior|past|former|failed|stopped|discontinued|tried|new|current|changed)", re.IGNORECASE
)
# What a section of one day is: the course of the stay in a summary of it, the interval history in a progress note.
COURSE = "hospital_course"
DAILY = frozenset(("history_of_present_illness", COURSE, "comments"))
OF_STAY = re.compile(
    r"discharge|summary|(?:on|before|prior to|for) admission|going home|(?:take|taken|taking) home|\btt[aoh]s?\b"
    r"|hospital (?:course|stay)|your stay|\btransfer",
    re.IGNORECASE,
)
OF_PROGRESS = re.compile(
    r"\b(?:progress|daily|ward rounds?|rounds|soap|continuation) (?:note|entry|sheet|report)s?\b|\bward round\b",
    re.IGNORECASE,
)
N_TITLE_LINES = 3
HOSPITAL_DAY = "hospital day"
OF_IMAGING = re.compile(
    r"\b(?:radiolog\w+|imaging|x-?rays?|radiographs?|ct|cta|ctpa|mri|mra|ultraso\w+|uss|sonogra\w+|mammogra\w+|doppler"
    r"|duplex|pet|cxr|scan|films?|fluoroscop\w+|scintigra\w+|angiogra\w+|echocardiogra\w+|barium|dexa)\b",
    re.IGNORECASE,
)
# What a radiology report has beside the headings that mean something else in it.
IN_REPORT = frozenset((IMAGING, REASON, "observation_and_plan", "addendum", "signature"))
# Of these each is what was seen.
OF_REPORT = frozenset(("labs_and_studies", "comments", "observation_and_plan"))
# The keys of the category that a heading has in an abstract, and in a radiology report.
IN_OTHER_TEXTS = ("in_abstract", "in_report")
PLAN_CODE = "18776-5"
# Headings that an abstract and a letter have. A text with no other ones is a letter.
OF_LETTERS = frozenset(
    ("diagnosis", "management", "investigations", "treatment", "plan", "recommendations", "assessment", "impression")
)
PAST = "past_medical_history"
OTHER = "other"
SIGNATURE = "signature"


class Heading(NamedTuple):
    """A heading in a text.

    start, end (int): the offsets of its first character, signs before it included, and after its last: its colon.
    category (str | None): of the section that it starts; None if the text after it belongs to no section.
    rule (SectionRule | None): the rule that it was found by; None if its looks alone say that it is one.
    at_line (bool): whether it starts a line.
    """

    start: int
    end: int
    category: str | None
    rule: SectionRule | None
    at_line: bool


class Candidate(NamedTuple):
    """What may be a heading at the start of a line.

    start, end (int): as in `Heading`.
    name (str): its words, without dates.
    sign (str): what is behind it: ":", ">", "." or a dash, stripped; empty if it ends its line, a blank if a wide gap
        is.
    level (int): of a Markdown heading; 0 if it is none.
    is_bulleted, is_numbered (bool): whether it looks like an item of a list.
    is_apart (bool): whether a blank line, or nothing, is before it.
    is_after_end (bool): whether the line before ends a sentence.
    is_dated (bool): whether a date is before it on its line.
    ends_line (bool): whether nothing is behind it and its sign.
    all_capitals (bool): whether the whole text is in capitals, so that they emphasize nothing.
    """

    start: int
    end: int
    name: str
    sign: str
    level: int
    is_bulleted: bool
    is_numbered: bool
    is_apart: bool
    is_after_end: bool
    is_dated: bool
    ends_line: bool
    all_capitals: bool

    @property
    def is_capital(self) -> bool:
        """Whether it is in capitals."""
        return self.name.isupper() and len(self.name) > 1

    @property
    def is_emphasized(self) -> bool:
        """Whether it is in capitals, and the text is not."""
        return self.is_capital and not self.all_capitals

    @property
    def is_alone(self) -> bool:
        """Whether nothing is behind it on its line but a sign."""
        return not self.sign

    @property
    def n_words(self) -> int:
        """How many words it has."""
        return len(self.name.split())


class HeadingFinder:
    """Finds the headings of one text, line by line. What a heading means depends on the one before."""

    def __init__(self, text: str, lines: Sequence[Line], table: RuleTable):
        self.text = text
        self.lines = lines
        self.table = table
        # Of the section that the current line is in.
        self.category: str | None = None
        self.has_section = False
        self.level = 0
        self.is_bulleted = self.is_numbered = False
        self.all_capitals = text.isupper()
        self.soap = find_soap(text)
        self.column = find_column(text, lines, table)
        filled = [line for line in lines if not line.is_blank]
        # The line that may be the note's title.
        self.title = filled[0] if len(filled) > 1 and not filled[1].is_item else None
        # And the lines that may be a title too, because one of the note's head is behind them.
        first = list(pairwise(filled[: N_TITLE_LINES + 1]))
        self.first = {line.start for line, _ in first}
        self.above_head = {line.start for line, after in first if is_head(text, after)}

    def find(self) -> list[Heading]:
        """Return the headings in order. They do not overlap."""
        found: list[Heading] = []
        before = None
        for line in self.lines:
            if not line.is_blank:
                first = self.find_first(line, before)
                found += [first] if first else []
                found += self.find_inner(line, first.end if first else line.start)
            before = line
        headings = history_first(in_letter(found) if DEAR_DOCTOR.search(self.text) else found)
        headings = self.by_day(headings)
        return as_report(headings) if self.is_report(headings) else as_abstract(headings)

    def is_report(self, headings: list[Heading]) -> bool:
        """Return whether the text is a radiology report.

        A heading (TECHNIQUE, "EXAM: CT chest") or the first lines say so, a heading is for what was seen, and none is
        one of a note or an abstract.
        """
        in_note = [heading for heading in headings if heading.category is not None]
        if not any(report_category(each) == IMAGING for each in headings) or not all(map(can_be_in_report, in_note)):
            return False
        if any(map(says_report, in_note)):
            return True
        is_typical = sum(map(is_of_report, headings)) > 1 and not is_abstract(in_note)
        return is_typical and any(map(OF_IMAGING.search, self.first_lines()))

    def first_lines(self) -> list[str]:
        """Return the first lines that are not blank."""
        filled = [line for line in self.lines if not line.is_blank][:N_TITLE_LINES]
        return [self.text[line.start : line.end] for line in filled]

    def by_day(self, headings: list[Heading]) -> list[Heading]:
        """Return headings, those of single days with the category that they have in the kind of note."""
        titles = [self.text[heading.start : heading.end] for heading in headings]
        is_daily = [each.category in DAILY and has_day(title) for each, title in zip(headings, titles, strict=True)]
        if not any(is_daily):
            return headings
        # The words of the days themselves ("Day 3 of admission") say nothing of the note.
        others = [title for title, daily in zip(titles, is_daily, strict=True) if not daily]
        first = [line for line in self.first_lines() if not line.startswith(titles[0].strip())]
        category = COURSE
        if any(map(OF_PROGRESS.search, first)) or not any(map(OF_STAY.search, [*first, *others])):
            if not any(each.category == "observation_and_plan" for each in headings):
                return headings
            category = "history_of_present_illness"
        return [
            each._replace(category=category) if daily else each for each, daily in zip(headings, is_daily, strict=True)
        ]

    def find_first(self, line: Line, before: Line | None) -> Heading | None:
        """Return the heading at the start of a line that is behind another, or None."""
        if match := self.soap.get(line.start):
            return self.accept_letter(line, match)
        candidates = make_candidates(self.text, line, before, all_capitals=self.all_capitals)
        unmarked = self.column.get(line.start)
        is_known = unmarked is not None and any(self.table.find(candidate.name) for candidate in candidates)
        if unmarked and not is_known and not self.is_part_of(unmarked.rule):
            return self.accept_unmarked(unmarked)
        for candidate in candidates:
            rule = self.table.find(candidate.name)
            if rule is not None and (not self.is_plausible(candidate, rule) or self.is_title(candidate, rule, line)):
                return None
            if rule is None and may_be_searched(candidate) and not self.is_sentence(candidate):
                rule = self.table.search(candidate.name)
                if rule is not None and self.is_title(candidate, rule, line):
                    return None
                if rule is not None and not candidate.ends_line and self.is_item_of(candidate, rule):
                    return None
            if is_stay(rule, self.text, line.start, line.end):
                return None
            if rule is None and self.is_day(candidate):
                rule = self.table.find(HOSPITAL_DAY)
            if rule is not None and rule.category in DAILY and only_date(self.text, candidate.end, line.end):
                if not self.has_section and candidate.sign == ":" and not has_day(candidate.name):
                    # "Admission: 12 May 2019" is of the note's head.
                    return None
                candidate = candidate._replace(end=line.end, ends_line=True)
            if rule is not None and rule.parent_required and self.category not in rule.parents:
                body = self.search_body(candidate)
                rule = body if body and body.category == rule.category else rule
            if rule is not None:
                return self.accept(candidate, rule)
        unknown = self.accept_unknown(candidates[-1]) if candidates else None
        if unknown or (unknown := self.find_signature(line)):
            return unknown
        capitals = find_capitals(self.text, line, self.table)
        return self.accept_unmarked(capitals) if capitals else None

    def is_day(self, candidate: Candidate) -> bool:
        """Return whether unknown words with a colon, alone on their line, name a day: "Entry for day 3:"."""
        # In a plan, the day after it has an entry of its own.
        in_course = self.category in DAILY or self.category in (None, OTHER)
        in_course = in_course or (candidate.is_apart and self.category == "observation_and_plan")
        is_line = candidate.ends_line and candidate.sign == ":" and candidate.n_words <= MOST_WORDS
        return in_course and is_line and has_day(self.text[candidate.start : candidate.end])

    def is_sentence(self, candidate: Candidate) -> bool:
        """Return whether a line says something: "Denies alcohol use.", "Labs pending"."""
        return candidate.is_alone and (self.text[candidate.end - 1] == "." or bool(SAYS.search(candidate.name)))

    def is_same_kind(self, rule: SectionRule) -> bool:
        """Return whether a rule's section would be of the same kind as the current one."""
        return rule.category == self.category or {rule.category, self.category} <= RESULTS

    def is_part_of(self, rule: SectionRule) -> bool:
        """Return whether the text under a heading could as well be a part of the current section, by their kinds."""
        in_narrative = self.category in NARRATIVE and rule.category in PARTS_OF_NARRATIVE
        return in_narrative or {rule.category, self.category} <= RESULTS

    def is_item(self, rule: SectionRule) -> bool:
        """Return whether an item "3. DDx: gout" is a part of the current section, a narrative."""
        return self.category in NARRATIVE and not self.is_numbered and rule.category in PARTS_OF_LIST

    def is_item_of(self, candidate: Candidate, rule: SectionRule) -> bool:
        """Return whether an item such as "5. Labs in AM: CBC" is a part of the current section."""
        is_another = rule.category == MEDICATIONS and OTHER_TIME.match(candidate.name)
        return (self.is_same_kind(rule) and not is_another) or (candidate.is_numbered and self.category in NARRATIVE)

    def is_part(self, candidate: Candidate, rule: SectionRule) -> bool:
        """Return whether a line such as "Echo: EF 45%" only says what it is about, within the current section."""
        # Short names in capitals are abbreviations: "CXR: clear".
        is_emphasized = candidate.is_capital and len(candidate.name) > 4
        may_be = rule.metadata.get("starts_line") or rule.category == self.category in RESULTS
        if not may_be or candidate.ends_line or candidate.is_apart or is_emphasized:
            return False
        return self.is_part_of(rule) or self.is_same_kind(rule)

    def is_title(self, candidate: Candidate, rule: SectionRule, line: Line) -> bool:
        """Return whether words that a rule knows are the title of the note, or of a line that says whose it is."""
        if IDENTIFIER.search(self.text, candidate.end, line.end):
            return True
        if rule.category == COURSE and candidate.sign != ":" and self.is_in_head(candidate, line):
            return True
        return line is self.title and bool(rule.metadata.get("title")) and candidate.sign != ":"

    def is_in_head(self, candidate: Candidate, line: Line) -> bool:
        """Return whether a line such as "Summary of stay" is one of the first and a title, by what follows."""
        if line.start in self.above_head:
            return True
        return line.start in self.first and 0 < self.text.count(" ", candidate.end, line.end) <= MOST_WORDS

    def is_plausible(self, candidate: Candidate, rule: SectionRule) -> bool:
        """Return whether words that a rule knows are a heading where they are."""
        if candidate.is_bulleted and self.has_section and not self.is_bulleted:
            return False
        if rule.metadata.get("line"):
            return candidate.is_alone and rule.category != self.category
        if rule.metadata.get("alone") and not candidate.ends_line:
            return False
        if rule.metadata.get("colon") and candidate.sign != ":":
            return False
        if candidate.is_numbered and not candidate.ends_line and self.is_item(rule):
            return False
        if (rule.metadata.get("starts_line") and candidate.is_dated) or self.is_part(candidate, rule):
            return False
        if candidate.sign in (":", ">"):
            return True
        if candidate.sign == ".":
            return candidate.is_emphasized or (candidate.is_apart and candidate.name[0].isupper())
        if len(candidate.name) == 1 or (candidate.is_bulleted and not candidate.level):
            return False
        if candidate.sign == " ":
            return candidate.is_capital or candidate.start in self.column
        if candidate.is_numbered and not candidate.level:
            return candidate.is_capital or candidate.is_apart
        return candidate.level > 0 or candidate.name[0].isupper()

    def accept(self, candidate: Candidate, rule: SectionRule) -> Heading | None:
        """Return a heading that a rule knows; None if it is one within a section."""
        if rule.category is None:
            # An abstract, or a report, may turn out to be one only later.
            is_possible = not rule.metadata.keys().isdisjoint(IN_OTHER_TEXTS)
            return Heading(candidate.start, candidate.end, None, rule, at_line=True) if is_possible else None
        self.category, self.has_section = (
            rule.category_before(self.text[candidate.end : candidate.end + MOST_BODY]),
            True,
        )
        self.level, self.is_bulleted = candidate.level, candidate.is_bulleted
        self.is_numbered = candidate.is_numbered
        return Heading(candidate.start, candidate.end, self.category, rule, at_line=True)

    def accept_letter(self, line: Line, match: re.Match[str]) -> Heading | None:
        """Return a letter of SOAP as a heading, if a rule knows it."""
        rule = self.table.find(match[1])
        if rule is None:
            return None
        self.category, self.has_section = rule.category, True
        return Heading(line.start, match.end(), rule.category, rule, at_line=True)

    def accept_unknown(self, candidate: Candidate) -> Heading | None:
        """Return a heading that only looks like one, if it ends the section before it."""
        if guess := self.guess(candidate):
            return self.accept(candidate, guess)
        if not self.has_section or self.category in WITH_PARTS or candidate.is_bulleted:
            return None
        is_markdown = 0 < candidate.level <= (self.level or candidate.level) and candidate.is_alone
        is_title = candidate.is_apart and candidate.is_capital and len(candidate.name) >= 5
        has_digit = any(char.isdigit() for char in self.text[candidate.start : candidate.end])
        if not (is_markdown or (is_title and candidate.sign in ("", ":") and not has_digit)):
            return None
        self.category, self.level = OTHER, candidate.level
        return Heading(candidate.start, candidate.end, OTHER, None, at_line=True)

    def guess(self, candidate: Candidate) -> SectionRule | None:
        """Return the rule of an unknown heading whose text starts as that of a certain section, or None.

        "What she takes:" says little, but a dose in the next line does.
        """
        is_heading = candidate.ends_line if candidate.sign == ":" else candidate.is_alone and candidate.is_apart
        is_title = self.title is not None and candidate.start == self.title.start
        if not is_heading or is_title or candidate.is_bulleted or candidate.is_numbered or self.is_sentence(candidate):
            return None
        if not candidate.name[0].isupper() or candidate.n_words > MOST_WORDS - 2:
            return None
        rule = self.search_body(candidate)
        if rule is None or (self.is_same_kind(rule) and rule.category != MEDICATIONS):
            return None
        in_narrative = self.category in NARRATIVE and (rule.category in NOT_IN_NARRATIVE or not candidate.is_apart)
        return None if in_narrative else rule

    def search_body(self, candidate: Candidate) -> SectionRule | None:
        """Return the rule that the start of the text under a heading speaks for, or None."""
        return self.table.search_body(self.text[candidate.end : candidate.end + MOST_BODY].lstrip())

    def accept_unmarked(self, found: Unmarked) -> Heading:
        """Return a heading without a sign as one."""
        self.category = found.rule.category_before(self.text[found.end : found.end + MOST_BODY])
        self.has_section = True
        return Heading(found.start, found.end, self.category, found.rule, at_line=True)

    def find_signature(self, line: Line) -> Heading | None:
        """Return a letter's closing words, which a comma follows, as a heading; None if there are none."""
        match = FIRST_WORDS.match(self.text, line.start, line.end)
        rule = self.table.find(match["name"]) if match else None
        if match is None or rule is None or rule.category != SIGNATURE:
            return None
        self.category, self.has_section = SIGNATURE, True
        return Heading(line.start, match.end(), SIGNATURE, rule, at_line=True)

    def find_inner(self, line: Line, start: int) -> Iterator[Heading]:
        """Yield the headings within a line: "PMH: asthma. Meds - salbutamol. Allergies: none".

        line (Line): the line.
        start (int): where to start, behind its first heading.
        """
        for sign in INNER_SIGN.finditer(self.text, start, line.end):
            name_start = self.inner_start(start, sign.start(), in_row=start > line.start)
            if name_start is None or name_start == line.start:
                # At the start of a line it would have been found: "NURSING NOTE - ward 5" is a title.
                continue
            rule = self.table.find(self.text[name_start : sign.start()])
            if rule is None or is_stay(rule, self.text, name_start, line.end) or (line.is_item and self.is_item(rule)):
                continue
            if rule.category is not None:
                self.category, self.has_section = rule.category, True
            elif "in_abstract" not in rule.metadata:
                continue
            yield Heading(name_start, sign.end(), rule.category, rule, at_line=False)
            start = sign.end()

    def inner_start(self, start: int, colon: int, *, in_row: bool) -> int | None:
        """Return where the known heading before a colon or a dash starts, or None if there is none.

        start (int): it does not start before this offset.
        colon (int): the offset of the colon, or of the space before the dash.
        in_row (bool): whether its line has a heading before it.
        """
        low = max(start, colon - LONGEST, self.text.rfind(":", start, colon) + 1)
        window = self.text[low:colon]
        last = LAST_WORD.split(window[-30:].rstrip())[-1].strip("().;|").lower()
        if not last or last not in self.table.last_words:
            return None
        for match in list(WORD_START.finditer(window))[-MOST_WORDS:]:
            name, before = window[match.start() :], self.text[max(low - 2, start) : low + match.start()]
            is_short = in_row and self.text[colon] == ":" and normalize(name) in self.table.in_row
            is_heading = is_short or is_inner_heading(name, before[-4:], all_capitals=self.all_capitals)
            if not name[0].isupper() or not is_heading:
                continue
            rule = self.table.find(name)
            if rule is None or (is_short and (self.is_part_of(rule) or self.is_same_kind(rule))):
                continue
            if is_short or not rule.metadata.keys() & {"starts_line", "alone"}:
                return low + match.start()
        return None


def is_head(text: str, line: Line) -> bool:
    """Return whether one of a note's first lines says whose note it is, and so what is above it is the note's title."""
    if HEAD.match(text, line.start, line.end):
        return True
    most = MOST_WORDS * 2 if any(char.isdigit() for char in text[line.start : line.end]) else MOST_WORDS
    is_short = text.count(" ", line.start, line.end) < most and not line.is_item
    return is_short and not text.endswith((*FINAL, ":"), line.start, line.end)


def make_candidates(text: str, line: Line, before: Line | None, *, all_capitals: bool) -> list[Candidate]:
    """Return what may be a heading at the start of a line: the words after a date before it, then those with it.

    text (str): the text.
    line (Line): the line.
    before (Line | None): the line before it, None if it is the first.
    all_capitals (bool): whether the whole text is in capitals.
    RETURNS (list[Candidate]): the candidates, at most two.
    """
    bullet = BULLET.match(text, line.start, line.end) if not text.startswith("**", line.start) else None
    markdown = MARKDOWN.match(text, line.start, line.end)
    level = (len(markdown[1]) if markdown[1] else 6) if markdown else 0
    lead = LEAD.match(text, line.content if bullet else line.start, line.end)
    start = lead.end() if lead else line.start
    after_date = leading_date(text, start, line.end)
    candidates = []
    for name_start in sorted({start, after_date}, reverse=True):
        if match := NAME.match(text, name_start, line.end):
            is_dated = name_start > start
            candidates.append(
                Candidate(
                    start=line.start,
                    end=match.end(),
                    name=without_dates(match["name"].rstrip()),
                    sign=match["sign"].strip()[:1] or ("" if match.end() >= line.end else " "),
                    level=level,
                    is_bulleted=bool(bullet),
                    is_numbered=not is_dated
                    and (text[line.start] in "(0123456789" or (line.is_item and not bullet and not level)),
                    is_apart=before is None or before.is_blank,
                    is_after_end=before is not None and text.endswith(FINAL, before.start, before.end),
                    is_dated=is_dated,
                    ends_line=match.end() >= line.end,
                    all_capitals=all_capitals,
                )
            )
    return candidates


def is_stay(rule: SectionRule | None, text: str, start: int, end: int) -> bool:
    """Return whether a line is of the note's head: "Hospital stay: 12/03/2019 - 18/03/2019"."""
    return rule is not None and rule.category == COURSE and is_period(text, start, end)


def find_soap(text: str) -> dict[int, re.Match[str]]:
    """Return the letters of SOAP that start lines, by the line's offset. A single one has to be apart from the text."""
    found = {match.start(): match for match in SOAP.finditer(text)}
    letters = {match[1] for match in found.values()}
    if any(pair <= letters for pair in PAIRS):
        return found
    return {start: match for start, match in found.items() if APART.match(text, max(start - 2, 0), match.end() + 1)}


def may_be_searched(candidate: Candidate) -> bool:
    """Return whether a candidate looks enough like a heading for the rules with a regular expression."""
    if candidate.n_words > MOST_WORDS or (candidate.is_bulleted and not candidate.level):
        return False
    if candidate.level or candidate.is_emphasized:
        return candidate.sign in ("", ":")
    if not candidate.name[0].isupper() or candidate.name[-1] in ".,;":
        return False
    is_title = all(word[0].isupper() or len(word) < 4 for word in candidate.name.split())
    return (candidate.sign == ":" and (is_title or candidate.n_words <= 5)) or (
        candidate.is_alone and (candidate.is_apart or candidate.is_after_end) and candidate.n_words <= 5
    )


def is_inner_heading(name: str, before: str, *, all_capitals: bool) -> bool:
    """Return whether known words with a colon within a line are a heading.

    name (str): the words.
    before (str): the last characters before them.
    all_capitals (bool): whether the whole text is in capitals, so that they emphasize nothing.
    RETURNS (bool): whether they start after a sentence or a gap, or are in capitals, and more than one letter.
    """
    # In "TREATMENT HISTORY:" the capitals go on, and what is known is a part of it.
    is_emphasized = len(name) > 2 and name.isupper() and not all_capitals and not before.rstrip()[-1:].isupper()
    return len(name) > 1 and (GAP.search(before) is not None or is_emphasized)


def history_first(headings: list[Heading]) -> list[Heading]:
    """Return headings, "Hx" as the present history where it is the first or the note has another for the past."""
    n_past = sum(heading.category == PAST for heading in headings)
    return [
        heading._replace(category="history_of_present_illness")
        if is_history(heading) and (number == 0 or n_past > 1)
        else heading
        for number, heading in enumerate(headings)
    ]


def is_history(heading: Heading) -> bool:
    """Return whether a heading is "Hx"."""
    return heading.rule is not None and normalize(heading.rule.literal) == "hx"


def in_letter(headings: list[Heading]) -> list[Heading]:
    """Return headings with their categories in a letter to a doctor, whom "Advice:" is for."""
    return [
        heading._replace(category=heading.rule.metadata["in_letter"])
        if heading.rule and "in_letter" in heading.rule.metadata
        else heading
        for heading in headings
    ]


def as_report(headings: list[Heading]) -> list[Heading]:
    """Return headings with their categories in a radiology report, without those that have none."""
    found = [heading._replace(category=report_category(heading) or heading.category) for heading in headings]
    return [heading for heading in found if heading.category is not None]


def says_report(heading: Heading) -> bool:
    """Return whether only a radiology report has a heading, by its words or by the examination behind it."""
    metadata = heading.rule.metadata if heading.rule else {}
    return bool(metadata.get("report") or (heading.category == IMAGING and IMAGING in metadata.get("before", {})))


def is_of_report(heading: Heading) -> bool:
    """Return whether a heading is typical of a radiology report."""
    own = bool(heading.rule and "in_report" in heading.rule.metadata)
    return own or heading.category in (REASON, "observation_and_plan")


def can_be_in_report(heading: Heading) -> bool:
    """Return whether a radiology report can have a heading."""
    return heading.rule is None or heading.category in IN_REPORT or report_category(heading) is not None


def report_category(heading: Heading) -> str | None:
    """Return the category that a heading has in a radiology report, or None if it has no other one there."""
    if heading.rule is None:
        return None
    is_plan = heading.rule.metadata.get("loinc") == PLAN_CODE
    own = heading.rule.metadata.get("in_report")
    return own or (IMAGING if heading.category in OF_REPORT and not is_plan else None)


def as_abstract(headings: list[Heading]) -> list[Heading]:
    """Return the headings with their categories in an abstract, if the text is one; else those that have a category.

    It is if one of them says so (METHODS), or if there are two or more and all of them are headings of abstracts.
    """
    in_note = [heading for heading in headings if heading.category is not None]
    if not is_abstract(in_note):
        return in_note
    found = [heading._replace(category=abstract_category(heading) or heading.category) for heading in headings]
    return [heading for heading in found if heading.category is not None]


def is_abstract(headings: list[Heading]) -> bool:
    """Return whether headings are those of an abstract; see `as_abstract`."""
    if any(heading.rule and heading.rule.metadata.get("abstract") for heading in headings):
        return True
    literals = {normalize(heading.rule.literal) if heading.rule else OTHER for heading in headings}
    is_possible = len(headings) > 1 and all(abstract_category(each) or each.category == OTHER for each in headings)
    return is_possible and not literals <= OF_LETTERS


def abstract_category(heading: Heading) -> str | None:
    """Return the category that a heading has in an abstract, or None if it has no other one there."""
    return heading.rule.metadata.get("in_abstract") if heading.rule else None
