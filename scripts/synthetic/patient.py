"""The person whom a note is about: what fills the slots of templates, and stays the same throughout a note."""

import re
from collections.abc import Sequence, Set
from datetime import date, timedelta
from random import Random
from typing import Any, TypeVar

from faker import Faker

from scripts.synthetic.templates import Slot, Values
from scripts.synthetic.terms import Term, combination

T = TypeVar("T")

PRONOUNS = {
    "M": {"he": "he", "him": "him", "his": "his", "man": "man", "mr": "Mr."},
    "F": {"he": "she", "him": "her", "his": "her", "man": "woman", "mr": "Ms."},
}
HOSPITALS = ("General Hospital", "Medical Center", "Memorial Hospital", "Clinic")
DATE_FORMATS = ("%m/%d/%Y", "%m/%d/%y", "%Y-%m-%d", "%d %b %Y")
FIRST_DATE, LAST_DATE = date(2012, 1, 1), date(2024, 12, 31)

# Diagnoses of these groups are what a patient feels, shows or reacts with.
SYMPTOM_GROUPS = ("symptom", "reaction")

# How much more often a common diagnosis is chosen than another.
COMMON_WEIGHT = 10

# Chemicals of these groups are no drugs that someone orders: "steroids", "alcohol".
CLASS_GROUP, SUBSTANCE_GROUP = "class", "substance"


