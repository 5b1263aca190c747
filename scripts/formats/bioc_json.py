"""BioC JSON, as it is written; `json_values` reads it."""

from collections.abc import Sequence
from pathlib import Path

from bioc import BioCDocument, biocjson

from scripts.formats.bioc import BioCWriter, make_collection


class BioCJsonWriter(BioCWriter):
    """BioC JSON, which can hold any text."""

    suffix = ".bioc.json"

    def write(self, prepared: Sequence[BioCDocument], path: Path, *, number_from: int = 1) -> None:
        content = biocjson.dumps(make_collection(prepared), indent=2, ensure_ascii=False)
        path.write_text(content + "\n", encoding="utf-8", newline="\n")
