"""The corpus arrives whole and exact, from an archive, a server or BigBio's schemas, or a message says what to do."""

import errno
import hashlib
import io
import json
import threading
import zipfile
from collections import Counter
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
import srsly
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from scripts import fetch_corpus as module
from scripts.catalog.corpora import ArchiveFile, Corpus, read_corpora
from scripts.errors import ProjectError
from scripts.fetch_corpus import fetch_corpus, fetch_corpus_cli, read_bioc
from scripts.formats.bigbio import join_passages, kb_record
from scripts.records.bigbio import SPLITS, document_id, document_text, read_records, write_records
from tests.marked import make_record
from tests.shared import ARCHIVE, needs_archive

BC5CDR = read_corpora()["bc5cdr"]
# Titles and annotations in the manner of BC5CDR: composite, discontinuous, without a MeSH id, off by one character.
BIOC = """<?xml version='1.0' encoding='UTF-8'?><!DOCTYPE collection SYSTEM 'BioC.dtd'>
<collection><source>PubTator</source><date>0/0/0</date><key>PubTator.key</key>
<document><id>%s</id>
<passage><infon key="type">title</infon><offset>0</offset><text>Ocular and auditory toxicity of β-drug.</text>
<annotation id='0'><infon key="type">Disease</infon><infon key="CompositeRole">CompositeMention</infon>
<infon key="MESH">D014786|D006311</infon><location offset='0' length='28' />
<text>Ocular and auditory toxicity</text></annotation>
<annotation id='1'><infon key="type">Disease</infon><infon key="CompositeRole">IndividualMention</infon>
<infon key="MESH">D014786</infon><location offset='0' length='6' /><location offset='20' length='8' />
<text>Ocular toxicity</text></annotation>
<annotation id='2'><infon key="type">Chemical</infon><infon key="MESH">-1</infon>
<location offset='32' length='6' /><text>β-drug</text></annotation>
</passage>
<passage><infon key="type">abstract</infon><offset>40</offset><text>Deafness was seen.</text>
<annotation id='3'><infon key="type">Disease</infon><infon key="MESH">D003638</infon>
<location offset='39' length='8' /><text>Deafness</text></annotation>
</passage>
<relation id='R0'><infon key="relation">CID</infon><infon key="Chemical">D003692</infon>
<infon key="Disease">D003638</infon></relation>
</document></collection>"""


def zipped(files: dict[str, bytes]) -> bytes:
    """Return the bytes of a zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def archive(monkeypatch):
    """Return a small archive's files by their place, which counts as BC5CDR for the test."""
    files, expected = {}, {}
    for split, file in BC5CDR.archive.files.items():
        content = (BIOC % split).encode()
        files[f"CDR_Data/CDR.Corpus.v010516/{file.name}"] = content
        expected[split] = replace(file, sha256=hashlib.sha256(content).hexdigest())
    know(monkeypatch, files=expected, peers={})
    return files


def know(monkeypatch, **fields):
    """Change fields of BC5CDR's archive in what the command reads from configs/corpora.yml."""
    corpora = module.read_corpora()
    known = corpora["bc5cdr"]
    changed = {**corpora, "bc5cdr": replace(known, archive=replace(known.archive, **fields))}
    monkeypatch.setattr(module, "read_corpora", lambda: changed)


