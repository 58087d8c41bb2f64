"""A separate account for each peer, if the platform is root, without a way back to any right."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Collection
from pathlib import Path
from typing import Final

from otp.peer.walls.system_calls import PR_SET_PDEATHSIG, drop_bounding_set, drop_capabilities, prctl

__all__ = ["UIDS", "choose_uid", "die_with_parent", "give_up", "no_new_privileges", "uids_in_use"]

UIDS: Final = range(1_879_048_192, 2_147_418_112)
"""Numbers above those that distributions, containers and directories use, and below the sign bit."""

UIDS_OF_CONTAINER: Final = range(61_184, 65_520)
"""A fallback range where the other is not mapped: used by systemd for services without an account."""

PR_SET_DUMPABLE: Final = 4
PR_SET_NO_NEW_PRIVS: Final = 38
SIGKILL: Final = 9


def choose_uid(taken: Collection[int], allowed: range | None = None) -> int | None:
    """Return an unused uid (and gid) from `allowed`.

    Returns None if there is none, or we are not allowed to choose. It is one of 268 million at random, so two platforms
    on one machine choose different ones: the kernel counts the processes of a uid, and lets those of one uid signal
    each other.

    >>> choose_uid((), range(5, 5)) is None
    True
    """
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return None
    for numbers in (UIDS, UIDS_OF_CONTAINER) if allowed is None else (allowed,):
        if not numbers or not _is_mapped(numbers):
            continue
        for _ in range(100):
            uid = random.choice(numbers)
            if uid not in taken and not os.path.exists(f"/run/user/{uid}"):
                return uid
    return None


def uids_in_use() -> set[int]:
    """Return the accounts with processes on this machine, including peers of another platform."""
    found: set[int] = set()
    with contextlib.suppress(OSError), os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit():
                with contextlib.suppress(OSError):  # it ended in the meantime
                    found.add(entry.stat().st_uid)
    return found


def _is_mapped(numbers: range) -> bool:
    """Return whether this user namespace has the numbers: in a container it may have 65,536 of them, or one."""
    try:
        lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    for line in lines:
        inside, _, count = map(int, line.split())
        if inside <= numbers[0] and numbers[-1] < inside + count:
            return True
    return False


def give_up(uid: int | None) -> None:
    """Become `uid`, if given, and give up all capabilities."""
    drop_bounding_set()  # first: it needs a capability
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    drop_capabilities()


def no_new_privileges() -> None:
    """Deny more rights to programs run from here on, and core dumps of this process."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_DUMPABLE, 0)


def die_with_parent(number: int = SIGKILL) -> None:
    """Let the kernel signal this process when the thread that forked it ends; a change of the uid cancels it."""
    prctl(PR_SET_PDEATHSIG, number)
