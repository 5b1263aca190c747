"""Training with each head beside Hugging Face's Trainer: wall time and strict F1 on dev, one after the other.

All have the same encoder, corpus, batches, number of updates, learning rate and schedule, score dev as often and keep
their best weights.
"""

import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import accumulate, chain, islice, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, NamedTuple

import spacy
import srsly
from seqeval.metrics.sequence_labeling import get_entities
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.training.loop import create_train_batches
from spacy.util import registry
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    EvalPrediction,
    TrainingArguments,
    set_seed,
)
from transformers.trainer import Trainer
from typer import Argument, Option

from scripts.annotation.mentions import doc_mentions
from scripts.benchmarks.harness import Output, Seed, make_rows, save_figures, take_turns
from scripts.benchmarks.speed import strict_scores
from scripts.evaluation.scoring import MEASURES
from scripts.evaluation.word_scores import iob2_tags
from scripts.pipelines import load_pipeline
from scripts.records.mentions import Mention
from scripts.train import TrainOptions, load_training_config, train

# What transformers leaves out of the loss.
UNLABELLED = -100
HEAD = "scripts.train, {head} head"
TRAINER = "Hugging Face Trainer"
COLUMNS = {
    "seconds": ("seconds", ".0f"),
    "updates": ("steps", "d"),
    "seconds an update": ("seconds_per_step", ".3f"),
    "of the Trainer's": ("seconds_per_step_ratio", ".2f"),
    "F1 on dev": ("f1", ".2%"),
}


def benchmark_training(
    config: Annotated[Path, Argument(help="spaCy config")],
    encoder: Annotated[Path, Argument(help="Folder of the encoder")],
    corpus: Annotated[Path, Argument(help="Folder with train.spacy and dev.spacy")],
    output: Output,
    heads: Annotated[str, Option(help="Named-entity heads, separated by spaces")] = "transition token",
    seed: Seed = 0,
    max_steps: Annotated[int, Option(help="Number of updates. Our training may stop earlier, by its patience")] = 1600,
) -> None:
    """Compare training on the CPU with Hugging Face's Trainer: seconds for reading, training and scoring, and F1."""
    options = [TrainOptions(max_steps, head=head, seed=seed) for head in heads.split()]
    with TemporaryDirectory() as folder:
        contenders: dict[str, Callable[[Path], dict[str, Any]]] = {}
        for each in options:
            fit = partial(train, config, encoder, corpus, Path(folder) / each.head, each)
            contenders[HEAD.format(head=each.head)] = partial(run_ours, fit, Path(folder) / each.head)
        settings = load_training_config(config, encoder, corpus, Path("log"), options[0])["training"]
        contenders[TRAINER] = partial(run_trainer, settings, encoder, Path(folder) / "trainer", seed)
        rows = make_rows(take_turns(contenders, [corpus], rounds=1), TRAINER, "seconds_per_step")
    figures = {"encoder": encoder.name, "settings": settings, "contenders": rows}
    save_figures(output, figures, {encoder.name: (rows, COLUMNS)})


def run_ours(fit: Callable[[], Path], run: Path, corpus: Path) -> dict[str, Any]:
    """Train as the project does, and score on dev; see `benchmark_training`."""
    started = time.perf_counter()
    nlp = load_pipeline(str(fit()))
    seconds = time.perf_counter() - started
    steps = list(srsly.read_jsonl(run / "log.jsonl"))[-1]["step"]
    docs = read_docs(corpus / "dev.spacy")
    gold = {str(number): doc_mentions(doc) for number, doc in enumerate(docs)}
    found = {str(number): doc_mentions(doc) for number, doc in enumerate(nlp.pipe(doc.text for doc in docs))}
    return {"seconds": seconds, "steps": steps, "seconds_per_step": seconds / steps, **strict_scores(gold, found)}


def read_docs(path: Path) -> list[Doc]:
    """Read the documents of a split."""
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


class Words(NamedTuple):
    """A document as the Trainer reads it.

    doc (Doc): the document.
    tokens (list[int]): the tokens that are labelled, in order: all but whitespace and what has no wordpiece.
    rows (list[dict[str, list[int]]]): its wordpieces with labels, in as many rows as the encoder's limit requires.
    """

    doc: Doc
    tokens: list[int]
    rows: list[dict[str, list[int]]]


def make_words(doc: Doc, tokenizer: Callable, tags: list[str]) -> Words:
    """Tokenize the words of a document, and label the first wordpiece of each by the number of its gold tag."""
    words = [token.i for token in doc if not token.is_space]
    texts = [doc[i].text for i in words]
    encoded = tokenizer(texts, is_split_into_words=True, truncation=True, return_overflowing_tokens=True)
    gold, tokens, rows = iob2_tags(doc), dict[int, None](), []
    for encoding in encoded.encodings:
        labels = [UNLABELLED] * len(encoding.ids)
        for column, word in enumerate(encoding.word_ids):
            if word is not None and words[word] not in tokens:
                tokens[words[word]] = None
                labels[column] = tags.index(gold[words[word]])
        rows.append({"input_ids": encoding.ids, "attention_mask": encoding.attention_mask, "labels": labels})
    return Words(doc, list(tokens), rows)


