"""Shuts down what it speaks over, and goes on."""

# ends: held|exit|killed
# slow: waits for a limit
# limits: hold_s=1.2

import os
import socket


def boot(here):
    for number in (3, 4):
        connection = socket.socket(fileno=os.dup(number))
        connection.shutdown(socket.SHUT_WR)
    while True:
        pass
