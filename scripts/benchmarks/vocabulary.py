"""The linker with large generated vocabularies: how long it takes to load, how much memory it needs, how fast it links.

Each size has two processes of its own: one that reads the vocabulary and builds the linker, one that loads and uses it.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import psutil
from typer import Option

from scripts.benchmarks.harness import Output, Seed, in_new_process, peak_memory, save_figures
from scripts.clinical_ner.linking.concept import Concept
from scripts.clinical_ner.linking.linker import Linker
from scripts.clinical_ner.linking.matcher import Matcher
from scripts.clinical_ner.linking.queries import Query
from scripts.linking.build import build_matcher
from scripts.vocabularies.folder import Description, read_vocabulary, write_vocabulary

# About as in MeSH: concepts for each name, and the share of the concepts that are diseases.
CONCEPTS_PER_NAME, DISEASES = 0.355, 0.11
GROUPS = {"Disease": ["C"], "Chemical": ["D"]}
# A name of MeSH has about 22 letters.
WORDS, MOST_WORDS = 100_000, 4
CONSONANTS, VOWELS = "bcdfghjklmnprstvxz", "aeiouy"
MENTIONS = 1000
COLUMNS = {
    "concepts": ("concepts", ",d"),
    "loading, s": ("loading_seconds", ".2f"),
    "loading, MiB": ("loading_memory", ",.0f"),
    "process, MiB": ("memory", ",.0f"),
    "known name, ms": ("known_milliseconds", ".2f"),
    "unknown name, ms": ("unknown_milliseconds", ".2f"),
    "building, s": ("building_seconds", ",.0f"),
    "building, MiB": ("building_memory", ",.0f"),
    "files, MB": ("megabytes", ",.0f"),
}


def benchmark_vocabulary(
    output: Output,
    names: Annotated[list[int], Option(help="How many names the vocabulary has; repeat it for several sizes", min=10)],
    vector_labels: Annotated[str, Option(help="Labels for whose names vectors of synonyms are trained")] = "",
    seed: Seed = 0,
) -> None:
    """Measure the linker with generated vocabularies. The fields of the JSON file, for each size:

    names, concepts: of the vocabulary; megabytes: of the linker's files.
    loading_seconds, loading_memory: to load the linker from files that are not in memory, and the MiB that it adds.
    memory: the peak of the process in MiB, with its libraries, after 1,000 mentions were linked.
    known_milliseconds, unknown_milliseconds: for a mention, if the vocabulary has its name, and with a letter changed.
    building_seconds, building_memory: to read the vocabulary and build the linker, and the peak of that process.
    """
    rows = {f"{count:,} names": measure_size(count, vector_labels.split(), seed) for count in names}
    save_figures(output, {"seed": seed, "sizes": rows}, {"Linker": (rows, COLUMNS)})


def measure_size(names: int, vector_labels: Sequence[str], seed: int) -> dict[str, Any]:
    """Return the figures for a number of names."""
    with TemporaryDirectory() as name:
        vocabulary, linker = Path(name) / "vocabulary", Path(name) / "linker"
        written = in_new_process(write_generated, names, seed, vocabulary)
        built = in_new_process(build_linker, vocabulary, linker, vector_labels, seed)
        files = [path for path in linker.rglob("*") if path.is_file()]
        drop_from_memory(files)
        megabytes = sum(path.stat().st_size for path in files) / 10**6
        return {**written, **built, **in_new_process(use_linker, linker), "megabytes": megabytes}


def write_generated(names: int, seed: int, folder: Path) -> dict[str, int]:
    """Write a generated vocabulary, and return how many concepts and names it has."""
    concepts = generate_concepts(names, seed)
    written = write_vocabulary(concepts, Description(name="generated", title="Generated", groups=GROUPS), folder)
    return {"names": written.names, "concepts": written.concepts}


def generate_concepts(names: int, seed: int) -> Iterator[Concept]:
    """Yield concepts with generated names: a few words are in many names, most words in few.

    names (int): how many names all have together.
    seed (int): the seed.
    YIELDS (Concept): the concepts.
    """
    random = np.random.default_rng(seed)
    words = np.array([generate_word(random) for _ in range(WORDS)])
    count = max(int(names * CONCEPTS_PER_NAME), 1)
    sizes = 1 + np.bincount(random.integers(count, size=names - count), minlength=count)
    is_disease = random.random(count) < DISEASES
    lengths = random.integers(1, MOST_WORDS + 1, size=names)
    # A few words are in many names.
    chosen = iter(words[(random.random(lengths.sum()) ** 3 * WORDS).astype(int)].tolist())
    texts = (" ".join(islice(chosen, length)) for length in lengths.tolist())
    for number, (size, disease) in enumerate(zip(sizes.tolist(), is_disease.tolist(), strict=True)):
        # Distinct numbers, so that no name of a concept is lost as a duplicate.
        first, *others = (f"{text} {number % 97 + place}" for place, text in enumerate(islice(texts, size)))
        yield Concept(f"D{number:07}", first, tuple(others), ("C01" if disease else "D01",))


def generate_word(random: np.random.Generator) -> str:
    """Return two to five syllables."""
    return "".join(
        CONSONANTS[random.integers(len(CONSONANTS))] + VOWELS[random.integers(len(VOWELS))]
        for _ in range(random.integers(2, 6))
    )


def build_linker(vocabulary: Path, folder: Path, vector_labels: Sequence[str], seed: int) -> dict[str, float]:
    """Build a linker from the folder of a vocabulary, save it, and return what that took."""
    started = time.perf_counter()
    read = read_vocabulary(vocabulary)
    linker = Linker()
    linker.matcher = build_matcher(read.concepts, read.description.groups, [], vector_labels=vector_labels, seed=seed)
    linker.to_disk(folder)
    return {"building_seconds": time.perf_counter() - started, "building_memory": peak_memory()}


def drop_from_memory(files: Sequence[Path]) -> None:
    """Let the system forget the contents of files, so that they are read from disk, where it can (not on macOS)."""
    for path in files if hasattr(os, "posix_fadvise") else []:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def use_linker(folder: Path) -> dict[str, float]:
    """Load a linker, link mentions, and return what that took."""
    before = psutil.Process().memory_info().rss
    started = time.perf_counter()
    matcher = Linker().from_disk(folder).matcher
    seconds = time.perf_counter() - started
    added = (psutil.Process().memory_info().rss - before) / 2**20
    if matcher is None:
        raise ValueError(f"{folder} has no linker")
    names = sample_names(matcher, MENTIONS)
    return {
        "loading_seconds": seconds,
        "loading_memory": added,
        "known_milliseconds": time_mentions(matcher, names, lambda name: name),
        "unknown_milliseconds": time_mentions(matcher, names, change_letter),
        "memory": peak_memory(),
    }


def sample_names(matcher: Matcher, count: int) -> list[tuple[str, str]]:
    """Return names of the whole vocabulary with their labels."""
    index = matcher.index
    rows = np.linspace(0, len(index.owners) - 1, min(count, len(index.owners))).astype(int).tolist()
    labels = [int(index.labels[index.owners[row]]).bit_length() - 1 for row in rows]
    return [(index.name(row), matcher.labels[label]) for row, label in zip(rows, labels, strict=True)]


def time_mentions(matcher: Matcher, names: Sequence[tuple[str, str]], change: Callable[[str], str]) -> float:
    """Return the mean milliseconds of a mention.

    matcher (Matcher): finds the concepts.
    names (Sequence[tuple[str, str]]): names with their labels.
    change (Callable): makes the text of a mention from a name.
    RETURNS (float): the milliseconds.
    """
    queries = [Query(text, text, label) for text, label in ((change(name), label) for name, label in names)]
    started = time.perf_counter()
    for query in queries:
        matcher.find(query)
    return (time.perf_counter() - started) * 1000 / len(queries)


def change_letter(name: str) -> str:
    """Return a name with another letter in its middle."""
    middle = len(name) // 2
    return f"{name[:middle]}w{name[middle + 1 :]}"
