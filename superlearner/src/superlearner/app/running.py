"""The state that the parts of a running platform share.

A plain object, created by the command line or a test and passed on by the application. Nothing here is global.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import otp
from otp import sentences
from superlearner.app.guarding import Guard
from superlearner.app.keeping import Keeper, Kept, rest_text
from superlearner.app.node_figures import NodeFigures
from superlearner.app.reaching import addresses_of
from superlearner.app.services import services_of
from superlearner.base.data_dir import DATABASE_FILE
from superlearner.base.listening import Listener
from superlearner.base.telemetry import Telemetry
from superlearner.base.terminal import complain
from superlearner.cluster.members import Members
from superlearner.cluster.ways import Way, tls_of
from superlearner.control.supervising import pid_of
from superlearner.control.terms import clip
from superlearner.course.course import Course
from superlearner.course.engine.checking import Checker
from superlearner.nodes.attaching import Attachments
from superlearner.nodes.nodes import Nodes
from superlearner.observing.analytics import Ledger
from superlearner.observing.events import EventLog
from superlearner.observing.logs import LogLine, LogView
from superlearner.observing.monitoring import Monitor, Source, Tally
from superlearner.observing.tracing import Recordings, Traces
from superlearner.operations.engine.audit import AuditLog, announce
from superlearner.operations.engine.registry import Registry, all_operations
from superlearner.operations.engine.searched import searched
from superlearner.operations.rights.accounts import Accounts, UserChange
from superlearner.operations.rights.homes import Homes
from superlearner.operations.rights.ownership import Owners
from superlearner.operations.rights.quotas import Quotas
from superlearner.operations.rights.tokens import Tokens
from superlearner.sandbox import PeerLauncher, Sandbox, Sandboxes, SandboxManager
from superlearner.sandbox.ledger import SandboxLedger
from superlearner.settings.configuration import Configuration
from superlearner.settings.settings import Settings
from superlearner.store import RowsKept, Store, Token, UserRow
from superlearner.teaching.manual import Manual

if TYPE_CHECKING:
    from superlearner.access.credentials import Credentials
    from superlearner.app.ending import Ending
    from superlearner.app.own_application import OwnApplication
    from superlearner.app.own_peer import OwnProgram
    from superlearner.app.slow_starts import Rescue
    from superlearner.live.hub import Hub
    from superlearner.live.hubs import Hubs
    from superlearner.live.node_list import NodeList
    from superlearner.live.relay import Relays
    from superlearner.live.replay import Replays
    from superlearner.live.trace_feed import TraceFeeds
    from superlearner.observing.watchdog import Held, Watchdog
    from superlearner.web.web_server import WebState

__all__ = ["NODE_NAME", "Platform", "Tree"]

log: Final = logging.getLogger(__name__)
NODE_NAME: Final = "superlearner@127.0.0.1"
RECORDINGS: Final = "recordings"
ANOMALY_EVENTS: Final = {"anomaly.raised": "anomaly_raised", "anomaly.ended": "anomaly_ended"}
LONGEST_TOLD: Final = 500
PARTS: Final = ("superlearner", "services", "playground")


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree of the playground: its name and its start function."""

    name: str
    start: Callable[[], Awaitable[Any]]
    application: OwnApplication | None = None
    """The user's application, if it is one: its callbacks run when the platform stops."""

    own: bool = False
    """True for the user's tree: the platform is ready only while it runs."""


