"""FHIR R4 as NDJSON: a resource for each mention, validated by `fhir.resources`.

The nearest version that `fhir.resources` has is R4B. Only elements that R4 and R4B share are written.
https://hl7.org/fhir/R4/
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from scripts.errors import ProjectError
from scripts.formats.clinical import (
    ALLERGIES,
    CHEMICAL,
    DISEASE,
    Concept,
    action_of,
    concept_score,
    fill_reference,
    mention_concepts,
    note_date,
    order_of,
)
from scripts.formats.fhir_dosage import make_dosages
from scripts.formats.fhir_family import relationship
from scripts.formats.writing import WRITE_DEFAULTS, WriteOptions, Writer, dump_json
from scripts.records.documents import Document
from scripts.records.mentions import Mention
from scripts.records.states import mention_states

# Where in the note a resource is from: https://hl7.org/fhir/extensions/StructureDefinition-derivation-reference.html
DERIVATION = "http://hl7.org/fhir/StructureDefinition/derivation-reference"
# How certain the pipeline is, as a probability: https://build.fhir.org/ig/HL7/aitransparency-ig (in trial use)
CONFIDENCE = "http://hl7.org/fhir/uv/aitransparency/StructureDefinition/AIconfidence"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
# Of the ids of resources. A mention of a note always has the same id, so that loading it again replaces it.
NAMESPACE = UUID("6f0d3a52-5f4e-5c0a-9d0c-0c8a0f1f7d2e")
# By the first state that holds.
CONDITION_VERIFICATION = {"denied": "refuted", "planned": "unconfirmed", "possible": "provisional"}
ALLERGY_VERIFICATION = {"denied": "refuted", "planned": "unconfirmed", "possible": "unconfirmed"}
CONFIRMED = "confirmed"
STATEMENT_STATUS = {"denied": "not-taken", "planned": "intended", "past": "completed", "possible": "unknown"}
STATEMENT_ACTIONS = {"stop": "stopped", "hold": "on-hold"}
# What is said of mentions without a resource.
NO_RESOURCE = "no FHIR resource"
# FamilyMemberHistory has no place for these states of a condition.
NOT_OF_RELATIVES = ("denied", "planned", "possible")
MODULES = {
    name: f"fhir.resources.R4B.{name.lower()}"
    for name in ("AllergyIntolerance", "Condition", "FamilyMemberHistory", "MedicationStatement")
}

Resource = dict[str, Any]


class NoteResources(NamedTuple):
    """The resources of a note, each a line, and how many mentions have none, by the reason."""

    lines: list[bytes]
    left_out: Counter[str]


class FhirWriter(Writer):
    """A FHIR resource on each line: Condition, MedicationStatement, AllergyIntolerance or FamilyMemberHistory.

    RAISES (ProjectError): `fhir.resources` is not installed.
    """

    suffix = ".ndjson"
    settings = ("subject_reference", "note_reference", "code_system", "date_column")
    can_leave_out_text = True

    def __init__(self, options: WriteOptions = WRITE_DEFAULTS):
        super().__init__(options)
        self.models = load_models()

    def prepare(self, document: Document) -> NoteResources:
        """Return the resources of a document.

        RAISES (ProjectError): there is no reference to its patient or to it, or a resource is not valid.
        """
        clinical = self.options.clinical
        subject = fill_reference(clinical.subject_reference, document, "--subject-reference")
        note = fill_reference(clinical.note_reference, document, "--note-reference")
        made, left_out = self.resources(document, {"reference": subject}, {"reference": note})
        # The resource itself is written: the model makes the same JSON of it, in twice the time.
        return NoteResources([f"{dump_json(resource)}\n".encode() for resource in made], left_out)

    def resources(self, document: Document, subject: Resource, note: Resource) -> tuple[list[Resource], Counter[str]]:
        """Return the resources of a document, and how many mentions have none, by the reason.

        document (Document): the document.
        subject (Resource): the reference to its patient.
        note (Resource): the reference to it.
        RETURNS (tuple[list[Resource], Counter[str]]): the resources, all of them valid, and the numbers.
        RAISES (ProjectError): a resource is not valid. The message has the place, and not the value.
        """
        maker = ResourceMaker(document, subject, note, self.options)
        left_out = Counter(filter(None, map(maker.add, document.mentions)))
        for resource in maker.resources:
            validate(self.models[resource["resourceType"]], resource)
        return maker.resources, left_out

    def left_out(self, prepared: Sequence[NoteResources]) -> Counter[str]:
        return sum((note.left_out for note in prepared), Counter())

    def write(self, prepared: Sequence[NoteResources], path: Path, *, number_from: int = 1) -> None:
        with path.open("wb") as file:
            file.writelines(line for note in prepared for line in note.lines)


class ResourceMaker:
    """Makes the resources of a note.

    document (Document): the note.
    subject (Resource): the reference to the patient.
    note (Resource): the reference to the note.
    options (WriteOptions): how to write.
    """

    def __init__(self, document: Document, subject: Resource, note: Resource, options: WriteOptions):
        self.document, self.subject, self.note = document, subject, note
        self.date = note_date(document, options.clinical)
        self.system = options.clinical.code_system or options.vocabulary.system
        self.resources: list[Resource] = []
        # The allergies that the mentions after them can be reactions to, and where they end.
        self.allergies: list[Resource] = []
        self.allergy_end = 0

    def add(self, mention: Mention) -> str:
        """Add the resources of a mention: one, or for a composite mention one for each concept.

        RETURNS (str): why there is none, "" if there is.
        """
        states = mention_states(mention.attributes)
        if mention.label not in (DISEASE, CHEMICAL):
            return f"{NO_RESOURCE} for the label {mention.label}"
        if "family" in states and (mention.label != DISEASE or "allergy" in states):
            return f"{NO_RESOURCE} for the drug or allergy of a relative"
        if "family" in states and not set(NOT_OF_RELATIVES).isdisjoint(states):
            return f"{NO_RESOURCE} for what a relative does not have, or may have"
        if mention.label == DISEASE and self.is_reaction(mention, states):
            self.add_reaction(mention)
            return ""
        made = [self.make(mention, concept, states) for concept in mention_concepts(mention)]
        if "allergy" in states:
            self.allergies, self.allergy_end = made, mention.end
        self.resources += made
        return ""

    def is_reaction(self, mention: Mention, states: Iterable[str]) -> bool:
        """Return whether a disease is the reaction to the allergy before it: "ALLERGIES: penicillin (rash)"."""
        between = self.document.text[self.allergy_end : mention.start]
        is_near = bool(self.allergies) and not set("\n\r;.").intersection(between)
        return is_near and mention.attributes.get("section_category") == ALLERGIES and "allergy" not in states

    def add_reaction(self, mention: Mention) -> None:
        """Add a disease to the allergy before it, as what it shows itself by."""
        certainty = confidence(mention.confidence)
        certain = {"extension": certainty} if certainty else {}
        for allergy in self.allergies:
            codes = [{**certain, **self.code(mention, concept)} for concept in mention_concepts(mention)]
            allergy.setdefault("reaction", []).append({"manifestation": codes})

    def make(self, mention: Mention, concept: Concept, states: Sequence[str]) -> Resource:
        """Return the resource of a concept of a mention."""
        code = self.code(mention, concept)
        if "family" in states:
            return self.base("FamilyMemberHistory", mention, concept) | self.family(mention, code)
        if "allergy" in states:
            return self.base("AllergyIntolerance", mention, concept) | self.allergy(mention, code, states)
        if mention.label == DISEASE:
            return self.base("Condition", mention, concept) | self.condition(code, states)
        return self.base("MedicationStatement", mention, concept) | self.statement(mention, code, states)

    def base(self, kind: str, mention: Mention, concept: Concept) -> Resource:
        """Return what all resources have: type, id, and where in the note it is from."""
        key = (self.document.id, kind, str(mention.start), str(mention.end), concept.id)
        place = [
            {"url": "reference", "valueReference": self.note},
            {"url": "offset", "valueInteger": mention.start},
            {"url": "length", "valueInteger": mention.end - mention.start},
        ]
        return {
            "resourceType": kind,
            "id": str(uuid5(NAMESPACE, "\n".join(key))),
            "extension": [{"url": DERIVATION, "extension": place}, *confidence(mention.confidence)],
        }

    def code(self, mention: Mention, concept: Concept) -> Resource:
        """Return a concept with its mention's text, and how certain it is that this is the concept."""
        certainty = confidence(concept_score(mention))
        coding = {"extension": certainty, "system": self.system, "code": concept.id, "display": concept.name}
        text = {"text": " ".join(self.document.text[mention.start : mention.end].split())}
        return {"coding": [{key: value for key, value in coding.items() if value}], **text} if concept.id else text

    def dated(self, name: str) -> Resource:
        """Return the note's date as an element."""
        return {name: self.date.isoformat()} if self.date else {}

    def condition(self, code: Resource, states: Sequence[str]) -> Resource:
        """Return a disease of the patient. What is refuted or only feared has no clinical status."""
        verification = first_of(CONDITION_VERIFICATION, states, CONFIRMED) if states else ""
        status = {"clinicalStatus": coded("condition-clinical", "inactive" if "past" in states else "active")}
        return {
            **(status if verification in (CONFIRMED, "provisional") else {}),
            **({"verificationStatus": coded("condition-ver-status", verification)} if verification else {}),
            "code": code,
            "subject": self.subject,
            **self.dated("recordedDate"),
        }

    def statement(self, mention: Mention, code: Resource, states: Sequence[str]) -> Resource:
        """Return a drug of the patient with its dosage."""
        dosages = make_dosages(order_of(mention))
        return {
            "status": statement_status(states, action_of(mention)),
            "medicationCodeableConcept": code,
            "subject": self.subject,
            **self.dated("dateAsserted"),
            **({"dosage": dosages} if dosages else {}),
        }

    def allergy(self, mention: Mention, code: Resource, states: Sequence[str]) -> Resource:
        """Return an allergy of the patient. Its clinical status is required, also of one that was refuted."""
        verification = first_of(ALLERGY_VERIFICATION, states, CONFIRMED)
        is_active = verification != "refuted" and "past" not in states
        return {
            "clinicalStatus": coded("allergyintolerance-clinical", "active" if is_active else "inactive"),
            "verificationStatus": coded("allergyintolerance-verification", verification),
            **({"category": ["medication"]} if mention.label == CHEMICAL else {}),
            "code": code,
            "patient": self.subject,
            **self.dated("recordedDate"),
        }

    def family(self, mention: Mention, code: Resource) -> Resource:
        """Return a disease of a relative."""
        return {
            "status": "partial",
            "patient": self.subject,
            **self.dated("date"),
            "relationship": {"coding": [relationship(mention, self.document.text)]},
            "condition": [{"code": code}],
        }


