"""The state that the parts of a platform share.

A plain object, created in the running loop by the program or a test. Nothing here is global.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import otp
from superlearner.base.data_dir import DATABASE_FILE
from superlearner.base.listening import Listener
from superlearner.base.terminal import complain
from superlearner.cluster.member_launcher import MemberLauncher
from superlearner.cluster.members import ClusterEvent, Members
from superlearner.cluster.simulator import SingleNodeSimulator
from superlearner.cluster.ways import Way, tls_of
from superlearner.control.clock import timestamp
from superlearner.control.terms import clip
from superlearner.course.classroom import Classroom
from superlearner.course.course import Course
from superlearner.course.engine.checking import Checker
from superlearner.live.hub import Hub
from superlearner.live.node_list import NodeList
from superlearner.live.node_services import NodeServices
from superlearner.live.relay import Relays
from superlearner.live.replay import Replays
from superlearner.nodes.attaching import Attachments, KnownServices
from superlearner.nodes.nodes import Nodes
from superlearner.observing.analytics import Ledger
from superlearner.observing.events import EventLog
from superlearner.observing.logs import LogLine, LogView
from superlearner.observing.monitoring import ANOMALY_EVENTS, Monitor, Source, Tally
from superlearner.observing.monitoring.facts import PLATFORM
from superlearner.observing.tracing import Recordings
from superlearner.operations.engine.audit import announce
from superlearner.operations.engine.registry import Registry, all_operations
from superlearner.operations.engine.seams import (
    ApiDocument,
    LastAnomalies,
    MomentFiles,
    Ownership,
    PlayedRecordings,
    Reach,
)
from superlearner.operations.engine.searched import searched
from superlearner.operations.engine.services import Services
from superlearner.operations.rights.accounts import Accounts, UserChange
from superlearner.operations.rights.homes import Homes
from superlearner.operations.rights.ownership import Owners
from superlearner.operations.rights.quotas import Quotas
from superlearner.operations.rights.tokens import Tokens
from superlearner.sandbox import PeerLauncher, Sandbox, Sandboxes, SandboxManager
from superlearner.sandbox.ledger import SandboxLedger
from superlearner.settings.configuration import Configuration
from superlearner.settings.settings import Settings
from superlearner.store import RowRetention, Store, Token, UserRow
from superlearner.store.store import MOMENT_LINES
from superlearner.teaching.manual import Manual
from superlearner.web.addresses import addresses_of
from superlearner.web.anomaly_history import AnomalyHistory
from superlearner.web.moment_files import make_moment_file
from superlearner.web.node_figures import NodeFigures
from superlearner.web.openapi import document_maker

if TYPE_CHECKING:
    from superlearner.access.credentials import Credentials

__all__ = ["Platform", "Readiness", "way_of"]

log: Final = logging.getLogger(__name__)
RECORDINGS: Final = "recordings"
LONGEST_LOGGED: Final = 500


class Readiness(Protocol):
    """The state of the start of a platform: whether it is over, and what is missing."""

    @property
    def ready(self) -> bool:
        """Return whether its application has started."""
        ...

    def missing_parts(self) -> list[str]:
        """Return the parts that are missing for the platform to be ready."""
        ...

    async def silent_trees(self) -> list[str]:
        """Return the trees in other programs that run and do not answer."""
        ...


class Platform(NodeServices):
    """The parts that pages and operations of a platform need; `superlearner.app.running` runs it.

    Args:
        node: the node on which it runs.
        settings: its settings; a `Configuration` if they can change while it runs.
        listener: the bound socket.
        version: the version that pages show.
        credentials: required if the settings ask for credentials.
        epoch: identifies this run of the platform; random by default.
        arsenal: the operations; all of them by default.
    """

    def __init__(
        self,
        node: otp.Node,
        settings: Settings | Configuration,
        listener: Listener,
        version: str = "0",
        credentials: Credentials | None = None,
        *,
        epoch: str | None = None,
        arsenal: Registry | None = None,
    ) -> None:
        configuration = settings if isinstance(settings, Configuration) else Configuration.of(settings)
        settings = configuration.current
        epoch = epoch or secrets.token_hex(4)
        super().__init__(
            node,
            configuration,
            version=version,
            epoch=epoch,
            events=EventLog(epoch, settings.events_kept),
            arsenal=all_operations() if arsenal is None else arsenal,
            evaluates=settings.allow_eval,
        )
        self.listener = listener
        self.addresses = addresses_of(settings, listener)
        self.credentials = credentials
        self.tally = Tally()
        self.telemetry.attach(self.tally.on_event)
        self.attachments = Attachments(self.nodes, self._report_attached)
        self.store = Store(
            _database(settings),
            telemetry=self.telemetry,
            tell=self._report_store,
            audit=lambda: RowRetention(self.settings.audit_rows, self.settings.audit_days),
            moments=lambda: RowRetention(MOMENT_LINES, self.settings.moments_days, self.settings.moments_kept),
        )
        self.moments.store = self.store
        self.attachments.on_change = self.moments.add_service_change
        self.tokens = Tokens(self.store, None if credentials is None else credentials.clock)
        self.accounts = Accounts(self.store, self.tokens)
        self.audit.listen(self.store.append_audit)
        self.audit.listen(partial(announce, self.events))
        self.telemetry.attach(partial(self._report_anomaly, None), *ANOMALY_EVENTS)
        self.log = LogView(settings.log_kept, None if credentials is None else credentials.is_token)
        self.analytics = Ledger(
            self.store,
            telemetry=self.telemetry,
            most=settings.max_events_per_supervisor,
            scan_interval=settings.scan_interval,
            detailed=settings.enable_detailed_logging,
        )
        self.monitor = Monitor(lambda: self.settings, self.analytics, telemetry=self.telemetry)
        self.monitor.observer = PLATFORM
        folder = None if settings.data_dir is None else settings.data_dir.absolute() / RECORDINGS
        self.recordings = Recordings(folder, self.store)
        self.relays = Relays(self.head)
        self.node_list = NodeList(self.nodes, self.head)
        self.moments.on_moment = self.node_list.count_restart
        self.replays = Replays()
        self.members = Members(
            way_of(settings), self.nodes, lambda: self.node, self._facts_for_members, self._report_member
        )
        self.members.on_change = self.moments.add_service_change
        self.members.on_event = self._publish_member
        here = PeerLauncher(self.nodes, self._touch_sandbox, weak=settings.weak_walls)
        launcher = MemberLauncher(here, self.nodes, lambda: self.node, self._touch_sandbox, self.members.loss_of)
        self.sandboxes = Sandboxes(launcher, lambda: self.settings.sandboxes, self._report_sandbox)
        self.sandboxes.changed = self.node_list.sandboxes_changed
        self.course = Course()
        self.classroom = Classroom(self.store.learning, self.course)
        self.checker = Checker(2, weak=settings.weak_walls, node=lambda: self.node)
        if settings.data_dir is not None:
            self.attachments.stored = KnownServices(settings.data_dir.absolute())
            self.sandboxes.ledger = SandboxLedger(settings.data_dir.absolute() / "sandboxes")
        self.nodes.node_of = self.sandboxes.node_of
        self.simulator = SingleNodeSimulator(self.members, self.nodes)
        self.nodes.explainers = [self.sandboxes.absence, self.attachments.absence, self.members.absence]
        self.tokens.listen(self._token_ended)
        self.accounts.listen(self._user_changed)
        self.sandboxes.left = self.accounts.has_left  # also when the last token expires
        self.node_figures = NodeFigures(self.nodes, self.attachments, self.arsenal)
        self.anomaly_history = AnomalyHistory(self.nodes, self.arsenal, self.moments.add_anomaly, timestamp)
        self.manual = Manual(root=settings.root_path, more=lambda: searched(self.arsenal, settings.root_path))
        self.openapi = document_maker(
            tuple(self.arsenal),
            version=version,
            at=listener.url(settings.root_path),
            root_path=settings.root_path,
            asks_everybody=settings.requires_credentials,
        )
        """Returns the OpenAPI document."""
        self.homes = Homes()
        self.quotas = Quotas(self.accounts, lambda: self.settings, self.sandboxes, self.recordings)
        self._provide()

    def _provide(self) -> None:
        """Add the services that operations can name on a platform only; each is looked up when an operation runs."""
        provide = self.services.provide
        owners = Owners(self.services)
        provide(Accounts, lambda: self.accounts)
        provide(ApiDocument, lambda: ApiDocument(self.openapi))
        provide(Attachments, lambda: self.attachments)
        provide(Checker, lambda: self.checker)
        provide(Classroom, lambda: self.classroom)
        provide(Configuration, lambda: self.configuration)
        provide(Course, lambda: self.course)
        provide(Homes, lambda: self.homes)
        provide(LastAnomalies, lambda: self.anomaly_history)
        provide(LogView, lambda: self.log)
        provide(Manual, lambda: self.manual)
        provide(Members, lambda: self.members)
        provide(MomentFiles, lambda: MomentFiles(make_moment_file))
        provide(Nodes, lambda: self.nodes)
        provide(Ownership, lambda: owners)
        provide(PlayedRecordings, lambda: self.replays)
        provide(Quotas, lambda: self.quotas)
        provide(Reach, lambda: Reach(list(self.addresses.urls), self.addresses.note, self.owner_code))
        provide(Recordings, lambda: self.recordings)
        provide(Sandboxes, lambda: self.sandboxes)
        provide(SingleNodeSimulator, lambda: self.simulator)
        provide(Services, lambda: self.services)
        provide(Store, lambda: self.store)
        provide(Tokens, lambda: self.tokens)

    @property
    def hub(self) -> Hub:
        """The hub of the platform's own node."""
        return self.hubs.own

    def owner_code(self, seconds: float | None = None) -> str | None:
        """Return the code of a new sign-in link for the owner; None without credentials."""
        if self.credentials is None:
            return None
        return self.credentials.new_code(seconds=seconds or self.settings.owner_link_expires)

    def figures(self) -> Source:
        """Return the source that exporters read."""
        others = self.node_figures
        own = lambda: self.node, self.monitor, self.tally, self.version, self.started_at
        return Source(*own, lambda: others.latest, others.read)

    def record_log_lines(self) -> None:
        """Record log lines from now on; warnings and errors become events."""
        loop = asyncio.get_running_loop()
        here = threading.get_ident()

        def receive(number: int, line: LogLine) -> None:
            if line.level in ("debug", "info"):
                return
            if threading.get_ident() == here:
                self._report_line(number, line)
            else:
                with contextlib.suppress(RuntimeError):  # the loop was just closed
                    loop.call_soon_threadsafe(self._report_line, number, line)

        self.log.listener = receive
        self.log.open()

    def _facts_for_members(self) -> dict[str, Any]:
        """Return the facts about the platform that other members of its cluster see."""
        http = self.listener.url(self.settings.root_path)
        return {"kind": "platform", "os_pid": os.getpid(), "http": http, "version": self.version}

    def _report_member(self, level: str, text: str) -> None:
        """Report a change of the cluster on the page and in the log."""
        log.log(logging.INFO if level == "ok" else logging.WARNING, "%s", text)
        self.hub.note(level, text, kind="member")

    def _publish_member(self, change: ClusterEvent, text: str) -> None:
        members, lost = self.members.names(), sorted(self.members.lost())
        data = {
            "member": change.node, "what": change.what, "incarnation": change.incarnation, "reason": change.reason,
            "members": members, "lost": lost, "partition_status": self.simulator.partition_with(self.members),
        }  # fmt: skip
        self.events.emit("cluster_changed", text, data, name=change.node)

    def _report_attached(self, level: str, text: str) -> None:
        """Report a change of an attached service on the page and in the log."""
        log.log(logging.INFO if level == "ok" else logging.WARNING, "%s", text)
        self.hub.note(level, text, kind="attached")

    def _report_store(self, level: str, text: str) -> None:
        complain(text)
        if self.store.trouble is not None:
            complain(self.store.trouble.hint)
        self.hub.note(level, text)

    def _report_sandbox(self, level: str, text: str, sandbox: Sandbox) -> None:
        data = {"sandbox": sandbox.id, "status": sandbox.status, "owner": sandbox.owner}
        self.telemetry.execute("sandbox.changed", {}, data)
        self.events.emit("sandbox", text, data, name=sandbox.id)
        if level == "bad" and not sandbox.alive:
            log.warning("%s", text)
        self.hub.note(level, text)

    def _touch_sandbox(self, sandbox: str) -> None:
        self.sandboxes.touch(sandbox)

    def _token_ended(self, revoked: Token) -> None:
        """End what a user owns who was added with a token, once their last token is revoked."""
        if revoked.user not in self.tokens.users() and self.accounts.is_implied(revoked.user):
            SandboxManager.forsake(self.node, revoked.user)

    def _user_changed(self, row: UserRow, change: UserChange) -> None:
        if change == "removed":
            SandboxManager.forsake(self.node, row.name)

    def _report_line(self, number: int, line: LogLine) -> None:
        text = clip(f"{line.level.upper()} {line.logger}: {line.text}", LONGEST_LOGGED)
        data = {"level": line.level, "logger": line.logger, "report": line.report, "number": number}
        if line.node is not None:
            data["written_on"] = line.node
        self.events.emit("logged", text, data, pid=line.pid, name=line.name, supervisor=line.supervisor)


def way_of(settings: Settings) -> Way | None:
    """Return how the platform joins the cluster of its data directory; None if it does not."""
    if settings.data_dir is None or settings.discovery == "none":
        return None
    return Way(
        settings.data_dir.absolute(),
        connect=settings.cluster_connect,
        listen=settings.cluster_listen,
        advertise=settings.cluster_advertise,
        discovery=settings.discovery,
        tls=tls_of(settings.cluster_ca, settings.cluster_cert, settings.cluster_key),
    )


def _database(settings: Settings) -> str | Path | None:
    """Return where the database is, or None for a platform without one."""
    if settings.database is not None or settings.data_dir is None:
        return settings.database
    return settings.data_dir.absolute() / DATABASE_FILE
