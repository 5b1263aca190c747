"""Contenders take turns, ratios are those of the medians, and memory is that of a new process."""

import subprocess
import sys
from multiprocessing import get_start_method
from pathlib import Path
from random import Random

import numpy
import pytest
import srsly

from scripts.benchmarks.harness import add_speed, in_new_process, make_rows, peak_memory, save_figures, take_turns


def test_contenders_take_turns_part_by_part() -> None:
    turns: list[tuple[str, int]] = []

    def make(name: str):
        def run(part: int) -> dict[str, int]:
            turns.append((name, part))
            return {"seconds": part, "words": 1}

        return run

    taken = take_turns({name: make(name) for name in ("one", "other")}, iter([3, 4]), rounds=2)
    assert turns == 2 * [("one", 3), ("other", 3), ("one", 4), ("other", 4)]
    assert taken == {name: 2 * [{"seconds": 7, "words": 2}] for name in ("one", "other")}


def test_an_order_shuffles_the_contenders_in_each_round() -> None:
    turns: list[str] = []
    contenders = {name: lambda part, name=name: turns.append(name) or {"seconds": part} for name in "abcd"}
    taken = take_turns(contenders, [1], rounds=3, order=Random(0))
    rounds = ["".join(turns[start : start + 4]) for start in (0, 4, 8)]
    assert len(set(rounds)) == 3 and {"".join(sorted(each)) for each in rounds} == {"abcd"}
    assert list(taken) == list("abcd")


def test_ratios_are_those_of_the_medians() -> None:
    seconds = {"base": (4, 1, 2), "other": (1, 9, 5)}
    taken = {name: [{"seconds": each} for each in rounds] for name, rounds in seconds.items()}
    rows = make_rows(add_speed(taken, 20), "base", "words_per_second")
    assert rows["base"]["words_per_second"] == 10
    assert rows["other"] == {
        "seconds": 5,
        "words_per_second": 4,
        "words_per_second_ratio": 0.4,
        "rounds": [
            {"seconds": 1, "words_per_second": 20},
            {"seconds": 9, "words_per_second": 20 / 9},
            {"seconds": 5, "words_per_second": 4},
        ],
    }


def test_files(tmp_path: Path) -> None:
    rows = {"one": {"words": 1234.5, "f1": None}, "other": {"words": 2.0}}
    columns = {"words/s": ("words", ",.0f"), "F1": ("f1", ".2%"), "not there": ("else", "d")}
    save_figures(tmp_path / "new" / "speed.json", {"rounds": 3, "contenders": rows}, {"A table": (rows, columns)})
    figures = srsly.read_json(tmp_path / "new" / "speed.json")
    assert figures["contenders"] == rows
    assert figures["command"].startswith("python -m scripts.benchmark")
    assert {"processor", "threads", "versions"} <= figures["machine"].keys()
    page = (tmp_path / "new" / "speed.md").read_text(encoding="utf8")
    table = "## A table\n\n|  | words/s | F1 |\n| --- | ---: | ---: |\n| one | 1,234 |  |\n| other | 2 |  |\n"
    assert table in page and "medians of 3 rounds" in page


def peak_with(megabytes: int) -> float:
    numpy.ones(megabytes * 2**20 // 8)
    return peak_memory()


def test_memory_is_that_of_a_process_of_its_own() -> None:
    numpy.ones(int(1.5e9) // 8)
    few, many = (in_new_process(peak_with, megabytes) for megabytes in (1, 401))
    assert 50 < few < 1200
    assert few + 350 < many < few + 450


def test_memory_of_another_process() -> None:
    code = "import sys; held = bytearray(300 * 2**20); print('ready', flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as child:
        child.stdout.readline()
        assert 300 < peak_memory(child.pid) < 400
        child.stdin.close()


def start_method() -> str:
    return get_start_method()


def test_a_new_process_starts_others_as_this_one_does() -> None:
    assert in_new_process(start_method) == get_start_method()


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_are_those_of_new_processes_too(threads: int) -> None:
    code = (
        f"from scripts.benchmarks.harness import set_threads, in_new_process; import torch; set_threads({threads});"
        f"assert torch.get_num_threads() == in_new_process(torch.get_num_threads) == {threads}"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=True)
