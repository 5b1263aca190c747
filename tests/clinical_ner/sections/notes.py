"""Notes of many styles with what has to be found in them. All are made up.

In a text "‖" is before each sentence. The sections are their category and heading.
"""

from typing import NamedTuple


class Note(NamedTuple):
    """A note.

    name (str): its style.
    marked (str): its text with "‖" before each sentence.
    sections (list[tuple[str | None, str]]): the category and the heading of each section in order.
    """

    name: str
    marked: str
    sections: list[tuple[str | None, str]]

    @property
    def text(self) -> str:
        """Its text."""
        return self.marked.replace("‖", "")

    @property
    def sentences(self) -> list[str]:
        """Its sentences, without white space at their ends."""
        return [part.strip() for part in self.marked.split("‖") if part.strip()]


NOTES = [
    Note(
        "discharge summary in capitals, wrapped",
        """‖DISCHARGE SUMMARY

‖CHIEF COMPLAINT: ‖Shortness of breath.

‖HISTORY OF PRESENT ILLNESS:
‖The patient is a 67-year-old man with a history of congestive heart
failure and type 2 diabetes who presents with three days of worsening
dyspnea. ‖He was seen by Dr. J. Smith on 3/4/2019 and given furosemide 40
mg i.v. twice. ‖No chest pain.

‖PAST MEDICAL HISTORY:
‖1. Hypertension.
‖2. Atrial fibrillation, on warfarin since 2012
‖3. Chronic kidney
   disease

‖FAMILY HISTORY: ‖Father had a myocardial infarction at 52. ‖Mother is well.

‖DISCHARGE MEDICATIONS:
‖- Furosemide 40 mg p.o. b.i.d.
‖- Metoprolol 25 mg p.o. q.d. for rate control and
  hypertension
‖- Aspirin 81 mg daily

‖DISCHARGE INSTRUCTIONS:
‖Return if short of breath.
""",
        [
            (None, ""),
            ("chief_complaint", "CHIEF COMPLAINT:"),
            ("history_of_present_illness", "HISTORY OF PRESENT ILLNESS:"),
            ("past_medical_history", "PAST MEDICAL HISTORY:"),
            ("family_history", "FAMILY HISTORY:"),
            ("medications", "DISCHARGE MEDICATIONS:"),
            ("patient_instructions", "DISCHARGE INSTRUCTIONS:"),
        ],
    ),
    Note(
        "all on one line",
        "‖45F c/o cough. ‖PMH: ‖asthma, GERD. ‖Meds: ‖albuterol prn, omeprazole 20 mg q.d. ‖Allergies: ‖NKDA. ‖FHx: ‖DM"
        " in mother. ‖SHx: ‖nonsmoker. ‖A/P: ‖1. Asthma exacerbation ‖2. GERD",
        [
            (None, ""),
            ("past_medical_history", "PMH:"),
            ("medications", "Meds:"),
            ("allergies", "Allergies:"),
            ("family_history", "FHx:"),
            ("social_history", "SHx:"),
            ("observation_and_plan", "A/P:"),
        ],
    ),
    Note(
        "SOAP letters",
        """‖S> ‖c/o cough x 3 days. ‖denies fever, chills.
‖O> ‖T 37.2, lungs clear
‖A> ‖Viral bronchitis
‖P> ‖Fluids, rest. ‖RTC prn.
""",
        [
            ("history_of_present_illness", "S>"),
            ("physical_exam", "O>"),
            ("observation_and_plan", "A>"),
            ("observation_and_plan", "P>"),
        ],
    ),
    Note(
        "SOAP letters with colons and a line of no known allergies",
        """‖S: ‖Doing well.
‖NKDA
‖Smokes 5/day.
‖O: ‖BP 120/80
‖A: ‖HTN, controlled
‖P: ‖continue lisinopril
""",
        [
            ("history_of_present_illness", "S:"),
            ("allergies", "NKDA"),
            (None, ""),
            ("physical_exam", "O:"),
            ("observation_and_plan", "A:"),
            ("observation_and_plan", "P:"),
        ],
    ),
    Note(
        "Markdown",
        """‖# Clinic note

‖## Past medical history
‖* COPD
‖* Gout (2015)

‖## Travel and pets
‖Two cats.

‖## Plan
‖**Gout**
‖- allopurinol 100 mg
‖### COPD
‖- tiotropium
‖**Follow-up**: ‖3 months
""",
        [
            (None, ""),
            ("past_medical_history", "## Past medical history"),
            ("other", "## Travel and pets"),
            ("observation_and_plan", "## Plan"),
            ("patient_instructions", "**Follow-up**:"),
        ],
    ),
    Note(
        "British clerking",
        """‖PC: ‖chest pain
‖HPC: ‖2/7 hx of central chest pain, worse on inspiration.
‖PMHx: ‖T2DM, IHD
‖DHx: ‖metformin 1 g bd, ramipril
‖Allergies: ‖penicillin (rash)
‖FHx - ‖father MI aged 50
‖O/E: ‖Alert. ‖HS I+II+0
‖Ix: ‖CXR NAD
‖Impression: ‖?PE
‖Plan: ‖CTPA. ‖Enoxaparin.
""",
        [
            ("chief_complaint", "PC:"),
            ("history_of_present_illness", "HPC:"),
            ("past_medical_history", "PMHx:"),
            ("medications", "DHx:"),
            ("allergies", "Allergies:"),
            ("family_history", "FHx -"),
            ("physical_exam", "O/E:"),
            ("labs_and_studies", "Ix:"),
            ("observation_and_plan", "Impression:"),
            ("observation_and_plan", "Plan:"),
        ],
    ),
    Note(
        "a British letter",
        """‖Dear Dr. Patel,

‖Diagnoses
‖1. Rheumatoid arthritis
‖2. Osteoporosis

‖Current medication
‖Methotrexate 15 mg weekly
‖Folic acid 5 mg weekly

‖I reviewed this lady in clinic. ‖Her joints are settled; there is no
synovitis. ‖She has had no infections since her last visit in Nov. 2021.

‖Yours sincerely,
‖A. Jones
""",
        [
            (None, ""),
            ("diagnoses", "Diagnoses"),
            ("medications", "Current medication"),
            ("signature", "Yours sincerely,"),
        ],
    ),
    Note(
        "numbered headings",
        """‖1. PRESENTING COMPLAINT
‖Headache.

‖2. BACKGROUND HISTORY
‖Migraine.

‖3. DRUG HISTORY
‖Nil.

‖4. REVIEW OF SYSTEMS
‖Unremarkable.
""",
        [
            ("chief_complaint", "1. PRESENTING COMPLAINT"),
            ("past_medical_history", "2. BACKGROUND HISTORY"),
            ("medications", "3. DRUG HISTORY"),
            ("review_of_systems", "4. REVIEW OF SYSTEMS"),
        ],
    ),
    Note(
        "parts of the body and problems are no sections",
        """‖PHYSICAL EXAM:
‖GEN: thin
‖HEENT: no icterus
‖Neuro: no weakness

‖ASSESSMENT AND PLAN:
‖HYPERTENSION:
‖Continue lisinopril.

‖DIABETES:
‖Metformin 500 mg b.i.d.

‖FAMILY HISTORY:
‖Brother with colon cancer.

‖PATIENT PREFERENCES:
‖No statins.
""",
        [
            ("physical_exam", "PHYSICAL EXAM:"),
            ("observation_and_plan", "ASSESSMENT AND PLAN:"),
            ("family_history", "FAMILY HISTORY:"),
            ("other", "PATIENT PREFERENCES:"),
        ],
    ),
    Note(
        "a list of headings' words is no heading",
        """‖Problem list:
‖- Allergies
‖- Cancer of the breast
‖- Depression
‖TB: negative
‖rash: absent
""",
        [("problem_list", "Problem list:")],
    ),
    Note(
        "a structured abstract",
        "‖Heparin-induced thrombocytopenia. ‖BACKGROUND: ‖Heparin (vs. saline, i.e. control) was given at 5.5 mg/kg"
        " i.p. daily. ‖METHODS: ‖S. aureus was grown (Fig. 2). ‖RESULTS: ‖Vitamin C. was low in hepatitis B. ‖The rest,"
        " e.g. Copper, was not (P < 0.05; n = 5). ‖CONCLUSIONS: ‖Smith et al. Found the same.",
        [(None, ""), ("other", "BACKGROUND:"), ("other", "METHODS:"), ("other", "RESULTS:"), ("other", "CONCLUSIONS:")],
    ),
    Note(
        "an abstract without headings",
        "‖Fatal liver failure after valproate. ‖A 3-year-old boy had acute renal failure... ‖He recovered. ‖Was it"
        " the drug? ‖In 2 of 7 patients (28.6%) it was; no. 3 died on Jan. 5, 1999.",
        [(None, "")],
    ),
    Note(
        "Windows line ends and tabs",
        "‖Current Meds:\r\n‖\u2022\tAspirin 81 mg\r\n‖\u2022\tLasix 40 mg\r\n\r\n‖Social Hx:\r\n‖Retired teacher\r\n",
        [("medications", "Current Meds:"), ("social_history", "Social Hx:")],
    ),
    Note(
        "hasty lower case",
        "‖pt seen today. ‖no acute distress. ‖cp resolved. ‖cont. aspirin. ‖f/u in 2 wks. or sooner, temp. 37.5",
        [(None, "")],
    ),
    Note(
        "wrapped without a list, and lines of their own",
        """‖Medications:
‖Aspirin 81 mg daily
‖Metoprolol succinate 25 mg daily
‖Lisinopril 10 mg daily

‖Hospital course:
‖He was admitted to the coronary care unit and treated for a non-ST elevation
myocardial infarction with aspirin, clopidogrel and heparin. ‖Echocardiography
showed an ejection fraction of 35%. ‖On day 2 he developed acute on chronic
Kidney injury, which resolved.
""",
        [("medications", "Medications:"), ("hospital_course", "Hospital course:")],
    ),
    Note(
        "headings of words that no rule has",
        """‖Allergies to antibiotics and contrast: ‖sulfa

‖Background medical problems
‖Gout

‖Discharge drugs and doses:
‖colchicine

‖Pertinent family illnesses: ‖none
""",
        [
            ("allergies", "Allergies to antibiotics and contrast:"),
            ("past_medical_history", "Background medical problems"),
            ("medications", "Discharge drugs and doses:"),
            ("family_history", "Pertinent family illnesses:"),
        ],
    ),
    Note(
        "radiology",
        """‖REASON FOR EXAMINATION: ‖rule out pneumonia

‖COMPARISON: ‖None.

‖FINDINGS:
‖There is a right lower lobe opacity. ‖No effusion.

‖IMPRESSION:
‖1. Right lower lobe pneumonia.
‖2) No effusion.
""",
        [
            ("reason_for_examination", "REASON FOR EXAMINATION:"),
            ("imaging", "COMPARISON:"),
            ("imaging", "FINDINGS:"),
            ("imaging", "IMPRESSION:"),
        ],
    ),
    Note(
        "only headings",
        "‖PMH:\n‖FHx:\n‖Plan:\n",
        [("past_medical_history", "PMH:"), ("family_history", "FHx:"), ("observation_and_plan", "Plan:")],
    ),
    Note(
        "another language",
        "‖Anamnese:\n‖Der Patient klagt über Brustschmerzen. ‖Kein Fieber.\n",
        [(None, "")],
    ),
]
