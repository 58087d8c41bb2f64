"""The platform's own supervision tree. Read this module first.

    superlearner              one_for_one: siblings do not depend on each other's state
    ├── guardian              brings back services that were ended for good
    ├── services              the work behind the pages; a failing service is restarted with backoff
    │   ├── caretaker         restarts children that gave up
    │   ├── store             writes history into the database
    │   ├── analytics         counts events of supervisors
    │   ├── monitoring        samples the node, and detects anomalies
    │   ├── otel              exports metrics and operations, if configured
    │   ├── tracer            starts and ends traces of messages, writes recordings
    │   ├── settings          watches superlearner.toml for changes
    │   ├── sandboxes         a process for each sandbox, linked to its program
    │   ├── sandbox_manager   creates, changes and ends sandboxes
    │   ├── membership        joins the cluster, and adds its members as nodes
    │   ├── watchdog          names the callback that holds the loop
    │   └── live              the clock of the live pages
    ├── playground            trees to watch and to break: the demo, the shop, the user's own
    │   ├── demo_one_for_one
    │   └── shop
    └── web                   the web server; the socket belongs to the application

Give-ups never reach the root: `services` and `playground` allow 10,000 restarts in 1 s, and their children pause after
giving up (see `keeping`). Should the root end nevertheless, the program writes a crash report and exits with 70.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import otp
from otp import Application, Children, DynamicSupervisor, Supervisor, impl
from superlearner.app.adopting import adopt, pauses_of_services, pauses_of_trees, refuse
from superlearner.app.guarding import GUARDIAN, Guardian
from superlearner.app.keeping import CARETAKER, Caretaker, first_start
from superlearner.app.own_application import OwnApplication
from superlearner.app.running import RunningPlatform, Tree
from superlearner.base.loading import Loaded, LoadError, load
from superlearner.base.terminal import complain
from superlearner.cluster.members import MEMBERSHIP, MembershipService
from superlearner.control.backoff import register_backoff
from superlearner.control.protection import Protection, protection_of
from superlearner.nodes.backups import Backups
from superlearner.observing.analytics import ANALYTICS, AnalyticsServer
from superlearner.observing.monitoring import MONITORING, Monitor, MonitoringService
from superlearner.observing.slow_starts import SlowStarts
from superlearner.observing.tracing import TRACER, MessageTracer
from superlearner.observing.watchdog import WATCHDOG, Watchdog, WatchdogService
from superlearner.sandbox import MANAGER, RUNNERS, SandboxManager
from superlearner.settings.configuration import SETTINGS, SettingsWatch
from superlearner.store import STORE, StoreService

if TYPE_CHECKING:
    from superlearner.web.platform import Platform

__all__ = ["Playground", "Root", "Services", "SuperLearner"]


UNLIMITED = 10_000
ROOT_RESTARTS = 20
WEB_SHUTDOWN_S = 4.0


class Services(Supervisor):
    """one_for_one: services keep lasting state in objects of the platform."""

    @impl
    def init(self, running: RunningPlatform) -> Children:
        caretaker = Caretaker.child_spec(running.keeper, id=CARETAKER, name=CARETAKER)
        children = [caretaker, *(kept.child_spec() for kept in running.keeper.of("services"))]
        running.guard.expect("services", children)
        return Children(children, strategy="one_for_one", max_restarts=UNLIMITED, max_seconds=1)


class Playground(Supervisor):
    """one_for_one: its trees are independent of each other."""

    @impl
    def init(self, running: RunningPlatform) -> Children:
        protection = protection_of(otp.node())
        if protection is not None:
            protection.open(otp.self())
        kept = [kept.child_spec() for kept in running.keeper.of("playground")]
        return Children(kept, strategy="one_for_one", max_restarts=UNLIMITED, max_seconds=1)


class Root(Supervisor):
    """one_for_one. `web` stops first; the playground's trees start last."""

    @impl
    def init(self, running: RunningPlatform) -> Children:
        from superlearner.web.web_server import WebServer

        children = [
            Guardian.child_spec(running.guard, id=GUARDIAN, name=GUARDIAN),
            Services.child_spec(running, id="services", name="services"),
            Playground.child_spec(running, id="playground", name="playground"),
            WebServer.child_spec(running.web, id="web", name="web", shutdown=WEB_SHUTDOWN_S),
        ]
        running.guard.expect("superlearner", children)
        return Children(children, strategy="one_for_one", max_restarts=ROOT_RESTARTS, max_seconds=5)


