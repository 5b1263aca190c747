"""Which drug each attribute belongs to: the drug before it, unless the attribute leads up to the drug after it.

"metoprolol 25 mg PO BID, lisinopril 10 mg" and "40 mg of esomeprazole, IV vancomycin 1 g". In between, separators and
words that say nothing of an order count; an attribute that is too far from a drug belongs to none.
"""

import re
from collections.abc import Sequence
from typing import Any

from .numbers import CHAIN, RANGE, RATIO, SINGLE, Number, Quantity
from .rules import ATTRIBUTES, RuleTable
from .scan import Item

# How far an attribute can be from the drug, or from the drug's attribute before it.
LIMITS = {
    "strength": 7.0,
    "dose": 4.0,
    "volume": 2.0,
    "form": 2.5,
    "route": 3.5,
    "frequency": 4.0,
    "duration": 5.0,
    "as_needed": 6.0,
    "action": 3.6,
    "maximum": 4.0,
}
# The distance that an item counts. Anything else counts one.
STEPS = {
    "link": 0.1,
    "lead": 0.1,
    ",": 0.5,
    "and": 0.6,
    "/": 0.2,
    "-": 0.3,
    "then": 0.3,
    "but": 3.0,
    ";": 2.0,
    "\n": 1.5,
    "block": 3.0,
}
PASSIVE = {"was", "were", "is", "are", "be", "been", "being", "has", "have", "had", "to be", "currently", "now", "will"}
# "on hold until seen", "held in the setting of sepsis": what says why or how long an action is.
REASONED = {"until", "pending", "because", "due", "in", "after", "before", "given", "by", "on"}
YEARS = (1900, 2100)
LARGEST_BARE = 5000
LARGEST_COUNT = 4
# In a combination each name has at least this many letters, unlike in "beta-blocker" and "co-codamol".
SHORTEST_NAME = 7
# How near a number without a unit has to be, and what can be before it.
NEAR = 5
# "ramipril 5 mg and bisoprolol 2.5 mg, both once daily". How many drugs can share with one after them.
EVERYONE = {"both", "all"}
MOST_SHARED = 20
LONGEST_SWITCH = 4
BEFORE_BARE = {"at", ":", "-", "dose", "to", "from", "was", "is"}


def is_attribute(item: Item) -> bool:
    """Return whether an item can be an attribute of a drug."""
    return item.kind in ATTRIBUTES or (item.kind == "quantity" and item.value.unit is not None)


def kind_of(item: Item) -> str:
    """Return which attribute an item is; for a quantity strength, dose or volume."""
    if item.kind != "quantity":
        return item.kind
    quantity: Quantity = item.value
    if quantity.rule.attribute != "unit":
        return "dose"
    if quantity.rule.kind == "strength":
        # 5 mg/kg and 1 g/day are doses, 50 mg/mL is a strength.
        last = (quantity.unit or "").split("/")[1:]
        return "dose" if {*last} & {"kg", "m2", "d", "h", "min", "wk", "{dose}"} else "strength"
    if quantity.per or (quantity.unit or "").endswith("/mL"):
        return "strength"
    return quantity.rule.kind


def is_measured(item: Item) -> bool:
    """Return whether a quantity is no order: a result per litre, a weight, a pressure."""
    return item.kind == "quantity" and item.value.unit is None


