"""Which documents a pipeline is scored on. `compare` names them before it knows whether it needs a pipeline."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Split:
    """A split of a corpus.

    source (Path): the folder with train.jsonl and <name>.jsonl.
    corpus (Path): the folder with <name>.spacy and report.json.
    labels (dict[str, str]): label by pattern of the entity type.
    name (str): "train", "dev" or "test".
    """

    source: Path
    corpus: Path
    labels: dict[str, str]
    name: str = "test"
