"""Dates and days in headings, which say when and not what: "Hospital course, day 3 (12 May 2019)", "3/4 - Labs"."""

import re

MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\.?"
)
NTH = r"\d{1,2}(?:st|nd|rd|th)?"
YEAR = r"(?:,?[ ]\d{4})?"
DATE = (
    r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{1,2}/\d{1,2}"
    rf"|\d{{1,2}}-{MONTH}(?:-\d{{2,4}})?|{NTH}[ ](?:of[ ])?{MONTH}{YEAR}|{MONTH}[ ]{NTH}{YEAR}"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
)
DAY = (
    r"(?:(?:(?:hospital|ward|icu|admission|inpatient|post-?[ ]?op(?:erative)?|post-?procedure)[ ])?day|hd|pod)"
    r"[ ]?\#?[ ]?(?:\d{1,3}|one|two|three|four|five|six|seven)"
    r"(?:[ ]of[ ](?:\d{1,3}|(?:the[ ])?(?:hospital[ ])?(?:stay|admission)))?"
)
BEFORE = r"(?:[\s,(\[@/\-\u2013\u2014]|\b(?:as[ ]of|on|of|from|for|dated|at)[ ]){0,4}"
AFTER = r"[\s,)\]\-\u2013\u2014]{0,4}"
DATES = re.compile(rf"{BEFORE}(?<!\w){DATE}(?!\w){AFTER}", re.IGNORECASE)
DATES_AND_DAYS = re.compile(rf"{BEFORE}(?<!\w)(?:{DATE}|{DAY})(?!\w){AFTER}", re.IGNORECASE)
# A time too: "03/04/2019 08:30 Assessment:".
LEADING = re.compile(
    rf"(?:[\[(]?(?:{DATE}|{DAY})(?:[ ]?(?:at|@)?[ ]?\d{{1,2}}:\d{{2}})?(?!\w)[\])]?[\s,;:.\-\u2013\u2014]{{1,4}})"
    r"{1,3}",
    re.IGNORECASE,
)
ONLY_DATES = re.compile(rf"(?:{BEFORE}(?<!\w)(?:{DATE}|{DAY})(?!\w){AFTER}:?[ ]*){{1,2}}", re.IGNORECASE)
# "12 - 18 May 2019", ": 6 days": how long a stay was, or from when to when.
PERIOD = re.compile(
    rf"(?<!\w)(?:{DATE}|\d{{1,2}})"
    rf"(?:[ ]?(?:-|\u2013|\u2014|\u2192|->|to|till|until|through|thru)[ ]?|[ ]/[ ]){DATE}(?!\w)"
    rf"|(?<!\w){DATE},?[ ](?:and[ ])?(?:discharged|left|went[ ]home|to[ ]home)[ ](?:on[ ])?{DATE}"
    r"|:[ ]*\d{1,3}(?:[ ](?:d|days?|nights?|weeks?|hours?|hrs?))?\W{0,3}\Z",
    re.IGNORECASE,
)
# The most characters of a line behind its dates, of one without any, and of any such line.
LONGEST_AFTER, LONGEST_LINE, LONGEST_PERIOD = 30, 80, 200
WORD = re.compile(r"[^\W_]+")
# All that a line with the dates of a stay has beside months and numbers: "In hospital from 3 May, 6 nights".
OF_PERIOD = frozenset(
    (
        *("in", "hospital", "stay", "inpatient", "admission", "admitted", "admit", "discharge", "discharged", "length"),
        *("of", "day", "days", "night", "nights", "week", "weeks", "to", "till", "until", "through", "from", "on"),
        *("for", "left", "home", "went", "ward", "and", "total", "los", "the", "date", "dates"),
    )
)
MONTH_ONLY = re.compile(MONTH, re.IGNORECASE)
DAY_ONLY = re.compile(rf"(?<!\w)(?:{DAY}|{DATE})(?!\w)", re.IGNORECASE)
SIGNS_OF_DATES = re.compile(r"\d|day", re.IGNORECASE)


def without_dates(name: str) -> str:
    """Return a heading without dates and numbers of days.

    name (str): a heading: "HOSPITAL COURSE, DAY 3 (12 May 2019)".
    RETURNS (str): "HOSPITAL COURSE". If nothing else is left, the day remains: "Hospital day 3".
    """
    if not SIGNS_OF_DATES.search(name):
        return name
    return DATES_AND_DAYS.sub(" ", name).strip() or DATES.sub(" ", name).strip() or name


def leading_date(text: str, start: int, end: int) -> int:
    """Return the offset after dates and days at the start of a line, and the signs after them.

    text (str): the text.
    start, end (int): the offsets of the line's first character, and after its last.
    RETURNS (int): the offset; `start` if there are none.
    """
    match = LEADING.match(text, start, end)
    return match.end() if match else start


def only_date(text: str, start: int, end: int) -> bool:
    """Return whether a part of a text is a date, a day, or both, and nothing else."""
    return end > start and ONLY_DATES.fullmatch(text, start, end) is not None


def is_period(text: str, start: int, end: int) -> bool:
    """Return whether a line says how long a stay was or from when to when: "Stay: 12/03/2019 - 18/03/2019"."""
    if end - start > LONGEST_PERIOD:
        return False
    line = text[start:end]
    match = PERIOD.search(line)
    if match is not None:
        return len(line) - match.end() <= LONGEST_AFTER
    words = WORD.findall(line.lower())
    is_short = len(line) <= LONGEST_LINE and not line.rstrip().endswith(":")
    has_number = any(word.isdigit() for word in words)
    return is_short and has_number and all(word in OF_PERIOD or word[0].isdigit() or is_month(word) for word in words)


def is_month(word: str) -> bool:
    """Return whether a word is a month."""
    return MONTH_ONLY.fullmatch(word) is not None


def has_day(name: str) -> bool:
    """Return whether a heading has a date, or the number of a day."""
    return bool(SIGNS_OF_DATES.search(name)) and DAY_ONLY.search(name) is not None
