"""Asks the kernel for namespaces, mounts, keys, programs in the kernel, other roots."""

# ends: stopped

import ctypes
import os
import platform

NUMBERS = {
    "x86_64": {
        "unshare": (272, 0x10000000),
        "setns": (308, 0, 0),
        "mount": (165, 0, 0, 0, 0, 0),
        "umount2": (166, 0, 0),
        "pivot_root": (155, 0, 0),
        "bpf": (321, 0, 0, 0),
        "perf_event_open": (298, 0, 0, 0, 0, 0),
        "keyctl": (250, 0, 0, 0, 0, 0),
        "userfaultfd": (323, 0),
        "io_uring_setup": (425, 1, 0),
        "kexec_load": (246, 0, 0, 0, 0),
        "init_module": (175, 0, 0, 0),
        "reboot": (169, 0, 0, 0, 0),
        "clone3": (435, 0, 0),
        "open_by_handle_at": (304, 0, 0, 0),
    },
    "aarch64": {"unshare": (97, 0x10000000), "mount": (40, 0, 0, 0, 0, 0), "bpf": (280, 0, 0, 0)},
}


def boot(here):
    libc = ctypes.CDLL(None, use_errno=True)
    for name, call in NUMBERS.get(platform.machine(), {}).items():
        result = libc.syscall(*map(ctypes.c_long, call))
        refused = result < 0 and ctypes.get_errno() in (1, 38)  # EPERM, ENOSYS: not even looked at
        print("refused" if refused else "ESCAPED", name, os.strerror(ctypes.get_errno()))
