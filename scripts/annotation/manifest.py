"""The folder of a run: its parts, its manifest, and what is needed to resume after a crash at any moment.

manifest.json describes the run (model, inputs, options) and lists the finished parts. A part counts from the moment it
is listed; whatever else is in the folder was left by a run that was killed, and is removed.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from spacy.language import Language
from spacy.util import get_package_path

from scripts.annotation.outcomes import Counts, Prepared
from scripts.annotation.sources import STANDARD_INPUT
from scripts.annotation.stores import open_store
from scripts.errors import ProjectError
from scripts.files import moved_into_place, remove, sha256
from scripts.formats.reading import Source
from scripts.formats.writing import Writer
from scripts.records.notes import Rejected

# Workers of a run that was killed hold its lock for a moment longer.
LOCK_SECONDS = 5


class Run:
    """A run, as described by its folder.

    folder (Path): the folder.
    content (dict[str, Any]): the content of manifest.json: "begun", "model", "inputs", "options", "parts" and
        "finished".
    """

    def __init__(self, folder: Path, content: dict[str, Any]):
        self.folder = folder
        self.content = content

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The manifest's entry for each finished part: "file", "sha256", "notes" and so on."""
        return self.content["parts"]

    @property
    def begun(self) -> datetime:
        """When the run was first started."""
        return datetime.fromisoformat(self.content["begun"])

    def part_path(self, suffix: str) -> Path:
        """Return the path of the next part."""
        return self.folder / "parts" / f"part-{len(self.parts):05}{suffix}"

    def fit(self, prepared: Prepared) -> Prepared | Rejected:
        """Return a note as the output has it, or reject it if that can't hold it. Files hold what was prepared."""
        return prepared

    def write_part(
        self, writer: Writer, prepared: Sequence[Prepared], rejected: Sequence[Rejected], figures: dict[str, Any]
    ) -> None:
        """Write the next part.

        writer (Writer): the format.
        prepared (Sequence[Prepared]): its notes.
        rejected (Sequence[Rejected]): the notes of the part that were rejected.
        figures (dict[str, Any]): what the manifest says about it.
        """
        path = self.part_path(writer.suffix)
        with moved_into_place(path) as partial:
            number = Counts.of(self.parts).entities.total() + 1
            writer.write([note.content for note in prepared], partial, number_from=number)
        self.add_part(path, rejected, figures)

    def add_part(self, path: Path, rejected: Sequence[Rejected], figures: dict[str, Any]) -> None:
        """Add a finished part to the manifest.

        path (Path): the file or, for brat, the folder of files.
        rejected (Sequence[Rejected]): the notes of the part that were rejected.
        figures (dict[str, Any]): what the manifest says about it besides.
        """
        with self.rejected_path.open("ab") as file:
            file.writelines(map(dump_rejected, rejected))
        rejected_bytes = self.rejected_path.stat().st_size
        row = {"file": path.name, "sha256": tree_sha256(path), **figures, "rejected_bytes": rejected_bytes}
        self.parts.append(row)
        self.save()

    def finish(self) -> None:
        """Mark the run as finished in the manifest."""
        self.content["finished"] = True
        self.save()

    def save(self) -> None:
        """Write the manifest."""
        with moved_into_place(self.folder / "manifest.json") as partial:
            partial.write_bytes(dump_manifest(self.content))

    def clear(self, before: dict[str, Any] | None) -> None:
        """Remove what earlier runs wrote. `restore` does that for files: no manifest lists them.

        before (dict[str, Any] | None): the content of the manifest that was in the folder.
        """

    def restore(self) -> None:
        """Make the folder and the manifest agree.

        The first part that is missing or changed, and all parts after it, are done again.
        """
        intact = list(takewhile(self.is_intact, self.parts))
        if len(intact) < len(self.parts):
            self.content.update(parts=intact, finished=False)
            self.save()
        (self.folder / "parts").mkdir(exist_ok=True)
        for path in (self.folder / "parts").iterdir():
            if path.name not in {part["file"] for part in intact}:
                remove(path)
        self.rejected_path.touch()
        os.truncate(self.rejected_path, intact[-1]["rejected_bytes"] if intact else 0)

    def is_intact(self, part: dict[str, Any]) -> bool:
        """Return whether a part and the rejected notes up to it are still there."""
        path, rejected = self.folder / "parts" / part["file"], self.rejected_path
        return (
            path.exists()
            and tree_sha256(path) == part["sha256"]
            and rejected.is_file()
            and rejected.stat().st_size >= part["rejected_bytes"]
        )

    @property
    def rejected_path(self) -> Path:
        """The file of the notes that were rejected."""
        return self.folder / "rejected.jsonl"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder of a run, and lock it against other runs.

    RAISES (ProjectError): another run is using it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=LOCK_SECONDS):
            yield
    except Timeout:
        raise ProjectError(f"Another run writes to {folder}", "Wait for its end, or give another folder.") from None


