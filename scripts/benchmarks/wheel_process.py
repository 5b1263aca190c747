"""The timed process of `wheels`. It is run by its path, and imports nothing of this project.

Its arguments are a JSON file of texts, a pipeline, and perhaps a package to import first. It annotates a short text,
and then for each line of standard input the texts from one number to another. Each answer is a line of JSON.
"""

import importlib
import json
import sys
import time
from pathlib import Path


def answer(**figures: float) -> None:
    """Write a line of JSON."""
    sys.stdout.write(f"{json.dumps(figures)}\n")
    sys.stdout.flush()


def main(texts_path: str, model: str, *imports: str) -> None:
    """Load a pipeline and read texts; see above."""
    import spacy

    for module in imports:
        importlib.import_module(module)
    nlp = spacy.load(model)
    answer(entities=len(nlp("Aspirin was stopped because of gastritis.").ents))
    texts = json.loads(Path(texts_path).read_text(encoding="utf8"))
    for line in sys.stdin:
        start, end = map(int, line.split())
        started = time.perf_counter()
        entities = sum(len(doc.ents) for doc in nlp.pipe(texts[start:end]))
        answer(seconds=time.perf_counter() - started, entities=entities)


if __name__ == "__main__":
    main(*sys.argv[1:])
