"""The rules and tables of the medications component: read, checked, written, and ready to be looked up.

In: JSON, {"medication_rules": [{"attribute": "route", "phrases": ["po", "by mouth"], "value": "oral"}, ...]}. A phrase
is matched without case, white space and hyphens; "#" in it is a number or a range, "{time}" a unit of time, and "#/7"
a number of sevenths, as in the British "5/7" for five days.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from .tokens import DASHES, tokenize

DEFAULT_RULES = Path(__file__).parent / "rules.json"
# What rules that can be matched anywhere are for. The first eight are the attributes of a drug.
ATTRIBUTES = ("strength", "dose", "form", "route", "frequency", "duration", "as_needed", "action")
OTHERS = ("maximum", "separator", "link", "lead", "level", "block", "negation")
# These are looked up only where they can be.
TABLES = ("unit", "per", "time", "number", "analyte")
KINDS = ("strength", "dose", "volume", "other")
ACTIONS = ("start", "stop", "hold", "continue", "increase", "decrease", "switch", "refill")
PERIODS = ("min", "h", "d", "wk", "mo", "a")
SEPARATORS = ("and", ",", "/", "-", ";", "then", "but")
FREQUENCY_KEYS = ("frequency", "period", "unit", "when", "days", "count", "continuous")
DURATION_KEYS = ("value", "unit", "day")
TIME = "{time}"
NUMBERS = ("#", "#/7", "#/52", "#/12", "#/#")
SLOTS = (*NUMBERS, TIME)
SLOT = re.compile(r"(\{time\}|#/(?:7|52|12|#)|#)")

Source = str | Path | Mapping[str, Any] | list[Any]


@dataclass(frozen=True, eq=False)
class MedicationRule:
    """Phrases and what they mean.

    attribute (str): what they are: an attribute of a drug, or what else a reader of orders has to know, see OTHERS and
        TABLES.
    phrases (tuple[str, ...]): the phrases.
    value (Any): what they are normalised to.
    unit (str | None): the UCUM unit of a dose that counts a form: "{tablet}" for "2 tabs".
    kind (str): for a unit: whether it is a "strength", a "dose", a "volume", which is a dose too, or "other": no order.
    factor (float): for a unit: what its numbers are multiplied by.
    case (bool): whether upper and lower case must match.
    after (bool): whether the phrase counts only right after another attribute of an order.
    last (bool): whether, in addition, nothing but a separator can be after it.
    """

    attribute: str
    phrases: tuple[str, ...]
    value: Any = None
    unit: str | None = None
    kind: str = "strength"
    factor: float = 1
    case: bool = False
    after: bool = False
    last: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as it is in a file, without the values that are the default."""
        values = {name: value for name, value in asdict(self).items() if value != DEFAULTS.get(name)}
        return {**values, "phrases": list(self.phrases)}


KEYS = tuple(one.name for one in fields(MedicationRule))
DEFAULTS = {one.name: one.default for one in fields(MedicationRule) if one.name not in ("attribute", "phrases")}
# A tree of tokens. The rules of a phrase are under END after its last token, each with the phrase if its case counts.
END = " "
# Is in a branch that goes on with a number.
NUMBERED = " #"
Tree = dict[str, Any]


