"""The options of `annotate`: made and checked once, and passed on to the engine, the readers and the writers."""

from dataclasses import dataclass, field, fields, replace
from typing import Any

from scripts.annotation.sources import is_database
from scripts.errors import ProjectError
from scripts.formats.clinical import ClinicalOptions
from scripts.formats.omop_tables import OmopTablesWriter
from scripts.formats.reading import ReadOptions
from scripts.formats.registry import DRAFT_FORMATS, WRITERS, check_formats, writer_class


@dataclass(frozen=True)
class RayOptions:
    """How to use a Ray cluster.

    actors (int): processes that each load the pipeline, and share the work.
    gpus (float): GPUs for each actor, 0.5 for instance; 0 for the CPU.
    address (str | None): the cluster's; if None that in RAY_ADDRESS, or else a new cluster on this machine.
    RAISES (ProjectError): an option is out of its range.
    """

    actors: int = 1
    gpus: float = 0.0
    address: str | None = None

    def __post_init__(self) -> None:
        check_minimum("actors", self.actors, 1)
        check_minimum("gpus", self.gpus, 0)


# Formats whose rows can be written to a table.
TABLE_FORMATS = ("omop", "csv")


@dataclass(frozen=True)
class TableOptions:
    """The table for the mentions.

    url (str): the URL of a database. It may have a password.
    table (str): the name of the table, with that of its schema if it is not the default one: "cdm.note_nlp".
    RAISES (ProjectError): the table has no name, or that is not the URL of a database.
    """

    url: str = field(repr=False)
    table: str

    def __post_init__(self) -> None:
        if not is_database(self.url):
            raise ProjectError("--to is not the URL of a database", "Give sqlite:///notes.db for instance.")
        if not self.table.rpartition(".")[2]:
            raise ProjectError("--to needs a --table", "Give --table note_nlp for instance.")

    def as_manifest(self) -> dict[str, str]:
        """Return the URL, without a password, and the table."""
        # SQLAlchemy is optional.
        from scripts.annotation.databases import shown_url

        return {"url": shown_url(self.url), "table": self.table}


