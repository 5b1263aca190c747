"""Short forms and their long forms: the paper's own examples, others from abstracts, and what follows for mentions."""

import pytest

from scripts.clinical_ner.ner.abbreviations import best_long_form, find_definitions, read_abbreviations
from tests.clinical_ner.test_agreement import make_doc, shown


def definitions(text: str) -> list[tuple[str, str]]:
    return [(one.short, one.long) for one in find_definitions(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Schwartz and Hearst (2003), section 3 and figure 1.
        ("the heat shock transcription factor (HSF) was", [("HSF", "heat shock transcription factor")]),
        (
            "in methicillin resistant Staphylococcus aureus (MRSA)",
            [("MRSA", "methicillin resistant Staphylococcus aureus")],
        ),
        ("Gcn5-related N-acetyltransferase (GNAT) family", [("GNAT", "Gcn5-related N-acetyltransferase")]),
        ("the role of HSF (heat shock transcription factor) in", [("HSF", "heat shock transcription factor")]),
        # Abstracts.
        ("Contrast-induced nephropathy (CIN) is", [("CIN", "Contrast-induced nephropathy")]),
        ("given intraperitoneally (i.p.) daily", [("i.p.", "intraperitoneally")]),
        ("thrombotic (bort)-dexamethasone (dex)", [("dex", "dexamethasone")]),
        ('the "real world" (RW) data', [("RW", "real world")]),
        ("acute renal failure (ARF; n = 3) and sepsis", [("ARF", "acute renal failure")]),
        ("a stray ) and renal failure (RF) (n = 3", [("RF", "renal failure")]),
        ("Renal failure (RF). Later reflux (RF)", [("RF", "Renal failure"), ("RF", "reflux")]),
        ("Renal failure (RF). Renal  Failure (RF)", [("RF", "Renal failure")]),
        ("Congestive heart failure [CHF] and", [("CHF", "Congestive heart failure")]),
        ("CHF [congestive heart failure] and", [("CHF", "congestive heart failure")]),
        ("seen [optical density (OD) 0.5] and", [("OD", "optical density")]),
        ("[omega-I-131]heptadecanoic acid (IHA)", [("IHA", "[omega-I-131]heptadecanoic acid")]),
        ("puromycin aminonucleoside, [PAN] and", [("PAN", "puromycin aminonucleoside")]),
        ("mice [n = 3] with renal failure (RF) [3,4]", [("RF", "renal failure")]),
        ("coronary artery\n  disease (CAD)", [("CAD", "coronary artery disease")]),
        ("CAD (coronary artery\n  disease)", [("CAD", "coronary artery disease")]),
        # Not definitions.
        ("two groups (n = 30) of rats", []),
        ("improved (see below) at once", []),
        ("renal failure (2010)", []),
        ("aspirin (ASA was stopped", []),
        ("acute toxicity (XYZ)", []),
        ("(HSF)", []),
        ("()", []),
        ("", []),
    ],
)
def test_definitions(text: str, expected: list[tuple[str, str]]) -> None:
    assert definitions(text) == expected


def test_long_form_does_not_reach_over_a_sentence() -> None:
    assert definitions("Hypertension was seen. The flux (HF)") == []


@pytest.mark.parametrize(
    ("short", "long", "expected"),
    [
        ("HSF", "heat shock factor", "heat shock factor"),
        ("HSF", "sudden flight", None),
        ("HF", "the shf", None),
        ("RF", "RF", None),
        ("RF", "RF and renal flow", "renal flow"),
    ],
)
def test_best_long_form(short: str, long: str, expected: str | None) -> None:
    assert best_long_form(short, long) == expected


@pytest.mark.parametrize(
    ("found", "read"),
    [
        # The long form is a mention: so is the abbreviation, wherever it stands.
        ("kidney/D stones/D ( KS ) . KS and ks", "kidney/D stones/D ( KS/D ) . KS/D and ks"),
        ("Kidney stones ( KS ) . kidney/D stones/D , KS", "Kidney stones ( KS/D ) . kidney/D stones/D , KS/D"),
        ("KS ( kidney/D stones/D )", "KS/D ( kidney/D stones/D )"),
        ("kidney/D stones/D ( KS/C ) , KS/D", "kidney/D stones/D ( KS/D ) , KS/D"),
        ("kidney/D stones/D , kidney/D stones/D ( KS/C )", "kidney/D stones/D , kidney/D stones/D ( KS/D )"),
        # Not within a longer mention.
        ("kidney/D stones/D ( KS ) , big/D KS/D", "kidney/D stones/D ( KS/D ) , big/D KS/D"),
        # It is none, and shares no word with one: nor is the abbreviation.
        ("kind sisters ( KS/D ) , KS/C", "kind sisters ( KS ) , KS"),
        # It shares a word with one: who knows.
        ("kidney/D stones ( KS/D ) , KS", "kidney/D stones ( KS/D ) , KS"),
        # An abbreviation is no mention by itself, nor does its being one say anything of the long form.
        ("kidney stones ( KS ) , gout/D", "kidney stones ( KS ) , gout/D"),
        ("KS/D and gout/D", "KS/D and gout/D"),
        # Each definition holds up to the next one.
        (
            "kidney/D stones/D ( KS ) , KS , kind sisters ( KS/D ) , KS/D",
            "kidney/D stones/D ( KS/D ) , KS/D , kind sisters ( KS ) , KS",
        ),
        (
            "KS , kind sisters [ KS ] , KS , kidney/D stones/D [ KS ] , KS",
            "KS , kind sisters [ KS ] , KS , kidney/D stones/D [ KS/D ] , KS/D",
        ),
        # A part of a token is no place of it.
        ("dexamethasone/C ( dex ) , dexa", "dexamethasone/C ( dex/C ) , dexa"),
    ],
)
def test_mentions_follow_their_long_forms(found: str, read: str) -> None:
    assert shown(read_abbreviations(make_doc(found))) == read


def test_confidence_is_that_of_the_long_form() -> None:
    doc = make_doc("kidney/D stones/D ( KS ) , kidney/D stones/D , KS/D")
    for ent, confidence in zip(doc.ents, (0.9, 0.5, 0.8), strict=True):
        ent._.confidence = confidence
    found = [(ent.text, ent._.confidence) for ent in read_abbreviations(doc).ents]
    assert found == [("kidney stones", 0.9), ("KS", pytest.approx(0.7)), ("kidney stones", 0.5), ("KS", 0.8)]


def test_mention_that_is_removed_leaves_no_confidence_behind() -> None:
    doc = make_doc("kind sisters ( KS/D )")
    doc.ents[0]._.confidence = 0.8
    assert (read_abbreviations(doc).ents, doc[3:4]._.confidence) == ((), None)
