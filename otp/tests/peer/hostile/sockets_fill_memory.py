"""Fills memory that belongs to no process: the buffers of sockets, in several processes."""

# ends: memory
# limits: memory_mb=128
# reason: used more than 128 MiB of memory

import os
import socket
import time


def fill():
    kept = []
    try:
        while True:
            kept += socket.socketpair()
            for end in kept[-2:]:
                end.setblocking(False)
                try:
                    while True:
                        end.send(bytes(65536))
                except OSError:
                    pass
    except OSError:
        time.sleep(100)


def boot(here):
    for _ in range(8):
        if os.fork() == 0:
            fill()