class Platform:
    """A running platform.

    Args:
        settings: its settings; a `Configuration` if they can change while it runs.
        listener: the bound socket; None for a platform without a web server (tests).
        trees: the trees of the playground.
        version: the version that pages show.
        credentials: required if the settings ask for credentials.
        epoch: identifies this run of the platform; random by default.
        arsenal: the operations; all of them by default.
    """

    def __init__(
        self,
        settings: Settings | Configuration,
        listener: Listener | None,
        trees: tuple[Tree, ...],
        version: str = "0",
        credentials: Credentials | None = None,
        *,
        epoch: str | None = None,
        arsenal: Registry | None = None,
    ) -> None:
        self.configuration = settings if isinstance(settings, Configuration) else Configuration.of(settings)
        settings = self.settings
        self.listener = listener
        self.addresses = addresses_of(settings, listener)
        self.trees = trees
        self.version = version
        self.credentials = credentials
        self.evaluates = settings.allow_eval
        """True if Python code from requests is evaluated on the nodes of this program."""
        self.epoch = epoch or secrets.token_hex(4)
        self.started_at = time.time()
        self.ready = False
        self.root: otp.Pid | None = None
        self.main: otp.Pid | None = None
        """The program's first process, which waits for its end."""
        self.hubs: Hubs | None = None
        self.trace_feeds: TraceFeeds | None = None
        self.relays: Relays | None = None
        self.node_list: NodeList | None = None
        self.replays: Replays | None = None
        self.web: WebState | None = None
        self.own_program: OwnProgram | None = None
        """The program of the user's tree, if it runs in a separate one."""
        self.watchdog: Watchdog | None = None
        self.ending: Ending | None = None
        self.rescue: Rescue | None = None
        self.keeper = Keeper(self._tell)
        self.telemetry = Telemetry()
        self.tally = Tally()
        self.telemetry.attach(self.tally.on_event)
        self.audit = AuditLog()
        self.nodes = Nodes(lambda: self.settings, self.epoch, version, self._tell_fault)
        self.attachments = Attachments(self.nodes, self._tell_attached)
        self.store = Store(
            _database(settings),
            telemetry=self.telemetry,
            tell=self._store_tells,
            audit=lambda: RowsKept(self.settings.audit_rows, self.settings.audit_days),
        )
        self.tokens = Tokens(self.store, None if credentials is None else credentials.clock)
        self.accounts = Accounts(self.store, self.tokens)
        self.audit.listen(self.store.append_audit)
        self.events = EventLog(self.epoch, settings.events_kept)
        self.audit.listen(partial(announce, self.events))
        self.telemetry.attach(self._tell_anomaly, *ANOMALY_EVENTS)
        self.log = LogView(settings.log_kept, None if credentials is None else credentials.is_token)
        self.analytics = Ledger(
            self.store,
            telemetry=self.telemetry,
            most=settings.max_events_per_supervisor,
            scan_interval=settings.scan_interval,
            detailed=settings.enable_detailed_logging,
        )
        self.monitor = Monitor(lambda: self.settings, self.analytics, telemetry=self.telemetry)
        self.guard = Guard(self.keeper, self.monitor.look)
        self.monitor.services = self.guard.gaps
        self.traces = Traces(keep=lambda: self.settings.keep_traces, telemetry=self.telemetry)
        folder = None if settings.data_dir is None else settings.data_dir.absolute() / RECORDINGS
        self.recordings = Recordings(folder, self.store)
        launcher = PeerLauncher(self.nodes, self._used_sandbox, weak=settings.weak_walls)
        self.sandboxes = Sandboxes(launcher, lambda: self.settings.sandboxes, self._tell_sandbox)
        self.sandboxes.changed = self._sandboxes_changed
        self.course = Course()
        self.checker = Checker(1, weak=settings.weak_walls, node=self.running_node)
        if settings.data_dir is not None:
            self.sandboxes.ledger = SandboxLedger(settings.data_dir.absolute() / "sandboxes")
        self.nodes.node_of = self.sandboxes.node_of
        self.members = Members(
            _way(settings), self.nodes, self.running_node, self._facts_for_members, self._tell_member
        )
        self.nodes.explainers = [self.sandboxes.absence, self.attachments.absence, self.members.absence]
        self.tokens.listen(self._token_ended)
        self.accounts.listen(self._user_changed)
        self.sandboxes.left = self.accounts.has_left  # also when the last token expires
        self.arsenal = all_operations() if arsenal is None else arsenal
        self.node_figures = NodeFigures(self.nodes, self.attachments, self.arsenal)
        self.manual = Manual(root=settings.root_path, more=lambda: searched(self.arsenal, settings.root_path))
        self.openapi: Callable[[], dict[str, Any]] = dict
        self.homes = Homes()
        self.quotas = Quotas(self.accounts, lambda: self.settings, self.sandboxes, self.recordings)
        self.services = services_of(self)
        self.owners = Owners(self.services)
        self.services.check(self.arsenal)

    @property
    def settings(self) -> Settings:
        """The values in effect; read them when needed, since they may change."""
        return self.configuration.current

    @property
    def hub(self) -> Hub | None:
        """The hub of the platform's own node; None for a platform without a web server."""
        return None if self.hubs is None else self.hubs.own

    def owner_code(self, seconds: float | None = None) -> str | None:
        """Return the code of a new sign-in link for the owner; None without credentials."""
        if self.credentials is None:
            return None
        return self.credentials.new_code(seconds=seconds or self.settings.owner_link_expires)

    def missing_parts(self) -> list[str]:
        """Return the parts that are missing for the platform to be ready."""
        if not self.ready or self.node is None:
            return ["application"]
        missing = [name for name in PARTS if self.node.whereis(name) is None]
        return missing or [tree.name for tree in self.trees if not self._is_there(tree)]

    def _is_there(self, tree: Tree) -> bool:
        """Return whether a tree has started; the user's must also run now."""
        kept = self.keeper.kept["playground", tree.name]
        playground = self.running_node().whereis("playground")
        runs = playground is not None and pid_of(playground, kept.id) is not None
        return kept.started_once and (runs or not tree.own)

    async def silent_trees(self) -> list[str]:
        """Return the trees in other programs that run and do not answer."""
        own = self.own_program
        return [] if own is None or await own.answers() else [own.name]

    def figures(self) -> Source:
        """Return the source that exporters read."""
        others = self.node_figures
        own = lambda: self.node, self.monitor, self.tally, self.version, self.started_at
        return Source(*own, lambda: others.latest, others.read)

    @property
    def node(self) -> otp.Node | None:
        """The node on which it runs; None until the application has started."""
        return self.nodes.home

    def running_node(self) -> otp.Node:
        """Return the node; available once the application has started."""
        return self.nodes.running_home()

    def answers_again(self, held: Held) -> None:
        """Report on the page that the loop runs again after a callback blocked it."""
        self.tell_held(held, self.monitor, self.hub)

    def tell_held(self, held: Held, monitor: Monitor, hub: Hub | None, who_answers: str = "the platform") -> None:
        """Report a blocked loop to the monitor and the hub of its node."""
        seconds = monitor.was_held(held)
        who_held = {"pid": held.pid, "name": held.name, "place": f"{held.file}:{held.line}"}
        self.telemetry.execute("loop.held", {"duration": seconds}, who_held)
        if hub is not None:
            who = held.name or held.pid or "something outside of any process"
            place = f"{os.path.basename(held.file)}:{held.line} in {held.function.rpartition('.')[2]}"
            text = sentences.story(sentences.held(who, seconds, place), f"{who_answers} answers again")
            hub.held(seconds, text, None if held.pid is None else held.pid.strip("<>"))

    def _facts_for_members(self) -> dict[str, Any]:
        """Return the facts about the platform that other members of its cluster see."""
        http = None if self.listener is None else self.listener.url(self.settings.root_path)
        return {"kind": "platform", "os_pid": os.getpid(), "http": http, "version": self.version}

    def _tell_member(self, level: str, text: str) -> None:
        """Report a change of the cluster on the page and in the log."""
        log.log(logging.INFO if level == "ok" else logging.WARNING, "%s", text)
        if self.hub is not None:
            self.hub.note(level, text, kind="member")

    def _tell_fault(self, node: str, what: str) -> None:
        self.telemetry.execute("node.fault", {}, {"node": node, "what": clip(what, LONGEST_TOLD)})

    def _tell_attached(self, level: str, text: str) -> None:
        """Report a change of an attached service on the page and in the log."""
        log.log(logging.INFO if level == "ok" else logging.WARNING, "%s", text)
        if self.hub is not None:
            self.hub.note(level, text, kind="attached")

    def _store_tells(self, level: str, text: str) -> None:
        complain(text)
        if self.store.trouble is not None:
            complain(self.store.trouble.hint)
        if self.hub is not None:
            self.hub.note(level, text)

    def hear_the_log(self) -> None:
        """Record log lines from now on; warnings and errors become events."""
        loop = asyncio.get_running_loop()
        here = threading.get_ident()

        def heard(number: int, line: LogLine) -> None:
            if line.level in ("debug", "info"):
                return
            if threading.get_ident() == here:
                self._tell_logged(number, line)
            else:
                with contextlib.suppress(RuntimeError):  # the loop was just closed
                    loop.call_soon_threadsafe(self._tell_logged, number, line)

        self.log.listener = heard
        self.log.open()

    def _tell_sandbox(self, level: str, text: str, sandbox: Sandbox) -> None:
        data = {"sandbox": sandbox.id, "status": sandbox.status, "owner": sandbox.owner}
        self.telemetry.execute("sandbox.changed", {}, data)
        self.events.tell("sandbox", text, data, name=sandbox.id)
        if level == "bad" and not sandbox.alive:
            log.warning("%s", text)
        if self.hub is not None:
            self.hub.note(level, text)

    def _used_sandbox(self, sandbox: str) -> None:
        self.sandboxes.touch(sandbox)

    def _sandboxes_changed(self) -> None:
        if self.node_list is not None:
            self.node_list.sandboxes_changed()

    def _token_ended(self, revoked: Token) -> None:
        """End what a user owns who was added with a token, once their last token is revoked."""
        if revoked.user not in self.tokens.users() and self.accounts.is_implied(revoked.user):
            self._forsake(revoked.user)

    def _user_changed(self, row: UserRow, change: UserChange) -> None:
        if change == "removed":
            self._forsake(row.name)

    def _forsake(self, user: str) -> None:
        if self.node is not None:
            SandboxManager.forsake(self.node, user)

    def _tell_logged(self, number: int, line: LogLine) -> None:
        text = clip(f"{line.level.upper()} {line.logger}: {line.text}", LONGEST_TOLD)
        data = {"level": line.level, "logger": line.logger, "report": line.report, "number": number}
        if line.node is not None:
            data["written_on"] = line.node
        self.events.tell("logged", text, data, pid=line.pid, name=line.name, supervisor=line.supervisor)

    def _tell_anomaly(self, event: str, measured: Mapping[str, float], about: Mapping[str, Any]) -> None:
        type = ANOMALY_EVENTS[event]
        data = {"anomaly": about["type"], "severity": about["severity"]}
        lasted = {"lasted": round(measured["lasted"], 3)} if type == "anomaly_ended" else {}
        over = " is over" if lasted else ""
        who = about["name"] or about["pid"] or "the node"
        text = f"{about['type'].replace('_', ' ')} ({about['severity']}){over}: {who}"
        self.events.tell(type, text, {**data, **lasted}, pid=about["pid"], name=about["name"])

    def _tell(self, kept: Kept, why: str, pause: float) -> None:
        about = {"supervisor": kept.supervisor, "id": kept.id, "why": why}
        self.telemetry.execute("keeper.rest", {"pause": pause}, about)
        data = {"id": kept.id, "why": why, "pause": pause}
        self.events.tell("rests", rest_text(kept, why, pause), data, name=kept.id, supervisor=kept.supervisor)
        if self.hub is not None:
            self.hub.rests(kept.supervisor, kept.id, why, pause)


def _way(settings: Settings) -> Way | None:
    """Return how the platform joins the cluster of its data directory; None if it does not."""
    if settings.data_dir is None or settings.discovery == "none":
        return None
    return Way(
        settings.data_dir.absolute(),
        connect=settings.cluster_connect,
        listen=settings.cluster_listen,
        discovery=settings.discovery,
        tls=tls_of(settings.cluster_ca, settings.cluster_cert, settings.cluster_key),
    )


def _database(settings: Settings) -> str | Path | None:
    """Return the location of the database; None if there is none."""
    if settings.database is not None or settings.data_dir is None:
        return settings.database
    return settings.data_dir.absolute() / DATABASE_FILE
