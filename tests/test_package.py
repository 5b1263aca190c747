"""The wheel says what it is, asks for what it needs, and works where the project is not."""

import json
import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
import spacy
import srsly
from confection import Config
from packaging.requirements import Requirement

from scripts.errors import ProjectError
from scripts.package import (
    ROOT,
    check_version,
    check_vocabulary,
    make_meta,
    package,
    performance,
    remove_project_callback,
    runtime_requirements,
    set_precision,
)

NAME = "en_ner_small_tiny"
ROW = {"precision": 0.802529, "recall": 0.25, "f1": 0.333333}
SCORES = {
    "labels": ["Chemical", "Disease"],
    "scores": {"Chemical": ROW, "Disease": {**ROW, "f1": None}, "micro": ROW, "macro": ROW},
}
# Runs in an environment of its own, from an empty folder, with every way out of the machine shut.
APPLICATION = """
import multiprocessing
import socket

def shut(*args, **kwargs):
    raise OSError("the network is cut")

socket.socket.connect = socket.getaddrinfo = shut

import spacy
from spacy.tokens import DocBin

if __name__ == "__main__":
    nlp = spacy.load("en_ner_small_tiny")
    texts = [f"aspirin caused gout in {number} rats." for number in range(20)]
    expected = [[("aspirin", "Chemical"), ("gout", "Disease")]] * 20
    ents = lambda docs: [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs]
    assert all(0.5 < ent._.confidence <= 1 for ent in nlp(texts[0]).ents)
    assert ents([nlp(texts[0])]) == expected[:1]
    for method in ("fork", "spawn"):
        multiprocessing.set_start_method(method, force=True)
        docs = list(nlp.pipe(texts, n_process=2))
        assert ents(docs) == expected
    stored = DocBin(docs=docs, store_user_data=True).to_bytes()
    assert ents(DocBin().from_bytes(stored).get_docs(nlp.vocab)) == expected
    print("all is well")
"""
# The same wheel in both precisions.
PRECISION_APPLICATION = """
import spacy

for precision in ("int8", "fp32"):
    config = {} if precision == "int8" else {"components": {"transformer": {"model": {"precision": precision}}}}
    nlp = spacy.load("en_ner_small_tiny_int8", config=config)
    found = [(ent.text, ent.label_) for ent in nlp("aspirin caused gout in 3 rats.").ents]
    assert found == [("aspirin", "Chemical"), ("gout", "Disease")], found
    layer = nlp.get_pipe("transformer").model.transformer.encoder.layer[0].output.dense
    print(precision, type(layer).__name__)
"""


