"""Write and check the folder of an encoder: config, tokenizer and safetensors, in the same form for every source."""

import inspect
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import srsly
import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModel, AutoTokenizer, PretrainedConfig, PreTrainedModel
from transformers.tokenization_utils_base import LARGE_INTEGER, PreTrainedTokenizerBase

from scripts.catalog.encoders import KnownEncoder
from scripts.encoders.downloads import CONFIG, SAFETENSORS, TOKENIZER_FILES
from scripts.errors import ProjectError

LONGEST_CHECK = 4096  # wordpieces; also the limit of an encoder that has none
SENTENCE = "BCNU and methotrexate were given for lymphoma. "


def write_encoder(folder: Path, output: Path, known: KnownEncoder) -> None:
    """Write the folder of an encoder: its tokenizer with all settings, its weights as safetensors, and nothing else.

    folder (Path): the files of the model, as their source has them.
    output (Path): the folder to write.
    known (KnownEncoder): settings that the files lack.
    RAISES (ProjectError): the files can't be read as an encoder without running code that comes with them.
    """
    output.mkdir()
    for name in (CONFIG, *TOKENIZER_FILES):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, output / name)
    with loading_errors_explained(folder):
        edit_json(output / CONFIG, lambda config: {**known.config, **config})
        # Sentence encoders are saved with a tokenizer that truncates and pads to a fixed length.
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
    fit_tokenizer(tokenizer, model)
    # Custom code is not copied, so the result must not refer to it.
    tokenizer.init_kwargs.pop("auto_map", None)
    vars(model.config).pop("auto_map", None)
    tokenizer.save_pretrained(output)
    try:
        model.save_pretrained(output, safe_serialization=True)
    except SafetensorError as error:
        # Other writers raise an OSError here.
        raise ProjectError(
            f"The weights could not be written to {output}: {error}", "Check the free space and run the command again."
        ) from error
    # safetensors makes the file readable for its owner only.
    shutil.copymode(output / CONFIG, output / SAFETENSORS)


def fit_tokenizer(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    """Make a tokenizer return only what its model accepts: names of inputs, and a limited number of wordpieces.

    tokenizer (PreTrainedTokenizerBase): the tokenizer to change.
    model (PreTrainedModel): the model.
    """
    accepted = inspect.signature(model.forward).parameters
    # Tokenizers of DistilBERT and ModernBERT can return token_type_ids, which these models don't accept.
    tokenizer.model_input_names = [name for name in tokenizer.model_input_names if name in accepted]
    tokenizer.init_kwargs["model_input_names"] = tokenizer.model_input_names
    positions = getattr(model.config, "max_position_embeddings", 0)
    if positions > 0:
        tokenizer.model_max_length = min(tokenizer.model_max_length, positions)
    elif tokenizer.model_max_length > LARGE_INTEGER:
        # Neither names a limit: XLNet, for instance, has no position table, and -1 as its size.
        tokenizer.model_max_length = LONGEST_CHECK


def read_config(folder: Path) -> PretrainedConfig:
    """Read the config of a model. It must name the type, which transformers would guess from the path otherwise."""
    if "model_type" not in srsly.read_json(folder / CONFIG):
        raise ProjectError(f"{CONFIG} does not say the model's type", 'Add it, for instance "model_type": "bert".')
    return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def edit_json(path: Path, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change a JSON file if it exists. srsly would write 1e-12, the epsilon of a layer norm, as 0.0."""
    if path.is_file():
        content = edit(json.loads(path.read_text(encoding="utf8")))
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf8")


def cased_setting(folder: Path) -> dict[str, Any]:
    """Return `do_lower_case` for a tokenizer that lacks it and has capitals in its vocabulary, which would be unused.

    folder (Path): the files of the tokenizer.
    RETURNS (dict[str, Any]): the setting, or nothing.
    """
    path = folder / "tokenizer_config.json"
    is_set = (folder / "tokenizer.json").is_file() or (path.is_file() and "do_lower_case" in srsly.read_json(path))
    if is_set or not (folder / "vocab.txt").is_file():
        return {}
    wordpieces = (folder / "vocab.txt").read_text(encoding="utf8").splitlines()
    cased = any(piece != piece.lower() for piece in wordpieces if not piece.startswith("["))
    return {"do_lower_case": False} if cased else {}


def load_model(folder: Path, config: PretrainedConfig) -> PreTrainedModel:
    """Load the weights of an encoder, a pickle with torch's `weights_only`, and check that none is missing.

    folder (Path): the folder with the weights.
    config (PretrainedConfig): the config of the model.
    RETURNS (PreTrainedModel): the encoder without a head.
    RAISES (ProjectError): weights are missing, and would be random.
    """
    with torch.random.fork_rng(devices=[]):
        # If the weights have no pooler, it is random. Nothing here uses it, but two runs must give the same bytes.
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
            "Use weights that match the architecture in config.json.",
        )
    return model


@contextmanager
def loading_errors_explained(folder: Path) -> Iterator[None]:
    """Turn whatever the libraries raise for unusable model files into one kind of error."""
    try:
        yield
    except ProjectError:
        raise
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ProjectError(
            f"The model files from {folder} can't be used: {reason[:300]}",
            "The architecture must be one that transformers includes, with the files of its tokenizer, and the weights"
            " safetensors or a pickle of tensors alone. No code that comes with a model is run.",
        ) from error


def check_encoder(folder: Path) -> bool:
    """Check that an encoder loads from its folder and returns finite vectors for a text of its maximum length.

    folder (Path): the folder of the encoder.
    RETURNS (bool): whether its tokenizer is cased.
    RAISES (ProjectError): it does not load, or its vectors are not finite.
    """
    with loading_errors_explained(folder):
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = load_model(folder, read_config(folder)).eval()
        if len(tokenizer) > model.config.vocab_size:
            raise ProjectError(
                f"The tokenizer has {len(tokenizer)} wordpieces, and the encoder vectors for {model.config.vocab_size}",
                "Use the vocabulary that the encoder was trained with.",
            )
        vectors = full_length_vectors(tokenizer, model)
    if not torch.isfinite(vectors).all():
        raise ProjectError("The encoder returns vectors that are not finite", "Its weights are damaged: use others.")
    return tokenizer.tokenize(SENTENCE) != tokenizer.tokenize(SENTENCE.lower())


def full_length_vectors(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> torch.Tensor:
    """Return the vectors of an encoder, (1, wordpieces, width), for a text of the tokenizer's maximum length."""
    length = min(tokenizer.model_max_length, LONGEST_CHECK)
    inputs = tokenizer(SENTENCE * length, truncation=True, max_length=length, return_tensors="pt")
    with torch.inference_mode():
        return model(**inputs).last_hidden_state
