"""The library that ships inside the wheel.

TEMP
"""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from . import processes, tokenizer  # noqa: F401
from .encoder import int8, transformer, windows  # noqa: F401
from .ner import abbreviations, agreement, token_classifier  # noqa: F401
