"""Asks its connection for a handle of the process at the other end, and by that for its files, namespaces and end."""

# ends: stopped

import ctypes
import fcntl
import os
import socket

SO_PEERPIDFD, PIDFD_SEND_SIGNAL, PIDFD_GETFD, SETNS = 77, 424, 438, 308
NAMESPACES = range(0xFF01, 0xFF0A)
NETWORK_OF_SOCKET = 0x894C


def refused(what, ask):
    try:
        answer = ask()
    except OSError:
        answer = -1
    print("refused" if answer == -1 else "ESCAPED", what, answer)


def boot(here):
    libc = ctypes.CDLL(None, use_errno=True)
    refused("the network of its connection", lambda: fcntl.ioctl(here.link.fileno(), NETWORK_OF_SOCKET))
    try:
        handle = here.link.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD)
    except OSError:
        print("refused", "a handle")
        return
    with open(f"/proc/self/fdinfo/{handle}") as file:
        shown = file.read()
    print("ESCAPED" if f"\nPid:\t{here.args['parent']}\n" in shown else "refused", "its number")
    for number in NAMESPACES:
        refused(f"namespace {number:x}", lambda number=number: fcntl.ioctl(handle, number))
    if os.uname().machine == "x86_64":
        refused("a signal", lambda: libc.syscall(PIDFD_SEND_SIGNAL, handle, 0, 0, 0))
        refused("all of its namespaces", lambda: libc.syscall(SETNS, handle, 0x10000000))
        for number in range(10):
            refused(f"its file {number}", lambda number=number: libc.syscall(PIDFD_GETFD, handle, number, 0))
