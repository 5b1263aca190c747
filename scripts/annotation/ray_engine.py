"""Annotate notes on a Ray cluster, with the rows of the local engine.

In: files in folders and object stores. Out: parts/ in Parquet, rejected.jsonl and, once all of it is there,
manifest.json. The input is read twice: first for the ids, to find duplicates, then for the texts. Between
Ray's processes go rows with one column, a JSON object, so that Ray does not have to infer types.
"""

import hashlib
import json
import logging
import os
import time
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, cast

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
from scripts.annotation.options import AnnotateOptions, RayOptions
from scripts.annotation.outcomes import Counts, Summary, part_figures, prepare_notes, refuse_rejected
from scripts.annotation.parts import SAME_ID, Ids, cut_parts
from scripts.annotation.readers import check_header, source_notes
from scripts.annotation.sources import check_apart, find_stored_sources
from scripts.annotation.stores import Folder, is_uri
from scripts.errors import ProjectError
from scripts.formats.parquet import ParquetWriter
from scripts.formats.reading import ReadOptions, Source
from scripts.formats.registry import READERS
from scripts.formats.writing import WriteOptions
from scripts.gpu import use_gpu
from scripts.pipelines import load_pipeline
from scripts.records.notes import Note, Rejected

# Report nothing to the makers of Ray.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

try:
    import ray
    from ray.data import ActorPoolStrategy, DataContext, Dataset, TaskPoolStrategy
    from ray.exceptions import RayError
except ImportError as error:
    raise ProjectError(
        "--engine ray needs Ray, which is not installed", "pip install -r requirements-ray.txt -c constraints.txt"
    ) from error

# Ray 2.60 has no other way to set how often a part is retried; requirements-ray.txt ends below the one without it.
warnings.filterwarnings("ignore", message="`ray_remote_args", module=__name__)
# What one task reads: small files together, or one that is larger. A file costs time by itself, as these bytes do.
GROUP_BYTES = 64_000_000
FILE_BYTES = 64_000
# Ids in a row.
SCAN_IDS = 10_000
# A note that kills each worker that reads it ends the run, which would otherwise go on forever.
RETRIES = 3
# There while a run goes on, so that the next run may clear what a killed one left.
BEGUN = ".begun.json"


class Job(NamedTuple):
    """What an actor needs to know.

    model (str): the folder of a pipeline, a wheel, or the name of an installed package, as all machines have it.
    description (dict[str, str]): its name, version and hash.
    options (AnnotateOptions): what is wanted. `options.ray` is set.
    output (str): path or URI of the folder of the run.
    """

    model: str
    description: dict[str, str]
    options: AnnotateOptions
    output: str


class Group(NamedTuple):
    """Files that one task reads, one after the other.

    number (int): the group's number.
    sources (list[Source]): the files.
    known (list[int]): numbers of the notes in them that have the id of an earlier one.
    """

    number: int
    sources: list[Source]
    known: list[int]

    def dump(self) -> dict[str, str]:
        """Return the group as a row."""
        return pack_row({"group": self.number, "sources": self.sources, "known": self.known})

    @classmethod
    def load(cls, row: dict[str, str]) -> "Group":
        """Return the group of a row."""
        content = json.loads(row["content"])
        sources = [Source(Path(path), *rest) for path, *rest in content["sources"]]
        return cls(content["group"], sources, content["known"])


