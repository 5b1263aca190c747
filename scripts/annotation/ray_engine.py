"""Annotate notes on a Ray cluster, with the rows of the local engine.

In: files in folders and object stores. Out: parts/ in Parquet, rejected.jsonl and, once all of it is there,
manifest.json. The input is read twice, first for the ids, to know which is there before, then for the texts. Between
Ray's processes go rows with one column, a JSON object, so that Ray has no types to guess.
"""

import hashlib
import json
import logging
import os
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pyarrow as pa
import torch
from spacy.util import minibatch
from tqdm import tqdm

from scripts.annotation.engine import Annotator
from scripts.annotation.manifest import (
    check_same,
    describe_model,
    describe_sources,
    dump_manifest,
    dump_rejected,
    locked,
    now,
    read_manifest,
)
from scripts.annotation.notes import Note, Rejected
from scripts.annotation.outcomes import Summary, count, part_figures, prepare_notes, refuse_rejected, summarize
from scripts.annotation.parts import SAME_ID, Ids, cut_parts
from scripts.annotation.readers import KINDS, Options, check_header, check_options, read_source
from scripts.annotation.sources import Source, check_apart, find_stored_sources
from scripts.annotation.stores import Folder, is_uri
from scripts.annotation.writers import ParquetWriter
from scripts.errors import ProjectError
from scripts.gpu import use_gpu
from scripts.pipelines import load_pipeline

# Nothing is told to Ray's makers.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

try:
    import ray
    from ray.data import ActorPoolStrategy, DataContext, Dataset, TaskPoolStrategy
    from ray.exceptions import RayError
except ImportError as error:
    raise ProjectError(
        "--engine ray needs Ray, which is not installed", "pip install -r requirements-ray.txt -c constraints.txt"
    ) from error

# Ray 2.60 has no other way to say how often a part is tried again; requirements-ray.txt ends below the one without it.
warnings.filterwarnings("ignore", message="`ray_remote_args", module=__name__)
# What one task reads: small files together, or one that is larger. A file costs time by itself, as these bytes do.
GROUP_BYTES = 64_000_000
FILE_BYTES = 64_000
# Ids in a row.
SCAN_IDS = 10_000
# A note that brings down each worker that reads it ends the run, which would else go on for ever.
RETRIES = 3
# While the run goes on: says whose the folder is, so that the next run may clear what a killed one left.
BEGUN = ".begun.json"


class Job(NamedTuple):
    """What an actor needs to know.

    model (str): the folder of a pipeline, a wheel, or the name of an installed package, as all machines have it.
    description (dict[str, str]): its name, version and hash.
    labels, minimum_confidence, batch_size: as `Annotator` has them.
    keep_text (bool): whether the rows have the texts.
    threads (int): PyTorch's threads.
    on_gpu (bool): whether to work on the GPU that Ray gives to the actor.
    output (str): path or URI of the folder of the run.
    """

    model: str
    description: dict[str, str]
    labels: Sequence[str]
    minimum_confidence: float
    batch_size: int
    keep_text: bool
    threads: int
    on_gpu: bool
    output: str


class Group(NamedTuple):
    """Files that one task reads, one after the other.

    number (int): the group's number.
    sources (list[Source]): the files.
    known (list[int]): numbers of the notes in them whose id was another's before.
    """

    number: int
    sources: list[Source]
    known: list[int]

    def dump(self) -> dict[str, str]:
        """Give the group as a row."""
        return make_row({"group": self.number, "sources": self.sources, "known": self.known})

    @classmethod
    def load(cls, row: dict[str, str]) -> "Group":
        """Give a row as the group that it was."""
        content = json.loads(row["content"])
        sources = [Source(Path(path), *rest) for path, *rest in content["sources"]]
        return cls(content["group"], sources, content["known"])


