"""The attributes that this project's own components set, for the service's OpenAPI document.

They only describe: a component of somebody else can set other attributes, which the service returns as they are.
"""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from typing_extensions import TypedDict


class DescribedBy:
    """Annotate a type with another one that its JSON schema is taken from. Validation does not change.

    type (Any): the other type.
    """

    def __init__(self, type: Any):
        self.type = type

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(TypeAdapter(self.type).core_schema)


class Range(TypedDict):
    """A range of numbers."""

    low: float
    high: float


class Quantity(TypedDict):
    """A number and its unit."""

    value: float
    unit: str


class Part(TypedDict):
    """A part of the document, as it is written, with its offsets in code points."""

    text: str
    start: int
    end: int


class Named(Part, total=False):
    """A part of an order with a normalised value."""

    value: str


class Amount(Part, total=False):
    """A strength or dose. It has a value, a range from low to high, or several values; none if it could not be read."""

    value: float
    low: float
    high: float
    values: Annotated[list[float], Field(description="The numbers of a combination such as 49/51 mg")]
    unit: Annotated[str, Field(description="UCUM unit")]
    per: Annotated[Quantity, Field(description="What a concentration is given for, such as 5 mL")]
    level: Annotated[str, Field(description="low, high or another word instead of a number")]


class Frequency(Part, total=False):
    """How often, as in FHIR's Timing: so many times in a period."""

    code: Annotated[str, Field(description="FHIR's code, e.g. BID")]
    frequency: float | Range
    period: float | Range
    unit: Annotated[str, Field(description="Of the period: min, h, d, wk, mo or a")]
    when: Annotated[list[str], Field(description="FHIR's codes of events, e.g. HS for bedtime")]
    days: Annotated[list[str], Field(description="Days of the week, e.g. mon")]
    per_day: Annotated[float | Range, Field(description="Times a day")]
    count: Annotated[float | Range, Field(description="How many times in all")]
    continuous: bool


class Duration(Part, total=False):
    """How long."""

    value: float | Range
    unit: Annotated[str, Field(description="min, h, d, wk, mo or a")]
    day: Annotated[float, Field(description="Which day of these it is")]


class AsNeeded(Part, total=False):
    """That a medication is taken as needed, and the reason."""

    value: bool
    reason: Part


class Step(TypedDict, total=False):
    """A step of an order, such as a taper."""

    strength: Amount
    dose: Amount
    frequency: Frequency
    duration: Duration
    action: Annotated[
        Named, Field(description="start, stop, hold, continue, increase, decrease, switch or refill, as its value")
    ]


class Medication(Step, total=False):
    """The order of a medication. It has at least one of these parts."""

    form: Named
    route: Named
    as_needed: AsNeeded
    previous: Annotated[Amount, Field(description="What the amount was before")]
    maximum: Amount
    steps: Annotated[list[Step], Field(description="All steps, if there are several; the first is the order itself")]


class Candidate(TypedDict):
    """A concept of the vocabulary that a mention may be. A composite mention has several ids, joined by a bar."""

    id: str
    name: str
    score: Annotated[float, Field(description="From 0 to 1: how likely it is that the id is right")]


class Cue(TypedDict):
    """The words that a state was read from, by their offsets."""

    category: str
    start: int
    end: int


class Attributes(TypedDict, total=False):
    """What the pipeline's components say about a mention. Which of these there are depends on the pipeline."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    is_negated: bool
    is_uncertain: bool
    is_historical: bool
    is_hypothetical: bool
    is_family: bool
    is_allergy: bool
    modifiers: Annotated[list[Cue], Field(description="Why the mention has its states")]
    section_category: str
    section_title: str
    section_code: Annotated[str, Field(description="LOINC code")]
    kb_candidates: Annotated[list[Candidate], Field(description="The best first; empty if there are none")]
    kb_score: Annotated[float, Field(description="The score of the first candidate")]
    medication: Medication


def concept_name(identifier: str | None, attributes: dict[str, Any]) -> str | None:
    """Return the name of a mention's concept, which its candidates have.

    identifier (str | None): the concept's id.
    attributes (dict[str, Any]): the mention's attributes.
    RETURNS (str | None): the name; None if no candidate has the id.
    """
    candidates = attributes.get("kb_candidates")
    if not identifier or not isinstance(candidates, list):
        return None
    named = (one.get("name") for one in candidates if isinstance(one, dict) and one.get("id") == identifier)
    return next((name for name in named if isinstance(name, str)), None)
