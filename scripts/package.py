"""Build the wheel: the trained pipeline, its library, scores, sources and a working set of requirements.

In: training/<run>/model-best, metrics/<run>, assets/encoders/<encoder>. Out: packages/<run>/<wheel's name>/dist/*.whl.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import copyfile, copytree, ignore_patterns
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import srsly
import typer
from confection import Config
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version
from spacy.cli.package import package as spacy_package
from wasabi import msg

from scripts.catalog.corpora import find_corpora, package_name
from scripts.clinical_ner.encoder.int8 import BELOW_TORCH
from scripts.clinical_ner.encoder.transformer import PRECISIONS
from scripts.clinical_ner.linking.linker import SETTINGS
from scripts.clinical_ner.registration import FACTORIES, register
from scripts.errors import ProjectError, shown_to_user
from scripts.files import moved_into_place, remove

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / "scripts" / "clinical_ner"
PACKAGING = ROOT / "scripts" / "packaging"
# The pipeline's requirements, with the ranges of requirements.txt. spaCy would list spacy-transformers alone, and pip
# would then choose versions that do not work together.
RUNTIME_REQUIREMENTS = ("spacy", "spacy-transformers", "transformers", "torch")
# The earliest time in a zip archive. With it, the same pipeline always gives the same bytes.
SOURCE_DATE_EPOCH = "315532800"
FP32 = "fp32"


def runtime_requirements(requirements: Path, precision: str = FP32) -> list[str]:
    """Return the requirements of the wheel: the ranges with which the project itself is installed.

    requirements (Path): the project's requirements.txt.
    precision (str): the encoder's precision. The operators of int8 need an older torch.
    RETURNS (list[str]): one requirement for each package that the pipeline needs when it runs.
    """
    lines = (line.partition("#")[0].strip() for line in requirements.read_text(encoding="utf8").splitlines())
    ranges = {requirement.name: requirement for requirement in map(Requirement, filter(None, lines))}
    if precision != FP32:
        ranges["torch"].specifier &= SpecifierSet(f"<{BELOW_TORCH}")
    return [str(ranges[name]) for name in RUNTIME_REQUIREMENTS]


def make_meta(
    meta: dict[str, Any],
    *,
    profile: str,
    encoder: dict[str, Any],
    version: str,
    performance: dict[str, Any],
    precision: str = FP32,
    vocabulary: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Complete the meta.json of a trained pipeline for someone who installs the wheel.

    meta (dict[str, Any]): the trained pipeline's meta.json.
    profile (str): the corpus it was trained on.
    encoder (dict[str, Any]): the content of encoder.json.
    version (str): the wheel's version.
    performance (dict[str, Any]): the scores on test, in fp32.
    precision (str): the encoder's precision. If it is not fp32 it is part of the name, so that both wheels of a run
        can be installed.
    vocabulary (dict[str, Any] | None): what the linker says about its vocabulary; None without a linker.
    RETURNS (dict[str, Any]): the wheel's meta.json.
    """
    corpora = find_corpora(profile)
    # A folder's path is about the machine, not about the encoder.
    source = encoder["source"] if encoder["revision"] else Path(encoder["source"]).name
    revision = f", revision {encoder['revision']}" if encoder["revision"] else ""
    return {
        **meta,
        "name": f"ner_{package_name(profile)}_{encoder['encoder']}{'' if precision == FP32 else f'_{precision}'}",
        "version": version,
        "description": f"Finds mentions of {' and '.join(meta['labels']['ner'])} in biomedical and clinical English:"
        f" the encoder {source}, fine-tuned on the {' and the '.join(corpus.name for corpus in corpora)}."
        f"{precision_note(precision)}",
        "precision": precision,
        "author": "The clinical NER pipeline developers",
        "license": "MIT",
        "sources": [
            *(corpus.citation for corpus in corpora),
            {"name": f"Encoder {source}{revision}", "license": encoder["licence"] or "not stated"},
            *([vocabulary_source(vocabulary)] if vocabulary else []),
        ],
        "requirements": runtime_requirements(ROOT / "requirements.txt", precision),
        "performance": performance,
    }


def vocabulary_source(vocabulary: dict[str, Any]) -> dict[str, str]:
    """Return a vocabulary as a source in meta.json."""
    return {"name": f"Vocabulary {vocabulary['title']}", "license": vocabulary["license"]}


def read_linker_vocabulary(model: Path) -> dict[str, Any] | None:
    """Return what the linker of a saved pipeline says about its vocabulary, None if it has none."""
    path = model / "linker" / SETTINGS
    return srsly.read_json(path)["vocabulary"] if path.is_file() else None


