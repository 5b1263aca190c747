"""A component's factory before it is registered with spaCy."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


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
