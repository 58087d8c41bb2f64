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
from typing import Any

import otp
from otp import Application, Children, DynamicSupervisor, Supervisor, impl
from superlearner.app.adopting import adopt, pauses_of_services, pauses_of_trees, refuse
from superlearner.app.guarding import GUARDIAN, Guardian
from superlearner.app.keeping import CARETAKER, Caretaker, first_start
from superlearner.app.own_application import OwnApplication
from superlearner.app.running import Platform, Tree
from superlearner.app.slow_starts import Rescue, SlowStarts
from superlearner.base.listening import Listener
from superlearner.base.loading import Loaded, LoadError, load
from superlearner.base.terminal import complain
from superlearner.cluster.members import MEMBERSHIP, MembershipService
from superlearner.control.protection import Protection, protection_of
from superlearner.nodes.backups import Backups
from superlearner.observing.analytics import ANALYTICS, AnalyticsServer
from superlearner.observing.monitoring import MONITORING, Monitor, MonitoringService
from superlearner.observing.tracing import TRACER, MessageTracer
from superlearner.observing.watchdog import WATCHDOG, Watchdog, WatchdogService
from superlearner.sandbox import MANAGER, RUNNERS, SandboxManager
from superlearner.settings.configuration import SETTINGS, SettingsWatch
from superlearner.store import STORE, StoreService

__all__ = ["Playground", "Root", "Services", "SuperLearner"]


UNLIMITED = 10_000
ROOT_RESTARTS = 20
WEB_SHUTDOWN_S = 4.0


class Services(Supervisor):
    """one_for_one: services keep lasting state in objects of the platform."""

    @impl
    def init(self, platform: Platform) -> Children:
        caretaker = Caretaker.child_spec(platform.keeper, id=CARETAKER, name=CARETAKER)
        children = [caretaker, *(kept.child_spec() for kept in platform.keeper.of("services"))]
        platform.guard.expect("services", children)
        return Children(children, strategy="one_for_one", max_restarts=UNLIMITED, max_seconds=1)


class Playground(Supervisor):
    """one_for_one: its trees are independent of each other."""

    @impl
    def init(self, platform: Platform) -> Children:
        protection = protection_of(otp.node())
        if protection is not None:
            protection.open(otp.self())
        kept = [kept.child_spec() for kept in platform.keeper.of("playground")]
        return Children(kept, strategy="one_for_one", max_restarts=UNLIMITED, max_seconds=1)


class Root(Supervisor):
    """one_for_one. `web` stops first; the playground's trees start last."""

    @impl
    def init(self, platform: Platform) -> Children:
        children = [
            Guardian.child_spec(platform.guard, id=GUARDIAN, name=GUARDIAN),
            Services.child_spec(platform, id="services", name="services"),
            Playground.child_spec(platform, id="playground", name="playground"),
        ]
        if platform.web is not None:
            from superlearner.web.web_server import WebServer

            children.append(WebServer.child_spec(platform.web, id="web", name="web", shutdown=WEB_SHUTDOWN_S))
        platform.guard.expect("superlearner", children)
        return Children(children, strategy="one_for_one", max_restarts=ROOT_RESTARTS, max_seconds=5)


class SuperLearner(Application):
    """The application: creates what outlives processes, then starts the tree."""

    name = "superlearner"

    @impl
    async def start(self, kind: str, args: Any) -> tuple[otp.Pid, Platform]:
        platform: Platform = args
        node = platform.nodes.home = otp.trace.node_of(otp.self())
        Protection(node)
        if platform.listener is not None:
            make_web(platform, platform.listener)
        keep_everything(platform)
        platform.configuration.listen(partial(adopt, platform), partial(refuse, platform))
        platform.hear_the_log()
        platform.events.follow(node)
        platform.keeper.watch(node)
        platform.nodes.open(node, platform.analytics, Backups(), platform.monitor)
        root = await Root.start_link(platform, name="superlearner")
        if not isinstance(root, otp.Pid):
            raise otp.StartError("the root was not started")
        platform.root = root
        if platform.hub is not None:
            platform.hub.open(root)
        platform.guard.watch(node)
        platform.ready = True
        platform.monitor.ready(platform.main)
        return root, platform

    @impl
    async def prep_stop(self, state: Platform) -> Platform:
        state.ready = False
        state.keeper.close()
        state.guard.close()
        if state.own_program is not None:
            state.own_program.give_up()
            await state.own_program.remembered.catch_up()
        state.nodes.ask_no_more()
        state.rescue = Rescue(state.running_node())
        state.rescue.begin()
        for tree in state.trees:
            if tree.application is not None:
                await tree.application.prep_stop()
        return state

    @impl
    async def stop(self, state: Platform) -> None:
        for tree in state.trees:
            if tree.application is not None:
                await tree.application.stop()
        if state.web is not None:
            state.web.end()  # a server whose process was killed at the last moment
        if state.hubs is not None:
            state.hubs.close()
        state.sandboxes.close()
        state.checker.close()
        state.events.close()
        state.log.close()
        if state.watchdog is not None:
            state.watchdog.stop()
        state.node_figures.close()
        await state.attachments.close()
        await state.members.leave()
        state.nodes.close()
        state.traces.close()
        await state.recordings.close()
        await state.store.close()
        if state.rescue is not None:
            state.rescue.end()


