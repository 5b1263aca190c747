"""One sentence: a template's slots filled from what the patient has, takes, and has not."""

import re

from scripts.errors import ProjectError
from scripts.synthetic.patient import Patient
from scripts.synthetic.templates import CONCEPTS, ORDERS, Slot, Template
from scripts.synthetic.terms import STYLES, Term, combination
from scripts.synthetic.text import MarkedText, joined

# How often a mention takes a style where the template leaves it open: notes are full of brands and abbreviations.
STYLE_WEIGHTS = {"name": 10, "synonym": 5, "short": 7, "brand": 6, "misspelled": 1.5}
SHARE_IN_CAPITALS = 0.04

# How often a diagnosis has a word before it that is no part of the mention, and one behind it.
SHARE_MODIFIED, SHARE_STAGED = 0.16, 0.05
SHARE_HASTY = 0.25
COMBINED_BY = ("/", "/", "/", "-", " / ")


def fill(template: Template, patient: Patient, used: list[Term]) -> MarkedText:
    """Fill in a template.

    template (Template): the template.
    patient (Patient): whom it speaks of.
    used (list[Term]): the terms that this section of the note has named: they come again only when all have. What this
        sentence names is added.
    RETURNS (MarkedText): the text, and the mentions in it.
    RAISES (ProjectError): the split has too few terms for the template.
    """
    sentence = Sentence(patient, template, used)
    padded = ("", *template, "")
    return joined(
        part if isinstance(part, str) else sentence.value(part, str(before), str(after))
        for before, part, after in zip(padded, template, padded[2:], strict=False)
    )


