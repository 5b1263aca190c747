"""Install the wheel into a fresh folder and let it read the sample notes, as someone else's application would.

In: packages/<run>/…/dist/*.whl and scripts/samples/*.txt. Out: on the terminal, a table of mentions, what was built,
and commands to try next.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import srsly
import typer
from rich.console import Console
from wasabi import msg

from scripts.errors import ProjectError, shown_to_user
from scripts.evaluation.formatting import percent
from scripts.records.mentions import Mention
from scripts.reporting.mention_table import WIDTH, mention_table

SAMPLES = Path(__file__).parent / "samples"
# Runs outside the project, on what is installed and the fresh folder alone. What a pipeline's components declare that
# they assign to spans are the attributes of its mentions; see scripts/annotation/mentions.py.
APPLICATION = """
import sys
from pathlib import Path
import spacy
import srsly

nlp = spacy.load(sys.argv[1])
assigned = [name for pipe in nlp.pipe_names for name in nlp.get_pipe_meta(pipe).assigns]
names = [name.removeprefix("span._.") for name in assigned if name.startswith("span._.")]

def describe(ent):
    values = {name: ent._.get(name) for name in names}
    confidence = values.pop("confidence", None)
    return {
        "start": ent.start_char,
        "end": ent.end_char,
        "label": ent.label_,
        "concept": ent.kb_id_,
        "confidence": None if confidence is None else float(confidence),
        "attributes": {name: value for name, value in values.items() if value is not None},
    }

texts = [Path(path).read_text(encoding="utf8") for path in sys.argv[2:]]
print(srsly.json_dumps([[describe(ent) for ent in doc.ents] for doc in nlp.pipe(texts)]))
"""


def find_wheel(folder: Path) -> Path:
    """Return the only wheel under a folder.

    folder (Path): where `package` left it.
    RETURNS (Path): the wheel.
    RAISES (ProjectError): there is none, or more than one.
    """
    wheels = list(folder.rglob("*.whl"))
    if len(wheels) != 1:
        raise ProjectError(f"{folder} holds {len(wheels)} wheels", "Run first: spacy project run package")
    return wheels[0]


def try_wheel(wheel: Path, notes: list[Path]) -> list[list[Mention]]:
    """Install a wheel where the project is not on the path, and run its pipeline there in a process of its own.

    wheel (Path): the wheel. Its requirements are those of this environment; nothing is downloaded.
    notes (list[Path]): UTF-8 text files.
    RETURNS (list[list[Mention]]): the mentions of each note.
    RAISES (ProjectError): pip could not install the wheel, or the pipeline did not load or run.
    """
    name = wheel.name.split("-")[0]
    with TemporaryDirectory() as folder:
        install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            "--target",
            folder,
            str(wheel.resolve()),
        ]
        run_python(install, cwd=folder, failure=f"{wheel.name} could not be installed")
        application = ["-c", APPLICATION, name, *(str(note.resolve()) for note in notes)]
        found = srsly.json_loads(run_python(application, cwd=folder, failure=f"{name} could not be run"))
    return [[Mention(**row) for row in rows] for rows in found]


def run_python(arguments: list[str], *, cwd: str, failure: str) -> str:
    """Run this Python with only `cwd` added to what is installed, and the hub shut off.

    arguments (list[str]): the arguments after `python`.
    cwd (str): the folder to run in.
    failure (str): what to say if it fails.
    RETURNS (str): its standard output.
    RAISES (ProjectError): its exit code is not 0.
    """
    environment = {**os.environ, "PYTHONPATH": cwd, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise ProjectError(failure, last[0])
    return done.stdout


def show_mentions(console: Console, notes: list[Path], found: list[list[Mention]]) -> None:
    """Print the mentions of notes as a table."""
    texts = [note.read_text(encoding="utf8") for note in notes]
    names = [note.stem for note in notes]
    console.print(mention_table(list(zip(names, texts, found, strict=True)), width=console.width))


def show_built(console: Console, wheel: Path, training: Path | None, metrics: Path | None) -> None:
    """Print what the workflow has built, and where it is.

    console (Console): the terminal.
    wheel (Path): the wheel.
    training (Path | None): the run's folder in training.
    metrics (Path | None): the run's folder in metrics.
    """
    built = [("Wheel", f"{wheel.name} ({wheel.stat().st_size / 1e6:.0f} MB)"), ("", f"in {shown_path(wheel.parent)}")]
    if training and (training / "model-best").is_dir():
        built.append(("Pipeline", str(training / "model-best")))
    if metrics and (metrics / "scores.json").is_file():
        f1 = percent(srsly.read_json(metrics / "scores.json")["scores"]["micro"]["f1"])
        built.append(("Report", f"{metrics / 'report.html'} (F1 {f1} on the test split)"))
    console.print("Built", style="bold")
    for name, what in built:
        console.print(f"  {name:10}{what}", soft_wrap=True)


def show_next(console: Console, folder: Path, wheel: Path) -> None:
    """Print commands to try next."""
    console.print("Try next", style="bold")
    for title, command in next_commands(folder, wheel):
        console.print(f"  {title}")
        console.print(f"    {command}", style="cyan", soft_wrap=True)


def next_commands(folder: Path, wheel: Path) -> Iterator[tuple[str, str]]:
    """Yield commands to try with a wheel: what each does, and the command.

    folder (Path): the folder of the package.
    wheel (Path): the wheel.
    YIELDS (tuple[str, str]): the title and the command, which can be run as it is in the current folder.
    """
    python = shlex.quote(find_python())
    pattern = folder / "*" / "dist" / "*.whl"
    is_matched = list(folder.glob("*/dist/*.whl")) == [wheel] and shlex.quote(str(folder)) == str(folder)
    model = pattern if is_matched else shlex.quote(str(wheel))
    yield "Serve it, with a page to try it in the browser", f"{python} -m scripts.serve {model}"
    yield "Annotate notes", f"{python} -m scripts.annotate {model} scripts/samples annotations/samples --format csv"
    yield "Train on BC5CDR abstracts", f"{python} -m spacy project run all . --vars.encoder minilm"


def find_python() -> str:
    """Return how to call this Python in the user's shell: as `python` if that is found first, else by its path."""
    found = shutil.which("python")
    if found and Path(found).parent == Path(sys.executable).parent:
        return "python"
    return shown_path(Path(sys.executable))


def shown_path(path: Path) -> str:
    """Return a path relative to the current folder if it is in there."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def try_wheel_cli(
    folder: Annotated[Path, typer.Argument(help="Folder of the package")],
    notes: Annotated[list[Path] | None, typer.Argument(help="Text files to read instead of the samples")] = None,
    training: Annotated[Path | None, typer.Option(help="Folder of the run in training, for the summary")] = None,
    metrics: Annotated[Path | None, typer.Option(help="Folder of the run in metrics, for the summary")] = None,
) -> None:
    """Install the wheel into a fresh folder, print its mentions in notes it has never seen, and what to try next."""
    notes = notes or sorted(SAMPLES.glob("*.txt"))
    with shown_to_user():
        wheel = find_wheel(folder)
        found = try_wheel(wheel, notes)
    console = Console(width=min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns), highlight=False, markup=False)
    show_mentions(console, notes, found)
    console.print()
    msg.good(f"{wheel.name} loads and runs outside the project")
    console.print()
    show_built(console, wheel, training, metrics)
    console.print()
    show_next(console, folder, wheel)


if __name__ == "__main__":
    typer.run(try_wheel_cli)
