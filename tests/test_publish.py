"""A wheel is published under the name that was given, whole or not at all, and pip installs it from there."""

import base64
import hashlib
import json
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import typer
from typer.testing import CliRunner

from scripts.errors import ProjectError
from scripts.publish import publish, publish_cli
from tests.test_fetch_encoder import use_hub

NAME = "en_ner_tiny-0.1.0-py3-none-any.whl"
CARD = "---\nlanguage: en\nlibrary_name: spacy\nlicense: mit\n---\n# Tiny\n"


class Hub(ThreadingHTTPServer):
    """A stand-in for the hub that takes commits into one repository.

    files (dict[str, bytes]): the files of the repository, None before it is created.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files, self.blobs, self.created, self.commits = None, {}, [], []
        self.refuses = ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, content, status=200, **headers):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        files = self.server.files
        if files is None:
            self.answer({}, 404, X_Error_Code="RepoNotFound")
        elif "/resolve/" in self.path:
            self.answer(files[self.path.rpartition("/")[2]])
        else:
            siblings = [
                {"rfilename": name, "size": len(content)}
                | (
                    {"lfs": {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 1}}
                    if name.endswith(".whl")
                    else {}
                )
                for name, content in files.items()
            ]
            self.answer({"id": "owner/tiny", "sha": "0" * 40, "siblings": siblings})

    def do_PUT(self):
        self.server.blobs[self.path.rpartition("/")[2]] = self.body()
        self.answer({})

    def do_POST(self):
        body = self.body()
        if self.server.refuses and self.server.refuses in self.path:
            self.answer({"error": "no"}, 403)
        elif self.path == "/api/repos/create":
            self.server.created.append(json.loads(body))
            self.server.files = self.server.files or {}
            self.answer({"url": f"{self.server.url}/owner/tiny"})
        elif self.path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            names = [file["path"] for file in json.loads(body)["files"]]
            modes = {name: "lfs" if name.endswith(".whl") else "regular" for name in names}
            self.answer(
                {"files": [{"path": name, "uploadMode": mode, "shouldIgnore": False} for name, mode in modes.items()]}
            )
        elif self.path.endswith("/info/lfs/objects/batch"):
            objects = [
                {**each, "actions": {"upload": {"href": f"{self.server.url}/blob/{each['oid']}"}}}
                for each in json.loads(body)["objects"]
            ]
            self.answer({"transfer": "basic", "objects": objects})
        else:
            self.commit([json.loads(line) for line in body.splitlines()])

    def commit(self, rows):
        for row in rows:
            value = row["value"]
            if row["key"] == "header":
                self.server.commits.append(value["summary"])
            elif row["key"] == "file":
                self.server.files[value["path"]] = base64.b64decode(value["content"])
            else:
                self.server.files[value["path"]] = self.server.blobs[value["oid"]]
        self.answer({"success": True, "commitOid": "1" * 40, "commitUrl": f"{self.server.url}/owner/tiny/commit/1"})

    def log_message(self, *args):
        pass


@pytest.fixture
def hub(monkeypatch):
    """Start a server in the hub's place."""
    with Hub() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        use_hub(monkeypatch, server.url)
        monkeypatch.setenv("HF_TOKEN", "hf_test")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server
        server.shutdown()


