"""Workers forked after the pipeline's parent has used torch's threads finish their work."""

import multiprocessing

import torch


def add_up(results: multiprocessing.SimpleQueue) -> None:
    """Put a sum that torch would share among its threads, and the number of threads."""
    results.put((torch.ones(1_000_000).sum().item(), torch.get_num_threads()))


def test_forked_process_computes_after_its_parent_has() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        torch.ones(1_000_000).sum()
        context = multiprocessing.get_context("fork")
        results = context.SimpleQueue()
        worker = context.Process(target=add_up, args=(results,), daemon=True)
        worker.start()
        worker.join(timeout=60)
        assert worker.exitcode == 0
        assert results.get() == (1_000_000, 1)
        assert torch.get_num_threads() == 2
    finally:
        worker.kill()
        torch.set_num_threads(threads)
