"""Traces the platform, and reads its memory."""

# ends: stopped

import ctypes
import os


def _checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def boot(here):
    args = here.args
    for what, attempt in {
        "attach": lambda: _checked(ctypes.CDLL(None, use_errno=True).ptrace(16, args["parent"], 0, 0)),
        "traceme": lambda: _checked(ctypes.CDLL(None, use_errno=True).ptrace(0, 0, 0, 0)),
        "process_vm_readv": lambda: _checked(
            ctypes.CDLL(None, use_errno=True).process_vm_readv(args["parent"], 0, 0, 0, 0, 0)
        ),
        "mem": lambda: open(f"/proc/{args['parent']}/mem", "rb"),
        "own mem": lambda: open("/proc/self/mem", "r+b"),
    }.items():
        try:
            print("ESCAPED", what, attempt())
        except (OSError, ValueError, AttributeError) as error:
            print("refused", what, error)
