"""The process that owns a task of asyncio."""

from __future__ import annotations

import gc
from contextvars import Context
from typing import Any

from otp.kernel.process import OWNER

__all__ = ["task_owner"]


def task_owner(task: Any) -> Any:
    """Return the process in whose context a task runs."""
    get_context = getattr(task, "get_context", None)
    if get_context is not None:
        return get_context().get(OWNER)
    for part in gc.get_referents(task):  # Python 3.11 has no `get_context`; the task's own context comes first
        if type(part) is Context:
            return part.get(OWNER)
    return None
