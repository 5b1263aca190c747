"""What the figures were measured on: the processor, its threads, and the versions of the libraries."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

PACKAGES = ("spacy", "spacy-transformers", "thinc", "transformers", "tokenizers", "accelerate", "torch", "numpy")


def set_threads(threads: int) -> None:
    """Give the encoder and the tokenizers of Hugging Face as many threads.

    threads (int): how many; 0 leaves it to PyTorch, one for each core.
    """
    if threads:
        torch.set_num_threads(threads)
        # The tokenizers' pool reads it when it starts.
        os.environ["RAYON_NUM_THREADS"] = str(threads)


def describe_machine() -> dict[str, Any]:
    """Give the processor's name, its cores, the encoder's threads, the system and the versions."""
    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "system": platform.platform(),
        "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
    }


def processor_name() -> str:
    """Give the processor's name as the system has it."""
    listed = Path("/proc/cpuinfo")
    name = re.search(r"^model name\s*:\s*(.+)$", listed.read_text(), re.MULTILINE) if listed.is_file() else None
    return name[1] if name else platform.processor() or platform.machine()
