"""Measure the service with wrk: one client, many clients, and the bare pipeline over the same short notes.

In: a pipeline and a corpus's records. Out: a table, and metrics/service.json with all figures. The three take turns
in one run, so that a machine that is busy for a while slows all of them. wrk is a Debian package.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Annotated, Any
from urllib.error import URLError
from urllib.request import urlopen

import srsly
import torch
import typer
from spacy.language import Language
from wasabi import msg

from scripts.errors import ProjectError, shown_to_user
from scripts.files import moved_into_place
from scripts.pipelines import load_pipeline
from scripts.records.bigbio import read_records

ROOT = Path(__file__).parents[1]
# wrk asks for these in turn, and says as JSON what came of it.
WRK_SCRIPT = """
local bodies = {}
local turn = 0
function init()
    local headers = {["Content-Type"] = "application/json", ["Host"] = "localhost"}
    for line in io.lines(os.getenv("BODIES")) do
        bodies[#bodies + 1] = wrk.format("POST", "/v1/annotate", headers, line)
    end
end
function request()
    turn = turn % #bodies + 1
    return bodies[turn]
end
function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '\\nRESULT {"requests": %d, "seconds": %f, "errors": %d, "p50_ms": %f, "p95_ms": %f}\\n',
        summary.requests, summary.duration / 1e6,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout,
        latency:percentile(50) / 1e3, latency:percentile(95) / 1e3
    ))
end
"""


def bench_service(
    model: str, records: Path, output: Path, *, notes: int, seconds: int, rounds: int, clients: int
) -> dict[str, Any]:
    """Measure how many short notes a second the service annotates, against one client and the bare pipeline.

    model (str): the folder of a pipeline, a wheel, or the name of an installed package.
    records (Path): a split as BigBio records. The first passage of each, BC5CDR's titles, is a note.
    output (Path): the JSON file for the figures.
    notes (int): how many notes to send, again and again.
    seconds (int): how long each measurement takes in each round.
    rounds (int): how often each is taken; the median counts.
    clients (int): how many clients ask at the same time.
    RETURNS (dict[str, Any]): the figures.
    RAISES (ProjectError): wrk is not installed, the service did not start, or a request failed.
    """
    if not shutil.which("wrk"):
        raise ProjectError("The load tool wrk is not installed", "On Debian and Ubuntu: apt-get install wrk")
    nlp = load_pipeline(model)
    texts = [record["passages"][0]["text"] for record in read_records(records)[:notes]]
    taken: dict[str, list[dict[str, float]]] = {"one client": [], f"{clients} clients": [], "bare nlp.pipe": []}
    with TemporaryDirectory() as folder, serving(model) as url:
        load = Load(url, texts, Path(folder))
        load.run(clients=clients, seconds=seconds)
        for round in range(rounds):
            msg.text(f"Round {round + 1} of {rounds}")
            taken["one client"].append(load.run(clients=1, seconds=seconds))
            taken[f"{clients} clients"].append(load.run(clients=clients, seconds=seconds))
            taken["bare nlp.pipe"].append(bare(nlp, texts, seconds=seconds))
    figures = summarize(taken) | {
        "model": f"{nlp.meta['lang']}_{nlp.meta['name']} {nlp.meta['version']}",
        "notes": len(texts),
        "words_per_note": statistics.median(len(text.split()) for text in texts),
        "seconds": seconds,
        "cpus": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "tool": "wrk, one thread",
        "rounds": taken,
    }
    with moved_into_place(output) as partial:
        srsly.write_json(partial, figures)
    return figures


class Load:
    """wrk, ready to send notes to a service.

    url (str): the service's address.
    texts (list[str]): the notes, sent in turn, one a request.
    folder (Path): an empty folder for wrk's script and the bodies.
    """

    def __init__(self, url: str, texts: list[str], folder: Path):
        self.url = url
        self.script = folder / "notes.lua"
        self.bodies = folder / "bodies.jsonl"
        self.script.write_text(WRK_SCRIPT, encoding="utf8")
        srsly.write_jsonl(self.bodies, [{"text": text} for text in texts])

    def run(self, *, clients: int, seconds: int) -> dict[str, float]:
        """Send notes for a while.

        clients (int): connections, each of which sends its next note when it has the answer to the last.
        seconds (int): how long.
        RETURNS (dict[str, float]): notes_per_second, p50_ms and p95_ms.
        RAISES (ProjectError): a request failed.
        """
        options = ["-t", "1", "-c", str(clients), "-d", f"{seconds}s", "--timeout", "60s", "-s", str(self.script)]
        done = subprocess.run(
            ["wrk", *options, self.url], env={**os.environ, "BODIES": str(self.bodies)}, capture_output=True, text=True
        )
        result = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
        if done.returncode or result is None:
            raise ProjectError("wrk failed", (done.stderr or done.stdout).strip())
        figures = srsly.json_loads(result.removeprefix("RESULT "))
        if figures["errors"] or not figures["requests"]:
            raise ProjectError(
                f"{figures['errors']} of {figures['requests']} requests failed", "Look at them with curl."
            )
        return {
            "notes_per_second": figures["requests"] / figures["seconds"],
            "p50_ms": figures["p50_ms"],
            "p95_ms": figures["p95_ms"],
        }


def bare(nlp: Language, texts: list[str], *, seconds: int) -> dict[str, float]:
    """Run the pipeline over notes without the service, again and again for a while.

    nlp (Language): the pipeline, with its own batch size.
    texts (list[str]): the notes.
    seconds (int): how long. The pass over the notes in which they end is finished.
    RETURNS (dict[str, float]): notes_per_second.
    """
    started = time.perf_counter()
    passes = 0
    while time.perf_counter() - started < seconds:
        for _ in nlp.pipe(texts):
            pass
        passes += 1
    return {"notes_per_second": passes * len(texts) / (time.perf_counter() - started)}


def summarize(taken: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Give the medians over the rounds, and the two ratios that the project promises.

    taken (dict[str, list[dict[str, float]]]): the figures of each round of one client, many clients and the bare
        pipeline, in this order.
    RETURNS (dict[str, Any]): `median` by what was measured, `gain_of_many_clients` and `share_of_bare`.
    """
    median = {
        name: {figure: statistics.median(each[figure] for each in figures) for figure in figures[0]}
        for name, figures in taken.items()
    }
    one, many, alone = (figures["notes_per_second"] for figures in median.values())
    return {"median": median, "gain_of_many_clients": many / one, "share_of_bare": many / alone}


