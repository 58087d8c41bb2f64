"""A PostgreSQL server for tests and programs: unprivileged, in a folder of its own, on a free port.

with postgres_server() as server:
    url = server.new_database()
"""

from __future__ import annotations

import contextlib
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final, Literal

PORTS: Final = (20000, 32000)
"""Below those that Linux gives to connections and to servers without a port of their own."""


class NotInstalled(Exception):
    """A server program that this machine does not have; the text says how to install it."""


def free_port() -> int:
    """Return a free port of this machine, which the system chooses for nothing else until a server listens on it."""
    while True:
        port = random.SystemRandom().randrange(*PORTS)
        with socket.socket() as free, contextlib.suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port


class Postgres:
    """A server that belongs to `user`, since it refuses to run as root."""

    def __init__(self, programs: Path, folder: Path, user: str | None) -> None:
        self.programs = programs
        self.folder = folder
        self.user = user
        self.port = free_port()
        self._numbers = count(1)

    def run(self, program: str, *arguments: str) -> str:
        """Run one of its programs and return its output."""
        done = subprocess.run(
            [self.programs / program, *arguments],
            user=self.user,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def control(self, *arguments: str) -> None:
        """Run `pg_ctl` and wait until it has taken effect."""
        log = str(self.folder / "log")
        self.run("pg_ctl", "--pgdata", str(self.folder / "data"), "--log", log, "--wait", *arguments)

    def begin(self) -> None:
        """Start it."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off -k {self.folder}"
        self.control("start", "--options", options)

    def restart(self, mode: Literal["fast", "immediate"]) -> None:
        """Restart it in order, or as after a crash."""
        self.control("restart", "--mode", mode)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop all its processes during the block, as if the machine stood still; connections stay open."""
        first = int((self.folder / "data/postmaster.pid").read_text().split()[0])
        pids = [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def new_database(self) -> str:
        """Create an empty database and return its URL."""
        name = f"store_{next(self._numbers)}"
        where = ("-h", str(self.folder), "-p", str(self.port), "-U", "ada")
        self.run("psql", *where, "-c", f"CREATE DATABASE {name}", "postgres")
        return f"postgresql://ada:secret@127.0.0.1:{self.port}/{name}"


@contextlib.contextmanager
def postgres_server() -> Iterator[Postgres]:
    """Run a server during the block; raises `NotInstalled`."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    here = shutil.which("initdb")
    if not found and here is None:
        raise NotInstalled("PostgreSQL is not installed (Debian: apt install postgresql)")
    programs = found[-1].parent if found else Path(str(here)).resolve().parent
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    user = None
    if os.geteuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = "postgres" if "postgres" in names else "nobody"
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    server = Postgres(programs, folder, user)
    try:
        server.run("initdb", "--pgdata", str(folder / "data"), "--username", "ada", "--auth", "trust", "--no-sync")
        server.begin()
        try:
            yield server
        finally:
            server.control("stop", "--mode", "immediate")
    finally:
        shutil.rmtree(folder)
