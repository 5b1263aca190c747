"""Frequencies with their code and times a day, as FHIR's Timing has them: https://hl7.org/fhir/datatypes.html#Timing."""

from typing import Any

from .tokens import whole

# FHIR's codes, by frequency, period and its unit: https://terminology.hl7.org/ValueSet-GTSAbbreviation.html
CODES = {
    (1, 1, "d"): "QD",
    (2, 1, "d"): "BID",
    (3, 1, "d"): "TID",
    (4, 1, "d"): "QID",
    (1, 2, "d"): "QOD",
    (1, 1, "wk"): "WK",
    (1, 1, "mo"): "MO",
    **{(1, hours, "h"): f"Q{hours}H" for hours in (1, 2, 3, 4, 6, 8)},
}
CODES_OF_TIMES = {"MORN": "AM", "EVE": "PM", "HS": "BED"}
DAYS = {"min": 1 / 1440, "h": 1 / 24, "d": 1, "wk": 7, "mo": 365.25 / 12, "a": 365.25}


def with_code(value: dict[str, Any]) -> dict[str, Any]:
    """Return a frequency with its FHIR code, where it has one, and with the times a day.

    value (dict[str, Any]): "frequency" times in a "period" of a "unit"; each can be {"low": 4, "high": 6}.
    RETURNS (dict[str, Any]): the same with "code" and "per_day".
    """
    if "frequency" not in value:
        return value
    frequency, period, unit = value["frequency"], value["period"], value["unit"]
    if any(number_of(end, "low") <= 0 for end in (frequency, period)):
        return {}
    code = find_code(value)
    return {**({"code": code} if code else {}), **value, "per_day": per_day(frequency, period, unit)}


def find_code(value: dict[str, Any]) -> str | None:
    """Return the FHIR code of a frequency, or None if it has none."""
    if value.get("days"):
        return None
    when = value.get("when")
    if when and value["frequency"] == 1:
        return CODES_OF_TIMES.get(when[0]) if len(when) == 1 and value["unit"] == "d" else None
    key = (value["frequency"], value["period"], value["unit"])
    return None if any(isinstance(part, dict) for part in key) else CODES.get(key)


def per_day(frequency: Any, period: Any, unit: str) -> Any:
    """Return how many times a day, as a number or as {"low": 4, "high": 6}."""
    low, high = (
        round_off(number_of(frequency, end) / number_of(period, other) / DAYS[unit])
        for end, other in (("low", "high"), ("high", "low"))
    )
    return low if low == high else {"low": low, "high": high}


def number_of(value: Any, end: str) -> float:
    """Return a number, or one end of a range."""
    return value[end] if isinstance(value, dict) else value


def round_off(value: float) -> float:
    """Return a number with four digits after the point."""
    return whole(round(value, 4))


def merge(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any] | None:
    """Return two frequencies that follow each other as one, or None if they are not one.

    "twice daily with meals" is twice a day with meals; "every morning and at bedtime" is twice a day.

    first, second (dict[str, Any]): their values, without codes.
    RETURNS (dict[str, Any] | None): the value of both.
    """
    when = [*first.get("when", ()), *second.get("when", ())]
    if "count" in second or "count" in first:
        return {**first, **second} if ("count" in first) != ("count" in second) else None
    if first.get("when") and second.get("when") and "frequency" in first and "frequency" in second:
        if first.get("unit") != "d" or second.get("unit") != "d":
            return None
        return {**first, "frequency": first["frequency"] + second["frequency"], "when": when}
    if second.get("when"):
        return {**first, "when": when}
    if first.get("when"):
        return {**second, "when": when}
    if second.get("days"):
        return {**second} if first.get("unit") in ("d", "wk") else None
    return None
