"""Sentences and sections of notes of many styles, wrong rules, saved pipelines, and texts that are no notes."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example

from scripts.clinical_ner.registration import register
from scripts.clinical_ner.sections.component import Sections, find_layout
from scripts.clinical_ner.sections.rules import DEFAULT_RULES, normalize, read_table
from scripts.clinical_ner.tokenizer import set_tokenizer
from tests.clinical_ner.sections.notes import NOTES, Note


def make_nlp(**config: Any) -> Language:
    register()
    nlp = set_tokenizer(spacy.blank("en"))
    nlp.add_pipe("clinical_sections", name="sections", config=config)
    return nlp


NLP = make_nlp()
HPI = "history_of_present_illness"
PE = "physical_exam"
LABS = "labs_and_studies"
PLAN = "observation_and_plan"
FH = "family_history"


def sections_of(doc: Doc) -> list[tuple[str | None, str]]:
    return [(one.category, doc[slice(*one.title_span)].text) for one in doc._.sections]


def sentences_of(text: str) -> list[str]:
    return [sent.text.strip() for sent in NLP(text).sents]


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.name)
def test_sentences_of_notes(note: Note) -> None:
    assert sentences_of(note.text) == note.sentences


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.name)
def test_sections_of_notes(note: Note) -> None:
    assert sections_of(NLP(note.text)) == note.sections


LONG = "the patient was seen today in the clinic by the whole team of this ward"


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Given by Dr. Smith. He left.", ["Given by Dr. Smith.", "He left."]),
        ("Low vitamin C. The rest is fine.", ["Low vitamin C.", "The rest is fine."]),
        ("Seen by J. R. Smith. Fine.", ["Seen by J. R. Smith.", "Fine."]),
        ("Lasix 40 mg i.v. Heparin was held.", ["Lasix 40 mg i.v. Heparin was held."]),
        ("Lasix 40 mg b.i.d. She improved.", ["Lasix 40 mg b.i.d.", "She improved."]),
        ("WBC 12.5. Hgb 9.", ["WBC 12.5.", "Hgb 9."]),
        ("Gastritis/H. PYLORI and E. Coli.", ["Gastritis/H. PYLORI and E. Coli."]),
        ("Rash... Then fever.", ["Rash...", "Then fever."]),
        ("Rash... then fever.", ["Rash... then fever."]),
        ("Seen in 2012. Well since.", ["Seen in 2012.", "Well since."]),
        ("? PE. ?DVT, i.e. a clot", ["? PE.", "?DVT, i.e. a clot"]),
        ("He had gout.Then he fell.", ["He had gout.", "Then he fell."]),
        ("(1) fever (2) chills", ["(1) fever", "(2) chills"]),
        ("Issues: 1. HTN 2. DM type 2 3. CKD", ["Issues:", "1. HTN", "2. DM type 2", "3. CKD"]),
        ("Admitted with acute renal\nfailure.", ["Admitted with acute renal\nfailure."]),
        # A line in the middle of a paragraph can be short, because someone has edited it.
        (f"{LONG} who\nhad a urinary tract\ninfection {LONG}", [f"{LONG} who\nhad a urinary tract\ninfection {LONG}"]),
        (f"{LONG} who\nfelt ill\nfever\nchills", [f"{LONG} who\nfelt ill", "fever", "chills"]),
        ("-fever\n+cough", ["-fever", "+cough"]),
        ("a) gout\nb) rash", ["a) gout", "b) rash"]),
        ("HTN\n\nDM", ["HTN", "DM"]),
        ("No N/V. Found to have gout.", ["No N/V.", "Found to have gout."]),
        ("Seen by J.D. Smith today.", ["Seen by J.D. Smith today."]),
        ("\n\n  ", [""]),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert sentences_of(text) == sentences


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        # Dates and days do not change what a heading means.
        (
            "HOSPITAL COURSE, DAY 3 (12 May 2019):\nStable.",
            [("hospital_course", "HOSPITAL COURSE, DAY 3 (12 May 2019):")],
        ),
        (
            "Hospital Day 2, 05/13/19 - Overnight events:\nNone.",
            [(HPI, "Hospital Day 2, 05/13/19 - Overnight events:")],
        ),
        ("2019-05-12 08:30 Assessment: gout", [("observation_and_plan", "2019-05-12 08:30 Assessment:")]),
        ("Labs 3/4/19:\nNa 140", [("labs_and_studies", "Labs 3/4/19:")]),
        ("Vitals on May 3rd, 2019: BP 120/80", [("physical_exam", "Vitals on May 3rd, 2019:")]),
        ("INTERVAL EVENTS, HD#4:\nNone.", [(HPI, "INTERVAL EVENTS, HD#4:")]),
        ("Course since yesterday: improved", [(HPI, "Course since yesterday:")]),
        ("Hospital day 3:\nAfebrile.", [("hospital_course", "Hospital day 3:")]),
        ("3/4 CT: clear", [(None, "")]),
        # Two headings in one are the first of them.
        ("CC/HPI: cough", [("chief_complaint", "CC/HPI:")]),
        ("Labs & Imaging\nNormal.", [("labs_and_studies", "Labs & Imaging")]),
        ("Seen. Meds + Allergies: none", [(None, ""), ("medications", "Meds + Allergies:")]),
        ("Plan and wishes: rest", [("observation_and_plan", "Plan and wishes:")]),
        ("S/P: CABG", [(None, "")]),
        # A title of a note, and lines that say whose it is, are no headings.
        (
            "MEDICATION RECONCILIATION - A. Jones (DOB 1950-01-02)\nMeds:\n- zinc",
            [(None, ""), ("medications", "Meds:")],
        ),
        ("PROBLEM LIST\nReviewed today\nPMH: gout", [(None, ""), ("past_medical_history", "PMH:")]),
        (
            "FHx: nil MH. Meds - omeprazole.\nAllergies? Latex",
            [("family_history", "FHx:"), ("medications", "Meds -"), ("allergies", "Allergies?")],
        ),
        (
            "Current DMARDs: methotrexate\nPrevious DMARDs: leflunomide",
            [("medications", "Current DMARDs:"), ("medications", "Previous DMARDs:")],
        ),
        ("PROBLEM LIST\n- gout", [("problem_list", "PROBLEM LIST")]),
        ("Patient: A. Jones\nPlan: rest", [(None, ""), ("observation_and_plan", "Plan:")]),
        ("City Hospital, General Medicine Clinic\n\nPlan: rest", [(None, ""), ("observation_and_plan", "Plan:")]),
        ("PATIENT: A boy.\nMETHODS: PCR", [("other", "PATIENT:"), ("other", "METHODS:")]),
        # What has become of medications is a heading above their list only.
        ("Meds:\n- zinc\nStopped:\n- iron", [("medications", "Meds:"), ("medications", "Stopped:")]),
        ("Over the counter and samples:\n- zinc", [("medications", "Over the counter and samples:")]),
        ("Social history:\nStopped: smoking", [("social_history", "Social history:")]),
        ("Medications\nContinue:\n- zinc", [("medications", "Medications"), ("medications", "Continue:")]),
        ("Plan:\nContinue:\n- zinc", [("observation_and_plan", "Plan:")]),
        # Lines and sentences within a section that only say what they are about.
        ("A/P:\n1. Gout. Diet: renal. Code status: full.", [("observation_and_plan", "A/P:")]),
        ("Plan: rest\nDiet: renal\nCXR: clear", [("observation_and_plan", "Plan:")]),
        ("Diet: renal\n\nCODE STATUS: full", [("patient_instructions", "Diet:"), ("other", "CODE STATUS:")]),
        ("Studies:\nEcho: EF 45%\nRenal ultrasound: normal", [("labs_and_studies", "Studies:")]),
        ("Exam: well. ECG: normal", [("physical_exam", "Exam:")]),
        ("Allergies:\nAllergic to sulfa: rash", [("allergies", "Allergies:")]),
        ("Follow-up\nPending at discharge: cultures", [("patient_instructions", "Follow-up")]),
        # Headings without a sign, in a column.
        (
            "PMHx gout\nMeds zinc\nExam BP 120/80\nImp cough",
            [
                *(("past_medical_history", "PMHx"), ("medications", "Meds")),
                *(("physical_exam", "Exam"), ("observation_and_plan", "Imp")),
            ],
        ),
        ("Obs fine\nExam clear\nBloods 13/11 Na 140", [(PE, "Obs"), (PE, "Exam"), (LABS, "Bloods")]),
        ("Exam clear\nBloods 13/11 Na 140", [(None, "")]),
        ("PMHx gout\nExam showed gout\nMeds were stopped\nPlan to go home", [("past_medical_history", "PMHx")]),
        ("A. Jones\nObs fine\nExam clear\nShe went home with her old\nMeds zinc", [(None, "")]),
        ("PMHx gout\nMedication    Sig\nzinc    daily", [("past_medical_history", "PMHx")]),
        (
            "ASSESSMENT gout\nPLAN TTE\nFAMILY HISTORY Mother 66: gout",
            [(PLAN, "ASSESSMENT"), (PLAN, "PLAN"), (FH, "FAMILY HISTORY")],
        ),
        # The title of a summary, and a day's heading.
        ("Summary of hospital care\nAnn Jones, 54 years\n\nPlan: rest", [(None, ""), (PLAN, "Plan:")]),
        (
            "Summary of hospital care\nShe was admitted with gout.\n\nPlan: rest",
            [("hospital_course", "Summary of hospital care"), (PLAN, "Plan:")],
        ),
        (
            "Ward round\nA. Jones\n\nEntry for day 3:\nWell.\nPlan: rest",
            [(None, ""), (HPI, "Entry for day 3:"), (PLAN, "Plan:")],
        ),
        (
            "Ward round\nAnn Jones\n\nPlan: rest\nDay 4 target: walk:\n\nEntry for day 4:\nWell.",
            [(None, ""), (PLAN, "Plan:"), (HPI, "Entry for day 4:")],
        ),
        ("Labs:\nBiochemistry: Na 140\nUrine: clear", [(LABS, "Labs:")]),
        ("PMH asthma\nPlan: rest\nLabs CBC", [("past_medical_history", "PMH"), (PLAN, "Plan:")]),
        ("Hx: cough for a week\nPMH: gout", [(HPI, "Hx:"), ("past_medical_history", "PMH:")]),
        ("CC: cough\nHx: gout", [("chief_complaint", "CC:"), ("past_medical_history", "Hx:")]),
        # And in a row.
        (
            "PMH: gout, nil epilepsy DH: zinc All: sulfa FH: gout SH: alone",
            [
                *(("past_medical_history", "PMH:"), ("medications", "DH:"), ("allergies", "All:")),
                *((FH, "FH:"), ("social_history", "SH:")),
            ],
        ),
        ("Family background - FH: gout", [(FH, "Family background -")]),
        ("Birth/PMH: gout", [("past_medical_history", "Birth/PMH:")]),
        ("Past H/O: gout\nFamily H/O: gout", [("past_medical_history", "Past H/O:"), (FH, "Family H/O:")]),
        ("Diagnosis: gout\nManagement: rest", [("diagnoses", "Diagnosis:"), (PLAN, "Management:")]),
    ],
)
def test_sections(text: str, sections: list[tuple[str | None, str]]) -> None:
    assert sections_of(NLP(text)) == sections


def test_attributes_of_spans_tokens_and_documents_are_as_in_medspacy() -> None:
    doc = NLP("Seen today.\nPMH: gout\nAllergies: sulfa")
    gout = doc.char_span(17, 21)
    assert gout is not None
    assert (gout.text, gout._.section_category, str(gout._.section_title)) == ("gout", "past_medical_history", "PMH:")
    assert (gout._.section_code, gout._.section_body.text.strip()) == ("11348-0", "gout")
    assert gout[0]._.section_category == "past_medical_history"
    assert gout._.section == doc._.sections[1]
    assert doc._.section_categories == [None, "past_medical_history", "allergies"]
    assert [str(title) for title in doc._.section_titles] == ["None", "PMH:", "Allergies:"]
    start, end = doc._.sections[2].body_span
    assert doc[start:end].text == "sulfa"
    assert doc[0:1]._.section_title is None


def test_without_the_component_attributes_are_absent() -> None:
    doc = spacy.blank("en")("PMH: gout")
    assert doc._.sections is None
    assert doc._.section_categories is None
    assert (doc[0:1]._.section_category, doc[0:1]._.section_title, doc[0]._.section_category) == (None, None, None)


def test_sections_are_kept_in_bytes_and_in_other_processes() -> None:
    doc = NLP("PMH: gout\nAllergies: sulfa")
    for copy in (
        Doc(NLP.vocab).from_bytes(doc.to_bytes()),
        next(iter(DocBin(store_user_data=True, docs=[doc]).get_docs(NLP.vocab))),
        *NLP.pipe([doc.text] * 2, n_process=2),
    ):
        assert copy._.sections == doc._.sections


@given(st.text(alphabet=st.sampled_from("aB.:;!? \n\r\t-*#1)(>PMH_Dr\u2028é"), max_size=120))
def test_sections_cover_every_token_of_any_text(text: str) -> None:
    doc = NLP(text)
    sections = doc._.sections
    assert [0, *(one.body_end for one in sections)] == [*(one.title_start for one in sections), len(doc)]
    assert all(one.title_start <= one.title_end == one.body_start <= one.body_end for one in sections)
    assert "".join(sent.text_with_ws for sent in doc.sents) == text


@pytest.mark.parametrize(
    "text",
    [
        "word " * 20_000,
        "A" * 100_000,
        "PMH: " * 20_000,
        "PMH:\n" * 20_000,
        "Meds zinc\n" * 10_000,
        "PMH: a DH: b " * 7_700,
        "\n" * 100_000,
        "- \n" * 33_000,
        "1. a " * 20_000,
        ". " * 50_000,
        ":" * 100_000,
        "a:" * 50_000,
        "(" * 100_000,
        "#" * 100_000,
        "* " * 50_000,
        "Past medical history of the " * 3_600,
        "=" * 100_000,
        "e.g. " * 20_000,
        " " * 100_000,
        "a\t" * 50_000,
        "3/4 on day 3, " * 7_000,
        "Day 3 (3/4) - \n" * 7_000,
        "CC/HPI and " * 9_000 + ":",
        "Hospital course: x. " * 5_000,
        "Plan - x. " * 10_000,
        "a - " * 25_000,
        "Very long heading " * 600 + ":\n" + "x " * 40_000,
    ],
    ids=range(27),
)
def test_time_is_linear(text: str) -> None:
    table = read_table()
    find_layout("PMH: warm", table)
    start = time.process_time()
    find_layout(text, table)
    # Half of it on a quiet machine.
    assert time.process_time() - start < 2


RULE = {"literal": "Pets", "category": "pets"}


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("PMH", "it must be an object"),
        ({"category": "pets"}, "it needs a 'literal'"),
        ({"literal": " :", "category": "pets"}, "it needs a 'literal'"),
        ({"literal": "Pets"}, "it needs a 'category'"),
        ({"literal": "Pets", "category": " "}, "it needs a 'category'"),
        ({**RULE, "direction": "FORWARD"}, "unknown key 'direction'"),
        ({**RULE, "pattern": "("}, "its 'pattern' is broken"),
        ({**RULE, "pattern": [{"NONE": 1}]}, "its 'pattern' is broken"),
        ({**RULE, "pattern": []}, "its 'pattern' is broken"),
        ({**RULE, "pattern": 3}, "its 'pattern' is broken"),
        ({**RULE, "max_scope": -1}, "its 'max_scope'"),
        ({**RULE, "parents": "plan"}, "its 'parents'"),
        ({**RULE, "parent_required": True}, "requires a parent"),
        ({**RULE, "metadata": 1}, "its 'metadata'"),
        ({**RULE, "literal": "x" * 81}, "81 characters"),
    ],
)
def test_a_wrong_rule_stops_the_pipeline(rule: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=r"Section rule 2: .*") as error:
        make_nlp(extra_rules=[RULE, rule])
    assert problem in str(error.value)


def test_rules_of_medspacy_are_taken_unchanged(tmp_path: Path) -> None:
    rules = [
        {"literal": "PETS:", "category": "pets", "parents": ["social_history"]},
        {"literal": "zoo", "category": "zoo", "pattern": r"animals? (seen|owned)"},
        {"literal": "vet", "category": "vet", "pattern": [{"LOWER": "per"}, {"LOWER": "vet"}], "max_scope": 2},
        {"literal": "Social History:", "category": "social_history"},
        {"literal": "Cages", "category": "cages", "parents": ["pets"], "parent_required": True},
    ]
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"section_rules": rules}), encoding="utf8")
    doc = make_nlp(rules=str(path))(
        "Social History:\nPets: cat\nAnimals seen: two\nHe is well per vet and has a cat\nCages: 1\nPMH: x"
    )
    assert [(one.category, one.parent) for one in doc._.sections] == [
        ("social_history", None),
        ("pets", "social_history"),
        ("zoo", None),
        ("vet", None),
        (None, None),
    ]
    extended = make_nlp(extra_rules={"section_rules": rules[:1], "codes": {"pets": "1-8"}})("PMH: gout\nPets: cat")
    assert [(one.category, one.code) for one in extended._.sections] == [
        ("past_medical_history", "11348-0"),
        ("pets", "1-8"),
    ]


def test_rules_are_saved_with_the_pipeline(tmp_path: Path) -> None:
    path = tmp_path / "rules.json"
    path.write_text(json.dumps([RULE]), encoding="utf8")
    nlp = make_nlp(rules=str(path))
    nlp.to_disk(tmp_path / "saved")
    data, config = nlp.to_bytes(), nlp.config
    path.unlink()
    loaded = spacy.load(tmp_path / "saved")
    for copy in (loaded, spacy.util.load_model_from_config(config).from_bytes(data)):
        assert [one.category for one in copy("Pets: cat\nPMH: x")._.sections] == ["pets"]
    # What the config says when it is loaded goes before what was saved.
    other = {"components": {"sections": {"rules": [{"literal": "PMH", "category": "mine"}]}}}
    changed = spacy.load(tmp_path / "saved", config=other)
    assert [one.category for one in changed("Pets: cat\nPMH: x")._.sections] == [None, "mine"]


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match=r"none\.json is not there"):
        make_nlp(rules="none.json")("PMH: gout")


def test_default_rules_are_checked_and_unique() -> None:
    rules = json.loads(DEFAULT_RULES.read_text(encoding="utf8"))["section_rules"]
    literals = [normalize(rule["literal"]) for rule in rules if "pattern" not in rule]
    assert len(literals) == len(set(literals))
    assert len(read_table().rules) == len(rules)


class Recorder:
    """Records the sentences that training sees."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, doc: Doc) -> Doc:
        return doc

    def update(self, examples: list[Example], **_: Any) -> None:
        self.seen += [sent.text for example in examples for sent in example.predicted.sents]


