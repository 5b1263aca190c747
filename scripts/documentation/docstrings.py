"""An extension for mkdocstrings that reads this project's docstrings, which are in spaCy's style.

In: `name (type): meaning`, `RETURNS (type): meaning`, `YIELDS` and `RAISES`. Out: the same in Google's style, which
mkdocstrings can show. mkdocs.yml names this file.
"""

import re
from typing import Any, NamedTuple

import griffe

FIELD = re.compile(r"(?P<name>\w+) \((?P<type>.+?)\): (?P<meaning>.+)")
SECTIONS = {"RETURNS": "Returns", "YIELDS": "Yields", "RAISES": "Raises"}


class Field(NamedTuple):
    """A parameter, an attribute, or what a function returns, yields or raises.

    name (str): its name, or "RETURNS", "YIELDS" or "RAISES".
    type (str): its type.
    meaning (list[str]): the lines of its description.
    """

    name: str
    type: str
    meaning: list[str]


class SpacyDocstrings(griffe.Extension):
    """Convert the docstrings of everything that is documented."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Convert the docstring of a module, class, function or attribute."""
        if obj.docstring:
            # A class without an __init__ of its own is described by its attributes.
            fields = "Attributes" if obj.is_class and "__init__" not in obj.members else "Args"
            obj.docstring.value = to_google_style(obj.docstring.value, fields=fields)


def to_google_style(docstring: str, *, fields: str = "Args") -> str:
    """Convert a docstring from spaCy's style to Google's.

    docstring (str): the docstring without its indentation.
    fields (str): the heading of the named fields: "Args" or "Attributes".
    RETURNS (str): the docstring in Google's style.
    """
    text, found = split_fields(docstring)
    by_section: dict[str, list[str]] = {}
    for field in found:
        section = SECTIONS.get(field.name, fields)
        named = field.type if field.name in SECTIONS else f"{field.name} ({field.type})"
        first, *more = field.meaning
        lines = [f"    {named}: {first}", *(f"        {line}" for line in more)]
        by_section.setdefault(section, []).extend(lines)
    sections = [f"{section}:\n" + "\n".join(lines) for section, lines in by_section.items()]
    return "\n\n".join(filter(None, [text, *sections]))


def split_fields(docstring: str) -> tuple[str, list[Field]]:
    """Split a docstring into its text and its fields.

    docstring (str): the docstring without its indentation.
    RETURNS (tuple[str, list[Field]]): the text without fields, and the fields in order.
    """
    text: list[str] = []
    fields: list[Field] = []
    is_inside = False
    for line in docstring.splitlines():
        if match := FIELD.fullmatch(line):
            fields.append(Field(match["name"], match["type"], [match["meaning"]]))
            is_inside = True
        elif is_inside and line.startswith(" "):
            fields[-1].meaning.append(line.strip())
        else:
            text.append(line)
            is_inside = False
    return "\n".join(text).strip(), fields
