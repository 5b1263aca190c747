"""One sentence: a template's slots filled from what the patient has, takes, and has not."""

import re
from collections.abc import Sequence
from dataclasses import replace

from scripts.errors import ProjectError
from scripts.synthetic.orders import AS_NEEDED
from scripts.synthetic.patient import Patient
from scripts.synthetic.templates import ALL_DRUGS, CONCEPTS, DRUGS, ORDERS, Slot, Template
from scripts.synthetic.terms import STYLES, Term
from scripts.synthetic.text import MarkedMention, MarkedPart, MarkedText, joined

# How often a mention takes a style where the template leaves it open: notes are full of brands and abbreviations.
STYLE_WEIGHTS = {"name": 10, "synonym": 5, "short": 7, "brand": 6, "misspelled": 1.5}
SHARE_IN_CAPITALS = 0.04

# How often a diagnosis has a word before it that is no part of the mention, and one behind it.
SHARE_MODIFIED, SHARE_STAGED = 0.16, 0.05
COMBINED_BY = ("/", "/", "/", "-", " / ")


def fill(template: Template, patient: Patient, used: list[Term], *, past: bool = False) -> MarkedText:
    """Fill in a template.

    template (Template): the template.
    patient (Patient): whom it speaks of.
    used (list[Term]): the terms that this section of the note has named: they come again only when all have. What this
        sentence names is added.
    past (bool): whether the heading says that all of it is past.
    RETURNS (MarkedText): the text, and the mentions in it.
    RAISES (ProjectError): the split has too few terms for the template.
    """
    sentence = Sentence(patient, template, used, past=past)
    padded = ("", *template, "")
    pieces = [
        MarkedText(part) if isinstance(part, str) else sentence.value(part, str(before), str(after))
        for before, part, after in zip(padded, template, padded[2:], strict=False)
    ]
    slots = [
        part for part, piece in zip(template, pieces, strict=True) if isinstance(part, Slot) for _ in piece.mentions
    ]
    return tied(joined(pieces), slots)


def tied(text: MarkedText, slots: list[Slot]) -> MarkedText:
    """Tie each part of an order to its drug: to the nearest mention of that, of two to the one before it.

    text (MarkedText): a sentence.
    slots (list[Slot]): the slots of its mentions.
    RETURNS (MarkedText): the sentence with the orders in its mentions.
    """
    drugs = [number for number, slot in enumerate(slots) if slot.kind in DRUGS]
    orders: dict[int, list[MarkedPart]] = {}
    for part in with_reasons(text, slots):
        places = {slots[number].place for number in drugs} if part.place[0] == ALL_DRUGS else {part.place}
        for place in places:
            own = [number for number in drugs if slots[number].place == place]
            orders.setdefault(min(own, key=lambda number: distance(part, text.mentions[number])), []).append(part)
    mentions = tuple(each._replace(order=tuple(orders.get(number, ()))) for number, each in enumerate(text.mentions))
    return replace(text, mentions=mentions, parts=())


def distance(part: MarkedPart, mention: MarkedMention) -> float:
    """Return how far a part of an order is from a mention; from one after it a little farther."""
    return part.start - mention.end if mention.end <= part.start else mention.start - part.end + 0.5


def with_reasons(text: MarkedText, slots: list[Slot]) -> list[MarkedPart]:
    """Return the parts of orders; one that says "as needed" reaches to the end of its reason, if it has one."""
    reasons = {
        slot.place: (mention.start, mention.end)
        for slot, mention in zip(slots, text.mentions, strict=True)
        if slot.kind == "why"
    }
    return [
        part._replace(end=reasons[part.place][1], reason=reasons[part.place])
        if part.name == "as_needed" and part.place in reasons
        else part
        for part in text.parts
    ]