@contextmanager
def serving(model: str) -> Iterator[str]:
    """Serve a pipeline in a process of its own, with the service's defaults.

    model (str): the pipeline.
    YIELDS (str): the address, once it is ready.
    RAISES (ProjectError): it stopped, or is not ready after two minutes.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "scripts.serve", model, "--port", str(port)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SERVE_")}
    with TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_ready(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(60)


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a service says that it is ready.

    RAISES (ProjectError): its process ended, or two minutes have passed.
    """
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(f"{url}/ready", timeout=5):
                return
        except URLError:
            time.sleep(0.2)
    raise ProjectError("The service did not start", "Start it by hand to see why: python -m scripts.serve MODEL")


def bench_service_cli(
    model: Annotated[str, typer.Argument(help="Folder of a pipeline, a wheel, or an installed package")],
    records: Annotated[Path, typer.Argument(help="A split, assets/<profile>/test.jsonl")],
    output: Annotated[Path, typer.Argument(help="JSON file for the figures")],
    notes: Annotated[int, typer.Option(help="How many notes to send, again and again", min=1)] = 200,
    seconds: Annotated[int, typer.Option(help="Length of each measurement", min=1)] = 20,
    rounds: Annotated[int, typer.Option(help="Rounds, of which the median counts", min=1)] = 5,
    clients: Annotated[int, typer.Option(help="Clients at the same time", min=2)] = 16,
) -> None:
    """Measure the service with wrk: one client, many clients, and the bare pipeline."""
    with shown_to_user():
        figures = bench_service(model, records, output, notes=notes, seconds=seconds, rounds=rounds, clients=clients)
    rows = [
        (
            name,
            *(
                f"{median[figure]:.1f}" if figure in median else ""
                for figure in ("notes_per_second", "p50_ms", "p95_ms")
            ),
        )
        for name, median in figures["median"].items()
    ]
    msg.table(rows, header=("", "Notes/s", "p50 ms", "p95 ms"), divider=True, aligns=("l", "r", "r", "r"))
    msg.text(f"{clients} clients against one: {figures['gain_of_many_clients']:.2f}")
    msg.text(f"{clients} clients against bare nlp.pipe: {figures['share_of_bare']:.2f}")
    msg.good(f"All figures are in {output}")


if __name__ == "__main__":
    typer.run(bench_service_cli)
