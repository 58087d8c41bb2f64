"""Processes that a node owns: started from outside any process, stopped when the node closes."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any

from otp.kernel.bounded import text
from otp.kernel.log import say
from otp.kernel.monitors import watch
from otp.kernel.reasons import is_clean
from otp.kernel.starting import start_server

if TYPE_CHECKING:
    from otp.kernel.node import Node

__all__ = ["start_owned"]


async def start_owned(node: Node, cls: Any, arg: Any, name: Any, options: dict[str, Any]) -> Any:
    """Start `cls` on `node` without a parent; log its abnormal end."""
    hook = getattr(cls, "__otp_start_on__", None)
    if hook is not None:
        pid = await hook(node, arg, name=name, **options)
    elif inspect.isclass(cls):
        pid = await start_server(cls, arg, name=name, node=node, **options)
    else:
        raise TypeError(f"node.start(cls, arg): expected a behaviour's class, got {cls!r}")
    if hasattr(pid, "_st"):
        node._owned.append(pid)
        label = node.label(pid)

        def ended(reason: Any) -> None:
            if pid in node._owned:
                node._owned.remove(pid)
            if not is_clean(reason):
                say(logging.ERROR, "%s owned by node %s ended: %s", label, node.name, text(reason, length=500))

        watch(pid, ended)
    return pid
