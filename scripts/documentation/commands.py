"""The page of all commands: their arguments, options, defaults and environment variables.

In: project.yml, and the Typer app or function of each module that it runs. Out: docs/reference/commands.md.
"""

import importlib
import inspect
import re
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import typer
from typer.models import ArgumentInfo, OptionInfo
from weasel.util import load_project_config

from scripts.documentation.markdown import code, escape, fenced, page, table

INTRODUCTION = """\
Each command of the project is a module in `scripts/`. Run it with `python -m scripts.<command>` from the root of a
checkout. [`spacy project run`](project.md) runs the same commands with the paths and settings of `project.yml`."""
TYPE_NAMES: dict[Any, str] = {str: "text", int: "integer", float: "number", Path: "path"}


class Parameter(NamedTuple):
    """An argument or an option of a command.

    names (tuple[str, ...]): how it is written, for example ("--strict",) or ("MODEL",).
    help (str): its description.
    values (str): which values it takes.
    default (str): its default; empty if there is none.
    variable (str): the environment variable that sets it; empty if there is none.
    is_argument (bool): whether it is an argument.
    is_required (bool): whether it must be given.
    """

    names: tuple[str, ...]
    help: str
    values: str
    default: str
    variable: str
    is_argument: bool
    is_required: bool


class Command(NamedTuple):
    """A command that can be run by itself.

    name (str): the words after `python -m scripts.`, for example "benchmark speed".
    help (str): its description.
    parameters (list[Parameter]): its arguments and options.
    """

    name: str
    help: str
    parameters: list[Parameter]


def commands_page(project: Path) -> str:
    """Return the page of all commands, in the order of project.yml.

    project (Path): the folder of the project.
    RETURNS (str): the page.
    """
    run_by = modules_run_by_project(project)
    modules = {module: make_app(module) for module in run_by}
    summaries = [
        (f"[`{heading(module)}`](#{heading(module)})", first_sentence(app_help(app))) for module, app in modules.items()
    ]
    blocks = [INTRODUCTION, table(("Command", "Description"), summaries)]
    for module, app in modules.items():
        blocks += module_blocks(module, app, run_by[module])
    return page("Commands", blocks)


def modules_run_by_project(project: Path) -> dict[str, list[str]]:
    """Return the modules in scripts/ that project.yml runs.

    project (Path): the folder of the project.
    RETURNS (dict[str, list[str]]): for each module, the commands of project.yml that run it.
    """
    found: dict[str, list[str]] = {}
    for command in load_project_config(project)["commands"]:
        for module in dict.fromkeys(re.findall(r"-m scripts\.(\w+)", " ".join(command["script"]))):
            found.setdefault(module, []).append(command["name"])
    return found


def make_app(name: str) -> typer.Typer:
    """Return the Typer app of a module in scripts/: its `app`, what its `make_app` returns, or its `<name>_cli`.

    name (str): the name of the module, without "scripts.".
    RETURNS (typer.Typer): the app.
    """
    module = importlib.import_module(f"scripts.{name}")
    if hasattr(module, "make_app"):
        return module.make_app([])
    if hasattr(module, "app"):
        return module.app
    app = typer.Typer()
    app.command()(getattr(module, f"{name}_cli"))
    return app


def find_callback(app: typer.Typer) -> Callable | None:
    """Return the function that runs before an app's commands, or None if the app is a single command."""
    callback = app.registered_callback.callback if app.registered_callback else app.info.callback
    return callback if callable(callback) else None


def app_help(app: typer.Typer) -> str:
    """Return the description of an app: of its callback if it has several commands, else of its command."""
    return describe(find_callback(app) or app.registered_commands[0].callback)


def describe(function: Callable | None) -> str:
    """Return the description of a command from its function's docstring."""
    return escape(inspect.getdoc(function) or "")


def first_sentence(text: str) -> str:
    """Return the first sentence of a description, without its period."""
    return re.split(r"\.(?:\s|$)", " ".join(text.split()), maxsplit=1)[0]


def heading(name: str) -> str:
    """Return the name of a command as in a heading."""
    return name.replace("_", "-")


def module_blocks(module: str, app: typer.Typer, run_by: list[str]) -> Iterator[str]:
    """Yield the blocks of a module's section."""
    yield f"## {heading(module)}"
    in_project = f"In the project: {', '.join(code(f'spacy project run {name}') for name in run_by)}."
    found = list(commands_of(module, app))
    callback = find_callback(app)
    if callback is None:
        yield from command_blocks(found[0])
        yield in_project
        return
    yield app_help(app)
    yield fenced(f"python -m scripts.{module} [OPTIONS] COMMAND ...", "text")
    yield in_project
    yield from parameter_tables(read_parameters(callback))
    for command in found:
        yield f"### {heading(command.name)}"
        yield from command_blocks(command)


def commands_of(module: str, app: typer.Typer) -> Iterator[Command]:
    """Yield the commands of an app."""
    prefix = (app.info.context_settings or {}).get("auto_envvar_prefix", "")
    for info in app.registered_commands:
        name = f"{module} {info.name}" if find_callback(app) else module
        yield Command(name, describe(info.callback), read_parameters(info.callback, prefix=prefix))


