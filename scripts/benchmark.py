"""Run a benchmark: `python -m scripts.benchmark speed --help`. It writes a JSON file, and its tables as Markdown."""

import sys
from pkgutil import resolve_name
from typing import Annotated

import typer

from scripts.errors import shown_to_user

COMMANDS = {
    "speed": "scripts.benchmarks.speed:benchmark_speed",
    "components": "scripts.benchmarks.components:benchmark_components",
    "precision": "scripts.benchmarks.speed:benchmark_precision",
    "training": "scripts.benchmarks.training:benchmark_training",
    "few-documents": "scripts.benchmarks.few_documents:benchmark_few_documents",
    "wheels": "scripts.benchmarks.wheels:benchmark_wheels",
    "service": "scripts.benchmarks.service:benchmark_service",
    "annotate": "scripts.benchmarks.annotate:benchmark_annotate",
    "databases": "scripts.benchmarks.databases:benchmark_databases",
    "soak": "scripts.benchmarks.annotate:soak_annotate",
    "vocabulary": "scripts.benchmarks.vocabulary:benchmark_vocabulary",
}


def prepare(
    threads: Annotated[int, typer.Option(help="Threads of the encoder, 0 for PyTorch's own choice", min=0)] = 0,
) -> None:
    """Compare this project with other ways to the same result. The contenders take turns."""
    if threads:
        from scripts.benchmarks.harness import set_threads

        set_threads(threads)


def make_app(arguments: list[str]) -> typer.Typer:
    """Return the app with the command that the arguments name, or with all commands.

    The others are not imported: a process that is weighed must not carry their libraries.
    """
    app = typer.Typer(add_completion=False, callback=prepare)
    named = [name for name in arguments if name in COMMANDS]
    for name in named[:1] or COMMANDS:
        app.command(name)(resolve_name(COMMANDS[name]))
    return app


if __name__ == "__main__":
    with shown_to_user():
        make_app(sys.argv[1:])()
