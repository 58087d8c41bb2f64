"""Protocols of the services that higher packages provide to operations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from otp import Application, Node, Pid
from otp.trace import Recording
from superlearner.control.exits import Exit
from superlearner.nodes.nodes import WatchedNode
from superlearner.nodes.remote import RemoteNode
from superlearner.observing.monitoring import ServiceGap
from superlearner.operations.context import Context
from superlearner.operations.declaration import Operation
from superlearner.operations.results.system import AnomalyLine
from superlearner.restarts.ids import Ref
from superlearner.store import MomentRow

__all__ = ["ApiDocument", "ChildPast", "Evaluation", "LastAnomalies", "LivePages", "MomentFiles",
           "MomentHistory", "MomentPage", "Ownership", "PlatformFacts", "PlayedRecordings",
           "PlaygroundApplication", "PlaygroundTrees", "Reach", "RemoteHistory"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class ChildPast:
    """The live pages' record of a child: its key, its last exits."""

    key: str | None = None
    exits: list[Exit] = field(default_factory=list[Exit])


class Ownership(Protocol):
    """The owners of things."""

    async def admit(self, operation: Operation, context: Context, parameters: Mapping[str, Any]) -> None:
        """Check a user who may not call the operation on everything; choose the node if the request names none.

        Raises:
            OperationError: the thing that the request names belongs to others, or does not exist.
        """
        ...


class MomentHistory(Protocol):
    """The restarts that have settled, in memory and in the store.

    Attributes:
        unread: why the store could not be read when a page was last requested; None if it was, or there is no store.
    """

    unread: str | None

    async def find(
        self, ref: Ref, node: str | None, sees: Callable[[str | None], bool], at: float | None = None
    ) -> MomentRow | None:
        """Return the moment that an event belongs to, else the sum that counts it.

        Args:
            ref: its id; without a run, the newest program of the node that has such a number.
            node: the node to prefer, or to which a number without a run belongs.
            sees: whether the reader sees what belongs to an owner.
            at: the time of the moment, within some seconds, in seconds since 1970; it is known from an old address.

        Raises:
            StoreUnavailable: it may be in the store, which cannot be read now.
        """
        ...

    async def page(
        self,
        nodes: list[str],
        kinds: list[str],
        owner: str | None,
        since: float | None,
        until: float | None,
        offset: int,
        limit: int,
        *,
        process: str | None = None,
        number: int | None = None,
        replays: bool = True,
    ) -> tuple[list[MomentRow], int]:
        """Return moments of some nodes, newest first, and their number; those in memory if the store cannot be read.

        Args:
            nodes: the names of the nodes.
            kinds: the kinds whose nodes are meant too, even if they are not known any more.
            owner: only those of this owner; None for all.
            since: only from this time on, in seconds since 1970.
            until: only before this time.
            offset: rows to leave out first.
            limit: maximum number of rows.
            process: only those whose line names this process, and all give-ups; see `restart_words.page_about`.
            number: only those with this number; a loss or a return of a node has the number 1.
            replays: False leaves out their replays, see `read_replays`.
        """
        ...

    async def has_anomalies(self, nodes: list[str], owner: str | None) -> bool:
        """Return whether past anomalies of some nodes are stored; False if the store cannot be read.

        Args:
            nodes: the names of the nodes.
            owner: only those of this owner; None for all.
        """
        ...

    async def read_replays(self, rows: list[MomentRow]) -> list[MomentRow]:
        """Return moments with the replays that were left out; without them if the store cannot be read."""
        ...

    def has(self, node: WatchedNode | RemoteNode, number: int, run: str) -> bool:
        """Return whether the restart with this first cause is one of the moments, alone or in a sum.

        For a node of this program, also in one of the `open_sums`.
        """
        ...

    def open_sums(self, node: WatchedNode) -> list[MomentRow]:
        """Return the sums of the present minute, which still grow, of a node of this program."""
        ...


class LastAnomalies(Protocol):
    """The anomalies that the platform has read of its nodes."""

    def last_of(self, node: str) -> list[AnomalyLine]:
        """Return the anomalies that were active at the last read of a silent node.

        None if its program has ended, or if a user ended the observation.
        """
        ...


class LivePages(Protocol):
    """The live pages of all nodes of this program."""

    def past_of(self, node: Node, pid: Pid) -> ChildPast:
        """Return the record of the child that a process belongs to."""
        ...

    def born(self, watched: WatchedNode, pid: Pid) -> float | None:
        """Return when a process started; None if that is unknown."""
        ...

    def hurry(self, node: Node) -> None:
        """Send the next frame of a node immediately."""
        ...

    def viewer_count(self) -> int:
        """Count the viewers of the platform's own node."""
        ...


class PlayedRecordings(Protocol):
    """Recordings as frames of the live page."""

    async def page(self, recording: Recording, place: int, limit: int) -> dict[str, Any]:
        """Return the tree after `place` events and the changes of the next `limit` events."""
        ...


class RemoteHistory(Protocol):
    """The history of the user's tree, which runs in another process."""

    async def catch_up(self) -> None:
        """Wait until all events so far are stored."""
        ...


class PlaygroundApplication(Protocol):
    """An application of the user that runs as a tree of the playground."""

    @property
    def cls(self) -> type[Application]:
        """The class of the application."""
        ...

    async def prep_stop(self) -> None:
        """Call the application's `prep_stop`, before its tree stops."""
        ...

    async def stop(self) -> None:
        """Call the application's `stop`, after its tree has stopped."""
        ...


@dataclass(frozen=True, slots=True)
class PlaygroundTrees:
    """The applications of the playground, by the name of their tree."""

    applications: Collection[tuple[str, PlaygroundApplication]] = ()


@dataclass(frozen=True, slots=True)
class PlatformFacts:
    """The platform's version, start time (seconds since 1970) and readiness, and its services that do not work."""

    version: str
    started_at: float
    ready: bool
    gaps: Sequence[ServiceGap] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """The addresses of the platform for links, the best one first.

    Attributes:
        urls: at least one, without a slash at the end.
        note: why machines of others may be unable to open them; None if they can.
        owner_code: makes the code of a link for the owner that is valid for some seconds; None without credentials.
    """

    urls: list[str]
    note: str | None
    owner_code: Callable[[float], str | None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The permission to evaluate Python from requests on the nodes of this program."""

    allowed: bool


@dataclass(frozen=True, slots=True)
class MomentPage:
    """The content of a file that plays a moment.

    Attributes:
        title: what happened.
        at: when, in UTC.
        node: where; None for a question of the game.
        summary: for browsers without JavaScript.
        moment: as `restart.show` answers, without what a file must not tell.
        notes: what to know besides; None for the notes of a restart.
    """

    title: str
    at: datetime
    node: str | None
    summary: str
    moment: Mapping[str, Any]
    notes: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class MomentFiles:
    """The maker of files that play a moment: `make` returns an HTML document."""

    make: Callable[[MomentPage], str]


@dataclass(frozen=True, slots=True)
class ApiDocument:
    """The OpenAPI document; the first `make` takes half a second."""

    make: Callable[[], dict[str, Any]]

    async def read(self) -> dict[str, Any]:
        """Return the document, made in a thread."""
        return await asyncio.to_thread(self.make)