def command_blocks(command: Command) -> Iterator[str]:
    """Yield the blocks of a command: its description, its usage, its arguments and its options."""
    yield command.help
    arguments = [usage(parameter) for parameter in command.parameters if parameter.is_argument]
    required = [
        f"{parameter.names[0]} VALUE"
        for parameter in command.parameters
        if parameter.is_required and not parameter.is_argument
    ]
    yield fenced(" ".join([f"python -m scripts.{command.name}", *required, "[OPTIONS]", *arguments]), "text")
    yield from parameter_tables(command.parameters)


def usage(argument: Parameter) -> str:
    """Return an argument as in a line that shows a command's usage."""
    name = argument.names[0]
    return name if argument.is_required else f"[{name}]"


def parameter_tables(parameters: list[Parameter]) -> Iterator[str]:
    """Yield a table of the arguments and one of the options, if there are any."""
    for kind, is_argument in (("Argument", True), ("Option", False)):
        rows = [
            (
                "<br>".join(map(code, parameter.names)),
                escape(parameter.help),
                parameter.values,
                "required" if parameter.is_required and not is_argument else parameter.default,
                code(parameter.variable) if parameter.variable else "",
            )
            for parameter in parameters
            if parameter.is_argument == is_argument
        ]
        yield table((kind, "Description", "Values", "Default", "Environment variable"), rows)


def read_parameters(function: Callable | None, *, prefix: str = "") -> list[Parameter]:
    """Read the arguments and options of a Typer command from its function.

    function (Callable | None): the function; each parameter is annotated with a `typer.Argument` or a `typer.Option`.
    prefix (str): the prefix of the environment variables that set options; empty if none do.
    RETURNS (list[Parameter]): the arguments and options in order.
    """
    if function is None:
        return []
    hints = get_type_hints(function, include_extras=True)
    return [
        read_parameter(name, hints[name], parameter.default, prefix)
        for name, parameter in inspect.signature(function).parameters.items()
        if get_origin(hints[name]) is Annotated
    ]


def read_parameter(name: str, hint: Any, default: Any, prefix: str) -> Parameter:
    """Read one argument or option."""
    kind, info = get_args(hint)[:2]
    kind = without_none(kind)
    is_required = default is inspect.Parameter.empty
    variable = info.envvar if isinstance(info.envvar, str) else ""
    if isinstance(info, ArgumentInfo):
        many = "..." if get_origin(kind) is list else ""
        names: tuple[str, ...] = (f"{info.metavar or name.upper()}{many}",)
    else:
        names = option_names(name, kind, info)
        variable = variable or (f"{prefix}_{name.upper()}" if prefix else "")
    return Parameter(
        names=names,
        help=info.help or "",
        values=describe_values(kind, info),
        default="" if is_required else describe_default(default, names),
        variable=variable,
        is_argument=isinstance(info, ArgumentInfo),
        is_required=is_required,
    )


def without_none(kind: Any) -> Any:
    """Return the type of an option that can be left out without its None."""
    if get_origin(kind) in (Union, types.UnionType):
        return next(inner for inner in get_args(kind) if inner is not type(None))
    return kind


def option_names(name: str, kind: Any, info: OptionInfo) -> tuple[str, ...]:
    """Return how an option is written: as declared, or made from the name of the parameter as Typer does."""
    # In an annotation, the first of the names given is where a default would otherwise be.
    given = [text for text in (info.default, *(info.param_decls or ())) if isinstance(text, str)]
    declared = tuple(part.strip() for text in given for part in text.split("/") if part.strip().startswith("-"))
    dashed = name.replace("_", "-")
    return declared or ((f"--{dashed}", f"--no-{dashed}") if kind is bool else (f"--{dashed}",))


def describe_values(kind: Any, info: ArgumentInfo | OptionInfo) -> str:
    """Describe which values an argument or an option takes."""
    if get_origin(kind) is Literal:
        return ", ".join(map(code, map(str, get_args(kind))))
    if get_origin(kind) in (list, tuple):
        inner = [describe_values(part, info) for part in get_args(kind) if part is not Ellipsis]
        return ", ".join(inner) if get_origin(kind) is tuple else f"{inner[0]}, any number"
    if kind is bool:
        return "flag"
    name = TYPE_NAMES.get(kind, getattr(kind, "__name__", str(kind)))
    if info.min is not None and info.max is not None:
        return f"{name}, {info.min} to {info.max}"
    if info.min is not None:
        return f"{name}, {info.min} or more"
    return f"{name}, {info.max} or less" if info.max is not None else name


def describe_default(default: Any, names: tuple[str, ...]) -> str:
    """Describe the default of an argument or an option. None and an empty text count as no default."""
    if isinstance(default, bool):
        return code(names[0]) if default else code(names[1]) if len(names) > 1 else ""
    if default is None or default == "" or default == ():
        return ""
    return code(" ".join(map(str, default)) if isinstance(default, (list, tuple)) else str(default))
