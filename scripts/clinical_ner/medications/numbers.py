"""Numbers and quantities: "1 1/2", "½", "4-6", "49/51 mg", "10,000 units", "5 mg/kg/day", "250 mg/5 mL".

Written by hand, because no kept parser reads them as orders mean them. quantulum3 0.10 reads "49/51 mg" as 0.96 mg,
"5-10 mg q4-6h" as 7.5 "milligram quintal to the 4", "5000 U" as atomic mass units and 0.25 μg/kg/min as an unknown
unit. It reads 175 words/s; this component has to read 100,000. pint computes with units, which nothing here does, and
ucumvert translates UCUM to pint; neither finds a quantity in a text. ucumvert 0.3 accepts each unit of rules.json.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from .rules import END, MedicationRule, RuleTable, Tree
from .tokens import DASHES, Token, is_numeric, read_number, whole

JOINERS = {"to", "or", "/", *DASHES}
ORDINALS = {"st", "nd", "rd", "th"}
# "x3", "q6h" and "d3" are numbers, "T4" and "B12" are not.
BEFORE_NUMBER = {"x", "q", "d", "po", "iv"}
ODD = {*"'^_\u2022\u22c5\u02d9\u066b\u066c"}
FRACTIONS = (2, 3, 4, 8)
MOST_DENOMINATORS = 3
SINGLE, RANGE, RATIO, CHAIN = "single", "range", "ratio", "chain"


class Number(NamedTuple):
    """One number, or several that belong together.

    kind (str): "single"; "range" for 4-6; "ratio" for 49/51 or 875-125; "chain" for anything else: 5-5-5, 8:30.
    values (tuple[float | None, ...]): the numbers; None for one that can't be read.
    end (int): the token after it.
    starts (tuple[int, ...]): the first token of each number.
    """

    kind: str
    values: tuple[float | None, ...]
    end: int
    starts: tuple[int, ...]

    @property
    def fraction(self) -> float | None:
        """The value of a ratio that can be a fraction, such as 1/2; None for any other."""
        if self.kind != RATIO or len(self.values) != 2:
            return None
        above, below = self.values
        return whole(above / below) if above and below in FRACTIONS and above < below else None

    def as_value(self) -> dict[str, Any]:
        """Return it as JSON has it: {"value": 25}, {"low": 4, "high": 6}, {"values": [49, 51]}; {} if unclear."""
        if None in self.values or self.kind == CHAIN:
            return {}
        if self.kind == RANGE:
            return {"low": self.values[0], "high": self.values[1]}
        if self.kind == SINGLE or self.fraction is not None:
            return {"value": self.values[0] if self.kind == SINGLE else self.fraction}
        return {"values": list(self.values)}


class Quantity(NamedTuple):
    """A number with a unit.

    number (Number): the number.
    rule (MedicationRule): the unit's or form's.
    unit (str | None): the UCUM unit, that of its denominators included; None for a unit that no order has.
    per (dict | None): the denominator of a concentration if it has a number: {"value": 5, "unit": "mL"}.
    end (int): the token after it.
    """

    number: Number
    rule: MedicationRule
    unit: str | None
    per: dict[str, Any] | None
    end: int

    def as_value(self) -> dict[str, Any]:
        """Return it as JSON has it, with its unit."""
        factor = self.rule.factor
        numbers = {key: scale(value, factor) for key, value in self.number.as_value().items()}
        unit = {"unit": self.unit} if numbers else {}
        return {**numbers, **unit, **({"per": self.per} if self.per and numbers else {})}


def scale(value: Any, factor: float) -> Any:
    """Return a number, or each of a list, multiplied."""
    return [scale(one, factor) for one in value] if isinstance(value, list) else whole(value * factor)


class NumberReader:
    """Reads the numbers of a list of tokens."""

    def __init__(self, text: str, tokens: Sequence[Token], table: RuleTable):
        self.text = text
        self.tokens = tokens
        self.table = table
        self._known: dict[int, Number | None] = {}

    def key(self, place: int) -> str:
        """Return the key of a token, "" after the last."""
        return self.tokens[place].key if 0 <= place < len(self.tokens) else ""

    def is_glued(self, place: int) -> bool:
        """Return whether no white space is before a token."""
        return 0 < place < len(self.tokens) and self.tokens[place - 1].end == self.tokens[place].start

    def number_at(self, place: int) -> Number | None:
        """Return the number that starts at a token, or None.

        place (int): the token.
        RETURNS (Number | None): the longest number or series of numbers.
        """
        if place not in self._known:
            self._known[place] = self.read(place)
        return self._known[place]

    def read(self, place: int) -> Number | None:
        """Return the number that starts at a token; see `number_at`."""
        single = self.read_single(place)
        if single is None:
            return None
        values, starts, joints, end = [single[0]], [place], [], single[1]
        while self.key(end) in JOINERS and (following := self.read_single(end + 1)):
            joints.append("-" if self.key(end) in DASHES else self.key(end))
            values.append(following[0])
            starts.append(end + 1)
            end = following[1]
        if self.key(end) == ":" and is_numeric(self.key(end + 1) or " ") and self.is_glued(end + 1):
            return Number(CHAIN, (None,), end + 2, (place,))
        return Number(kind_of(values, joints), tuple(values), end, tuple(starts))

    def read_single(self, place: int) -> tuple[float | None, int] | None:
        """Return value and end of one number without ranges and ratios, or None if there is none."""
        key = self.key(place)
        if not key:
            return None
        if not is_numeric(key):
            return self.read_word(place)
        if self.is_glued(place) and self.key(place - 1).isalpha() and self.key(place - 1) not in BEFORE_NUMBER:
            return None
        if self.is_glued(place) and self.key(place - 1) in ODD and is_numeric(self.key(place - 2) or " "):
            # Part of a number that is written in a way we don't know.
            return None, place + 1
        if self.key(place + 1) in ORDINALS and self.is_glued(place + 1):
            return None
        value, end = read_number(key), place + 1
        if value is not None and self.key(end) and is_numeric(self.key(end)):
            return self.read_mixed(value, end) or (value, end)
        return value, self.skip_repetition(value, end)

    def read_mixed(self, value: float, place: int) -> tuple[float | None, int] | None:
        """Return a number with a fraction after it: "1½", "1 1/2"; None if it is none."""
        key = self.key(place)
        if (part := read_number(key)) is None:
            return None
        if len(key) == 1 and not key.isdecimal():
            return whole(value + part), place + 1
        below = read_number(self.key(place + 2)) if self.key(place + 1) == "/" and self.key(place + 2) else None
        if below in FRACTIONS and 0 < part < below and self.is_glued(place + 1) and self.is_glued(place + 2):
            return whole(value + part / below), place + 3
        return None

    def read_word(self, place: int) -> tuple[float | None, int] | None:
        """Return a number in letters: "two", "two (2)", "one and a half", "half a", "one half"."""
        value = self.table.numbers.get(self.key(place))
        if value is None:
            return self.read_word(place + 1) if self.key(place) == "a" and self.key(place + 1) == "half" else None
        end = place + 1
        if value < 1:
            return value, end + (self.key(end) in ("a", "of")) + (self.key(end) == "of" and self.key(end + 1) == "a")
        if self.key(end) == "and" and self.key(end + 1) in ("a", "one") and self.key(end + 2) == "half":
            return whole(value + 0.5), end + 3
        if value == 1 and self.key(end) == "half":
            return 0.5, end + 1
        return value, self.skip_repetition(value, end)

    def skip_repetition(self, value: float | None, place: int) -> int:
        """Return the place after the same number in brackets: "one (1)", "2 (two)"."""
        if self.key(place) == "(" and self.key(place + 2) == ")":
            inner = self.key(place + 1)
            again = read_number(inner) if is_numeric(inner) else self.table.numbers.get(inner)
            return place + 3 if again is not None and again == value else place
        return place

    def quantity_at(self, place: int) -> Quantity | None:
        """Return the quantity that starts at a token, or None if there is no number with a known unit.

        place (int): the token.
        RETURNS (Quantity | None): number, unit and denominators.
        """
        number = self.number_at(place)
        if number is None:
            return None
        start = number.end + (self.key(number.end) in DASHES)
        if self.key(start) == "x" and self.is_glued(start):
            return None
        found = longest(self.table.units, self, start)
        if found is None:
            return None
        rule, end = found
        if rule.attribute != "unit":
            return Quantity(number, rule, rule.unit, None, end)
        return self.with_denominators(Quantity(number, rule, rule.value, None, end))

    def with_denominators(self, quantity: Quantity) -> Quantity:
        """Return a quantity with what follows after a slash or "per"."""
        if quantity.rule.kind == "other" or quantity.rule.value.startswith("{"):
            return quantity
        for _ in range(MOST_DENOMINATORS):
            found = self.denominator_at(quantity.end)
            if found is None:
                break
            unit, value, end = found
            if unit is None:
                return quantity._replace(unit=None, end=end)
            if value in (None, 1):
                quantity = quantity._replace(unit=f"{quantity.unit}/{unit}", end=end)
            else:
                quantity = quantity._replace(per={"value": value, "unit": unit}, end=end)
        return quantity

    def denominator_at(self, place: int) -> tuple[str | None, float | None, int] | None:
        """Return unit, number and end of a denominator that starts at a token, or None."""
        sign = self.key(place)
        if sign not in ("/", "per"):
            return None
        single = self.read_single(place + 1) if is_numeric(self.key(place + 1) or " ") else None
        found = longest(self.table.denominators, self, place + 1)
        if found:
            return found[0].value, None, found[1]
        if single is None:
            return None
        found = longest(self.table.denominators, self, single[1])
        return (found[0].value, single[0], found[1]) if found else None


def kind_of(values: Sequence[float | None], joints: Sequence[str]) -> str:
    """Return the kind of a series of numbers from what joins them."""
    if not joints:
        return SINGLE
    if {*joints} == {"/"}:
        return RATIO
    if len(joints) > 1 or None in values:
        return CHAIN
    low, high = values
    if low is None or high is None or low == high:
        return CHAIN
    # Nobody orders 5 to 325 mg: such a pair is one number for each of two drugs, as in 875-125.
    return RATIO if joints == ["-"] and (high < low or high > 20 * low > 0) else (RANGE if low < high else CHAIN)


def longest(tree: Tree, reader: NumberReader, place: int) -> tuple[MedicationRule, int] | None:
    """Return the rule of the longest phrase without slots that starts at a token, and the token after it."""
    node, found = tree, None
    while branch := node.get(reader.key(place)):
        node, place = branch, place + 1
        if END in node:
            found = (node[END][-1][0], place)
    return found