class Patient:
    """A made-up person with diagnoses, the drugs that treat them, symptoms and dates.

    fake (Faker): the source of names and of all chance, seeded by the caller.
    terms (Sequence[Term]): the terms of one split, in a fixed order.
    values (Values): the lists that slots draw from, and whom groups of terms fit.
    topics (int): how many fields of medicine the person has diagnoses and drugs of.
    stay (int): the days in hospital.
    """

    def __init__(self, fake: Faker, terms: Sequence[Term], values: Values, *, topics: int, stay: int) -> None:
        self.random: Random = fake.random
        self.lists = values.lists
        self.modifiers = values.modifiers
        self.orders = values.orders
        self.common = frozenset(values.common)
        self.sex = self.random.choice("MF")
        self.age = self.random.randint(19, 93)
        self.admitted = fake.date_between_dates(date_start=FIRST_DATE, date_end=LAST_DATE)
        self.stay = stay
        self.day = 1
        self.date_format = self.random.choice(DATE_FORMATS)
        self.texts = self._texts(fake)
        fitting = [term for term in terms if self._fits(values.groups.get(term.group, {}))]
        self._choose_terms(fitting, values, topics)

    def _fits(self, restriction: dict[str, Any]) -> bool:
        low, high = restriction.get("age", (0, 120))
        return restriction.get("sex", self.sex) == self.sex and low <= self.age <= high

    def _texts(self, fake: Faker) -> dict[str, str]:
        first, last = (fake.first_name_male() if self.sex == "M" else fake.first_name_female()), fake.last_name()
        job = re.split("[,/(]", fake.job())[0].strip()
        return {
            **PRONOUNS[self.sex],
            "person": f"{first} {last}",
            "surname": last,
            "doctor": f"{fake.first_name()[0]}. {fake.last_name()}",
            "consultant": f"{fake.first_name()[0]}. {fake.last_name()}",
            "age": str(self.age),
            "birth": self._date(-round((self.age + self.random.random()) * 365.2)),
            "discharged": self._date(self.stay),
            "job": job if job[:2].isupper() else job.lower(),
            "hospital": f"{fake.city()} {self.random.choice(HOSPITALS)}",
            "city": fake.city(),
            "identifier": str(self.random.randint(1_000_000, 9_999_999)),
        }

    def _date(self, days: int) -> str:
        return (self.admitted + timedelta(days=days)).strftime(self.date_format)

    def _choose_terms(self, terms: list[Term], values: Values, topics: int) -> None:
        """Choose what the person has and takes, what the person surely has not, and must not take."""
        chemicals = [term for term in terms if term.label == "Chemical"]
        drugs = [term for term in chemicals if term.group not in (CLASS_GROUP, SUBSTANCE_GROUP)]
        self.classes = [term for term in chemicals if term.group == CLASS_GROUP]
        self.substances = [term for term in chemicals if term.group == SUBSTANCE_GROUP]
        symptoms = [term for term in terms if term.group in SYMPTOM_GROUPS]
        diagnoses = [term for term in terms if term.label == "Disease" and term.group not in SYMPTOM_GROUPS]
        drugs_by_group, diagnoses_by_group = by_group(drugs), by_group(diagnoses)
        treated = [group for group in drugs_by_group if group in diagnoses_by_group]
        frequent = {term.group for term in diagnoses if term.name in self.common}
        self.topics = self.sample(treated, min(topics, len(treated)), frequent)
        self.problems = [term for topic in self.topics for term in self._some(diagnoses_by_group[topic], 4)]
        self.problems += self._some([term for term in diagnoses if term.group not in drugs_by_group], topics)
        self.drugs = [term for topic in self.topics for term in self._some(drugs_by_group[topic], 4)]
        self.symptoms = self.random.sample(symptoms, len(symptoms) // 2)
        self.no_symptoms = [term for term in symptoms if term not in self.symptoms]
        self.allergens = self.random.sample([term for term in drugs if term not in self.drugs], 4)
        self.reactions = [term for term in symptoms if term.group == "reaction"]
        self.possible_drugs = [term for term in drugs if term not in self.allergens]
        self.home_drugs = [term for term in self.drugs if term.taken_at_home]
        self.possible_home_drugs = [term for term in self.possible_drugs if term.taken_at_home]
        self.possible_problems = [term for term in diagnoses if term.group in self.topics or term in self.problems]
        imaged = [term for term in diagnoses if term.group in values.imaged]
        self.shown_in_image = self.random.sample(imaged, min(6, len(imaged) // 3))
        present = {*self.possible_problems, *self.shown_in_image}
        self.absent = [term for term in diagnoses if term not in present]
        self.absent_in_family = [term for term in self.absent if "sex" not in values.groups.get(term.group, {})]
        self.absent_in_image = [term for term in self.absent if term.group in values.imaged]
        by_name = {term.name: term for term in drugs}
        self.combinations = [
            combination(term, by_name[partner])
            for term in drugs
            if term.taken_at_home
            for partner in term.partners
            if partner in by_name
        ]

    def _some(self, terms: list[Term], most: int) -> list[Term]:
        count = self.random.randint(min(2, len(terms)), min(most, len(terms)))
        return self.sample_terms(terms, count)

    def sample_terms(self, terms: list[Term], count: int) -> list[Term]:
        """Draw terms without repetition; common ones come first more often."""
        return self.sample(terms, count, {term for term in terms if term.name in self.common})

    def sample(self, choices: list[T], count: int, frequent: Set[T]) -> list[T]:
        """Draw without repetition; what is frequent comes first more often.

        Efraimidis and Spirakis (2006), Weighted random sampling with a reservoir, https://doi.org/10.1016/j.ipl.2005.11.003
        """
        if frequent.isdisjoint(choices):
            return self.random.sample(choices, count)
        keys = {each: self.random.random() ** (1 / (COMMON_WEIGHT if each in frequent else 1)) for each in choices}
        return sorted(choices, key=keys.__getitem__, reverse=True)[:count]

    def choose(self, terms: list[Term]) -> Term:
        """Draw one term; common ones are drawn more often."""
        return self.sample_terms(terms, 1)[0]

    def text_value(self, slot: Slot) -> str:
        """Return the text for a slot that is neither a term nor an order."""
        match slot.kind:
            case "number":
                return number_between(slot.detail, self.random)
            case "pick":
                return self.random.choice(slot.detail.split("|"))
            case "day":
                return str(self.day)
            case "date":
                return self._date(self.day - 1 + int(slot.detail or 0))
            case "year":
                return str(self.admitted.year - self.random.randint(1, min(self.age - 17, 25)))
            case kind if kind in self.lists:
                return self.random.choice(self.lists[kind])
        return self.texts[slot.kind]


def by_group(terms: list[Term]) -> dict[str, list[Term]]:
    """Sort terms by their field of medicine."""
    groups: dict[str, list[Term]] = {}
    for term in terms:
        groups.setdefault(term.group, []).append(term)
    return groups


def number_between(limits: str, random: Random) -> str:
    """Draw a number from "low-high", with as many decimals as the lower one has."""
    low, high = limits.split("-")
    return f"{random.uniform(float(low), float(high)):.{len(low.partition('.')[2])}f}"
