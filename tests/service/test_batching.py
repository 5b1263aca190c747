"""Concurrent texts share batches; a full queue, a lost client or a text that breaks the pipeline affects no others."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from scripts.service.batching import Batcher, Closed, FailedText, QueueFull, run_isolated


class Upper:
    """Return texts in upper case and record each batch; waits while the door is closed, fails on the text "bad"."""

    def __init__(self):
        self.batches: list[list[str]] = []
        self.threads: set[str] = set()
        self.door = threading.Event()
        self.door.set()

    def __call__(self, texts: list[str]) -> list[str]:
        assert self.door.wait(10)
        self.batches.append(texts)
        self.threads.add(threading.current_thread().name)
        if "bad" in texts:
            raise ValueError("the pipeline repeats the text: bad")
        return [text.upper() for text in texts]


def make_batcher(annotate: Callable, **changed) -> Batcher[str]:
    options = {"batch_size": 4, "batch_characters": 100, "batch_wait": 0.05, "queue_size": 100} | changed
    return Batcher(annotate, **options)


async def submit_each(batcher: Batcher[str], texts: list[str]) -> list[list[str]]:
    return await asyncio.gather(*(batcher.submit([text]) for text in texts))


@pytest.mark.parametrize(
    "options, texts, batches",
    [
        ({}, "a b c d", ["abcd"]),
        ({}, "a b c d e f", ["abcd", "ef"]),
        ({"batch_size": 1}, "a b c", ["a", "b", "c"]),
        ({"batch_wait": 0}, "a b c", ["abc"]),
        ({"batch_characters": 4}, "aa bb cc", ["aabb", "cc"]),
        ({"batch_characters": 4}, "aaaaaaaa b c", ["aaaaaaaa", "bc"]),
    ],
)
def test_concurrent_texts_share_batches(options, texts, batches):
    upper = Upper()

    async def scenario():
        async with make_batcher(upper, **options) as batcher:
            return await submit_each(batcher, texts.split())

    assert asyncio.run(scenario()) == [[text.upper()] for text in texts.split()]
    assert ["".join(batch) for batch in upper.batches] == batches


def test_one_request_with_many_texts_is_cut_into_batches_in_order():
    upper = Upper()
    texts = [str(number) for number in range(10)]

    async def scenario():
        async with make_batcher(upper) as batcher:
            return await batcher.submit(texts)

    assert asyncio.run(scenario()) == texts
    assert [len(batch) for batch in upper.batches] == [4, 4, 2]


def test_texts_that_come_while_a_batch_runs_are_the_next_batch():
    upper = Upper()

    async def scenario():
        async with make_batcher(upper, batch_wait=0) as batcher:
            upper.door.clear()
            first = asyncio.create_task(batcher.submit(["a"]))
            await asyncio.sleep(0.05)
            rest = asyncio.create_task(submit_each(batcher, ["b", "c", "d"]))
            await asyncio.sleep(0.05)
            upper.door.set()
            await asyncio.gather(first, rest)

    asyncio.run(scenario())
    assert upper.batches == [["a"], ["b", "c", "d"]]


def test_the_loop_is_free_while_the_one_worker_thread_works():
    upper = Upper()

    async def scenario():
        async with make_batcher(upper) as batcher:
            upper.door.clear()
            waiting = asyncio.create_task(submit_each(batcher, list("abcdefgh")))
            for _ in range(20):
                await asyncio.sleep(0.005)
            assert not waiting.done()
            upper.door.set()
            await waiting

    asyncio.run(scenario())
    assert upper.threads == {"pipeline_0"}


def test_a_batch_waits_for_others_no_longer_than_told():
    async def scenario():
        async with make_batcher(Upper(), batch_wait=0.2) as batcher:
            started = asyncio.get_running_loop().time()
            await batcher.submit(["alone"])
            alone = asyncio.get_running_loop().time() - started
            await batcher.submit(["four", "fill", "a", "batch"])
            return alone, asyncio.get_running_loop().time() - started - alone

    alone, full = asyncio.run(scenario())
    assert 0.2 <= alone < 5
    assert full < 0.2


def test_a_full_queue_takes_nothing_of_a_request():
    upper = Upper()

    async def scenario():
        async with make_batcher(upper, queue_size=5) as batcher:
            upper.door.clear()
            running = asyncio.create_task(batcher.submit(["a"]))
            await asyncio.sleep(0.1)
            waiting = asyncio.create_task(batcher.submit(list("bcd")))
            await asyncio.sleep(0)
            assert len(batcher) == 3
            with pytest.raises(QueueFull):
                await batcher.submit(list("efg"))
            assert len(batcher) == 3
            upper.door.set()
            return await running + await waiting + await batcher.submit(list("efg"))

    assert asyncio.run(scenario()) == list("ABCDEFG")


def test_a_cancelled_request_is_dropped_and_its_batch_goes_on():
    upper = Upper()

    async def scenario():
        async with make_batcher(upper) as batcher:
            upper.door.clear()
            first = asyncio.create_task(batcher.submit(["a", "b", "c", "d"]))
            await asyncio.sleep(0.02)
            queued = [asyncio.create_task(batcher.submit([text])) for text in "ef"]
            await asyncio.sleep(0.02)
            queued[0].cancel()
            upper.door.set()
            assert await first == list("ABCD")
            assert await queued[1] == ["F"]
            assert queued[0].cancelled()

    asyncio.run(scenario())
    assert upper.batches == [list("abcd"), ["f"]]


@pytest.mark.parametrize("cancelled, left", [("bcd", 1), ("b", 3), ("", 4)])
def test_a_cancelled_request_leaves_its_place_in_the_queue(cancelled, left):
    upper = Upper()

    async def scenario():
        async with make_batcher(upper, batch_size=1, queue_size=4) as batcher:
            upper.door.clear()
            running = asyncio.create_task(batcher.submit(["a"]))
            await asyncio.sleep(0.1)
            queued = {text: asyncio.create_task(batcher.submit([text])) for text in "bcde"}
            await asyncio.sleep(0)
            for text in cancelled:
                queued[text].cancel()
            await asyncio.sleep(0.02)
            assert len(batcher) == left
            room = [str(number) for number in range(4 - left)]
            with pytest.raises(QueueFull):
                await batcher.submit([*room, "one more"])
            later = asyncio.create_task(batcher.submit(room))
            await asyncio.sleep(0)
            assert len(batcher) == 4
            upper.door.set()
            assert await later == room
            await asyncio.gather(running, *(task for text, task in queued.items() if text not in cancelled))

    asyncio.run(scenario())


def test_it_is_started_in_the_thread_before_anything_else():
    called = []

    def note(what):
        called.append((what, threading.current_thread().name))

    async def scenario():
        annotate = lambda texts: note("annotate") or texts  # noqa: E731
        async with make_batcher(annotate, start=lambda: note("start"), stop=lambda: note("stop")) as batcher:
            await batcher.submit(["a", "b"])

    asyncio.run(scenario())
    stopped = ("stop", threading.current_thread().name)
    assert list(dict.fromkeys(called)) == [("start", "pipeline_0"), ("annotate", "pipeline_0"), stopped]


def test_a_start_that_fails_is_noticed():
    def start():
        raise RuntimeError("no such device")

    async def scenario():
        async with make_batcher(Upper(), start=start):
            pass

    with pytest.raises(RuntimeError, match="no such device"):
        asyncio.run(scenario())


def test_it_is_checked_while_there_is_nothing_to_do(monkeypatch):
    monkeypatch.setattr("scripts.service.batching.CHECK_SECONDS", 0.01)
    checked = threading.Semaphore(0)

    async def scenario():
        async with make_batcher(Upper(), check=checked.release) as batcher:
            assert await asyncio.to_thread(checked.acquire, timeout=10)
            assert await batcher.submit(["a"]) == ["A"]
            assert await asyncio.to_thread(checked.acquire, timeout=10)

    asyncio.run(scenario())


def test_closing_stops_work_for_which_nobody_waits():
    upper = Upper()

    async def scenario():
        async with make_batcher(upper, batch_wait=0, stop=upper.door.set) as batcher:
            upper.door.clear()
            asked = asyncio.create_task(batcher.submit(["a"]))
            await asyncio.sleep(0.1)
            asked.cancel()
            await asyncio.sleep(0)

    asyncio.run(asyncio.wait_for(scenario(), 5))
    assert upper.batches == [["a"]]


def test_a_request_cancelled_while_it_runs_does_not_stall_its_batch():
    upper = Upper()

    async def scenario():
        async with make_batcher(upper, batch_size=2) as batcher:
            upper.door.clear()
            gone, stays = (asyncio.create_task(batcher.submit([text])) for text in "ab")
            await asyncio.sleep(0.02)
            gone.cancel()
            upper.door.set()
            assert await stays == ["B"]
            assert await batcher.submit(["c"]) == ["C"]

    asyncio.run(scenario())


@pytest.mark.parametrize("texts", [["bad"], ["bad", "a"], ["a", "b", "bad", "c"], ["a", "bad", "b", "bad", "c"]])
def test_a_text_on_which_the_pipeline_fails_fails_alone(texts):
    results = run_isolated(Upper(), texts)
    assert [None if isinstance(result, FailedText) else result for result in results] == [
        None if text == "bad" else text.upper() for text in texts
    ]


def test_a_pipeline_that_leaves_out_a_text_mixes_up_none():
    results = run_isolated(lambda texts: [text for text in texts if text != "skipped"], ["a", "skipped", "b"])
    assert results[0] == "a" and results[2] == "b" and isinstance(results[1], FailedText)


def test_closing_finishes_what_was_accepted_and_accepts_no_more():
    upper = Upper()

    async def scenario():
        batcher = make_batcher(upper, batch_wait=30)
        with pytest.raises(Closed):
            await batcher.submit(["too early"])
        async with batcher:
            accepted = asyncio.create_task(submit_each(batcher, ["a", "b", "c", "d", "e"]))
            await asyncio.sleep(0.05)
        with pytest.raises(Closed):
            await batcher.submit(["too late"])
        return await accepted

    started = asyncio.run(asyncio.wait_for(scenario(), 10))
    assert started == [["A"], ["B"], ["C"], ["D"], ["E"]]
    assert upper.batches == [list("abcd"), ["e"]]