def open_run(
    folder: Path,
    identity: dict[str, Any],
    *,
    overwrite: bool,
    make: Callable[[Path, dict[str, Any]], Run] = Run,
) -> Run:
    """Start a run, or resume the one that is in the folder.

    folder (Path): the folder, locked.
    identity (dict[str, Any]): "model", "inputs" and "options".
    overwrite (bool): whether to start over.
    make (Callable[[Path, dict[str, Any]], Run]): makes the run; another one where its parts are no files.
    RETURNS (Run): the run, its folder in the state that its manifest describes.
    RAISES (ProjectError): the folder contains something else, or another run.
    """
    manifest = folder / "manifest.json"
    if not manifest.exists() and any(not path.name.startswith(".") for path in folder.iterdir()):
        raise ProjectError(f"{folder} holds something else, and no run", "Give a new or an empty folder.")
    if manifest.exists() and not overwrite:
        run = make(folder, read_manifest(manifest.read_bytes(), manifest))
        check_same(run.content, identity, folder)
    else:
        run = make(folder, {"begun": now(), **identity, "parts": [], "finished": False})
        if overwrite:
            run.clear(read_if_intact(manifest))
        run.save()
    run.restore()
    return run


def read_manifest(manifest: bytes, path: str | Path) -> dict[str, Any]:
    """Read a manifest.

    manifest (bytes): the content of the file.
    path (str | Path): the file, for the message.
    RETURNS (dict[str, Any]): its content.
    RAISES (ProjectError): it is damaged.
    """
    try:
        content = json.loads(manifest)
        if content.keys() >= {"begun", "model", "inputs", "options", "parts", "finished"}:
            return content
    except (ValueError, AttributeError):
        pass
    raise ProjectError(f"{path} is damaged, or of something else", "Give a new folder, or --overwrite to start over.")


def read_if_intact(path: Path) -> dict[str, Any] | None:
    """Read a manifest. None if there is none, or it is damaged."""
    try:
        return read_manifest(path.read_bytes(), path)
    except (FileNotFoundError, ProjectError):
        return None


def dump_manifest(content: dict[str, Any]) -> bytes:
    """Return the content of a manifest as bytes."""
    return (json.dumps(content, indent=2) + "\n").encode()


def dump_rejected(note: Rejected) -> bytes:
    """Return the line of a note in rejected.jsonl. In ASCII: an id may be what no encoding can hold."""
    return json.dumps(note._asdict()).encode() + b"\n"


def check_same(before: dict[str, Any], identity: dict[str, Any], folder: str | Path) -> None:
    """Check that the run in a folder is the one that is wanted.

    before (dict[str, Any]): its manifest.
    identity (dict[str, Any]): "model", "inputs" and "options" of the run that is wanted.
    folder (str | Path): the folder, for the message.
    RAISES (ProjectError): model, inputs or options differ, or the input can't be read again.
    """
    changed = differences(before, identity)
    if changed:
        raise ProjectError(
            f"{folder} holds a run with another {'; '.join(changed)}",
            "Give a new folder, or --overwrite to start over.",
        )
    if STANDARD_INPUT in identity["inputs"]:
        raise ProjectError(
            f"{folder} holds a run over standard input, which can't be read a second time",
            "Give a new folder, or --overwrite to start over.",
        )


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return the differences between two runs' models, options and inputs, in words."""
    found = [
        f"{kind}: {key} was {before[kind].get(key)!r}, is {now[kind].get(key)!r}"
        for kind in ("model", "options")
        for key in {**before[kind], **now[kind]}
        if before[kind].get(key) != now[kind].get(key)
    ]
    old, new = before["inputs"], now["inputs"]
    found += [f"input: {path} is new" for path in new if path not in old]
    found += [f"input: {path} is gone" for path in old if path not in new]
    found += [f"input: {path} was changed" for path in old if path in new and old[path] != new[path]]
    if not found and list(old) != list(new):
        found.append("order of inputs")
    return found


def describe_model(model: str, nlp: Language) -> dict[str, str]:
    """Return the name, the version and the hash of a pipeline.

    model (str): the folder of a pipeline, a wheel, or the name of an installed package.
    nlp (Language): the same, loaded.
    RETURNS (dict[str, str]): "name", as its package has it, "version" and "sha256", of all its files.
    """
    path = Path(model) if Path(model).exists() else get_package_path(model)
    return {
        "name": f"{nlp.meta['lang']}_{nlp.meta['name']}",
        "version": nlp.meta["version"],
        "sha256": tree_sha256(path),
    }


def describe_inputs(files: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """Return size and hash of each input file. Standard input has none."""
    return {
        str(path): {} if str(path) == STANDARD_INPUT else {"bytes": path.stat().st_size, "sha256": sha256(path)}
        for path in files
    }


def describe_sources(sources: Sequence[Source]) -> dict[str, dict[str, Any]]:
    """Return size and modification time of input files anywhere, which needs no reading."""
    described = {}
    for store, group in groupby(sources, key=lambda source: source.store):
        files = list(group)
        system, _ = open_store(store)
        infos = system.get_file_info([str(source.path) for source in files])
        for source, info in zip(files, infos, strict=True):
            described[source.uri] = {"bytes": info.size, "changed": info.mtime and info.mtime.isoformat()}
    return described


def tree_sha256(path: Path) -> str:
    """Return the sha256 of a file, or of all files in a folder and their paths in it, compiled code aside."""
    if path.is_file():
        return sha256(path)
    digest = hashlib.sha256()
    files = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    for file in files:
        if "__pycache__" not in file:
            digest.update(f"{file}\0{sha256(path / file)}\n".encode())
    return digest.hexdigest()


def now() -> str:
    """Return the time in seconds, in UTC; or SOURCE_DATE_EPOCH, with which a run gives the same bytes every day.

    https://reproducible-builds.org/specs/source-date-epoch/
    """
    seconds = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    return datetime.fromtimestamp(seconds, UTC).isoformat()