def test_training_sees_the_same_sentences() -> None:
    nlp = make_nlp()
    recorder = Recorder()
    Language.component("recorder", func=recorder)
    nlp.add_pipe("recorder")
    doc = nlp.make_doc("1. renal\n2. failure")
    nlp.update([Example(doc, doc.copy())], annotates=["sections"])
    assert recorder.seen == ["1. renal\n", "2. failure"]


def test_the_component_needs_no_pipeline() -> None:
    doc = Sections(NLP.vocab)(NLP.make_doc("PMH: gout"))
    assert doc._.section_categories == ["past_medical_history"]


@pytest.mark.parametrize(
    ("heading", "category"),
    [
        ("O/N events:", HPI),
        ("Since last ward round:", HPI),
        ("Events of the past day:", HPI),
        ("How things have been", HPI),
        ("Came in with:", "chief_complaint"),
        ("Brought by ambulance for:", "chief_complaint"),
        ("Administered: zinc", "medications"),
        ("PRNs given:", "medications"),
        ("Drug round:", "medications"),
        ("Regular:", "medications"),
        ("Care so far:", "hospital_course"),
        ("Immediate management:", "hospital_course"),
        ("Done in triage:", "hospital_course"),
        ("Treated by the crew", "hospital_course"),
        ("Systems: no cough", "review_of_systems"),
        ("R.O.S.: no cough", "review_of_systems"),
        ("Our thinking:", "observation_and_plan"),
        ("I suggest:", "observation_and_plan"),
        ("Known conditions: gout", "past_medical_history"),
        # The head of a note, and sentences.
        ("Stay: 12/03/2019 - 18/03/2019", None),
        ("Hospital stay 01/03/18 to 05/03/18, ward 7", None),
        ("In hospital: 3 May 2020 to 9 May 2020", None),
        ("Days in hospital: 6", None),
        ("Denies alcohol use.", None),
        ("No further seizures overnight.", None),
        ("Labs pending", None),
    ],
)
def test_headings(heading: str, category: str | None) -> None:
    found = sections_of(NLP(f"Seen today by the team.\n\n{heading}\nA line."))
    assert found == [
        (None, ""),
        *([(category, heading.partition(":")[0] + ":" * (":" in heading))] if category else []),
    ]


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        (
            "A. Jones, 54\n\nS -\nWell.\n\nO -\nBP 120/80\n\nA - gout\n\nP -\n1. rest",
            [
                *((None, ""), (HPI, "S -"), ("physical_exam", "O -")),
                *(("observation_and_plan", "A -"), ("observation_and_plan", "P -")),
            ],
        ),
        ("A. Jones\n\nS -\nWell.\n\nExam:\nBP 120/80", [(None, ""), (HPI, "S -"), ("physical_exam", "Exam:")]),
        ("A. Jones\nS - a letter\nExam: BP 120/80", [(None, ""), ("physical_exam", "Exam:")]),
        # An item of a plan is a part of it.
        ("Plan:\n1. Rest\n2. DDx: gout\n3. Zinc", [("observation_and_plan", "Plan:")]),
        (
            "MRI of the brain, today\nFor A. Jones\n\nRequest: cough\n\nReport:\nClear.\n\nConclusion:\nNormal.",
            [
                *((None, ""), ("reason_for_examination", "Request:")),
                *(("imaging", "Report:"), ("imaging", "Conclusion:")),
            ],
        ),
    ],
)
def test_letters_items_and_reports(text: str, sections: list) -> None:
    assert sections_of(NLP(text)) == sections
