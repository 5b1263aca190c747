"""Measure this pipeline beside spaCy's strided spans, Hugging Face's pipeline and the bare encoder, which is the limit.

In: a pipeline and two test splits. Out: metrics/benchmark/benchmark.json with all figures, benchmark.md and
benchmark.svg. All have the same weights and threads, and take turns in one run, so that a machine that is busy for a
while slows all of them.
"""

import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import srsly
import typer
from spacy.language import Language
from spacy.util import minibatch
from spacy_transformers.data_classes import HFObjects
from wasabi import msg

from scripts.benchmarks.assess import assess, time_stages
from scripts.benchmarks.contenders import (
    BARES,
    CONTENDERS,
    HUGGING_FACES,
    OURS,
    PIPELINES,
    STOCK_BATCH_SIZE,
    Contender,
    get_encoder,
    make_contenders,
    wordpiece_limit,
)
from scripts.benchmarks.machine import describe_machine, set_threads
from scripts.benchmarks.measure import peak_memory, time_note, time_run
from scripts.benchmarks.tables import draw, make_tables, to_markdown
from scripts.errors import shown_to_user
from scripts.files import moved_into_place
from scripts.pipelines import load_pipeline
from scripts.records.bigbio import Record, document_text, read_records
from scripts.records.checks import check_record
from scripts.records.mentions import DEFAULT_LABELS, parse_labels

# How many documents each contender runs over before the first round.
WARM_UP = 8
# How many documents a contender runs over before it is the next one's turn: as many as the largest of their batches.
BLOCK = STOCK_BATCH_SIZE

Passes = dict[str, dict[str, list[dict[str, float]]]]


def benchmark(
    model: str,
    abstracts: Path,
    notes: Path,
    output: Path,
    *,
    labels: dict[str, str],
    others: Sequence[str] = (),
    rounds: int = 5,
    documents: int = 0,
    threads: int = 0,
    command: str = "",
) -> dict[str, Any]:
    """Measure all contenders in turn, and write the figures. The fields of benchmark.json:

    command, model, encoder, machine, rounds: what was measured on what; block: how many documents at a turn.
    corpora: "abstracts" and "notes", see `count_texts`.
    note_words: the length of the shortest note, which is timed by itself.
    best: by corpus the fastest Hugging Face setting ("hugging_face") and the fastest bare encoder ("bare").
    contenders: by name; for each corpus the fields of `summarize`, and for a pipeline "quality", see `assess`;
        note_seconds and note_rounds; memory, see `peak_memory`, over the notes. Other pipelines have the names given.
    stages: the seconds of each stage of this pipeline on the abstracts, see `time_stages`.

    model (str): the folder of a pipeline that this project trained, a wheel, or the name of an installed package.
    abstracts (Path): BC5CDR's test split as BigBio records.
    notes (Path): the synthetic notes' test split.
    output (Path): the folder for the files.
    labels (dict[str, str]): label by pattern of the entity type.
    others (Sequence[str]): further pipelines of this project to measure, with another head for instance.
    rounds (int): how often each is measured; the median counts.
    documents (int): how many documents of each split to take, for a quick look; 0 takes all.
    threads (int): the encoder's threads; 0 leaves it to PyTorch.
    command (str): the command line, to be kept with the figures.
    RETURNS (dict[str, Any]): what benchmark.json holds.
    RAISES (ProjectError): the pipeline is not of this project, or a split is not what it should be.
    """
    set_threads(threads)
    splits = read_splits({"abstracts": abstracts, "notes": notes}, labels=labels, documents=documents)
    corpora = {corpus: [document_text(record) for record in records] for corpus, records in splits.items()}
    nlp = load_pipeline(model)
    encoder = get_encoder(nlp)
    counts = {corpus: count_texts(nlp, encoder, texts) for corpus, texts in corpora.items()}
    note = min(corpora["notes"], key=len)
    # Before all are loaded: each is to have the machine for itself.
    memory = weigh(model, others, corpora["notes"], threads=threads)
    contenders = make_contenders(model, others)
    passes, note_seconds = take_turns(contenders, corpora, note, rounds=rounds)
    best, rows = summarize(passes, counts, n_special=encoder.tokenizer.num_special_tokens_to_add())
    for name, row in rows.items():
        row |= {"note_seconds": median(note_seconds[name]), "note_rounds": note_seconds[name], "memory": memory[name]}
    for name in (*PIPELINES, *others):
        msg.text(f"Scores of {name}")
        for corpus, records in splits.items():
            rows[name][corpus]["quality"] = assess(contenders[name].nlp, records, labels=labels)
    figures = {
        "command": command,
        "model": f"{nlp.meta['lang']}_{nlp.meta['name']} {nlp.meta['version']}",
        "encoder": encoder.transformer.config.to_diff_dict(),
        "machine": describe_machine(),
        "rounds": rounds,
        "block": BLOCK,
        "corpora": counts,
        "note_words": count_words(nlp, [note]),
        "best": best,
        "contenders": rows,
        "stages": time_stages(contenders[OURS].nlp, corpora["abstracts"]),
    }
    write(figures, output)
    return figures


