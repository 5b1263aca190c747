"""Install the wheel into a fresh folder and let it read the sample notes, as someone else's application would.

In: packages/<run>/…/dist/*.whl and scripts/samples/*.txt. Out: a table of entities on the terminal, nothing else.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import srsly
import typer
from wasabi import msg

from scripts.errors import ProjectError, shown_to_user

SAMPLES = Path(__file__).parent / "samples"
# Runs outside the project, on what is installed and the fresh folder alone.
APPLICATION = """
import sys
from pathlib import Path
import spacy
import srsly

nlp = spacy.load(sys.argv[1])
texts = [Path(path).read_text(encoding="utf8") for path in sys.argv[2:]]
print(srsly.json_dumps([[(ent.start_char, ent.end_char, ent.label_) for ent in doc.ents] for doc in nlp.pipe(texts)]))
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


def try_wheel(wheel: Path, notes: list[Path]) -> list[list[tuple[int, int, str]]]:
    """Install a wheel where the project is not on the path, and run its pipeline there in a process of its own.

    wheel (Path): the wheel. Its requirements are those of this environment; nothing is downloaded.
    notes (list[Path]): UTF-8 text files.
    RETURNS (list[list[tuple[int, int, str]]]): start, end and label of the entities of each note.
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
        return srsly.json_loads(run_python(application, cwd=folder, failure=f"{name} could not be run"))


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


def try_wheel_cli(
    folder: Annotated[Path, typer.Argument(help="Folder of the package")],
    notes: Annotated[list[Path] | None, typer.Argument(help="Text files to read instead of the samples")] = None,
) -> None:
    """Install the wheel into a fresh folder and print the entities of notes it has never seen."""
    notes = notes or sorted(SAMPLES.glob("*.txt"))
    with shown_to_user():
        wheel = find_wheel(folder)
        entities = try_wheel(wheel, notes)
    for note, found in zip(notes, entities, strict=True):
        text = note.read_text(encoding="utf8")
        msg.divider(note.name)
        rows = [(" ".join(text[start:end].split()), label, start, end) for start, end, label in found]
        msg.table(rows, header=("Mention", "Label", "Start", "End"), divider=True)
    msg.good(f"{wheel.name} loads and runs outside the project")


if __name__ == "__main__":
    typer.run(try_wheel_cli)
