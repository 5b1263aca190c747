"""The peer in training: Hugging Face's Trainer with its model for token classification, as its examples do it.

Words are labelled by their first wordpiece, and decoded by the best tag of each. Batches, learning rate and schedule
are those of a spaCy config; all else, dropout of attention for instance, is as the encoder comes.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy
from seqeval.metrics.sequence_labeling import get_entities
from spacy.tokens import Doc
from spacy.training import Example
from spacy.training.loop import create_train_batches
from spacy.util import registry
from thinc.api import Config
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Trainer,
    TrainingArguments,
    set_seed,
)

from scripts.annotation.mentions import doc_mentions
from scripts.benchmarks.assess import strict_scores
from scripts.evaluation.word_scores import iob2_tags
from scripts.records.mentions import Mention

# What transformers leaves out of the loss.
UNLABELLED = -100

Row = dict[str, list[int]]


class Words(NamedTuple):
    """A document as the Trainer reads it.

    doc (Doc): the document.
    words (list[int]): its tokens that are no spaces.
    rows (list[Row]): its wordpieces with labels, in as many rows as the encoder's limit takes.
    places (list[list[int]]): the words that are labelled in each row, in order, counted in `words`.
    """

    doc: Doc
    words: list[int]
    rows: list[Row]
    places: list[list[int]]


def make_words(doc: Doc, tokenizer: PreTrainedTokenizerFast, tags: list[str]) -> Words:
    """Tokenize a document's words, and label the first wordpiece of each.

    doc (Doc): a document with gold entities.
    tokenizer (PreTrainedTokenizerFast): the encoder's tokenizer.
    tags (list[str]): the BIO tags, by number.
    RETURNS (Words): the document in rows.
    """
    words = [token.i for token in doc if not token.is_space]
    gold, seen = iob2_tags(doc), set()
    encoded = tokenizer(
        [doc[i].text for i in words], is_split_into_words=True, truncation=True, return_overflowing_tokens=True
    )
    rows, places = [], []
    for encoding in encoded.encodings:
        labels, labelled = [UNLABELLED] * len(encoding.ids), []
        for column, word in enumerate(encoding.word_ids):
            if word is not None and word not in seen:
                seen.add(word)
                labels[column] = tags.index(gold[words[word]])
                labelled.append(word)
        rows.append({"input_ids": encoding.ids, "attention_mask": encoding.attention_mask, "labels": labels})
        places.append(labelled)
    return Words(doc, words, rows, places)


def read_mentions(document: Words, best: list[numpy.ndarray], tags: list[str]) -> list[Mention]:
    """Turn the best tag of each labelled wordpiece into mentions.

    document (Words): the document.
    best (list[numpy.ndarray]): the numbers of the best tags of the labelled wordpieces, by row.
    tags (list[str]): the BIO tags, by number.
    RETURNS (list[Mention]): the mentions. An inside tag after another label begins one, as in conlleval.
    """
    found = ["O"] * len(document.words)
    for labelled, numbers in zip(document.places, best, strict=True):
        for word, number in zip(labelled, numbers, strict=True):
            found[word] = tags[number]
    spans = [
        (document.doc[document.words[start] : document.words[end] + 1], label)
        for label, start, end in get_entities(found)
    ]
    return [Mention(span.start_char, span.end_char, label) for span, label in spans]


class EndlessBatches:
    """The batches that spaCy's training loop would make of documents, as the numbers of their rows.

    documents (list[Words]): the documents.
    batcher (Callable): from examples to batches.
    """

    def __init__(self, documents: list[Words], batcher: Callable[[Iterator[Example]], Iterator[list[Example]]]):
        self.batcher = batcher
        self.rows: dict[int, list[int]] = {}
        self.examples, first = [], 0
        for document in documents:
            example = Example(document.doc, document.doc)
            self.examples.append(example)
            self.rows[id(example)] = list(range(first, first + len(document.rows)))
            first += len(document.rows)

    def __iter__(self) -> Iterator[list[int]]:
        for _, batch in create_train_batches(None, lambda nlp: self.examples, self.batcher, 0):
            yield [row for example in batch for row in self.rows[id(example)]]


class BatchTrainer(Trainer):
    """A Trainer with given batches for training.

    batches (EndlessBatches): the batches.
    """

    def __init__(self, *args: Any, batches: EndlessBatches, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.batches = batches

    def get_train_dataloader(self) -> DataLoader:
        """Give the batches as the Trainer takes them."""
        return DataLoader(self.train_dataset, batch_sampler=self.batches, collate_fn=self.data_collator)


def train_plain(
    settings: Config, encoder: Path, train: list[Doc], dev: list[Doc], output: Path, *, labels: list[str], seed: int
) -> BatchTrainer:
    """Train by Hugging Face's Trainer, and take the weights that were best on dev.

    settings (Config): a filled spaCy config, for batches, learning rate, schedule, steps and how often dev is scored.
    encoder (Path): the folder of the encoder.
    train (list[Doc]): the documents to train on, with gold entities.
    dev (list[Doc]): the documents to score on, with gold entities.
    output (Path): a folder for the checkpoints.
    labels (list[str]): the entities' labels.
    seed (int): the seed.
    RETURNS (BatchTrainer): the Trainer; its `evaluate` scores on dev.
    """
    training = settings["training"]
    tags = ["O", *(f"{position}-{label}" for label in labels for position in "BI")]
    tokenizer = AutoTokenizer.from_pretrained(encoder)
    # For the new head; the Trainer sets the seed later.
    set_seed(seed)
    model = AutoModelForTokenClassification.from_pretrained(
        encoder, id2label=dict(enumerate(tags)), label2id={tag: number for number, tag in enumerate(tags)}
    )
    seen, unseen = ([make_words(doc, tokenizer, tags) for doc in docs] for docs in (train, dev))
    trainer = BatchTrainer(
        model,
        make_arguments(training, output, seed=seed),
        batches=EndlessBatches(seen, registry.resolve({"batcher": training["batcher"]})["batcher"]),
        data_collator=DataCollatorForTokenClassification(tokenizer),
        train_dataset=[row for document in seen for row in document.rows],
        eval_dataset=[row for document in unseen for row in document.rows],
        compute_metrics=partial(score_best_tags, unseen, tags),
        optimizers=make_optimizer(model, training),
        preprocess_logits_for_metrics=lambda logits, _: logits.argmax(dim=-1),
    )
    trainer.train()
    return trainer


def score_best_tags(documents: list[Words], tags: list[str], evaluated: EvalPrediction) -> dict[str, float | None]:
    """Score what the Trainer predicted on all rows of the documents; see `strict_scores`."""
    predicted = zip(evaluated.predictions, evaluated.label_ids, strict=True)
    rows = (best[gold != UNLABELLED] for best, gold in predicted)
    found = {
        str(number): read_mentions(document, list(islice(rows, len(document.rows))), tags)
        for number, document in enumerate(documents)
    }
    return strict_scores({str(number): doc_mentions(words.doc) for number, words in enumerate(documents)}, found)


def make_arguments(training: dict[str, Any], output: Path, *, seed: int) -> TrainingArguments:
    """Give the Trainer's settings: those of the config where it has them, and the Trainer's own where it has not."""
    every = {"eval_strategy": "steps", "save_strategy": "steps"} | dict.fromkeys(
        ("eval_steps", "save_steps"), training["eval_frequency"]
    )
    return TrainingArguments(
        output_dir=str(output),
        max_steps=training["max_steps"],
        max_grad_norm=training["optimizer"]["grad_clip"],
        load_best_model_at_end=True,
        metric_for_best_model="f1",
        save_only_model=True,
        save_total_limit=1,
        logging_strategy="no",
        report_to="none",
        use_cpu=True,
        seed=seed,
        **every,
    )


def make_optimizer(model: PreTrainedModel, training: dict[str, Any]) -> tuple[AdamW, LambdaLR]:
    """Give AdamW, and the config's learning rate for each step."""
    settings = training["optimizer"]
    schedule = registry.resolve({"rate": settings["learn_rate"]})["rate"]
    rates = list(islice(schedule, training["max_steps"] + 1))
    optimizer = AdamW(
        model.parameters(),
        lr=1.0,
        betas=(settings["beta1"], settings["beta2"]),
        eps=settings["eps"],
        weight_decay=settings["L2"],
    )
    return optimizer, LambdaLR(optimizer, rates.__getitem__)
