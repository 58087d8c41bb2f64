"""Trial import of a changed module in a separate process, before its file runs in the platform."""

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
"""Seconds for importing a module and its dependencies."""

HELD_S: Final = 2.0
"""Seconds that a `code_change` may block the loop."""

LONGEST: Final = 1000


async def try_import(node: otp.Node, module: str) -> None:
    """Import a module in a separate process. A module that raises passes: the import here raises the same error.

    Args:
        node: the node that supervises the separate process.
        module: the module's dotted name.

    Raises:
        OperationError: `upgrade_refused` if the import does not end in time, or ends the process;
            `service_unavailable`.
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
                said = f"nothing has changed: {module} was imported in a separate process, which {words}"
                code = "upgrade_refused"
            case _:
                raise
        raise OperationError(code, clip(said, LONGEST)) from None
    await peer.kill("was tried")


@contextmanager
def ending_loops(node: otp.Node) -> Generator[None]:
    """Interrupt a `code_change` that blocks the loop for too long; only possible in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupter = Interrupter(node, HELD_S, lambda words: log.warning("%s", words))
    interrupter.start()
    try:
        yield
    finally:
        interrupter.stop()
