"""Services that packages above this one provide, as far as operations use them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

from otp import Application, Node, Pid
from otp.trace import Recording
from superlearner.control.exits import Exit

__all__ = ["ApiDocument", "ChildPast", "Evaluation", "LivePages", "PlatformFacts", "PlayedRecordings",
           "PlaygroundApplication", "PlaygroundTrees", "RemoteHistory", "RestartedChildren"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChildPast:
    """What the live pages remember of the child that a process is: its key, when it started, its last ends."""

    key: str | None = None
    since: float | None = None
    exits: list[Exit] = field(default_factory=list[Exit])


class LivePages(Protocol):
    """The live pages of all nodes of this program."""

    def past_of(self, node: Node, pid: Pid) -> ChildPast:
        """Return what is remembered of the child that a process is."""
        ...

    def hurry(self, node: Node) -> None:
        """Send the next frame of a node at once."""
        ...

    def viewer_count(self) -> int:
        """Count the viewers of the platform's own node."""
        ...


class PlayedRecordings(Protocol):
    """Recordings as frames of the live page."""

    async def page(self, recording: Recording, place: int, limit: int) -> dict[str, Any]:
        """Return the tree after `place` events and what the next `limit` change."""
        ...


class RestartedChildren(Protocol):
    """The children that the platform starts again after they gave up."""

    def restarts(self, supervisor: str | None, id: str) -> bool:
        """Return whether the child of this supervisor is one of them."""
        ...


class RemoteHistory(Protocol):
    """What the tree of the user did in a program of its own."""

    async def catch_up(self) -> None:
        """Return when everything up to now is stored."""
        ...


class PlaygroundApplication(Protocol):
    """An application of the user that runs as a tree of the playground."""

    @property
    def cls(self) -> type[Application]:
        """Its class."""
        ...

    async def prep_stop(self) -> None:
        """Call its callback before its tree stops."""
        ...

    async def stop(self) -> None:
        """Call its callback after its tree has stopped."""
        ...


@dataclass(frozen=True, slots=True)
class PlaygroundTrees:
    """The applications of the playground, by the name of their tree."""

    applications: Collection[tuple[str, PlaygroundApplication]] = ()


@dataclass(frozen=True, slots=True)
class PlatformFacts:
    """The version of the platform, when it started (seconds since 1970), and whether it is ready."""

    version: str
    started_at: float
    ready: bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Whether Python that a request brings may run on the nodes of this program."""

    allowed: bool


@dataclass(frozen=True, slots=True)
class ApiDocument:
    """The OpenAPI document; `make` takes half a second the first time."""

    make: Callable[[], dict[str, Any]]

    async def read(self) -> dict[str, Any]:
        """Return the document; it is made beside the loop."""
        return await asyncio.to_thread(self.make)