def tags_to_mentions(words: Words, best: Iterable[str]) -> list[Mention]:
    """Return the mentions in a document, from the best tag of each labelled token.

    An inside tag after another label starts a mention, as in conlleval.
    """
    tags = dict(zip(words.tokens, best, strict=True))
    tokens = [token for token in words.doc if not token.is_space]
    entities = get_entities([tags.get(token.i, "O") for token in tokens])
    return [Mention(tokens[start].idx, tokens[end].idx + len(tokens[end]), label) for label, start, end in entities]


def make_batches(documents: list[Words], training: dict[str, Any]) -> list[list[int]]:
    """Return the batches that spaCy's training loop makes of documents, as the numbers of their rows."""
    examples = [Example(words.doc, words.doc) for words in documents]
    bounds = pairwise(accumulate((len(words.rows) for words in documents), initial=0))
    rows = {id(example): range(*each) for example, each in zip(examples, bounds, strict=True)}
    nlp: Any = None
    batcher = registry.resolve({"batcher": training["batcher"]})["batcher"]
    batches = islice(create_train_batches(nlp, lambda nlp: examples, batcher, 0), training["max_steps"])
    return [[row for example in batch for row in rows[id(example)]] for _, batch in batches]


def run_trainer(training: dict[str, Any], encoder: Path, output: Path, seed: int, corpus: Path) -> dict[str, Any]:
    """Train with Hugging Face's Trainer, and score the weights that were best on dev; see `benchmark_training`.

    training (dict[str, Any]): the settings of a filled spaCy config, for batches, learning rate, schedule and steps.
    """
    started = time.perf_counter()
    docs, dev = read_docs(corpus / "train.spacy"), read_docs(corpus / "dev.spacy")
    tags = [
        "O",
        *(f"{at}-{label}" for label in sorted({ent.label_ for doc in docs for ent in doc.ents}) for at in "BI"),
    ]
    # For the new head; the Trainer sets the seed later.
    set_seed(seed)
    names = {"id2label": dict(enumerate(tags)), "label2id": {tag: number for number, tag in enumerate(tags)}}
    model = AutoModelForTokenClassification.from_pretrained(encoder, **names)
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    seen, unseen = ([make_words(doc, tokenizer, tags) for doc in split] for split in (docs, dev))
    trainer: Any = Trainer(
        model,
        make_arguments(training, output, seed=seed),
        data_collator=DataCollatorForTokenClassification(tokenizer),
        eval_dataset=[row for words in unseen for row in words.rows],
        compute_metrics=partial(score_best_tags, unseen, tags),
        optimizers=make_optimizer(model, training),
        preprocess_logits_for_metrics=lambda logits, _: logits.argmax(dim=-1),
    )
    rows: Any = [row for words in seen for row in words.rows]
    batches = DataLoader(rows, batch_sampler=make_batches(seen, training), collate_fn=trainer.data_collator)
    trainer.get_train_dataloader = lambda: batches
    trainer.train()
    seconds, steps = time.perf_counter() - started, trainer.state.global_step
    scores = trainer.evaluate()
    measures = {measure: scores[f"eval_{measure}"] for measure in MEASURES}
    return {"seconds": seconds, "steps": steps, "seconds_per_step": seconds / steps, **measures}


def score_best_tags(documents: list[Words], tags: list[str], evaluated: EvalPrediction) -> dict[str, float | None]:
    """Score what the Trainer predicted on all rows of the documents; see `strict_scores`."""
    rows: Iterable = zip(evaluated.predictions, evaluated.label_ids, strict=True)
    best = (tags[number] for number in chain.from_iterable(numbers[gold != UNLABELLED] for numbers, gold in rows))
    found = [tags_to_mentions(words, islice(best, len(words.tokens))) for words in documents]
    gold = [doc_mentions(words.doc) for words in documents]
    return strict_scores(*({str(number): each for number, each in enumerate(side)} for side in (gold, found)))


def make_arguments(training: dict[str, Any], output: Path, *, seed: int) -> TrainingArguments:
    """Return the Trainer's settings: those of the config where it has them, else the Trainer's defaults."""
    every: dict[str, Any] = {"eval_strategy": "steps", "save_strategy": "steps"}
    every |= dict.fromkeys(("eval_steps", "save_steps"), training["eval_frequency"])
    best: dict[str, Any] = {"load_best_model_at_end": True, "metric_for_best_model": "f1", "save_total_limit": 1}
    quiet: dict[str, Any] = {"save_only_model": True, "logging_strategy": "no", "report_to": "none"}
    steps, clip = training["max_steps"], training["optimizer"]["grad_clip"]
    return TrainingArguments(
        str(output), max_steps=steps, max_grad_norm=clip, use_cpu=True, seed=seed, **every, **best, **quiet
    )


def make_optimizer(model: Any, training: dict[str, Any]) -> tuple[AdamW, LambdaLR]:
    """Return AdamW, and the config's learning rate for each step."""
    settings = training["optimizer"]
    schedule = registry.resolve({"rate": settings["learn_rate"]})["rate"]
    rates = list(islice(schedule, training["max_steps"] + 1))
    betas = (settings["beta1"], settings["beta2"])
    optimizer = AdamW(model.parameters(), lr=1.0, betas=betas, eps=settings["eps"], weight_decay=settings["L2"])
    return optimizer, LambdaLR(optimizer, rates.__getitem__)