class Sentence:
    """The terms of one sentence: slots with one key share a term, others have terms of their own.

    patient (Patient): the person.
    template (Template): the sentence's template.
    used (list[Term]): the terms named before; those of the sentence are added.
    past (bool): whether the heading says that all of it is past.
    """

    def __init__(self, patient: Patient, template: Template, used: list[Term], *, past: bool) -> None:
        self.patient = patient
        self.template = template
        self.past = past
        self.random = patient.random
        self.slots = [part for part in template if isinstance(part, Slot) and part.kind in CONCEPTS]
        self.orders = [part for part in template if isinstance(part, Slot) and part.kind in ORDERS]
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
            return self._order(slot)
        if slot.kind not in CONCEPTS:
            return MarkedText(self.patient.text_value(slot))
        if slot.kind == "combo":
            return self._combination(self.terms[slot.key], slot.attributes)
        term = self.terms[slot.key]
        mention = self._mention(term, slot.detail, slot.attributes)
        can_be_modified = term.label == "Disease" and slot.kind != "why"
        return self._modified(mention, term, slot, before, after) if can_be_modified else mention

    def _order(self, slot: Slot) -> MarkedText:
        """Write a part of an order: what the template says, or what is usual for the drug."""
        if slot.kind == "act":
            value, _, text = slot.detail.partition(" ")
            return MarkedText.of_part(text, "action", {"value": value}, slot.place)
        drug = self._ordered(slot)
        usual = slot.detail or self.random.choice(self._usual(slot, drug))
        if slot.kind == "frequency" and self._has_diagnosis_behind(slot):
            # That would be the reason for "as needed".
            usual = usual.removesuffix(AS_NEEDED).strip() or "daily"
        parts = self.patient.orders.write(slot.kind, usual, drug.split, self.random)
        return joined(
            written
            for part in parts
            for written in [MarkedText.of_part(part.text, part.name, part.value, slot.place).with_inner(part.inner)]
        )

    def _has_diagnosis_behind(self, slot: Slot) -> bool:
        """Return whether the sentence names what a drug treats behind a part of its order."""
        behind = self.template[self.template.index(slot) + 1 :]
        return any(isinstance(part, Slot) and part.kind == "dx" and part.number == slot.number for part in behind)

    def _ordered(self, slot: Slot) -> Term:
        """Return the drug that a part of an order belongs to; of several the first."""
        own = [key for key in self.terms if key[0] in DRUGS and (slot.number == ALL_DRUGS or key[1:] == slot.place)]
        return self.terms[own[0]]

    def _usual(self, slot: Slot, drug: Term) -> Sequence[str]:
        """Return what can be written in a part of a drug's order."""
        kinds = {each.kind for each in self.orders if each.place == slot.place}
        match slot.kind:
            case "dose" if "form" in kinds:
                return [dose for dose in drug.order["dose"] if not self.patient.orders.is_counted(dose)]
            case "frequency" if "prn" in kinds:
                return [each.removesuffix(AS_NEEDED).strip() or "daily" for each in drug.order["frequency"]]
            case "dose" | "route" | "frequency":
                return drug.order[slot.kind]
            case "form":
                return [route for route in drug.order["route"] if route in self.patient.orders.data["forms"]]
        return [""]

    def _can_be_ordered(self, slot: Slot, drug: Term) -> bool:
        """Return whether a drug has what the template writes of its order."""
        parts = (each for each in self.orders if each.place == slot.place and each.kind in ("dose", "form"))
        return slot.kind not in DRUGS or all(self._usual(part, drug) for part in parts)

    def _modified(self, mention: MarkedText, term: Term, slot: Slot, before: str, after: str) -> MarkedText:
        """Write words beside a diagnosis that are no part of its mention, where the text beside it lets them stand."""
        fitting = [each for each in self.patient.modifiers if each.fit(term.group, mention.text)]
        first = [
            word for each in fitting for word in (*each.before, *(() if slot.attributes or self.past else each.now))
        ]
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
        names = [self.random.choice(part.forms[self._style(part, ("name", "short"))]) for part in drug.parts]
        return MarkedText.of_term(self.random.choice(COMBINED_BY).join(names), drug, attributes)

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
                fitting = [term for term in pool if term not in avoided and needed <= term.forms.keys()]
                if able := [term for term in fitting if self._can_be_ordered(slot, term)]:
                    return self.patient.choose(able)
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
            case "sym" | "why":
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
