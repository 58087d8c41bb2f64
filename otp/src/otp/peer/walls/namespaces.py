"""Namespaces: a view of processes, network, shared memory and files that contains only the peer's own.

`enter_outer` is for the guard, before it forks: a pid namespace contains its children, not itself. `enter_inner` and
`make_root` are for the first process in it, whose end ends all others there.
"""

from __future__ import annotations

import os
import stat
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from otp.peer.walls.system_calls import mount, pivot_root, set_mount_read_only, unshare

__all__ = ["HOME", "enter_inner", "enter_outer", "files_of_interpreter", "make_root"]

NEW_MOUNTS: Final = 0x00020000
NEW_IPC: Final = 0x08000000
NEW_USER: Final = 0x10000000
NEW_PIDS: Final = 0x20000000
NEW_NETWORK: Final = 0x40000000

NO_SETUID: Final = 2
NO_DEVICES: Final = 4
NO_EXECUTION: Final = 8
BIND: Final = 4096
RECURSIVE: Final = 16384
PRIVATE: Final = 1 << 18
READ_ONLY: Final = 1
READ_ONLY_AGAIN: Final = 1 | 32  # MS_RDONLY | MS_REMOUNT

HOME: Final = "/peer"
"""The peer's own folder, as a peer with its own root sees it."""

DEVICES: Final = ("/dev/null", "/dev/urandom")
LINKERS: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/etc/localtime")


def enter_outer(kind: str) -> None:
    """Move the guard into a new `"user"` or `"network"` namespace, or its next forks into a new `"pid"` one.

    No device of the network namespace is up.
    """
    if kind != "user":
        unshare({"network": NEW_NETWORK, "pid": NEW_PIDS}[kind])
        return
    uid, gid = os.getuid(), os.getgid()
    unshare(NEW_USER)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")


def enter_inner(kind: str) -> None:
    """Move this process into a new `"ipc"` or `"mount"` namespace."""
    unshare({"ipc": NEW_IPC, "mount": NEW_MOUNTS}[kind])
    if kind == "mount":
        mount("none", "/", "", RECURSIVE | PRIVATE)  # else the whole machine would see what is mounted here


def files_of_interpreter() -> tuple[str, ...]:
    """Return what a running interpreter reads: its library, installed packages, and libraries to link."""
    paths = sysconfig.get_paths()
    own = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    found = dict.fromkeys(os.path.abspath(path) for path in (*own, *sys.path, *LINKERS) if path)
    return tuple(path for path in found if os.path.exists(path) and path != "/")


def make_root(at: str, readable: Iterable[str], hidden: Iterable[str], *, files_mb: int, uid: int, gid: int) -> bool:
    """Give this process a root with `readable`, but not `hidden`, two devices, its own processes, and its own folder.

    `at` is an empty folder. The new root is in memory, read only except `HOME`, which holds `files_mb` MiB including
    `/tmp`. Return whether it has a `/proc`: the kernel allows none where that of the machine is masked.
    """
    flags = NO_SETUID | NO_DEVICES
    mount("tmpfs", at, "tmpfs", flags, "mode=0755,size=1m,nr_inodes=1024")
    bound: list[str] = []
    for path in sorted(map(os.path.realpath, (*readable, *DEVICES))):
        if not any(path == other or path.startswith(other + "/") for other in bound):
            bound.append(path)
            _bind(path, at)
    for path in readable:
        _link(path, at)
    for path in hidden:
        if os.path.isdir(at + path):
            mount("tmpfs", at + path, "tmpfs", flags | READ_ONLY, "mode=0000,size=4k,nr_inodes=1")
    home = at + HOME
    os.mkdir(home)
    options = f"mode=0700,size={files_mb}m,nr_inodes=4096,uid={uid},gid={gid}"
    mount("tmpfs", home, "tmpfs", flags | NO_EXECUTION, options)
    os.mkdir(f"{home}/tmp", 0o700)
    os.chown(f"{home}/tmp", uid, gid)
    if not os.path.lexists(f"{at}/tmp"):  # part of the interpreter may be there
        os.symlink(f"{HOME}/tmp", f"{at}/tmp")
    os.mkdir(f"{at}/proc")
    try:
        mount("proc", f"{at}/proc", "proc", flags | NO_EXECUTION, "hidepid=2,subset=pid")
        has_processes = True
    except OSError:
        has_processes = False
    mount("none", at, "", READ_ONLY_AGAIN | flags)
    pivot_root(at)
    return has_processes


def _bind(path: str, at: str) -> None:
    """Show `path` below the new root, read only; devices stay devices."""
    target = at + path
    if stat.S_ISDIR(os.stat(path).st_mode):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
    mount(path, target, "", BIND | RECURSIVE)
    set_mount_read_only(target)


def _link(path: str, at: str) -> None:
    """Make a path that goes through a symbolic link lead to the same place there."""
    real = os.path.realpath(path)
    target = at + path
    if real == path or os.path.lexists(target):
        return
    try:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(real, target)
    except OSError:  # a parent folder is already shown read only, and contains the link
        return