def annotate_on_ray(
    model: str,
    inputs: Sequence[str],
    output: str,
    *,
    labels: Sequence[str] = (),
    minimum_confidence: float = 0.0,
    keep_text: bool = True,
    batch_size: int = 64,
    threads: int | None = None,
    part_size: int = 10_000,
    text_column: str = "text",
    id_column: str = "id",
    encoding: str = "utf-8",
    strict: bool = False,
    overwrite: bool = False,
    actors: int = 1,
    gpus: float = 0.0,
    address: str | None = None,
) -> Summary:
    """Annotate notes on a Ray cluster; see `scripts.annotate.annotate` for what is not explained here.

    inputs (Sequence[str]): files and folders of notes, as paths that all machines see, or as URIs.
    output (str): path or URI of the folder for the parts, the manifest and the rejected notes.
    threads (int | None): PyTorch's threads in an actor, and the CPUs that Ray keeps for it; one if None.
    actors (int): processes that each load the pipeline, and share the work.
    gpus (float): GPUs for each actor, 0.5 for instance; 0 for the CPU.
    address (str | None): the cluster's; if None that in RAY_ADDRESS, or else a cluster of this machine is begun.
    RETURNS (Summary): what it came to. A run that is finished is not done again.
    RAISES (ProjectError): something given is not what it should be, or Ray cannot do it.
    """
    reading = Options(text_column, id_column, encoding)
    check_options(reading)
    check_apart(inputs, output)
    sources = find_stored_sources(inputs, suffixes=KINDS)
    wanted = {"labels": list(labels), "minimum_confidence": minimum_confidence, "batch_size": batch_size}
    model = absolute(model) if Path(model).exists() else model
    job = Job(
        model=model,
        description=check_model(model, wanted),
        **wanted,
        keep_text=keep_text,
        threads=threads or 1,
        on_gpu=gpus > 0,
        output=absolute(output),
    )
    options = {
        "engine": "ray",
        "format": "parquet",
        **wanted,
        "keep_text": keep_text,
        "threads": job.threads,
        "actors": actors,
        "gpus": gpus,
        "part_size": part_size,
        **reading._asdict(),
    }
    identity = {"model": job.description, "inputs": describe_sources(sources), "options": options}
    folder = Folder(job.output)
    with nullcontext() if is_uri(output) else locked(Path(output)):
        before = finished_parts(folder, identity, overwrite=overwrite)
        if before is not None:
            return summarize(count(before), count(before), seconds=1.0)
        groups = group_sources(sources, [identity["inputs"][source.uri]["bytes"] for source in sources])
        with cluster(address, cpus=actors * job.threads, gpus=actors * gpus):
            started = time.perf_counter()
            groups, sizes = find_known(groups, reading)
            work = annotate_groups(groups, job, reading, part_size=part_size, actors=actors, gpus=gpus)
            # However it ends, the actors are stopped first, and then the folder is cleared.
            with begun(folder, identity), closing(work) as rows:
                parts = collect(rows, sizes, folder, strict=strict)
                finish(folder, {"begun": now(), **identity, "parts": parts, "finished": True})
            return summarize(count([]), count(parts), time.perf_counter() - started)


def absolute(place: str) -> str:
    """Give a path as all processes understand it, wherever they were begun; a URI as it is."""
    return place if is_uri(place) else str(Path(place).absolute())


def check_model(model: str, wanted: dict[str, Any]) -> dict[str, str]:
    """Load the pipeline once on this machine, to refuse it before anything is done, and describe it."""
    nlp = load_pipeline(model)
    Annotator(nlp, **wanted)
    return describe_model(model, nlp)


def group_sources(sources: Sequence[Source], sizes: Sequence[int]) -> list[Group]:
    """Put files that follow each other into groups of about one size.

    sources (Sequence[Source]): the files.
    sizes (Sequence[int]): their sizes in bytes.
    RETURNS (list[Group]): the groups.
    """
    groups: list[list[Source]] = []
    room = 0
    for source, size in zip(sources, sizes, strict=True):
        size = max(size, FILE_BYTES)
        if not groups or size > room:
            groups.append([])
            room = GROUP_BYTES
        groups[-1].append(source)
        room -= size
    return [Group(number, group, []) for number, group in enumerate(groups)]


@contextmanager
def cluster(address: str | None, *, cpus: int, gpus: float) -> Iterator[None]:
    """Connect to a cluster, or begin one of this machine; not if the process is connected.

    address (str | None): see `annotate_on_ray`.
    cpus (int): CPUs that all actors need together.
    gpus (float): GPUs that they need.
    RAISES (ProjectError): there is no such cluster, or this machine has not what is needed.
    """
    if ray.is_initialized():
        yield
        return
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    options = {"include_dashboard": False} if address == "local" else {}
    try:
        # What workers print may be anything, a note too.
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **options)
    # Where a cluster does not start in time Ray raises a plain Exception.
    except Exception as error:
        raise ProjectError(
            f"There is no Ray cluster at {address}: {type(error).__name__}", "Check --address and RAY_ADDRESS."
        ) from error
    try:
        if address == "local":
            check_resources({"CPU": cpus, "GPU": gpus})
        yield
    finally:
        ray.shutdown()


