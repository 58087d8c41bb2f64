"""The platform's own supervision tree: read this first.

    superlearner              one_for_one: nothing below needs another of its siblings to be right
    ├── services              what the platform does behind the page; a failing service rests and comes back
    │   ├── caretaker         starts again what gave up
    │   ├── watchdog          names the callback that holds the loop
    │   └── live              the clock of the live page
    ├── playground            trees to look at and to break: the demo, the shop, the person's own
    │   ├── demo_one_for_one
    │   └── shop
    └── web                   the web server; the socket belongs to the application

Give-ups never reach the root: `services` and `playground` allow 10,000 restarts in 1 s, and what lives in them rests
when it gave up (see `keeping`). Should the root end all the same, the program writes a crash report and exits with 70.
"""

from __future__ import annotations

from typing import Any

import otp
from otp import Application, Children, ChildSpec, Supervisor, impl

from superlearner.keeping import CARETAKER, Caretaker
from superlearner.running import Platform, Tree

__all__ = ["CRITICAL", "Playground", "Root", "Services", "SuperLearner"]

CRITICAL = frozenset({"superlearner", "services", "playground", "web", "live"})
"""Registered names of the processes without which the platform does not live: to kill them takes `force`."""

UNLIMITED = {"max_restarts": 10_000, "max_seconds": 1}
ROOT_RESTARTS = {"max_restarts": 20, "max_seconds": 5}
WEB_SHUTDOWN_S = 4.0


class Services(Supervisor):
    """one_for_one: each service keeps what must not be lost in an object of the platform, not in another service."""

    @impl
    def init(self, platform: Platform) -> Children:
        caretaker = Caretaker.child_spec(platform.keeper, id=CARETAKER, name=CARETAKER)
        kept = [kept.child_spec() for kept in platform.keeper.of("services")]
        return Children([caretaker, *kept], strategy="one_for_one", **UNLIMITED)


class Playground(Supervisor):
    """one_for_one: the trees in it know nothing of one another."""

    @impl
    def init(self, platform: Platform) -> Children:
        kept = [kept.child_spec() for kept in platform.keeper.of("playground")]
        return Children(kept, strategy="one_for_one", **UNLIMITED)


class Root(Supervisor):
    """one_for_one. `web` is last: it starts when there is something to show, and stops first."""

    @impl
    def init(self, platform: Platform) -> Children:
        children = [
            Services.child_spec(platform, id="services", name="services"),
            Playground.child_spec(platform, id="playground", name="playground"),
        ]
        if platform.web is not None:
            from superlearner.web.web_server import WebServer

            children.append(WebServer.child_spec(platform.web, id="web", name="web", shutdown=WEB_SHUTDOWN_S))
        return Children(children, strategy="one_for_one", **ROOT_RESTARTS)


class SuperLearner(Application):
    """The application: makes what outlives processes, then starts the tree."""

    name = "superlearner"

    @impl
    async def start(self, kind: str, args: Any) -> tuple[otp.Pid, Platform]:
        platform: Platform = args
        platform.node = otp.self_node()
        keep_everything(platform)
        platform.keeper.watch(platform.node)
        if platform.listener is not None:
            make_web(platform, platform.listener)
        root = await Root.start_link(platform, name="superlearner")
        platform.root = root
        if platform.hub is not None:
            platform.hub.open(root)
        platform.ready = True
        return root, platform

    @impl
    def prep_stop(self, state: Platform) -> Platform:
        state.ready = False
        return state

    @impl
    def stop(self, state: Platform) -> None:
        state.keeper.close()
        if state.hub is not None:
            state.hub.close()
        if state.watchdog is not None:
            state.watchdog.stop()


def keep_everything(platform: Platform) -> None:
    """Tell the keeper what it keeps: the services with a back-off, the trees with one pause."""
    settings = platform.settings
    top = settings.services_back_off_max
    pauses = tuple(min(top, 0.1 * 2**step) for step in range(8))
    for name, start in services(platform):
        platform.keeper.keep("services", name, start, type="worker", pauses=pauses)
    for tree in platform.trees:
        platform.keeper.keep("playground", tree.name, tree.start, pauses=(settings.playground_restart_after,))