@pytest.fixture(scope="module")
def wheel(project: Path, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the pipeline trained on the small project."""
    folder = tmp_path_factory.mktemp("wheel")
    srsly.write_json(folder / "scores.json", SCORES)
    return package(trained, project / "tiny", folder, folder / "packages", profile="small", version="1.2.3")


def test_wheel_is_where_the_name_says(wheel: Path) -> None:
    assert wheel.parts[-4:] == ("packages", f"{NAME}-1.2.3", "dist", f"{NAME}-1.2.3-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        files = archive.namelist()
    library = {f"{NAME}/{path.relative_to(ROOT / 'scripts')}" for path in (ROOT / "scripts/clinical_ner").rglob("*.py")}
    assert library <= set(files)
    # spaCy's lookups.bin is msgpack.
    binaries = {Path(name).name for name in files if name.endswith((".bin", ".pkl", ".pt", ".pyc"))}
    assert binaries <= {"lookups.bin"}


def test_wheel_describes_itself(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        meta = json.loads(archive.read(f"{NAME}/{NAME}-1.2.3/meta.json"))
        metadata = Parser().parsestr(archive.read(f"{NAME}-1.2.3.dist-info/METADATA").decode())
    assert (meta["lang"], meta["name"], meta["version"], meta["license"]) == ("en", "ner_small_tiny", "1.2.3", "MIT")
    assert "Chemical and Disease" in meta["description"]
    assert [source["name"] for source in meta["sources"]] == ["small", "Encoder tests.encoders, revision 1"]
    assert meta["labels"]["ner"] == ["Chemical", "Disease"]
    assert meta["performance"] == performance(SCORES)
    required = {Requirement(line).name for line in metadata.get_all("Requires-Dist")}
    assert required == {"spacy", "spacy-transformers", "transformers", "torch"}


def test_performance_has_spacys_names() -> None:
    values = {"p": 0.802529, "r": 0.25, "f": 0.333333}
    assert performance(SCORES) == {
        "ents_p": 0.802529,
        "ents_r": 0.25,
        "ents_f": 0.333333,
        "ents_per_type": {"Chemical": values, "Disease": {**values, "f": None}},
    }


def test_same_pipeline_gives_the_same_wheel(wheel: Path, project: Path, trained: Path, tmp_path: Path) -> None:
    srsly.write_json(tmp_path / "scores.json", SCORES)
    again = package(trained, project / "tiny", tmp_path, tmp_path / "packages", profile="small", version="1.2.3")
    assert again.read_bytes() == wheel.read_bytes()


def test_wheel_in_int8_says_so_and_computes_so(project: Path, trained: Path, tmp_path: Path) -> None:
    srsly.write_json(tmp_path / "scores.json", SCORES)
    (tmp_path / "report.md").write_text("# A model card\n", encoding="utf8")
    options = {"profile": "small", "version": "1.2.3", "precision": "int8"}
    wheel = package(trained, project / "tiny", tmp_path, tmp_path / "packages", **options)
    assert wheel.name == f"{NAME}_int8-1.2.3-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    command = [sys.executable, "-c", PRECISION_APPLICATION]
    done = subprocess.run(command, cwd=tmp_path / "installed", capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "int8 Int8Linear\nfp32 Linear\n"), done.stderr
    with zipfile.ZipFile(wheel) as archive:
        meta = json.loads(archive.read(f"{NAME}_int8/{NAME}_int8-1.2.3/meta.json"))
        card = archive.read(f"{NAME}_int8/{NAME}_int8-1.2.3/README.md").decode()
    assert meta["precision"] == "int8"
    assert "computes in int8; the scores given are those of the same weights in fp32" in meta["description"]
    assert card.startswith("> On a CPU its encoder computes in int8;") and card.endswith("\n\n# A model card\n")


def test_unknown_precision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"'int4' is not a precision\. Use one of: fp32, int8"):
        package(tmp_path, tmp_path, tmp_path, tmp_path, profile="p", version="1.0", precision="int4")


def test_pipeline_without_our_encoder_has_no_precision(tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path / "model")
    set_precision(tmp_path, "fp32")
    with pytest.raises(ProjectError, match=r"no encoder that computes in int8\. Use --vars\.precision fp32"):
        set_precision(tmp_path, "int8")


def test_report_becomes_the_readme(project: Path, trained: Path, tmp_path: Path) -> None:
    srsly.write_json(tmp_path / "scores.json", SCORES)
    (tmp_path / "report.md").write_text("# A model card\n", encoding="utf8")
    wheel = package(trained, project / "tiny", tmp_path, tmp_path / "packages", profile="small", version="1.2.3")
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(f"{NAME}/{NAME}-1.2.3/README.md") == b"# A model card\n"
        assert "# A model card" in archive.read(f"{NAME}-1.2.3.dist-info/METADATA").decode()


def test_wheel_works_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    """Needs PyPI: the environment holds the wheel and what pip resolves its requirements to, and nothing else."""
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel]
    subprocess.run(install, check=True)
    (tmp_path / "application.py").write_text(APPLICATION, encoding="utf8")
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "HF_HUB_OFFLINE")}
    command = [python, tmp_path / "application.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "all is well\n"), done.stderr


def test_requirements_are_the_projects_own_ranges(tmp_path: Path) -> None:
    lines = "# a comment\nspacy>=3,<4\nspacy-transformers>=1  # why\ntransformers<5\ntorch>2\n\nruff\n"
    (tmp_path / "requirements.txt").write_text(lines, encoding="utf8")
    assert runtime_requirements(tmp_path / "requirements.txt") == [
        "spacy<4,>=3",
        "spacy-transformers>=1",
        "transformers<5",
        "torch>2",
    ]


def test_int8_requires_a_torch_that_has_its_operators() -> None:
    requirements = ROOT / "requirements.txt"
    torch = {name: Requirement(runtime_requirements(requirements, name)[-1]).specifier for name in ("fp32", "int8")}
    assert ("2.13.0" in torch["int8"], "2.14.0" in torch["int8"], "2.14.0" in torch["fp32"]) == (True, False, True)


def test_config_in_the_wheel_names_no_function_of_the_project(tmp_path: Path) -> None:
    nlp = spacy.blank("en", config={"training": {"before_to_disk": {"@callbacks": "project.whole_checkpoints.v1"}}})
    nlp.to_disk(tmp_path / "model")
    remove_project_callback(tmp_path)
    assert Config().from_disk(tmp_path / "model/config.cfg")["training"]["before_to_disk"] is None


@pytest.mark.parametrize("version", ["0.1.0", "1.2.3", "1.0a1"])
def test_versions(version: str) -> None:
    check_version(version)


@pytest.mark.parametrize(
    ("version", "right"), [("", "0.1.0"), ("new", "0.1.0"), ("v1.0", "1.0"), ("1.0-beta", "1.0b0")]
)
def test_bad_versions_are_refused(version: str, right: str) -> None:
    with pytest.raises(ProjectError, match=f"is not a version in normal form. Use for instance --vars.version {right}"):
        check_version(version)


VOCABULARY = {"title": "MeSH 2026", "license": "Courtesy of NLM", "restricted": False}


@pytest.mark.parametrize(
    ("vocabulary", "allowed"),
    [(None, False), (VOCABULARY, False), ({**VOCABULARY, "restricted": True}, True)],
)
def test_a_vocabulary_that_may_be_passed_on_is_a_source_of_the_wheel(vocabulary, allowed) -> None:
    check_vocabulary(vocabulary, allowed=allowed)
    encoder = {"source": "x", "revision": "1", "encoder": "e", "licence": "MIT"}
    meta = {"labels": {"ner": ["X"]}}
    sources = make_meta(meta, profile="p", encoder=encoder, version="1.0", performance={}, vocabulary=vocabulary)[
        "sources"
    ]
    expected = [{"name": "Vocabulary MeSH 2026", "license": "Courtesy of NLM"}] if vocabulary else []
    assert sources[2:] == expected


def test_a_restricted_vocabulary_is_not_put_into_a_wheel_by_itself() -> None:
    with pytest.raises(ProjectError, match=r"MeSH 2026, which may not be passed on: Courtesy of NLM.*--restricted"):
        check_vocabulary({**VOCABULARY, "restricted": True}, allowed=False)


def test_wheel_of_several_corpora_names_and_cites_each() -> None:
    encoder = {"source": "x", "revision": "1", "encoder": "minilm", "licence": "MIT"}
    options = {"profile": "bc5cdr+own", "encoder": encoder, "version": "1.0", "performance": {}}
    meta = make_meta({"labels": {"ner": ["X"]}}, **options)
    assert meta["name"] == "ner_bc5cdr_and_own_minilm"
    assert [source["name"] for source in meta["sources"][:2]] == ["BioCreative V CDR corpus (BC5CDR)", "own"]
    assert "fine-tuned on the BioCreative V CDR corpus (BC5CDR) and the own." in meta["description"]


def test_path_of_a_local_encoder_stays_out_of_the_wheel() -> None:
    encoder = {"encoder": "own", "source": "/home/someone/models/own-bert", "revision": "", "licence": ""}
    meta = make_meta({"labels": {"ner": ["X"]}}, profile="p", encoder=encoder, version="1.0", performance={})
    assert meta["sources"][1] == {"name": "Encoder own-bert", "license": "not stated"}
    assert "someone" not in meta["description"]


@pytest.mark.parametrize(
    ("missing", "command"), [("meta.json", "train"), ("encoder.json", "fetch-encoder"), ("scores.json", "evaluate")]
)
def test_what_has_to_run_before_is_named(tmp_path: Path, missing: str, command: str) -> None:
    for name in {"meta.json", "encoder.json", "scores.json"} - {missing}:
        srsly.write_json(tmp_path / name, {})
    with pytest.raises(ProjectError, match=rf"{missing} is not there\. Run first: spacy project run {command}"):
        package(tmp_path, tmp_path, tmp_path, tmp_path / "packages", profile="p", version="1.0")
