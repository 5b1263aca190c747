"""What is registered with spaCy and ships inside the wheel; each file imports nothing of ours.

Whatever imports this package has its encoder already: from here on nothing asks the Hugging Face hub.
`spacy train --code scripts/runtime/__init__.py` imports it, and with it every registered function.
"""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from scripts.runtime import (  # noqa: F401
    abbreviations,
    agreement,
    forking,
    int8,
    token_classifier,
    tokenizer,
    transformer,
    windows,
)
