"""The medications component: sets `ent._.medication`, the order of each drug, from the text around it.

In: doc.ents and, if another component has set them, sentences.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import srsly
from numpy import flatnonzero
from spacy.attrs import SENT_START
from spacy.language import Language
from spacy.tokens import Doc, Span

from ..factory import Factory
from ..version import check_version
from .order import OrderMaker
from .rules import RuleTable, Source, read_table
from .scan import Drug, Item, Scanner
from .ties import Tied, is_attribute

RULES_FILE = "rules.json"
ATTRIBUTE = "medication"
# Where nothing has set sentences: at line ends, unless the next line goes on in lower case, and at full stops.
SENTENCE_END = re.compile(r"\n[ \t]*(?![a-z])|[.!?][)\]\"']*[ \t]+(?=[A-Z][a-z])")
TITLES = re.compile(r"(?:^|\s)(?:Dr|Mr|Mrs|Ms|Prof|St|Tab|Tabs|Cap|Caps|Inj|Syr|T|C|[A-Za-z])\.\s+$", re.IGNORECASE)
# How many lines can continue the order of the line before: "Sig: take 1 tablet daily".
CONTINUED = 3
REASON_FOLLOWS = re.compile(r"\s(?:for\s)?", re.IGNORECASE)
TREATED = re.compile(r"\b(?:for|against|of|in|treat)\s(?:\S+\s)?$", re.IGNORECASE)
BLANK = re.compile(r"\n[ \t]*\n")


def make_medications(nlp: Language, name: str, rules: Any, extra_rules: Any, labels: list[str]) -> "Medications":
    """Return the component.

    nlp (Language): the pipeline.
    name (str): the component's name in it.
    rules (Source | None): rules in place of the library's: the path of a JSON file, or its content. None for those.
    extra_rules (Source | None): rules in addition to them, which come before others with the same phrase.
    labels (list[str]): the labels of drugs.
    RETURNS (Medications): the component.
    RAISES (ValueError): a rule is wrong. The message has its number and what is wrong.
    """
    # Any, because spaCy's message for another type has no number.
    check_version(nlp)
    return Medications(rules, extra_rules, labels)


class Medications:
    """A component that sets the order of each drug: `ent._.medication`, a dict or None.

    Its rules are saved with the pipeline.
    """

    def __init__(self, rules: Source | None = None, extra_rules: Source | None = None, labels: Any = ("Chemical",)):
        self.labels = frozenset(labels)
        self.source = srsly.json_loads(srsly.json_dumps([rules, extra_rules]))
        self._missing: str | None = None
        if not Span.has_extension(ATTRIBUTE):
            Span.set_extension(ATTRIBUTE, default=None)
        self.table = self.read()

    def read(self) -> RuleTable:
        """Return the rules that the config names.

        A file that is not there is an error only when the component is used: a saved pipeline has its own copy.
        """
        self._missing = next(
            (source for source in self.source if isinstance(source, str) and not Path(source).is_file()), None
        )
        return RuleTable(()) if self._missing else read_table(*self.source)

    def __call__(self, doc: Doc) -> Doc:
        """Set the orders of a document's drugs.

        doc (Doc): the document with its mentions.
        RETURNS (Doc): the same document.
        RAISES (ValueError): the file of rules that the config names is not there.
        """
        if self._missing:
            raise ValueError(f"The file of medication rules {self._missing} is not there")
        ents = [ent for ent in doc.ents if ent.label_ in self.labels]
        if ents:
            drugs = [Drug(ent.start_char, ent.end_char, number) for number, ent in enumerate(ents)]
            others = [(ent.start_char, ent.end_char) for ent in doc.ents if ent.label_ not in self.labels]
            for number, order in find_orders(doc.text, sentence_starts(doc), drugs, self.table, others):
                ents[number]._.set(ATTRIBUTE, order)
        return doc

    def to_bytes(self, *, exclude: Any = ()) -> bytes:
        """Return the rules as bytes, with the config's that they come from."""
        return srsly.msgpack_dumps({"source": self.source, **self.table.to_dict()})

    def from_bytes(self, data: bytes, *, exclude: Any = ()) -> "Medications":
        """Load the rules, unless the config names other ones than it did when they were saved.

        data (bytes): what `to_bytes` returned.
        RETURNS (Medications): this component.
        """
        return self.load(srsly.msgpack_loads(data))

    def to_disk(self, path: Path, *, exclude: Any = ()) -> None:
        """Save the rules in a folder.

        path (Path): the folder.
        """
        Path(path).mkdir(parents=True, exist_ok=True)
        srsly.write_json(Path(path) / RULES_FILE, {"source": self.source, **self.table.to_dict()})

    def from_disk(self, path: Path, *, exclude: Any = ()) -> "Medications":
        """Load the rules from a folder; see `from_bytes`.

        path (Path): the folder.
        RETURNS (Medications): this component.
        """
        return self.load(srsly.read_json(Path(path) / RULES_FILE))

    def load(self, saved: dict[str, Any]) -> "Medications":
        """Use saved rules, unless the config has changed since."""
        if saved["source"] == self.source:
            self._missing = None
            self.table = read_table(saved)
        return self


