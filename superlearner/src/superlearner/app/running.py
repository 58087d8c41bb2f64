"""A running platform: its trees, the recovery of its processes, its web server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import otp
from superlearner.app.guarding import Guard
from superlearner.app.keeping import BackoffChild, Keeper, describe_backoff
from superlearner.app.sign_of_life import SignOfLife
from superlearner.control.supervising import pid_of
from superlearner.observing.slow_starts import Rescue
from superlearner.operations.engine.seams import PlatformFacts, PlaygroundTrees, RemoteHistory

if TYPE_CHECKING:
    from superlearner.app.ending import Ending
    from superlearner.app.own_application import OwnApplication
    from superlearner.app.own_peer import OwnProgram
    from superlearner.observing.watchdog import Held, Watchdog
    from superlearner.web.platform import Platform

__all__ = ["NODE_NAME", "RunningPlatform", "Tree"]

NODE_NAME: Final = "superlearner@127.0.0.1"
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


class RunningPlatform:
    """A platform with everything that its root supervision tree runs.

    Args:
        platform: what its pages and operations need.
        trees: the trees of the playground.
        own_program: the program of the user's tree, if it runs in a separate one.
        ending: the signal handlers; None if others end the program.
        main: the program's first process, which waits for its end; None for no such process.

    Raises:
        DeclarationError: an operation names an unknown service.
    """

    def __init__(
        self,
        platform: Platform,
        trees: tuple[Tree, ...],
        own_program: OwnProgram | None = None,
        ending: Ending | None = None,
        main: otp.Pid | None = None,
    ) -> None:
        from superlearner.web.app import create_app
        from superlearner.web.web_server import WebState

        self.platform = platform
        self.trees = trees
        self.own_program = own_program
        self.ending = ending
        self.main = main
        self.ready = False
        """True from the start of the application until its stop begins."""
        self.watchdog: Watchdog | None = None
        """The current watchdog; None while the setting turns it off."""
        self.rescue = Rescue(platform.node)
        self.life = SignOfLife(platform.settings.data_dir)
        self.keeper = Keeper(self._report_backoff)
        self.guard = Guard(self.keeper, platform.monitor.look)
        platform.monitor.services = self.guard.gaps
        if own_program is not None:
            own_program.rests = self._make_backoff_report(own_program)
            own_program.runs_again = partial(platform.moments.add_program_end, own_program.node, None)
        self._provide()
        platform.services.check(platform.arsenal)
        web = create_app(platform, self)
        self.web = WebState(web, platform.listener, lambda: platform.settings, platform.settings.root_path)

    def _provide(self) -> None:
        """Add the services of a running platform; they replace those of a node without one."""
        platform, own, provide = self.platform, self.own_program, self.platform.services.provide
        applications = [(tree.name, tree.application) for tree in self.trees if tree.application is not None]
        provide(
            PlatformFacts,
            lambda: PlatformFacts(platform.version, platform.started_at, self.ready, self.guard.gaps()),
        )
        provide(PlaygroundTrees, lambda: PlaygroundTrees(applications))
        provide(RemoteHistory, lambda: None if own is None else own.remembered)

    def missing_parts(self) -> list[str]:
        """Return the parts that are missing for the platform to be ready."""
        if not self.ready:
            return ["application"]
        missing = [name for name in PARTS if self.platform.node.whereis(name) is None]
        return missing or [tree.name for tree in self.trees if not self._is_there(tree)]

    def _is_there(self, tree: Tree) -> bool:
        """Return whether a tree has started; the user's must also run now."""
        kept = self.keeper.kept["playground", tree.name]
        playground = self.platform.node.whereis("playground")
        runs = playground is not None and pid_of(playground, kept.id) is not None
        return kept.started_once and (runs or not tree.own)

    async def silent_trees(self) -> list[str]:
        """Return the trees in other programs that run and do not answer."""
        own = self.own_program
        return [] if own is None or await own.answers() else [own.name]

    def answers_again(self, held: Held) -> None:
        """Report on the page that the loop runs again after a callback blocked it."""
        self.platform.report_hold(held, self.platform.monitor, self.platform.hub)

    def _make_backoff_report(self, program: OwnProgram) -> Callable[[str], object]:
        return lambda words: self.keeper.rest(self.keeper.kept["playground", program.name], words)

    def _report_backoff(self, kept: BackoffChild, why: str, pause: float) -> None:
        platform = self.platform
        about = {"supervisor": kept.supervisor, "id": kept.id, "why": why}
        platform.telemetry.execute("keeper.rest", {"pause": pause}, about)
        data = {"id": kept.id, "why": why, "pause": pause}
        platform.events.emit(
            "rests", describe_backoff(kept, why, pause), data, name=kept.id, supervisor=kept.supervisor
        )
        platform.hub.rests(kept.supervisor, kept.id, why, pause)