@dataclass(frozen=True)
class AnnotateOptions:
    """What is wanted of a run of `annotate`.

    format (str): the format of the parts, one of `registry.WRITERS`.
    labels (tuple[str, ...]): labels of the entities to keep; all if empty.
    minimum_confidence (float): entities with a lower confidence, or with none, are left out. 0 keeps all.
    keep_text (bool): whether the output may contain more of the texts than the mentions.
    batch_size (int): the most texts that the pipeline's components get at once.
    threads (int | None): PyTorch's threads; its own choice if None, or one for each of Ray's actors. With more than one
        process each has one.
    processes (int): processes that share the work.
    gpu_id (int): the GPU to work on, -1 for the CPU.
    part_size (int): the most notes in a part.
    note_timeout (float): how long the pipeline may take for a note, in seconds; then the note is rejected.
    reading (ReadOptions): how to read the notes.
    query (str): the query that finds the notes, if the input is a database.
    to (TableOptions | None): the table for the mentions; None for files.
    clinical (ClinicalOptions): how to write them for FHIR, OMOP and the table.
    strict (bool): whether to stop at the first note that is rejected.
    overwrite (bool): whether to start over if the folder holds a run.
    by (str): "uncertainty" to put the notes of the finished run into an order too, the least sure ones first; "" for
        the input's order only.
    ray (RayOptions | None): how to use a Ray cluster; None to work on this machine.
    RAISES (ProjectError): an option is out of its range, or two of them exclude each other.
    """

    format: str = "jsonl"
    labels: tuple[str, ...] = ()
    minimum_confidence: float = 0.0
    keep_text: bool = True
    batch_size: int = 64
    threads: int | None = None
    processes: int = 1
    gpu_id: int = -1
    part_size: int = 10_000
    note_timeout: float = 600.0
    reading: ReadOptions = field(default_factory=ReadOptions)
    query: str = ""
    to: TableOptions | None = None
    clinical: ClinicalOptions = field(default_factory=ClinicalOptions)
    strict: bool = False
    overwrite: bool = False
    by: str = ""
    ray: RayOptions | None = None

    def __post_init__(self) -> None:
        check_formats([self.format])
        self.check_clinical()
        if not self.keep_text and not WRITERS[self.format].can_leave_out_text:
            able = [name for name, writer in WRITERS.items() if writer.can_leave_out_text]
            raise ProjectError(
                f"Files in the format {self.format} contain the text of the notes",
                f"With --no-keep-text, choose a --format of {', '.join(able)}.",
            )
        if self.by and self.format not in DRAFT_FORMATS:
            raise ProjectError(
                f"Notes in the format {self.format} are not put into an order",
                f"With --by {self.by}, choose a --format of {', '.join(DRAFT_FORMATS)}.",
            )
        if self.format == "omop":
            # Ids of notes are integers there, and pandas makes floats of them in a column with gaps.
            object.__setattr__(self, "reading", replace(self.reading, whole_ids=True))
        for name, minimum in {"batch_size": 1, "processes": 1, "gpu_id": -1, "part_size": 1}.items():
            check_minimum(name, getattr(self, name), minimum)
        if self.threads is not None:
            check_minimum("threads", self.threads, 1)
        if not self.note_timeout > 0:
            raise ProjectError(f"note_timeout ({self.note_timeout:g}) must be greater than 0")
        if not 0 <= self.minimum_confidence <= 1:
            raise ProjectError(f"minimum_confidence ({self.minimum_confidence}) must be within [0, 1]")
        if self.processes > 1 and self.gpu_id >= 0:
            raise ProjectError("More than one process can't share a GPU", "Leave out --processes.")
        if self.ray:
            self.check_for_ray()
        if self.to and self.format not in TABLE_FORMATS:
            raise ProjectError(
                f"The format {self.format} can't be written to a table",
                f"With --to, choose a --format of {', '.join(TABLE_FORMATS)}.",
            )
        if self.to and self.clinical.omop_tables:
            raise ProjectError(
                "--omop-tables writes three tables, and --to one",
                "Leave out one of them. Files of --omop-tables can be loaded into the database afterwards.",
            )

    def check_clinical(self) -> None:
        """Check that no option is given that the format does not use.

        RAISES (ProjectError): one is.
        """
        used = writer_class(self.format, self.clinical).settings
        for each in fields(ClinicalOptions):
            if each.name not in used and getattr(self.clinical, each.name) != each.default:
                able = [name for name, writer in WRITERS.items() if each.name in writer.settings]
                if each.name in OmopTablesWriter.settings and "omop" not in able:
                    able.append("omop with --omop-tables")
                raise ProjectError(
                    f"--{each.name.replace('_', '-')} is no option of --format {self.format}",
                    f"It is one of {', '.join(able)}.",
                )

    @property
    def clinical_used(self) -> dict[str, Any]:
        """The options for FHIR, OMOP and the table that the format uses, by name."""
        used = writer_class(self.format, self.clinical).settings
        values = {name: getattr(self.clinical, name) for name in used}
        # Without a flag that is not set, as in the runs of earlier versions, which can be resumed.
        return {name: value for name, value in values.items() if value is not False}

    def check_for_ray(self) -> None:
        """Check that nothing is wanted that a cluster can't do.

        RAISES (ProjectError): something is.
        """
        if self.query or self.to:
            raise ProjectError(
                "--engine ray can't read from or write to a database", "Leave out --engine, and give --processes."
            )
        if self.format != "parquet":
            raise ProjectError(f"--engine ray writes Parquet, and not {self.format}", "Leave out --format.")
        if self.processes > 1:
            raise ProjectError("--engine ray has actors, and no --processes", "Give --actors.")
        if self.gpu_id >= 0:
            raise ProjectError("--engine ray chooses the GPUs itself", "Give --gpus, how many each actor has.")

    @property
    def actor_threads(self) -> int:
        """PyTorch's threads in one of Ray's actors, and the CPUs that Ray keeps for it."""
        return self.threads or 1

    def as_manifest(self) -> dict[str, Any]:
        """Return the options that decide what a run writes and how, as manifest.json has them.

        `by` is not among them: a finished run can be put into an order later.
        """
        engine: dict[str, Any] = {"threads": self.threads, "processes": self.processes, "gpu_id": self.gpu_id}
        if self.ray:
            engine = {"threads": self.actor_threads, "actors": self.ray.actors, "gpus": self.ray.gpus}
        return {
            **({"engine": "ray"} if self.ray else {}),
            "format": self.format,
            "labels": list(self.labels),
            "minimum_confidence": self.minimum_confidence,
            "keep_text": self.keep_text,
            "batch_size": self.batch_size,
            **engine,
            "part_size": self.part_size,
            **self.reading.as_dict(),
            **({"to": self.to.as_manifest()} if self.to else {}),
            **self.clinical_used,
        }


def check_minimum(name: str, value: float, minimum: float) -> None:
    """Check that an option is not too small.

    RAISES (ProjectError): it is.
    """
    if value < minimum:
        raise ProjectError(f"{name} ({value:g}) must be at least {minimum:g}")
