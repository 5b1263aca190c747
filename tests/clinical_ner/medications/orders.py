"""Texts with drugs in braces, and their orders as a line each: what the table of cases is written in."""

import re
from pathlib import Path
from typing import Any

import spacy
from spacy.tokens import Doc
from spacy.util import filter_spans

from scripts.clinical_ner.medications.component import Medications
from scripts.clinical_ner.tokenizer import make_tokenizer

NLP = spacy.blank("en")
NLP.tokenizer = make_tokenizer(NLP.vocab, NLP.Defaults)
MARK = re.compile(r"\{([^{}]*)\}")


def read_cases(path: Path) -> list[tuple[str, list[str]]]:
    """Return texts with marked drugs, and the order of each drug as a line."""
    cases: list[tuple[str, list[str]]] = []
    for line in path.read_text(encoding="utf8").splitlines():
        if line.startswith("    "):
            cases[-1][1].append(line.strip().removeprefix("-"))
        elif line and not line.startswith("# "):
            cases.append((line.replace("\\n", "\n"), []))
    return cases


def make_doc(marked: str, label: str = "Chemical") -> Doc:
    """Return a Doc whose entities are the parts of a text in braces."""
    spans, parts, length, last = [], [], 0, 0
    for match in MARK.finditer(marked):
        parts += [marked[last : match.start()], match[1]]
        start = length + match.start() - last
        length = start + len(match[1])
        spans.append((start, length))
        last = match.end()
    doc = NLP.make_doc("".join([*parts, marked[last:]]))
    ents = [doc.char_span(start, end, label=label, alignment_mode="expand") for start, end in spans if start < end]
    doc.ents = filter_spans([ent for ent in ents if ent is not None])
    return doc


def orders(marked: str, component: Medications) -> list[dict[str, Any] | None]:
    """Return the order of each drug in braces."""
    return [ent._.medication for ent in component(make_doc(marked)).ents]


def describe(order: dict[str, Any] | None) -> str:
    """Return an order as a line: "strength[25 mg]=25 mg; frequency[BID]=BID"."""
    if order is None:
        return ""
    names = ("action", "strength", "dose", "previous", "maximum", "form", "route", "frequency", "duration", "as_needed")
    parts = [f"{name}[{order[name]['text']}]={describe_value(name, order[name])}" for name in names if name in order]
    steps = [f"step({describe(step)})" for step in order.get("steps", ())]
    return "; ".join([*parts, *steps])


def describe_value(name: str, part: dict[str, Any]) -> str:
    """Return the value of an attribute as it is in a line."""
    value = {key: inner for key, inner in part.items() if key not in ("text", "start", "end")}
    if name == "as_needed":
        return value["reason"]["text"] if "reason" in value else "yes"
    if name == "frequency":
        return describe_frequency(value)
    if name == "duration":
        day = f"day {value['day']} of " if "day" in value else ""
        return f"{day}{number(value.get('value'))} {value['unit']}" if value else "?"
    if name in ("strength", "dose", "previous", "maximum"):
        if "level" in value:
            return value["level"]
        per = f" per {value['per']['value']} {value['per']['unit']}" if "per" in value else ""
        return f"{amount(value)} {value['unit'] if value.get('unit') else ''}".strip() + per
    return value["value"]


def amount(value: dict[str, Any]) -> str:
    """Return the number, range or numbers of an amount."""
    if "values" in value:
        return "/".join(map(str, value["values"]))
    return number(
        value["value"]
        if "value" in value
        else ({key: value[key] for key in ("low", "high")} if "low" in value else None)
    )


def number(value: Any) -> str:
    """Return a number or a range; "?" for None."""
    if value is None:
        return "?"
    return f"{value['low']}-{value['high']}" if isinstance(value, dict) else str(value)


def describe_frequency(value: dict[str, Any]) -> str:
    """Return a frequency: its code, or the times in a period, with the time of day."""
    if not value:
        return "?"
    if "continuous" in value:
        return "continuous"
    times = value.get("code", "")
    if "frequency" in value and not times:
        times = f"{number(value['frequency'])} per {number(value['period'])} {value['unit']}"
    if "count" in value:
        times = f"{times} {number(value['count'])} times".strip()
    when = "@" + "+".join(value["when"]) if "when" in value else ""
    days = " on " + ",".join(value["days"]) if "days" in value else ""
    return f"{times}{when}{days}"