def make_wheel(folder, name=NAME, card=CARD, extra=b""):
    """Write a wheel that pip can install, with a pipeline's files."""
    inner = "en_ner_tiny/en_ner_tiny-0.1.0"
    info = "en_ner_tiny-0.1.0.dist-info"
    files = {
        "en_ner_tiny/__init__.py": b"VALUE = 5\n" + extra,
        f"{inner}/meta.json": b'{"lang": "en", "name": "ner_tiny", "version": "0.1.0"}',
        f"{inner}/config.cfg": b"[nlp]\n",
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: en-ner-tiny\nVersion: 0.1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if card:
        files[f"{inner}/README.md"] = card.encode()
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
        record = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
        archive.writestr(f"{info}/RECORD", record)
    return folder / name


@pytest.mark.parametrize("public", [False, True])
def test_a_wheel_is_published_with_its_card_in_one_commit(tmp_path, hub, public):
    wheel = make_wheel(tmp_path / "packages" / "en_ner_tiny-0.1.0" / "dist")
    done = publish(tmp_path / "packages", "owner/tiny", public=public)
    assert (done.url, done.is_new) == (f"{hub.url}/owner/tiny/resolve/main/{NAME}", True)
    assert hub.files.keys() == {"README.md", "meta.json", "config.cfg", NAME}
    assert (hub.files[NAME], hub.files["README.md"].decode()) == (wheel.read_bytes(), CARD)
    assert hub.commits == ["Version 0.1.0"]
    assert [(each["organization"], each["name"], each["private"]) for each in hub.created] == [
        ("owner", "tiny", not public)
    ]
    # As the page says: pip from the hub, and from a folder.
    for number, source in enumerate((done.url, str(wheel))):
        target = tmp_path / str(number)
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(target), source]
        subprocess.run(pip, check=True)
        assert (target / "en_ner_tiny" / "__init__.py").read_text() == "VALUE = 5\n"


def test_the_same_wheel_is_published_once_and_another_of_its_version_never(tmp_path, hub):
    publish(make_wheel(tmp_path), "owner/tiny")
    assert not publish(tmp_path, "owner/tiny").is_new
    assert hub.commits == ["Version 0.1.0"]
    make_wheel(tmp_path, extra=b"MORE = 6\n")
    with pytest.raises(ProjectError, match=rf"owner/tiny has another {NAME}.*--vars\.version"):
        publish(tmp_path, "owner/tiny")
    assert hub.commits == ["Version 0.1.0"]


@pytest.mark.parametrize("repository", ["", " ", "tiny", "owner/tiny/more", "../tiny", "https://hf.co/owner/tiny"])
def test_nothing_is_published_without_an_explicit_name(tmp_path, hub, repository):
    make_wheel(tmp_path)
    with pytest.raises(ProjectError, match=r"is not the name of a repository.*--vars\.repository owner/name"):
        publish(tmp_path, repository)
    assert hub.files is None


@pytest.mark.parametrize(
    ("wheels", "why"),
    [
        ({}, "holds 0"),
        ({"a.whl": CARD, "b.whl": CARD}, "holds 2"),
        ({"a.whl": ""}, "is damaged, or not the wheel of a pipeline with a card"),
        ({"a.whl": None}, "is damaged, or not the wheel of a pipeline with a card"),
    ],
)
def test_what_is_no_wheel_is_refused(tmp_path, hub, wheels, why):
    for name, card in wheels.items():
        make_wheel(tmp_path, name, card or "")
        if card is None:
            (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:100])
    with pytest.raises(ProjectError, match=why):
        publish(tmp_path, "owner/tiny")
    assert hub.files is None


@pytest.mark.parametrize("refused", ["/api/repos/create", "/preupload/", "/info/lfs/", "/commit/"])
def test_a_hub_that_refuses_leaves_nothing_half_published(tmp_path, hub, refused):
    make_wheel(tmp_path)
    hub.refuses = refused
    with pytest.raises(ProjectError, match=r"refuses to write to owner/tiny: 403\. Log in"):
        publish(tmp_path, "owner/tiny")
    assert not hub.files


@pytest.mark.parametrize("offline", [False, True])
def test_without_a_network_nothing_is_published(tmp_path, monkeypatch, offline):
    make_wheel(tmp_path)
    use_hub(monkeypatch, "http://127.0.0.1:9", offline=offline)
    app = typer.Typer()
    app.command()(publish_cli)
    done = CliRunner().invoke(app, [str(tmp_path), "owner/tiny"])
    assert done.exit_code == 1
    assert "Nothing was published: http://127.0.0.1:9 can't be reached" in " ".join(done.output.split())
