"""A network of machines for tests: network namespaces on two switches, which one cable joins.

A process that waits for the end of its input holds each namespace, so nothing is left when the tests end, even if they
are killed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

__all__ = ["Lan"]

TABLES: Final = ("tcp", "tcp6", "udp", "udp6")


class Namespace:
    """A network namespace, as long as the process runs that holds it."""

    def __init__(self) -> None:
        self.holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo && exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self.holder.stdout is not None
        if not self.holder.stdout.readline():
            self.close()
            pytest.skip("this test needs the right to create network namespaces (CAP_SYS_ADMIN)")
        self.path = f"/proc/{self.holder.pid}/ns/net"
        self.inode = os.stat(self.path).st_ino

    def close(self) -> None:
        self.holder.communicate()

    def inside(self, *command: str) -> list[str]:
        """Return the command that runs this one inside."""
        return ["nsenter", f"--net={self.path}", *command]

    def ip(self, *commands: str) -> None:
        """Carry out commands of `ip`."""
        done = subprocess.run(
            self.inside("ip", "-batch", "-"), input="\n".join(commands), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{commands}: {done.stderr}"

    def ports(self) -> list[int]:
        """Return the TCP ports that a program listens on."""
        rows = [line.split() for line in Path(f"/proc/{self.holder.pid}/net/tcp").read_text().splitlines()[1:]]
        return [int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"]

    def sockets(self) -> list[str]:
        """Return the sockets that a process still holds; the system keeps some others after their end."""
        rows = [
            (table, line.split())
            for table in TABLES
            for line in Path(f"/proc/{self.holder.pid}/net/{table}").read_text().splitlines()[1:]
        ]
        return [f"{table} {row[1]}" for table, row in rows if row[9] != "0"]


class Lan:
    """Machines at `10.77.0.1` and so on, half of them on each of two switches, within a `with` block."""

    def __init__(self, machines: int) -> None:
        if os.geteuid() != 0:
            pytest.skip("this test creates network namespaces: run it as root")
        for tool in ("ip", "nsenter", "unshare"):
            if shutil.which(tool) is None:
                pytest.skip(f"this test needs the command {tool}: apt install iproute2 util-linux")
        self._stack = ExitStack()
        self.hosts = [f"10.77.0.{number}" for number in range(1, machines + 1)]

    def __enter__(self) -> Lan:
        with self._stack as stack:
            self._hub = self._namespace(stack)
            self.machines = {host: self._namespace(stack) for host in self.hosts}
            self._wire()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @staticmethod
    def _namespace(stack: ExitStack) -> Namespace:
        made = Namespace()
        stack.callback(made.close)
        return made

    def _wire(self) -> None:
        commands = [f"link add switch{n} up type bridge forward_delay 0 mcast_snooping 0" for n in (0, 1)]
        commands += ["link add cable0 type veth peer name cable1"]
        commands += [f"link set cable{n} master switch{n} up" for n in (0, 1)]
        for number, machine in enumerate(self.machines.values()):
            switch = number * 2 // len(self.machines)
            commands += [
                f"link add port{number} type veth peer name eth0 netns {machine.holder.pid}",
                f"link set port{number} master switch{switch} up",
            ]
        self._hub.ip(*commands)
        for host, machine in self.machines.items():
            machine.ip(
                *("link set lo up", f"addr add {host}/24 dev eth0", "link set eth0 up", "route add default dev eth0")
            )

    def halves(self) -> tuple[list[str], list[str]]:
        """Return the machines of each switch."""
        middle = len(self.hosts) // 2
        return self.hosts[:middle], self.hosts[middle:]

    def cut(self) -> None:
        """Cut the cable between the switches."""
        self._hub.ip("link set cable0 down")

    def heal(self) -> None:
        """Repair the cable."""
        self._hub.ip("link set cable0 up")

    def unplug(self, host: str) -> None:
        """Cut one machine off from all others."""
        self._hub.ip(f"link set port{self.hosts.index(host)} down")

    def plug(self, host: str) -> None:
        """Join it to its switch again."""
        self._hub.ip(f"link set port{self.hosts.index(host)} up")

    def sockets(self) -> list[str]:
        """Return what processes on the machines have open."""
        return [f"{host}: {row}" for host, machine in self.machines.items() for row in machine.sockets()]

    def left(self) -> list[str]:
        """Return the processes that are still in one of the namespaces."""
        inodes = {space.inode for space in (self._hub, *self.machines.values())}
        found: list[str] = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    inode = (entry / "ns/net").stat().st_ino
                except OSError:
                    continue
                if inode in inodes:
                    found.append(entry.name)
        return found
