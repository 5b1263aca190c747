"""Serve a pipeline over HTTP: an API to call and a page to try it.

In: a pipeline's folder, wheel or package; the token from the environment variable SERVE_TOKEN. Out: responses, until
SIGTERM or Ctrl+C stops it; it then finishes the requests that it has accepted.
"""

import copy
import math
import os
from functools import partial
from ipaddress import ip_address
from typing import Annotated, Any

import typer
from pydantic import SecretStr, ValidationError
from wasabi import msg

from scripts.errors import ProjectError, shown_to_user
from scripts.service.settings import Settings

DEFAULTS = Settings()
# Every option is also an environment variable, --batch-size for example SERVE_BATCH_SIZE. The token is only that:
# every user of the machine can see command lines.
PREFIX = "SERVE"
TOKEN = f"{PREFIX}_TOKEN"


def serve(model: str, *, host: str, port: int, gpu_id: int, settings: Settings) -> None:
    """Serve a pipeline until the process is stopped.

    model (str): the folder of a pipeline, a wheel, or the name of an installed package.
    host (str): the address to listen on.
    port (int): the port to listen on.
    gpu_id (int): the GPU's number, or -1 for the CPU.
    settings (Settings): limits, batching and the token.
    RAISES (ProjectError): the pipeline or the GPU does not exist.
    """
    # Importing these takes seconds, which `--help` and a mistake in an option should not.
    import uvicorn

    from scripts.gpu import check_gpu
    from scripts.pipelines import load_on, load_pipeline, start_method
    from scripts.service.app import create_app

    if not is_loopback(host) and settings.token is None:
        msg.warn(
            f"Anyone who can reach {host} port {port} can use the service",
            f"Set {TOKEN}, or put an authenticating proxy in front of it.",
        )
    check_gpu(gpu_id)
    # On a GPU, this process has the pipeline only to describe it.
    spawns = gpu_id >= 0 or start_method() != "fork"
    uvicorn.run(
        create_app(load_pipeline(model), settings, load=partial(load_on, model, gpu_id) if spawns else None),
        host=host,
        port=port,
        log_config=log_config(),
        # Uvicorn's access log includes query strings; the service writes its own.
        access_log=False,
        server_header=False,
        # By then, every accepted request has been answered or has timed out, and the pipeline's process can be killed.
        timeout_graceful_shutdown=math.ceil(settings.read_timeout + settings.timeout) + 1,
    )


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def log_config() -> dict[str, Any]:
    """Return uvicorn's logging configuration with the service's log added."""
    from uvicorn.config import LOGGING_CONFIG

    config = copy.deepcopy(LOGGING_CONFIG)
    config["loggers"]["scripts.service"] = {"handlers": ["default"], "level": "INFO", "propagate": False}
    return config


def make_settings(**values: Any) -> Settings:
    """Create the settings, with the token from the environment.

    RAISES (ProjectError): a value is out of range.
    """
    token = os.environ.get(TOKEN, "").strip()
    try:
        return Settings(token=SecretStr(token) if token else None, **values)
    except ValidationError as error:
        found = error.errors(include_input=False)[0]
        raise ProjectError(
            ".".join(map(str, found["loc"])) or "The settings do not fit together", found["msg"]
        ) from None


def serve_cli(
    model: Annotated[
        str, typer.Argument(envvar=f"{PREFIX}_MODEL", help="Folder of a pipeline, a wheel, or an installed package")
    ],
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on", min=1, max=65535)] = 8000,
    gpu_id: Annotated[int, typer.Option(help="GPU to run the pipeline on; -1 for the CPU")] = -1,
    batch_size: Annotated[int, typer.Option(help="Maximum number of texts in a batch")] = DEFAULTS.batch_size,
    batch_characters: Annotated[
        int, typer.Option(help="Maximum number of characters in a batch")
    ] = DEFAULTS.batch_characters,
    batch_wait: Annotated[float, typer.Option(help="Seconds to wait for a batch to fill")] = DEFAULTS.batch_wait,
    queue_size: Annotated[int, typer.Option(help="Maximum number of texts in the queue")] = DEFAULTS.queue_size,
    max_body_bytes: Annotated[
        int, typer.Option(help="Maximum size of a request body in bytes")
    ] = DEFAULTS.max_body_bytes,
    max_texts: Annotated[int, typer.Option(help="Maximum number of texts in a request")] = DEFAULTS.max_texts,
    max_characters: Annotated[
        int, typer.Option(help="Maximum number of characters in a text")
    ] = DEFAULTS.max_characters,
    read_timeout: Annotated[float, typer.Option(help="Seconds for a request body to arrive")] = DEFAULTS.read_timeout,
    timeout: Annotated[
        float, typer.Option(help="Seconds for a response, including the wait in the queue")
    ] = DEFAULTS.timeout,
    work_timeout: Annotated[
        float, typer.Option(help="Seconds for the pipeline to work on a batch; then its process is replaced")
    ] = DEFAULTS.work_timeout,
) -> None:
    """Serve a pipeline over HTTP. Set SERVE_TOKEN to require a bearer token."""
    with shown_to_user():
        settings = make_settings(
            batch_size=batch_size,
            batch_characters=batch_characters,
            batch_wait=batch_wait,
            queue_size=queue_size,
            max_body_bytes=max_body_bytes,
            max_texts=max_texts,
            max_characters=max_characters,
            read_timeout=read_timeout,
            timeout=timeout,
            work_timeout=work_timeout,
        )
        serve(model, host=host, port=port, gpu_id=gpu_id, settings=settings)


app = typer.Typer(add_completion=False, context_settings={"auto_envvar_prefix": PREFIX})
app.command()(serve_cli)

if __name__ == "__main__":
    app()