def confidence(probability: float | None) -> list[Resource]:
    """Return how certain it is that a resource, or a code, is right, as extensions of it: none if that is not known."""
    return [] if probability is None else [{"url": CONFIDENCE, "valueDecimal": probability}]


def first_of(values: Mapping[str, str], states: Iterable[str], otherwise: str) -> str:
    """Return the value of the first key that is among the states."""
    return next((value for state, value in values.items() if state in states), otherwise)


def statement_status(states: Sequence[str], action: str) -> str:
    """Return the status of a MedicationStatement. What is done with the drug comes first, unless it is only planned."""
    if action in STATEMENT_ACTIONS:
        return "unknown" if "planned" in states else STATEMENT_ACTIONS[action]
    return first_of(STATEMENT_STATUS, states, "active") if states else "unknown"


def coded(system: str, code: str) -> Resource:
    """Return a code of a system of HL7."""
    return {"coding": [{"system": f"{TERMINOLOGY}/{system}", "code": code}]}


def load_models() -> dict[str, Any]:
    """Return the models of the resources by type. Importing them takes a second.

    RAISES (ProjectError): `fhir.resources` is not installed.
    """
    try:
        return {name: getattr(import_module(module), name) for name, module in MODULES.items()}
    except ImportError as error:
        raise ProjectError(
            "--format fhir needs fhir.resources, which is not installed",
            "pip install -r requirements-fhir.txt -c constraints.txt",
        ) from error


def validate(model: Any, resource: Resource) -> None:
    """Check a resource.

    RAISES (ProjectError): it is not valid. The message has the place, and not the value.
    """
    try:
        model.model_validate(resource)
    # A ValidationError of pydantic is one. Its message quotes the value.
    except ValueError as error:
        places = [".".join(map(str, each["loc"])) for each in getattr(error, "errors", list)()]
        raise ProjectError(f"a {resource['resourceType']} is not valid FHIR: {', '.join(places)}") from None
