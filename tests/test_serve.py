"""The command serves on a real port, reports what it cannot serve, and finishes accepted requests when stopped."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil
import pytest
from typer.testing import CliRunner

from scripts.pipelines import load_on
from scripts.serve import app, is_loopback
from tests.service.conftest import make_pipeline
from tests.service.hanging import SLEEP, SPIN, install

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline") / "model"
    make_pipeline().to_disk(folder)
    return str(folder)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def serving(model: str, *options: str, log: Path, folder: Path = ROOT, **environment: str):
    """Run the command in a folder until the block ends, and yield its address and process."""
    port = str(free_port())
    command = [sys.executable, "-m", "scripts.serve", model, "--port", port, *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            wait_until_ready(f"http://127.0.0.1:{port}", process, log)
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.terminate()
            process.wait(30)


def wait_until_ready(url: str, process: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + 120
    # One client for all: each loads the certificates of the system, which takes longer than the pause.
    with httpx2.Client(trust_env=False, verify=False) as client:
        while time.monotonic() < until and process.poll() is None:
            try:
                if client.get(f"{url}/ready").status_code == 200:
                    return
            except httpx2.ConnectError:
                pass
            time.sleep(0.1)
    raise AssertionError(log.read_text())


def test_it_is_set_by_the_environment_and_finishes_what_it_accepted_after_sigterm(model, tmp_path):
    log = tmp_path / "log"
    answers = []
    headers = {"Authorization": "Bearer t0ken"}

    def ask(url):
        body = {"text": "aspirin for gout"}
        answers.append(httpx2.post(f"{url}/v1/annotate?q=secret", json=body, headers=headers, timeout=30))

    with serving(model, "--batch-wait", "2", log=log, SERVE_TOKEN="t0ken", SERVE_MAX_TEXTS="2") as (url, process):
        assert httpx2.get(f"{url}/v1/model").status_code == 401
        assert httpx2.get(f"{url}/v1/model", headers=headers).json()["limits"]["texts"] == 2
        asking = threading.Thread(target=ask, args=(url,))
        asking.start()
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        asking.join(30)
        process.wait(30)
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{url}/ready")
    (answer,) = answers
    assert answer.status_code == 200
    assert [ent["text"] for ent in answer.json()["documents"][0]["entities"]] == ["aspirin", "gout"]
    assert answer.elapsed.total_seconds() > 1.5, "it was answered before the signal"
    assert "server" not in answer.headers
    lines = log.read_text()
    assert re.search(r"POST /v1/annotate 200 \d+\.\d ms", lines)
    assert "Finished server process" in lines
    for hidden in ("secret", "aspirin", "t0ken", "Traceback"):
        assert hidden not in lines


@pytest.fixture(scope="module")
def hanging(tmp_path_factory):
    """A pipeline that hangs on some texts, and the environment in which it can be loaded."""
    folder = tmp_path_factory.mktemp("hanging")
    nlp = make_pipeline()
    nlp.add_pipe("tests_hang")
    nlp.to_disk(folder / "model")
    return str(folder / "model"), install(folder / "site")


def ask(url: str, text: str, answers: list) -> None:
    answers.append((text, httpx2.post(f"{url}/v1/annotate", json={"text": text}, timeout=30).status_code))


def ask_in_vain(url: str, text: str) -> None:
    with pytest.raises(httpx2.HTTPError):
        ask(url, text, [])


def ask_until_closed(url: str, text: str) -> bytes:
    """Send a text, and return all that comes until the server has closed the connection."""
    host, port = url.removeprefix("http://").split(":")
    body = f'{{"text": "{text}"}}'
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(
            b"POST /v1/annotate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
            + f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        return b"".join(iter(lambda: connection.recv(4096), b""))


def worker_of(process: subprocess.Popen) -> psutil.Process:
    (worker,) = psutil.Process(process.pid).children()
    return worker


@pytest.mark.parametrize("word", [SLEEP, SPIN])
def test_a_text_that_hangs_is_stopped_and_others_are_answered(hanging, tmp_path, word):
    model, site = hanging
    answers: list = []
    options = ["--work-timeout", "1", "--batch-wait", "0.5"]
    with serving(model, *options, log=tmp_path / "log", PYTHONPATH=site) as (url, process):
        first = worker_of(process)
        threads = [threading.Thread(target=ask, args=(url, text, answers)) for text in ("gout", "aspirin", "no gout")]
        for thread in threads:
            thread.start()
        late = ask_until_closed(url, f"{word} aspirin for gout")
        for thread in threads:
            thread.join()
        assert late.startswith(b"HTTP/1.1 504") and b"took more than 1 seconds on 1 of 1 texts" in late
        assert sorted(answers) == [("aspirin", 200), ("gout", 200), ("no gout", 200)]
        assert not first.is_running()
        assert httpx2.get(f"{url}/health").status_code == 200
        ask(url, "aspirin", answers)
        assert answers[-1] == ("aspirin", 200)
        assert httpx2.get(f"{url}/ready").status_code == 200
        metrics = httpx2.get(f"{url}/metrics").text
    assert "clinical_ner_worker_starts_total 3.0" in metrics
    assert "clinical_ner_failed_texts_total 1.0" in metrics
    lines = (tmp_path / "log").read_text()
    assert "did not finish a text of" in lines
    assert word not in lines and "Traceback" not in lines


def test_a_worker_that_dies_is_replaced(hanging, tmp_path):
    model, site = hanging
    answers: list = []
    with serving(model, log=tmp_path / "log", PYTHONPATH=site) as (url, process):
        worker = worker_of(process)
        worker.suspend()
        worker.kill()
        worker.wait(10)
        until = time.monotonic() + 10
        while (ready := httpx2.get(f"{url}/ready").status_code) != 200 and time.monotonic() < until:
            assert ready == 503
            time.sleep(0.05)
        assert ready == 200 and worker_of(process) != worker
        ask(url, "gout", answers)
    assert answers == [("gout", 200)]


@pytest.mark.parametrize("word", [SLEEP, SPIN])
def test_sigterm_ends_it_in_time_while_the_worker_hangs(hanging, tmp_path, word):
    model, site = hanging
    options = ["--work-timeout", "1000", "--read-timeout", "1", "--timeout", "2"]
    answers: list = []
    with serving(model, *options, log=tmp_path / "log", PYTHONPATH=site) as (url, process):
        worker = worker_of(process)
        asking = threading.Thread(target=ask, args=(url, word, answers))
        asking.start()
        time.sleep(0.5)
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        # --read-timeout + --timeout + 1, and a moment to end.
        assert process.wait(4 + 3) == 0, time.monotonic() - started
        asking.join()
    assert answers == [(word, 504)]
    assert not worker.is_running()


@pytest.mark.parametrize("word", ["", SLEEP])
def test_the_worker_ends_when_the_server_is_killed(hanging, tmp_path, word):
    model, site = hanging
    with serving(model, log=tmp_path / "log", PYTHONPATH=site) as (url, process):
        worker = worker_of(process)
        asking = threading.Thread(target=ask_in_vain, args=(url, word))
        if word:
            asking.start()
            time.sleep(0.5)
        process.kill()
        worker.wait(10)
        if word:
            asking.join()


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["no/such/model"], "There is no pipeline 'no/such/model'"),
        (["MODEL", "--batch-size", "0"], "batch_size"),
        (["MODEL", "--queue-size", "10"], "queue_size (10) must be at least max_texts (128)"),
        (["MODEL", "--token", "s3cret"], "No such option"),
        (["MODEL", "--port", "70000"], "65535"),
        (["MODEL", "--gpu-id", "99"], "There is no GPU 99"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_served(model, arguments, message):
    result = CliRunner().invoke(app, [model if argument == "MODEL" else argument for argument in arguments])
    assert result.exit_code in (1, 2)
    assert message in " ".join(result.output.replace("│", " ").split())


@pytest.mark.parametrize(
    "host, token, warned",
    [
        ("127.0.0.1", "", False),
        ("::1", "", False),
        ("0.0.0.0", "", True),
        ("0.0.0.0", "s3cret", False),
        ("0.0.0.0", " \n", True),
    ],
)
def test_a_warning_where_others_can_reach_it(model, monkeypatch, host, token, warned):
    monkeypatch.setattr("uvicorn.run", lambda app, **options: None)
    result = CliRunner().invoke(app, [model, "--host", host], env={"SERVE_TOKEN": token})
    assert result.exit_code == 0
    assert ("Set SERVE_TOKEN" in result.output) == warned


def test_on_a_gpu_the_pipeline_is_loaded_there_by_the_worker_only(model, monkeypatch):
    checked, created = [], []
    monkeypatch.setattr("scripts.gpu.check_gpu", checked.append)
    monkeypatch.setattr("scripts.service.app.create_app", lambda nlp, settings, load: created.append(load))
    monkeypatch.setattr("uvicorn.run", lambda app, **options: None)
    for gpu_id in (1, -1):
        assert CliRunner().invoke(app, [model, "--gpu-id", gpu_id]).exit_code == 0
    assert checked == [1, -1]
    on_gpu, shared = created
    assert shared is None
    assert (on_gpu.func, on_gpu.args) == (load_on, (model, 1))


def test_help_loads_nothing_heavy():
    """`--help` and errors in options take 0.3 seconds of processor time, not 3."""
    code = "import sys, scripts.serve; print(*{'spacy', 'torch', 'fastapi', 'uvicorn', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_loopback_is_the_default(model, monkeypatch):
    asked = {}
    monkeypatch.setattr("uvicorn.run", lambda app, **options: asked.update(options))
    CliRunner().invoke(app, [model])
    assert (asked["host"], asked["port"], asked["access_log"]) == ("127.0.0.1", 8000, False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "host.example", ""])
def test_not_loopback(host):
    assert not is_loopback(host)
