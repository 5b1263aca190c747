"""Read a YAML file of named entries and check the fields of each of them."""

import re
from pathlib import Path
from typing import ClassVar, TypeVar

import srsly

from scripts.errors import ProjectError

CONFIGS = Path(__file__).parents[2] / "configs"


class Entry:
    """Base class of the dataclasses that are read with pydantic: unknown fields are errors."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


Kind = TypeVar("Kind", bound=Entry)


def read_entries(path: Path, kind: type[Kind]) -> dict[str, Kind]:
    """Read a file of entries.

    path (Path): the YAML file, with the fields of each entry under its name.
    kind (type[Kind]): a dataclass with the fields of an entry.
    RETURNS (dict[str, Kind]): the entries by name, in the order of the file.
    RAISES (ProjectError): the file is not YAML, or a field is unknown, missing or of another type.
    """
    # pydantic takes longer to import than all the rest of this package, and `--help` does not need it.
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(dict[str, kind]).validate_python(srsly.read_yaml(path))  # type: ignore[valid-type]
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the file"
        raise ProjectError(
            f"{path}: {where}: {fault['msg'].removeprefix('Value error, ')}", "Correct the entry."
        ) from error
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise ProjectError(f"{path} is not YAML: {reason}", "Correct the file.") from error


def check_digest(name: str, value: str, *, length: int) -> None:
    """Check that a field is a digest in hexadecimal digits.

    name (str): the name of the field.
    value (str): its value.
    length (int): the number of digits.
    RAISES (ValueError): it is something else.
    """
    if not re.fullmatch(f"[0-9a-f]{{{length}}}", value):
        raise ValueError(f"{name} ({value}) must have {length} hexadecimal digits")
