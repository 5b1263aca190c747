"""Who may ask, and the bytes of a question: what a request has to pass before anything is made of it."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, SecretStr, ValidationError
from starlette.requests import ClientDisconnect

from scripts.service.schemas import reason
from scripts.service.settings import Settings

# What proxies log where the client went away before its answer; nobody gets to read it.
CLIENT_GONE = HTTPException(499, "The client went away")
Result = TypeVar("Result")


def make_check_token(token: SecretStr) -> Callable[..., None]:
    """Give a dependency that lets a request pass only with the token.

    token (SecretStr): what has to come as bearer token.
    RETURNS (Callable): raises an answer 401 for any other.
    """
    expected = token.get_secret_value().encode("utf8")
    bearer = HTTPBearer(auto_error=False, description="The token the service was started with")

    def check_token(given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> None:
        if not given or not hmac.compare_digest(given.credentials.encode("utf8"), expected):
            raise HTTPException(401, "A bearer token is needed", headers={"WWW-Authenticate": "Bearer"})

    return check_token


def make_read(model: type[BaseModel], settings: Settings) -> Callable[[Request], Awaitable[BaseModel]]:
    """Give a dependency that reads a request's body.

    FastAPI's own reading takes any time, and its answers to a faulty body repeat what is in it.

    model (type[BaseModel]): what the body has to be.
    settings (Settings): the limits.
    RETURNS (Callable[[Request], Awaitable[BaseModel]]): gives the body as the model, or raises an answer 4xx.
    """

    async def read(request: Request) -> BaseModel:
        # Also keeps other sites' pages from asking through a visitor's browser: this type needs their consent (CORS).
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise HTTPException(415, "The body's Content-Type must be application/json")
        body = await read_body(request, limit=settings.max_body_bytes, timeout=settings.read_timeout)
        try:
            body.decode("utf8")
            return model.model_validate_json(body)
        except UnicodeDecodeError as error:
            raise HTTPException(400, f"The body is not UTF-8: see byte {error.start}") from None
        except ValidationError as error:
            raise HTTPException(422, reason(error)) from None

    return read


async def read_body(request: Request, *, limit: int, timeout: float) -> bytes:
    """Read a request's body, and no more of it than is allowed.

    request (Request): the request.
    limit (int): bytes.
    timeout (float): seconds.
    RETURNS (bytes): the body.
    RAISES (HTTPException): it is too large, comes too slowly, or its client went away.
    """
    too_large = HTTPException(413, f"The body is larger than {limit} bytes")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(timeout):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise too_large
    except TimeoutError:
        raise HTTPException(408, f"The body did not arrive within {timeout:g} seconds") from None
    except ClientDisconnect:
        raise CLIENT_GONE from None
    return bytes(body)


async def while_connected(request: Request, work: Awaitable[Result], *, timeout: float) -> Result:
    """Wait for work that is given up when its client goes away or its time is over.

    request (Request): the request, its body read.
    work (Awaitable[Result]): what to wait for; it is cancelled if it is given up.
    timeout (float): seconds.
    RETURNS (Result): what the work gave.
    RAISES (HTTPException): it was given up.
    """
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(disconnected(request))
    try:
        await asyncio.wait({working, gone}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise CLIENT_GONE if gone.done() else HTTPException(504, f"There was no answer within {timeout:g} seconds")
    finally:
        working.cancel()
        gone.cancel()


async def disconnected(request: Request) -> None:
    """Wait until a request's client goes away."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