class SuperLearner(Application):
    """The application: connects what outlives processes to the node, then starts the tree."""

    name = "superlearner"

    @impl
    async def start(self, kind: str, args: Any) -> tuple[otp.Pid, RunningPlatform]:
        running: RunningPlatform = args
        platform, node = running.platform, running.platform.node
        Protection(node)
        register_backoff(node, running.keeper)
        keep_everything(running)
        platform.configuration.listen(partial(adopt, running), partial(refuse, platform))
        platform.record_log_lines()
        platform.events.follow(node)
        running.keeper.watch(node)
        platform.nodes.open(platform.analytics, Backups(), platform.monitor)
        platform.hubs.own.holder_of = platform.monitor.holder_of
        root = await Root.start_link(running, name="superlearner")
        if not isinstance(root, otp.Pid):
            raise otp.StartError("the root was not started")
        platform.hub.open(root)
        running.guard.watch(node)
        platform.attachments.restore()
        report_outage(running)
        running.ready = True
        platform.monitor.ready()
        return root, running

    @impl
    async def prep_stop(self, state: RunningPlatform) -> RunningPlatform:
        state.ready = False
        state.keeper.close()
        state.guard.close()
        if state.own_program is not None:
            state.own_program.give_up()
            await state.own_program.remembered.catch_up()
        state.platform.moments.catch_up()
        await state.platform.moments.fetch_last()
        state.platform.nodes.fail_pending_requests()
        state.rescue.begin()
        for tree in state.trees:
            if tree.application is not None:
                await tree.application.prep_stop()
        return state

    @impl
    async def stop(self, state: RunningPlatform) -> None:
        for tree in state.trees:
            if tree.application is not None:
                await tree.application.stop()
        state.web.end()  # a server whose process was killed at the last moment
        platform = state.platform
        platform.hubs.close()
        platform.sandboxes.close()
        platform.checker.close()
        platform.events.close()
        platform.log.close()
        if state.watchdog is not None:
            state.watchdog.stop()
        platform.node_figures.close()
        platform.anomaly_history.close()
        await platform.attachments.close()
        await platform.simulator.close()
        await platform.members.leave()
        platform.moments.close()
        platform.nodes.close()
        platform.traces.close()
        await platform.recordings.close()
        await platform.store.close()
        state.rescue.end()
        state.life.note()


def report_outage(running: RunningPlatform) -> None:
    """Record for its nodes when no platform ran, and note from now on that one runs."""
    platform = running.platform
    away = running.life.begin()
    names = {platform.nodes.default or platform.node.name, *platform.nodes.awaited}
    if away is not None:
        for name in names:
            platform.moments.add_outage(name, *away)
        for one in platform.attachments:
            one.gone_at = one.gone_at or away[0]
    platform.monitor.follow(lambda _point: running.life.note())


def keep_everything(running: RunningPlatform) -> None:
    """Register the services and trees with the keeper."""
    settings = running.platform.settings
    for name, start in services(running):
        running.keeper.keep("services", name, start, type="worker", pauses=pauses_of_services(settings))
    for tree in running.trees:
        running.keeper.keep("playground", tree.name, tree.start, pauses=pauses_of_trees(settings), waits=True)


async def start_trees(running: RunningPlatform) -> None:
    """Start the trees of the playground, in order; the page is already running and shows it.

    Raises:
        StartError: a tree does not start; its `BackoffChild.first_failure` has the reason.
    """
    for kept in running.keeper.of("playground"):
        await first_start(kept)