def annotate_on_ray(model: str, inputs: Sequence[str], output: str, options: AnnotateOptions) -> Summary:
    """Annotate notes on a Ray cluster; see also `scripts.annotate.annotate`.

    model (str): the folder of a pipeline, a wheel, or the name of an installed package, as all machines have it.
    inputs (Sequence[str]): files and folders of notes, as paths that all machines see, or as URIs.
    output (str): path or URI of the folder for the parts, the manifest and the rejected notes.
    options (AnnotateOptions): what is wanted, with `options.ray` set.
    RETURNS (Summary): the result. A run that is finished is not done again.
    RAISES (ProjectError): something given is not what it should be, or Ray can't do it.
    """
    check_apart(inputs, output)
    sources = find_stored_sources(inputs, suffixes=READERS, folder_ids=options.reading.folder_ids)
    model = absolute(model) if Path(model).exists() else model
    job = Job(model, describe_usable(model, options), options, absolute(output))
    described = describe_sources(sources)
    identity = {"model": job.description, "inputs": described, "options": options.as_manifest()}
    folder = Folder(job.output)
    with nullcontext() if is_uri(output) else locked(Path(output)):
        before = finished_parts(folder, identity, overwrite=options.overwrite)
        if before is not None:
            return Summary.of(Counts.of(before), Counts.of(before), seconds=1.0)
        groups = group_sources(sources, [described[source.uri]["bytes"] for source in sources])
        with cluster(options):
            started = time.perf_counter()
            groups, sizes = find_known(groups, options.reading)
            work = annotate_groups(groups, job)
            # However it ends, the actors are stopped first, and then the folder is cleared.
            with begun(folder, identity), closing(work) as rows:
                parts = collect(rows, sizes, folder, strict=options.strict)
                finish(folder, {"begun": now(), **identity, "parts": parts, "finished": True})
            return Summary.of(Counts.of([]), Counts.of(parts), time.perf_counter() - started)


def ray_options(options: AnnotateOptions) -> RayOptions:
    """Return the options for Ray, the default ones if there are none."""
    return options.ray or RayOptions()


def absolute(place: str) -> str:
    """Return a path as all processes understand it, wherever they were started; a URI as it is."""
    return place if is_uri(place) else str(Path(place).absolute())


def describe_usable(model: str, options: AnnotateOptions) -> dict[str, str]:
    """Return the description of a pipeline, once it was loaded on this machine and found to be usable.

    model (str): the pipeline.
    options (AnnotateOptions): what is wanted of it.
    RETURNS (dict[str, str]): its name, version and hash.
    RAISES (ProjectError): there is no such pipeline, or it can't do what is wanted.
    """
    nlp = load_pipeline(model)
    Annotator(nlp, options)
    return describe_model(model, nlp)


