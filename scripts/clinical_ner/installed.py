"""The entry points of an installed wheel: with them a pipeline in a folder, which holds no code, loads by itself.

spaCy imports them before it builds any pipeline. The copy of the first wheel that it finds is registered.
"""

from collections.abc import Callable

from .registration import FACTORIES, is_registered, register


def __getattr__(name: str) -> Callable:
    """Return the function of a factory by its name, as an entry point names it.

    name (str): the function's name.
    RETURNS (Callable): the function.
    RAISES (AttributeError): no factory has it.
    """
    for factory in FACTORIES:
        if factory.function.__name__ == name:
            return factory.function
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if not is_registered():
    register()
