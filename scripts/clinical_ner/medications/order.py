"""An order: the attributes of one drug as a dict that JSON can hold."""

import re
from collections.abc import Sequence
from typing import Any

from .rules import ATTRIBUTES
from .scan import Item
from .ties import kind_of
from .timing import merge, with_code

# What a change is from one amount to another, not a range.
CHANGES = ("increase", "decrease", "switch")
AMOUNTS = ("strength", "dose")
# The attributes in the order of the output.
NAMES = (*ATTRIBUTES, "previous", "maximum", "steps")
RELEASE = "release"
ARROWS = ("\u2192", "->", "=>", ">")
# What can follow an amount in brackets that adds nothing.
ASIDE = re.compile(r"(?: total| elemental| elem\.?| of)?(?: [a-z]+)?\)", re.IGNORECASE)
# Characters between two parts of one attribute: "XL tablet", "every morning and at bedtime".
APART = 8

Order = dict[str, Any]


class OrderMaker:
    """Puts the items of a drug together."""

    def __init__(self, text: str, items: Sequence[Item]):
        """Put the items together.

        text (str): the text.
        items (Sequence[Item]): the items of one drug.
        """
        self.text = text
        self.order: Order = {}
        self.steps: list[Order] = [{}]
        self.product_only = False
        for item in sorted(items, key=lambda item: item.start):
            self.add(item)

    def make(self) -> Order | None:
        """Return the order, or None if there is nothing in it."""
        steps = [step for step in self.steps if step]
        order = {**self.order, **(steps[0] if steps else {})}
        for values in (order, *steps):
            if "frequency" in values:
                values["frequency"] = finish_frequency(values["frequency"])
        if len(steps) > 1:
            order["steps"] = steps
        # "max" without an amount is none.
        return {name: order[name] for name in NAMES if order.get(name)} or None

    def add(self, item: Item) -> None:
        """Add an item."""
        kind = kind_of(item)
        kind = "dose" if kind == "volume" else kind
        if kind == "maximum":
            self.order.setdefault("maximum", {})
        elif kind in AMOUNTS:
            self.add_amount(kind, item)
        elif kind in ("frequency", "duration"):
            self.add_to_step(kind, item)
        elif kind == "form":
            self.add_form(self.part(item, {"value": item.value}))
        elif kind == "as_needed":
            self.order.setdefault(kind, self.part(item, {"value": True, **item.value}))
        elif kind == "action":
            self.add_action(item)
        else:
            self.order.setdefault(kind, self.part(item, {"value": item.value}))

    def part(self, item: Item, value: dict[str, Any]) -> dict[str, Any]:
        """Return an attribute: its text, its offsets and its value."""
        return {"text": self.text[item.start : item.end], "start": item.start, "end": item.end, **value}

    def before(self, start: int) -> str:
        """Return the words right before an offset, in lower case."""
        return self.text[max(start - 12, 0) : start].lower()

    def add_amount(self, kind: str, item: Item) -> None:
        """Add a strength or dose: to the order, as a new step of a taper, or as what it was before."""
        value = item.value.as_value() if item.kind == "quantity" else dict(item.value)
        part = self.part(item, value)
        if self.order.get("maximum") == {}:
            self.order["maximum"] = part
            return
        if item.kind == "quantity" and item.rule is not None and item.rule.attribute == "form":
            self.add_form(self.counted_form(item))
        step = self.steps[-1]
        words = self.before(item.start).split()
        if words[-1:] == ["by"] and "action" in self.order:
            # "reduce by 5 mg": no dose.
            return
        if words[-1:] == ["from"]:
            changed = self.split_change(item, part)
            if changed is None:
                return
            part = changed
        earlier = step.get(kind)
        if earlier is None and words[-1:] == ["then"] and any(name in step for name in AMOUNTS):
            self.steps.append({kind: part})
        elif earlier is None:
            step[kind] = part
        elif self.is_repeated(earlier, part):
            return
        elif self.is_changed(earlier, part):
            self.order["previous"] = earlier
            step[kind] = part
        elif self.joins(earlier, part):
            self.join(step, kind, earlier, part)
        elif kind == "strength" and "dose" not in step and (is_concentration(earlier) or self.is_taken(words)):
            step["dose"] = part
        else:
            self.steps.append({kind: part})

    def is_changed(self, earlier: dict[str, Any], part: dict[str, Any]) -> bool:
        """Return whether a change is between two amounts: "20 mg daily, increase to 40 mg"."""
        action = self.order.get("action")
        if action is None or action["value"] not in ("increase", "decrease"):
            return False
        return earlier["end"] <= action["start"] and action["end"] <= part["start"] and len(self.steps) == 1

    def is_taken(self, words: list[str]) -> bool:
        """Return whether a second amount is what is taken of a product: "10 mg tablet, take 20 mg"."""
        return (
            any(word.strip(",.:") in ("take", "give", "inject", "sig") for word in words[-2:]) and len(self.steps) == 1
        )

    def is_repeated(self, earlier: dict[str, Any], part: dict[str, Any]) -> bool:
        """Return whether an amount in brackets adds nothing: "1 tablet (10 mg total)", "325 mg (65 mg iron)"."""
        return self.text[max(part["start"] - 1, 0) : part["start"]] == "(" and bool(ASIDE.match(self.text, part["end"]))

    def split_change(self, item: Item, part: dict[str, Any]) -> dict[str, Any] | None:
        """Store what an amount is changed from; return the new one, or None if it is still to come."""
        if "low" in part:
            low, high = part.pop("low"), part.pop("high")
            text = part["text"]
            first = text.split()[0]
            self.order["previous"] = {
                "text": first,
                "start": part["start"],
                "end": part["start"] + len(first),
                **part_value(part, low),
            }
            start = part["start"] + max(text.lower().find(" to ") + 4, 0)
            return {
                "text": self.text[start : part["end"]],
                "start": start,
                "end": part["end"],
                **part_value(part, high),
            }
        self.order["previous"] = part
        return None

    def joins(self, earlier: dict[str, Any], part: dict[str, Any]) -> bool:
        """Return whether two amounts are a range or a change: "4 mg to 8 mg"."""
        between = self.text[earlier["end"] : part["start"]].strip().lower()
        return between in ("to", "-", "\u2013", "or", *ARROWS) and "value" in earlier and "value" in part

    def join(self, step: Order, kind: str, earlier: dict[str, Any], part: dict[str, Any]) -> None:
        """Store two amounts as a range, or as a change if something was increased or decreased."""
        action = self.order.get("action", {}).get("value")
        between = self.text[earlier["end"] : part["start"]].strip()
        if (
            between in ARROWS
            or action in CHANGES
            or earlier.get("unit") != part.get("unit")
            or earlier["value"] >= part["value"]
        ):
            self.order["previous"] = earlier
            step[kind] = part
        else:
            step[kind] = {
                "text": self.text[earlier["start"] : part["end"]],
                "start": earlier["start"],
                "end": part["end"],
                "low": earlier["value"],
                "high": part["value"],
                "unit": part["unit"],
            }

    def counted_form(self, item: Item) -> dict[str, Any]:
        """Return the form of a dose that counts it: "tabs" of "2 tabs"."""
        quantity = self.text[item.start : item.end]
        words = [phrase for phrase in item.rule.phrases if quantity.lower().endswith(phrase)] if item.rule else []
        start = item.end - len(max(words, key=len, default=quantity))
        return {
            "text": self.text[start : item.end],
            "start": start,
            "end": item.end,
            "value": item.rule.value if item.rule else None,
        }

    def add_form(self, part: dict[str, Any]) -> None:
        """Add a form. "XL tablet" is one."""
        earlier = self.order.get("form")
        if earlier is None:
            self.order["form"] = part
        elif 0 <= part["start"] - earlier["end"] <= 1:
            words = sorted((earlier["value"], part["value"]), key=lambda word: not is_modifier(word))
            self.order["form"] = {
                "text": self.text[earlier["start"] : part["end"]],
                "start": earlier["start"],
                "end": part["end"],
                "value": " ".join(dict.fromkeys(words)),
            }

    def add_action(self, item: Item) -> None:
        """Add an action. The end of a taper, "then stop", is its last step."""
        part = self.part(item, {"value": item.value})
        words = self.before(item.start).split()
        if item.value == "stop" and words[-1:] in (["then"], ["and"]) and (len(self.steps) > 1 or words[-1] == "then"):
            self.steps.append({"action": part})
        else:
            self.order.setdefault("action", part)

    def add_to_step(self, kind: str, item: Item) -> None:
        """Add a frequency or a duration to the last step."""
        part = self.part(item, {**item.value})
        step = self.steps[-1]
        earlier = step.get(kind)
        if earlier is None:
            step[kind] = part
        elif kind == "frequency" and 0 <= part["start"] - earlier["end"] <= APART:
            both = merge(earlier, part)
            if both is not None:
                end = part["end"]
                step[kind] = {**both, "text": self.text[earlier["start"] : end], "start": earlier["start"], "end": end}


def part_value(part: dict[str, Any], value: float) -> dict[str, Any]:
    """Return a number with the unit of an amount."""
    return {"value": value, **({"unit": part["unit"]} if "unit" in part else {})}


def is_concentration(part: dict[str, Any]) -> bool:
    """Return whether a strength is that of a solution, and what follows is how much is taken."""
    return "per" in part or part.get("unit", "").rpartition("/")[2] in ("mL", "%")


def is_modifier(form: str) -> bool:
    """Return whether a form only says how a drug is released."""
    return form.endswith(RELEASE) or form in (
        "enteric coated",
        "orodispersible",
        "chewable",
        "dispersible",
        "effervescent",
    )


def finish_frequency(part: dict[str, Any]) -> dict[str, Any]:
    """Return a frequency with its code and the times a day."""
    place = {key: part[key] for key in ("text", "start", "end")}
    return {**place, **with_code({key: value for key, value in part.items() if key not in place})}
