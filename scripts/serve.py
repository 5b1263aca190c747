"""Serve a pipeline over HTTP: an API to call and a page to try it.

In: a pipeline's folder, wheel or package; the token from the environment variable SERVE_TOKEN. Out: answers, until
SIGTERM or Ctrl+C, when it finishes what it has accepted.
"""

import copy
import math
import os
from ipaddress import ip_address
from typing import Annotated, Any

import typer
import uvicorn
from pydantic import SecretStr, ValidationError
from uvicorn.config import LOGGING_CONFIG
from wasabi import msg

from scripts.errors import ProjectError, shown_to_user
from scripts.pipelines import load_pipeline
from scripts.service.app import create_app
from scripts.service.settings import Settings

DEFAULTS = Settings()
# Every option can be given as an environment variable too, --batch-size as SERVE_BATCH_SIZE. A token must be: what
# stands on a command line, every user of the machine can see.
PREFIX = "SERVE"
TOKEN = f"{PREFIX}_TOKEN"


def serve(model: str, *, host: str, port: int, settings: Settings) -> None:
    """Serve a pipeline until the process is told to stop.

    model (str): the folder of a pipeline, a wheel, or the name of an installed package.
    host (str): the address to listen on.
    port (int): the port to listen on.
    settings (Settings): limits, batching and the token.
    RAISES (ProjectError): there is no such pipeline.
    """
    if not is_loopback(host) and settings.token is None:
        msg.warn(
            f"Whoever can reach {host} port {port} can use the service",
            f"Set {TOKEN}, or put a proxy before it that knows who may.",
        )
    uvicorn.run(
        create_app(load_pipeline(model), settings),
        host=host,
        port=port,
        log_config=log_config(),
        # Its access log has query strings; the service writes its own.
        access_log=False,
        server_header=False,
        # All that was accepted is answered by then, or has timed out.
        timeout_graceful_shutdown=math.ceil(settings.read_timeout + settings.timeout) + 1,
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def log_config() -> dict[str, Any]:
    """Give uvicorn's own settings of logging, with the service's log beside uvicorn's."""
    config = copy.deepcopy(LOGGING_CONFIG)
    config["loggers"]["scripts.service"] = {"handlers": ["default"], "level": "INFO", "propagate": False}
    return config


def make_settings(**values: Any) -> Settings:
    """Make the settings, with the token from the environment.

    RAISES (ProjectError): a value is out of its range.
    """
    token = os.environ.get(TOKEN, "").strip()
    try:
        return Settings(token=SecretStr(token) if token else None, **values)
    except ValidationError as error:
        found = error.errors(include_input=False)[0]
        raise ProjectError(".".join(map(str, found["loc"])) or "The settings do not fit", found["msg"]) from None


def serve_cli(
    model: Annotated[
        str, typer.Argument(envvar=f"{PREFIX}_MODEL", help="Folder of a pipeline, a wheel, or an installed package")
    ],
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on", min=1, max=65535)] = 8000,
    batch_size: Annotated[int, typer.Option(help="Texts in a batch")] = DEFAULTS.batch_size,
    batch_characters: Annotated[int, typer.Option(help="Characters in a batch")] = DEFAULTS.batch_characters,
    batch_wait: Annotated[float, typer.Option(help="Seconds that a batch waits to fill")] = DEFAULTS.batch_wait,
    queue_size: Annotated[int, typer.Option(help="Texts that may wait")] = DEFAULTS.queue_size,
    max_body_bytes: Annotated[int, typer.Option(help="Bytes in a request's body")] = DEFAULTS.max_body_bytes,
    max_texts: Annotated[int, typer.Option(help="Texts in a request")] = DEFAULTS.max_texts,
    max_characters: Annotated[int, typer.Option(help="Characters in a text")] = DEFAULTS.max_characters,
    read_timeout: Annotated[float, typer.Option(help="Seconds for a body to arrive")] = DEFAULTS.read_timeout,
    timeout: Annotated[float, typer.Option(help="Seconds for an answer, waiting included")] = DEFAULTS.timeout,
) -> None:
    """Serve a pipeline over HTTP. A bearer token is taken from SERVE_TOKEN."""
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
        )
        serve(model, host=host, port=port, settings=settings)


app = typer.Typer(add_completion=False, context_settings={"auto_envvar_prefix": PREFIX})
app.command()(serve_cli)

if __name__ == "__main__":
    app()
