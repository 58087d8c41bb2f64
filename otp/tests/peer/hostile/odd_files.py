"""Leaves pipes, sockets, links into nowhere and everywhere, and names that are no text."""

# ends: stopped

import os
import socket


def boot(here):
    os.mkfifo("fifo")
    os.symlink("/", "root")
    os.symlink(here.args["token"], "tmp/token")
    os.symlink("loop", "loop")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
    for name in (b"\xff\xfe", b"a\nb", b"-rf", b" ", b"\x1b[2J", b"x" * 255, b"..."):
        os.mkdir(name)
        with open(os.path.join(name, name), "wb") as file:
            file.write(name)
    os.chmod("tmp", 0)
