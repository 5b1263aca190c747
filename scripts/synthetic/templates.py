"""How notes are worded: `train.yaml`, `dev.yaml`, `test.yaml` and `values.yaml`, read and checked.

A split's file has `notes`, the sections of each note type in their order, and `sentences`, the templates that they
draw from. A template is text with slots: `{drug1} {dose1} was started for {dx1}`. Slots with the same name and number
are one thing within a sentence, and `drug1` treats `dx1`; `dx1b` is another diagnosis of the same field. What comes
after a colon says more: `{drug:brand}`, `{number:60-95}`, `{pick:reports|endorses}`, `{date:+3}`. What comes after a
dot is the context that the sentence puts a term in: `No {absent1.negated}`, `{family1.family.negated:short}`.

`{dose1}`, `{route1}`, `{frequency1}`, `{form1}`, `{duration1}` and `{prn1}` are parts of the order of `drug1`, in the
wording of `orders.yaml`; `{route1:IV}` is a given one. `{why1.planned}` is the reason of `{prn1}`, and
`{act1:hold held}` is an action with its value and text. The number 0 means all drugs of the template.

A section has a `category`, medspaCy's name for it, and its `header` may have several wordings: an author keeps to one
style, so the first wordings of all sections go together, and so on.

Words beside a diagnosis that BC5CDR leaves out of the mention ("severe", "bilateral", "stage 3") are `modifiers` in
`values.yaml`, and are written by chance beside any diagnosis.
"""

import re
from dataclasses import dataclass, fields
from pathlib import Path
from string import Formatter
from typing import Any

import srsly

from scripts.errors import ProjectError
from scripts.synthetic import FOLDER
from scripts.synthetic.orders import ACTIONS, PARTS, Orders
from scripts.synthetic.terms import STYLES

NOTE_TYPES = (
    *("discharge_summary", "progress_note", "clinic_letter", "emergency_note", "medication_list"),
    *("soap_note", "nursing_note", "triage_note", "gp_letter", "radiology_report"),
)
LAYOUTS = ("block", "lines", "inline", "prose", "bullets", "numbers", "commas")

CONCEPTS = (
    *("drug", "med", "dx", "sym", "absent", "nosym", "family", "lesion", "allergen", "reaction", "combo"),
    *("shown", "class", "substance", "why"),
)
DRUGS = ("drug", "med", "combo")
ORDERS = ("dose", "route", "frequency", "form", "duration", "prn", "act")
# The number of a slot that holds for all drugs of a template.
ALL_DRUGS = "0"
PATIENT = (
    *(
        "person",
        "surname",
        "doctor",
        "consultant",
        "age",
        "birth",
        "job",
        "hospital",
        "city",
        "identifier",
        "discharged",
        "day",
        "year",
    ),
    *("he", "him", "his", "man", "mr"),
)
SPECIFICATIONS = {
    **dict.fromkeys(CONCEPTS, f"({'|'.join(STYLES)}|upper)?"),
    **dict.fromkeys(("route", "frequency"), ".*"),
    "act": rf"({'|'.join(ACTIONS)}) .+",
    "number": r"\d+(\.\d+)?-\d+(\.\d+)?",
    "pick": r"[^|]*(\|[^|]*)+",
    "date": r"([+-]\d+)?",
}
SLOT_NAME = re.compile(r"([a-z]+)(?:(\d)(b?))?((?:\.[a-z]+)*)")
CONTEXTS = {
    "negated": "is_negated",
    "possible": "is_uncertain",
    "past": "is_historical",
    "planned": "is_hypothetical",
    "family": "is_family",
    "allergy": "is_allergy",
}
"""Attribute of a mention by what a template says after a dot."""

# What a heading says of the mentions under it, by category and label.
PAST = "past_medical_history"
SECTION_ATTRIBUTES = {
    (PAST, "Disease"): frozenset({"is_historical"}),
    ("family_history", "Disease"): frozenset({"is_family"}),
    ("allergies", "Chemical"): frozenset({"is_allergy"}),
}
CATEGORIES = (
    "allergies",
    "chief_complaint",
    "diagnoses",
    "family_history",
    "history_of_present_illness",
    "hospital_course",
    "imaging",
    "labs_and_studies",
    "medications",
    "observation_and_plan",
    "past_medical_history",
    "patient_instructions",
    "physical_exam",
    "problem_list",
    "reason_for_examination",
    "review_of_systems",
    "signature",
    "social_history",
)


@dataclass(frozen=True)
class Slot:
    """A place to fill in.

    kind (str): what goes there.
    number (str): which one of them within the sentence, "" or a digit.
    second (bool): another one of the same field of medicine.
    detail (str): what the template says after the colon.
    attributes (frozenset[str]): the attributes that are true of a mention there.
    """

    kind: str
    number: str = ""
    second: bool = False
    detail: str = ""
    attributes: frozenset[str] = frozenset()

    @property
    def place(self) -> tuple[str, bool]:
        """Slots with one place are of one drug and what it treats."""
        return (self.number, self.second)

    @property
    def key(self) -> tuple[str, str, bool]:
        """Slots with one key hold the same thing within a sentence."""
        return (self.kind, self.number, self.second)


