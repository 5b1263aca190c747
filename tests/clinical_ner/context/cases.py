"""Sentences with their mentions and what is true of each: [disease|letters] and {chemical|letters}.

N negated, U uncertain, H historical, Y hypothetical, F family, A allergy. No letter: present, now, the patient's.
"""

SENTENCES = {
    "negation before": """
        No [chest pain|N].
        no [fever|N]
        NO [PNEUMOTHORAX|N].
        Denies [fever|N], [chills|N], or [cough|N].
        Denies [headache|N] and [nausea|N].
        He denied any [hematuria|N] or [dysuria|N].
        Patient denies having [palpitations|N].
        She denies that she has [depression|N].
        No [fever|N]/[chills|N].
        No [fever|N]/[chills|N]/[sweats|N], no [weight loss|N].
        No [nausea|N], [vomiting|N], [diarrhea|N].
        No [nausea|N], [vomiting|N] or [diarrhoea|N].
        Without [wheeze|N] or [stridor|N].
        Abdomen soft, without [hepatomegaly|N].
        No evidence of [metastatic disease|N].
        There is no evidence of [deep vein thrombosis|N].
        No evidence of recurrence of [breast cancer|N].
        No evidence of recurrent [melanoma|N].
        No signs or symptoms of [heart failure|N].
        No new [rash|N].
        No acute [fracture|N] or [dislocation|N].
        No significant [coronary artery disease|N].
        No radiographic evidence of [pneumonia|N].
        No focal [consolidation|N], [effusion|N], or [pneumothorax|N].
        Negative for [malignancy|N].
        CT head negative for [hemorrhage|N] or [infarct|N].
        neg for [DVT|N]
        -ve for [TB|N]
        ROS -ve for [haemoptysis|N] and [night sweats|N].
        Tested negative for [influenza|N].
        Absence of [ascites|N].
        Free of [pain|N].
        Free from [seizures|N] since June.
        Lungs clear, no [crackles|N].
        She does not have [diabetes|N].
        He doesn't have [asthma|N].
        He doesn\u2019t have [asthma|N].
        Patient is not [septic|N].
        She was not [tachycardic|N].
        He did not have any complaints of [chest pain|N] or [dyspnea|N].
        She never had [malaria|N].
        Has never been diagnosed with [hypertension|N].
        X-ray does not show [fracture|N].
        Ultrasound failed to show [gallstones|N].
        Findings are not consistent with [pneumonia|N].
        Picture inconsistent with [sarcoidosis|N].
        I do not think he has [meningitis|N].
        We do not believe this is [lupus|N].
        Low suspicion for [pulmonary embolism|N].
        Unlikely to be [endocarditis|N].
        The history argues against [appendicitis|N].
        Viral [infection] rather than bacterial [pneumonia|N].
        Nil [jaundice|N], nil [oedema|N].
        Neither [fever|N] nor [rash|N].
        w/o [tenderness|N]
        CT ruled out [pulmonary embolism|N].
        He was ruled out for [myocardial infarction|N].
        She no longer has [migraine|N].
        Lack of [fever|N] is reassuring.
        CXR: no [infiltrate|N].
        Ext: no [cyanosis|N], [clubbing|N] or [edema|N].
        Heart: no [murmurs|N].
        Cannot appreciate any [lymphadenopathy|N].
        The patient has no known [coronary disease|N].
        No [fever|N] was noted.
        No [masses|N] are seen.
        No history of [stroke|N].
        No known history of [liver disease|N].
        Denies any history of [seizures|N] or [syncope|N].
        Denies prior history of [cancer|N].
        No h/o [CAD|N].
        No prior history of [DVT|N].
    """,
    "negation after": """
        [PE|N] ruled out.
        [PE|N] was ruled out by CT.
        [Myocardial infarction|N] has been ruled out.
        [TB|N]: negative.
        [Hepatitis B|N] negative.
        [HIV|N] was negative.
        [Fever|N]: absent.
        [Clubbing|N] absent.
        [Nausea|N] and [vomiting|N] resolved.
        [Fever|N], [chills|N], and [cough|N] have resolved.
        [Pneumonia|N], resolved.
        [Chest pain|N] - none.
        [Chest pain|N]: none. [Dyspnea|N]: none.
        [Fever|N]: no. [Cough]: yes.
        [Rash|N] denied.
        [Suicidal ideation|N]: denies.
        [Effusion|N] is not seen.
        [Lymphadenopathy|N] not present.
        [Splenomegaly|N] was not appreciated.
        [Fracture|N] is excluded.
        [Pulmonary embolism|N] is unlikely.
        [Endocarditis|N] felt to be unlikely.
        [Ascites|N] (absent), [jaundice].
        [Rash|N] (-), [itching] (+)
        [Pain|N] free for two weeks.
        The [headache|N] has gone.
        [COPD], [cough|N] resolved.
        Patient has [pneumonia], [PE|N] was ruled out.
    """,
    "signs": """
        (-) [rash|N], (+) [itching]
        -[fever|N] +[cough]
        +[cough] -[fever|N]
        ROS: +[nausea], -[vomiting|N], -[diarrhea|N]
        + [cough], no [fever|N]
        No [fever|N], + [cough]
        2+ [edema] bilaterally.
        No [cyanosis|N], 2+ [edema].
        [COVID-19] with [hypoxia].
        - [Pneumonia]
    """,
    "contrast": """
        No [fever|N] but [cough].
        Denies [chest pain|N] but admits to [nausea].
        No [fracture|N]; however, [osteopenia] is seen.
        Although no [fever|N], [chills] were present.
        No [vomiting|N] although [nausea] persists.
        No [fever|N], but he has [cough].
        No [edema|N] except for mild ankle [swelling].
        No [complaints|N] other than [fatigue].
        Denied [bleeding|N] apart from [epistaxis].
        No [rales|N], and the patient has [edema].
        No [cyanosis|N], there is [edema].
        No [fever|N], he reports [cough].
        No [rash|N], she does have [pruritus].
        Negative for [flu|N], positive for [strep].
        No [hemorrhage|N], with [edema] of the left lobe.
        No [fever|N]. [Cough] for three days.
        No [pain|N], which argues for [neuropathy].
        No cause for [anemia] found.
        No source of [bleeding] was found.
        Lungs: no [wheeze|N]. Heart: [murmur].
        He is not [febrile|N], yet [tachycardia] persists.
        [Cough] without [fever|N].
        [Cough] and [dyspnea], no [fever|N].
        [Hypertension], no [diabetes|N].
        [Diabetes] but no [retinopathy|N].
        [Syncope] secondary to [arrhythmia], no [seizure|N].
    """,
    "no negation": """
        Cannot exclude [pneumonia|U].
        [Pneumonia|U] cannot be excluded.
        [Malignancy|U] could not be ruled out.
        Does not exclude [abscess|U].
        [PE|U] not ruled out.
        Unable to rule out [fracture|U].
        Not without [pain].
        She does not deny [alcohol abuse].
        No change in [effusion].
        No interval change in [cardiomegaly].
        No improvement in [cough].
        [Diabetes] is not well controlled.
        [Pain] not relieved by rest.
        [Rash] has not resolved.
        [Cellulitis] not resolved.
        Not only [anemia] but also [thrombocytopenia].
        Gram negative [sepsis].
        Gram-negative [bacteremia] was treated.
        Triple negative [breast cancer].
        No doubt this is [gout].
        No improvement of [dyspnea] on walking.
        [non-Hodgkin lymphoma] and [anemia].
        [Non-small cell lung cancer] diagnosed.
        [No-reflow phenomenon] with [shock].
        Not compliant with {metformin}.
        Without treatment of the [infection].
        [Fever] not responding to {paracetamol}.
        Off and on [headache].
    """,
    "uncertainty": """
        Possible [pneumonia|U].
        Probable [gastritis|U].
        Likely [viral syndrome|U].
        Suspected [appendicitis|U].
        Suspicious for [malignancy|U].
        Concern for [sepsis|U].
        Concerning for [abscess|U].
        Worrisome for [metastasis|U].
        Questionable [nodule|U].
        ?[PE|U]
        ? [TIA|U]
        [TIA|U]?
        [Stroke|U] vs [TIA|U].
        [Pneumonia|U] versus [atelectasis|U].
        May have [lupus|U].
        Could be [gout|U].
        This may represent [infection|U] or [infarct|U].
        Findings suggestive of [cirrhosis|U].
        Rule out [MI|U].
        r/o [DVT|U]
        R/O [sepsis|U], [UTI|U]
        To rule out [meningitis|U].
        Evaluate for [PE|U].
        Presumed [cellulitis|U].
        DDx: [asthma|U], [COPD|U], [heart failure|U].
        Differential includes [lymphoma|U], [sarcoidosis|U] and [TB|U].
        [Pneumonia|U] is possible.
        [Appendicitis|U] is suspected.
        [Endometriosis|U] likely.
        [Gout|U] (possible).
        Query [cellulitis|U].
        Favor [pneumonia|U] over [edema].
        Unclear if [seizure|U].
        Thought to be [vasculitis|U].
        Appears to have [dementia|U].
        Consider [lymphoma|U].
        Possible [pneumonia|U], [atelectasis|U], or [effusion|U].
        Possible [pneumonia|U], [hypertension].
        No [fever|N], possible [UTI|U].
        [Hypertension], possible [pneumonia|U].
        Raises the possibility of [vasculitis|U].
        Working diagnosis of [Crohn's disease|U].
        Not sure if this is [migraine|U].
        [Hypothyroidism] as likely cause.
    """,
    "time": """
        History of [hypertension|H].
        Hx of [MI|H] and [CVA|H].
        h/o [asthma|H]
        [Stroke|H] in 2012.
        [MI|H] (2009).
        Had [pneumonia|H] in March 2015.
        In 2010 he had a [stroke|H].
        Childhood [asthma|H].
        [Asthma|H] as a child.
        [Measles|H] in childhood.
        Prior [DVT|H].
        Previous [myocardial infarction|H].
        Remote [stroke|H].
        Old [infarct|H] in the left MCA territory.
        s/p [hip fracture|H]
        Status post [myocardial infarction|H].
        [Breast cancer|H] ten years ago.
        Ten years ago, he had a [stroke|H].
        Previously treated for [syphilis|H].
        Past [pancreatitis|H].
        [Ulcer|H] in the past.
        Past medical history significant for [diabetes|H], [hypertension|H], and [gout|H].
        PMH: [COPD|H], [CHF|H]
        Her past medical history includes [lupus|H].
        Personal history of [melanoma|H].
        History of [diabetes|H] who presents with [cellulitis].
        70 yo with a history of [AF|H], now with [stroke].
        [Chest pain] today, history of [MI|H].
        History of [MI|H], [chest pain] today.
        3-day history of [cough].
        Two week history of [fever] and [rash].
        A six-month history of [back pain].
        History of present illness: [cough].
        Acute on chronic [kidney disease].
        History of [CKD|H], now acute on chronic [renal failure].
        New [atrial fibrillation].
        New onset [diabetes].
        History of [asthma|H], new [wheeze].
        [Cough] began 3 weeks ago.
        [Pain] since 2012.
        67 year old man with [dyspnea].
        Old man with [dementia].
        [Cough] for the past week.
        Past few days of [fever].
        [Nodule] unchanged from prior.
        [Effusion] compared to prior study.
        Social history: [alcohol abuse].
        [Chickenpox|H] as a kid and [shingles] now.
        PMHx of [gout|H].
        Healed [fracture|H].
        [Migraine|H] history.
        Presents with [syncope], prior [MI|H].
        Recovered from [pneumonia|H].
        [Hepatitis|H] years ago.
    """,
    "hypothetical": """
        Return if [fever|Y] or [vomiting|Y].
        Call if you have [chest pain|Y].
        If [pain|Y] recurs, come back.
        Should he develop [rash|Y], stop.
        In case of [bleeding|Y] go to the hospital.
        Risk of [stroke|Y].
        At risk for [falls|Y].
        Monitor for [bleeding|Y], [bruising|Y], and [jaundice|Y].
        Watch for [infection|Y].
        {Acetaminophen} as needed for [pain|Y].
        {Ibuprofen} prn [headache|Y].
        To prevent [osteoporosis|Y].
        Prophylaxis for [DVT|Y].
        [DVT|Y] prophylaxis with {heparin}.
        Return to ED for [dyspnea|Y] or [syncope|Y].
        May cause [drowsiness|Y].
        Side effects include [nausea|Y] and [dizziness|Y].
        Counseled on [diabetes|Y].
        Screening for [colon cancer|Y].
        She should return to the Emergency Department if she experiences [nausea|Y], [vomiting|Y], or [chest pain|Y].
        Call the physician for any [redness|Y] or [swelling|Y].
        Seek medical attention for [shortness of breath|Y].
        Unless [fever|Y] develops.
        Prescribed to prevent [migraine|Y].
    """,
    "family": """
        Family history of [breast cancer|F].
        FH: [diabetes|F], [stroke|F]
        FHx of [CAD|F]
        Mother had [breast cancer|F].
        Father died of [MI|F] at 60.
        His father has [hypertension|F] and [diabetes|F].
        [Breast cancer|F] in her mother.
        [Colon cancer|F] (father).
        [Diabetes|F]: mother.
        [Diabetes|F] - mother, [stroke|F] - father
        Mother: [asthma|F]. Father: [gout|F].
        Mother with [lupus|F], sister with [celiac disease|F].
        [Heart disease|F] runs in the family.
        No family history of [colon cancer|NF].
        Denies family history of [cancer|NF].
        Family history is negative for [diabetes|NF].
        Family history is positive for [glaucoma|F].
        Maternal grandmother had [dementia|F].
        Paternal uncle with [schizophrenia|F].
        Two brothers have [haemophilia|F].
        [Hypertension] in the patient, [stroke|F] in his brother.
        Mother has [diabetes|F]; patient has [asthma].
        His mother has [diabetes|F] and he has [asthma].
        He has [asthma] and his mother has [diabetes|F].
        Her wife is a nurse and she has [diabetes].
        Wife is a nurse, [diabetes] well controlled.
        His wife reports [confusion].
        Per mother, [fever] for two days.
        Brought in by her daughter for [confusion].
        Lives with his mother, has [asthma].
        Mother states he had a [seizure].
        Daughter noticed [jaundice].
        According to his wife, [snoring] is loud.
        Family physician treated the [gout].
        Mother of two with [anemia].
        Discussed with the family, [sepsis] is treated.
        Mother denies [fever|N].
        [Prostate cancer|F] in father and brother.
        [MI|F] in his father at age 50.
        Sister died from [ovarian cancer|F].
        His mother did not have [cancer|NF].
        Mum had [psoriasis|F].
        MGM with [colon cancer|F].
    """,
    "allergies": """
        Allergic to {penicillin|A}.
        Allergies: {sulfa|A}, {codeine|A}
        Allergy to {penicillin|A} ([rash]).
        {Penicillin|A} allergy.
        Not allergic to {latex|NA}.
        No known allergy to {contrast|NA}.
        Anaphylaxis to {cefazolin|A}.
        Intolerant of {statins|A}.
        Allergic to {penicillin|A}, takes {aspirin}.
        {Penicillin|A}-allergic patient.
        Allergies include {morphine|A} and {iodine|A}.
    """,
    "medications": """
        {Metformin|N} stopped.
        {Lisinopril|N} was stopped due to [cough].
        Started {sertraline|N}, which she stopped.
        Started {sertraline|N} but stopped it after two weeks.
        She took {ramipril|N} but this was stopped because of [cough].
        On {digoxin}, which has never been stopped.
        Takes {aspirin} but stopped smoking.
        {Ticagrelor} was started and {aspirin|N} stopped.
        Had a [hypo|H] in March.
        Echo due in June for [aortic stenosis].
        She tried {ibuprofen|H} without relief.
        He has tried {acetaminophen} for the [pain].
        No distant [metastases|N].
        Her partner uses {fentanyl|F}.
        Her last pregnancy was complicated by [PPH|H].
        There was concern about a [PE|U].
        {Oxybutynin} may be worsening his [confusion].
        [Meningitis|N] felt to be very unlikely.
        Stopped {warfarin|N}.
        Stop {aspirin|N} and {clopidogrel|N}.
        {Metoprolol|N} held for [hypotension].
        {Metoprolol|N} was held.
        Hold {metformin|N}.
        Avoid {NSAIDs|N}.
        {NSAIDs|N} should be avoided.
        Not on {insulin|N}.
        She is not taking {aspirin|N}.
        Not currently on {anticoagulants|N}.
        No longer on {prednisone|N}.
        Previously on {methotrexate|H}.
        Discontinued {amiodarone|N}.
        {Amiodarone|N} discontinued.
        {Amiodarone|N} was discontinued because of [hypothyroidism].
        d/c {heparin|N}
        Consider {gabapentin|Y}.
        Consider starting {sertraline|Y}.
        {Insulin|Y} if needed.
        {Furosemide|Y} if necessary.
        Will start {apixaban|Y}.
        Plan to start {rituximab|Y}.
        Continue {lisinopril}.
        Takes {aspirin} daily.
        {Aspirin} 81 mg daily for [CAD].
        On {warfarin} for [atrial fibrillation].
        History of [AF|H] on {warfarin}.
        Off {steroids|N}.
        Switched from {lisinopril|N} to {losartan}.
        {Lisinopril|N} stopped, {losartan} started.
        Stopped {lisinopril|N}, started {losartan}.
        Declined {statin|N}.
        {Morphine|N} contraindicated.
        Given {ceftriaxone} for [pneumonia].
        No {opioids|N} were given.
        Never took {steroids|N}.
        {Warfarin|N}: not taking.
        Treated with {vancomycin} without [nephrotoxicity|N].
        Former use of {cocaine|H}.
        Used to take {lithium|H}.
        Do not give {aspirin|N}.
        Started {metoprolol} yesterday.
    """,
    "several": """
        No history of [diabetes|N], but prior [MI|H].
        Mother had [stroke|F], no [diabetes|NF].
        Prior [stroke|H] without residual [weakness|N].
        Possible [stroke|U], no [hemorrhage|N].
        History of [PE|H], now possible [DVT|U].
        Father with prior [MI|F].
        If [fever|Y] persists, consider [abscess|UY].
        [Cough], [dyspnea] and [fever].
        [Diabetes mellitus], [hypertension], [hyperlipidemia].
        1. [Hypertension]
        The [rash] is itchy.
        Assessment: [sepsis] due to [pneumonia].
        Patient with [COPD] presents with [dyspnea].
        [Chest pain] consistent with [angina].
        Positive for [influenza].
        Patient denies [fever|N]. He has [cough] and [rhinitis].
        Reports [headache], denies [photophobia|N] or [neck stiffness|N].
        CT: no [bleed|N], old [infarct|H].
    """,
    "British, telegraphic": """
        O/E: no [jaundice|N], no [oedema|N], [anaemia] present.
        PC: [chest pain]. Nil [SOB|N].
        c/o [diarrhoea], no [melaena|N]
        ?[Appendicitis|U]
        Imp: likely [UTI|U]
        PMHx: [IHD|H], [T2DM|H]
        NKDA. No [asthma|N].
        GCS 15, no [focal neurology|N].
        [HTN], [DM]. No [CAD|N].
        CXR neg for [PNA|N]
        [SOB|N]: nil
        [N/V|N] denied
        s/p fall, no [LOC|N]
        r/o [ACS|U]; [trops|N] negative
    """,
    "mixed": """
        Denies CP, SOB, [palpitations|N], PND or [orthopnea|N].
        The patient reports no [chest pain|N], although she has had some [fatigue].
        Mild [scoliosis], no acute [osseous abnormality|N].
        There is a small [effusion] without [pneumothorax|N].
        Stable [cardiomegaly] with no [overt failure|N] or [edema|N].
        No mediastinal or hilar [lymphadenopathy|N].
        Lungs are clear without [infiltrate|N], [effusion|N], or [nodule|N].
        [Hypertension]: well controlled on {lisinopril}.
        [Gout] - on {allopurinol}, no recent [flare|N].
        [DM2] without [complication|N].
        There was concern for [sepsis|U] but cultures were negative.
        Workup for [DVT|N] was negative.
        She was evaluated for [PE|U] with CT.
        Blood cultures ruled out [bacteremia|N].
        Patient with known [CAD], prior [CABG|H], presents with [angina].
        His [asthma] is well controlled.
        He was treated for [pneumonia|H] last year.
        She had [measles|H] as a child and [hepatitis|H] in 1998.
        [Appendicitis|H] (1985), [cholelithiasis|H] (2001).
        Strong family history of [heart disease|F] in his father and two uncles.
        Her sister has [lupus|F]. Patient denies [joint pain|N].
        He lives with his wife who has [dementia|F].
        Her daughter, who has [asthma|F], visits. She has [gout].
        Has had [migraines] since age 12.
        Not a k/c/o [HTN|N], [IHD|N].
        He was not troubled by [chest pain|N].
        Pallor -, [icterus|N] -, [clubbing] +.
        [Discharge|N] N   [Dysuria|N] N   [Sore throat] Y
        [Diabetes|N]: No    [Gout]: Yes
        Not clinically [anaemic|N].
        The [swelling|N] settled down.
        [Rash|N] not noticed.
        [Epiglottitis|N] not thought to be the picture.
        {Lorazepam|N} considered but not needed.
        She weaned herself off {Nurofen|N}.
        {Zopiclone|N} - not wanted tonight.
        {Prednisolone} 30 mg x 5 days then stop.
        I can't focus and I'm [exhausted].
        His [low mood] has lifted only partially.
        AF, trigger hypokalaemia +/- [fluid overload|U].
        Leading diagnosis is [gout|U].
        Work-up of [anaemia|U] under way.
        CT abdomen for [appendicitis|U].
        [Gout|U] is high on our list.
        Treated as [gout|U] by the GP.
        Will switch to {zinc|Y} tomorrow.
        Once afebrile, {zinc|Y}.
        {Zinc|Y} is worth trying.
        Recheck {lithium} in two weeks.
        [Amyloid|U] is conceivable.
        [Autoimmune hepatitis|U] has to be thought of.
        ER for [drooling|Y].
        She is worried about her risk of [breast cancer|Y].
        Counselled re [stroke|Y].
        If not settling, {co-amoxiclav|Y}.
        I'd be grateful if you would see her [haematuria].
        D/c planning post [stroke].
        [BK viremia|H] 2022.
        He was tried on {lithium|H}.
        Seen three weeks ago with [otitis|H].
        She has had [low mood] since moving here in August.
        He noticed [haematuria] twice in the past ten days.
        Twin B has [BPD|F].
        Nursery has had [norovirus|F].
        Her mother, who came along, feels she has been [forgetful].
        He could not tolerate {verapamil|A}.
        No one in the family has [diabetes|NF].
        Father alive with [hypertension|F]; mother deceased from [ovarian cancer|F].
        Parents are healthy. No [diabetes|N].
        Both parents have [hypertension|F].
        Son has [autism|F].
        Her son brought her in with [confusion].
        Patient's mother reports [fever].
        {Penicillin|A} - [anaphylaxis]
        ALLERGIES: {Penicillin|A} (hives), {sulfa|A}.
        NKDA
        {Amoxicillin} 500 mg TID for [otitis media].
        {Lisinopril|N} discontinued in 2019 for [cough].
        We held her {metformin|N} in view of [AKI].
        We will hold {aspirin|N}.
        Would avoid {NSAIDs|N} given [CKD].
        She stopped taking {sertraline|N}.
        Has been off {prednisone|N} for a month.
        Not on any {anticoagulation|N}.
        He was on {warfarin|H} in the past.
        She took {lithium|H} years ago.
        Start {apixaban} 5 mg bid.
        If [pain|Y] worsens, take {ibuprofen|Y}.
        {Ondansetron} 4 mg prn [nausea|Y].
        Return to the ED for [fever|Y], worsening [pain|Y], or [vomiting|Y].
        Please call if you develop [fever|Y] > 101, [redness|Y] or [drainage|Y].
        Patient was warned about [bleeding|Y] with {warfarin}.
        Patient is at increased risk for [stroke|Y].
        Will monitor for [hyperkalemia|Y].
        Vaccinated against [influenza|Y].
        [Influenza|Y] vaccine given.
        Screened for [depression|Y].
        [Pneumonia|U] cannot be entirely excluded.
        Appearances raise suspicion of [malignancy|U].
        Findings may reflect [edema|U] versus [infection|U].
        Likely [viral URI|U]; [strep|U] less likely.
        Impression: 1. Probable [TIA|U]. 2. [Hypertension].
        Symptoms are probably due to [reflux|U].
        I suspect [polymyalgia|U].
        [Chest pain], likely [musculoskeletal pain|U].
        The differential includes [PE|U] and [pneumonia|U].
        Possibly has [sleep apnoea|U].
        It is unclear whether he had a [seizure|U].
        [Sepsis|U] is a concern.
        [Stroke|U] was considered.
        [Malignancy|U] needs to be excluded.
        [Anaemia|U]?
        No longer has [angina|N].
        Her [rash|N] has completely resolved.
        [Headache] has not resolved.
        [Cough] resolving.
        [Fever|N] subsided.
        [Edema|N]: none; [cyanosis|N]: none
        [Tenderness|N] absent, [swelling] present.
        HEENT: no [icterus|N]. Neck: no [JVD|N]. Lungs: [crackles] at bases.
        Pt denies [SI|N]/[HI|N].
        +[nausea], +[vomiting], no [diarrhea|N]
        No known [allergies|N].
        He is not known to have [epilepsy|N].
        There is nothing to suggest [malignancy|N].
        No convincing [consolidation|N].
        No obvious [deformity|N].
        Nil of note. No [pyrexia|N].
        Denied [headache|N], but complained of [dizziness].
        No [nausea|N] today; [vomiting] yesterday.
        Never had a [stroke|N] or [TIA|N].
        She is without [complaints|N].
        At no time did he have [chest pain|N].
        None of the following: [fever|N], [rash|N].
        [Dementia] and remote [TBI|H].
        Ex-smoker with [COPD].
        Admitted in 2018 with [pancreatitis|H].
        Diagnosed with [breast cancer|H] in 2010.
        [Diabetes] since 1999.
        Presenting complaint: [abdominal pain].
        2 day history of [diarrhoea] and [vomiting].
        Past history: [appendicitis|H].
        [Hypothyroidism], longstanding.
        Recent [URI].
        Recurrent [UTI].
        [Breast cancer|H] in remission.
        Former [alcohol abuse|H].
        Resolved [hepatitis|N].
        Background of [IHD|H] and [AF|H].
        Known [asthma].
        [Stroke|H] 5 years ago with residual [weakness].
        New [lesion] compared with prior study.
        Prior CT showed [nodule].
        Mother and sister with [breast cancer|F].
        Grandfather: [MI|F] at 50
        [Sickle cell trait|F] in both parents.
        Sick contacts: daughter with [strep|F].
        Husband recently had [influenza|F].
        Wife says he has had [memory loss].
        Negative family history for [colon cancer|NF].
        FHx: negative for [cancer|NF].
        Family history: No [cancer|NF]. Father had [gout|F].
        Non-contributory family history. Has [gout].
        Adopted, family history unknown. [Asthma] present.
    """,
    "orders and advice": """
        {Albuterol} prn and {fluticasone} daily.
        {Codeine} 30 mg daily if needed for [pain|Y].
        {Lorazepam} 1 mg po if needed, {lisinopril} 10 mg daily.
        {Ondansetron} 4 mg PO as needed [nausea|Y].
        {Ceftriaxone} 1 g IV once for [gonorrhoea].
        You may feel [drowsiness|Y] for a day.
        Instructed on signs of [infection|Y].
        Reattend with [vomiting|Y] or [drowsiness|Y].
        If no improvement, {amoxicillin|Y}.
        If you miss a dose of {warfarin}, call us.
    """,
    "hedges": """
        c/f [sepsis|U]
        I wonder whether [sleep apnoea|U] is to blame.
        [Glandular fever|U] possible but less likely.
        [Pneumonia|U] likely given the fever.
        [Cholecystitis|N] doubtful.
        Presentation most consistent with [gout].
    """,
    "more of the past": """
        Tried on {flecainide|H} some years ago.
        Patient with history of [AF|H] and [DVTs|H].
        [Hip fracture|H] 2017.
        [Fall|H] 6/12 ago, none since.
        Admitted quite frequently for [abdominal pain|H].
        Took {alendronate|H} until 2019.
        Two prior hospitalizations for [suicidal ideation|H].
    """,
    "more that is gone": """
        Treated with {prednisolone}, with resolution of [rash|N].
        No resolution of [cough].
        NHS No. 3074789, [asthma].
        Told to leave off {ibuprofen|N}.
    """,
    "denied and excluded": """
        Nothing to point to [meningitis|N].
        Bloods do not support [haemolysis|N].
        The film is clear of [consolidation|N].
        Tests for [coeliac disease|N] were negative.
        [Influenza A|N] - not detected
        No further [seizures|N] overnight.
        [Headache|N] gone by this morning.
        [Delirium|N] has cleared.
        Skin intact, no [pressure ulcers|N].
        No [SI|N], no [HI|N], no [AVH|N].
        [Psychosis|N] not in evidence.
        Membranes intact, denies [headache|N], [visual disturbance|N] or [epigastric pain|N].
        Margins free of [tumour|N].
        [Recurrent disease|N] was not identified.
        He remained free of [chest pain|N] throughout.
        She is not known to be [diabetic|N].
        We found no cause for concern and no [fracture|N].
        Has had neither [cough|N] nor [cold|N].
        [Rash|N] - no; [itch] - yes
        {Ramipril|N} has been stopped in view of [AKI].
        {Amiodarone|N} - ceased
        {Aspirin|N} omitted - NBM.
        Please hold {insulin|N} while fasting.
        Tapered off {prednisone|N} in March.
        Has not started {alendronate|N} yet.
        {Citalopram|N} replaced by {mirtazapine}.
        Must not have {trimethoprim|N}.
        Declines {antidepressants|N}.
        No need for {oxygen|N}.
        {Carbamazepine|N}: no longer taken.
        Off {warfarin|N}, on {apixaban}.
        Stop taking {ibuprofen|N}.
        Continue {aspirin}; stop {clopidogrel|N}.
        Takes no {steroids|N}.
        Not controlled on {metformin} alone.
        {Warfarin} not changed.
        [Pain] not controlled by {paracetamol}.
        Not bothered by the [tinnitus].
        Cannot sleep because of [itch].
        [Rash] does not blanch.
        [Hypotension] did not respond to fluids.
        No new [complaints|N]; [back pain] as before.
        Omitted this shift: {aspirin|N}, {codeine|N}
        ROS: CV neg for [chest pain|N], [palpitations|N]; GI neg for [nausea|N]
        ROS: Otherwise negative for [rash|N] or [arthralgia|N].
        ROS: is free from [cough|N], [rash|N] and [fever|N].
        ROS: none of [fever|N], [cough|N] or [rash|N].
        ROS: [Fever|N], [cough|N], [rash|N]: all absent.
        Lungs clear of [consolidation|N].
        There is neither [bleed|N] nor [infarct|N].
        Free of [calculi|N].
        [Metastases|N]: none.
        [Nodule|N] no longer seen.
        [Sepsis|N] was ruled out with negative cultures.
        [Hypokalemia|N] was corrected.
        [Bleeding|N] stopped spontaneously.
        {Heparin|N} was stopped and {apixaban} begun.
        Switched {amoxicillin|N} to {ceftriaxone}.
        {Metformin} was held and then restarted.
        {Aspirin} was not stopped.
        The patient specifically denies [orthopnea|N] or [PND|N].
        Reflexes normal, [clonus|N] absent.
        Blood tests ruled out [coeliac disease|N].
        The [wound infection|N] has healed.
        No relapse of [psychosis|N].
        Does not meet criteria for [PTSD|N].
        Pertinent negatives: [fever|N], [neck stiffness|N], [photophobia|N].
        Baby: no [jaundice|N]. Feeding well.
        We stopped the {ramipril|N} because of [hyperkalaemia].
        Please stop {omeprazole|N}.
        Not keen on {antidepressants|N}.
        Converted from {heparin|N} to {warfarin}.
        Denied entry to trial for [melanoma].
        No doubt about [gout].
        She cannot manage without {insulin}.
        Stopped for coffee; [angina] came on.
        [Diabetes], no retinopathy screening done.
        {Enoxaparin|Y} to commence post-op.
        To discuss {clozapine|Y}.
        Prior to starting {biologics|Y}, screen for [TB|Y].
        Advised to return with [chest pain|Y], [breathlessness|Y] or [collapse|Y].
        VTE risk assessed; [bleeding|Y] risk low.
        May lead to [kidney failure|Y].
        GTN as needed for [angina|Y].
        Your [pneumonia] has been treated.
        After your [heart attack] you should rest.
        Refer for [cataract].
    """,
    "hedges and differentials": """
        ?[pneumonia|U] v [PE|U]
        [ACS|U] vs. [PE|U] vs. [costochondritis|U]
        [Lymphoma|U] is on the list.
        Treating empirically for [CAP|U].
        Clinically [gout|U], await crystals.
        Features suggest [heart failure|U].
        Could represent [scar|U].
        Question of [seizure|U].
        [Cauda equina|U] must be ruled out.
        [Malignancy|U] can't be excluded.
        She may well have [sleep apnoea|U].
        Sounds like [BPPV|U].
        Suspicion of [cancer|U].
        Query [UTI|U].
        Poss [UTI|U]
        Almost certainly [gout|U].
        Imp: probable [UTI|U]
        [Appendicitis|U] seems most likely.
        I suspect a degree of [anxiety|U].
        Sent for a scan to look for [stones|U].
        US to assess for [gallstones|U].
        Referred with suspected [melanoma|U].
        Borderline for [pre-eclampsia|U].
        [Confusion], cause unclear, ?[infection|U]
        [Fall], ?[syncope|U]
        Low suspicion for [sepsis|N].
        Not suspicious for [malignancy|N].
        [Gout] confirmed on aspirate.
        He is likely to go home tomorrow with [COPD].
        Unlikely to tolerate surgery for [hernia].
        Main worry is [subarachnoid haemorrhage|U].
        [PE|U] heads the list.
        [Sarcoid|U] remains in play.
        It is between [gout|U] and [septic arthritis|U].
        Could this be [lupus|U]?
        [Cancer|U] until proven otherwise.
        [TB|U] unconfirmed.
        [Coeliac disease|U] awaiting biopsy.
        Picture suggests [vasculitis|U].
        ECG hints at [pericarditis|U].
        [Anxiety|U] may be playing a part.
        [MI|U] can't be dismissed.
        [MI|U] needs ruling out.
        Want to exclude [fracture|U].
        Differential [asthma|U] or [COPD|U].
        Thoughts: [pneumonia|U].
        Possibly a touch of [gout|U].
        [Gout|U] maybe.
        [Gout|U] suspected
        [Gout|U] likely, [pseudogout|U] possible.
        More in favour of [gout|U].
        Worried re [perforation|U].
        Querying [perforation|U].
        Suspicious lesion ?[BCC|U]
        Opacity may be [pneumonia|U].
        [Infection|U] hard to rule out.
        Raised LFTs ?[hepatitis|U]
        Results may point to [haemolysis|U].
        Consider also [PE|U].
        Bear in mind [PE|U].
        Await CT for [PE|U].
        Admit with presumed [sepsis|U].
        Impression: [pneumonia].
        Clear [cellulitis] of left leg.
        Biopsy-proven [cancer].
        Found to have [sepsis].
        Worsening [COPD].
        [Pain] likely to resolve.
    """,
    "plans, conditions and warnings": """
        Will start {apixaban|Y} once the bleeding has settled.
        Due to start {methotrexate|Y} next week.
        Aim to start {clozapine|Y} in the new year.
        Once LFTs normalise we would add {methotrexate|Y}.
        {Vancomycin|Y} to be added if cultures grow MRSA.
        Would benefit from {iron|Y}.
        I would recommend starting {alendronate|Y}.
        {Baclofen|Y} next.
        Should this fail, {infliximab|Y}.
        {Naloxone|Y} on standby.
        She is to have {rituximab|Y} on Friday.
        Awaiting funding for {omalizumab|Y}.
        Would escalate to {fentanyl|Y}.
        To consider {statin|Y} at next visit.
        Rescue pack of {doxycycline|Y} to keep at home.
        Any [chest pain|Y]: ring 999.
        Be alert to [hypoglycaemia|Y].
        Warned of [drowsiness|Y].
        At high risk of [falls|Y].
        To reduce the risk of [stroke|Y].
        Prophylaxis against [malaria|Y].
        {Paracetamol} 1 g prn for [pain|Y].
        Test for [coeliac disease|Y] next visit.
        In the event of [seizure|Y], give {buccal midazolam|Y}.
        Possible side effects: [nausea|Y], [diarrhoea|Y].
        Concerned she may have [cancer|U].
        Add {ramipril} 2.5 mg.
        Now on {apixaban}.
        Your [asthma] is well controlled.
        Requires {oxygen}.
        Has been risk assessed; [dementia] noted.
        Aim INR 2-3 on {warfarin}.
        Refer to cardiology for [AF].
        Plans to initiate {semaglutide|Y} in clinic.
        {Tocilizumab|Y} planned for Thursday.
        GP please start {statin|Y}.
        Should be on a {statin|Y}.
        Advise {chlorphenamine|Y} for [itch].
        If intolerant, {candesartan|Y}.
        Will need {antibiotics|Y} before dental work.
        Will be discharged on {apixaban}.
        Watch for [redness|Y], [pus|Y] or [fever|Y].
        Risk of [bleeding|Y] with {warfarin} explained.
        Any further [seizures|Y] -> 999.
        Smear for [cervical cancer|Y] screening up to date.
        If [hypoglycaemic|Y], give {glucagon|Y}.
        To avoid [constipation|Y], {senna}.
        I have started {sertraline}.
        Began {insulin} overnight.
        GP to continue {ramipril}.
        He has been on {warfarin} since 2019.
        We treated your [infection] with {amoxicillin}.
        Advised that she has [gout].
        Discussed with cardiology: [AF] with RVR.
        If not improving, {doxycycline|Y}.
        Should there be no response, {doxycycline|Y}.
        {Doxycycline|Y} is being held in reserve.
        Unless she improves, {doxycycline|Y}.
        {Doxycycline|Y} deferred until after surgery.
        We are considering {doxycycline|Y}.
        {Doxycycline|Y} would be reasonable.
        {Doxycycline|Y} can be tried.
        {Doxycycline|Y} due tomorrow.
        We would reach for {doxycycline|Y} next.
        I'd suggest {doxycycline|Y}.
        Her next treatment is {doxycycline|Y}.
        If CRP > 50, start {doxycycline|Y}.
        Intend {doxycycline|Y} after discharge.
        Scope for {doxycycline|Y}.
        {Doxycycline} helped.
        No response to {doxycycline}.
        No improvement with {doxycycline}.
        Next dose of {doxycycline} at 6 pm.
        She wants to continue {doxycycline}.
    """,
    "former, relatives and intolerances": """
        Had a [stroke|H] aged 50.
        Had [glandular fever|H] at university.
        Suffered a [head injury|H] in her twenties.
        Used to suffer with [eczema|H].
        Survivor of [breast cancer|H].
        [Melanoma|H] excised from back in 2011.
        Treated for [pneumonia|H] in January 2015.
        Last [seizure|H] was in 2019.
        PMH includes [COPD|H], [AF|H].
        Background history of [bipolar disorder|H].
        Her past history is of [sarcoidosis|H].
        An ex-smoker with a history of [COPD|H] presents with [haemoptysis].
        History includes [psoriasis|H].
        Old notes mention [hepatitis|H].
        Old [rib fractures|H] noted.
        Previous episodes of [depression|H].
        Post [viral myocarditis|H] 2012.
        Teenage [anorexia|H].
        In 1998 developed [nephrotic syndrome|H].
        Past treatment with {interferon|H}.
        Used {nicotine patches|H} in 2019.
        Finished {nitrofurantoin|H} last week.
        Treated with {carbimazole|H} in 2008.
        Ex {heroin|H} user.
        Has [diabetes] since 2001.
        On {amlodipine} since 2015.
        [Pain] began in May.
        Presented with a 2-year history of [dysphagia].
        Chronic [back pain].
        History of presenting complaint: [chest pain].
        The previous scan showed [nodule].
        Mum has [diabetes|F].
        Maternal aunt [breast cancer|F] at 45.
        Paternal grandfather died of [bowel cancer|F].
        There is a family history of [glaucoma|F].
        Cousin had [sickle cell disease|F].
        Husband has [flu|F].
        Daughter has [autism|F].
        Her paternal uncle suffers from [delusional disorder|F].
        Consanguineous parents; sibling with [microcephaly|F].
        FHx nil [cancer|NF].
        Flatmate diagnosed with [meningitis|F].
        Mum says [rash] started yesterday.
        Discussed [dementia] with daughter.
        Wife present. [Stroke] explained.
        Daughter administers {insulin}.
        PCN allergy; {aspirin} 75 mg.
        Cannot tolerate {statins|A}.
        [Anaphylaxis] after {cefuroxime|A}.
        [Angioedema] on {ramipril|A}.
        NKDA. {Amoxicillin} given.
        Tolerates {penicillin}.
    """,
}