def read_splits(paths: dict[str, Path], *, labels: dict[str, str], documents: int) -> dict[str, list[Record]]:
    """Read the splits, and check their annotations.

    paths (dict[str, Path]): the splits' files by corpus.
    labels (dict[str, str]): label by pattern of the entity type.
    documents (int): how many documents of each to take, 0 for all.
    RETURNS (dict[str, list[Record]]): the records by corpus.
    RAISES (ProjectError): one of them is not what it should be.
    """
    splits = {corpus: read_records(path)[: documents or None] for corpus, path in paths.items()}
    for records in splits.values():
        for record in records:
            check_record(record, labels)
    return splits


def weigh(model: str, others: Sequence[str], texts: list[str], *, threads: int) -> dict[str, dict[str, float]]:
    """Give the memory of each contender, one after the other; see `peak_memory`."""
    memory = {}
    for name in (*CONTENDERS, *others):
        msg.text(f"Memory of {name}")
        pipeline, contender = (name, OURS) if name in others else (model, name)
        memory[name] = peak_memory(pipeline, contender, texts, threads=threads)
    return memory


def count_texts(nlp: Language, encoder: HFObjects, texts: list[str]) -> dict[str, int]:
    """Count what there is to be read.

    nlp (Language): the pipeline, for its tokens.
    encoder (HFObjects): its encoder, for its wordpieces.
    texts (list[str]): the texts.
    RETURNS (dict[str, int]): documents; words, tokens that are no spaces; wordpieces, special ones apart; and
        longer_than_limit, the documents that are longer than the encoder's limit: the Hugging Face pipeline reads them
        by its stride option.
    """
    pieces = [len(ids) for ids in encoder.tokenizer(texts, add_special_tokens=False, verbose=False).input_ids]
    longest = wordpiece_limit(encoder) - encoder.tokenizer.num_special_tokens_to_add()
    return {
        "documents": len(texts),
        "words": count_words(nlp, texts),
        "wordpieces": sum(pieces),
        "longer_than_limit": sum(count > longest for count in pieces),
    }


def count_words(nlp: Language, texts: list[str]) -> int:
    """Count the tokens that are no spaces."""
    return sum(not token.is_space for text in texts for token in nlp.make_doc(text))


def take_turns(
    contenders: dict[str, Contender], corpora: dict[str, list[str]], note: str, *, rounds: int
) -> tuple[Passes, dict[str, list[float]]]:
    """Time contenders round by round: each corpus, and the short note.

    In a round they take turns block by block, not corpus by corpus: a machine that is slower for some minutes is so
    for all of them.

    contenders (dict[str, Contender]): the contenders by name.
    corpora (dict[str, list[str]]): the texts by corpus.
    note (str): the short note.
    rounds (int): how many.
    RETURNS (tuple): by contender and corpus the sums of what `time_run` gave for its blocks in each round; by contender
        the seconds of the note.
    """
    passes: Passes = {name: {corpus: [] for corpus in corpora} for name in contenders}
    note_seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for contender in contenders.values():
        for texts in corpora.values():
            contender.prepare(texts[:WARM_UP])()
    for round in range(rounds):
        msg.text(f"Round {round + 1} of {rounds}")
        for corpus, texts in corpora.items():
            sums: dict[str, Counter] = {name: Counter() for name in contenders}
            for block, (name, contender) in product(minibatch(texts, BLOCK), contenders.items()):
                sums[name].update(time_run(contender.encoder, contender.prepare(block)))
            for name in contenders:
                passes[name][corpus].append(dict(sums[name]))
        for name, contender in contenders.items():
            note_seconds[name].append(time_note(contender.prepare, note))
    return passes, note_seconds