def group_sources(sources: Sequence[Source], sizes: Sequence[int]) -> list[Group]:
    """Put consecutive files into groups of about the same size.

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
def cluster(options: AnnotateOptions) -> Iterator[None]:
    """Connect to a cluster, or start one on this machine, unless the process is already connected.

    options (AnnotateOptions): the address, and what the actors need.
    RAISES (ProjectError): there is no such cluster, or this machine lacks what is needed.
    """
    if ray.is_initialized():
        yield
        return
    wanted = ray_options(options)
    address = wanted.address or os.environ.get("RAY_ADDRESS") or "local"
    local: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    try:
        # What workers print may be anything, a note too.
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **local)
    # Where a cluster does not start in time Ray raises a plain Exception.
    except Exception as error:
        raise ProjectError(
            f"There is no Ray cluster at {address}: {type(error).__name__}", "Check --address and RAY_ADDRESS."
        ) from error
    try:
        if address == "local":
            check_resources({"CPU": wanted.actors * options.actor_threads, "GPU": wanted.actors * wanted.gpus})
        yield
    finally:
        ray.shutdown()


def check_resources(needed: dict[str, float]) -> None:
    """Check that actors would not wait forever. A cluster of many machines may still grow.

    needed (dict[str, float]): what all actors need together.
    RAISES (ProjectError): this machine has less.
    """
    there = ray.cluster_resources()
    for name, number in needed.items():
        if number > there.get(name, 0):
            raise ProjectError(
                f"The actors need {number:g} {name}s, and this machine has {there.get(name, 0):g}",
                "Give fewer --actors or --threads, or the --address of a cluster.",
            )


def find_known(groups: Sequence[Group], reading: ReadOptions) -> tuple[list[Group], list[int]]:
    """Read all ids, to find the notes that have the id of an earlier one.

    groups (Sequence[Group]): the files.
    reading (ReadOptions): how to read them.
    RETURNS (tuple[list[Group], list[int]]): the groups with these notes' numbers, and how many notes each group has.
    RAISES (ProjectError): a file lacks a column.
    """
    sizes = [0] * len(groups)
    work = rows_of(
        ordered(groups).flat_map(cast(Any, read_ids), fn_kwargs={"reading": reading}, ray_remote_args_fn=again)
    )
    with TemporaryDirectory() as folder, Ids(Path(folder) / "ids") as ids, closing(work) as rows:
        for row in rows:
            group = groups[row["group"]]
            for identifier in row["ids"]:
                if identifier is not None and not ids.add(identifier):
                    group.known.append(sizes[group.number])
                sizes[group.number] += 1
    return list(groups), sizes


def read_ids(row: dict[str, str], *, reading: ReadOptions) -> Iterator[dict[str, str]]:
    """Yield the ids of the notes in a group of files, None for what is no note, on any machine."""
    group = Group.load(row)
    try:
        for source in group.sources:
            check_header(source, reading)
    except ProjectError as error:
        yield pack_problem(error)
        return
    ids = (note.id if isinstance(note, Note) else None for note in read_group(group, reading))
    for some in minibatch(ids, SCAN_IDS):
        yield pack_row({"group": group.number, "ids": some})


def read_group(group: Group, reading: ReadOptions) -> Iterator[Note | Rejected]:
    """Yield the notes in a group of files; those with the id of an earlier one are rejected."""
    known = set(group.known)
    notes = chain.from_iterable(source_notes(source, reading) for source in group.sources)
    for number, note in enumerate(notes):
        yield Rejected(note.id, SAME_ID) if number in known else note


def annotate_groups(groups: Sequence[Group], job: Job) -> Generator[dict[str, Any]]:
    """Annotate groups of files: tasks read them and cut them into parts, actors annotate these and write them.

    groups (Sequence[Group]): the files.
    job (Job): what the actors need to know.
    YIELDS (dict[str, Any]): the result for each part, in order.
    RAISES (ProjectError): an actor or Ray can't do it.
    """
    wanted = ray_options(job.options)
    parts = ordered(groups).flat_map(
        cast(Any, read_parts),
        fn_kwargs={"options": job.options},
        compute=TaskPoolStrategy(size=min(wanted.actors, len(groups))),
        # If the actors have all CPUs, nothing would be left to read with, and all would wait.
        num_cpus=0,
        ray_remote_args_fn=again,
    )
    return rows_of(
        parts.map_batches(
            PartAnnotator,
            fn_constructor_args=(job,),
            batch_size=1,
            compute=ActorPoolStrategy(size=wanted.actors),
            num_cpus=job.options.actor_threads,
            num_gpus=wanted.gpus or None,
            ray_remote_args_fn=restarted,
        )
    )


def again() -> dict[str, Any]:
    """Retry failed tasks; object stores fail transiently."""
    return {"max_retries": RETRIES, "retry_exceptions": True}


def restarted() -> dict[str, Any]:
    """Restart actors that died, and limit how often one gets the same part."""
    return {"max_restarts": -1, "max_task_retries": RETRIES}


def read_parts(row: dict[str, str], *, options: AnnotateOptions) -> Iterator[dict[str, str]]:
    """Yield the parts of a group of files, on any machine."""
    group = Group.load(row)
    for number, notes in enumerate(cut_parts(read_group(group, options.reading), size=options.part_size)):
        name = f"part-{group.number:05}-{number:05}.parquet"
        yield pack_row({"name": name, "group": group.number, "notes": notes})


class PartAnnotator:
    """An actor of Ray: a pipeline, loaded once, that annotates parts and writes each to a file.

    Nothing is raised here: Ray shows exceptions, and one may quote a note.

    job (Job): what it needs to know.
    """

    def __init__(self, job: Job):
        self.writer = ParquetWriter(WriteOptions(job.options.keep_text))
        self.folder = Folder(job.output)
        self.problem: dict[str, str] | None = None
        try:
            self.annotator = make_annotator(job)
        except ProjectError as error:
            self.problem = pack_problem(error)

    def __call__(self, batch: dict[str, Sequence[str]]) -> dict[str, list[str]]:
        (content,) = batch["content"]
        row = self.problem or self.annotate(json.loads(content))
        return {name: [value] for name, value in row.items()}

    def annotate(self, part: dict[str, Any]) -> dict[str, str]:
        """Annotate and write a part, and return the result as a row."""
        try:
            return pack_row(self.write(part["name"], part["group"], [load_note(note) for note in part["notes"]]))
        except Exception as error:
            number = getattr(error, "errno", None)
            why = os.strerror(number) if number else type(error).__name__
            return pack_problem(ProjectError(f"{part['name']} can't be made: {why}", "Check the space and the rights."))

    def write(self, name: str, group: int, notes: list[Note | Rejected]) -> dict[str, Any]:
        """Annotate and write the notes of a part; return its entry in the manifest, and the rejected notes."""
        with self.annotator.nlp.memory_zone():
            outcomes = prepare_notes(notes, self.annotator, self.writer, bar=tqdm(disable=True))
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

    job (Job): what the actor needs to know.
    RETURNS (Annotator): the pipeline.
    RAISES (ProjectError): there is none, or another one than on the machine that started the run; or there is no GPU.
    """
    use_gpu(0 if ray_options(job.options).gpus > 0 else -1, advice="To work on CPUs, leave out --gpus.")
    torch.set_num_threads(job.options.actor_threads)
    nlp = load_pipeline(job.model)
    there = describe_model(job.model, nlp)
    if there != job.description:
        raise ProjectError(
            f"A worker has another pipeline '{job.model}' than this machine: {there}, and not {job.description}",
            "Install the same wheel on all machines.",
        )
    # The machine that started the run stops it at a rejected note.
    return Annotator(nlp, replace(job.options, strict=False))


