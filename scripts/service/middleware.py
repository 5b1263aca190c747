"""Middleware for every request: security headers, a line in the log, metrics, and no traceback in a response.

Pure ASGI, because Starlette's BaseHTTPMiddleware would keep the service from noticing that a client disconnected.
"""

import logging
from time import perf_counter

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scripts.service.metrics import Metrics
from scripts.workers import where_raised

logger = logging.getLogger(__name__)
METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
# HTTPS, and with it Strict-Transport-Security, is up to the proxy.
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}


class SecurityHeaders:
    """Add `HEADERS` to every response that does not set them itself."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers)


class Observed:
    """Log and count every response by its route, never by its path, which can hold anything that a client sends.

    An exception becomes a response with status 500. The server would log its message, which may hold text.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics):
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        # The status that proxies log if the client disconnected before the response.
        status = 499

        async def send_noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_noting_status)
        except Exception as error:
            logger.error("%s failed: %s", route(scope), where_raised(error))
            if status == 499:
                await JSONResponse({"detail": "The service failed"}, 500)(scope, receive, send_noting_status)
        finally:
            self.note(scope, status, perf_counter() - started)

    def note(self, scope: Scope, status: int, seconds: float) -> None:
        """Log and count one response."""
        method = scope["method"] if scope["method"] in METHODS else "other"
        self.metrics.requests.labels(method, route(scope), status).inc()
        self.metrics.seconds.labels(route(scope)).observe(seconds)
        logger.info("%s %s %d %.1f ms", method, route(scope), status, 1000 * seconds)


def route(scope: Scope) -> str:
    """Return the path of the route that handles a request, as it is declared in the app."""
    if "route" in scope:
        return scope["route"].path
    return "files" if "endpoint" in scope else "none"
