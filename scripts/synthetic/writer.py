"""A whole note, from the sections of its type and the person it is about: headers, lists, paragraphs, line ends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from scripts.records.sections import trim_title
from scripts.synthetic.patient import Patient
from scripts.synthetic.sentence import fill
from scripts.synthetic.templates import PAST, SECTION_ATTRIBUTES, Section, Template
from scripts.synthetic.terms import Term
from scripts.synthetic.text import MarkedSection, MarkedText, joined

SHARE_WRAPPED = 0.7

# How often a note is in capitals throughout, and how often it has none under its headings.
CASES = {"": 88, "upper": 6, "lower": 6}


@dataclass(frozen=True)
class Habits:
    """How a note's author writes, throughout the note.

    width (int | None): the characters in a line, where lines are broken by hand.
    indent (int): the spaces before the further lines of a paragraph.
    bullet (str): what stands before an item of a bulleted list.
    number (str): what stands behind the number of an item.
    gap (str): what stands between two sections.
    capitals (bool): whether the items of lists begin with a capital.
    style (float): the style of headings, from 0 to 1: which of a section's headers the author writes.
    space (str): what stands between two sentences.
    case (str): "upper" for capitals only, "lower" for none, else "".
    """

    width: int | None
    indent: int
    bullet: str
    number: str
    gap: str
    capitals: bool
    style: float
    space: str
    case: str

    @classmethod
    def by_chance(cls, random: Random) -> "Habits":
        """Draw the habits of an author at random."""
        return cls(
            width=random.randint(64, 80) if random.random() < SHARE_WRAPPED else None,
            indent=random.choice([0, 0, 0, 2, 4]),
            bullet=random.choice(["- ", "* ", "-", "• ", "  - "]),
            number=random.choice([". ", ") "]),
            gap=random.choice(["\n\n", "\n\n", "\n"]),
            capitals=random.random() < 0.4,
            style=random.random(),
            space=random.choice([" ", " ", " ", " ", " ", "  ", "\n"]),
            case=random.choices(list(CASES), list(CASES.values()))[0],
        )

    def wrapped(self, text: MarkedText, indent: int) -> MarkedText:
        """Break a text into lines if the author does so."""
        return text if self.width is None else text.wrapped(self.width, indent)


def between(limits: tuple[int, int], size: float) -> int:
    """Return a number between two limits for a note of a size from 0 to 1."""
    return round(limits[0] + (limits[1] - limits[0]) * size)


def days_of(sections: list[Section], size: float) -> int:
    """Return the number of days that a note covers: how often its most repeated section occurs."""
    return max(between(section.repeat, size) for section in sections)


class Deck:
    """Templates drawn in a random order throughout a note: one comes again only when all of its kind have come.

    random (Random): the source of chance.
    """

    def __init__(self, random: Random) -> None:
        self.random = random
        self.rest: dict[tuple[Template, ...], list[Template]] = {}

    def draw(self, templates: tuple[Template, ...], count: int) -> list[Template]:
        """Draw a number of these templates."""
        rest = self.rest.setdefault(templates, [])
        while len(rest) < count:
            rest += self.random.sample(templates, len(templates))
        drawn, rest[:count] = rest[:count], []
        return drawn


def write_note(sections: list[Section], patient: Patient, *, size: float) -> MarkedText:
    """Write a note.

    sections (list[Section]): the sections of its type.
    patient (Patient): whom it is about, and the source of chance.
    size (float): 0 for the shortest, 1 for the longest.
    RETURNS (MarkedText): the note, and the mentions in it.
    """
    habits, deck = Habits.by_chance(patient.random), Deck(patient.random)
    written: list[MarkedText] = []
    for section in sections:
        for day in range(1, between(section.repeat, size) + 1):
            patient.day = day
            count = between(section.count, size)
            templates = section.templates if section.layout == "block" else deck.draw(section.templates, count)
            written += [write_section(section, templates, patient, habits)] if templates else []
        patient.day = 1
    note = joined(written, habits.gap)
    return note.in_case("upper") if habits.case == "upper" else note


def write_section(section: Section, templates: Sequence[Template], patient: Patient, habits: Habits) -> MarkedText:
    """Write one section: its header and its templates, filled in."""
    used: list[Term] = []
    styles = section.headers
    header = [fill(styles[int(habits.style * len(styles))], patient, used)] if styles else []
    past = section.category == PAST
    texts = [under_heading(fill(template, patient, used, past=past), section.category) for template in templates]
    if habits.case == "lower" and section.layout != "block":
        texts = [text.in_case("lower") for text in texts]
    written = lay_out(section.layout, header, texts, habits)
    return with_section(written, section.category, len(header[0].text)) if header else written


def under_heading(text: MarkedText, category: str) -> MarkedText:
    """Add what a section's heading says of the mentions under it."""
    mentions = (
        mention._replace(
            attributes=mention.attributes | SECTION_ATTRIBUTES.get((category, mention.term.label), frozenset())
        )
        for mention in text.mentions
    )
    return replace(text, mentions=tuple(mentions))


def with_section(text: MarkedText, category: str, header: int) -> MarkedText:
    """Mark a text as one section, whose header is its first characters."""
    body = len(text.text) - len(text.text[header:].lstrip())
    section = MarkedSection(category, trim_title(text.text, 0, header), (body, len(text.text)))
    return replace(text, sections=(section,))


def lay_out(layout: str, header: list[MarkedText], texts: list[MarkedText], habits: Habits) -> MarkedText:
    """Set the sentences of a section as lines, items or a paragraph, below or behind its header."""
    sentences = [text if habits.case == "lower" else text.capitalized() for text in texts]
    match layout:
        case "inline":
            return habits.wrapped(joined([*header, *sentences], " "), habits.indent)
        case "commas":
            return habits.wrapped(joined([*header, joined(texts, ", ")], " "), habits.indent)
        case "prose":
            lines = [joined(sentences, habits.space)] if habits.space != "\n" else sentences
            return joined([*header, *(habits.wrapped(line, habits.indent) for line in lines)], "\n")
        case "bullets":
            texts = [item(habits.bullet, text, habits) for text in texts]
        case "numbers":
            texts = [item(f"{number}{habits.number}", text, habits) for number, text in enumerate(texts, start=1)]
    return joined([*header, *texts], "\n")


def item(marker: str, text: MarkedText, habits: Habits) -> MarkedText:
    """Write an item of a list, with its further lines below its first word."""
    return habits.wrapped(
        joined([marker, text.capitalized() if habits.capitals and habits.case != "lower" else text]), len(marker)
    )
