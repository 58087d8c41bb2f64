"""A cluster of etcd for tests, in a temporary folder and on free ports.

with etcd_cluster(3) as servers:
    endpoints = [server.endpoint for server in servers]
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from tools.postgres import NotInstalled, free_port

READY = "serving client traffic"
LIMIT = 60.0


class Etcd:
    """A member of the cluster."""

    def __init__(self, program: str, folder: Path, name: str, options: tuple[str, ...]) -> None:
        self.name = name
        self.scheme = "https" if "--client-cert-auth" in options else "http"
        self.port = free_port()
        self.peer = f"http://127.0.0.1:{free_port()}"
        self._command = [program, "--name", name, "--data-dir", str(folder / name), *options]
        self._process: subprocess.Popen[str] | None = None
        self._ready = threading.Event()
        self._serves = False
        self._log: deque[str] = deque(maxlen=10)

    @property
    def endpoint(self) -> str:
        """Its address for clients."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def begin(self, members: list[Etcd]) -> None:
        """Start it."""
        cluster = ",".join(f"{member.name}={member.peer}" for member in members)
        options = {
            "listen-client-urls": self.endpoint, "advertise-client-urls": self.endpoint, "listen-peer-urls": self.peer,
            "initial-advertise-peer-urls": self.peer, "initial-cluster": cluster, "heartbeat-interval": "50",
            "election-timeout": "500", "logger": "zap", "log-outputs": "stderr",
        }  # fmt: skip
        command = [*self._command, *(f"--{name}={value}" for name, value in options.items())]
        self._ready.clear()
        self._serves = False
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()

    def wait_ready(self) -> None:
        """Wait until it accepts requests; fail with the end of its log if it does not, or has ended."""
        self._ready.wait(LIMIT)
        assert self._serves, f"etcd {self.name} did not begin: {''.join(self._log)}"

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                self._log.append(line)
                if READY in line:
                    self._serves = True
                    self._ready.set()
        if process is self._process:  # not one before it
            self._ready.set()

    def kill(self) -> None:
        """End it like a crash."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop it during the block, as if its machine stood still."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def etcd_cluster(size: int = 1, *options: str) -> Iterator[list[Etcd]]:
    """Run a cluster during the block; raises `NotInstalled`."""
    program = shutil.which("etcd")
    if program is None:
        raise NotInstalled("etcd is not installed (Debian: apt install etcd-server)")
    folder = Path(tempfile.mkdtemp(prefix="etcd-"))
    servers = [Etcd(program, folder, f"e{number}", options) for number in range(1, size + 1)]
    try:
        for server in servers:
            server.begin(servers)
        for server in servers:
            server.wait_ready()
        yield servers
    finally:
        for server in servers:
            server.kill()
        shutil.rmtree(folder)