def sentence_starts(doc: Doc) -> list[int]:
    """Return the offsets where the sentences of a document start, and the text's length.

    doc (Doc): the document. If nothing has set its sentences, a simple rule does.
    RETURNS (list[int]): offsets in order.
    """
    text = doc.text
    if doc.has_annotation("SENT_START"):
        starts = [doc[int(place)].idx for place in flatnonzero(doc.to_array(SENT_START) == 1)]
    else:
        ends = (match.end() for match in SENTENCE_END.finditer(text))
        starts = [end for end in ends if not TITLES.search(text[max(end - 8, 0) : end])]
    return sorted({0, *starts, len(text)})


def find_orders(
    text: str, starts: list[int], drugs: list[Drug], table: RuleTable, others: Sequence[tuple[int, int]] = ()
) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Yield the order of each drug of a text.

    text (str): the text.
    starts (list[int]): where its sentences start, and its length.
    drugs (list[Drug]): the drugs in order.
    table (RuleTable): the rules.
    others (Sequence[tuple[int, int]]): the offsets of the other mentions in order.
    YIELDS (tuple[int, dict | None]): a drug's number, and its order or None.
    """
    for inside, bounds in group_sentences(starts, drugs):
        items = Scanner(text, *bounds[0], inside, table).scan()
        for start, end in bounds[1:]:
            following = Scanner(text, start, end, (), table).scan()
            if not continues(following) or BLANK.search(text, bounds[0][0], start + 1):
                break
            items += [Item("separator", start, start, "\n"), *following]
        tied = Tied(respect(items, others, text), table, text)
        for place, found in zip(tied.places, tied.found, strict=True):
            drug = items[place].value
            yield drug.number, OrderMaker(text, [*forms_in(text, drug, table), *found]).make()


def respect(items: list[Item], others: Sequence[tuple[int, int]], text: str) -> list[Item]:
    """Let other mentions keep their words: "postnasal drip" is no drip, "cough x 3 days" no duration of a drug.

    A mention behind "PRN for" is the reason, whatever its words are.

    items (list[Item]): the items in order.
    others (Sequence[tuple[int, int]]): the offsets of the mentions that are no drugs, in order.
    text (str): the text.
    RETURNS (list[Item]): the items.
    """
    return [respect_one(item, others, text) for item in items] if others else items


def respect_one(item: Item, others: Sequence[tuple[int, int]], text: str) -> Item:
    """Return an item as it is beside other mentions; see `respect`."""
    place = bisect_right(others, (item.start, len(text)))
    before = others[place - 1] if place else (0, -1)
    if item.kind == "as_needed":
        after = others[place] if place < len(others) else None
        if item.value or after is None or not REASON_FOLLOWS.fullmatch(text, item.end, after[0]):
            return item
        reason = {"text": text[after[0] : after[1]], "start": after[0], "end": after[1]}
        return item._replace(end=after[1], value={"reason": reason})
    is_of_mention = (
        item.kind == "duration"
        and 0 <= item.start - before[1] <= 1
        and not TREATED.search(text[max(before[0] - 12, 0) : before[0]])
    )
    if item.kind != "drug" and (item.end <= before[1] or is_of_mention):
        return Item("word", item.start, item.end)
    return item


def forms_in(text: str, drug: Drug, table: RuleTable) -> list[Item]:
    """Return the form that a drug's mention ends with, as "XL" in "Toprol XL", as a list of one item or none."""
    start = text.rfind(" ", drug.start, drug.end) + 1
    items = Scanner(text, start, drug.end, (), table).scan() if start else []
    return [item for item in items if item.kind == "form"] if len(items) == 1 else []


def group_sentences(starts: list[int], drugs: list[Drug]) -> Iterator[tuple[list[Drug], list[tuple[int, int]]]]:
    """Yield each sentence with drugs, its drugs, and the sentences after it that have none.

    starts (list[int]): where sentences start, and the text's length.
    drugs (list[Drug]): the drugs in order.
    YIELDS (tuple[list[Drug], list[tuple[int, int]]]): the drugs; the offsets of their sentence and of those after it.
    """
    place = number = 0
    while number < len(drugs):
        while starts[place + 1] <= drugs[number].start:
            place += 1
        last = place
        inside = []
        while number < len(drugs) and drugs[number].start < starts[last + 1]:
            inside.append(drugs[number])
            # A mention that crosses the end of a sentence joins the two.
            while starts[last + 1] < drugs[number].end:
                last += 1
            number += 1
        free = last + 1
        while free + 1 < len(starts) and free - last <= CONTINUED:
            if number < len(drugs) and drugs[number].start < starts[free + 1]:
                break
            free += 1
        after = [(starts[k], starts[k + 1]) for k in range(last + 1, free)]
        yield inside, [(starts[place], starts[last + 1]), *after]
        place = last + 1 if number < len(drugs) else place


def continues(items: list[Item]) -> bool:
    """Return whether a sentence without a drug continues the order of the one before."""
    first = next((item for item in items if item.value != "\n" and item.value not in ("-", ",")), None)
    return first is not None and (first.kind == "lead" or (is_attribute(first) and first.kind != "action"))


MEDICATIONS = Factory(
    "clinical_medications",
    make_medications,
    {
        "requires": ["doc.ents"],
        "assigns": [f"span._.{ATTRIBUTE}"],
        "default_config": {"rules": None, "extra_rules": None, "labels": ["Chemical"]},
    },
)
