"""The items of a part of a text: drugs, what can be an attribute of one, and what is between them."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from .numbers import CHAIN, RATIO, SINGLE, Number, NumberReader
from .rules import END, NUMBERED, TIME, MedicationRule, RuleTable, Tree
from .tokens import DASHES, is_numeric, tokenize

# The words that can be before the reason for a drug that is taken as needed, and how many words it can have.
BEFORE_REASON = ("for", "if", "when")
LONGEST_REASON = 6
SEVENTHS = {7: "#/7", 52: "#/52", 12: "#/12"}
TIMES = ("x", "\u00d7")
SKIPPED = {*DASHES, "\n"}
NO_REASON = {".", ";", ",", ":", "(", ")", "[", "]", "\n", "|", ">", "<", "=", "*"}


# What a phrase of a rule that is `after` something can follow, and what one that is `last` can have after it.
AFTER = {"quantity", "number", "dose", "form", "route", "frequency", "duration", "as_needed"}
LAST = {*".,;:)\n&+", "and", "then", "prn", "for", "x"}


class Drug(NamedTuple):
    """A mention of a drug.

    start, end (int): its characters in the text.
    number (int): its place among the mentions.
    """

    start: int
    end: int
    number: int


class Item(NamedTuple):
    """A part of a text that means something for an order, or a word that does not.

    kind (str): "drug", "quantity", "number" for one without a unit, the attribute of a rule, or "word".
    start, end (int): its characters in the text.
    value (Any): what it is normalised to. The Drug, the Number or the Quantity for these kinds.
    rule (MedicationRule | None): the rule that found it.
    """

    kind: str
    start: int
    end: int
    value: Any = None
    rule: MedicationRule | None = None


class Match(NamedTuple):
    """A phrase that starts at a token.

    rule (MedicationRule): its rule.
    end (int): the token after it.
    numbers (tuple[Number, ...]): the numbers in its slots.
    time (str | None): the unit of time in its slot.
    """

    rule: MedicationRule
    end: int
    numbers: tuple[Number, ...]
    time: str | None


class Scanner(NumberReader):
    """Finds the items of a part of a text."""

    def __init__(self, text: str, start: int, end: int, drugs: Sequence[Drug], table: RuleTable):
        # A mention may start within what would be one token, as "o" in "p.o.".
        cuts = sorted({start, *(drug.start for drug in drugs), end})
        tokens = [token for one, other in pairwise(cuts) for token in tokenize(text, one, other)]
        super().__init__(text, tokens, table)
        self.starts = {drug.start: drug for drug in drugs}

    def scan(self) -> list[Item]:
        """Return the items in order."""
        items: list[Item] = []
        place = 0
        while place < len(self.tokens):
            item, place = self.read_item(place, items)
            items.append(item)
        return items

    def read_item(self, place: int, before: Sequence[Item]) -> tuple[Item, int]:
        """Return the item that starts at a token, and the token after it."""
        token = self.tokens[place]
        if drug := self.starts.get(token.start):
            return Item("drug", drug.start, drug.end, drug), self.skip_to(place, drug.end)
        if token.key == "\n":
            return Item("separator", token.start, token.end, "\n"), place + 1
        number = self.number_at(place)
        is_after = bool(before) and before[-1].kind in AFTER
        match = self.match_at(place, number, is_after=is_after)
        if number is not None:
            quantity = self.quantity_at(place)
            if quantity and (match is None or quantity.end >= match.end) and not self.has_drug(place, quantity.end):
                return self.make_item("quantity", place, quantity.end, quantity, quantity.rule), quantity.end
            if quantity is None and self.is_multiplied(number):
                return self.make_item("dose", place, number.end, number.as_value()), number.end
            if match is None and not self.has_drug(place, number.end):
                return self.make_item("number", place, number.end, number), number.end
        if match is None or self.has_drug(place, match.end):
            return Item("word", token.start, token.end, token.key), place + 1
        if match.rule.attribute == "as_needed":
            return self.with_reason(place, match, before)
        return self.make_item(match.rule.attribute, place, match.end, fill(match), match.rule), match.end

    def is_multiplied(self, number: Number) -> bool:
        """Return whether a number says how many of an amount: "2 x 500 mg"."""
        return number.kind == SINGLE and self.key(number.end) in TIMES and self.quantity_at(number.end + 1) is not None

    def cuts_quantity(self, match: Match) -> bool:
        """Return whether a phrase ends in a number that has a unit: "x 500" of "2 x 500 mg"."""
        if not match.numbers or match.numbers[-1].end != match.end:
            return False
        quantity = self.quantity_at(match.numbers[-1].starts[0])
        return quantity is not None and quantity.end > match.end

    def make_item(self, kind: str, place: int, end: int, value: Any, rule: MedicationRule | None = None) -> Item:
        """Return the item of the tokens from one to before another one."""
        return Item(kind, self.tokens[place].start, self.tokens[end - 1].end, value, rule)

    def skip_to(self, place: int, end: int) -> int:
        """Return the first token at or after an offset."""
        while place < len(self.tokens) and self.tokens[place].start < end:
            place += 1
        return place

    def has_drug(self, place: int, end: int) -> bool:
        """Return whether a drug starts within tokens."""
        return any(self.tokens[inner].start in self.starts for inner in range(place, end))

    def match_at(self, place: int, number: Number | None, *, is_after: bool = False) -> Match | None:
        """Return the longest phrase that starts at a token, or None.

        place (int): the token.
        number (Number | None): the number that starts there.
        is_after (bool): whether an attribute of an order is right before it.
        RETURNS (Match | None): of two phrases of the same length the one with a condition, then the last.
        """
        tree = self.table.anywhere
        key = self.tokens[place].key
        if key not in tree and number is None and key not in self.table.times:
            return None
        best: Match | None = None
        for match in self.matches(tree, place, (), None, place):
            if (is_after or not (match.rule.after or match.rule.last)) and not self.cuts_quantity(match):
                best = match if best is None or rank(match) >= rank(best) else best
        return best

    def is_last(self, place: int) -> bool:
        """Return whether nothing, or a sign, is at a token: what a phrase can end with that has to be the last one."""
        key = self.key(place)
        return not key or key in LAST

    def matches(
        self, node: Tree, place: int, numbers: tuple[Number, ...], time: str | None, first: int
    ) -> Iterator[Match]:
        """Yield all phrases that go on at a token."""
        if END in node:
            for rule, exact in node[END]:
                if (exact is None or exact == self.exact(first, place)) and (not rule.last or self.is_last(place)):
                    yield Match(rule, place, numbers, time)
        if not (key := self.key(place)):
            return
        if key in node:
            yield from self.matches(node[key], place + 1, numbers, time, first)
        elif key in SKIPPED and place > first and self.key(place + 1) not in SKIPPED:
            # A hyphen or a line end within a phrase. A phrase does not end with one.
            inner = {name: branch for name, branch in node.items() if name != END}
            yield from self.matches(inner, place + 1, numbers, time, first)
        if TIME in node and key in self.table.times:
            yield from self.matches(node[TIME], place + 1, numbers, self.table.times[key], first)
        if NUMBERED in node:
            yield from self.number_matches(node, place, numbers, time, first)

    def exact(self, first: int, end: int) -> str:
        """Return the text of tokens with its case and without spaces."""
        return self.text[self.tokens[first].start : self.tokens[end - 1].end].replace(" ", "")

    def number_matches(
        self, node: Tree, place: int, numbers: tuple[Number, ...], time: str | None, first: int
    ) -> Iterator[Match]:
        """Yield all phrases that go on with a number at a token."""
        number = self.number_at(place)
        if number is None:
            return
        if number.kind == RATIO and len(number.values) == 2:
            above, below = number.values
            if "#/#" in node:
                parts = tuple(single(value, number) for value in number.values)
                yield from self.matches(node["#/#"], number.end, numbers + parts, time, first)
            slot = SEVENTHS.get(int(below)) if below in SEVENTHS else None
            if slot in node and above is not None:
                yield from self.matches(node[slot], number.end, (*numbers, single(above, number)), time, first)
        if "#" in node and number.kind != CHAIN and (number.kind != RATIO or number.fraction is not None):
            yield from self.matches(node["#"], number.end, (*numbers, number), time, first)

    def with_reason(self, place: int, match: Match, before: Sequence[Item]) -> tuple[Item, int]:
        """Return an item for "as needed" with its reason, which is after it, or before it after "for"."""
        start = match.end + (self.key(match.end) in BEFORE_REASON)
        end = self.reason_end(start, is_marked=start > match.end)
        if end > start:
            reason = self.part(self.tokens[start].start, self.tokens[end - 1].end)
            return self.make_item("as_needed", place, end, {"reason": reason}, match.rule), end
        earlier = self.reason_before(before)
        value = {"reason": earlier} if earlier else {}
        return self.make_item("as_needed", place, match.end, value, match.rule), match.end

    def part(self, start: int, end: int) -> dict[str, Any]:
        """Return a part of the text with its offsets."""
        return {"text": self.text[start:end], "start": start, "end": end}

    def reason_end(self, place: int, *, is_marked: bool) -> int:
        """Return the token after a reason that starts at a token; the token itself if there is none.

        place (int): the first token.
        is_marked (bool): whether "for" is before it. Without, a word such as "is" starts no reason.
        """
        end = place
        while (key := self.key(end)) and end < place + LONGEST_REASON and key not in NO_REASON:
            if key in ("or", "and", "/", "-", "&"):
                after = self.key(end + 1)
                if end == place or not after.isalpha() or self.ends_reason(end + 1):
                    break
            elif self.ends_reason(end) or (end == place and not is_marked and self.is_link(end)):
                break
            end += 1
        while end > place and (self.is_link(end - 1) or not self.key(end - 1)[0].isalnum()):
            end -= 1
        return end

    def is_link(self, place: int) -> bool:
        """Return whether a word only links others."""
        node = self.table.anywhere.get(self.key(place), {})
        return END in node and node[END][-1][0].attribute in ("link", "separator", "lead")

    def ends_reason(self, place: int) -> bool:
        """Return whether a token is a drug, a number or an attribute."""
        token = self.tokens[place]
        if token.start in self.starts or is_numeric(token.key):
            return True
        match = self.match_at(place, self.number_at(place))
        return match is not None and match.rule.attribute not in ("link", "separator", "level", "block", "lead")

    def reason_before(self, items: Sequence[Item]) -> dict[str, Any] | None:
        """Return a reason right before "as needed", such as "for pain as needed", or None."""
        for count in range(1, LONGEST_REASON + 1):
            if count > len(items):
                return None
            item = items[-count]
            if item.kind == "link" and self.text[item.start : item.end].lower() == "for":
                return self.part(items[-count + 1].start, items[-1].end) if count > 1 else None
            if item.kind not in ("word", "link", "block") and item.value not in ("and", "/"):
                return None
        return None


def rank(match: Match) -> tuple[int, bool]:
    """Return what decides between two phrases: the length, then whether a condition had to be met."""
    rule = match.rule
    return match.end, rule.case or rule.after or rule.last


def single(value: float | None, number: Number) -> Number:
    """Return a part of a number as a number."""
    return Number(SINGLE, (value,), number.end, number.starts[:1])


def fill(match: Match) -> Any:
    """Return the value of a rule with the numbers and the unit of time that its slots have.

    match (Match): the phrase.
    RETURNS (Any): the value. A number that can't be read leaves the value without it.
    """
    value = match.rule.value
    if not isinstance(value, dict):
        return value
    filled = {key: fill_one(inner, match) for key, inner in value.items()}
    if any(inner is None for inner in filled.values()):
        return {}
    return filled


def fill_one(value: Any, match: Match) -> Any:
    """Return a part of a rule's value with its slots filled; None if a number in it can't be read."""
    if value == TIME:
        return match.time
    if value not in ("#", "#2"):
        return value
    number = match.numbers[0 if value == "#" else 1] if len(match.numbers) > (value == "#2") else None
    found = number.as_value() if number else {}
    return found.get("value", found or None)
