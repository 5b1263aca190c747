"""Resources of FHIR: each is valid, says what the note says, and no more."""

import json
import sys
from collections import Counter
from dataclasses import replace
from itertools import starmap
from pathlib import Path

import pytest
import srsly
from fhir.resources.R4B.allergyintolerance import AllergyIntolerance
from fhir.resources.R4B.condition import Condition
from fhir.resources.R4B.familymemberhistory import FamilyMemberHistory
from fhir.resources.R4B.medicationstatement import MedicationStatement

from scripts.annotate import annotate
from scripts.annotation.options import AnnotateOptions
from scripts.clinical_ner import medications
from scripts.errors import ProjectError
from scripts.formats.clinical import ClinicalOptions, LinkedVocabulary
from scripts.formats.fhir import CONFIDENCE, DERIVATION, FhirWriter
from scripts.formats.fhir_dosage import ROUTE_SYSTEM, ROUTES
from scripts.formats.writing import WriteOptions
from scripts.records.documents import Document, Passage
from scripts.records.mentions import Mention
from tests.annotation.pipelines import make_context_pipeline
from tests.formats.generated import annotated

MODELS = {model.__name__: model for model in (AllergyIntolerance, Condition, FamilyMemberHistory, MedicationStatement)}
MESH = "https://www.nlm.nih.gov/mesh"
# The value sets with a required binding in R4, which fhir.resources does not check. https://hl7.org/fhir/R4/
REQUIRED = {
    ("Condition", "clinicalStatus"): {"active", "recurrence", "relapse", "inactive", "remission", "resolved"},
    ("Condition", "verificationStatus"): {"unconfirmed", "provisional", "differential", "confirmed", "refuted"},
    ("AllergyIntolerance", "clinicalStatus"): {"active", "inactive", "resolved"},
    ("AllergyIntolerance", "verificationStatus"): {"unconfirmed", "confirmed", "refuted"},
    ("AllergyIntolerance", "category"): {"food", "medication", "environment", "biologic"},
    ("MedicationStatement", "status"): {
        *("active", "completed", "intended", "stopped", "on-hold", "unknown", "not-taken"),
    },
    ("FamilyMemberHistory", "status"): {"partial", "completed", "health-unknown"},
}
DAYS = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
EVENTS = {
    *("MORN", "MORN.early", "MORN.late", "NOON", "AFT", "AFT.early", "AFT.late", "EVE", "EVE.early", "EVE.late"),
    *("NIGHT", "PHS", "HS", "WAKE", "C", "CM", "CD", "CV", "AC", "ACM", "ACD", "ACV", "PC", "PCM", "PCD", "PCV"),
}
NO_ATTRIBUTES = dict.fromkeys(
    ("is_negated", "is_uncertain", "is_historical", "is_hypothetical", "is_family", "is_allergy"), False
)


def resources(document: Document, **options) -> list[dict]:
    """Return the resources of a document, each of which the model of its type accepts."""
    made = [json.loads(line) for line in FhirWriter(WriteOptions(**options)).prepare(document).lines]
    for resource in made:
        MODELS[resource["resourceType"]].model_validate(resource)
    return made


def spans_of(text: str, **labels: str) -> list[tuple[int, int, str, str]]:
    """Return the first place of each word, with its label."""
    return [(text.index(word), text.index(word) + len(word), label, "") for word, label in labels.items()]


def make_document(label: str, *, text: str = "gout", concept: str = "", columns=None, **attributes) -> Document:
    """Return a note that is one mention."""
    mention = Mention(0, len(text), label, concept, attributes={**NO_ATTRIBUTES, **attributes})
    return Document("7", (Passage("note", text),), (mention,), columns={"person_id": 12, **(columns or {})})


def certainty(probability: float) -> list[dict]:
    """Return the extension for a confidence."""
    return [{"url": CONFIDENCE, "valueDecimal": probability}]


def codes(element) -> set[str]:
    """Return the codes of an element with a required binding."""
    if isinstance(element, dict):
        return {coding["code"] for coding in element["coding"]}
    return {element} if isinstance(element, str) else set(element)


