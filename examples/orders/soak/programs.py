"""The programs of a soak: the service, its payment provider and Redis, each a process with a log."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from tools.postgres import NotInstalled

EXAMPLES = Path(__file__).parents[2]


def listening_socket() -> socket.socket:
    """Return a socket that outlives the program behind it: during a restart clients wait instead of being refused."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    return listening


def uvicorn(app: str, fd: int, loop: str) -> list[str]:
    return [
        sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), app, "--fd", str(fd), "--loop", loop,
        "--no-access-log", "--timeout-graceful-shutdown", "15",
    ]  # fmt: skip


class Program:
    """A program that can be restarted; its output is appended to one log."""

    def __init__(
        self, argv: list[str], log: Path, env: Mapping[str, str] | None = None, fds: tuple[int, ...] = ()
    ) -> None:
        self.argv, self.log, self.env, self.fds = argv, log, env, fds
        self.running: subprocess.Popen[bytes] | None = None
        self.ends: list[int] = []

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.running = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.env,
                pass_fds=self.fds,
                process_group=0,  # Ctrl-C in the terminal is for the soak alone
            )

    @property
    def pid(self) -> int:
        assert self.running is not None
        return self.running.pid

    def signal(self, number: signal.Signals) -> None:
        assert self.running is not None
        self.running.send_signal(number)

    def has_ended(self) -> bool:
        return self.running is None or self.running.poll() is not None

    async def stop(self, within: float = 30) -> float:
        """Send SIGTERM and return how many seconds it took to end; after `within` seconds it is killed."""
        if self.running is None:
            return 0.0
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self.running.terminate()
        try:
            self.ends.append(await asyncio.to_thread(self.running.wait, within))
        except subprocess.TimeoutExpired:
            self.running.kill()
            self.ends.append(await asyncio.to_thread(self.running.wait))
        self.running = None
        return loop.time() - begun


@asynccontextmanager
async def running(program: Program) -> AsyncIterator[Program]:
    program.start()
    try:
        yield program
    finally:
        await program.stop()


def redis_server(port: int, log: Path) -> Program:
    """Return a Redis without persistence: after a restart it is empty. Raises `NotInstalled`."""
    found = shutil.which("redis-server")
    if found is None:
        raise NotInstalled("Redis is not installed (Debian: apt install redis-server)")
    return Program([found, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(log.parent)], log)
