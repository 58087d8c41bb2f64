"""Asks for larger buffers of sockets and pipes: a gigabyte in a hundred files."""

# ends: stopped

import fcntl
import os
import socket


def boot(here):
    one, other = socket.socketpair()
    _, writing = os.pipe()
    for what, attempt in {
        "to send": lambda: one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24),
        "to receive": lambda: other.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24),
        "pipe": lambda: fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 1 << 20),
    }.items():
        try:
            print("ESCAPED", what, attempt())
        except OSError as error:
            print("refused", what, error)
