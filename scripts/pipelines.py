"""Load a pipeline from whatever holds one: a folder that training wrote, a wheel, or an installed package."""

import atexit
import importlib
import multiprocessing
import os
import re
import shutil
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from zipfile import BadZipFile, ZipFile

import spacy
from spacy.language import Language

from scripts.errors import ProjectError
from scripts.files import remove, sha256

# In the config of each pipeline that this project trained.
NEEDS_LIBRARY = re.compile("clinical_|transformer")


def load_pipeline(model: str) -> Language:
    """Load a pipeline that sets entities. Any number of them can be loaded in a process.

    model (str): the folder of a pipeline, a wheel, or the name of an installed package.
    RETURNS (Language): the pipeline.
    RAISES (ProjectError): there is none, it can't be loaded, or no component sets entities.
    """
    check_there(model)
    try:
        nlp = load_wheel(Path(model)) if model.endswith(".whl") else load_folder_or_package(model)
    # What a damaged file or another version of a library raises may be anything.
    except Exception as error:
        raise ProjectError(
            f"The pipeline '{model}' can't be loaded: {type(error).__name__}: {error}",
            "Check that it is a pipeline of this project. If it is damaged, run: spacy project run package",
        ) from error
    if not entity_pipes(nlp):
        raise ProjectError(
            f"The pipeline '{model}' has no component that sets entities",
            f"It has these components: {', '.join(nlp.pipe_names) or 'none'}. Add an 'ner', for instance.",
        )
    return nlp


def check_there(model: str) -> None:
    """Check that there is a folder, a wheel or an installed package.

    RAISES (ProjectError): there is none.
    """
    if model.endswith(".whl"):
        is_there = is_wheel(Path(model))
    else:
        is_there = (Path(model) / "config.cfg").is_file() or spacy.util.is_package(model)
    if not is_there:
        raise ProjectError(
            f"There is no pipeline '{model}'",
            "Use the folder of one, for instance training/<run>/model-best, a wheel, or the name of an installed"
            " package.",
        )


def is_wheel(path: Path) -> bool:
    """Return whether a file is a wheel that can be read."""
    try:
        with ZipFile(path):
            return True
    except (OSError, BadZipFile):
        return False


def load_folder_or_package(model: str) -> Language:
    """Load what `spacy.load` can load. A package brings its code, a folder may need the project's."""
    config = Path(model) / "config.cfg"
    # Only if it is named: the import takes seconds, because transformers comes with it.
    if config.is_file() and NEEDS_LIBRARY.search(config.read_text(encoding="utf8")):
        from scripts.clinical_ner.registration import register

        register()
    return spacy.load(model)


def load_wheel(wheel: Path) -> Language:
    """Load the pipeline in a wheel without installing it.

    Its package is imported from a folder named after the wheel's content, so that wheels of one name can be loaded
    side by side. Its code stays on the disk until this process ends if worker processes are not forks, but import it.

    wheel (Path): the wheel. Its requirements must be installed in this environment.
    RETURNS (Language): the pipeline.
    """
    folder = code_folder() / f"wheel_{sha256(wheel)[:16]}"
    # Each time, because the host may have reset it.
    if str(folder.parent) not in sys.path:
        sys.path.append(str(folder.parent))
    package = wheel.name.split("-")[0]
    try:
        with ZipFile(wheel) as archive:
            archive.extractall(folder)
        importlib.invalidate_caches()
        return importlib.import_module(f"{folder.name}.{package}").load()
    finally:
        workers_import = start_method() != "fork"
        for path in (folder / package).glob(f"{package}-*") if workers_import else [folder]:
            remove(path)


def start_method() -> str:
    """Return how this process starts others, without fixing it."""
    return multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0]


@cache
def code_folder() -> Path:
    """Make the folder for the code of wheels. It is removed when this process ends."""
    folder = mkdtemp(prefix="clinical-ner-")
    atexit.register(remove_if_own, folder, os.getpid())
    return Path(folder)


def remove_if_own(folder: str, process: int) -> None:
    """Remove a folder in the process that made it; a forked child that ends leaves it to its parent."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def entity_pipes(nlp: Language) -> list[str]:
    """Return the names of the components that set entities, as they declare it themselves."""
    return [name for name in nlp.pipe_names if "doc.ents" in nlp.get_pipe_meta(name).assigns]


def gives_confidence(nlp: Language) -> bool:
    """Return whether a component declares that it assigns a confidence to entities.

    The extension itself proves nothing: once a pipeline has added it, all pipelines of the process have it.
    """
    return any("span._.confidence" in nlp.get_pipe_meta(name).assigns for name in nlp.pipe_names)
