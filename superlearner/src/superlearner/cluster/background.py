"""Members in the background: begin some, wait until they are connected, and end those that were begun."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final

from otp.locked_entries import open_regular
from superlearner.cluster.control import ANSWER_S, ControlError, ask, records
from superlearner.cluster.readiness import Readiness
from superlearner.cluster.ways import member_name

__all__ = ["LOGS", "NotConnected", "begun_members", "recreate_file", "start_members", "stop_members", "wait_status"]

BEGUN: Final = "begun.json"
LOGS: Final = "members"
END_S: Final = 10.0
LOOK_S: Final = 0.1
"""Seconds between two checks for a first member."""
SOON_S: Final = 2.5
"""Seconds in which a member answers unless it is stopped or held; each is asked again if none does."""


class NotConnected(Exception):
    """Members did not start, connect or end; the text says which."""


def wait_status(folder: Path, size: int | None, timeout: float, first: int | None = None) -> dict[str, Any] | None:
    """Return the state of the cluster as a member on this machine sees it; None if no member runs here.

    Args:
        folder: the data directory.
        size: the number of members to wait for; None returns the present state.
        timeout: seconds to wait at most; then the last state is returned.
        first: the process to ask first, that of the platform, so that all commands have one view.

    Raises:
        ControlError: a member runs, and does not answer.
    """
    until = time.monotonic() + timeout
    while not (found := records(folder)) and size is not None and time.monotonic() < until:
        time.sleep(LOOK_S)
    here = sorted(found, key=lambda record: record.os_pid != first)
    problem: ControlError | None = None
    fullest: dict[str, Any] | None = None
    for wait, patience in ((min(1.0, timeout), SOON_S), (timeout, timeout + ANSWER_S)):
        for record in here:
            try:
                state = ask(record, {"ask": "status", "size": None, "timeout": wait}, patience)
                names = {one["name"] for one in (*state["members"], *state["missing"])}
                if size is None and record.os_pid != first and not names >= {one.name for one in here}:
                    # Some are apart: the one that was disconnected knows of no other.
                    fullest = max(fullest or state, state, key=_count_known)
                    continue
                if size is None or len(state["members"]) >= size:
                    return state
                return ask(record, {"ask": "status", "size": size, "timeout": timeout}, timeout + ANSWER_S)
            except ControlError as error:
                problem = error  # it ends, has not joined, or hangs: another one may answer
        if fullest is not None:
            return fullest
    if problem is not None:
        raise problem
    return None


def _count_known(state: dict[str, Any]) -> int:
    return len(state["members"]) + len(state["missing"])


def start_members(folder: Path, count: int, *, options: Sequence[str] = (), timeout: float) -> tuple[list[str], int]:
    """Start members and wait until they are connected with all that run here.

    Returns their names and the number of members.

    Args:
        folder: the data directory.
        count: how many.
        options: those of `superlearner node`.
        timeout: seconds until all have to be connected.

    Raises:
        NotConnected: they are not connected in time, or one has ended; those that were started are ended.
    """
    (folder / LOGS).mkdir(parents=True, exist_ok=True, mode=0o700)
    begun_members(folder)
    taken = {record.name for record in records(folder)}
    free = (f"m{number}" for number in range(1, 10_000) if member_name(f"m{number}") not in taken)
    names = [next(free) for _ in range(count)]
    wanted = len(taken) + count
    until = time.monotonic() + timeout
    begun: dict[str, subprocess.Popen[bytes]] = {}
    try:
        with Readiness() as readiness:
            for name in names:
                begun[name] = _begin(folder, name, readiness.environment, options)
                readiness.expect(name, begun[name])
            _save_pids(folder, {name: process.pid for name, process in begun.items()})
            _wait_ready(folder, readiness, begun, until)
        _wait_connected(folder, wanted, until)
    except BaseException:
        for process in begun.values():
            process.kill()
            process.wait()
        raise
    return [member_name(name) for name in names], wanted


def _begin(folder: Path, name: str, environment: dict[str, str], options: Sequence[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "superlearner", "node", name, "--data-dir", str(folder)]
    with recreate_file(folder / LOGS / f"{name}.log") as log:
        return subprocess.Popen(
            [*command, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **environment},
            start_new_session=True,
        )


def _wait_ready(folder: Path, readiness: Readiness, begun: dict[str, subprocess.Popen[bytes]], until: float) -> None:
    for left in range(len(begun), 0, -1):
        ended = readiness.wait(until - time.monotonic())
        if ended is None:
            continue
        if not ended:
            raise NotConnected(f"expected {len(begun)} members to be ready, {left} are not; they are ended")
        text = (folder / LOGS / f"{ended}.log").read_text(encoding="utf-8", errors="replace").strip()
        raise NotConnected(f"{ended} ended with {begun[ended].returncode}: {text or 'it printed nothing'}")


def _wait_connected(folder: Path, wanted: int, until: float) -> None:
    for record in records(folder):
        left = max(0.0, until - time.monotonic())
        try:
            found = ask(record, {"ask": "status", "size": wanted, "timeout": left}, left + ANSWER_S)
        except ControlError as error:
            raise NotConnected(str(error)) from None
        if len(found["members"]) < wanted:
            raise NotConnected(
                f"expected {wanted} connected members, {record.name} has {len(found['members'])}; "
                "those that were started are ended"
            )


def stop_members(folder: Path, names: Sequence[str]) -> list[str]:
    """End members that were begun here, and only those; return their names.

    Raises:
        NotConnected: one still runs after `END_S`, or none of a name was begun.
    """
    begun = begun_members(folder)
    wanted = {name: begun.get(name.partition("@")[0]) for name in names} if names else dict(begun)
    unknown = [name for name, known in wanted.items() if known is None]
    if unknown:
        there = ", ".join(begun) or "none"
        raise NotConnected(f"no running member {', '.join(unknown)} was begun by `cluster start`; there is {there}")
    until = time.monotonic() + END_S
    pids = [known[0] for known in wanted.values() if known is not None]
    for os_pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(os_pid, signal.SIGTERM)
            os.kill(os_pid, signal.SIGCONT)  # one that is stopped could not end
    for os_pid in pids:
        _wait_for_exit(os_pid, until - time.monotonic())
    if still := [name for name in wanted if name.partition("@")[0] in begun_members(folder)]:
        raise NotConnected(f"{', '.join(still)} still running after {END_S:g} s")
    return [member_name(name.partition("@")[0]) for name in wanted]


def _wait_for_exit(os_pid: int, timeout: float) -> None:
    """Wait for the end of a process that is not a child of this one, at most `timeout` seconds."""
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "linux":
            descriptor = os.pidfd_open(os_pid)
            try:
                select.select([descriptor], [], [], max(0.0, timeout))
            finally:
                os.close(descriptor)
        else:
            wanted = select.kevent(os_pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD, select.KQ_NOTE_EXIT)
            with select.kqueue() as events:
                events.control([wanted], 1, max(0.0, timeout))


def _started_at(os_pid: int) -> str | None:
    """Return the start time of a process as text to compare, since ids are reused; None if it does not exist."""
    try:
        stat = Path(f"/proc/{os_pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None if Path("/proc/self").exists() else _started_by_ps(os_pid)
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def _started_by_ps(os_pid: int) -> str | None:
    asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(os_pid)], capture_output=True, text=True, check=False)
    return asked.stdout.strip() or None


def _save_pids(folder: Path, pids: dict[str, int]) -> None:
    begun = {**begun_members(folder), **{name: (pid, _started_at(pid) or "") for name, pid in pids.items()}}
    _write(folder, begun)


def begun_members(folder: Path) -> dict[str, tuple[int, str]]:
    """Return the members begun here that still run, with process id and start; forget the others.

    Raises:
        NotConnected: the file that has them is damaged, or belongs to another user.
    """
    path = folder / LOGS / BEGUN
    try:
        with open(open_regular(path), encoding="utf-8") as file:
            owner = os.fstat(file.fileno()).st_uid
            known: dict[str, Any] = json.loads(file.read())
        alive = {
            str(name): (int(os_pid), str(started))
            for name, (os_pid, started) in known.items()
            if _started_at(int(os_pid)) == started
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        says = error.strerror if isinstance(error, OSError) else "it is damaged"
        raise NotConnected(
            f"{path} has the members that `cluster start` began, and cannot be read: {says}; "
            "end those that still run, see `cluster status`, and remove the file"
        ) from None
    # Only root can read it: another user must not choose which processes root ends
    if os.name == "posix" and owner != os.geteuid():
        raise NotConnected(
            f"{path} belongs to user {owner}: expected a file of this user; try another data directory, or remove it"
        )
    if len(alive) != len(known):
        _write(folder, alive)
    return alive


def _write(folder: Path, begun: dict[str, tuple[int, str]]) -> None:
    draft = folder / LOGS / f"{BEGUN}.{os.getpid()}"
    with recreate_file(draft) as file:
        file.write(json.dumps(begun).encode())
    draft.replace(folder / LOGS / BEGUN)


def recreate_file(path: Path) -> IO[bytes]:
    """Replace a file whose content or link target another user may have chosen."""
    path.unlink(missing_ok=True)
    return path.open("xb")