def load_note(values: Sequence[Any]) -> Note | Rejected:
    """Return the note that became a JSON array."""
    return Note(*values) if len(values) == len(Note._fields) else Rejected(*values)


def ordered(groups: Sequence[Group]) -> Dataset:
    """Return groups as a data set that keeps its order, with one row in each block.

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


def pack_row(content: dict[str, Any]) -> dict[str, str]:
    """Return content as a row. In ASCII: a name or a value in another column may be what no encoding can hold."""
    return {"content": json.dumps(content, default=str)}


def pack_problem(error: ProjectError) -> dict[str, str]:
    """Return an error as a row."""
    return pack_row({"problem": [error.title, error.hint]})


def rows_of(dataset: Dataset) -> Generator[dict[str, Any]]:
    """Let Ray work, and yield the content of each row as it comes. Closing the generator stops Ray's work.

    RAISES (ProjectError): one is an error, or Ray gave up.
    """
    try:
        with closing(cast(Any, iter(dataset.iter_rows()))) as rows:
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
    """Return the name of the folder for parts while more may come. In an object store nothing can be moved."""
    return ".parts.partial" if folder.is_local else "parts"


def finished_parts(folder: Folder, identity: dict[str, Any], *, overwrite: bool) -> list[dict[str, Any]] | None:
    """Return the parts of the finished run in a folder, None if there is none and one can be started.

    folder (Folder): the folder.
    identity (dict[str, Any]): "model", "inputs" and "options".
    overwrite (bool): whether to start over.
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
    """Clear a folder for a run, and mark it as started; if the run fails, clear it again."""
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
    """Collect the results for the parts, and write the rejected notes.

    rows (Iterable[dict[str, Any]]): the result for each part, in order.
    sizes (Sequence[int]): how many notes each group of files has.
    folder (Folder): the folder of the run.
    strict (bool): whether to stop at the first note that is rejected.
    RETURNS (list[dict[str, Any]]): what the manifest says about the parts.
    RAISES (ProjectError): a note was rejected and `strict` is set, or the parts do not have every note once.
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
    """Move the parts into place, and write the manifest, which makes the run count."""
    written = parts_folder(folder)
    # Half parts of workers that died, and parts of a run before this one whose workers lived on for a moment.
    for name in {*folder.names(written)} - {part["file"] for part in content["parts"]}:
        folder.remove(f"{written}/{name}")
    if written != "parts":
        folder.move(written, "parts")
    with folder.writing("manifest.json") as file:
        file.write(dump_manifest(content))
