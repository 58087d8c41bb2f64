"""Sessions whose frames arrive at once, without loop or network."""

from __future__ import annotations

import random
from typing import Any

from otp.distribution import NodeId, Session, Settings
from otp.distribution.actions import Flush, Put, Room, Up
from otp.distribution.frames import decode

__all__ = ["A", "B", "C", "COOKIE", "Wire", "kinds"]

A, B, C = NodeId("a", 1), NodeId("b", 1), NodeId("c", 1)
COOKIE = b"secret"


class Wire:
    """Some sessions; frames are brought at once, unless `lose` says no, and everything else is kept in `seen`.

    The carrier takes any number of bytes, or with `is_full` what `give` says.
    """

    def __init__(self, *nodes: NodeId, cookies: dict[NodeId, bytes] | None = None, **settings: Any) -> None:
        source = random.Random(1)
        self.sessions = {
            node: Session(node, (cookies or {}).get(node, COOKIE), Settings(**settings), nonce=source.randbytes)
            for node in nodes
        }
        self.now = 0.0
        self.seen: dict[NodeId, list[Any]] = {node: [] for node in nodes}
        self.frames: list[tuple[NodeId, NodeId, bytes]] = []
        self.lose: Any = lambda *_: False
        self.is_full = False

    def do(self, at: NodeId, method: str, *args: Any) -> list[Any]:
        """Tell a session something and bring whatever follows; what it alone wanted, for a look at it."""
        return self.carry_out(at, getattr(self.sessions[at], method)(self.now, *args))

    def give(self, at: NodeId, to: NodeId, size: int = 1 << 30) -> list[Any]:
        """Let the carrier of a session take some bytes for another one."""
        return self.carry_out(at, self.sessions[at].room(to, size))

    def carry_out(self, at: NodeId, first: list[Any]) -> list[Any]:
        todo = [(at, action) for action in first]
        for node, action in todo:
            if isinstance(action, Room):
                if not self.is_full:
                    todo += [(node, new) for new in self.sessions[node].room(action.node, 1 << 20)]
                continue
            if isinstance(action, Flush):
                todo += [(node, new) for new in self.sessions[node].flush(action.node)]
                continue
            if not isinstance(action, Put):
                self.seen[node].append(action)
                continue
            self.frames.append((node, *action))
            if action.node in self.sessions and not self.lose(node, *action):
                todo += [(action.node, new) for new in self.sessions[action.node].receive(self.now, node, action.frame)]
        return first

    def connected(self) -> Wire:
        self.do(A, "connect", B)
        assert [Up(B, 1)] == self.seen[A]
        assert [Up(A, 1)] == self.seen[B]
        self.pass_time(1)
        for seen in self.seen.values():
            seen.clear()
        return self

    def pass_time(self, seconds: float, *nodes: NodeId) -> None:
        """Heartbeats of the nodes given, or of all."""
        for _ in range(int(seconds)):
            self.now += 1.0
            for node in nodes or self.sessions:
                self.do(node, "tick")


def kinds(frames: list[tuple[NodeId, NodeId, bytes]]) -> list[type]:
    return [type(decode(source, frame, 1 << 20)) for source, _, frame in frames]
