"""A PostgreSQL of a test's own, which may be killed: its files in a temporary folder, its port on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from bot.supervisor import free_port


def programs() -> Path | None:
    """The folder of PostgreSQL's programs, the newest there is; None where it is not installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


class Cluster:
    """One server. It never runs as root: root hands it to the user postgres."""

    def __init__(self) -> None:
        found = programs()
        assert found is not None, "PostgreSQL is not installed"
        self._folder = Path(tempfile.mkdtemp(prefix="wren-postgres-"))
        self._bin, self._data, self.port = found, self._folder / "data", free_port()
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._as:
            shutil.chown(self._folder, "postgres")
        self._run("initdb", "-D", str(self._data), "-U", "wren", "-A", "trust", "--no-sync")

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://wren@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it, also after a kill, and wait until it takes connections."""
        options = f"-p {self.port} -k {self._data} -c listen_addresses=127.0.0.1 -c fsync=off"
        log = str(self._folder / "server.log")
        self._run("pg_ctl", "-D", str(self._data), "-w", "-t", "120", "-l", log, "-o", options, "start")

    def kill(self) -> None:
        """SIGKILL to every process of it at once, as if the power had gone."""
        pid = int((self._data / "postmaster.pid").read_text(encoding="ascii").split()[0])
        family = [pid, *_children(pid)]
        os.kill(pid, signal.SIGKILL)  # first, so that it starts none again
        for child in family[1:]:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue
        end = time.monotonic() + 30
        while any(_lives(one) for one in family) and time.monotonic() < end:
            time.sleep(0.05)

    def stop(self) -> None:
        """End it without waiting for anybody, and remove its files."""
        stop = [*self._as, str(self._bin / "pg_ctl"), "-D", str(self._data), "-m", "immediate", "stop"]
        subprocess.run(stop, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        # Nothing is piped: a server that is started keeps what it is given open.
        subprocess.run([*self._as, str(self._bin / program), *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/")


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def _lives(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
