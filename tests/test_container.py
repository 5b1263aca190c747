"""The image's recipe, checked without a container engine: it is linted, and its files are enough to serve."""

import shutil
import subprocess
import sys
from pathlib import Path

import httpx2

from tests.service.conftest import make_pipeline
from tests.test_serve import serving

ROOT = Path(__file__).parents[1]


def copy_files_of_image(target: Path) -> None:
    """Copy the code that `.dockerignore` lets into the image."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    for name in (line.removeprefix("!") for line in lines if line.startswith("!scripts/")):
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy)


def test_the_dockerfile_is_linted():
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_files_in_the_image_are_enough_to_serve(tmp_path):
    image = tmp_path / "srv"
    copy_files_of_image(image)
    make_pipeline().to_disk(tmp_path / "model")
    with serving(str(tmp_path / "model"), log=tmp_path / "log", folder=image) as (url, _):
        answer = httpx2.post(f"{url}/v1/annotate", json={"text": "No gout."})
        assert [ent["text"] for ent in answer.json()["documents"][0]["entities"]] == ["gout"]
        for path in ("", "page/page.js", "page/samples/clinic_letter.txt", "docs"):
            assert httpx2.get(f"{url}/{path}").status_code == 200


def test_what_the_image_does_not_install_is_not_imported(tmp_path):
    copy_files_of_image(tmp_path)
    code = "import sys, scripts.gpu, scripts.serve, scripts.service.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # The image has what a packaged pipeline requires and what the Dockerfile names.
    assert not {"datasets", "pyarrow", "pandas", "ray"} & set(done.stdout.split())