def check_resources(needed: dict[str, float]) -> None:
    """Refuse actors that would wait for ever; a cluster of many machines may still get more.

    needed (dict[str, float]): what all actors need together.
    RAISES (ProjectError): there is less.
    """
    there = ray.cluster_resources()
    for name, number in needed.items():
        if number > there.get(name, 0):
            raise ProjectError(
                f"The actors need {number:g} {name}s, and this machine has {there.get(name, 0):g}",
                "Give fewer --actors or --threads, or the --address of a cluster.",
            )


def find_known(groups: Sequence[Group], reading: Options) -> tuple[list[Group], list[int]]:
    """Read all ids, for which notes have that of another one before them.

    groups (Sequence[Group]): the files.
    reading (Options): how to read them.
    RETURNS (tuple[list[Group], list[int]]): the groups with these notes' numbers, and how many notes each group has.
    RAISES (ProjectError): a file has not the columns.
    """
    sizes = [0] * len(groups)
    work = rows_of(ordered(groups).flat_map(read_ids, fn_kwargs={"reading": reading}, ray_remote_args_fn=again))
    with TemporaryDirectory() as folder, Ids(Path(folder) / "ids") as ids, closing(work) as rows:
        for row in rows:
            group = groups[row["group"]]
            for identifier in row["ids"]:
                if identifier is not None and not ids.add(identifier):
                    group.known.append(sizes[group.number])
                sizes[group.number] += 1
    return list(groups), sizes


def read_ids(row: dict[str, str], *, reading: Options) -> Iterator[dict[str, str]]:
    """Give the ids of the notes in a group of files, None for what is no note, on any machine."""
    group = Group.load(row)
    try:
        for source in group.sources:
            check_header(source, reading)
    except ProjectError as error:
        yield make_problem(error)
        return
    ids = (note.id if isinstance(note, Note) else None for note in read_group(group, reading))
    for some in minibatch(ids, SCAN_IDS):
        yield make_row({"group": group.number, "ids": some})


def read_group(group: Group, reading: Options) -> Iterator[Note | Rejected]:
    """Give the notes in a group of files; those whose id was another's before are rejected."""
    known = set(group.known)
    notes = chain.from_iterable(read_source(source, reading) for source in group.sources)
    for number, note in enumerate(notes):
        yield Rejected(note.id, SAME_ID) if number in known else note


def annotate_groups(
    groups: Sequence[Group], job: Job, reading: Options, *, part_size: int, actors: int, gpus: float
) -> Iterator[dict[str, Any]]:
    """Annotate groups of files: tasks read them and cut them into parts, actors annotate these and write them.

    groups (Sequence[Group]): the files.
    job (Job): what the actors need to know.
    reading (Options): how to read the files.
    part_size (int): notes in a part, at most.
    actors (int): how many.
    gpus (float): GPUs for each.
    YIELDS (dict[str, Any]): what came of each part, in order.
    RAISES (ProjectError): an actor or Ray cannot do it.
    """
    parts = ordered(groups).flat_map(
        read_parts,
        fn_kwargs={"reading": reading, "part_size": part_size},
        compute=TaskPoolStrategy(size=min(actors, len(groups))),
        # Where the actors have all CPUs, nothing would be left to read with, and all would wait.
        num_cpus=0,
        ray_remote_args_fn=again,
    )
    return rows_of(
        parts.map_batches(
            PartAnnotator,
            fn_constructor_args=(job,),
            batch_size=1,
            compute=ActorPoolStrategy(size=actors),
            num_cpus=job.threads,
            num_gpus=gpus or None,
            ray_remote_args_fn=restarted,
        )
    )


def again() -> dict[str, Any]:
    """Tell Ray to try a task again that failed: an object store has its moments."""
    return {"max_retries": RETRIES, "retry_exceptions": True}


def restarted() -> dict[str, Any]:
    """Tell Ray to begin an actor again that died, and how often to give it the same part."""
    return {"max_restarts": -1, "max_task_retries": RETRIES}


