"""What is registered with spaCy and ships inside the wheel; each file imports nothing of ours.

`spacy train --code scripts/runtime/__init__.py` imports it, and with it every registered function.
"""

from scripts.runtime import tokenizer, truncation  # noqa: F401
