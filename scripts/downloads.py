"""Download large files to disk, with progress and retries. A download that breaks is resumed where it stopped."""

from functools import partial
from pathlib import Path, PurePosixPath

import requests
from tqdm import tqdm

from scripts.errors import ProjectError
from scripts.retries import retry

# Seconds to wait before each further try.
WAITS = (0.5, 1.0, 2.0, 4.0)
SECONDS_TO_ANSWER = 30
CHUNK = 2**16  # what is lost when a connection breaks
TRANSIENT = (429, 500, 502, 503, 504)


class NotThere(ProjectError):
    """The server does not have the file."""


def download(url: str, path: Path, *, hint: str) -> None:
    """Download a file. What has arrived is kept in `<path>.part` if it can't be completed now.

    url (str): the address.
    path (Path): the file to write. If it is there, nothing is downloaded.
    hint (str): what to do if the server can't be reached.
    RAISES (ProjectError): the server can't be reached or does not send the file.
    """
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        retry(partial(fetch_rest, url, part), waits=WAITS, passes=is_passing)
    except requests.RequestException as error:
        status = status_of(error)
        if status in (403, 404):
            raise NotThere(f"{url} is not there: the server answered {status}", hint) from error
        reason = f"the server answered {status}" if status else "no connection"
        raise ProjectError(f"Can't download {url}: {reason} ({type(error).__name__})", hint) from error
    part.replace(path)


def status_of(error: requests.RequestException) -> int | None:
    """Return the status that a server answered with, None if it did not answer."""
    return error.response.status_code if error.response is not None else None


def is_passing(error: Exception) -> bool:
    """Return whether another try may succeed: there was no answer, not all of it, or one of `TRANSIENT`."""
    return isinstance(error, requests.RequestException) and status_of(error) in (None, *TRANSIENT)


def fetch_rest(url: str, part: Path) -> None:
    """Append what is missing of a file, with a progress bar.

    url (str): the address.
    part (Path): what has arrived so far, if anything.
    RAISES (RequestException): the file is not complete after it.
    """
    start = part.stat().st_size if part.is_file() else 0
    # Without compression, the announced length is that of the content.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with requests.get(url, headers=headers, stream=True, timeout=SECONDS_TO_ANSWER) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            # The file was complete, or is another one now: only a fresh download can tell.
            part.unlink()
            raise requests.exceptions.ChunkedEncodingError("what had arrived did not fit")
        response.raise_for_status()
        resumed = response.status_code == requests.codes.partial_content
        start = start if resumed else 0
        total = int(response.headers.get("Content-Length", 0)) + start
        with (
            part.open("ab" if resumed else "wb") as file,
            tqdm(
                desc=PurePosixPath(url).name, total=total or None, initial=start, unit="B", unit_scale=True
            ) as progress,
        ):
            for chunk in response.iter_content(chunk_size=CHUNK):
                progress.update(file.write(chunk))
    if total and part.stat().st_size != total:
        raise requests.exceptions.ChunkedEncodingError("the connection broke")