def test_each_resource_of_200_generated_notes_is_valid(generated):
    writer = FhirWriter(WriteOptions(vocabulary=LinkedVocabulary(MESH)))
    found, refused = Counter(), 0
    for document in map(with_confidences, generated):
        try:
            note = writer.prepare(document)
        except ProjectError as error:
            assert str(error).startswith("it has no 'person_id', of which --subject-reference makes a reference")
            refused += 1
            continue
        made = [json.loads(line) for line in note.lines]
        reactions = [text for each in made for text in manifestations(each)]
        assert len(made) + len(reactions) + note.left_out.total() == len(document.mentions)
        for resource in made:
            check(resource, document)
            found[resource["resourceType"]] += 1
    assert refused == 10
    assert set(found) == set(MODELS) and found.total() > 2_000


def with_confidences(document: Document) -> Document:
    """Return a document whose mentions and concepts have confidences, all of which are different."""
    return replace(document, mentions=tuple(starmap(with_confidence, enumerate(document.mentions, start=1))))


def with_confidence(number: int, mention: Mention) -> Mention:
    """Return a mention with a confidence, and with a candidate for its concept that has a score."""
    candidates = [{"id": mention.concept, "name": "", "score": 1 / (number + 0.5)}]
    return replace(mention, confidence=1 / number, attributes={**mention.attributes, "kb_candidates": candidates})


def manifestations(resource: dict) -> list[str]:
    """Return the reactions in an allergy."""
    return [code["text"] for reaction in resource.get("reaction", ()) for code in reaction["manifestation"]]


def check(resource: dict, document: Document) -> None:
    """Check a resource by the model of its type, by the value sets of R4, and by the note."""
    kind = resource["resourceType"]
    model = MODELS[kind].model_validate(resource)
    # The line is what the library would write.
    assert json.loads(model.model_dump_json()) == resource
    for (name, element), allowed in REQUIRED.items():
        if name == kind and element in resource:
            assert codes(resource[element]) <= allowed
    if kind == "AllergyIntolerance":
        # R4's invariant ait-1.
        assert resource["clinicalStatus"]
    for dosage in resource.get("dosage", ()):
        check_dosage(dosage)
    code = resource["condition"][0]["code"] if kind == "FamilyMemberHistory" else None
    code = code or resource.get("code") or resource["medicationCodeableConcept"]
    assert code["coding"][0]["system"] == MESH
    place, *certainties = resource["extension"]
    reference, offset, length = place["extension"]
    start = offset["valueInteger"]
    number = next(number for number, mention in enumerate(document.mentions, start=1) if mention.start == start)
    assert certainties == certainty(1 / number)
    assert code["coding"][0]["extension"] == certainty(1 / (number + 0.5))
    assert reference["valueReference"] == {"reference": f"DocumentReference/{document.id}"}
    assert " ".join(document.text[start : start + length["valueInteger"]].split()) == code["text"]


def check_dosage(dosage: dict) -> None:
    """Check a dosage by R4's value sets and invariants that fhir.resources does not know."""
    assert dosage["text"].strip()
    repeat = dosage.get("timing", {}).get("repeat", {})
    assert ("period" in repeat) == ("periodUnit" in repeat)
    assert "frequency" not in repeat or "period" in repeat
    assert repeat.get("periodUnit", "d") in ("s", "min", "h", "d", "wk", "mo", "a")
    assert set(repeat.get("dayOfWeek", ())) <= DAYS and set(repeat.get("when", ())) <= EVENTS
    for rate in dosage.get("doseAndRate", ()):
        assert len(rate) == 1


