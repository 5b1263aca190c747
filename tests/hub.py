"""A stand-in for the Hugging Face hub: serves a folder of repositories (owner/name) on the loopback interface.

It answers what huggingface_hub asks to download a model, and can break connections off on purpose.
By hand: `python -m tests.hub FOLDER --port 8765`, then `HF_ENDPOINT=http://127.0.0.1:8765 python -m scripts...`.
"""

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

import typer
from huggingface_hub import metadata_load
from wasabi import msg

from scripts.files import sha256

COMMIT = "0123456789abcdef0123456789abcdef01234567"  # what "main" stands for; any other commit is taken as asked for
CONVERTED = "refs/convert/parquet"  # the branch of a data set that the hub converted, also that commit
INFO = re.compile(r"/api/(?:models|datasets)/([^/]+/[^/]+)/revision/(.+)")
FILE = re.compile(r"/(?:datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
LARGE = (".safetensors", ".bin")  # kept in LFS on the hub, which then names their sha256


class Hub(ThreadingHTTPServer):
    """The stand-in's server.

    folder (Path): holds the repositories.
    port (int): the port, 0 for a free one.
    break_after (int): bytes of a weights file after which the connection breaks off, 0 for never.
    breaks (int): how many times it breaks off.
    cut_to (int): bytes to which a weights file is cut without a sign, 0 for not.
    """

    daemon_threads = True

    def __init__(self, folder: Path, *, port: int = 0):
        super().__init__(("127.0.0.1", port), HubHandler)
        self.folder = folder
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.break_after = 0
        self.breaks = 0
        self.cut_to = 0
        self.requests: list[tuple[str, str, str, str]] = []  # method, path, Range, User-Agent


class HubHandler(BaseHTTPRequestHandler):
    """Answers one client of the stand-in."""

    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        """Find what the path asks for, and send it or the error that the hub would send."""
        path = unquote(urlsplit(self.path).path)
        self.server.requests.append(
            (self.command, path, self.headers.get("Range", ""), self.headers.get("User-Agent", ""))
        )
        info, file = INFO.fullmatch(path), FILE.fullmatch(path)
        repository, revision = (info or file).group(1, 2) if info or file else ("", "")
        folder = self.server.folder / repository
        commit = COMMIT if revision in ("main", CONVERTED) else revision
        if not repository or not folder.is_dir() or ".." in path.split("/"):
            self.send_missing("RepoNotFound")
        elif not re.fullmatch("[0-9a-f]{40}", commit):
            self.send_missing("RevisionNotFound")
        elif info:
            self.send_info(folder, repository, commit)
        elif (folder / file.group(3)).is_file():
            self.send_file(folder / file.group(3), commit)
        else:
            self.send_missing("EntryNotFound")

    def send_missing(self, code: str) -> None:
        """Send a 404 with the hub's own error code."""
        self.send_response(HTTPStatus.NOT_FOUND)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_info(self, folder: Path, repository: str, commit: str) -> None:
        """Send the list of a repository's files, and its model card's metadata."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        siblings = [
            {"rfilename": path.relative_to(folder).as_posix(), "size": path.stat().st_size}
            | (
                {"lfs": {"size": path.stat().st_size, "sha256": sha256(path), "pointerSize": 134}}
                if is_large(path)
                else {}
            )
            for path in paths
        ]
        card = metadata_load(folder / "README.md") if (folder / "README.md").is_file() else None
        body = json.dumps({"id": repository, "sha": commit, "cardData": card, "siblings": siblings}).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_file(self, path: Path, commit: str) -> None:
        """Send a file from the place that the Range header asks for."""
        size = path.stat().st_size
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted else 0
        end = self.server.cut_to if self.server.cut_to and is_large(path) and self.command == "GET" else size
        self.send_response(HTTPStatus.PARTIAL_CONTENT if wanted else HTTPStatus.OK)
        self.send_header("ETag", f'"{sha256(path) if is_large(path) else sha1(path)}"')
        self.send_header("X-Repo-Commit", commit)
        self.send_header("Accept-Ranges", "bytes")
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        self.send_header("Content-Length", str(max(end - start, 0)))
        self.end_headers()
        if self.command == "GET":
            self.send_body(path, start, end)

    def send_body(self, path: Path, start: int, end: int) -> None:
        """Send a file's bytes, or only some of them before the connection breaks off."""
        breaks = self.server.breaks > 0 and is_large(path)
        if breaks:
            self.server.breaks -= 1
            end = min(end, start + self.server.break_after)
        with path.open("rb") as file:
            file.seek(start)
            while start < end and (chunk := file.read(min(1 << 20, end - start))):
                self.wfile.write(chunk)
                start += len(chunk)
        self.close_connection = self.close_connection or breaks

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: tests read `Hub.requests`."""


def is_large(path: Path) -> bool:
    """Say whether the hub would keep a file in LFS."""
    return path.suffix in LARGE


def sha1(path: Path) -> str:
    """Return 40 hexadecimal digits for a small file, as the hub's ETag has them."""
    return hashlib.sha1(path.read_bytes()).hexdigest()


@contextmanager
def served(folder: Path) -> Iterator[Hub]:
    """Serve a folder of repositories while the block runs.

    folder (Path): holds owner/name folders.
    YIELDS (Hub): the server, with its address in `url`.
    """
    with Hub(folder) as hub:
        threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield hub
        finally:
            hub.shutdown()


def hub_cli(
    folder: Annotated[Path, typer.Argument(help="Folder of repositories (owner/name)", exists=True, file_okay=False)],
    port: Annotated[int, typer.Option(help="Port on the loopback interface")] = 8765,
) -> None:
    """Serve a folder of repositories like the Hugging Face hub, until interrupted."""
    with Hub(folder, port=port) as hub, suppress(KeyboardInterrupt):
        msg.info(f"HF_ENDPOINT={hub.url}")
        hub.serve_forever()


if __name__ == "__main__":
    typer.run(hub_cli)
