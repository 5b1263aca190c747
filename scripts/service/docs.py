"""The documentation page: Swagger UI from an installed package, which works offline."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from starlette.responses import HTMLResponse

FILES = Path(fastapi_offline.__file__).parent / "static"


def add_docs(app: FastAPI) -> None:
    """Add the page /docs to an app, and its files under /docs-files.

    app (FastAPI): the app, created with docs_url=None.
    """
    # Relative addresses also work behind a proxy that adds a path. The validator would be a service on the internet.
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title=app.title,
        swagger_js_url="docs-files/swagger-ui-bundle.js",
        swagger_css_url="docs-files/swagger-ui.css",
        swagger_favicon_url="docs-files/favicon.png",
        swagger_ui_parameters={"validatorUrl": None},
    )
    headers = {"content-security-policy": allow_scripts_of(bytes(page.body).decode("utf8"))}
    app.mount("/docs-files", StaticFiles(directory=FILES))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page.body, headers=headers)


def allow_scripts_of(html: str) -> str:
    """Return a Content-Security-Policy that allows the app's scripts and, by their hash, the inline scripts of a page.

    html (str): the page.
    RETURNS (str): the policy. It also allows the inline styles that Swagger UI needs.
    """
    scripts = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    hashes = " ".join(f"'sha256-{b64encode(sha256(script.encode('utf8')).digest()).decode()}'" for script in scripts)
    return (
        f"default-src 'none'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
