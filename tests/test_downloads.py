"""Downloads are resumed where they stopped, tried again, and complete or not there."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from scripts import downloads
from scripts.downloads import NotThere, download
from scripts.errors import ProjectError

BODY = bytes(range(256)) * 40


class Handler(BaseHTTPRequestHandler):
    """Answers each request with the next of the server's answers: a status, or how many bytes to send at most."""

    def do_GET(self):
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        wanted = self.headers.get("Range")
        self.server.ranges.append(wanted)
        if answer in (403, 404, 416, 503):
            self.send_response(answer)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.server.resumes else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(BODY) - start))
        self.end_headers()
        self.wfile.write(BODY[start:][:answer])

    def log_message(self, *args):
        pass


TRIES = 5


@pytest.fixture
def server(monkeypatch):
    """Start a server on the loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.ranges, server.resumes = [], True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setattr(downloads, "WAITS", [0.001] * (TRIES - 1))
        monkeypatch.setattr(downloads, "CHUNK", 100)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server
        server.shutdown()


def url(server) -> str:
    """Return the address of the file."""
    return f"http://127.0.0.1:{server.server_port}/desc.gz"


ALL = 10**6


@pytest.mark.parametrize(
    ("answers", "resumes", "ranges"),
    [
        ([ALL], True, [None]),
        ([503, 503, ALL], True, [None, None, None]),
        ([4000, ALL], True, [None, "bytes=4000-"]),
        ([4000, 503, 1000, ALL], True, [None, "bytes=4000-", "bytes=4000-", "bytes=5000-"]),
        ([4000, ALL], False, [None, "bytes=4000-"]),
        ([4000, 416, ALL], True, [None, "bytes=4000-", None]),
    ],
)
def test_a_download_is_resumed_until_it_is_whole(tmp_path, server, answers, resumes, ranges):
    server.answers, server.resumes = answers, resumes
    download(url(server), tmp_path / "new" / "desc.gz", hint="none")
    assert (tmp_path / "new" / "desc.gz").read_bytes() == BODY
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["desc.gz"]
    assert server.ranges == ranges


def test_a_later_run_resumes_and_then_asks_no_more(tmp_path, server):
    server.answers = [100]
    with pytest.raises(ProjectError, match="no connection"):
        download(url(server), tmp_path / "desc.gz", hint="none")
    assert (tmp_path / "desc.gz.part").stat().st_size == 100 * TRIES
    server.answers = [ALL]
    for _ in range(2):
        download(url(server), tmp_path / "desc.gz", hint="none")
    assert (tmp_path / "desc.gz").read_bytes() == BODY
    assert len(server.ranges) == TRIES + 1


@pytest.mark.parametrize(("status", "kind", "asked"), [(404, NotThere, 1), (403, NotThere, 1), (503, ProjectError, 5)])
def test_a_server_without_the_file_is_named(tmp_path, server, status, kind, asked):
    server.answers = [status]
    with pytest.raises(kind, match=f"desc.gz.*{status}.*the hint"):
        download(url(server), tmp_path / "desc.gz", hint="the hint")
    assert len(server.ranges) == asked
    assert not list(tmp_path.iterdir())
