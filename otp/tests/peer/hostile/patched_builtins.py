"""Replaces builtins and the modules that the runtime uses."""

# ends: held|exit|failed|stopped|killed|signal
# limits: hold_s=1.2

import asyncio
import builtins
import json
import os
import socket
import time


def broken(*args, **kwargs):
    raise RuntimeError("broken")


def boot(here):
    for module, names in {
        builtins: ("open", "print", "len", "isinstance", "getattr"),
        json: ("dumps", "loads"),
        time: ("monotonic", "time"),
        os: ("kill", "getpid", "read", "write"),
        socket.socket: (),
        asyncio: ("run", "sleep"),
    }.items():
        for name in names:
            setattr(module, name, broken)
