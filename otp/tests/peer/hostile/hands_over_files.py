"""Hands its open files over to the platform, as many as it can."""

# ends: stopped|nonsense|killed

import array
import os
import socket


def boot(here):
    files = array.array("i", [os.open("/dev/null", os.O_RDONLY) for _ in range(60)])
    beat = (15).to_bytes(4, "big") + b'{"what":"beat"}'
    for number in (3, 4):
        with socket.socket(fileno=os.dup(number)) as connection:
            for _ in range(50):
                try:
                    connection.sendmsg([beat], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)], socket.MSG_DONTWAIT)
                except OSError as error:
                    print(error)
                    break
