"""Shuts down its connection to the platform, and goes on."""

# ends: closed its line

import asyncio
import os
import socket

from otp import Children, Supervisor


def shut():
    socket.socket(fileno=os.dup(4)).shutdown(socket.SHUT_RDWR)


def act():
    asyncio.get_running_loop().call_later(0.5, shut)


class Main(Supervisor):
    def init(self, config):
        act()
        return Children([])
