"""Speed and memory on a device, in fp32 and mixed precision, beside Hugging Face's pipeline."""

import gc
import time
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import spacy
import torch

from scripts.benchmarks.contenders import (
    HUGGING_FACE,
    OURS,
    Makers,
    count_words,
    get_encoder,
    hugging_face,
    own_settings,
)
from scripts.benchmarks.harness import peak_memory
from scripts.clinical_ner.registration import register
from scripts.gpu import use_gpu
from scripts.records.bigbio import document_text, read_records

CONTENDERS: Makers = {
    OURS: own_settings,
    **{
        f"{HUGGING_FACE}, batches of {size}, sorted": partial(hugging_face, batch_size=size, by_length=True)
        for size in (32, 128)
    },
}


def measure(model: str, records: Path, mixed_precision: bool, rounds: int, gpu_id: int) -> list[dict[str, Any]]:
    """Measure a pipeline and Hugging Face's pipeline with the same encoder.

    model (str): the pipeline, with the token head.
    records (Path): JSONL file of BigBio records to read.
    mixed_precision (bool): whether to compute in half precision where that is safe. Without effect on a CPU.
    rounds (int): how often each is run; the median counts.
    gpu_id (int): the GPU's number, or -1 for the CPU.
    RETURNS (list[dict[str, Any]]): by contender its name, precision, words_per_second, all rounds' seconds, and
        memory_mib: the peak of the GPU's allocated memory, or of the process on a CPU.
    """
    use_gpu(gpu_id)
    register()
    settings = {"mixed_precision": mixed_precision}
    nlp = spacy.load(model, config={"components": {"transformer": {"model": settings}}})
    texts = [document_text(record) for record in read_records(records)]
    words = count_words(nlp, texts)
    rows = []
    for name, make in CONTENDERS.items():
        # Our pipeline does it itself.
        autocast = torch.autocast("cuda") if mixed_precision and gpu_id >= 0 and name != OURS else nullcontext()
        run = make(nlp, get_encoder(nlp))(texts)
        reset_peak(gpu_id)
        with autocast:
            # The first run compiles kernels and fills caches.
            run()
            seconds = [time_once(run) for _ in range(rounds)]
        rows.append(
            {
                "contender": name,
                "precision": "mixed" if mixed_precision else "fp32",
                "words_per_second": words / median(seconds),
                "memory_mib": device_peak(gpu_id),
                "seconds": seconds,
            }
        )
    return rows


def time_once(run: Any) -> float:
    """Return how long a run takes. Both pipelines end with results in main memory, so the GPU has finished."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def reset_peak(gpu_id: int) -> None:
    """Start measuring the peak of a GPU's memory."""
    gc.collect()
    if gpu_id >= 0:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(gpu_id)


def device_peak(gpu_id: int) -> float:
    """Return the peak of the memory in MiB: allocated on a GPU, where CuPy takes it from torch, or of the process."""
    return torch.cuda.max_memory_allocated(gpu_id) / 2**20 if gpu_id >= 0 else peak_memory()
