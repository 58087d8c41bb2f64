"""Makes namespaces of its own below those it is in, by every call that can."""

# ends: stopped

import ctypes
import platform

CLONE = {"x86_64": 56, "aarch64": 220}
UNSHARE = {"x86_64": 272, "aarch64": 97}
KINDS = (0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x80)


def boot(here):
    libc = ctypes.CDLL(None, use_errno=True)
    machine = platform.machine()
    for kind in KINDS:
        for flags in (kind, kind | 0x10000000):
            if libc.syscall(UNSHARE[machine], flags) == 0:
                print("ESCAPED unshare", hex(flags))
            if kind != 0x80:  # in the flags of clone this is another thing
                made = libc.syscall(CLONE[machine], flags | 17, 0, 0, 0, 0)
                if made == 0:
                    libc._exit(0)
                if made > 0:
                    print("ESCAPED clone", hex(flags))
