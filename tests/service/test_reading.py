"""Reading requests: what a client that went away leaves behind."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable

import pytest
from fastapi import HTTPException, Request

from scripts.service.reading import read_body, while_connected


def gone_request() -> Request:
    """Return a request whose client disconnects before the body has arrived."""

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    return Request({"type": "http", "headers": []}, receive)


async def wait_for_work(request: Request) -> None:
    await while_connected(request, asyncio.sleep(30), timeout=60)


async def read(request: Request) -> None:
    await read_body(request, limit=1000, timeout=60)


@pytest.mark.parametrize("use", [read, wait_for_work])
def test_requests_whose_client_is_gone_share_no_exception(use: Callable[[Request], Awaitable[None]]) -> None:
    errors = []
    for _ in range(3):
        with pytest.raises(HTTPException) as raised:
            asyncio.run(use(gone_request()))
        errors.append(raised.value)
    assert {error.status_code for error in errors} == {499}
    # A shared exception would keep the frames, and so the texts, of every request that raised it.
    assert len({id(error) for error in errors}) == 3
    assert len({len(traceback.extract_tb(error.__traceback__)) for error in errors}) == 1
