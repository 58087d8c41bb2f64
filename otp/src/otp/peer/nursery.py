"""Forking guards with preloaded modules: the program `python -I -m otp.peer.nursery LINE`.

Importing what peers of one kind need takes half a second of processor time and some ten MiB. It is done once here: each
byte over `LINE`, sent with the ends of a guard's connections and of its output pipe, forks a guard, which shares the
imported pages with all others. This process runs none of any peer's program, has one thread, and ends with the
platform, and its guards with it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from typing import Final, NoReturn

from otp.peer.child import be_guard, die_with_parent, give_up, load, receive
from otp.peer.frames import send_frame
from otp.standard_streams import open_descriptors

__all__ = ["main"]

CONNECTIONS: Final = 3
"""Connections of a guard; its output may go where ours goes."""


def main() -> NoReturn:
    """Import modules, then fork on request."""
    open_descriptors()  # else a connection of a guard gets one of their numbers
    line = socket.socket(fileno=int(sys.argv[1]))
    die_with_parent(signal.SIGKILL)
    failed = load(receive(line)["preload"])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nothing reads how a guard ended, so the kernel reaps it
    here = os.getpid()
    refused: list[socket.socket] = []
    while True:
        asked, given, _, _ = socket.recv_fds(line, 1, 4)
        if not asked:
            os._exit(0)
        try:
            if len(given) >= CONNECTIONS and os.fork() == 0:
                line.close()
                _become_guard(given, here, failed)
        except OSError as error:  # no room for one more process: the requester is notified, others live on
            refused[:] = [_refuse(given.pop(0), error)]  # the connection before has been closed at its other end
        for number in given:  # fewer than sent if there was no room; their end notifies the requester
            os.close(number)


def _refuse(number: int, error: OSError) -> socket.socket:
    """Report that there is no room, and end our direction of the connection only.

    An order that is not read would reset a closed connection, and uvloop reports a reset to no reader.
    """
    guard = socket.socket(fileno=number)
    send_frame(guard, {"what": "unavailable", "why": str(error)})
    guard.shutdown(socket.SHUT_WR)
    return guard


def _become_guard(given: list[int], parent: int, failed: str | None) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)
    os.setsid()
    guard, control, link = (socket.socket(fileno=number) for number in given[:CONNECTIONS])
    for outlet in given[CONNECTIONS:]:
        os.dup2(outlet, 1)
        os.dup2(outlet, 2)
        os.close(outlet)
    send_frame(guard, {"what": "born", "pid": os.getpid()})
    if failed is not None:
        give_up(guard, failed)
    be_guard(guard, control, link, parent)


if __name__ == "__main__":
    main()
