"""How a drug is ordered: the attributes of an order with their text and value, in the wording of `orders.yaml`.

The values are those of `ent._.medication`, without what follows from others: a frequency's code and times a day.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple

from scripts.errors import ProjectError

AMOUNT = re.compile(r"(?P<numbers>[\d.,]+(?:[-/][\d.,]+)?) ?(?P<unit>[A-Za-z]+|%)(?P<per>(?:/[a-z0-9 ]+)*)")
AS_NEEDED = "PRN"
ACTIONS = ("start", "stop", "hold", "continue", "increase", "decrease", "switch", "refill")
PARTS = ("units", "per", "routes", "frequencies", "as_needed", "reasons", "forms", "durations")
SHARE_SQUEEZED, SHARE_RANGE = 0.2, 0.1

Wording = Mapping[str, Any]


class Part(NamedTuple):
    """A part of a written order: an attribute, or a part of the one before it if that holds its text.

    text (str): how it is written, or the text between two attributes.
    name (str): the attribute, e.g. "strength"; empty for none.
    value (dict[str, Any]): its value.
    inner (tuple[tuple[str, str, dict], ...]): the name, text and value of attributes inside this one's text.
    """

    text: str
    name: str = ""
    value: Mapping[str, Any] = MappingProxyType({})
    inner: tuple[tuple[str, str, dict[str, Any]], ...] = ()


@dataclass(frozen=True)
class Orders:
    """The wording of orders in all splits.

    data (Mapping[str, Any]): the content of `orders.yaml`.
    """

    data: Mapping[str, Any]

    def __post_init__(self) -> None:
        if set(self.data) != set(PARTS):
            raise ProjectError(f"orders.yaml has the parts {sorted(self.data)}", f"Right are: {', '.join(PARTS)}")

    def write(self, kind: str, text: str, split: str, random: Random) -> list[Part]:
        """Write a part of an order.

        kind (str): "dose", "route", "frequency", "form", "duration" or "prn".
        text (str): what `drugs.tsv` says of it; for a form, the route.
        split (str): whose wording is used.
        random (Random): the source of chance.
        RETURNS (list[Part]): what is written.
        """
        match kind:
            case "dose":
                return [self.amount(text, split, random)]
            case "route":
                wording = self.entry("routes", text)
                return [Part(self.word(wording, split, random), "route", {"value": wording["value"]})]
            case "frequency":
                return list(self.frequency(text, split, random))
            case "form":
                wording = random.choice([each for each in self.entry("forms", text) if wordings(each, split)])
                return [Part(self.word(wording, split, random), "form", {"value": wording["value"]})]
            case "duration":
                wording = random.choice([each for each in self.data["durations"] if wordings(each, split)])
                number = random.choice(wording["numbers"])
                written = self.word(wording, split, random).format(number)
                return [Part(written, "duration", {"value": number, "unit": wording["unit"]})]
        return [self.as_needed(split, random)]

    def entry(self, part: str, text: str) -> Any:
        """Return what a part of the file says of a text of `drugs.tsv`."""
        if text not in self.data[part]:
            raise ProjectError(f"orders.yaml has no '{text}' in {part}", "Add it with its value and wordings.")
        return self.data[part][text]

    def word(self, wording: Wording, split: str, random: Random) -> str:
        """Return one of the wordings of a split."""
        return random.choice(wordings(wording, split))

    def as_needed(self, split: str, random: Random) -> Part:
        """Write that a drug is taken as needed."""
        return Part(self.word(self.data["as_needed"], split, random), "as_needed", {"value": True})

    def frequency(self, text: str, split: str, random: Random) -> Iterator[Part]:
        """Write a frequency, and that the drug is taken as needed if that stands behind it."""
        times = text.removesuffix(AS_NEEDED).strip()
        if times:
            wording = self.entry("frequencies", times)
            value = {name: each for name, each in wording.items() if name not in ("all", "train", "dev", "test")}
            yield Part(self.word(wording, split, random), "frequency", value)
        if times != text:
            yield from [Part(" ")] if times else []
            yield self.as_needed(split, random)

    def amount(self, text: str, split: str, random: Random) -> Part:
        """Write a strength or dose, e.g. "500 mg", "2 puffs" or "5 mg/kg"."""
        match = AMOUNT.fullmatch(text)
        if match is None:
            raise ProjectError(f"'{text}' is no amount", "Write a number and a unit of orders.yaml: 500 mg, 5 mg/kg.")
        wording, rates = self.entry("units", match["unit"]), match["per"].split("/")[1:]
        unit = "/".join([wording["unit"], *(self.entry("per", rate) for rate in rates)])
        numbers, value = match["numbers"], read_numbers(match["numbers"])
        if wording.get("plural") and value == {"value": 1} and random.random() < SHARE_RANGE:
            numbers, value = "1-2", {"low": 1, "high": 2}
        word = self.word(wording, split, random)
        plural = wording.get("plural") and value != {"value": 1}
        word = f"{word}s" if plural else word
        squeezed = word == "%" or (word in ("mg", "mcg", "g", "mL", "ml") and random.random() < SHARE_SQUEEZED)
        written = f"{numbers}{'' if squeezed else ' '}{word}{match['per']}"
        name = "dose" if rates or wording.get("measured") else "strength"
        form = (("form", word, {"value": wording["form"]}),) if "form" in wording else ()
        return Part(written, name, {**value, "unit": unit}, form)

    def is_counted(self, text: str) -> bool:
        """Return whether an amount names the form, as "1 tablet" does."""
        match = AMOUNT.fullmatch(text)
        return match is not None and "form" in self.entry("units", match["unit"])


def wordings(wording: Wording, split: str) -> Sequence[str]:
    """Return how a split words something: what all splits share, and what is its own."""
    return [*wording.get("all", ()), *wording.get(split, ())]


def read_numbers(text: str) -> dict[str, Any]:
    """Return the value of a number, or the values of a combination of two drugs: "49/51", "5-325"."""
    numbers = [float(number.replace(",", "")) for number in re.split("[-/]", text)]
    plain = [int(number) if number.is_integer() else number for number in numbers]
    return {"value": plain[0]} if len(plain) == 1 else {"values": plain}