def services(running: RunningPlatform) -> list[tuple[str, Any]]:
    """Return the names and start functions of all services but the caretaker."""
    from superlearner.live.live_page import live_page

    platform = running.platform
    found: list[tuple[str, Any]] = []
    if platform.store.url is not None:
        found.append((STORE, lambda: StoreService.start_link(platform.store, name=STORE)))
    found.append((ANALYTICS, lambda: AnalyticsServer.start_link(platform.analytics, name=ANALYTICS)))
    monitors = partial(every_monitor, platform)
    found.append((MONITORING, lambda: MonitoringService.start_link(monitors, name=MONITORING)))
    traces = (platform.traces, platform.recordings)
    found.append((TRACER, lambda: MessageTracer.start_link(traces, name=TRACER)))
    found.append((SETTINGS, lambda: SettingsWatch.start_link(platform.configuration, name=SETTINGS)))
    make = partial(make_watchdog, running)
    runners = partial(DynamicSupervisor.start_link, max_restarts=UNLIMITED, max_seconds=1, name=RUNNERS)
    found.append((RUNNERS, runners))
    found.append((MANAGER, lambda: SandboxManager.start_link(platform.sandboxes, name=MANAGER)))
    if platform.members.way is not None:
        found.append((MEMBERSHIP, lambda: MembershipService.start_link(platform.members, name=MEMBERSHIP)))
    found.append((WATCHDOG, lambda: WatchdogService.start_link(make, name=WATCHDOG)))
    if platform.settings.otel_endpoint is not None:
        found += otel(platform)
    found.append(("live", live_page(platform.hubs)))
    return found


def otel(platform: Platform) -> list[tuple[str, Any]]:
    """Return the service that exports to OpenTelemetry, if installed."""
    from superlearner.observing.monitoring.otel import MISSING, OTEL, OtelService, is_installed

    if not is_installed():
        complain(MISSING)
        return []
    arg = platform.figures(), platform.telemetry, lambda: platform.settings
    return [(OTEL, lambda: OtelService.start_link(arg, name=OTEL))]


def every_monitor(platform: Platform) -> list[Monitor]:
    """Return the monitors of all nodes in this program, the platform's own first."""
    return [watched.monitor for watched in platform.nodes.here()]


def make_watchdog(running: RunningPlatform) -> Watchdog | None:
    """Create the watchdog of the loop, unless turned off; stop the previous one."""
    if running.watchdog is not None:
        running.watchdog.stop()
        running.watchdog = None
    after = running.platform.settings.watchdog_after
    if after == 0:
        return None
    loop = asyncio.get_running_loop()
    node = running.platform.node
    began = None if running.ending is None else running.ending.held
    watchdog = Watchdog(loop, node, after=after, answers_again=running.answers_again, began=began)
    watchdog.look = SlowStarts(node, after).look
    running.watchdog = watchdog
    return watchdog


def trees_of(target: str | None, args: tuple[Any, ...] = ()) -> tuple[Tree, ...]:
    """Return the trees of the playground: the user's, or the demo and the shop.

    `args` contains the argument of the user's tree, if one was given.

    Raises:
        LoadError: `target` is not a tree.
    """
    from superlearner.demo import DemoOneForOne, Shop

    demo = Tree("demo_one_for_one", lambda: DemoOneForOne.start_link(None, name="demo_one_for_one"))
    shop = Tree("shop", lambda: Shop.start_link(None, name="shop"))
    if target is None:
        return demo, shop
    return (tree_of(load(target), args),)


def tree_of(loaded: Loaded, args: tuple[Any, ...] = ()) -> Tree:
    """Return the user's tree; its top supervisor runs in the playground.

    An application's dependencies start first.

    A supervisor's `init` gets the argument in `args`, else None; an application's `start` gets it as `args`, else `()`.
    """
    cls: Any = loaded.cls
    if loaded.kind == "supervisor":
        if takes_argument(cls):
            return Tree(loaded.name, partial(cls.start_link, *(args or (None,))), own=True)
        if args:
            raise LoadError(f"{loaded.name} is a DynamicSupervisor, which takes no argument", "leave out --arg")
        return Tree(loaded.name, cls.start_link, own=True)
    application = OwnApplication(cls, *args)
    return Tree(loaded.name, application.start, application, own=True)


def takes_argument(cls: Any) -> bool:
    """Return whether `start_link` of this class takes the argument of `init`."""
    return bool(getattr(cls, "_takes_argument", True))
