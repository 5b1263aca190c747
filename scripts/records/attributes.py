"""Attributes of an entity in a record, e.g. whether it is negated: a list of names and values.

A value is written as JSON, so that a list of strings in one schema holds booleans, numbers, texts and structures alike.
"""

from collections.abc import Mapping
from typing import Any

import srsly

from scripts.errors import ProjectError


def write_attributes(values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return attributes as a record holds them.

    values (Mapping[str, Any]): value by name. The values can be written as JSON.
    RETURNS (list[dict[str, str]]): "name" and "value" of each, e.g. {"name": "is_negated", "value": "true"}.
    """
    return [{"name": name, "value": srsly.json_dumps(value)} for name, value in values.items()]


def read_attributes(entity: Mapping[str, Any]) -> dict[str, Any]:
    """Return the annotated attributes of an entity.

    entity (Mapping[str, Any]): an entity of a record.
    RETURNS (dict[str, Any]): value by name. An attribute that was not annotated is absent, and so are those with the
        value null.
    RAISES (ProjectError): a name can't be one in Python, occurs twice, or its value is not JSON.
    """
    values: dict[str, Any] = {}
    for attribute in entity.get("attributes") or []:
        name = attribute["name"]
        if not name.isidentifier() or name in values:
            raise ProjectError(
                f"The attribute '{name}' is there twice, or is no name", "Use letters, digits and underscores."
            )
        try:
            values[name] = srsly.json_loads(attribute["value"])
        except ValueError as error:
            raise ProjectError(
                f"The value of the attribute '{name}' is not JSON", 'Right would be: true, 81 or "text", for instance.'
            ) from error
    return {name: value for name, value in values.items() if value is not None}
