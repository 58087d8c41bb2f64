"""Replies and Downs of a task that a test creates itself, in a chosen order."""

from __future__ import annotations

from typing import Any

import otp
from otp import Down, Exit, Task, TaskReply


def dummy(reason: Any) -> Task[Any]:
    """A task of this process whose process is dead; replies and Downs are put into the mailbox by hand."""
    pid = otp.spawn(otp.exit, "normal")
    otp.exit(pid, "kill")
    return Task(pid, otp.make_ref(), otp.self(), ("test", "dummy", 0))


def put(task: Task[Any], *messages: Any) -> None:
    """Into the owner's mailbox: a value as the reply, an `Exit` as the Down with its reason."""
    for message in messages:
        down = isinstance(message, Exit)
        otp.send(otp.self(), Down(task.ref, task.pid, message.reason) if down else TaskReply(task.ref, message))
