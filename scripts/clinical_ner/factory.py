"""A component's factory. Nothing is registered with spaCy before it is asked to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import catalogue
from spacy.language import Language
from spacy.util import registry


@dataclass(frozen=True)
class Factory:
    """A component's factory.

    name (str): its name in a config.
    function (Callable): makes the component, see `Language.factory`.
    settings (dict[str, Any]): the other arguments of `Language.factory`: assigns, requires, default_config, ...
    """

    name: str
    function: Callable
    settings: dict[str, Any] = field(default_factory=dict)

    def register(self) -> None:
        """Register it with spaCy, in the place of any other copy's."""
        # Language.factory refuses to replace another copy's function (E004).
        catalogue.REGISTRY.pop((*registry.factories.namespace, self.name), None)
        Language.factory(self.name, func=self.function, **self.settings)


def check_fraction(name: str, value: float) -> None:
    """Check a setting that is a fraction or a probability.

    name (str): the setting's name.
    value (float): its value.
    RAISES (ValueError): it is not within 0 and 1.
    """
    if not 0 <= value <= 1:
        raise ValueError(f"{name} ({value}) must be within [0, 1]")
