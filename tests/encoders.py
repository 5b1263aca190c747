"""Randomly initialised BERT encoders: tiny ones for tests, and one of BERT-base's shape for the whole workflow.

The vocabulary comes from given texts. `python -m tests.encoders CORPUS_JSONL... OUTPUT --base` writes a repository
that looks like Bio_ClinicalBERT's on the hub.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import srsly
import torch
import typer
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertForPreTraining, BertModel, BertTokenizerFast
from wasabi import msg

from scripts.records.bigbio import document_text, read_records

TINY = {
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}
BASE = {
    "num_hidden_layers": 12,
    "hidden_size": 768,
    "num_attention_heads": 12,
    "intermediate_size": 3072,
    "max_position_embeddings": 512,
}
BASE_WORDPIECES = 28996


def make_encoder(
    folder: Path,
    texts: Iterable[str],
    *,
    lowercase: bool = False,
    wordpieces: int = 500,
    shape: dict[str, int] = TINY,
    seed: int = 0,
) -> None:
    """Write a random encoder as transformers saves one today: config, tokenizer and safetensors.

    folder (Path): the folder to write.
    texts (Iterable[str]): what the vocabulary is made from.
    lowercase (bool): whether the tokenizer lowercases.
    wordpieces (int): the vocabulary's size at most.
    shape (dict[str, int]): the encoder's size, in the words of `BertConfig`.
    seed (int): the weights' seed.
    """
    config = make_vocabulary(folder, texts, lowercase=lowercase, wordpieces=wordpieces, shape=shape)
    torch.manual_seed(seed)
    BertModel(config).save_pretrained(folder)
    tokenizer = BertTokenizerFast(
        str(folder / "vocab.txt"), do_lower_case=lowercase, model_max_length=config.max_position_embeddings
    )
    tokenizer.save_pretrained(folder)


def make_pickled_encoder(
    folder: Path,
    texts: Iterable[str],
    *,
    wordpieces: int = 500,
    shape: dict[str, int] = TINY,
    seed: int = 0,
) -> None:
    """Write a random cased encoder as Bio_ClinicalBERT lies on the hub: nothing says cased, the weights are a pickle.

    Its weights are in torch's older format, with the pretraining heads and the older names of the layer norms.

    folder (Path): the folder to write.
    texts (Iterable[str]): what the vocabulary is made from.
    wordpieces (int): the vocabulary's size at most.
    shape (dict[str, int]): the encoder's size, in the words of `BertConfig`.
    seed (int): the weights' seed.
    """
    config = make_vocabulary(folder, texts, lowercase=False, wordpieces=wordpieces, shape=shape)
    torch.manual_seed(seed)
    weights = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in BertForPreTraining(config).state_dict().items()
    }
    torch.save(weights, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    srsly.write_json(folder / "config.json", {"model_type": "bert", "vocab_size": config.vocab_size, **shape})


def make_vocabulary(
    folder: Path, texts: Iterable[str], *, lowercase: bool, wordpieces: int, shape: dict[str, int]
) -> BertConfig:
    """Train wordpieces on texts, write them as vocab.txt, and give the config of an encoder for them."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = BertWordPieceTokenizer(lowercase=lowercase)
    tokenizer.train_from_iterator(texts, vocab_size=wordpieces, min_frequency=1, show_progress=False)
    tokenizer.save_model(str(folder))
    return BertConfig(vocab_size=tokenizer.get_vocab_size(), **shape)


def encoders_cli(
    corpus: Annotated[list[Path], typer.Argument(help="JSONL files of BigBio records")],
    output: Annotated[Path, typer.Argument(help="Folder to write")],
    base: Annotated[bool, typer.Option("--base", help="BERT-base's shape instead of a tiny one")] = False,
) -> None:
    """Write a random encoder that looks like Bio_ClinicalBERT's repository on the hub."""
    texts = [document_text(record) for path in corpus for record in read_records(path)]
    if base:
        make_pickled_encoder(output, texts, wordpieces=BASE_WORDPIECES, shape=BASE)
    else:
        make_pickled_encoder(output, texts)
    msg.good(f"A random encoder is in {output}")


if __name__ == "__main__":
    typer.run(encoders_cli)
