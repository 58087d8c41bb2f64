"""Checks of this machine before members start on it: Python, packages, folder, names, connections and ports."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from otp import BadArgument
from otp.doors import runtime_folder
from otp.unix_sockets import bind_privately
from superlearner.base.commands import command, quoted
from superlearner.base.descriptors import FEWEST, allow_descriptors, descriptors
from superlearner.base.interfaces import is_loopback
from superlearner.base.shortage import cause_text
from superlearner.cluster.checks import Check, failed, passed, unexpected
from superlearner.cluster.port_holders import port_holder
from superlearner.cluster.ways import HOST

__all__ = ["install_with_pip", "preflight"]

OLDEST: Final = (3, 11)
PER_MEMBER: Final = 4
"""Files that a member opens for each other one."""
WAIT_S: Final = 5.0
GREETING: Final = b"otp"


def preflight(folder: Path, size: int, ports: Sequence[int]) -> Iterator[Check]:
    """Yield the results of all checks that tests on real members need.

    Args:
        folder: the folder of the test cluster.
        size: the number of members.
        ports: ports that the tests or their members need.
    """
    yield _python()
    yield _package("msgspec", "members", "msgspec>=0.19")
    yield _package("pytest", f"`{command('cluster test run')}`", "pytest")
    yield _folder(folder)
    yield _descriptors(size)
    yield _host()
    yield _loopback()
    yield _sockets()
    if not ports:
        yield passed("ports", "members need none on one machine: they connect over Unix sockets")
    yield from map(_port, ports)


def _python() -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= OLDEST:
        return passed("python", f"{version}, at least 3.11")
    return failed(
        "python", version, f"expected Python 3.11 or later, got {version}",
        "install a newer Python", "make a virtual environment with one: python3.12 -m venv .venv",
        "use an image with one: python:3.12-slim",
    )  # fmt: skip


def install_with_pip(requirement: str) -> str:
    """Return the command that installs a package into this Python."""
    return f"{quoted(sys.executable)} -m pip install {quoted(requirement)}"


def _package(module: str, needed_by: str, requirement: str) -> Check:
    if find_spec(module) is not None:
        return passed(module, "installed")
    return failed(
        module, "not installed", f"{needed_by} needs the package {module}, which this Python does not have",
        install_with_pip(requirement), "install the requirements of your project again, if they name it",
        f"use the Python that has it; this one is {sys.executable}",
    )  # fmt: skip


def _folder(folder: Path) -> Check:
    there = folder
    while not os.path.exists(there) and there != there.parent:  # Path.exists raises in a folder of another user
        there = there.parent
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return passed("folder", str(folder))
    return failed(
        "folder", str(folder), f"{there} cannot be written",
        "use another folder: --data-dir FOLDER", f"allow this user to write to {there}",
        "set XDG_DATA_HOME to a folder of this user",
    )  # fmt: skip


def _descriptors(size: int) -> Check:
    needed = FEWEST + PER_MEMBER * size
    allow_descriptors(needed)
    limit = descriptors()
    if limit is None or limit >= needed:
        return passed("files", f"{'no limit' if limit is None else limit} on open files, at least {needed} needed")
    return failed(
        "files", f"{limit} open files", f"expected a limit of at least {needed} open files, got {limit}",
        "raise it in this shell: ulimit -n 4096", "raise it for this user in /etc/security/limits.conf",
        "start fewer members: --size 2",
    )  # fmt: skip


def _host() -> Check:
    """Check that names resolve; members of one machine use 127.0.0.1, so `localhost` is enough."""
    name = socket.gethostname()
    problems: list[str] = []
    for tried in (name, "localhost"):
        try:
            addresses = sorted({str(found[4][0]) for found in socket.getaddrinfo(tried, None)})
        except OSError as error:
            problems.append(f"{tried}: {error.strerror or error}")
            continue
        if tried == "localhost" and not all(map(is_loopback, addresses)):
            problems.append(f"localhost is {', '.join(addresses)}")
            continue
        also = f"; {problems[0]}, so give members on other hosts an address" if problems else ""
        return passed("host", f"{tried} is {', '.join(addresses)}{also}")
    return failed(
        "host", f"{name}, localhost", f"no name of this machine resolves: {'; '.join(problems)}",
        f"add a line to /etc/hosts: 127.0.0.1 localhost {name}",
        "use addresses in names of members: b@127.0.0.1", "repair the name server in /etc/resolv.conf",
    )  # fmt: skip


def _loopback() -> Check:
    try:
        with socket.create_server((HOST, 0)) as server:
            server.settimeout(WAIT_S)
            with socket.create_connection(server.getsockname(), WAIT_S) as line, server.accept()[0] as other:
                port = server.getsockname()[1]
                _exchange(line, other)
    except OSError as error:
        return unexpected(
            "loopback", error,
            "bring the interface up: ip link set lo up", f"let the firewall accept connections to {HOST}",
            "run it outside of the sandbox or container that forbids sockets",
        )  # fmt: skip
    return passed("loopback", f"connected to {HOST}:{port}, and bytes arrive")


def _sockets() -> Check:
    try:
        path = runtime_folder() / f"preflight-{secrets.token_hex(4)}.sock"
        try:
            with bind_privately(str(path)) as server, socket.socket(socket.AF_UNIX) as line:
                server.listen()
                server.settimeout(WAIT_S)
                line.settimeout(WAIT_S)
                line.connect(str(path))
                with server.accept()[0] as other:
                    _exchange(line, other)
        finally:
            path.unlink(missing_ok=True)
    except (OSError, BadArgument) as error:
        return unexpected(
            "sockets", error,
            "set XDG_RUNTIME_DIR to a folder of this user alone (mode 0700)",
            "use a shorter path: the name of a socket has at most about 100 characters",
            "free space on the disk of the folder for temporary files",
        )  # fmt: skip
    return passed("sockets", f"connected to a Unix socket in {path.parent}")


def _exchange(line: socket.socket, other: socket.socket) -> None:
    other.settimeout(WAIT_S)
    line.sendall(GREETING)
    if (heard := other.recv(len(GREETING))) != GREETING:
        raise OSError(errno.EIO, f"sent {GREETING!r}, received {heard!r}")


def _port(port: int) -> Check:
    name = f"port {port}"
    try:
        with socket.create_server((HOST, port)):
            return passed(name, f"free on {HOST}")
    except OSError as error:
        holder = port_holder(port)
        if holder is not None:
            what = f"process {holder.os_pid} ({holder.program}) listens on it"
            end = f"end process {holder.os_pid}, if it is yours: kill {holder.os_pid}"
        else:
            what = cause_text(error)
            end = "see who uses it: ss -ltnp, as root for programs of other users"
    return failed(name, what, f"port {port} of {HOST} is not free: {what}", end, _other_port(), "use port 0")


def _other_port() -> str:
    with contextlib.suppress(OSError), socket.create_server((HOST, 0)) as server:
        return f"use a free port, such as {server.getsockname()[1]}"
    return "use another port"
