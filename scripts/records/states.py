"""What the attributes of a mention say of it in a word: present, denied, possible, past, planned, family, allergy.

Every place that shows mentions to people uses these words: tables, the service and its page.
"""

from collections.abc import Iterable, Mapping
from typing import Any

PRESENT = "present"
# The attribute that each state is read from. A mention with none of them is present.
STATES = {
    "denied": "is_negated",
    "possible": "is_uncertain",
    "past": "is_historical",
    "planned": "is_hypothetical",
    "family": "is_family",
    "allergy": "is_allergy",
}


def mention_states(attributes: Mapping[str, Any]) -> list[str]:
    """Return the states of a mention.

    attributes (Mapping[str, Any]): its attributes.
    RETURNS (list[str]): the states in the order of `STATES`; "present" if none holds; nothing if the mention has no
        attribute that says so.
    """
    states = [state for state, name in STATES.items() if attributes.get(name)]
    return states or [PRESENT] * bool(known_states(attributes))


def known_states(attributes: Iterable[str]) -> list[str]:
    """Return the states that mentions can have.

    attributes (Iterable[str]): the names of the attributes that a pipeline assigns.
    RETURNS (list[str]): "present" and the states that the attributes tell; nothing if they tell none.
    """
    names = set(attributes)
    states = [state for state, name in STATES.items() if name in names]
    return [PRESENT, *states] if states else []
