"""Orders of medications as FHIR's Dosage: https://hl7.org/fhir/R4/dosage.html."""

from collections.abc import Mapping
from typing import Any

from scripts.formats.clinical import SIG, step_text

UCUM = "http://unitsofmeasure.org"
ABBREVIATIONS = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"
# HL7's table 0162, which is in the public domain and names routes as notes do. The codes of v3, "Infusion, intravenous"
# and "Injection, intravenous", say more than "IV". Routes that it does not have are text.
ROUTE_SYSTEM = "http://terminology.hl7.org/CodeSystem/v2-0162"
ROUTES = {
    "buccal": ("B", "Buccal"),
    "epidural": ("EP", "Epidural"),
    "gastrostomy": ("GTT", "Gastrostomy Tube"),
    "inhalation": ("IH", "Inhalation"),
    "intraarterial": ("IA", "Intra-arterial"),
    "intradermal": ("ID", "Intradermal"),
    "intramuscular": ("IM", "Intramuscular"),
    "intraperitoneal": ("IP", "Intraperitoneal"),
    "intrathecal": ("IT", "Intrathecal"),
    "intravenous": ("IV", "Intravenous"),
    "nasal": ("NS", "Nasal"),
    "nasogastric": ("NG", "Nasogastric"),
    "ophthalmic": ("OP", "Ophthalmic"),
    "oral": ("PO", "Oral"),
    "otic": ("OT", "Otic"),
    "rectal": ("PR", "Rectal"),
    "subcutaneous": ("SC", "Subcutaneous"),
    "sublingual": ("SL", "Sublingual"),
    "topical": ("TP", "Topical"),
    "transdermal": ("TD", "Transdermal"),
    "vaginal": ("VG", "Vaginal"),
}
TIMES = ("s", "min", "h", "d", "wk", "mo", "a")
# The highest number of FHIR's positiveInt.
HIGHEST = 2**31 - 1

Element = dict[str, Any]


def make_dosages(order: Mapping[str, Any]) -> list[Element]:
    """Return an order as dosages: one, or one for each step of a taper.

    order (Mapping[str, Any]): the order, as `clinical.order_of` returns it.
    RETURNS (list[Element]): the dosages, none if the order does not say how much is taken.
    """
    steps = [step for step in order.get("steps", ()) if any(name in SIG for name in step)]
    if len(steps) < 2:
        steps = [{name: order[name] for name in SIG if name in order}]
    shared = {name: order[name] for name in ("route", "as_needed") if name in order}
    made = [make_dosage({**shared, **step}, step_text(step)) for step in steps if step]
    return [{"sequence": number, **dosage} for number, dosage in enumerate(made, start=1)] if len(made) > 1 else made


def make_dosage(step: Mapping[str, Any], text: str) -> Element:
    """Return a step of an order as a dosage with its text."""
    timing, rate = make_timing(step), make_rate(step)
    return {
        "text": text,
        **({"timing": timing} if timing else {}),
        **as_needed(step.get("as_needed")),
        **make_route(step.get("route")),
        **({"doseAndRate": [rate]} if rate else {}),
        **maximum(step.get("maximum")),
    }


def value_of(part: Any) -> Any:
    """Return the value of a part of an order, None if it has none."""
    return part.get("value") if isinstance(part, Mapping) else None


def make_route(part: Any) -> Element:
    """Return how a drug is taken, as text and, where HL7 has one, as a code."""
    name = value_of(part)
    if not isinstance(name, str):
        return {}
    code, display = ROUTES.get(name, ("", ""))
    coding = {"coding": [{"system": ROUTE_SYSTEM, "code": code, "display": display}]} if code else {}
    return {"route": {**coding, "text": name}}


def as_needed(part: Any) -> Element:
    """Return whether, and for what, a drug is taken as needed."""
    match part:
        case {"reason": {"text": str(reason)}}:
            return {"asNeededCodeableConcept": {"text": " ".join(reason.split())}}
        case {"value": True}:
            return {"asNeededBoolean": True}
    return {}


def make_timing(step: Mapping[str, Any]) -> Element:
    """Return frequency and duration as FHIR's Timing, {} if there are none."""
    frequency = step.get("frequency", {})
    repeat = {**bounds(step.get("duration")), **repetition(frequency)}
    code = frequency.get("code")
    return {
        **({"repeat": repeat} if repeat else {}),
        **({"code": {"coding": [{"system": ABBREVIATIONS, "code": code}]}} if code else {}),
    }


def repetition(frequency: Mapping[str, Any]) -> Element:
    """Return how often a drug is taken."""
    unit = frequency.get("unit")
    has_period = unit in TIMES and "period" in frequency
    return {
        **(whole_numbers("count", frequency.get("count"))),
        **(whole_numbers("frequency", frequency.get("frequency")) if has_period else {}),
        **({**numbers("period", frequency["period"]), "periodUnit": unit} if has_period else {}),
        **({"dayOfWeek": list(frequency["days"])} if frequency.get("days") else {}),
        **({"when": list(dict.fromkeys(frequency["when"]))} if frequency.get("when") else {}),
    }


def numbers(name: str, value: Any) -> Element:
    """Return a number, or a range as FHIR's Timing has it: "period" and "periodMax"."""
    match value:
        case {"low": low, "high": high}:
            return {name: low, f"{name}Max": high}
    return {name: value}


def whole_numbers(name: str, value: Any) -> Element:
    """Return the same for positive integers, {} for other numbers."""
    made = numbers(name, value)
    return made if all(isinstance(each, int) and 0 < each <= HIGHEST for each in made.values()) else {}


def bounds(duration: Any) -> Element:
    """Return how long a drug is taken."""
    unit = duration.get("unit") if isinstance(duration, Mapping) else None
    made = amount(duration, unit) if unit in TIMES else {}
    return {"boundsRange" if "low" in made else "boundsDuration": made} if made else {}


def make_rate(step: Mapping[str, Any]) -> Element:
    """Return how much is taken at once, or in a time.

    Without a dose it is the strength: in "metoprolol 25 mg BID", 25 mg are taken. A concentration is none.
    """
    dose, strength = step.get("dose"), step.get("strength")
    part = strength if dose is None else dose
    unit = part.get("unit", "") if isinstance(part, Mapping) else ""
    if dose is None and (not isinstance(part, Mapping) or "per" in part or unit.rpartition("/")[2] in ("mL", "%")):
        return {}
    made = amount(part, unit)
    name = "rate" if unit.rpartition("/")[2] in TIMES and "/" in unit else "dose"
    return {f"{name}Range" if "low" in made else f"{name}Quantity": made} if made else {}


def amount(part: Any, unit: str) -> Element:
    """Return an amount as FHIR's Quantity or Range with a UCUM unit, {} if it has no clear number."""
    match part:
        case {"low": int() | float() as low, "high": int() | float() as high}:
            return {"low": quantity(low, unit), "high": quantity(high, unit)}
        case {"value": int() | float() as value} if not isinstance(value, bool):
            return quantity(value, unit)
    return {}


def quantity(value: float, unit: str) -> Element:
    """Return a number with its unit."""
    return {"value": value, **({"unit": unit, "system": UCUM, "code": unit} if unit else {})}


def maximum(part: Any) -> Element:
    """Return how much may be taken in a time: "4 g/d" are 4 g in 1 d."""
    unit = part.get("unit", "") if isinstance(part, Mapping) else ""
    upper, _, time = unit.rpartition("/")
    made = amount(part, upper)
    if time not in TIMES or not upper or "low" in made or not made:
        return {}
    return {"maxDosePerPeriod": {"numerator": made, "denominator": quantity(1, time)}}
