"""Load a pipeline from whatever holds one: a folder that training wrote, a wheel, or an installed package."""

import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import BadZipFile, ZipFile

import spacy
from spacy.language import Language

from scripts.errors import ProjectError

# What stands in the config of a pipeline that this project trained.
NEEDS_RUNTIME = re.compile("clinical_ner|transformer")


def load_pipeline(model: str) -> Language:
    """Load a pipeline that sets entities.

    model (str): the folder of a pipeline, a wheel, or the name of an installed package.
    RETURNS (Language): the pipeline.
    RAISES (ProjectError): there is none, or no part of it sets entities: it would find nothing, without a word.
    """
    try:
        nlp = load_wheel(Path(model)) if model.endswith(".whl") else load_folder_or_package(model)
    except (OSError, BadZipFile) as error:
        raise ProjectError(
            f"There is no pipeline '{model}'",
            "Give the folder of one, training/<run>/model-best for instance, a wheel, or the name of an installed"
            " package.",
        ) from error
    if not entity_pipes(nlp):
        raise ProjectError(
            f"The pipeline '{model}' has no part that sets entities",
            f"Its parts are: {', '.join(nlp.pipe_names) or 'none'}. One of them should be an 'ner', for instance.",
        )
    return nlp


def load_folder_or_package(model: str) -> Language:
    """Load what `spacy.load` can load. A package brings its code with it, a folder may need the project's."""
    config = Path(model) / "config.cfg"
    # Only where it is named: the import takes seconds, because transformers comes with it.
    if config.is_file() and NEEDS_RUNTIME.search(config.read_text(encoding="utf8")):
        from scripts.clinical_ner.registration import register

        register()
    return spacy.load(model)


def load_wheel(wheel: Path) -> Language:
    """Load the pipeline in a wheel as if it were installed, and leave nothing on the disk.

    wheel (Path): the wheel. Its requirements are those of this environment.
    RETURNS (Language): the pipeline, all of it in memory.
    """
    with TemporaryDirectory() as folder:
        with ZipFile(wheel) as archive:
            archive.extractall(folder)
        sys.path.insert(0, folder)
        try:
            return spacy.load(wheel.name.split("-")[0])
        finally:
            sys.path.remove(folder)


def entity_pipes(nlp: Language) -> list[str]:
    """Give the names of the parts of a pipeline that set entities, as they declare it themselves."""
    return [name for name in nlp.pipe_names if "doc.ents" in nlp.get_pipe_meta(name).assigns]


def gives_confidence(nlp: Language) -> bool:
    """Whether a part of a pipeline gives entities a confidence, as it declares itself.

    The extension alone tells nothing: it is there for all pipelines of a process once one of them has brought it.
    """
    return any("span._.confidence" in nlp.get_pipe_meta(name).assigns for name in nlp.pipe_names)