@pytest.mark.parametrize(
    ("label", "true", "kind", "clinical", "verification"),
    [
        ("Disease", [], "Condition", "active", "confirmed"),
        ("Disease", ["is_historical"], "Condition", "inactive", "confirmed"),
        ("Disease", ["is_negated"], "Condition", None, "refuted"),
        ("Disease", ["is_negated", "is_historical"], "Condition", None, "refuted"),
        ("Disease", ["is_uncertain"], "Condition", "active", "provisional"),
        ("Disease", ["is_uncertain", "is_historical"], "Condition", "inactive", "provisional"),
        ("Disease", ["is_hypothetical"], "Condition", None, "unconfirmed"),
        ("Disease", ["is_allergy"], "AllergyIntolerance", "active", "confirmed"),
        ("Chemical", ["is_allergy"], "AllergyIntolerance", "active", "confirmed"),
        ("Chemical", ["is_allergy", "is_negated"], "AllergyIntolerance", "inactive", "refuted"),
        ("Chemical", ["is_allergy", "is_uncertain"], "AllergyIntolerance", "active", "unconfirmed"),
        ("Chemical", ["is_allergy", "is_historical"], "AllergyIntolerance", "inactive", "confirmed"),
    ],
)
def test_status_of_conditions_and_allergies(label, true, kind, clinical, verification):
    (resource,) = resources(make_document(label, **dict.fromkeys(true, True)))
    assert resource["resourceType"] == kind
    assert codes(resource.get("clinicalStatus", [])) == {clinical} - {None}
    assert codes(resource["verificationStatus"]) == {verification}
    assert resource.get("category") == (["medication"] if (kind, label) == ("AllergyIntolerance", "Chemical") else None)


@pytest.mark.parametrize(
    ("true", "action", "status"),
    [
        ([], None, "active"),
        ([], "start", "active"),
        ([], "stop", "stopped"),
        (["is_negated"], "stop", "stopped"),
        (["is_negated"], "hold", "on-hold"),
        (["is_hypothetical"], "stop", "unknown"),
        (["is_negated"], None, "not-taken"),
        (["is_hypothetical"], "start", "intended"),
        (["is_historical"], None, "completed"),
        (["is_uncertain"], None, "unknown"),
    ],
)
def test_status_of_medications(true, action, status):
    order = {"action": {"text": "x", "start": 9, "end": 10, "value": action}} if action else None
    (resource,) = resources(make_document("Chemical", medication=order, **dict.fromkeys(true, True)))
    assert (resource["resourceType"], resource["status"]) == ("MedicationStatement", status)
    assert "dosage" not in resource


def test_without_context_nothing_is_said_of_the_state():
    mentions = (Mention(0, 4, "Disease"), Mention(5, 12, "Chemical"))
    document = Document("7", (Passage("note", "gout aspirin"),), mentions, columns={"person_id": "12"})
    condition, statement = resources(document)
    assert condition.keys() == {"resourceType", "id", "extension", "code", "subject"}
    assert statement["status"] == "unknown"


@pytest.mark.parametrize(
    ("sentence", "word", "code"),
    [
        ("Father had gout.", "gout", "FTH"),
        ("His maternal grandmother had gout.", "gout", "MGRMTH"),
        ("Sister with gout.", "gout", "SIS"),
        ("FAMILY HISTORY: gout", "gout", "FAMMEMB"),
        ("FAMILY HISTORY:\nMother: gout", "gout", "MTH"),
    ],
)
def test_relatives(components, sentence, word, code):
    document = annotated(components, sentence, spans_of(sentence, **{word: "Disease"}), columns={"person_id": 1})
    (resource,) = resources(document)
    assert resource["resourceType"] == "FamilyMemberHistory"
    assert codes(resource["relationship"]) == {code}
    assert resource["condition"] == [{"code": {"text": word}}]


@pytest.mark.parametrize(
    ("label", "true", "reason"),
    [
        ("Disease", ["is_family", "is_negated"], "for what a relative does not have, or may have"),
        ("Disease", ["is_family", "is_uncertain"], "for what a relative does not have, or may have"),
        ("Chemical", ["is_family"], "for the drug or allergy of a relative"),
        ("Disease", ["is_family", "is_allergy"], "for the drug or allergy of a relative"),
        ("Gene", [], "for the label Gene"),
    ],
)
def test_what_fhir_has_no_place_for_is_counted(label, true, reason):
    note = FhirWriter().prepare(make_document(label, **dict.fromkeys(true, True)))
    assert note == ([], Counter({f"no FHIR resource {reason}": 1}))