def keep_everything(platform: Platform) -> None:
    """Register the services and trees with the keeper."""
    settings = platform.settings
    for name, start in services(platform):
        platform.keeper.keep("services", name, start, type="worker", pauses=pauses_of_services(settings))
    for tree in platform.trees:
        platform.keeper.keep("playground", tree.name, tree.start, pauses=pauses_of_trees(settings), waits=True)


async def start_trees(platform: Platform) -> None:
    """Start the trees of the playground, in order; the page is already running and shows it.

    Raises:
        StartError: a tree does not start; its `Kept.first_failure` has the reason.
    """
    for kept in platform.keeper.of("playground"):
        await first_start(kept)


def services(platform: Platform) -> list[tuple[str, Any]]:
    """Return the names and start functions of all services but the caretaker."""
    found: list[tuple[str, Any]] = []
    if platform.store.url is not None:
        found.append((STORE, lambda: StoreService.start_link(platform.store, name=STORE)))
    found.append((ANALYTICS, lambda: AnalyticsServer.start_link(platform.analytics, name=ANALYTICS)))
    monitors = partial(every_monitor, platform)
    found.append((MONITORING, lambda: MonitoringService.start_link(monitors, name=MONITORING)))
    traces = (platform.traces, platform.recordings)
    found.append((TRACER, lambda: MessageTracer.start_link(traces, name=TRACER)))
    found.append((SETTINGS, lambda: SettingsWatch.start_link(platform.configuration, name=SETTINGS)))
    make = partial(make_watchdog, platform)
    runners = partial(DynamicSupervisor.start_link, max_restarts=UNLIMITED, max_seconds=1, name=RUNNERS)
    found.append((RUNNERS, runners))
    found.append((MANAGER, lambda: SandboxManager.start_link(platform.sandboxes, name=MANAGER)))
    if platform.members.way is not None:
        found.append((MEMBERSHIP, lambda: MembershipService.start_link(platform.members, name=MEMBERSHIP)))
    found.append((WATCHDOG, lambda: WatchdogService.start_link(make, name=WATCHDOG)))
    if platform.settings.otel_endpoint is not None:
        found += otel(platform)
    if platform.hubs is not None:
        from superlearner.live.live_page import live_page

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


def make_watchdog(platform: Platform) -> Watchdog | None:
    """Create the watchdog of the loop, unless turned off; stop the previous one."""
    if platform.watchdog is not None:
        platform.watchdog.stop()
        platform.watchdog = None
    after = platform.settings.watchdog_after
    if after == 0:
        return None
    loop = asyncio.get_running_loop()
    node = platform.running_node()
    began = None if platform.ending is None else platform.ending.held
    watchdog = Watchdog(loop, node, after=after, answers_again=platform.answers_again, began=began)
    watchdog.look = SlowStarts(node, after).look
    platform.watchdog = watchdog
    return watchdog


def make_web(platform: Platform, listener: Listener) -> None:
    """Create the hubs, the web application and the web server's state."""
    from superlearner.live.hubs import Hubs
    from superlearner.live.node_list import NodeList
    from superlearner.live.relay import Relays
    from superlearner.live.replay import Replays
    from superlearner.live.trace_feed import TraceFeeds
    from superlearner.web.app import create_app
    from superlearner.web.web_server import WebState

    settings = platform.settings
    head = {"epoch": platform.epoch, "version": platform.version}
    platform.hubs = Hubs(
        platform.running_node(),
        head,
        frame_interval=settings.frame_interval,
        heartbeat_interval=settings.heartbeat_interval,
        viewer_queue=settings.viewer_queue,
        frame_rows=settings.frame_rows,
    )
    platform.nodes.listen(platform.hubs.keep)
    platform.trace_feeds = TraceFeeds()
    platform.relays = Relays(head)
    platform.node_list = NodeList(platform.nodes, head)
    platform.replays = Replays()
    platform.web = WebState(create_app(platform), listener, lambda: platform.settings, settings.root_path)


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
