"""A filter of system calls: those that peers do not need and kernel attacks often use fail with EPERM.

It is a second line of defence and small on purpose: a list of refused calls, not of allowed ones, so that a new libc
does not break a peer. It also keeps the peer from clearing its parent-death signal, from dumping core, from running
another program, from sockets other than Unix ones, from larger buffers of sockets and pipes, which no limit counts, and
from leases on files, which block other programs.

Sources: the kernel's `Documentation/userspace-api/seccomp_filter.rst`; numbers from `asm/unistd_64.h` and
`asm-generic/unistd.h`.
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import Final, NamedTuple, TypeAlias

from otp.peer.walls.system_calls import PR_SET_PDEATHSIG, machine, prctl

__all__ = ["install"]

PR_SET_SECCOMP: Final = 22
MODE_FILTER: Final = 2

# name: (x86-64, aarch64); None: it does not exist there
REFUSED: Final[dict[str, tuple[int, int | None]]] = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    # another program
    "execve": (59, 221),
    "execveat": (322, 281),
    # a new session, to which the kernel would give as much time as to the whole platform
    "setsid": (112, 157),
    # mounts, roots and namespaces
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # resources that the kernel grants in fixed numbers per account or per machine
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "io_setup": (206, 0),
    # memory that no limit of a process includes
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # entry points into the kernel
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "fanotify_init": (300, 262),
    "personality": (135, 92),
    "modify_ldt": (154, None),
    "iopl": (172, None),
    "ioperm": (173, None),
    # the machine itself; `sync` writes all changes of all programs to disk
    "sync": (162, 81),
    "syncfs": (306, 267),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "syslog": (103, 116),
    "vhangup": (153, 58),
}


class Architecture(NamedTuple):
    """The kernel's audit number of an architecture, and its numbers of calls whose arguments are checked."""

    audit: int
    clone: int
    clone3: int
    prctl: int
    socket: int
    socketpair: int
    setsockopt: int
    fcntl: int


ARCHITECTURES: Final = {
    "x86_64": Architecture(0xC000003E, 56, 435, 157, 41, 53, 54, 72),
    "aarch64": Architecture(0xC00000B7, 220, 435, 167, 198, 199, 208, 25),
}

SIZES_OF_BUFFERS: Final = (7, 8, 32, 33)  # SO_SNDBUF, SO_RCVBUF, and both by force
FILE_COMMANDS: Final = (1024, 1026, 1031)  # F_SETLEASE, which blocks writers; F_NOTIFY; F_SETPIPE_SZ
PR_SET_DUMPABLE: Final = 4

NEW_NAMESPACES: Final = 0x7E020000
X32: Final = 0x40000000

LOAD: Final = 0x20
IF_EQUAL: Final = 0x15
IF_AT_LEAST: Final = 0x35
IF_ANY_BIT: Final = 0x45
RETURN: Final = 0x06
ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000
REFUSE: Final = 0x00050000

NUMBER: Final = 0
ARCHITECTURE: Final = 4
FIRST_ARGUMENT: Final = 16

Step: TypeAlias = tuple[int, int, int, int]
"""An instruction: operation, how many to skip if true and if false, a value."""


def install() -> None:
    """Filter this process from now on; needs `no_new_privs`. Raises `OSError` on other architectures."""
    import ctypes

    code = program(machine())
    text = ctypes.create_string_buffer(code, len(code))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(text)))
    prctl(PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(head))


def program(architecture: str) -> bytes:
    """Return the filter for an architecture, in the kernel's format.

    >>> len(program("x86_64")) % 8
    0
    """
    known = ARCHITECTURES.get(architecture)
    if known is None:
        raise OSError(f"expected one of {', '.join(ARCHITECTURES)}, got {architecture}")
    column = list(ARCHITECTURES).index(architecture)
    eperm, enosys, eacces = REFUSE | errno.EPERM, REFUSE | errno.ENOSYS, REFUSE | errno.EACCES
    steps: list[Step] = [
        (LOAD, 0, 0, ARCHITECTURE),
        (IF_EQUAL, 1, 0, known.audit),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
    ]
    if architecture == "x86_64":  # its second table of the same calls
        steps += [(IF_AT_LEAST, 0, 1, X32), (RETURN, 0, 0, eperm)]
    for numbers in REFUSED.values():
        number = numbers[column]
        if number is not None:
            steps += [(IF_EQUAL, 0, 1, number), (RETURN, 0, 0, eperm)]
    steps += [
        (IF_EQUAL, 0, 1, known.clone3),
        (RETURN, 0, 0, enosys),
    ]  # its flags are unreadable; libc uses `clone`
    steps += _if_argument(known.clone, 0, [(IF_ANY_BIT, NEW_NAMESPACES)], eperm, ALLOW)
    steps += _if_argument(known.prctl, 0, [(IF_EQUAL, PR_SET_PDEATHSIG), (IF_EQUAL, PR_SET_DUMPABLE)], eperm, ALLOW)
    steps += _if_argument(known.setsockopt, 2, [(IF_EQUAL, size) for size in SIZES_OF_BUFFERS], eperm, ALLOW)
    steps += _if_argument(known.fcntl, 1, [(IF_EQUAL, command) for command in FILE_COMMANDS], eperm, ALLOW)
    for number in (known.socket, known.socketpair):
        steps += _if_argument(number, 0, [(IF_EQUAL, int(socket.AF_UNIX))], ALLOW, eacces)
    steps.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("@HBBI", *step) for step in steps)


def _if_argument(number: int, which: int, tests: list[tuple[int, int]], yes: int, no: int) -> list[Step]:
    """Return steps for call `number`: `yes` if argument `which` passes a test, else `no`; others continue."""
    steps: list[Step] = [(LOAD, 0, 0, FIRST_ARGUMENT + 8 * which)]
    steps += [(what, len(tests) - at, 0, value) for at, (what, value) in enumerate(tests)]
    steps += [(RETURN, 0, 0, no), (RETURN, 0, 0, yes)]
    return [(IF_EQUAL, 0, len(steps), number), *steps]
