"""Messages are coloured in a terminal only, and not if NO_COLOR is set."""

import os
import pty
import subprocess
import sys

import pytest

CODE = "import scripts; from wasabi import msg; msg.good('done')"


@pytest.mark.parametrize(
    ("terminal", "no_color", "coloured"), [(True, "", True), (True, "1", False), (False, "", False)]
)
def test_colours(terminal: bool, no_color: str, coloured: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "ANSI_COLORS_DISABLED"}
    reader, writer = pty.openpty() if terminal else os.pipe()
    try:
        subprocess.run(
            [sys.executable, "-c", CODE], stdout=writer, env={**environment, "NO_COLOR": no_color}, check=True
        )
        output = os.read(reader, 1000).decode()
    finally:
        os.close(reader)
        os.close(writer)
    assert "done" in output
    assert ("\x1b" in output) == coloured


@pytest.mark.parametrize(("settings", "disabled"), [({}, "1"), ({"MAKE_TERMOUT": "/dev/pts/0"}, "")])
def test_make_has_plain_logs(settings: dict[str, str], disabled: str) -> None:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("ANSI_COLORS_DISABLED", "NO_COLOR")
    }
    code = "include Makefile\nshow:\n\t@echo [$(ANSI_COLORS_DISABLED)]\n"
    overrides = [f"{name}={value}" for name, value in settings.items()]
    done = subprocess.run(
        ["make", "-s", "-f", "-", "show", *overrides],
        input=code,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"[{disabled}]"