def test_a_disease_after_an_allergy_is_its_reaction(components):
    text = "ALLERGIES: penicillin (rash), latex\nHPI: fever"
    spans = spans_of(text, penicillin="Chemical", rash="Disease", latex="Chemical", fever="Disease")
    document = annotated(components, text, spans, columns={"person_id": 1})
    first, second, third = resources(document)
    assert [each["resourceType"] for each in (first, second, third)] == [*["AllergyIntolerance"] * 2, "Condition"]
    assert [manifestations(each) for each in (first, second)] == [["rash"], []]


GTS = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"


def quantity(value, unit):
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def timing(code=None, **repeat):
    return {"repeat": repeat, **({"code": {"coding": [{"system": GTS, "code": code}]}} if code else {})}


TWICE = timing("BID", frequency=2, period=1, periodUnit="d")
DAILY = {"frequency": 1, "period": 1, "periodUnit": "d"}


@pytest.mark.parametrize(
    ("order", "dosages"),
    [
        (
            "25 mg PO BID",
            [
                {
                    "text": "25 mg PO BID",
                    "timing": TWICE,
                    "route": {"coding": [{"system": ROUTE_SYSTEM, "code": "PO", "display": "Oral"}], "text": "oral"},
                    "doseAndRate": [{"doseQuantity": quantity(25, "mg")}],
                }
            ],
        ),
        (
            "10 mg tablets, 2 tabs BID",
            [
                {
                    "text": "10 mg tablets 2 tabs BID",
                    "timing": TWICE,
                    "doseAndRate": [{"doseQuantity": quantity(2, "{tablet}")}],
                }
            ],
        ),
        (
            "1-2 puffs q4-6h PRN wheeze",
            [
                {
                    "text": "1-2 puffs q4-6h PRN wheeze",
                    "timing": timing(frequency=1, period=4, periodMax=6, periodUnit="h"),
                    "asNeededCodeableConcept": {"text": "wheeze"},
                    "doseAndRate": [{"doseRange": {"low": quantity(1, "{puff}"), "high": quantity(2, "{puff}")}}],
                }
            ],
        ),
        ("PRN", [{"text": "PRN", "asNeededBoolean": True}]),
        ("intravitreal", [{"text": "intravitreal", "route": {"text": "intravitreal"}}]),
        (
            "1 g daily for 2 weeks, max 4 g/day",
            [
                {
                    "text": "1 g daily for 2 weeks max 4 g/day",
                    "timing": timing("QD", boundsDuration=quantity(2, "wk"), **DAILY),
                    "doseAndRate": [{"doseQuantity": quantity(1, "g")}],
                    "maxDosePerPeriod": {"numerator": quantity(4, "g"), "denominator": quantity(1, "d")},
                }
            ],
        ),
        (
            "40 mg daily x 5 days, then 20 mg daily x 5 days, then stop",
            [
                {
                    "sequence": number,
                    "text": f"{dose} mg daily x 5 days",
                    "timing": timing("QD", boundsDuration=quantity(5, "d"), **DAILY),
                    "doseAndRate": [{"doseQuantity": quantity(dose, "mg")}],
                }
                for number, dose in enumerate((40, 20), start=1)
            ],
        ),
        # A combination, a concentration, and what is no clear number have no amount.
        ("49/51 mg BID", [{"text": "49/51 mg BID", "timing": TWICE}]),
        ("250 mg/5 mL BID", [{"text": "250 mg/5 mL BID", "timing": TWICE}]),
        (f"{'9' * 10_000} mg BID", [{"text": f"{'9' * 10_000} mg BID", "timing": TWICE}]),
        ("5-5-5 mg", [{"text": "5-5-5 mg"}]),
        ("at bedtime", [{"text": "at bedtime", "timing": timing("BED", **DAILY, when=["HS"])}]),
        ("held", None),
    ],
)
def test_dosage(components, order, dosages):
    text = f"Metoprolol {order}"
    document = annotated(components, text, [(0, 10, "Chemical", "")], columns={"person_id": 1})
    (resource,) = resources(document)
    assert resource.get("dosage") == dosages