def summarize(
    passes: Passes, counts: dict[str, dict[str, int]], *, n_special: int
) -> tuple[dict[str, dict[str, str]], dict[str, dict[str, Any]]]:
    """Give the medians over the rounds and their ratios.

    passes (dict): by contender and corpus, the sums of what `time_run` gave in each round.
    counts (dict): by corpus, what `count_texts` gave.
    n_special (int): how many special wordpieces a row has, save those of the bare encoder.
    RETURNS (tuple): by corpus the best "hugging_face" and "bare"; by contender and corpus words_per_second; of_bare and
        of_hugging_face, in ratio to the best of these; encoder_share, of the time; repeated, the share of wordpieces
        that were read before, below zero if more were cut off; padding, its share of what the encoder computed;
        rounds, as given.
    """
    rates = {
        corpus: {name: words["words"] / median(one["seconds"] for one in passes[name][corpus]) for name in passes}
        for corpus, words in counts.items()
    }
    best = {
        corpus: {
            kind: max(names, key=found.__getitem__)
            for kind, names in (("hugging_face", HUGGING_FACES), ("bare", BARES))
        }
        for corpus, found in rates.items()
    }
    rows: dict[str, dict[str, Any]] = {name: {} for name in passes}
    for name, by_corpus in passes.items():
        for corpus, rounds in by_corpus.items():
            one = rounds[-1]
            read = one["read"] - (0 if name in BARES else n_special * one["rows"])
            rows[name][corpus] = {
                "words_per_second": rates[corpus][name],
                **{f"of_{kind}": rates[corpus][name] / rates[corpus][other] for kind, other in best[corpus].items()},
                "encoder_share": median(each["encoder_seconds"] / each["seconds"] for each in rounds),
                "repeated": 1 - counts[corpus]["wordpieces"] / read,
                "padding": 1 - one["read"] / one["computed"],
                "rounds": rounds,
            }
    return best, rows


def write(figures: dict[str, Any], output: Path) -> None:
    """Write the figures, their tables and their plot, and move them into place once all are whole."""
    with (
        moved_into_place(output / "benchmark.json") as json_file,
        moved_into_place(output / "benchmark.md") as page_file,
        moved_into_place(output / "benchmark.svg") as plot_file,
    ):
        srsly.write_json(json_file, figures)
        page_file.write_text(to_markdown(figures, make_tables(figures)), encoding="utf8")
        plot_file.write_text(draw(figures), encoding="utf8")


def benchmark_cli(
    model: Annotated[str, typer.Argument(help="Folder of a pipeline, a wheel, or an installed package")],
    abstracts: Annotated[Path, typer.Argument(help="BC5CDR's test split, assets/bc5cdr/test.jsonl")],
    notes: Annotated[Path, typer.Argument(help="The notes' test split, assets/synthetic/test.jsonl")],
    output: Annotated[Path, typer.Argument(help="Folder for benchmark.json, benchmark.md and benchmark.svg")],
    labels: Annotated[str, typer.Option(help="Entity type patterns and their labels")] = DEFAULT_LABELS,
    others: Annotated[str, typer.Option(help="Further pipelines to measure, separated by spaces")] = "",
    rounds: Annotated[int, typer.Option(help="Rounds, of which the median counts", min=1)] = 5,
    documents: Annotated[int, typer.Option(help="Documents of each split, 0 for all", min=0)] = 0,
    threads: Annotated[int, typer.Option(help="Threads of the encoder, 0 for PyTorch's own choice", min=0)] = 0,
) -> None:
    """Measure this pipeline beside strided spans, Hugging Face's pipeline and the bare encoder."""
    with shown_to_user():
        figures = benchmark(
            model,
            abstracts,
            notes,
            output,
            labels=parse_labels(labels),
            others=others.split(),
            rounds=rounds,
            documents=documents,
            threads=threads,
            command=shlex.join(["python", "-m", "scripts.benchmark", *sys.argv[1:]]),
        )
    for table in make_tables(figures):
        msg.divider(table.title)
        msg.table(table.rows, header=table.header, divider=True, aligns=("l", *("r" for _ in table.header[1:])))
    msg.good(f"All figures are in {output}")


if __name__ == "__main__":
    typer.run(benchmark_cli)
