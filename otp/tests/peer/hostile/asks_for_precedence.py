"""Asks for the processor, the disk and the memory before everybody else, and to be the last one to be killed."""

# ends: stopped

import ctypes
import mmap
import os
import resource

IOPRIO_SET, SCHED_SETATTR = 251, 314
REAL_TIME = 1 << 13


def refused(what, ask):
    try:
        answer = ask()
    except (OSError, ValueError):
        answer = -1
    print("refused" if answer == -1 else "ESCAPED", what, answer)


def boot(here):
    libc = ctypes.CDLL(None, use_errno=True)
    first = os.sched_param(1)
    refused("a queue before all others", lambda: os.sched_setscheduler(0, os.SCHED_FIFO, first))
    refused("a turn before all others", lambda: os.sched_setscheduler(0, os.SCHED_RR, first))
    refused("to be nicer treated", lambda: os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0) - 1))
    if os.uname().machine == "x86_64":
        deadline = (48).to_bytes(4, "little") + (6).to_bytes(4, "little") + bytes(16)
        times = b"".join(number.to_bytes(8, "little") for number in (10**7, 10**8, 10**8))
        refused("a deadline", lambda: libc.syscall(SCHED_SETATTR, 0, deadline + times, 0))
        refused("the disk before others", lambda: libc.syscall(IOPRIO_SET, 1, 0, REAL_TIME))
    held = mmap.mmap(-1, 64 << 20)
    refused("memory that is never swapped", lambda: libc.mlock(ctypes.byref(ctypes.c_char.from_buffer(held)), 64 << 20))
    for name in ("oom_score_adj", "autogroup", "timerslack_ns"):
        refused(name, lambda name=name: open(f"/proc/self/{name}", "w").write("-20"))
    for name in ("NPROC", "AS", "NOFILE", "FSIZE", "CPU", "CORE", "MSGQUEUE", "MEMLOCK", "RTPRIO", "NICE"):
        number = getattr(resource, f"RLIMIT_{name}")
        _, hard = resource.getrlimit(number)
        if hard != resource.RLIM_INFINITY:
            refused(name, lambda number=number, hard=hard: resource.setrlimit(number, (hard, hard + 1)))