Template = tuple[str | Slot, ...]


@dataclass(frozen=True)
class Section:
    """A part of a note.

    layout (str): one of LAYOUTS.
    category (str): one of CATEGORIES; empty if it has no header.
    headers (tuple[Template, ...]): what stands above it, or before it if the layout is "inline", in several styles.
        Empty for none.
    templates (tuple[Template, ...]): what its lines, items or sentences are drawn from; all of them for "block".
    count (tuple[int, int]): how many of them the shortest and the longest notes have.
    repeat (tuple[int, int]): how often the section stands in the shortest and the longest notes.
    """

    layout: str
    category: str
    headers: tuple[Template, ...]
    templates: tuple[Template, ...]
    count: tuple[int, int]
    repeat: tuple[int, int]


@dataclass(frozen=True)
class Modifiers:
    """Words beside a diagnosis that are no part of its mention: "severe", "stage 3".

    groups (frozenset[str]): the groups of terms that they fit; empty for all.
    words (frozenset[str]): words, one of which the mention must have; empty for all.
    before (tuple[str, ...]): what may stand before the mention.
    now (tuple[str, ...]): what may stand before it if it is present, now and the patient's.
    after (tuple[str, ...]): what may stand behind it.
    """

    groups: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    before: tuple[str, ...] = ()
    now: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    def fit(self, group: str, form: str) -> bool:
        """Return whether they can modify a term of a group in this form."""
        return (not self.groups or group in self.groups) and (
            not self.words or not self.words.isdisjoint(form.lower().split())
        )


@dataclass(frozen=True)
class Values:
    """What `values.yaml` says.

    lists (dict[str, list[str]]): what fills slots that are no terms, by the slot's name.
    groups (dict[str, dict[str, Any]]): the patients whom a group of terms fits, where that is not all.
    imaged (list[str]): the groups of terms that an image can show.
    modifiers (list[Modifiers]): the words that can be added to diagnoses.
    orders (Orders): how drugs are ordered.
    """

    lists: dict[str, list[str]]
    groups: dict[str, dict[str, Any]]
    imaged: list[str]
    modifiers: list[Modifiers]
    orders: Orders


def read_values(folder: Path = FOLDER) -> Values:
    """Read `values.yaml`, which the splits share: no term is in it."""
    path = folder / "values.yaml"
    data = read_yaml(path, {"lists": dict, "groups": dict, "imaged": list, "modifiers": list})
    orders = Orders(read_yaml(folder / "orders.yaml", dict.fromkeys(PARTS, object)))
    return Values(**{**data, "modifiers": [read_modifiers(each, path) for each in data["modifiers"]]}, orders=orders)


def read_modifiers(data: Any, path: Path) -> Modifiers:
    """Read the modifiers of some terms."""
    known = {field.name for field in fields(Modifiers)}
    if (
        not isinstance(data, dict)
        or not data.keys() <= known
        or not all(isinstance(each, list) for each in data.values())
    ):
        raise ProjectError(f"{path} has malformed modifiers: {data}", f"Right are lists of words for: {sorted(known)}")
    groups, words = (frozenset(data.get(name, [])) for name in ("groups", "words"))
    before, now, after = (tuple(data.get(name, [])) for name in ("before", "now", "after"))
    return Modifiers(groups, words, before, now, after)


def read_layouts(split: str, values: Values, folder: Path = FOLDER) -> dict[str, list[Section]]:
    """Read a split's templates.

    split (str): the split, which names the file.
    values (Values): the lists that slots may draw from.
    folder (Path): where the file is.
    RETURNS (dict[str, list[Section]]): the sections of each note type.
    RAISES (ProjectError): something in the file is unknown or malformed.
    """
    path = folder / f"{split}.yaml"
    data = read_yaml(path, {"notes": dict, "sentences": dict})
    if sorted(data["notes"]) != sorted(NOTE_TYPES):
        raise ProjectError(f"{path} lays out the notes {sorted(data['notes'])}", f"Right are: {sorted(NOTE_TYPES)}")
    sentences = {
        name: parse_templates(texts, values, f"{path}, sentences, {name}") for name, texts in data["sentences"].items()
    }
    return {
        note_type: [
            read_section(section, sentences, values, f"{path}, {note_type}, section {number}")
            for number, section in enumerate(data["notes"][note_type], start=1)
        ]
        for note_type in NOTE_TYPES
    }


def read_yaml(path: Path, parts: dict[str, type]) -> dict[str, Any]:
    """Read a YAML file that has exactly these parts, of these types."""
    try:
        data = srsly.read_yaml(path)
    except ValueError as error:
        raise ProjectError(f"{path} is not YAML", str(error)) from error
    if (
        not isinstance(data, dict)
        or set(data) != set(parts)
        or not all(isinstance(data[name], part) for name, part in parts.items())
    ):
        expected = ", ".join(f"{name} ({part.__name__})" for name, part in parts.items())
        raise ProjectError(f"{path} does not have the right parts", f"Right are: {expected}")
    return data