@dataclass(frozen=True)
class RuleTable:
    """Rules, ready to be looked up. Of two rules with the same phrase the later one applies.

    rules (tuple[MedicationRule, ...]): the rules in order.
    """

    rules: tuple[MedicationRule, ...]

    @cached_property
    def anywhere(self) -> Tree:
        """The phrases that can be anywhere."""
        return make_tree(rule for rule in self.rules if rule.attribute in (*ATTRIBUTES, *OTHERS))

    @cached_property
    def units(self) -> Tree:
        """The units after a number, and the forms that a number counts."""
        return make_tree(rule for rule in self.rules if rule.attribute == "unit" or rule.unit)

    @cached_property
    def denominators(self) -> Tree:
        """What can be after "per" or a slash."""
        return make_tree(rule for rule in self.rules if rule.attribute == "per")

    @cached_property
    def times(self) -> dict[str, str]:
        """The unit of time by its word."""
        return self.words("time")

    @cached_property
    def numbers(self) -> dict[str, float]:
        """The value of a number in letters by its word."""
        return self.words("number")

    @cached_property
    def analytes(self) -> frozenset[str]:
        """Substances that are measured in blood: a number after one is no dose unless it has a unit."""
        return frozenset(
            phrase.lower() for rule in self.rules if rule.attribute == "analyte" for phrase in rule.phrases
        )

    @cached_property
    def never_ordered(self) -> frozenset[str]:
        """Substances that are measured or consumed and never ordered, such as alcohol."""
        return frozenset(name for name, value in self.words("analyte").items() if value)

    def words(self, attribute: str) -> dict[str, Any]:
        """Return the values of a table of single words."""
        return {
            phrase.lower(): rule.value for rule in self.rules if rule.attribute == attribute for phrase in rule.phrases
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the table as it is written in JSON."""
        return {"medication_rules": [rule.to_dict() for rule in self.rules]}


def make_tree(rules: Iterable[MedicationRule]) -> Tree:
    """Return the phrases of rules as a tree of their tokens."""
    tree: Tree = {}
    for rule in rules:
        for phrase in rule.phrases:
            keys = split_phrase(phrase)
            node = tree
            for key in keys:
                if key in NUMBERS:
                    node[NUMBERED] = True
                node = node.setdefault(key, {})
            node.setdefault(END, []).append((rule, phrase.replace(" ", "") if rule.case else None))
    return tree


def split_phrase(phrase: str) -> list[str]:
    """Return the tokens of a phrase, its slots among them.

    phrase (str): for instance "every # {time}".
    RETURNS (list[str]): ["every", "#", "{time}"].
    """
    keys: list[str] = []
    for part in SLOT.split(phrase):
        keys += [part] if part in SLOTS else [token.key for token in tokenize(part, 0, len(part))]
    # Hyphens are skipped where a text has them.
    return [key for key in keys if key not in DASHES] or keys


def read_table(rules: Source | None = None, extra: Source | None = None) -> RuleTable:
    """Read rules.

    rules (Source | None): rules in place of the library's: a JSON file, its content, or the list. None for those.
    extra (Source | None): rules in addition, which come before others with the same phrase.
    RETURNS (RuleTable): the rules.
    RAISES (ValueError): they can't be read, or one is wrong. The message has its number and what is wrong.
    """
    checked: list[MedicationRule] = []
    for source in (DEFAULT_RULES if rules is None else rules, extra):
        if source is not None:
            checked += [check_rule(rule, number) for number, rule in enumerate(read_source(source), start=1)]
    return RuleTable(tuple(checked))


def read_source(source: Source) -> list[Any]:
    """Return a list of rules as JSON has it.

    source (Source): a file, the content of one, or its list of rules.
    RETURNS (list[Any]): the rules, not checked.
    RAISES (ValueError): the file can't be read or is not JSON, or has no such list.
    """
    if isinstance(source, (str, Path)):
        try:
            source = json.loads(Path(source).read_text(encoding="utf8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"The medication rules in {source} can't be read: {error}") from error
    rules = source.get("medication_rules") if isinstance(source, Mapping) else source
    if not isinstance(rules, (list, tuple)):
        raise ValueError("Medication rules must be a list, or have one under 'medication_rules'")
    return list(rules)


def check_rule(rule: Any, number: int) -> MedicationRule:
    """Return a rule, checked.

    rule (Any): the rule as read from JSON.
    number (int): its number in the list, from 1.
    RETURNS (MedicationRule): the rule.
    RAISES (ValueError): it is wrong. The message has its number and what is wrong.
    """
    problem = find_problem(rule)
    if problem:
        raise ValueError(f"Medication rule {number}: {problem}")
    return MedicationRule(**{**rule, "phrases": tuple(rule["phrases"])})


def find_problem(rule: Any) -> str | None:
    """Return what is wrong with a rule as read from JSON, or None."""
    if not isinstance(rule, Mapping):
        return f"it must be an object, not {type(rule).__name__}"
    if unknown := [key for key in rule if key not in KEYS]:
        return f"it has the unknown key '{unknown[0]}'; known are {', '.join(KEYS)}"
    known = (*ATTRIBUTES, *OTHERS, *TABLES)
    attribute = rule.get("attribute")
    if attribute not in known:
        return f"its 'attribute' ({attribute!r}) must be one of {', '.join(known)}"
    if rule.get("kind", "strength") not in KINDS:
        return f"its 'kind' ({rule['kind']!r}) must be one of {', '.join(KINDS)}"
    if not is_number(rule.get("factor", 1)):
        return f"its 'factor' ({rule['factor']!r}) must be a number"
    if flags := [key for key in ("case", "after", "last") if not isinstance(rule.get(key, False), bool)]:
        return f"its '{flags[0]}' must be true or false"
    if not isinstance(rule.get("unit", ""), str):
        return "its 'unit' must be a UCUM unit"
    if (
        attribute == "unit"
        and rule.get("kind") != "other"
        and not (isinstance(rule.get("value"), str) and rule["value"])
    ):
        return f"its 'value' ({rule.get('value')!r}) must be a UCUM unit"
    return find_phrase_problem(rule.get("phrases"), attribute) or find_value_problem(attribute, rule.get("value"))


def find_phrase_problem(phrases: Any, attribute: str) -> str | None:
    """Return what is wrong with the phrases of a rule, or None."""
    if not isinstance(phrases, (list, tuple)) or not phrases:
        return "its 'phrases' must be a list that is not empty"
    for phrase in phrases:
        if not isinstance(phrase, str) or not phrase.strip():
            return f"the phrase {phrase!r} is no text"
        keys = split_phrase(phrase)
        if "{" in keys and TIME not in keys:
            return f"the phrase '{phrase}' has a slot that is unknown; known are {', '.join(SLOTS)}"
        if attribute in ("time", "number") and len(keys) != 1:
            return f"the phrase '{phrase}' must be a single word"
    return None


def find_value_problem(attribute: str, value: Any) -> str | None:
    """Return what is wrong with the value of a rule, or None."""
    if attribute == "action" and value not in ACTIONS:
        return f"its 'value' ({value!r}) must be one of {', '.join(ACTIONS)}"
    if attribute == "separator" and value not in SEPARATORS:
        return f"its 'value' ({value!r}) must be one of {', '.join(SEPARATORS)}"
    if attribute == "time" and value not in PERIODS:
        return f"its 'value' ({value!r}) must be one of {', '.join(PERIODS)}"
    if attribute == "number" and not is_number(value):
        return f"its 'value' ({value!r}) must be a number"
    if attribute in ("form", "route") and not (isinstance(value, str) and value):
        return f"its 'value' ({value!r}) must be a name"
    if attribute in ("frequency", "duration"):
        return find_key_problem(value, FREQUENCY_KEYS if attribute == "frequency" else DURATION_KEYS)
    return None


def find_key_problem(value: Any, keys: tuple[str, ...]) -> str | None:
    """Return what is wrong with a value that must be an object with certain keys, or None."""
    if not isinstance(value, Mapping):
        return f"its 'value' must be an object with some of {', '.join(keys)}"
    if unknown := [key for key in value if key not in keys]:
        return f"its 'value' has the unknown key '{unknown[0]}'; known are {', '.join(keys)}"
    if "unit" in value and value["unit"] not in (*PERIODS, TIME):
        return f"the 'unit' in its 'value' ({value['unit']!r}) must be one of {', '.join((*PERIODS, TIME))}"
    return None


def is_number(value: Any) -> bool:
    """Return whether a value is a number, and not a truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
