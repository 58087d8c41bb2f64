"""Fills memory with sockets that are closed again, and wait to be accepted with all that was sent."""

# ends: memory
# limits: memory_mb=128

import socket


def boot(here):
    server = socket.socket(socket.AF_UNIX)
    server.bind("s")
    server.listen(100_000)
    while True:
        with socket.socket(socket.AF_UNIX) as one:
            one.setblocking(False)
            one.connect("s")
            try:
                while True:
                    one.send(bytes(65536))
            except OSError:
                pass