def read_parts(row: dict[str, str], *, reading: Options, part_size: int) -> Iterator[dict[str, str]]:
    """Give the parts of a group of files, on any machine."""
    group = Group.load(row)
    for number, notes in enumerate(cut_parts(read_group(group, reading), size=part_size)):
        yield make_row({"name": f"part-{group.number:05}-{number:05}.parquet", "group": group.number, "notes": notes})


class PartAnnotator:
    """An actor of Ray: a pipeline, loaded once, that annotates parts and writes each as a file.

    Nothing is raised here: Ray shows exceptions, and one may quote a note.

    job (Job): what it needs to know.
    """

    def __init__(self, job: Job):
        self.writer = ParquetWriter(job.keep_text)
        self.folder = Folder(job.output)
        self.problem: dict[str, str] | None = None
        try:
            self.annotator = make_annotator(job)
        except ProjectError as error:
            self.problem = make_problem(error)

    def __call__(self, batch: dict[str, Sequence[str]]) -> dict[str, list[str]]:
        (content,) = batch["content"]
        row = self.problem or self.annotate(json.loads(content))
        return {name: [value] for name, value in row.items()}

    def annotate(self, part: dict[str, Any]) -> dict[str, str]:
        """Annotate and write a part, and give what came of it as a row."""
        try:
            return make_row(self.write(part["name"], part["group"], [load_note(note) for note in part["notes"]]))
        except Exception as error:
            number = getattr(error, "errno", None)
            why = os.strerror(number) if number else type(error).__name__
            return make_problem(ProjectError(f"{part['name']} can't be made: {why}", "Check the space and the rights."))

    def write(self, name: str, group: int, notes: list[Note | Rejected]) -> dict[str, Any]:
        """Annotate and write the notes of a part, and give what the manifest is to say about it, and the rejected."""
        with self.annotator.nlp.memory_zone():
            outcomes = prepare_notes(notes, self.annotator, self.writer, strict=False, bar=tqdm(disable=True))
            sink = pa.BufferOutputStream()
            prepared = [outcome.content for outcome in outcomes if not isinstance(outcome, Rejected)]
            self.writer.write(prepared, sink, number_from=1)
        content = sink.getvalue()
        with self.folder.writing(f"{parts_folder(self.folder)}/{name}") as file:
            file.write(content)
        return {
            "group": group,
            "rejected": [outcome for outcome in outcomes if isinstance(outcome, Rejected)],
            "part": {"file": name, "sha256": hashlib.sha256(content).hexdigest(), **part_figures(outcomes)},
        }


def make_annotator(job: Job) -> Annotator:
    """Load the pipeline in an actor.

    RAISES (ProjectError): there is none, or it is not that of the machine that began the run; or there is no GPU.
    """
    use_gpu(0 if job.on_gpu else -1)
    torch.set_num_threads(job.threads)
    nlp = load_pipeline(job.model)
    there = describe_model(job.model, nlp)
    if there != job.description:
        raise ProjectError(
            f"A worker has another pipeline '{job.model}' than this machine: {there}, and not {job.description}",
            "Install the same wheel on all machines.",
        )
    return Annotator(nlp, labels=job.labels, minimum_confidence=job.minimum_confidence, batch_size=job.batch_size)


def load_note(values: Sequence[Any]) -> Note | Rejected:
    """Give what JSON has left of a note as the note."""
    return Note(*values) if len(values) == len(Note._fields) else Rejected(*values)


def ordered(groups: Sequence[Group]) -> Dataset:
    """Give groups as a data set that keeps its order, each row of it and of what is made of it a block of its own.

    A block is what Ray gives to an actor at once.
    """
    context = DataContext.get_current().copy()
    context.target_max_block_size = 1
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    # Its log files have all of it; the screen is for our own messages. Handlers of others may be there too.
    for handler in logging.getLogger("ray.data").handlers:
        if handler.name == "console":
            handler.setLevel(logging.CRITICAL)
    with DataContext.current(context):
        return ray.data.from_items([group.dump() for group in groups], override_num_blocks=len(groups))


def make_row(content: dict[str, Any]) -> dict[str, str]:
    """Give content as a row. In ASCII: a name or a value in another column may be what no encoding can write."""
    return {"content": json.dumps(content, default=str)}


def make_problem(error: ProjectError) -> dict[str, str]:
    """Give an error as a row."""
    return make_row({"problem": [error.title, error.hint]})