def test_codes_have_system_name_and_text():
    candidates = [{"id": "D006073", "name": "Gout", "score": 0.9}, {"id": "D1", "name": "x", "score": 0.1}]
    document = make_document("Disease", text="the\ngout", concept="D006073", kb_candidates=candidates)
    (resource,) = resources(document, vocabulary=LinkedVocabulary(MESH))
    certain = certainty(0.9)
    coding = {"extension": certain, "system": MESH, "code": "D006073", "display": "Gout"}
    assert resource["code"] == {"coding": [coding], "text": "the gout"}
    (resource,) = resources(document, vocabulary=LinkedVocabulary(MESH), clinical=ClinicalOptions(code_system="urn:x"))
    assert resource["code"]["coding"][0]["system"] == "urn:x"
    (resource,) = resources(document)
    assert resource["code"]["coding"] == [{"extension": certain, "code": "D006073", "display": "Gout"}]


@pytest.mark.parametrize(
    ("confidence", "score", "certainties", "code_certainties"),
    [(0.96, 0.875, [0.96], [0.875]), (None, None, [], []), (1.0, 0, [1.0], [0])],
)
def test_confidences_of_the_mention_and_of_its_code(confidence, score, certainties, code_certainties):
    other = {"id": "D1", "name": "x", "score": 0.1}
    found = {"id": "D006073", "name": "Gout", **({} if score is None else {"score": score})}
    document = make_document("Disease", concept="D006073", kb_candidates=[other, found])
    (mention,) = document.mentions
    (resource,) = resources(replace(document, mentions=(replace(mention, confidence=confidence),)))
    (coding,) = resource["code"]["coding"]
    for element, expected in ((resource, certainties), (coding, code_certainties)):
        found = [each for each in element.get("extension", ()) if each["url"] != DERIVATION]
        assert found == [extension for number in expected for extension in certainty(number)]


def test_a_reaction_has_its_own_confidence():
    text = "ALLERGIES: penicillin (rash)"
    attributes = {**NO_ATTRIBUTES, "section_category": "allergies"}
    mentions = (
        Mention(11, 21, "Chemical", confidence=0.9, attributes={**attributes, "is_allergy": True}),
        Mention(23, 27, "Disease", confidence=0.7, attributes=attributes),
    )
    (allergy,) = resources(Document("7", (Passage("note", text),), mentions, columns={"person_id": 1}))
    assert allergy["extension"][1:] == certainty(0.9)
    (reaction,) = allergy["reaction"]
    assert reaction["manifestation"] == [{"extension": certainty(0.7), "text": "rash"}]


# Neither HL7's table 0162 nor anything else that is free has a code that says just this.
ROUTES_AS_TEXT = {"intraarticular", "intraosseous", "intravitreal", "parenteral"}


def test_each_route_that_the_medications_component_finds_is_coded_or_known_to_have_no_code():
    rules = srsly.read_json(Path(medications.__file__).parent / "rules.json")["medication_rules"]
    assert {rule["value"] for rule in rules if rule["attribute"] == "route"} == set(ROUTES) | ROUTES_AS_TEXT
    assert not ROUTES_AS_TEXT & set(ROUTES)
    assert len({code for code, _ in ROUTES.values()}) == len(ROUTES)


def test_a_composite_mention_has_a_resource_for_each_concept():
    candidates = [{"id": "D1|D2", "name": "Hepatitis | Nephritis", "score": 0.9}]
    made = resources(make_document("Disease", concept="D1|D2", kb_candidates=candidates))
    assert [each["code"]["coding"] for each in made] == [
        [{"extension": certainty(0.9), "code": "D1", "display": "Hepatitis"}],
        [{"extension": certainty(0.9), "code": "D2", "display": "Nephritis"}],
    ]
    assert len({each["id"] for each in made}) == 2