def read_section(
    data: dict[str, Any], sentences: dict[str, tuple[Template, ...]], values: Values, where: str
) -> Section:
    """Read one section of a note type: a layout with the name of its sentences, or "block" with its lines."""
    layout = next((each for each in LAYOUTS if each in data), None)
    if layout is None or set(data) - {layout, "header", "category", "count", "repeat"}:
        raise ProjectError(
            f"{where} has the keys {sorted(data)}",
            f"Right are one of {', '.join(LAYOUTS)}, and if need be header, category, count and repeat.",
        )
    category, header = data.get("category", ""), data.get("header", [])
    if ("header" in data) != (category in CATEGORIES):
        raise ProjectError(
            f"{where} has the category '{category}'",
            f"A section with a header needs one of {', '.join(CATEGORIES)}, one without has none.",
        )
    if layout == "block":
        templates = parse_templates(data["block"], values, where)
    elif data[layout] in sentences:
        templates = sentences[data[layout]]
    else:
        raise ProjectError(f"{where} draws from '{data[layout]}'", f"Right would be one of: {', '.join(sentences)}")
    return Section(
        layout=layout,
        category=category,
        headers=parse_templates([header] if isinstance(header, str) else header, values, where) if category else (),
        templates=templates,
        count=read_range(data.get("count", [1, 1]), where),
        repeat=read_range(data.get("repeat", [1, 1]), where),
    )


def read_range(data: Any, where: str) -> tuple[int, int]:
    """Read how many the shortest and the longest notes have."""
    match data:
        case [int(low), int(high)] if 0 <= low <= high:
            return low, high
    raise ProjectError(f"{where} has {data} for count or repeat", "Right would be two numbers, the lower first.")


def parse_templates(texts: Any, values: Values, where: str) -> tuple[Template, ...]:
    """Parse a list of templates."""
    if not isinstance(texts, list) or not texts:
        raise ProjectError(f"{where} is not a list of templates", "Write one template a line, after a hyphen.")
    return tuple(parse_template(text, values, where) for text in texts)


def parse_template(text: str, values: Values, where: str) -> Template:
    """Parse a template.

    text (str): the template.
    values (Values): the lists that slots may draw from.
    where (str): the file and the place in it, for messages.
    RETURNS (Template): its literal texts and slots, in their order.
    RAISES (ProjectError): it has a slot that nothing fills, or is no template.
    """
    try:
        parts = list(Formatter().parse(text))
    except (TypeError, ValueError) as error:
        raise ProjectError(f"{where}: '{text}' is no template", str(error)) from error
    template: list[str | Slot] = []
    for literal, name, detail, _ in parts:
        template += [literal] if literal else []
        template += [parse_slot(name, detail or "", values, where)] if name is not None else []
    if not template or text != text.strip():
        raise ProjectError(f"{where} has an empty template, or one with spaces around it", "Write text there.")
    slots = [part for part in template if isinstance(part, Slot)]
    drugs = [slot.place for slot in slots if slot.kind in DRUGS]
    for slot in slots:
        if slot.kind in ORDERS and slot.place not in drugs and (slot.number != ALL_DRUGS or not drugs):
            raise ProjectError(f"{where}: '{text}' has a {slot.kind} of no drug", "Number it as its drug is numbered.")
    return tuple(template)


def parse_slot(name: str, detail: str, values: Values, where: str) -> Slot:
    """Parse what is between the braces of a template."""
    match = SLOT_NAME.fullmatch(name)
    kind, number, second, contexts = match.groups() if match else (name, None, None, "")
    if kind not in (*SPECIFICATIONS, *ORDERS, *PATIENT, *values.lists):
        known = ", ".join((*SPECIFICATIONS, *ORDERS, *PATIENT, *values.lists))
        raise ProjectError(f"{where} has the slot '{name}'", f"Right would be one of: {known}")
    if not re.fullmatch(SPECIFICATIONS.get(kind, ""), detail):
        expected = SPECIFICATIONS.get(kind) or "nothing"
        raise ProjectError(f"{where} has '{detail}' in the slot '{name}'", f"Right would be: {expected}")
    return Slot(kind, number or "", bool(second), detail, parse_contexts(contexts, kind, f"{where}, slot '{name}'"))


def parse_contexts(text: str, kind: str, where: str) -> frozenset[str]:
    """Parse what comes after the dots of a slot's name."""
    names = text.split(".")[1:]
    if not set(names) <= CONTEXTS.keys() or (names and kind not in CONCEPTS):
        raise ProjectError(f"{where} has the context '{text}'", f"Right for a term would be: {', '.join(CONTEXTS)}")
    return frozenset(CONTEXTS[name] for name in names)