class Server(ThreadingHTTPServer):
    """A server on the loopback that answers with what `answers` says in turn, the last one again and again.

    answers (list[tuple[int, bytes, int]]): status, body, and how many of the body's bytes to send.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = []
        self.asked = 0


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status, body, sent = self.server.answers[min(self.server.asked, len(self.server.answers) - 1)]
        self.server.asked += 1
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    """Start a server in the place of GitHub."""
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        know(monkeypatch, url=f"http://127.0.0.1:{server.server_port}/CDR_Data.zip")
        monkeypatch.setattr(module, "SECONDS_BEFORE_RETRY", 0.001)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield server
        server.shutdown()


def is_whole(folder: Path) -> bool:
    """Return whether a folder, and nothing beside it, holds the three splits of the small archive."""
    found = {split: [document_id(record) for record in read_records(folder / f"{split}.jsonl")] for split in SPLITS}
    beside = [path.name for path in folder.parent.iterdir() if path.name.startswith(".")]
    return found == {split: [split] for split in SPLITS} and not beside


def test_bioc_becomes_exact_records(archive):
    (record,) = read_bioc((BIOC % "7").encode())
    mesh = [{"db_name": "MESH", "db_id": mesh_id} for mesh_id in ("D014786", "D006311", "D003638")]
    relations = [{"id": "R0", "type": "CID", "arg1_id": "D003692", "arg2_id": "D003638"}]
    assert record == {
        "passages": [
            {
                "document_id": "7",
                "type": "title",
                "text": "Ocular and auditory toxicity of β-drug.",
                "entities": [
                    {
                        "id": "0",
                        "offsets": [[0, 28]],
                        "text": ["Ocular and auditory toxicity"],
                        "type": "Disease",
                        "normalized": mesh[:2],
                    },
                    {
                        "id": "1",
                        "offsets": [[0, 6], [20, 28]],
                        "text": ["Ocular", "toxicity"],
                        "type": "Disease",
                        "normalized": mesh[:1],
                    },
                    {"id": "2", "offsets": [[32, 38]], "text": ["β-drug"], "type": "Chemical", "normalized": []},
                ],
                "relations": relations,
            },
            {
                "document_id": "7",
                "type": "abstract",
                "text": "Deafness was seen.",
                # Its offsets begin one character early, and they are what counts.
                "entities": [
                    {
                        "id": "3",
                        "offsets": [[39, 47]],
                        "text": [" Deafnes"],
                        "type": "Disease",
                        "normalized": mesh[2:],
                    }
                ],
                "relations": relations,
            },
        ]
    }


@pytest.mark.parametrize("inside", ["", "CDR_Data", "CDR_Data/CDR.Corpus.v010516"])
def test_an_unpacked_folder_is_found_at_each_depth(tmp_path, archive, inside):
    for name, content in archive.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    fetch_corpus("bc5cdr", tmp_path / "assets" / "bc5cdr", archive=str(tmp_path / inside))
    assert is_whole(tmp_path / "assets" / "bc5cdr")


@pytest.fixture
def archive_with_peer(archive, monkeypatch):
    """Return the small archive with the output of one of the two published systems."""
    name, content = "TestSet.DNorm.PubTator.txt", b"test|t|..."
    know(monkeypatch, peers={"DNorm": ArchiveFile(name, hashlib.sha256(content).hexdigest())})
    return archive | {f"CDR_Data/DNorm.TestSet/{name}": content}


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_peers_are_kept_where_the_archive_has_them(tmp_path, archive_with_peer, form):
    if form == "zip":
        (tmp_path / "zip").write_bytes(zipped(archive_with_peer))
    for name, content in archive_with_peer.items():
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(content)
    for _ in range(2):  # the second time over what the first left
        fetch_corpus("bc5cdr", tmp_path / "out", archive=str(tmp_path / form))
    assert [path.name for path in (tmp_path / "out" / "peers").iterdir()] == ["DNorm.PubTator.txt"]
    assert (tmp_path / "out" / "peers" / "DNorm.PubTator.txt").read_bytes() == b"test|t|..."
    assert is_whole(tmp_path / "out")


def test_a_changed_peer_is_refused(tmp_path, archive_with_peer):
    changed = archive_with_peer | {"CDR_Data/DNorm.TestSet/TestSet.DNorm.PubTator.txt": b"changed"}
    (tmp_path / "zip").write_bytes(zipped(changed))
    with pytest.raises(ProjectError, match=r"TestSet\.DNorm\.PubTator\.txt in .* has the sha256"):
        fetch_corpus("bc5cdr", tmp_path / "out", archive=str(tmp_path / "zip"))


@pytest.mark.parametrize("prefix", ["", "master/", "../../", "/"])
def test_a_zip_is_read_whatever_its_members_are_under_and_nothing_is_unpacked(tmp_path, archive, prefix):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.zip").write_bytes(zipped({f"{prefix}{name}": body for name, body in archive.items()}))
    fetch_corpus("bc5cdr", tmp_path / "out" / "bc5cdr", archive=str(tmp_path / "in" / "x.zip"))
    assert is_whole(tmp_path / "out" / "bc5cdr")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def flip(content: bytes, position: int) -> bytes:
    """Return `content` with the bits of one byte flipped."""
    changed = bytearray(content)
    changed[position] ^= 0xFF
    return bytes(changed)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda files: zipped(files)[:-100], "cut short or not a zip file"),
        (lambda files: zipped(files)[:300], "cut short or not a zip file"),
        (lambda files: flip(zipped(files), 200), "cut short or not a zip file"),
        (lambda files: b"", r"cut short or not a zip file \(0 bytes\)"),
        (lambda files: b"<html>Log in</html>", "cut short or not a zip file"),
        (lambda files: zipped({"README.txt": b"another"}), "has no CDR_TrainingSet.BioC.xml"),
        (lambda files: zipped(dict(list(files.items())[:2])), "has no CDR_TestSet.BioC.xml"),
        (
            lambda files: zipped({name: body.replace(b"Deafness", b"Blindness") for name, body in files.items()}),
            "CDR_TrainingSet.BioC.xml in .*x.zip has the sha256 [0-9a-f]{64}, not [0-9a-f]{64}",
        ),
    ],
)
def test_a_wrong_archive_is_refused(tmp_path, archive, change, why):
    (tmp_path / "x.zip").write_bytes(change(archive))
    with pytest.raises(ProjectError, match=why) as caught:
        fetch_corpus("bc5cdr", tmp_path / "bc5cdr", archive=str(tmp_path / "x.zip"))
    assert str(tmp_path / "x.zip") in caught.value.title
    assert "It should be CDR_Data.zip, or the unpacked folder, with CDR_TrainingSet.BioC.xml, " in caught.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]


def test_a_wrong_folder_is_refused(tmp_path):
    with pytest.raises(ProjectError, match=r"has no CDR_TrainingSet.BioC.xml"):
        fetch_corpus("bc5cdr", tmp_path / "out", archive=str(tmp_path))
    with pytest.raises(ProjectError, match=r"There is no file or folder .*nowhere"):
        fetch_corpus("bc5cdr", tmp_path / "out", archive=str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("answers", "asked"),
    [
        (["whole"], 1),
        (["busy", "busy", "whole"], 3),
        (["broken", "whole"], 2),
        (["broken", "busy", "broken", "whole"], 4),
    ],
)
def test_a_download_is_tried_again_until_it_is_whole(tmp_path, archive, server, answers, asked):
    body = zipped(archive)
    known = {"whole": (200, body, len(body)), "busy": (503, b"busy", 4), "broken": (200, body, len(body) // 2)}
    server.answers = [known[answer] for answer in answers]
    fetch_corpus("bc5cdr", tmp_path / "bc5cdr")
    assert is_whole(tmp_path / "bc5cdr")
    assert server.asked == asked


@pytest.mark.parametrize(
    ("status", "announced", "sent", "why"),
    [
        (404, b"no", 2, "the server answered 404"),
        (500, b"no", 2, "the server answered 500"),
        (200, b"never all of it", 5, "ChunkedEncodingError"),
        (200, b"<html>Log in</html>", 19, "not a zip file"),
    ],
)
def test_a_download_that_fails_leaves_nothing(tmp_path, archive, server, status, announced, sent, why):
    server.answers = [(status, announced, sent)]
    with pytest.raises(ProjectError, match=why) as caught:
        fetch_corpus("bc5cdr", tmp_path / "bc5cdr")
    assert module.read_corpora()["bc5cdr"].archive.url in caught.value.title
    assert server.asked == (1 if status in (200, 404) and sent != 5 else module.TRIES)
    assert not list(tmp_path.iterdir())


def run(*arguments: str, **environment: str):
    """Run the command as a user does."""
    app = typer.Typer()
    app.command()(fetch_corpus_cli)
    return CliRunner().invoke(app, arguments, env=environment)


def words(result) -> str:
    """Return what a command showed, without the line breaks of the terminal."""
    return " ".join(result.output.split())


def test_without_a_network_the_ways_on_are_named_and_no_other_corpus_is_taken(tmp_path, server):
    server.shutdown()
    server.server_close()
    result = run("bc5cdr", str(tmp_path / "bc5cdr"), BC5CDR_ARCHIVE="")
    assert result.exit_code == 1
    assert "BC5CDR_ARCHIVE=/path/to/CDR_Data.zip" in words(result)
    assert "spacy project run quickstart" in words(result)
    assert not list(tmp_path.iterdir())


def test_the_archive_can_be_named_in_the_environment(tmp_path, archive):
    (tmp_path / "x.zip").write_bytes(zipped(archive))
    result = run("bc5cdr", str(tmp_path / "assets" / "bc5cdr"), BC5CDR_ARCHIVE=str(tmp_path / "x.zip"))
    assert result.exit_code == 0, result.output
    assert is_whole(tmp_path / "assets" / "bc5cdr")


def test_a_folder_that_cannot_be_written_is_named(tmp_path, archive):
    (tmp_path / "x.zip").write_bytes(zipped(archive))
    result = run("bc5cdr", str(tmp_path / "x.zip" / "bc5cdr"), "--archive", str(tmp_path / "x.zip"))
    assert result.exit_code == 1
    assert "x.zip" in words(result)
    assert "Traceback" not in result.output


def test_a_full_disk_leaves_the_corpus_that_was_there(tmp_path, archive, monkeypatch):
    (tmp_path / "x.zip").write_bytes(zipped(archive))
    arguments = ("bc5cdr", str(tmp_path / "assets" / "bc5cdr"), "--archive", str(tmp_path / "x.zip"))
    assert run(*arguments).exit_code == 0

    def fill(path, records):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(srsly, "write_jsonl", fill)
    result = run(*arguments)
    assert result.exit_code == 1
    assert "No space left on device" in words(result)
    assert is_whole(tmp_path / "assets" / "bc5cdr")


def test_synthetic_notes_are_generated_with_the_seed(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(module, "generate_notes", lambda output, *, seed: calls.append((output, seed)))
    fetch_corpus("synthetic", tmp_path / "notes", seed=7)
    assert calls == [(tmp_path / "notes", 7)]


@pytest.mark.parametrize(
    ("profile", "why"),
    [
        ("ncbi_disease", "Known are bc5cdr, synthetic.*--vars.corpus_source"),
        ("BC5CDR", "can't be a profile's name"),
        ("../bc5cdr", "can't be a profile's name"),
        ("", "can't be a profile's name"),
        ("notes\n", "can't be a profile's name"),
    ],
)
def test_an_unknown_profile_is_refused(tmp_path, profile, why):
    with pytest.raises(ProjectError, match=why):
        fetch_corpus(profile, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_known_corpus_without_an_archive_needs_a_source(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "read_corpora", lambda: {"private": Corpus(name="A hospital's notes")})
    with pytest.raises(ProjectError, match=r"names no archive for 'private'.*--vars\.corpus_source"):
        fetch_corpus("private", tmp_path / "out")
    assert not list(tmp_path.iterdir())


TITLE = "Ataxia-telangiectasia gene."
ABSTRACT = "Ataxia is seen."


def kb_row(identifier="10", passages=(("title", 0, TITLE), ("abstract", 28, ABSTRACT)), **fields):
    """Return a document in the `bigbio_kb` schema."""
    return {
        "id": "0",
        "document_id": identifier,
        "passages": [
            {"id": str(number), "type": kind, "text": [text], "offsets": [[start, start + len(text)]]}
            for number, (kind, start, text) in enumerate(passages)
        ],
        "entities": [
            {
                "id": "a",
                "type": "Disease",
                "text": ["Ataxia"],
                "offsets": [[28, 34]],
                "normalized": [{"db_name": "MESH", "db_id": "D001259"}, {"db_name": "OMIM", "db_id": None}],
            },
            {
                "id": "b",
                "type": "Disease",
                "text": ["Ataxia-telangiectasia"],
                "offsets": [[0, 21]],
                "normalized": [],
            },
        ],
        "relations": [{"id": "r", "type": "is", "arg1_id": "a", "arg2_id": "b", "normalized": []}],
        "events": [],
        "coreferences": [{"id": "c", "entity_ids": ["a", "b"]}],
        **fields,
    }


KB_AS_RECORD = {
    "passages": [
        {
            "document_id": "10",
            "type": "title",
            "text": TITLE,
            "entities": [
                {
                    "id": "b",
                    "offsets": [[0, 21]],
                    "text": ["Ataxia-telangiectasia"],
                    "type": "Disease",
                    "normalized": [],
                }
            ],
            "relations": [{"id": "r", "type": "is", "arg1_id": "a", "arg2_id": "b"}],
        },
        {
            "document_id": "10",
            "type": "abstract",
            "text": ABSTRACT,
            "entities": [
                {
                    "id": "a",
                    "offsets": [[28, 34]],
                    "text": ["Ataxia"],
                    "type": "Disease",
                    "normalized": [{"db_name": "MESH", "db_id": "D001259"}],
                }
            ],
            "relations": [{"id": "r", "type": "is", "arg1_id": "a", "arg2_id": "b"}],
        },
    ]
}


def write_rows(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)
    else:
        srsly.write_jsonl(path, rows)


def with_id(row: dict, identifier: str) -> dict:
    """Return a document with another id than 10."""
    return json.loads(json.dumps(row).replace('"10"', f'"{identifier}"'))


@pytest.mark.parametrize("row", [kb_row(), KB_AS_RECORD], ids=["bigbio_kb", "source"])
@pytest.mark.parametrize(
    "names",
    [
        ("train.jsonl", "dev.jsonl", "test.jsonl"),
        ("ncbi_training.json", "ncbi_val.json", "ncbi_testing.json"),
        *[
            tuple(name.format(split) for split in ("train", "validation", "test"))
            for name in ("data/{}-00000-of-00001.parquet", "ncbi_disease_bigbio_kb/{}/0000.parquet")
        ],
    ],
)
def test_a_data_set_in_bigbios_schemas_is_read(tmp_path, names, row):
    for name, split in zip(names, SPLITS, strict=True):
        write_rows(tmp_path / "source" / name, [with_id(row, split)])
    (tmp_path / "source" / "dataset_info.json").write_text("{}")
    fetch_corpus("ncbi_disease", tmp_path / "out", source=str(tmp_path / "source"))
    for split in SPLITS:
        assert read_records(tmp_path / "out" / f"{split}.jsonl") == [with_id(KB_AS_RECORD, split)]


def test_the_parts_of_a_split_are_put_together_in_order(tmp_path):
    write_rows(tmp_path / "source" / "dev.jsonl", [kb_row("dev")])
    write_rows(tmp_path / "source" / "test.jsonl", [kb_row("test")])
    for part in ("1", "0"):
        write_rows(tmp_path / "source" / f"train-{part}.jsonl", [kb_row(part)])
    fetch_corpus("ncbi_disease", tmp_path / "out", source=str(tmp_path / "source"))
    assert [document_id(record) for record in read_records(tmp_path / "out" / "train.jsonl")] == ["0", "1"]


def test_what_a_data_set_loses_is_counted(tmp_path, capsys):
    apart = [("title", 0, TITLE), ("abstract", 30, ABSTRACT)]
    for split in SPLITS:
        rows = [kb_row(f"{split} 1"), kb_row(f"{split} 2", passages=apart)]
        write_rows(tmp_path / "source" / f"{split}.jsonl", rows)
    fetch_corpus("ncbi_disease", tmp_path / "out", source=str(tmp_path / "source"))
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["counts"] == {"coreferences": 6, "documents_with_moved_passages": 3, "misplaced_mentions": 3}
    assert (report["splits"], report["offsets"]) == ("as the files are named", "characters")
    assert report["dev"] == {"documents": 2, "mentions": 4, "types": {"Disease": 4}}
    assert "misplaced mentions: 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("passages", "expected"),
    [
        ([], []),
        ([(0, "a")], [("0", "a")]),
        ([(0, "ab"), (3, "c")], [("0", "ab"), ("1", "c")]),
        ([(3, "c"), (0, "ab")], [("1", "ab"), ("0", "c")]),
        ([(0, "ab"), (5, "c")], [("0", "ab  "), ("1", "c")]),
        ([(0, "ab"), (2, "c"), (4, "d")], [("0", "abc"), ("2", "d")]),
        ([(2, "a")], [("0", "  a")]),
        ([(0, ""), (1, "a")], [("0", ""), ("1", "a")]),
    ],
)
def test_passages_are_joined_without_moving(passages, expected):
    row = kb_row(passages=[(str(number), start, text) for number, (start, text) in enumerate(passages)])
    assert join_passages(row) == expected


@given(st.lists(st.tuples(st.integers(0, 5), st.text(min_size=1, max_size=5)), min_size=1))
def test_each_passage_and_entity_stands_at_its_offset(parts):
    passages, reached = [], 0
    for gap, text in parts:
        passages.append(("section", reached + gap, text))
        reached += gap + len(text)
    entities = [
        {"id": str(start), "type": "Disease", "text": [text], "offsets": [[start, start + len(text)]], "normalized": []}
        for _, start, text in passages
    ]
    record = kb_record(kb_row(passages=passages, entities=entities))
    whole = document_text(record)
    assert len(whole) == reached
    assert all(whole[start : start + len(text)] == text for _, start, text in passages)
    begin = 0
    for passage in record["passages"]:
        for entity in passage["entities"]:
            (start, end) = entity["offsets"][0]
            assert passage["text"][start - begin : end - begin] == entity["text"][0]
        begin += len(passage["text"]) + 1
    assert sum(len(passage["entities"]) for passage in record["passages"]) == len(parts)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"train.jsonl": [kb_row()], "dev.jsonl": [kb_row()]}, "has no file for test"),
        ({"README.md": []}, "holds no annotated documents"),
        ({"train.jsonl": [kb_row()], "more.jsonl": [kb_row("11")]}, "more.jsonl names no split"),
        ({"train_dev.jsonl": [kb_row()]}, "could be train or dev"),
        ({"train.jsonl": [{"tokens": ["SECRET"], "ner_tags": [0]}]}, "train.jsonl, document 1: the tags are numbers"),
        ({"train.jsonl": []}, "train.jsonl .* it is empty"),
        ({"train.jsonl": [["SECRET"]]}, "train.jsonl can't be read"),
        ({"train.jsonl": [kb_row("dev")]}, "Two documents have the id 'dev'"),
        ({"train.jsonl": [kb_row(passages=[])]}, "train.jsonl can't be read .*IndexError"),
        ({"train.jsonl": [kb_row(passages=[], entities=[])]}, "record 1 has no passages"),
        ({"train.jsonl": [kb_row(document_id=None)]}, "record 1 .* lacks a field"),
        (
            {"train.jsonl": [kb_row(passages=[("title", 0, "SECRET"), ("abstract", 4, "SECRET")])]},
            "train.jsonl: Document '10': its passages overlap",
        ),
        (
            {"train.jsonl": [kb_row(entities=[{"id": "a", "offsets": [], "text": [], "normalized": []}])]},
            "can't be read .*ValueError",
        ),
    ],
)
def test_another_folder_is_refused(tmp_path, files, why):
    if "train.jsonl" in files and len(files) == 1:
        files = {**files, "dev.jsonl": [kb_row("dev")], "test.jsonl": [kb_row("test")]}
    for name, rows in files.items():
        write_rows(tmp_path / "source" / name, rows)
    with pytest.raises(ProjectError, match=why) as caught:
        fetch_corpus("ncbi_disease", tmp_path / "out", source=str(tmp_path / "source"))
    assert "SECRET" not in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["train.jsonl", "train.parquet"])
def test_a_damaged_file_is_refused(tmp_path, name):
    for split in ("dev", "test"):
        write_rows(tmp_path / f"{split}.jsonl", [kb_row(split)])
    (tmp_path / name).write_text(json.dumps(kb_row())[:-5])
    with pytest.raises(ProjectError, match=f"{name} can't be read"):
        fetch_corpus("ncbi_disease", tmp_path / "out", source=str(tmp_path))


def test_a_source_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ProjectError, match=r"There is no folder or file .*nowhere"):
        fetch_corpus("ncbi_disease", tmp_path / "out", source=str(tmp_path / "nowhere"))


@needs_archive
def test_bc5cdr_has_the_counts_of_the_published_corpus(tmp_path):
    fetch_corpus("bc5cdr", tmp_path / "bc5cdr", archive=str(ARCHIVE))
    counts, identifiers = {}, set()
    for split in SPLITS:
        records = read_records(tmp_path / "bc5cdr" / f"{split}.jsonl")
        identifiers |= {document_id(record) for record in records}
        entities = [entity for record in records for passage in record["passages"] for entity in passage["entities"]]
        types = Counter(entity["type"] for entity in entities)
        discontinuous = sum(len(entity["offsets"]) > 1 for entity in entities)
        counts[split] = (len(records), types["Chemical"], types["Disease"], discontinuous, len(entities))
        assert {tuple(passage["type"] for passage in record["passages"]) for record in records} == {
            ("title", "abstract")
        }
        assert (
            sum(len(record["passages"][0]["relations"]) for record in records)
            == {
                "train": 1038,
                "dev": 1012,
                "test": 1066,
            }[split]
        )
        for record in records:
            text = document_text(record)
            for passage in record["passages"]:
                for entity in passage["entities"]:
                    assert [text[start:end] for start, end in entity["offsets"]] == entity["text"]
    assert counts == {
        "train": (500, 5207, 4363, 73, 9570),
        "dev": (500, 5352, 4421, 43, 9773),
        "test": (500, 5394, 4534, 37, 9928),
    }
    assert len(identifiers) == 1500


def write_kb(folder: Path, prefix: str) -> Path:
    """Write a data set of one document for each split, as records."""
    for split in SPLITS:
        write_records([make_record("[Disease gout]", document_id=f"{prefix}-{split}")], folder / f"{split}.jsonl")
    return folder


def test_several_corpora_are_fetched_and_joined(tmp_path: Path) -> None:
    write_kb(tmp_path / "assets" / "one", "one")
    source = write_kb(tmp_path / "my notes", "two")
    fetch_corpus("one+two", tmp_path / "assets" / "one+two", source=f"'two={source}'")
    for split in SPLITS:
        records = read_records(tmp_path / "assets" / "one+two" / f"{split}.jsonl")
        assert [(document_id(record), record["corpus"]) for record in records] == [
            (f"one-{split}", "one"),
            (f"two-{split}", "two"),
        ]
        # Each is there by itself, too, and has no mark.
        (alone,) = read_records(tmp_path / "assets" / "two" / f"{split}.jsonl")
        assert "corpus" not in alone


@pytest.mark.parametrize(
    ("profile", "source", "message"),
    [
        ("one+", "", r"'one\+' does not name each corpus once"),
        ("one+one", "", r"'one\+one' does not name each corpus once"),
        ("one+two", "/data", "Can't read the sources '/data'"),
        ("one+two", "three=/data", "There is a source for three"),
        ("one+unheard", "", "Unknown profile 'unheard'"),
    ],
)
def test_what_names_no_corpora_is_refused(tmp_path: Path, profile: str, source: str, message: str) -> None:
    write_kb(tmp_path / "one", "one")
    with pytest.raises(ProjectError, match=message):
        fetch_corpus(profile, tmp_path / "joined", source=source)
    assert not (tmp_path / "joined").exists()
