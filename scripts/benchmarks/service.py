"""The service under load by wrk, a Debian package: one client, many, and the bare pipeline over the same notes."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Annotated
from urllib.error import URLError
from urllib.request import urlopen

import srsly
from spacy.language import Language
from typer import Option

from scripts.benchmarks.harness import Model, Output, Records, Rounds, make_rows, save_figures, take_turns
from scripts.errors import ProjectError
from scripts.pipelines import load_pipeline
from scripts.records.bigbio import read_records

ROOT = Path(__file__).parents[2]
BARE_PIPE = "bare nlp.pipe"
COLUMNS = {
    "notes/s": ("notes_per_second", ",.1f"),
    "of bare nlp.pipe": ("notes_per_second_ratio", ".2f"),
    "p50, ms": ("p50_ms", ".1f"),
    "p95, ms": ("p95_ms", ".1f"),
}
# wrk sends the bodies in turn, and prints the figures as JSON.
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


def benchmark_service(
    model: Model,
    records: Records,
    output: Output,
    notes: Annotated[int, Option(help="How many notes to send, again and again", min=1)] = 200,
    seconds: Annotated[int, Option(help="Length of each turn", min=1)] = 20,
    rounds: Rounds = 5,
    clients: Annotated[int, Option(help="Clients at the same time", min=2)] = 16,
) -> None:
    """Compare one client, many clients and the bare pipeline. A note is the first passage of a record: a title."""
    if not shutil.which("wrk"):
        raise ProjectError("The load tool wrk is not installed", "On Debian and Ubuntu: apt-get install wrk")
    nlp = load_pipeline(model)
    texts = [record["passages"][0]["text"] for record in read_records(records)[:notes]]
    one, many = "one client", f"{clients} clients"
    with TemporaryDirectory() as folder, serving(model) as url:
        script, bodies = Path(folder) / "notes.lua", Path(folder) / "bodies.jsonl"
        script.write_text(WRK_SCRIPT, encoding="utf8")
        srsly.write_jsonl(bodies, [{"text": text} for text in texts])
        contenders = {
            one: partial(run_wrk, url, script, bodies, 1),
            many: partial(run_wrk, url, script, bodies, clients),
            BARE_PIPE: partial(run_pipe, nlp, texts),
        }
        contenders[many](seconds)
        rows = make_rows(take_turns(contenders, [seconds], rounds=rounds), BARE_PIPE, "notes_per_second")
    figures = {
        "notes": len(texts),
        "words_per_note": median(len(text.split()) for text in texts),
        "seconds": seconds,
        "rounds": rounds,
        "contenders": rows,
        "gain_of_many_clients": rows[many]["notes_per_second"] / rows[one]["notes_per_second"],
    }
    title = f"{len(texts)} notes; {many} have {figures['gain_of_many_clients']:.2f} times the notes/s of one"
    save_figures(output, figures, {title: (rows, COLUMNS)})


def run_wrk(url: str, script: Path, bodies: Path, clients: int, seconds: int) -> dict[str, float]:
    """Send notes for some seconds, and return notes_per_second, p50_ms and p95_ms.

    RAISES (ProjectError): a request failed.
    """
    options = ["-t", "1", "-c", str(clients), "-d", f"{seconds}s", "--timeout", "60s", "-s", str(script)]
    environment = {**os.environ, "BODIES": str(bodies)}
    done = subprocess.run(["wrk", *options, url], env=environment, capture_output=True, text=True)
    result = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if done.returncode or result is None:
        raise ProjectError("wrk failed", (done.stderr or done.stdout).strip())
    figures = srsly.json_loads(result.removeprefix("RESULT "))
    if figures["errors"] or not figures["requests"]:
        raise ProjectError(f"{figures['errors']} of {figures['requests']} requests failed", "Send one with curl.")
    return {
        "notes_per_second": figures["requests"] / figures["seconds"],
        "p50_ms": figures["p50_ms"],
        "p95_ms": figures["p95_ms"],
    }


def run_pipe(nlp: Language, texts: list[str], seconds: int) -> dict[str, float]:
    """Run a pipeline over notes until some seconds have passed, and return notes_per_second."""
    started = time.perf_counter()
    passes = 0
    while time.perf_counter() - started < seconds:
        for _ in nlp.pipe(texts):
            pass
        passes += 1
    return {"notes_per_second": passes * len(texts) / (time.perf_counter() - started)}


@contextmanager
def serving(model: str) -> Iterator[str]:
    """Serve a pipeline in a new process with the service's defaults, and yield the address once it is ready.

    RAISES (ProjectError): the process ended, or is not ready after two minutes.
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
    """Wait until a service is ready; see `serving`."""
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        try:
            with urlopen(f"{url}/ready", timeout=5):
                return
        except URLError:
            time.sleep(0.2)
    raise ProjectError("The service did not start", "Start it yourself to see why: python -m scripts.serve MODEL")
