"""Small trees, and the texts of the feed about them."""

from __future__ import annotations

import threading
from typing import Any

import otp
from otp import Children, GenServer, NoReply, Ok, Supervisor, impl
from superlearner.app.running import Tree
from superlearner.control.steer import resolve

__all__ = ["HOLDS", "Group", "Worker", "crash", "texts", "tree"]

HOLDS = ("stuck", "answers_again")


class Worker(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        if request == "loop":
            threading.Event().wait(0.6)  # holds the loop, as an endless loop does until it is ended
        if request in ("crash", "loop"):
            raise ValueError("negative amount")
        return NoReply(state)


class Group(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        names, options = arg
        return Children([Worker.child_spec(None, id=name, name=name) for name in names], **options)


def tree(*names: str, **options: Any) -> Tree:
    return Tree("sup", lambda: Group.start_link((names, options), name="sup"))


async def texts(inside: Any, *, holds: bool = False) -> list[str]:
    """Return the texts of the feed once all supervisors have handled their mailboxes.

    Without those of `holds` of the event loop: a busy machine interrupts this program for longer than a quarter second.
    """
    for name in ("sup", "playground", "shop"):
        if inside.node.whereis(name) is not None:
            await Supervisor.count_children((name, inside.node))
    inside.hub.flush()
    return [entry.text for entry in inside.hub.feed.entries() if holds or entry.kind not in HOLDS]


async def crash(inside: Any, name: str) -> None:
    pid = resolve(inside.node, name)
    GenServer.cast(pid, "crash")
    await otp.wait_down(pid, timeout=5)
