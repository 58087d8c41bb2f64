"""A changed module is tried in a program of its own before its file runs in the loop of the platform."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import otp
from otp.peer import Limits
from otp.peer import start as start_peer
from superlearner.control.reasons import tagged
from superlearner.control.terms import clip
from superlearner.operations.failures import OperationError
from superlearner.sandbox.interrupting import Interrupter

__all__ = ["ending_loops", "try_import"]

log: Final = logging.getLogger(__name__)

IMPORT_S: Final = 10.0
"""Seconds for the file of a module, and for whatever it imports for the first time."""

HELD_S: Final = 2.0
"""Seconds for which a `code_change` may hold the loop."""

LONGEST: Final = 1000


async def try_import(node: otp.Node, module: str) -> None:
    """Import a module in another program, which ends then. One that raises there is left to whoever imports it here.

    Args:
        node: whose process looks after that program.
        module: its dotted name.

    Raises:
        OperationError: `upgrade_refused` if it does not come to its end, or ends the program; `service_unavailable`.
    """
    if not hasattr(os, "fork"):
        return
    limits = Limits(hold_s=IMPORT_S, start_s=IMPORT_S + 5.0)
    try:
        peer = await start_peer(
            f"trial@{node.name.rpartition('@')[2]}",
            "superlearner.base.tried_module:boot",
            (module, list(sys.path)),
            limits=limits,
            env=dict(os.environ),
            cwd=os.getcwd(),
            node=node,
        )
    except otp.StartError as error:
        match tagged(error.reason):
            case "peer", ("failed", _):
                return
            case "peer", ("unavailable", words):
                code, said = "service_unavailable", f"{module} cannot be tried: {words}"
            case "peer", (_, words):
                said = f"nothing has changed: {module} was tried in a program of its own, which {words}"
                code = "upgrade_refused"
            case _:
                raise
        raise OperationError(code, clip(said, LONGEST)) from None
    await peer.kill("was tried")


@contextmanager
def ending_loops(node: otp.Node) -> Generator[None]:
    """End a `code_change` meanwhile that holds the loop for too long, where signals reach the loop's thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupter = Interrupter(node, HELD_S, lambda words: log.warning("%s", words))
    interrupter.start()
    try:
        yield
    finally:
        interrupter.stop()
