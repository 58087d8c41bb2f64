"""Putting up walls, inside the process they restrict. Each failed part is reported with its reason.

The order matters:

1. The guard, one thread, every module of the runtime imported: user namespace (it grants the rights that the others
   need), pid and network namespace; then it forks.
2. The inner process: ipc and mount namespaces. The new root is the last step that needs a right.
3. Limits, which no process can raise again without rights.
4. The account; capabilities are lost with it.
5. `no_new_privs`, Landlock, which needs it, and seccomp, which denies what the earlier steps needed.

None of the peer's program is read before that, and CPython has one thread: Landlock and seccomp restrict the calling
thread and those that it starts; an earlier second thread would stay unrestricted.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping
from typing import Any

from otp.peer.walls import landlock, namespaces, privileges, resources, seccomp
from otp.peer.walls.plan import Part

__all__ = ["raise_inside", "raise_outside"]


class _Raising:
    """The parts so far."""

    def __init__(self, without: list[str]) -> None:
        self.parts: list[Part] = []
        self._without = without

    def up(self, name: str, put_up: Callable[[], object], *, unless: str = "") -> bool:
        """Put up a part and record the result; `unless` is a reason not to try."""
        if name in self._without:
            unless = "left out"
        if unless:
            self.parts.append(Part(name, False, unless))
            return False
        try:
            detail = put_up()
        except OSError as error:
            self.parts.append(Part(name, False, str(error)))
            return False
        self.parts.append(Part(name, True, detail if isinstance(detail, str) else ""))
        return True


def raise_outside(plan: Mapping[str, Any]) -> list[Part]:
    """Put up the parts of the guard before it forks; a thread started by an import makes them fail."""
    raising = _Raising(plan["without"])
    threads = _threads()
    not_linux = "" if sys.platform == "linux" else f"{platform.system() or sys.platform} has none"
    many = not_linux or ("" if threads == 1 else f"{threads} threads run already, started by an import")
    old = "" if _kernel() >= (5, 14) else "this Linux counts processes by account, not by namespace as 5.14 does"
    root = "we are root" if hasattr(os, "getuid") and os.getuid() == 0 else ""
    raising.up("user", lambda: namespaces.enter_outer("user"), unless=many or root or old)
    raising.up("pid", lambda: namespaces.enter_outer("pid"), unless=many)
    raising.up("network", lambda: namespaces.enter_outer("network"), unless=not_linux)  # the guard counts its sockets
    return raising.parts


def raise_inside(plan: Mapping[str, Any], outside: list[Part]) -> tuple[list[Part], str]:
    """Put up the parts of the inner process, before its program runs.

    Returns all parts, and its folder.

    Raises `OSError` if a step failed that leaves no defined state.
    """
    raising = _Raising(plan["without"])
    not_linux = "" if sys.platform == "linux" else f"{platform.system() or sys.platform} has none"
    uid, folder = plan["uid"], plan["folder"]
    # imported here, under `python -I`: the platform's module path may be controlled by others
    readable = [*namespaces.files_of_interpreter(), *plan["readable"]]
    has_processes = False
    own_pids = any(part.name == "pid" and part.up for part in outside)

    def new_root() -> None:
        nonlocal folder, has_processes
        namespaces.enter_inner("mount")
        os.umask(0o022)  # that of the starter may be stricter, as while it makes a socket: nothing could be reached
        owner = os.getuid() if uid is None else uid
        group = os.getgid() if uid is None else uid
        files_mb = plan["limits"]["files_mb"]
        has_processes = namespaces.make_root(folder, readable, plan["hidden"], files_mb=files_mb, uid=owner, gid=group)
        folder = namespaces.HOME

    def account() -> str:
        privileges.give_up(uid)
        return f"{uid}"

    raising.up("ipc", lambda: namespaces.enter_inner("ipc"), unless=not_linux)
    raising.up("limits", lambda: resources.set_limits(plan["limits"], others=1 if uid is not None else 2))
    resources.stand_back(plan["limits"]["nice"])  # the system's own /proc is gone after the next step
    own_files = raising.up("mount", new_root, unless=not_linux or ("" if own_pids else "no pid namespace"))
    if uid is not None and not own_files:
        os.chown(folder, uid, uid)
    os.chdir(folder)
    os.umask(0o077)
    raising.up("uid", account, unless="" if uid is not None else _no_account())
    if not not_linux:
        if uid is None:
            privileges.give_up(None)
        privileges.die_with_parent()  # a change of the account has cancelled it
    private = raising.up("privileges", privileges.no_new_privileges, unless=not_linux)
    last = not_linux or ("" if private else "it takes no_new_privs")
    seen = [*readable, "/dev/null", "/dev/urandom", *(["/proc"] if has_processes else [])]
    hidden: list[str] = [] if own_files else plan["hidden"]  # a root of its own does not have them
    raising.up("landlock", lambda: f"ABI {landlock.restrict(seen, [folder, '/dev/null'], hidden)}", unless=last)
    raising.up("seccomp", seccomp.install, unless=last)
    return raising.parts, folder


def _no_account() -> str:
    return "no number of another account is free here" if os.getuid() == 0 else "we are not root"


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        import threading

        return threading.active_count()


def _kernel() -> tuple[int, ...]:
    return tuple(int(word) for word in platform.release().split("-")[0].split(".")[:2] if word.isdigit())
