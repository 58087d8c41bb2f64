"""Tasks of a node that belong to no process."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any

from otp.kernel.steps.node import Node

__all__ = ["start_detached"]


def start_detached(node: Node, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Run a coroutine in a task that belongs to no process."""
    s = node.scheduler
    current, s.current = s.current, None
    try:
        return s.loop.create_task(coroutine, context=Context())
    finally:
        s.current = current
