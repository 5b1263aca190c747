"""Workers forked after their parent has used torch's threads compute, and no process is changed by that."""

import multiprocessing
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from spacy.language import Language

from scripts.clinical_ner.processes import one_thread_in_workers
from tests.clinical_ner.test_transformer import LIMIT, TEXTS, make_nlp
from tests.encoders import make_encoder

ROOT = Path(__file__).parents[2]
# Enough work that torch shares it among its threads.
LONG = " ".join(TEXTS * 50)


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def nlp(tmp_path_factory: pytest.TempPathFactory) -> Language:
    folder = tmp_path_factory.mktemp("encoder")
    make_encoder(folder, TEXTS, wordpieces=120)
    return make_nlp(folder, max_wordpieces=LIMIT, overlap=8)


def vectors(nlp: Language) -> numpy.ndarray:
    return nlp(LONG)._.trf_data.model_output.last_hidden_state[0]


def fork(function: Callable[[], Any]) -> Any:
    """Return a function's result in a forked process, as other tools than multiprocessing start one."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(write, repr(function()).encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as file:
        result = file.read()
    os.waitpid(child, 0)
    return result


def put(queue: Any, function: Callable[[], Any]) -> None:
    queue.put(repr(function()))


def fork_with_multiprocessing(function: Callable[[], Any]) -> Any:
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()
    worker = context.Process(target=put, args=(results, function), daemon=True)
    worker.start()
    try:
        worker.join(timeout=60)
        assert worker.exitcode == 0
        return results.get()
    finally:
        worker.kill()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("start", [fork, fork_with_multiprocessing])
def test_forked_worker_computes_after_its_parent_has(nlp: Language, start: Callable[..., Any]) -> None:
    expected = vectors(nlp)
    # torch's threads are there when the process is forked.
    torch.ones(1_000_000).sum()

    def compute() -> tuple[bool, int, int]:
        threads: list[int] = []
        encoder = nlp.get_pipe("transformer").model.transformer
        hook = encoder.register_forward_hook(lambda *_: threads.append(torch.get_num_threads()))
        alike = numpy.allclose(vectors(nlp), expected, atol=1e-5)
        hook.remove()
        return bool(alike), max(threads), torch.get_num_threads()

    assert start(compute) == repr((True, 1, 2))
    assert torch.get_num_threads() == 2


def test_home_process_keeps_its_threads() -> None:
    with one_thread_in_workers(os.getpid()):
        assert torch.get_num_threads() == 2
    with pytest.raises(KeyError), one_thread_in_workers(-1):
        assert torch.get_num_threads() == 1
        raise KeyError
    assert torch.get_num_threads() == 2


def test_importing_the_library_changes_nothing() -> None:
    """What other libraries do when they are imported is theirs, so these come first."""
    application = """
        import os
        import torch
        import spacy, spacy_transformers, thinc.api, transformers, tokenizers
        from spacy.util import registry

        hooks = []
        os.register_at_fork = lambda **functions: hooks.append(functions)
        torch.set_num_threads(2)
        state = lambda: (dict(os.environ), torch.get_num_threads(), set(registry.factories.get_all()))
        before = state()
        import scripts.clinical_ner.registration
        assert state() == before
        assert not hooks
        print("unchanged")
    """
    command = [sys.executable, "-c", textwrap.dedent(application)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.stdout == "unchanged\n", result.stderr
