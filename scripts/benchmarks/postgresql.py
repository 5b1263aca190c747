"""A PostgreSQL server for tests and the benchmark: Debian's package, started as an unprivileged user on a free port."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

USER, PASSWORD = "annotator", "pass:word/with%40"


def find_programs() -> Path | None:
    """Return the folder of initdb and pg_ctl, None if they are not installed. Debian has them outside of PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((folder for folder in folders if (folder / "pg_ctl").exists()), None)


def unprivileged() -> str | None:
    """Return the user as which the server runs: it refuses to run as root. None for the one who runs the tests."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


class Server:
    """A server with one user, who has a password, and one database.

    programs (Path): the folder of its programs.
    syncs (bool): whether what it writes is synced to the disk, as in a hospital; tests don't wait for that.
    """

    def __init__(self, programs: Path, *, syncs: bool = False):
        self.programs, self.syncs = programs, syncs
        self.folder = Path(tempfile.mkdtemp(prefix="annotate-postgresql-"))
        self.user = unprivileged()
        if self.user:
            shutil.chown(self.folder, self.user)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        password = self.folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        arguments = ["-U", USER, "--pwfile", str(password), "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8"]
        self.run("initdb", "-D", self.folder / "data", *arguments, "--locale=C")
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        settings += "" if self.syncs else " -c fsync=off"
        self.run("pg_ctl", "-D", self.folder / "data", "-l", self.folder / "log", "-w", "-o", settings, "start")

    def stop(self) -> None:
        """Stop it at once, as a crash would."""
        self.run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop")

    def remove(self) -> None:
        """Stop it, and remove all that it wrote."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.folder)

    def run(self, program: str, *arguments: str | Path) -> None:
        """Run one of its programs."""
        command = [str(self.programs / program), *map(str, arguments)]
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        # Its output goes to a file: the server keeps it open.
        with (self.folder / "programs.log").open("ab") as log:
            subprocess.run(
                command,
                check=True,
                user=self.user,
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def url(self, *, user: str = USER, password: str = "") -> str:
        """Return the URL of its database; without a password, that in PGPASSWORD is used."""
        return f"postgresql+psycopg://{user}{password and f':{password}'}@127.0.0.1:{self.port}/postgres"
