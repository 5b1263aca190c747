"""Fine-tune the encoder with a named-entity head: `spacy train` with atomic checkpoints.

In: configs/, corpus/<profile>, assets/encoders/<encoder>, or a trained pipeline instead of the bare encoder. Out:
training/<run>/model-best and log.jsonl. A run that was killed leaves its last checkpoint in
training/<run>/checkpoints/model-last, and an earlier model-best untouched.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import spacy
import srsly
import typer
from spacy.cli._util import parse_config_overrides
from spacy.language import Language
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_nlp
from spacy.util import load_config_from_str, registry
from thinc.api import Config, ConfigValidationError
from wasabi import msg

from scripts.base_pipeline import Base, base_settings, load_base, score_dev
from scripts.catalog.encoders import KnownEncoder, read_encoders
from scripts.clinical_ner.ner.token_classifier import TOKEN_CLASSIFIER
from scripts.clinical_ner.registration import register
from scripts.errors import ProjectError, shown_to_user
from scripts.evaluation.confidence import find_confidence, fit_calibration, in_words, judge, read_gold
from scripts.files import moved_into_place, remove, replace
from scripts.gpu import ON_CPU_IN_PROJECT, use_gpu
from scripts.pipelines import gives_confidence


@registry.callbacks("project.whole_checkpoints.v1")
def configure_whole_checkpoints() -> Callable[[Language], Language]:
    """Return a callback for `[training.before_to_disk]` that makes checkpoints atomic."""
    return save_whole


def save_whole(nlp: Language) -> Language:
    """Make `nlp.to_disk` replace a saved pipeline only once the new one is complete.

    spaCy's training loop writes model-last in place: killed in the middle, it would leave neither the old nor the new
    one. The loop has no hook for saving, and it checks that this callback returns a `Language`, so the method itself is
    replaced.

    nlp (Language): the pipeline in training.
    RETURNS (Language): the same pipeline.
    """

    def to_disk(path: Path, **kwargs) -> None:
        with moved_into_place(Path(path)) as partial:
            type(nlp).to_disk(nlp, partial, **kwargs)

    setattr(nlp, "to_disk", to_disk)  # noqa: B010
    return nlp


@dataclass(frozen=True)
class TrainOptions:
    """How to train.

    max_steps (int): the number of weight updates, or with a base the most of them. Dev is scored at least once after
        the first.
    head (str): the named-entity head, one of the files in configs/heads: "token", which assigns a confidence to each
        entity, or "transition", spaCy's own.
    gpu_id (int): the number of the GPU, or -1 for the CPU. On a GPU the precision is mixed.
    seed (int): the seed of all randomness.
    overrides (str): other settings of the config to change, see `parse_overrides`. They take precedence.
    base (Base | None): a trained pipeline to start from, instead of the bare encoder with a new head.
    """

    max_steps: int
    head: str = "token"
    gpu_id: int = -1
    seed: int = 0
    overrides: str = ""
    base: Base | None = None

    def __post_init__(self) -> None:
        if self.max_steps < 1:
            raise ProjectError(f"max_steps is {self.max_steps}", "Train for at least one step.")


def load_training_config(config: Path, encoder: Path, corpus: Path, log: Path, options: TrainOptions) -> Config:
    """Read the config, with what differs for the encoder and this run's values in it.

    config (Path): the filled spaCy config. Beside it, `heads` holds the named-entity heads, and `encoders.yml` the
        settings that differ by encoder.
    encoder (Path): the folder of the encoder.
    corpus (Path): the folder with train.spacy and dev.spacy.
    log (Path): the file for the training log.
    options (TrainOptions): the values of this run.
    RETURNS (Config): the config, ready for `init_nlp`.
    RAISES (ProjectError): there is no such head, or no such setting.
    """
    heads = {path.stem: path for path in sorted(config.with_name("heads").glob("*.cfg"))}
    if options.head not in heads:
        raise ProjectError(f"There is no head '{options.head}'", f"Known are {', '.join(heads)}.")
    text = "\n".join(path.read_text(encoding="utf8") for path in (config, heads[options.head]))
    differing = read_encoders(config.with_name("encoders.yml")).get(encoder.name, KnownEncoder()).training
    settings = load_config_from_str(text)
    windows = settings["components"]["transformer"]["model"]["get_spans"]
    encoder_limit = srsly.read_json(encoder / "tokenizer_config.json")["model_max_length"]
    max_wordpieces = min(windows["max_wordpieces"], encoder_limit)
    values = {
        **differing,
        "paths.train": str(corpus / "train.spacy"),
        "paths.dev": str(corpus / "dev.spacy"),
        "paths.encoder": str(encoder),
        "paths.log": str(log),
        "system.seed": options.seed,
        "system.gpu_allocator": "pytorch" if options.gpu_id >= 0 else None,
        "components.transformer.model.mixed_precision": options.gpu_id >= 0,
        "components.transformer.model.get_spans.max_wordpieces": max_wordpieces,
        "components.transformer.model.get_spans.overlap": min(windows["overlap"], max_wordpieces // 8),
        "training.max_steps": options.max_steps,
        # A short training needs a short warm-up: the rate would still rise at its end.
        "training.optimizer.learn_rate.warmup_steps": min(
            settings["training"]["optimizer"]["learn_rate"]["warmup_steps"], options.max_steps // 10
        ),
        "training.eval_frequency": min(settings["training"]["eval_frequency"], options.max_steps),
        **(base_settings(options.base, corpus / "train.spacy", settings, options.max_steps) if options.base else {}),
        **parse_overrides(options.overrides),
    }
    try:
        return load_config_from_str(text, overrides=values, interpolate=True)
    except ConfigValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors)
        raise ProjectError(
            f"The overrides do not fit the config: {problems}", f"The settings are in {config}."
        ) from error


def parse_overrides(overrides: str) -> dict[str, Any]:
    """Read settings to change.

    overrides (str): for instance "training.dropout=0.2 training.batcher.size=600", or as `spacy train` takes them,
        "--training.dropout 0.2". The command `spacy project run` takes no value that starts with dashes.
    RETURNS (dict[str, Any]): values by dotted names.
    RAISES (ProjectError): it is something else.
    """
    parts = shlex.split(overrides)
    if all("=" in part for part in parts):
        parts = [word for part in parts for word in f"--{part.removeprefix('--')}".split("=", 1)]
    if not all(part.startswith("--") and "." in part for part in parts[::2]) or len(parts) % 2:
        raise ProjectError(f"'{overrides}' is not a list of settings", "Write for instance: training.dropout=0.2")
    return parse_config_overrides(parts, env_var=None)


def check_annotation(corpus: Path, settings: Config) -> None:
    """Raise an error if a corpus lacks some of the labels, and the head would learn that they are absent there.

    corpus (Path): the folder with report.json.
    settings (Config): the config, with the head in it.
    RAISES (ProjectError): there is such a corpus, and the head is not the token head.
    """
    path = corpus / "report.json"
    partly = srsly.read_json(path).get("partly_annotated", {}) if path.is_file() else {}
    if partly and settings["components"]["ner"]["factory"] != TOKEN_CLASSIFIER.name:
        raise ProjectError(
            f"{', '.join(partly)} annotates only some of the labels, and spaCy's own head would learn that the others"
            " are absent there",
            "Use the token head, which can leave labels open: --vars.head token",
        )


def release_config(model: Path) -> None:
    """Remove the settings of this training from a pipeline's config, so that it loads and trains anywhere.

    model (Path): the folder of the pipeline.
    """
    path = model / "config.cfg"
    config = Config().from_disk(path, interpolate=False)
    # Mixed precision is for a GPU, and the callback is this project's.
    config["components"]["transformer"]["model"]["mixed_precision"] = False
    config["training"]["before_to_disk"] = None
    config.to_disk(path)


def store_calibration(model: Path, dev: Path) -> None:
    """Fit the calibration of a pipeline's confidences on dev, and store it in the saved pipeline.

    model (Path): the folder of the pipeline.
    dev (Path): the documents that the pipeline was not trained on.
    """
    nlp = spacy.load(model)
    component = find_confidence(nlp)
    try:
        component.calibration = fit_calibration(judge(nlp, read_gold(dev, nlp)))
    except ProjectError as error:
        msg.warn(f"The confidences are not calibrated. {error.title}", error.hint)
        return
    nlp.to_disk(model)
    msg.info(f"The confidences are calibrated on dev. {in_words(component.calibration)}")


def store_forgetting(model: Path, corpus: Path, before: float) -> None:
    """Score dev of the base's own corpus again, and note both scores in the pipeline's meta.

    model (Path): the folder of the pipeline.
    corpus (Path): the folder with dev.spacy of the corpus that the base was trained on.
    before (float): F1 before the training.
    """
    nlp = spacy.load(model)
    after = score_dev(nlp, corpus)
    nlp.meta["base"]["dev_f1"] = {"before": before, "after": after}
    nlp.to_disk(model)
    msg.info(f"F1 on dev of the old corpus: {100 * before:.2f} before, {100 * after:.2f} after")


def train(config: Path, encoder: Path, corpus: Path, output: Path, options: TrainOptions) -> Path:
    """Train a pipeline.

    config (Path): the spaCy config.
    encoder (Path): the folder of the encoder, as fetch-encoder leaves it.
    corpus (Path): the folder with train.spacy and dev.spacy.
    output (Path): the run's folder.
    options (TrainOptions): how to train.
    RETURNS (Path): the folder of the pipeline that scored best on dev.
    RAISES (ProjectError): the GPU, the encoder, the head or the corpus is not there.
    """
    use_gpu(options.gpu_id, advice=ON_CPU_IN_PROJECT)
    for path, command in ((encoder / "config.json", "fetch-encoder"), (corpus / "train.spacy", "convert")):
        if not path.is_file():
            raise ProjectError(f"{path} is not there", f"Run first: spacy project run {command}")
    checkpoints, log = output / "checkpoints", output / "checkpoints" / "log.jsonl"
    remove(checkpoints)
    checkpoints.mkdir(parents=True)
    settings = load_training_config(config, encoder, corpus, log, options)
    check_annotation(corpus, settings)
    register()
    if options.base:
        msg.info(f"Starting from {options.base.model} with the documents in {corpus}")
        nlp = load_base(options.base, settings)
    else:
        msg.info(f"Initializing the pipeline with {encoder.name} and the documents in {corpus}")
        nlp = init_nlp(settings, use_gpu=options.gpu_id)
    old = options.base.corpus if options.base else None
    before = score_dev(nlp, old) if old else 0.0
    msg.info("Training. First the pipeline is scored on dev as it is.")
    train_nlp(nlp, checkpoints, use_gpu=options.gpu_id)
    release_config(checkpoints / "model-best")
    if gives_confidence(nlp):
        msg.info("Calibrating the confidences on dev")
        store_calibration(checkpoints / "model-best", corpus / "dev.spacy")
    if old:
        store_forgetting(checkpoints / "model-best", old, before)
    replace(checkpoints / "model-best", output / "model-best")
    replace(log, output / "log.jsonl")
    remove(checkpoints)
    return output / "model-best"


def train_cli(
    config: Annotated[Path, typer.Argument(help="spaCy config")],
    encoder: Annotated[Path, typer.Argument(help="Folder of the encoder")],
    corpus: Annotated[Path, typer.Argument(help="Folder with train.spacy and dev.spacy")],
    output: Annotated[Path, typer.Argument(help="Folder of the run")],
    head: Annotated[str, typer.Option(help="Named-entity head: token or transition")] = "token",
    gpu_id: Annotated[int, typer.Option(help="Number of the GPU, or -1 for the CPU")] = -1,
    seed: Annotated[int, typer.Option(help="Seed of all randomness")] = 0,
    max_steps: Annotated[int, typer.Option(help="Number of weight updates")] = 1600,
    overrides: Annotated[str, typer.Option(help="Settings to change: training.dropout=0.2")] = "",
    base: Annotated[
        str, typer.Option(help="Trained pipeline to start from: a folder, a wheel or an installed package")
    ] = "",
    base_corpus: Annotated[
        str, typer.Option(help="Folder with dev.spacy of the corpus of --base, to see what is forgotten")
    ] = "",
    base_rate: Annotated[float, typer.Option(help="Highest learning rate with --base")] = Base.rate,
    base_epochs: Annotated[
        int, typer.Option(min=1, help="With --base, how often each document is seen, within --max-steps")
    ] = Base.epochs,
) -> None:
    """Fine-tune the encoder with a named-entity head."""
    with shown_to_user():
        start = Base(base, Path(base_corpus) if base_corpus else None, base_rate, base_epochs) if base else None
        options = TrainOptions(max_steps, head, gpu_id, seed, overrides, start)
        best = train(config, encoder, corpus, output, options)
    msg.good(f"The best pipeline on dev is in {best}")


if __name__ == "__main__":
    typer.run(train_cli)