def check_vocabulary(vocabulary: dict[str, Any] | None, *, allowed: bool) -> None:
    """Raise an error if a vocabulary may not be passed on, unless it is allowed explicitly.

    vocabulary (dict[str, Any] | None): what the linker says about its vocabulary.
    allowed (bool): whether a restricted one may be in the wheel.
    RAISES (ProjectError): its license forbids passing it on.
    """
    if vocabulary and vocabulary["restricted"] and not allowed:
        raise ProjectError(
            f"The pipeline holds {vocabulary['title']}, which may not be passed on: {vocabulary['license']}",
            "If the wheel stays with those who have a license, give --restricted-vocabulary.",
        )


def precision_note(precision: str) -> str:
    """Return a sentence on what a precision means for the scores, with a space before it; empty for fp32."""
    if precision == FP32:
        return ""
    return f" On a CPU its encoder computes in {precision}; the scores given are those of the same weights in {FP32}."


def performance(scores: dict[str, Any]) -> dict[str, Any]:
    """Return the headline scores under the names that they have in spaCy's meta.json.

    scores (dict[str, Any]): the content of scores.json.
    RETURNS (dict[str, Any]): ents_p, ents_r, ents_f and ents_per_type, between 0 and 1, None where undefined.
    """
    rows = {name: {"p": row["precision"], "r": row["recall"], "f": row["f1"]} for name, row in scores["scores"].items()}
    micro = {f"ents_{measure}": value for measure, value in rows["micro"].items()}
    return {**micro, "ents_per_type": {label: rows[label] for label in scores["labels"]}}


def check_version(version: str) -> None:
    """Check that pip accepts a version, and does not rewrite it.

    version (str): the wheel's version.
    RAISES (ProjectError): it is not a version in the normal form of PEP 440.
    """
    try:
        normal = str(Version(version))
    except InvalidVersion:
        normal = "0.1.0"
    if version != normal:
        raise ProjectError(f"'{version}' is not a version in normal form", f"Use for instance --vars.version {normal}")


def set_precision(source: Path, precision: str) -> None:
    """Write the encoder's precision into the config of a package's source folder.

    source (Path): the folder.
    precision (str): the precision. fp32 is the default, and changes nothing.
    RAISES (ProjectError): the pipeline's encoder has no precision.
    """
    if precision == FP32:
        return
    (path,) = source.rglob("config.cfg")
    config = Config().from_disk(path, interpolate=False)
    model = config["components"].get("transformer", {}).get("model", {})
    if not model.get("@architectures", "").startswith("clinical_ner.WindowedTransformer"):
        raise ProjectError(f"The pipeline has no encoder that computes in {precision}", f"Use --vars.precision {FP32}")
    model["precision"] = precision
    config.to_disk(path)


def remove_project_callback(source: Path) -> None:
    """Remove the callback of training from the config of a package's source folder.

    It is the project's and not in the wheel, so that `spacy train` with the wheel's config would not find it (E893).

    source (Path): the folder.
    """
    (path,) = source.rglob("config.cfg")
    config = Config().from_disk(path, interpolate=False)
    config["training"]["before_to_disk"] = None
    config.to_disk(path)


def build_wheel(folder: Path) -> Path:
    """Build the wheel of a package's source folder, without a network.

    folder (Path): the folder with setup.py that `spacy package` wrote.
    RETURNS (Path): the wheel, in the folder's `dist`.
    RAISES (ProjectError): the build failed.
    """
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", str(folder)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": SOURCE_DATE_EPOCH}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise ProjectError(f"The wheel could not be built: {last[0]}", "Check the free space on the disk.")
    remove(folder / "build")
    (wheel,) = (folder / "dist").glob("*.whl")
    return wheel


