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
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from scripts.serve import app, is_loopback
from tests.service.conftest import make_pipeline

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
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx2.get(f"{url}/ready").status_code == 200:
                return
        except httpx2.ConnectError:
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


def test_the_gpu_is_selected_before_loading_and_in_the_worker_thread(model, monkeypatch):
    used = []
    apps = []
    monkeypatch.setattr("scripts.gpu.use_gpu", lambda gpu_id: used.append((gpu_id, threading.current_thread().name)))
    monkeypatch.setattr("uvicorn.run", lambda app, **options: apps.append(app))
    assert CliRunner().invoke(app, [model, "--gpu-id", "1"]).exit_code == 0
    assert used == [(1, threading.current_thread().name)]
    with TestClient(apps[0]):
        assert used[1:] == [(1, "pipeline_0")]


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
