"""The applications of one node, and the master process of each running one.

Erlang's application controller is a process; here it is a table, changed in one step by the starts and ends of the
masters.
"""

from __future__ import annotations

import inspect
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from otp.behaviours.server.behaviour import impl, implements
from otp.behaviours.server.gen_server import GenServer
from otp.bounded import text
from otp.kernel.ends.mailbox import receive
from otp.kernel.steps.signals import exit, monitor, process_flag
from otp.kernel.steps.starting import start_server
from otp.kernel.tables.names import node_here
from otp.kernel.tables.scheduler import FAILED_START, spend
from otp.kernel.values.errors import CallExit, CallTimeout, StartError
from otp.kernel.values.exception_reasons import reason_of
from otp.kernel.values.messages import ExitSignal
from otp.kernel.values.pids import Pid
from otp.kernel.values.process import on_exit
from otp.kernel.values.results import NoReply, Ok, Stop

if TYPE_CHECKING:
    from otp.behaviours.application.application import Application
    from otp.kernel.steps.node import Node

__all__ = [
    "AppInfo",
    "AppSpec",
    "Applications",
    "Kind",
    "applications_of",
    "name_of",
    "start_application",
    "stop_application",
]

logger = logging.getLogger("otp")

Kind = Literal["temporary", "transient", "permanent"]


class AppInfo(NamedTuple):
    """A running application."""

    name: str
    description: str
    vsn: str


@dataclass(frozen=True, slots=True)
class AppSpec:
    """The state of an application on a node.

    `type` is how it was started, `master` its process between the node and `top`, the top supervisor; all three are
    None while it does not run.
    """

    name: str
    cls: type[Application]
    description: str
    vsn: str
    applications: tuple[str, ...]
    type: Kind | None = None
    master: Pid | None = None
    top: Pid | None = None


class Running:
    """A running application: its class, type, master and top supervisor."""

    __slots__ = ("app", "kind", "master", "reason", "state", "top")

    def __init__(self, app: type[Application], kind: Kind) -> None:
        self.app = app
        self.kind: Kind = kind
        self.master: Pid | None = None
        self.top: Pid | None = None
        self.state: Any = None
        self.reason: Any = "killed"  # unless the master reports how it ended


class Applications:
    """The applications of a node: the running ones in start order, and all environments."""

    __slots__ = ("_classes", "_env", "node", "running", "starting")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.running: dict[str, Running] = {}
        self.starting: set[str] = set()
        self._classes: dict[str, type[Application]] = {}
        self._env: dict[str, dict[str, Any]] = {}

    def load(self, app: type[Application]) -> None:
        """Make an application known by its name."""
        self._classes[app.name] = app

    def get_env(self, app: type[Application] | str, key: str, default: Any) -> Any:
        """Return the value that `put_env` set, else the class's, else `default`."""
        name = name_of(app)
        set_here = self._env.get(name, {})
        if key in set_here:
            return set_here[key]
        known = self._classes.get(name) if isinstance(app, str) else app
        return default if known is None else known.env.get(key, default)

    def get_all_env(self, app: type[Application] | str) -> dict[str, Any]:
        """Return the whole environment: the class's values, and over them those that `put_env` set."""
        name = name_of(app)
        known = self._classes.get(name) if isinstance(app, str) else app
        return {**({} if known is None else known.env), **self._env.get(name, {})}

    def unset_env(self, app: type[Application] | str, key: str) -> None:
        """Remove what `put_env` set."""
        self._env.get(name_of(app), {}).pop(key, None)

    def specs(self) -> list[AppSpec]:
        """Return all applications known to the node."""
        return [self._spec(app) for app in self._classes.values()]

    def _spec(self, app: type[Application]) -> AppSpec:
        needs = tuple(needed.name for needed in app.applications)
        record = self.running.get(app.name)
        if record is None:
            return AppSpec(app.name, app, app.description, app.vsn, needs)
        return AppSpec(app.name, record.app, app.description, app.vsn, needs, record.kind, record.master, record.top)

    def put_env(self, app: type[Application] | str, key: str, value: Any) -> None:
        """Set a value on this node; the class keeps its default."""
        if not isinstance(app, str):
            self.load(app)
        self._env.setdefault(name_of(app), {})[key] = value

    async def stop_all(self, timeout: float) -> None:
        """Stop all running applications, the latest first, and kill those that take longer than `timeout` s."""
        for name, record in reversed(list(self.running.items())):
            tree = [pid for pid in (record.master, record.top) if pid is not None]
            try:
                await stop_application(self, name, timeout)
            except CallTimeout:
                logger.warning("application %s did not stop in %s s and is killed", name, timeout)
                for pid in tree:
                    exit(pid, "kill")
            except (StartError, CallExit):
                pass  # it has ended in the meantime