class Tied:
    """The items of each drug of a part of a text."""

    def __init__(self, items: Sequence[Item], table: RuleTable, text: str):
        """Tie the items to the drugs.

        items (Sequence[Item]): the items in order.
        table (RuleTable): the rules, for the drugs whose bare numbers are results.
        text (str): the text.
        """
        self.items = items
        self.analytes = table.analytes
        self.text = text
        self.places = [place for place, item in enumerate(items) if item.kind == "drug"]
        self.found: list[list[Item]] = [[] for _ in self.places]
        self.measured = {
            order
            for order, place in enumerate(self.places)
            if text[items[place].start : items[place].end].lower() in table.never_ordered
        }
        before = -1
        for order, place in enumerate([*self.places, len(items)]):
            # The last region has no drug after it.
            start = self.tie_forward(before, place, order) if place < len(items) else place
            if order:
                self.tie_back(before, start, order - 1)
            before = place
        self.share()

    def tie_forward(self, before: int, place: int, order: int) -> int:
        """Tie to a drug what leads up to it, and return the first item of that.

        before (int): the place of the drug before, -1 if there is none.
        place (int): the drug's place.
        order (int): the drug's number.
        RETURNS (int): where its items start.
        """
        items = self.items
        start = place
        while start - 1 > before and (
            is_leading(items[start - 1])
            or self.is_hyphen(start - 1)
            or self.is_joint(start - 1, before)
            or self.is_wrap(start - 1, before)
        ):
            start -= 1
        stop = items[start - 1] if start > before + 1 else None
        if stop is not None and stop.kind == "level":
            self.measured.add(order)
        if stop is None and before >= 0:
            start = self.undecided(before, place)
        if stop is not None and stop.kind == "negation":
            start = next((k for k in range(start, place) if items[k].kind != "action"), place)
        leading = [items[k] for k in range(start, place) if is_attribute(items[k]) and self.leads_up(k, place)]
        self.found[order] += [item for item in leading if not (item.kind == "as_needed" and item.value)]
        if before >= 0:
            self.pass_switch(before, place, order)
        return start

    def leads_up(self, place: int, drug: int) -> bool:
        """Return whether an attribute can lead up to a drug: of percentages not "95% on oxygen"."""
        item = self.items[place]
        if item.kind != "quantity" or item.value.unit != "%":
            return True
        return all(is_attribute(self.items[k]) or self.word(k) == "of" for k in range(place + 1, drug))

    def is_hyphen(self, place: int) -> bool:
        """Return whether an item is a hyphen between an attribute and a drug: "oral-prednisone", "low-dose aspirin"."""
        item = self.items[place]
        return item.value == "-" and item.end < len(self.text) and not self.text[item.end].isspace()

    def is_wrap(self, place: int, before: int) -> bool:
        """Return whether an item is a line end within "40 mg of esomeprazole"."""
        if self.items[place].value != "\n" or place < 1:
            return False
        return before < 0 or self.items[place - 1].kind == "link"

    def is_joint(self, place: int, before: int) -> bool:
        """Return whether an item is the "and" between two attributes of a kind: "inhaled and systemic colistin"."""
        if self.items[place].value not in ("and", "/") or not before < place - 1 or place + 1 >= len(self.items):
            return False
        return {self.items[place - 1].kind, self.items[place + 1].kind} == {"route"}

    def undecided(self, before: int, place: int) -> int:
        """Return where a drug's items start if nothing separates it from those of the drug before."""
        items = self.items
        region = items[before + 1 : place]
        if not region or not any(is_attribute(item) for item in region):
            return place
        last = place - 1
        if self.word(last) == "of" and last - 1 > before and kind_of(items[last - 1]) in ("strength", "dose", "volume"):
            return last - 1
        actions = [k for k in range(before + 1, place) if items[k].kind == "action"]
        if actions and self.word(actions[-1] - 1) in PASSIVE:
            # "aspirin was switched to clopidogrel": about the first, and passed on.
            return actions[-1] + 1
        if is_attribute(region[0]) or region[0].kind == "number":
            return actions[-1] if actions and actions[-1] > before + 1 else place
        return before + 1

    def word(self, place: int) -> str:
        """Return the words of an item in lower case, "" if there is none."""
        if not 0 <= place < len(self.items):
            return ""
        item = self.items[place]
        return self.text[item.start : item.end].lower()

    def tie_back(self, before: int, end: int, order: int) -> None:
        """Tie to a drug what follows it.

        before (int): the drug's place.
        end (int): where the items of the next drug start.
        order (int): the drug's number.
        """
        items, found = self.items, self.found[order]
        distance, is_blocked, everyone = 0.0, False, order
        for place in range(before + 1, end):
            item = items[place]
            if is_blocked and item.kind in ("quantity", "number"):
                # "Disp: 30 tablets", "blood loss 500 mL".
                is_blocked = False
                continue
            is_blocked = item.value == "next" or (is_blocked and item.kind in ("link", "separator"))
            if item.kind == "level" and distance < 1 and not found:
                self.measured.add(order)
            if item.kind == "number":
                item = self.as_quantity(item, place, before, order)
            if is_measured(item):
                distance += 3
            elif (is_attribute(item) or item.kind == "maximum") and self.can_follow(item, place, before, end, distance):
                found.append(self.as_pair(item, order))
                distance = 0.0
                for other in range(everyone, order):
                    self.found[other].append(item)
            else:
                distance += STEPS.get(item.kind if item.kind != "separator" else item.value, 1.0)
            if item.kind == "word" and item.value in EVERYONE:
                everyone = order - 1 if item.value == "both" else max(order - MOST_SHARED, 0)
            if distance > max(LIMITS.values()):
                break
        if [unit_of(item) for item in found] == ["ug/mL"]:
            # Without anything else this is a level.
            self.measured.add(order)
        if order in self.measured:
            self.found[order] = [item for item in found if item.kind == "action"]

    def as_quantity(self, item: Item, place: int, before: int, order: int) -> Item:
        """Return a number without a unit as a strength if it can be one: "ramipril 5"."""
        number: Number = item.value
        drug = self.items[before]
        if self.is_count(place, order):
            return item._replace(kind="dose", value=number.as_value())
        if place - before > NEAR or not all(map(self.is_between, range(before + 1, place))):
            return item
        name = self.text[drug.start : drug.end].lower()
        if not {name, *name.split()[-1:]}.isdisjoint(self.analytes) or order in self.measured:
            return item
        following = self.items[place + 1] if place + 1 < len(self.items) else None
        ends = following is None or following.kind in ("separator", "drug", "negation")
        ordered = following is not None and is_attribute(following)
        if self.word(place + 1) == ".":
            # "1. aspirin 2. metoprolol": the sign of a list's item.
            ends = not (place + 2 < len(self.items) and self.items[place + 2].kind == "drug")
            ordered = False
        if not (ends or ordered) or not self.is_plausible(number, order, ordered):
            return item
        return item._replace(kind="strength", value=number.as_value())

    def as_pair(self, item: Item, order: int) -> Item:
        """Return "25-100 mg" of carbidopa-levodopa as two strengths, and anything else as it is."""
        if item.kind != "quantity" or kind_of(item) != "strength" or item.value.number.kind != RANGE:
            return item
        drug = self.items[self.places[order]]
        names = re.split(r"[-/+]", self.text[drug.start : drug.end])
        if len(names) != 2 or any(len(name.strip()) < SHORTEST_NAME for name in names):
            return item
        return item._replace(value=item.value._replace(number=item.value.number._replace(kind=RATIO)))

    def is_count(self, place: int, order: int) -> bool:
        """Return whether a number counts tablets without saying so: "20 mg caps 1 OM"."""
        number: Number = self.items[place].value
        if number.kind not in (SINGLE, RANGE) or any(value is None or value > LARGEST_COUNT for value in number.values):
            return False
        if place + 1 >= len(self.items) or self.items[place + 1].kind not in ("frequency", "route"):
            return False
        before = self.items[place - 1]
        return is_attribute(before) and kind_of(before) in ("strength", "form") and before in self.found[order][-1:]

    def is_between(self, place: int) -> bool:
        """Return whether an item can be between a drug and its number without a unit."""
        item = self.items[place]
        return item.kind in ("form", "route", "action") or self.word(place) in BEFORE_BARE

    def is_plausible(self, number: Number, order: int, ordered: bool) -> bool:
        """Return whether a number without a unit can be a strength: no year, no date, no telephone number."""
        if number.kind == CHAIN or None in number.values:
            return False
        values = [value for value in number.values if value is not None]
        if any(not 0 < value <= LARGEST_BARE for value in values):
            return False
        if number.kind == SINGLE:
            return not (YEARS[0] <= values[0] <= YEARS[1] and isinstance(values[0], int)) or ordered
        if number.kind == RATIO and not ordered:
            return self.is_compound(order) and len(values) == 2
        return ordered

    def is_compound(self, order: int) -> bool:
        """Return whether a drug is a combination: its name has a slash or hyphen, or one is between it and another."""
        drug = self.items[self.places[order]]
        joined = order > 0 and self.places[order] - self.places[order - 1] == 2
        return joined or any(sign in self.text[drug.start : drug.end] for sign in "/-+")

    def can_follow(self, item: Item, place: int, before: int, end: int, distance: float) -> bool:
        """Return whether an attribute belongs to the drug before it."""
        kind = kind_of(item)
        if distance > LIMITS[kind]:
            return False
        if kind == "action":
            return self.is_action(place, before, end)
        rule = item.rule
        if kind == "strength" and item.kind == "quantity" and item.value.unit == "%":
            return distance < 0.3
        if kind == "strength" and self.word(place - 1) in ("per", "/"):
            # "1 unit per 10 g of carbohydrates".
            return False
        if kind == "volume" and place + 1 < end and self.items[place + 1].value == "next":
            # "500 mL output".
            return False
        if rule is not None and rule.last:
            return distance < 0.6
        if kind in ("form", "route") and distance >= 0.5 and self.items[place - 1].kind == "word":
            return distance <= 1.2
        return True

    def is_action(self, place: int, before: int, end: int) -> bool:
        """Return whether an action is about the drug before it: "was held", "25 mg, held", "increased to 50 mg"."""
        previous = self.items[place - 1]
        if previous.kind == "negation" or (
            self.word(place - 1) in PASSIVE and self.items[place - 2].kind == "negation"
        ):
            return False
        if self.word(place - 1) in PASSIVE:
            return True
        if place + 1 >= len(self.items):
            return True
        after = self.items[place + 1]
        if self.items[place].rule is not None and self.word(place) == "off":
            return previous.value == "then"
        if self.word(place + 1) in REASONED:
            return True
        return after.kind in ("separator", "link", "drug", "block", "number") or is_attribute(after)

    def pass_switch(self, before: int, place: int, order: int) -> None:
        """Let the new drug of a switch have the action too: "switched from X to Y", "X was changed to Y"."""
        region = self.items[before + 1 : place]
        words = [self.word(k) for k in range(before + 1, place)]
        switches = [
            item for item in (*self.found[order - 1], *region) if item.kind == "action" and item.value == "switch"
        ]
        has_own = any(item.kind == "action" for item in self.found[order])
        plain = all(item.kind in ("link", "action") or is_attribute(item) for item in region)
        if switches and not has_own and plain and {"to", "by", "with", "for"} & {*words}:
            self.found[order].append(switches[-1])
        own = [
            item for item in region if item.kind == "action" and item.value == "switch" and item in self.found[order]
        ]
        if own and words[:1] == [","] and words[-1:] == ["to"] and len(region) <= LONGEST_SWITCH:
            # "aspirin, switched to clopidogrel".
            self.found[order - 1].append(own[0])

    def share(self) -> None:
        """Let drugs that are coordinated share what is said of them together."""
        for order in range(len(self.places) - 1, 0, -1):
            region = self.items[self.places[order - 1] + 1 : self.places[order]]
            signs = [item.value for item in region]
            if len(region) == 1 and signs[0] in ("/", "-", "and") and self.is_combined(order, signs[0]):
                self.combine(order - 1, order)
            elif region and all(item.kind == "separator" and item.value in ("and", ",") for item in region):
                self.coordinate(order - 1, order, "and" in signs or self.is_joined(order))
        for order in range(1, len(self.places)):
            self.share_action(order - 1, order)
        for order in range(len(self.places) - 1, 0, -1):
            self.share_plural(order - 1, order)

    def share_plural(self, first: int, second: int) -> None:
        """Let a drug share the action of the one after it: "aspirin 81 mg and apixaban 5 mg were started"."""
        region = self.items[self.places[first] + 1 : self.places[second]]
        signs = [item.value for item in region if item.kind == "separator"]
        if signs != ["and"] or not all(is_attribute(item) or item.kind == "separator" for item in region):
            return
        actions = [item for item in self.found[second] if item.kind == "action"]
        has_own = any(item.kind == "action" for item in self.found[first])
        if (
            actions
            and not has_own
            and self.text[max(actions[0].start - 8, 0) : actions[0].start].rstrip().lower().endswith(" were")
        ):
            self.found[first].append(actions[0])

    def is_joined(self, order: int) -> bool:
        """Return whether a drug is followed by "and" and another one, at the end of a list."""
        return (
            order + 1 < len(self.places)
            and self.places[order + 1] - self.places[order] <= 3
            and any(item.value == "and" for item in self.items[self.places[order] + 1 : self.places[order + 1]])
        )

    def is_combined(self, order: int, sign: Any) -> bool:
        """Return whether two drugs are one product: "losartan/HCTZ"; with "and" only if two numbers follow."""
        return sign != "and" or any(numbers_of(item) == 2 for item in self.found[order] if kind_of(item) == "strength")

    def combine(self, first: int, second: int) -> None:
        """Let two drugs of one product share all attributes. Of "50/12.5" each has its own number."""
        own, shared = [], []
        for item in self.found[second]:
            parts = self.split_ratio(item) if kind_of(item) == "strength" else None
            shared.append(parts[0] if parts else item)
            own.append(parts[1] if parts else item)
        kinds = {kind_of(item) for item in self.found[first]}
        self.found[second] = own + [
            item for item in self.found[first] if kind_of(item) not in {kind_of(one) for one in own}
        ]
        self.found[first] = self.found[first] + [item for item in shared if kind_of(item) not in kinds]

    def split_ratio(self, item: Item) -> tuple[Item, Item] | None:
        """Return the two parts of "50/12.5 mg" with a value each, or None if it has not two numbers."""
        if numbers_of(item) != 2:
            return None
        value = item.value.as_value() if item.kind == "quantity" else item.value
        middle = item.start + max(self.text[item.start : item.end].find(sign) for sign in "/-\u2013")
        values = [{**{key: value[key] for key in value if key != "values"}, "value": one} for one in value["values"]]
        first = Item("strength", item.start, middle, values[0], item.rule)
        return first, Item("strength", middle + 1, item.end, values[1], item.rule)

    def coordinate(self, first: int, second: int, joined: bool) -> None:
        """Let the first of two drugs share what follows both, if it has nothing itself and no dose follows."""
        if not joined or any(not self.is_leading_of(first, item) for item in self.found[first]):
            return
        after = [item for item in self.found[second] if item.start > self.items[self.places[second]].start]
        kinds = {kind_of(item) for item in after}
        if not kinds & {"strength", "dose", "volume"}:
            own = {kind_of(item) for item in self.found[first]}
            self.found[first] += [item for item in after if kind_of(item) not in own]

    def is_leading_of(self, order: int, item: Item) -> bool:
        """Return whether an item is before a drug."""
        return item.start < self.items[self.places[order]].start

    def share_action(self, first: int, second: int) -> None:
        """Let a drug share the action before the drug before it: "start aspirin and clopidogrel"."""
        region = self.items[self.places[first] + 1 : self.places[second]]
        signs = [item.value for item in region if item.kind == "separator"]
        plain = all(
            is_attribute(item) or item.kind in ("link", "number") or item.value in ("and", ",", "/", "-")
            for item in region
            if item.kind != "action"
        )
        actions = [item for item in self.found[first] if item.kind == "action" and self.is_leading_of(first, item)]
        shared = [item for item in actions if item.value != "switch"]
        if shared and signs and plain and not any(item.kind == "action" for item in (*region, *self.found[second])):
            self.found[second].append(shared[0])


def unit_of(item: Item) -> str | None:
    """Return the unit of a quantity, None for anything else."""
    return item.value.unit if item.kind == "quantity" else None


def numbers_of(item: Item) -> int:
    """Return how many numbers a ratio has; 0 for anything else."""
    value = item.value.as_value() if item.kind == "quantity" else item.value
    return len(value.get("values", ())) if isinstance(value, dict) else 0


def is_leading(item: Item) -> bool:
    """Return whether an item can be between a drug and an attribute that leads up to it."""
    if item.kind == "as_needed":
        return not item.value
    return item.kind in ("link", "lead") or is_attribute(item)