class Sentence:
    """The terms of one sentence: slots with one key share a term, others have terms of their own.

    patient (Patient): the person.
    template (Template): the sentence's template.
    used (list[Term]): the terms named before; those of the sentence are added.
    """

    def __init__(self, patient: Patient, template: Template, used: list[Term]) -> None:
        self.patient = patient
        self.random = patient.random
        self.slots = [part for part in template if isinstance(part, Slot) and part.kind in CONCEPTS]
        self.topics: dict[str, str] = {}
        self.terms: dict[tuple[str, str, bool], Term] = {}
        for slot in self.slots:
            if slot.key not in self.terms:
                self.terms[slot.key] = self._choose(slot, used)
        used += self.terms.values()

    def value(self, slot: Slot, before: str, after: str) -> MarkedText:
        """Return the text for a slot, which is a mention if it is a term.

        slot (Slot): the slot.
        before (str): the literal text before it.
        after (str): the literal text behind it.
        RETURNS (MarkedText): the text.
        """
        if slot.kind in ORDERS:
            place = (slot.number, slot.second)
            drug = self.terms.get(("drug", *place)) or self.terms["med", *place]
            return MarkedText(self._order(slot.kind, self.random.choice(drug.order[slot.kind])))
        if slot.kind not in CONCEPTS:
            return MarkedText(self.patient.text_value(slot))
        if slot.kind == "combo":
            return self._combination(self.terms[slot.key], slot.attributes)
        term = self.terms[slot.key]
        mention = self._mention(term, slot.detail, slot.attributes)
        return self._modified(mention, term, slot, before, after) if term.label == "Disease" else mention

    def _order(self, kind: str, text: str) -> str:
        """Return a dose, route or frequency as written in haste: "40mg po bid"."""
        if self.random.random() >= SHARE_HASTY:
            return text
        return re.sub(r"(?<=\d) (?=m|g\b|u)", "", text) if kind == "dose" else text.lower()

    def _modified(self, mention: MarkedText, term: Term, slot: Slot, before: str, after: str) -> MarkedText:
        """Write words beside a diagnosis that are no part of its mention, where the text beside it lets them stand."""
        fitting = [each for each in self.patient.modifiers if each.fit(term.group, mention.text)]
        first = [word for each in fitting for word in (*each.before, *(() if slot.attributes else each.now))]
        last = [word for each in fitting for word in each.after if not slot.attributes]
        parts: list[MarkedText | str] = [mention]
        if re.search(r"(^|[\s(])$", before) and not re.search(r"\ban? $", before):
            parts = [*self._perhaps(first, SHARE_MODIFIED), *parts]
        if re.match(r"$|[\s,.;)]", after):
            parts = [*parts, *self._perhaps(last, SHARE_STAGED)]
        return joined(
            [part.upper() if isinstance(part, str) and slot.detail == "upper" else part for part in parts], " "
        )

    def _perhaps(self, words: list[str], share: float) -> list[str]:
        """Return one of the words, or none."""
        return [self.random.choice(words)] if words and self.random.random() < share else []

    def _mention(self, term: Term, detail: str, attributes: frozenset[str]) -> MarkedText:
        """Write a term in the style that the template asks for if it has that, or in one by chance."""
        style = detail if detail in term.forms else self._style(term, tuple(term.forms))
        form = self.random.choice(term.forms[style])
        if detail == "upper" or self.random.random() < SHARE_IN_CAPITALS:
            form = form.upper()
        return MarkedText.of_term(form, term, attributes)

    def _combination(self, drug: Term, attributes: frozenset[str]) -> MarkedText:
        """Write two drugs that share a tablet, which are one mention."""
        parts = (drug, self.patient.by_name[self.random.choice(drug.partners)])
        names = [self.random.choice(part.forms[self._style(part, ("name", "short"))]) for part in parts]
        form = self.random.choice(COMBINED_BY).join(names)
        return MarkedText.of_term(form, combination(*parts), attributes)

    def _style(self, term: Term, styles: tuple[str, ...]) -> str:
        styles = tuple(style for style in styles if style in term.forms)
        return self.random.choices(styles, [STYLE_WEIGHTS[style] for style in styles])[0]

    def _choose(self, slot: Slot, used: list[Term]) -> Term:
        """Choose a term: if possible with the forms that the sentence asks of it, and one not named yet."""
        styles = {each.detail for each in self.slots if each.key == slot.key and each.detail in STYLES}
        others = list(self.terms.values())
        pools = self._pools(slot)
        for needed, avoided in ((styles, [*others, *used]), (styles, others), (set(), others)):
            for pool in pools:
                if fitting := [term for term in pool if term not in avoided and needed <= term.forms.keys()]:
                    return self.random.choice(fitting)
        raise ProjectError(
            f"No term is left for the slot '{slot.kind}' of a template",
            "Ask for fewer of them in one template, or add such terms to the split in scripts/synthetic/data.",
        )

    def _pools(self, slot: Slot) -> list[list[Term]]:
        """Return the terms that can fill a slot in groups, the most fitting first."""
        patient = self.patient
        match slot.kind:
            case "dx":
                return self._by_topic(slot, patient.problems, patient.possible_problems)
            case "drug":
                return self._by_topic(slot, patient.drugs, patient.possible_drugs)
            case "med":
                return self._by_topic(slot, patient.home_drugs, patient.possible_home_drugs)
            case "sym":
                return [patient.symptoms, patient.no_symptoms]
        return [
            {
                "nosym": patient.no_symptoms,
                "absent": patient.absent,
                "family": patient.absent_in_family,
                "lesion": patient.absent_in_image,
                "shown": patient.shown_in_image,
                "allergen": patient.allergens,
                "reaction": patient.reactions,
                "combo": patient.combinations,
                "class": patient.classes,
                "substance": patient.substances,
            }[slot.kind]
        ]

    def _by_topic(self, slot: Slot, own: list[Term], possible: list[Term]) -> list[list[Term]]:
        topic = self._topic(slot.number)
        return [
            [term for term in own if term.group == topic],
            [term for term in possible if term.group == topic],
            own,
            possible,
        ]

    def _topic(self, number: str) -> str:
        """Return the field of medicine of a number in this sentence."""
        if number not in self.topics:
            slots = [slot for slot in self.slots if slot.number == number]
            if any(slot.kind in ("drug", "med") or slot.second for slot in slots):
                pairs = ["Disease" if slot.kind == "dx" else "Chemical" for slot in slots if slot.second]
                groups = [group for group in self.patient.topics if all(self._has_two(group, pair) for pair in pairs)]
            else:
                groups = [term.group for term in self.patient.problems]
            apart = [group for group in groups if group not in self.topics.values()]
            self.topics[number] = self.random.choice(apart or groups or self.patient.topics)
        return self.topics[number]

    def _has_two(self, group: str, label: str) -> bool:
        """Return whether a field has two diagnoses or two drugs for the person."""
        terms = self.patient.possible_problems if label == "Disease" else self.patient.possible_drugs
        return sum(term.group == group for term in terms) > 1
