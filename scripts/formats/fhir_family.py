"""Whose condition it is, in FHIR: the relative that a cue of the context names, as HL7's RoleCode.

https://terminology.hl7.org/CodeSystem-v3-RoleCode.html
"""

import re
from typing import Any

from scripts.records.mentions import Mention

SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
OTHER = ("FAMMEMB", "family member")
# The first one that is in the cue applies, so that "grandmother" is no mother.
RELATIVES = {
    "maternal grandmother": ("MGRMTH", "maternal grandmother"),
    "paternal grandmother": ("PGRMTH", "paternal grandmother"),
    "maternal grandfather": ("MGRFTH", "maternal grandfather"),
    "paternal grandfather": ("PGRFTH", "paternal grandfather"),
    "maternal aunt": ("MAUNT", "maternal aunt"),
    "paternal aunt": ("PAUNT", "paternal aunt"),
    "maternal uncle": ("MUNCLE", "maternal uncle"),
    "paternal uncle": ("PUNCLE", "paternal uncle"),
    "maternal cousin": ("MCOUSN", "maternal cousin"),
    "paternal cousin": ("PCOUSN", "paternal cousin"),
    "grandmother": ("GRMTH", "grandmother"),
    "grandma": ("GRMTH", "grandmother"),
    "grandfather": ("GRFTH", "grandfather"),
    "grandpa": ("GRFTH", "grandfather"),
    "grandparent": ("GRPRN", "grandparent"),
    "grandson": ("GRNDSON", "grandson"),
    "granddaughter": ("GRNDDAU", "granddaughter"),
    "grandchild": ("GRNDCHILD", "grandchild"),
    "half brother": ("HBRO", "half-brother"),
    "half sister": ("HSIS", "half-sister"),
    "mother": ("MTH", "mother"),
    "mom": ("MTH", "mother"),
    "mum": ("MTH", "mother"),
    "father": ("FTH", "father"),
    "dad": ("FTH", "father"),
    "parent": ("PRN", "parent"),
    "brother": ("BRO", "brother"),
    "sister": ("SIS", "sister"),
    "sibling": ("SIB", "sibling"),
    "twin": ("TWIN", "twin"),
    "daughter": ("DAU", "natural daughter"),
    "son": ("SON", "natural son"),
    "child": ("CHILD", "child"),
    "aunt": ("AUNT", "aunt"),
    "uncle": ("UNCLE", "uncle"),
    "cousin": ("COUSN", "cousin"),
    "niece": ("NIECE", "niece"),
    "nephew": ("NEPHEW", "nephew"),
}
WORDS = re.compile(rf"\b({'|'.join(RELATIVES)})(?:s|ren)?\b")
SIDE = re.compile(r"\b[mp]aternal[\s-]{1,4}\Z", re.IGNORECASE)
SIDE_LENGTH = 13
# In-laws are family and no relatives; step-parents are neither.
NO_RELATIVE = re.compile(r"\bstep|\bin[- ]law\b")


def relationship(mention: Mention, text: str) -> dict[str, Any]:
    """Return the relative who has a condition, as a code.

    mention (Mention): the condition.
    text (str): the document's text.
    RETURNS (dict[str, Any]): the coding of the relative that the nearest cue names, or else of a family member.
    """
    cues = sorted(family_cues(mention), key=lambda cue: max(cue[0] - mention.end, mention.start - cue[1]))
    found = (find_relative(text[start - len(side_before(text, start)) : end]) for start, end in cues)
    code, display = next(filter(None, found), OTHER)
    return {"system": SYSTEM, "code": code, "display": display}


def side_before(text: str, start: int) -> str:
    """Return the side of the family that comes before a cue: "maternal " before "grandmother"."""
    match = SIDE.search(text[max(start - SIDE_LENGTH, 0) : start])
    return match[0] if match else ""


def family_cues(mention: Mention) -> list[tuple[int, int]]:
    """Return the offsets of the cues that name a mention's relative."""
    cues = mention.attributes.get("modifiers")
    return [
        (cue["start"], cue["end"])
        for cue in (cues if isinstance(cues, list) else ())
        if isinstance(cue, dict) and cue.get("category") == "FAMILY"
    ]


def find_relative(cue: str) -> tuple[str, str] | None:
    """Return code and name of the relative in a cue, None if there is none."""
    words = " ".join(cue.lower().replace("-", " ").split())
    match = None if NO_RELATIVE.search(words) else WORDS.search(words)
    return RELATIVES[match[1]] if match else None