def rows_of(dataset: Dataset) -> Iterator[dict[str, Any]]:
    """Let Ray work, and give the content of each row as it comes. Closing the iterator stops Ray's work.

    RAISES (ProjectError): one is an error, or Ray gave up.
    """
    try:
        with closing(iter(dataset.iter_rows())) as rows:
            for row in rows:
                content = json.loads(row["content"])
                if "problem" in content:
                    raise ProjectError(*content["problem"])
                yield content
    except RayError as error:
        raise ProjectError(
            f"Ray gave up: {type(error).__name__}",
            "All machines need this project, its requirements and the pipeline, and must see input and output. Ray's"
            " logs say more.",
        ) from None


def parts_folder(folder: Folder) -> str:
    """Give the name of the folder for parts while more may come. In an object store nothing can be moved."""
    return ".parts.partial" if folder.is_local else "parts"


def finished_parts(folder: Folder, identity: dict[str, Any], *, overwrite: bool) -> list[dict[str, Any]] | None:
    """Give the parts of the run that is in a folder, None if there is none and one can be begun.

    folder (Folder): the folder.
    identity (dict[str, Any]): "model", "inputs" and "options".
    overwrite (bool): whether to begin anew.
    RETURNS (list[dict[str, Any]] | None): what its manifest says about them.
    RAISES (ProjectError): what is in the folder is no run, or another one.
    """
    manifest = folder.read("manifest.json")
    if manifest is None:
        names = folder.names()
        if BEGUN not in names and any(not name.startswith(".") for name in names):
            raise ProjectError(f"{folder.place} holds something else, and no run", "Give a new or an empty folder.")
        return None
    if overwrite:
        return None
    content = read_manifest(manifest, folder.path("manifest.json"))
    check_same(content, identity, folder.place)
    return content["parts"]


@contextmanager
def begun(folder: Folder, identity: dict[str, Any]) -> Iterator[None]:
    """Clear a folder for a run, and mark it as begun; if the run fails, clear it again."""
    folder.make()
    with folder.writing(BEGUN) as file:
        file.write(dump_manifest(identity))
    clear(folder)
    folder.make(parts_folder(folder))
    try:
        yield
    except BaseException:
        clear(folder)
        raise
    finally:
        folder.remove(BEGUN)


def clear(folder: Folder) -> None:
    """Remove a run from a folder: the manifest first, without which it does not count."""
    half_written = [name for name in folder.names() if name.endswith(".partial")]
    for name in ("manifest.json", "parts", "rejected.jsonl", *half_written):
        folder.remove(name)


def collect(
    rows: Iterable[dict[str, Any]], sizes: Sequence[int], folder: Folder, *, strict: bool
) -> list[dict[str, Any]]:
    """Take what came of the parts, and write the rejected notes.

    rows (Iterable[dict[str, Any]]): what came of each part, in order.
    sizes (Sequence[int]): how many notes each group of files has.
    folder (Folder): the folder of the run.
    strict (bool): whether to stop at the first note that is rejected.
    RETURNS (list[dict[str, Any]]): what the manifest says about the parts.
    RAISES (ProjectError): a note was rejected and `strict` is set, or the parts have not all notes once.
    """
    parts, missing = [], list(sizes)
    with (
        tqdm(total=sum(sizes), unit=" notes", smoothing=0, disable=None) as bar,
        folder.writing("rejected.jsonl") as file,
    ):
        for row in rows:
            rejected = [Rejected(*note) for note in row["rejected"]]
            if strict:
                refuse_rejected(rejected)
            file.write(b"".join(map(dump_rejected, rejected)))
            part = row["part"]
            parts.append(part)
            missing[row["group"]] -= part["notes"] + part["rejected"]
            bar.update(part["notes"] + part["rejected"])
    if any(missing) or len({part["file"] for part in parts}) < len(parts):
        raise ProjectError("Not every note came back once", "Was the input changed meanwhile? Run it again.")
    return parts


def finish(folder: Folder, content: dict[str, Any]) -> None:
    """Move the parts into place, and write the manifest, which says that all is there."""
    written = parts_folder(folder)
    # Half parts of workers that died, and parts of a run before this one whose workers lived on for a moment.
    for name in {*folder.names(written)} - {part["file"] for part in content["parts"]}:
        folder.remove(f"{written}/{name}")
    if written != "parts":
        folder.move(written, "parts")
    with folder.writing("manifest.json") as file:
        file.write(dump_manifest(content))
