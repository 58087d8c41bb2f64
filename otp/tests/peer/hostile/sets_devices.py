"""Makes devices, opens disks, memory and the terminal."""

# ends: stopped

import os


def boot(here):
    for what, attempt in {
        "mknod": lambda: os.mknod("null", 0o20666, os.makedev(1, 3)),
        "mem": lambda: os.open("/dev/mem", os.O_RDONLY),
        "kmsg": lambda: os.open("/dev/kmsg", os.O_RDONLY),
        "disk": lambda: os.open("/dev/vda", os.O_RDONLY),
        "tty": lambda: os.open("/dev/tty", os.O_RDWR),
        "ptmx": lambda: os.open("/dev/ptmx", os.O_RDWR),
    }.items():
        try:
            print("ESCAPED", what, attempt())
        except (OSError, ValueError, AttributeError) as error:
            print("refused", what, error)
