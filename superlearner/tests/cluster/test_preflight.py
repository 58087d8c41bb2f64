"""The checks of a machine before members start: each failure names a problem and three things to try."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from superlearner.cluster import port_holders
from superlearner.cluster import preflight as module
from superlearner.cluster.checks import Check
from superlearner.cluster.port_holders import port_holder
from superlearner.cluster.preflight import preflight


def checks(folder: Path, *ports: int, size: int = 2) -> dict[str, Check]:
    return {one.name: one for one in preflight(folder, size, ports)}


def test_a_machine_that_can_run_members_passes_each_check(tmp_path: Path) -> None:
    found = checks(tmp_path)
    assert ["python", "msgspec", "pytest", "folder", "files", "host", "loopback", "sockets", "ports"] == list(found)
    assert [] == [one for one in found.values() if not one.ok or one.problem or one.solutions or not one.evidence]


def refuse(*_: object, **__: object) -> None:
    raise OSError(101, "Network is unreachable")


ADDRESSES = socket.getaddrinfo


def refuse_names(name: str, *rest: object) -> object:
    return ADDRESSES(name, *rest) if name == "127.0.0.1" else refuse()  # type: ignore[arg-type]


def lack(name: str) -> Callable[[str], object]:
    return lambda module: None if module == name else module


@pytest.mark.parametrize(
    ("name", "patched", "value", "problem"),
    [
        ("python", "sys.version_info", (3, 10, 4), "expected Python 3.11 or later, got 3.10.4"),
        ("msgspec", "find_spec", lack("msgspec"), "members needs the package msgspec"),
        ("pytest", "find_spec", lack("pytest"), "`superlearner cluster test run` needs the package pytest"),
        ("files", "descriptors", lambda: 71, "expected a limit of at least 72 open files, got 71"),
        ("host", "socket.getaddrinfo", refuse_names, "no name of this machine resolves: "),
        ("loopback", "socket.create_connection", refuse, "Network is unreachable"),
        ("sockets", "bind_privately", refuse, "Network is unreachable"),
    ],
    ids=["python", "msgspec", "pytest", "files", "host", "loopback", "sockets"],
)
def test_a_check_that_fails_has_a_problem_and_three_solutions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, patched: str, value: object, problem: str
) -> None:
    monkeypatch.setattr(f"{module.__name__}.{patched}", value)
    found = checks(tmp_path)
    assert [name] == [one.name for one in found.values() if not one.ok]
    assert problem in (found[name].problem or "")
    assert 3 == len(set(found[name].solutions))


def test_a_folder_that_cannot_be_made_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = checks(tmp_path / "file" / "test-cluster")["folder"]
    assert (f"{tmp_path / 'file'} cannot be written", 3) == (found.problem, len(found.solutions))


def test_a_host_name_that_does_not_resolve_is_fine_for_members_of_one_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_localhost(name: str, *rest: object) -> object:
        if name == "shop":
            raise socket.gaierror(-2, "Name or service not known")
        return ADDRESSES("127.0.0.1", *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "gethostname", lambda: "shop")
    monkeypatch.setattr(socket, "getaddrinfo", only_localhost)
    found = checks(tmp_path)["host"]
    assert found.ok
    assert "localhost is 127.0.0.1; shop: Name or service not known, so give members on other hosts" in found.evidence


def test_a_port_in_use_is_named_with_the_process_that_listens_on_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = checks(tmp_path, port)[f"port {port}"]
        holder = port_holder(port)
    assert holder is not None
    assert os.getpid() == holder.os_pid
    assert (
        f"port {port} of 127.0.0.1 is not free: process {os.getpid()} ({holder.program}) listens on it" == found.problem
    )
    assert 3 == len(found.solutions)
    assert port_holder(port) is None
    assert checks(tmp_path, port)[f"port {port}"].ok


def test_lsof_names_the_process_where_there_is_no_proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lsof = tmp_path / "lsof"
    lsof.write_text('#!/bin/sh\necho "$@" > "$0.asked"\nprintf "p77\\ncnginx\\nf6\\np78\\ncnginx\\nf6\\n"\n')
    lsof.chmod(0o700)
    monkeypatch.setattr(port_holders, "sys", SimpleNamespace(platform="darwin"))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert (77, "nginx") == port_holder(4000)
    assert "-nP -iTCP:4000 -sTCP:LISTEN -Fpc\n" == (tmp_path / "lsof.asked").read_text()
    lsof.write_text("#!/bin/sh\nexit 1\n")
    assert port_holder(4000) is None


@pytest.mark.skipif(sys.platform != "linux", reason="lsof shows it elsewhere")
def test_the_holder_of_a_port_may_be_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hide(_port: int) -> None: ...

    monkeypatch.setattr(module, "port_holder", hide)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = checks(tmp_path, port)[f"port {port}"]
    assert "Address already in use" in (found.problem or "")
    assert "as root" in found.solutions[0]