def name_of(app: type[Application] | str) -> str:
    """Return the name of an application given by its class or its name."""
    return app if isinstance(app, str) else app.name


def applications_of(node: Node | None = None) -> Applications:
    """Return the table of a node, by default that of the running process or of the only node of this loop."""
    if node is None:
        node = node_here("Application")
    found = node.applications
    if found is None:
        found = node.applications = Applications(node)
    return found


async def start_application(apps: Applications, app: type[Application], kind: Kind, args: Any) -> Pid:
    """Start one application, whose dependencies must run; return its master."""
    apps.load(app)
    if app.name in apps.running or app.name in apps.starting:
        await spend(FAILED_START)
        raise StartError(("already_started", app.name))
    for needed in app.applications:
        if needed.name not in apps.running:
            await spend(FAILED_START)
            raise StartError(("not_started", needed.name))
    apps.starting.add(app.name)
    try:
        return await start_server(app, (apps, Running(app, kind), args), handler=_Master(), node=apps.node)
    finally:
        apps.starting.discard(app.name)


async def stop_application(apps: Applications, app: str, timeout: float | Literal["infinity"] = "infinity") -> None:
    """Stop one application and wait until its master has ended; raises `CallTimeout` after `timeout` s."""
    record = apps.running.get(app)
    if record is None or record.master is None:
        await spend()
        raise StartError(("not_started", app))
    await GenServer.call(record.master, "stop", timeout=timeout)


def _handle_end(apps: Applications, record: Running, _master: Pid) -> None:
    """Handle the end of a master: the application has ended, and perhaps the node must."""
    name = record.app.name
    if apps.running.get(name) is record:
        del apps.running[name]
    if record.reason == "stopped":
        return
    logger.info("application %s ended: %r (%s)", name, record.reason, record.kind)
    if record.kind == "permanent" or (record.kind == "transient" and record.reason != "normal"):
        status = 0 if record.reason == "normal" else f"application {name} ended: {text(record.reason)}"
        apps.node.request_shutdown(SystemExit(status))


class _Master(GenServer[Running]):
    """The process between the node and the top supervisor of an application."""

    @impl
    async def init(self, arg: tuple[Applications, Running, Any]) -> Ok[Running] | Stop:
        apps, record, args = arg
        process_flag("trap_exit", True)
        app = record.app
        call = (app.name, "start", ["normal", args])
        try:
            result = await _maybe(cast("Any", app.__handler__()).start("normal", args))
        except StartError as failure:
            return Stop((failure.reason, call))
        except Exception as failure:
            return Stop(("bad_return", (call, ("EXIT", reason_of(failure)))))
        match result:
            case Pid():
                record.top = result
            case (Pid() as pid, state):
                record.top, record.state = pid, state
            case _:
                return Stop(("bad_return", (call, result)))
        record.master = self.pid
        apps.running[app.name] = record
        on_exit(self.pid, apps, partial(_handle_end, apps, record))
        return Ok(record)

    @impl
    async def handle_call(self, request: Any, caller: Any, state: Running) -> Stop:
        await _stop_tree(state)
        state.reason = "stopped"
        return Stop("normal", state, reply=None)

    @impl
    async def handle_info(self, message: Any, state: Running) -> NoReply[Running] | Stop:
        match message:
            case ExitSignal(pid, reason) if pid == state.top:
                state.reason, state.top = reason, None
                return Stop(reason, state)
            case _:
                return NoReply(state)

    @impl
    async def terminate(self, reason: Any, state: Running) -> None:
        if state.top is not None:  # the node closes
            await _stop_tree(state)
            state.reason = "stopped"
        elif state.reason != "stopped":
            await _guarded(state, "stop")


async def _stop_tree(record: Running) -> None:
    """Run `prep_stop`, stop the tree from the leaves to the root, then run `stop`."""
    top = record.top
    record.top = None
    record.state = await _guarded(record, "prep_stop")
    if top is not None:
        ref = monitor(top)
        exit(top, "shutdown")
        await receive(matching=ref)
    await _guarded(record, "stop")


async def _guarded(record: Running, name: Literal["prep_stop", "stop"]) -> Any:
    """Run a callback of the shutdown; if it fails, the shutdown continues (as in OTP)."""
    app = record.app
    if not implements(app, name):
        return record.state
    try:
        return await _maybe(getattr(app.__handler__(), name)(record.state))
    except Exception:
        logger.exception("application %s: %s failed", app.name, name)
        return record.state


async def _maybe(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result