def package(
    model: Path,
    encoder: Path,
    metrics: Path,
    output: Path,
    *,
    profile: str,
    version: str,
    precision: str = FP32,
    restricted_vocabulary: bool = False,
) -> Path:
    """Package a trained pipeline as a wheel.

    model (Path): the trained pipeline.
    encoder (Path): the folder of the encoder, for where it comes from.
    metrics (Path): the folder with scores.json. Its report.md, if there is one, becomes the README.
    output (Path): the folder for the package.
    profile (str): the corpus the pipeline was trained on.
    version (str): the wheel's version.
    precision (str): the precision of the encoder once the wheel is loaded. The weights in the wheel are the same.
    restricted_vocabulary (bool): whether a vocabulary that may not be passed on may be in the wheel.
    RETURNS (Path): the wheel.
    RAISES (ProjectError): the version or the precision is invalid, or an earlier command has not been run.
    """
    check_version(version)
    if precision not in PRECISIONS:
        raise ProjectError(f"'{precision}' is not a precision", f"Use one of: {', '.join(PRECISIONS)}")
    for path, command in (
        (model / "meta.json", "train"),
        (encoder / "encoder.json", "fetch-encoder"),
        (metrics / "scores.json", "evaluate"),
    ):
        if not path.is_file():
            raise ProjectError(f"{path} is not there", f"Run first: spacy project run {command}")
    vocabulary = read_linker_vocabulary(model)
    check_vocabulary(vocabulary, allowed=restricted_vocabulary)
    meta = make_meta(
        srsly.read_json(model / "meta.json"),
        profile=profile,
        encoder=srsly.read_json(encoder / "encoder.json"),
        version=version,
        # Not with srsly, which reads 0.802529 as 0.8025289999999999.
        performance=performance(json.loads((metrics / "scores.json").read_text(encoding="utf8"))),
        precision=precision,
        vocabulary=vocabulary,
    )
    with moved_into_place(output) as partial, TemporaryDirectory() as folder:
        partial.mkdir()
        meta_path = Path(folder) / "meta.json"
        srsly.write_json(meta_path, meta)
        msg.info("Copying the pipeline")
        # spaCy loads the pipeline to complete its meta.
        register()
        spacy_package(model, partial, meta_path=meta_path, create_sdist=False)
        (source,) = partial.iterdir()
        set_precision(source, precision)
        remove_project_callback(source)
        if (metrics / "report.md").is_file():
            card = (metrics / "report.md").read_text(encoding="utf8")
            note = precision_note(precision).strip()
            for readme in source.rglob("README.md"):
                readme.write_text(f"> {note}\n\n{card}" if note else card, encoding="utf8")
        add_library(source)
        msg.info("Building the wheel")
        wheel = build_wheel(source)
    return output / wheel.relative_to(partial)


def add_library(source: Path) -> None:
    """Put the library into a package's source folder, and what loads and installs it.

    `spacy package --code` copies single files, which cannot import each other.

    source (Path): the folder that `spacy package` wrote.
    """
    meta = srsly.read_json(source / "meta.json")
    name = f"{meta['lang']}_{meta['name']}"
    copytree(LIBRARY, source / name / LIBRARY.name, ignore=ignore_patterns("__pycache__"))
    copyfile(PACKAGING / "init.py.txt", source / name / "__init__.py")
    copyfile(PACKAGING / "setup.py.txt", source / "setup.py")
    for folder in (source / name, source / name / f"{name}-{meta['version']}"):
        copyfile(source / "meta.json", folder / "meta.json")
    (source / "entry_points.txt").write_text(entry_points(name), encoding="utf8")


def entry_points(name: str) -> str:
    """Return the entry points of a package, in INI format.

    With those of the factories, a pipeline that was saved to a folder loads wherever the wheel is installed.

    name (str): the package's name.
    RETURNS (str): the content of entry_points.txt.
    """
    factories = [
        f"{factory.name} = {name}.{LIBRARY.name}.installed:{factory.function.__name__}" for factory in FACTORIES
    ]
    return "\n".join(["[spacy_models]", f"{name} = {name}", "[spacy_factories]", *factories, ""])


def package_cli(
    model: Annotated[Path, typer.Argument(help="Folder of the trained pipeline")],
    encoder: Annotated[Path, typer.Argument(help="Folder of the encoder")],
    metrics: Annotated[Path, typer.Argument(help="Folder with scores.json")],
    output: Annotated[Path, typer.Argument(help="Folder for the package")],
    profile: Annotated[str, typer.Option(help="The corpus the pipeline was trained on")],
    version: Annotated[str, typer.Option(help="The wheel's version")],
    precision: Annotated[str, typer.Option(help="fp32, or int8, which is faster on a CPU")] = FP32,
    restricted_vocabulary: Annotated[
        bool, typer.Option("--restricted-vocabulary", help="Put a vocabulary into the wheel that may not be passed on")
    ] = False,
) -> None:
    """Build the wheel that people install."""
    with shown_to_user():
        wheel = package(
            model,
            encoder,
            metrics,
            output,
            profile=profile,
            version=version,
            precision=precision,
            restricted_vocabulary=restricted_vocabulary,
        )
    msg.good(f"{wheel} ({wheel.stat().st_size / 1e6:.0f} MB)", f"pip install {wheel}")


if __name__ == "__main__":
    typer.run(package_cli)
