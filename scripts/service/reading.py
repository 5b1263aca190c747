"""Check and read a request: its token, its body within limits, and whether its client is still connected."""

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

Body = TypeVar("Body", bound=BaseModel)
Result = TypeVar("Result")


def make_check_token(token: SecretStr) -> Callable[..., None]:
    """Create a dependency that rejects requests without the token.

    token (SecretStr): the bearer token.
    RETURNS (Callable[..., None]): the dependency. It responds with 401 to any other token.
    """
    expected = token.get_secret_value().encode("utf8")
    bearer = HTTPBearer(auto_error=False, description="The token that the service was started with")

    def check_token(given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> None:
        if not given or not hmac.compare_digest(given.credentials.encode("utf8"), expected):
            raise HTTPException(401, "A bearer token is required", headers={"WWW-Authenticate": "Bearer"})

    return check_token


def make_read(model: type[Body], settings: Settings) -> Callable[[Request], Awaitable[Body]]:
    """Create a dependency that reads the body of a request.

    FastAPI would wait for a body without a time limit, and would repeat an invalid body in its response.

    model (type[Body]): the model of the body.
    settings (Settings): the limits.
    RETURNS (Callable[[Request], Awaitable[Body]]): the dependency. It returns the body, or responds with 4xx.
    """

    async def read(request: Request) -> Body:
        # This also stops other sites from using the service through a visitor's browser, as CORS blocks this type.
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise HTTPException(415, "The Content-Type must be application/json")
        body = await read_body(request, limit=settings.max_body_bytes, timeout=settings.read_timeout)
        try:
            body.decode("utf8")
            return model.model_validate_json(body)
        except UnicodeDecodeError as error:
            raise HTTPException(400, f"The body is not valid UTF-8 at byte {error.start}") from None
        except ValidationError as error:
            raise HTTPException(422, reason(error, model.model_fields)) from None

    return read


async def read_body(request: Request, *, limit: int, timeout: float) -> bytes:
    """Read the body of a request within limits.

    request (Request): the request.
    limit (int): the maximum size in bytes.
    timeout (float): the maximum time in seconds.
    RETURNS (bytes): the body.
    RAISES (HTTPException): the body is too large or too slow, or its client disconnected.
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
        raise client_gone() from None
    return bytes(body)


async def while_connected(request: Request, work: Awaitable[Result], *, timeout: float) -> Result:
    """Wait for work, and cancel it if the client disconnects or the time runs out.

    request (Request): the request, whose body has been read.
    work (Awaitable[Result]): the work to wait for.
    timeout (float): the maximum time in seconds.
    RETURNS (Result): the result of the work.
    RAISES (HTTPException): the work was cancelled.
    """
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(disconnected(request))
    try:
        await asyncio.wait({working, gone}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        if gone.done():
            raise client_gone()
        raise HTTPException(504, f"The pipeline did not finish within {timeout:g} seconds")
    finally:
        working.cancel()
        gone.cancel()


def client_gone() -> HTTPException:
    """Return the response to a client that disconnected. Nobody receives it; proxies log this status."""
    # A new one each time: an exception that is raised again keeps the frames, and so the texts, of all its requests.
    return HTTPException(499, "The client disconnected")


async def disconnected(request: Request) -> None:
    """Wait until the client of a request disconnects."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