def test_references_dates_and_ids():
    clinical = ClinicalOptions(
        subject_reference="https://fhir.example.org/Patient/{mrn}", note_reference="Binary/{id}", date_column="written"
    )
    document = make_document("Disease", columns={"mrn": "a-1", "written": "2026-01-31T10:00:00"})
    (resource,) = resources(document, clinical=clinical)
    assert resource["subject"] == {"reference": "https://fhir.example.org/Patient/a-1"}
    assert resource["recordedDate"] == "2026-01-31"
    assert resource["extension"] == [
        {
            "url": DERIVATION,
            "extension": [
                {"url": "reference", "valueReference": {"reference": "Binary/7"}},
                {"url": "offset", "valueInteger": 0},
                {"url": "length", "valueInteger": 4},
            ],
        }
    ]
    # To load a note a second time replaces its resources.
    assert resources(document, clinical=clinical)[0]["id"] == resource["id"]
    assert resources(replace(document, id="8"), clinical=clinical)[0]["id"] != resource["id"]


@pytest.mark.parametrize(
    ("columns", "reference"),
    # pandas makes a float of an integer in a column with gaps.
    [({"person_id": 12}, "Patient/12"), ({"person_id": 12.0}, "Patient/12"), ({"person_id": "a.b-1"}, "Patient/a.b-1")],
)
def test_patients(columns, reference):
    (resource,) = resources(make_document("Disease", columns=columns))
    assert resource["subject"] == {"reference": reference}


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"person_id": None}, "it has no 'person_id', of which --subject-reference makes a reference"),
        ({"person_id": "SECRET 1"}, "--subject-reference makes no FHIR reference of it"),
        ({"person_id": "S" * 65}, "--subject-reference makes no FHIR reference of it"),
        ({"person_id": "../Group/1"}, "--subject-reference makes no FHIR reference of it"),
    ],
)
def test_a_note_without_a_patient_is_refused(columns, reason):
    with pytest.raises(ProjectError, match=reason) as caught:
        FhirWriter().prepare(make_document("Disease", columns=columns))
    assert "SECRET" not in str(caught.value)


def test_an_attribute_of_another_pipeline_is_no_order():
    for value in ("SECRET", 1, {"dose": "1"}, {"dose": {"text": "1"}, "steps": [1]}, {"steps": {}}):
        (resource,) = resources(make_document("Chemical", medication=value))
        assert "dosage" not in resource


def test_a_resource_that_is_not_valid_is_refused_without_its_content():
    order = {"frequency": {"text": "SECRET", "start": 1, "code": ["SECRET"]}}
    with pytest.raises(ProjectError, match=r"a MedicationStatement is not valid FHIR: dosage\.0\.") as caught:
        FhirWriter().prepare(make_document("Chemical", medication=order))
    assert "SECRET" not in str(caught.value)


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "fhir.resources.R4B.condition", None)
    with pytest.raises(ProjectError, match=r"pip install -r requirements-fhir.txt -c constraints.txt"):
        FhirWriter()


def test_annotate_writes_lines_and_counts_what_has_no_resource(tmp_path):
    make_context_pipeline().to_disk(tmp_path / "model")
    notes = tmp_path / "notes.jsonl"
    rows = [
        {"id": "1", "text": "Father had gout. No family history of gout.", "person_id": 1},
        {"id": "2", "text": "No gout.", "person_id": 2},
        {"id": "3", "text": "gout"},
    ]
    notes.write_text("".join(json.dumps(row) + "\n" for row in rows))
    summary = annotate(str(tmp_path / "model"), [str(notes)], tmp_path / "run", AnnotateOptions(format="fhir"))
    assert (summary.notes, summary.rejected) == (2, 1)
    left_out = {"no FHIR resource for what a relative does not have, or may have": 1}
    assert summary.left_out == left_out
    lines = (tmp_path / "run" / "parts" / "part-00000.ndjson").read_text().splitlines()
    assert [json.loads(line)["resourceType"] for line in lines] == ["FamilyMemberHistory", "Condition"]
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["parts"][0]["left_out"] == left_out
    assert json.loads((tmp_path / "run" / "rejected.jsonl").read_text())["id"] == "3"
