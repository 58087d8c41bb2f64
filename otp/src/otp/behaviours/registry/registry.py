"""Local names for processes: any key, several processes per key, with values.

A registry is a process with a table that all processes can read. With it, the name of a server need not be a text
registered on the node:

>>> import otp
>>> from otp import GenServer, Ok, Registry, Reply, impl
>>> class Room(GenServer[str]):
...     @impl
...     def init(self, title):
...         return Ok(title)
...
...     @impl
...     def handle_call(self, request, caller, state):
...         return Reply(f"{state}: {request}", state)
>>> async def main():
...     await Registry.start_link(keys="unique", name="rooms")
...     await Room.start_link("Lisp", name=Registry.via("rooms", 1958))
...     return await GenServer.call(Registry.via("rooms", 1958), "hello")
>>> otp.run(main)
'Lisp: hello'

With `keys="duplicate"` a key is a topic: processes register under it, and `dispatch` reaches them all.

Differences from Elixir: an entry is removed in the same step as its process, so it is gone when its `Down` arrives (in
Elixir it may lag); functions raise where Elixir returns `{:error, …}`; `partitions` is checked but has no effect,
because one loop writes the table; as a child a registry is a worker, since it is a single process. Source: Elixir's
`Registry` documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast, get_args

from otp.behaviours.registry._match import matcher
from otp.behaviours.registry._queries import RegistryQueries, TableState, state_of
from otp.behaviours.registry._table import Entry, Kind, RegistryEntry
from otp.behaviours.server.behaviour import impl
from otp.behaviours.server.gen_server import GenServer
from otp.bounded import text
from otp.kernel.steps.signals import process_flag
from otp.kernel.steps.starting import start_server
from otp.kernel.tables.names import find_node, is_name_and_node, watch_end, whereis
from otp.kernel.tables.scheduler import current_process
from otp.kernel.values.errors import BadArgument, Error
from otp.kernel.values.pids import Identity, Pid
from otp.kernel.values.process import DEAD, EXITING, Process, off_exit, on_exit
from otp.kernel.values.results import NoReply, Ok

if TYPE_CHECKING:
    from otp.kernel.steps.node import Node
    from otp.kernel.tables.names import Settle
    from otp.kernel.values.terms import Dest, Name

__all__ = ["AlreadyRegistered", "Entry", "Registry", "RegistryEntry", "Via"]


class AlreadyRegistered(Error):
    """A unique key that `.pid` has taken (Elixir's `{:error, {:already_registered, pid}}`)."""

    def __init__(self, pid: Pid) -> None:
        super().__init__(("already_registered", pid))
        self.pid = pid


@dataclass(frozen=True, slots=True)
class Via(Identity):
    """A name in a registry; `name=` of a start and the destination of `send`, `call` and `cast`."""

    registry: Dest
    key: Hashable
    value: Any = None

    def __repr__(self) -> str:
        parts = [self.registry, self.key] if self.value is None else [self.registry, self.key, self.value]
        return f"Registry.via({', '.join(map(text, parts))})"

    def whereis(self) -> Pid | None:
        """Return the process that has the key, or `None`."""
        found = state_of(self.registry, "via", _State, unique=True).table.lookup(self.key)
        return found[0].pid if found else None

    def register(self, pid: Pid) -> bool:
        """Register `pid` under the key; `False` if the key is taken."""
        state = state_of(self.registry, "via", _State, unique=True)
        return _enter(state, cast("Process", pid), self.key, self.value) is None

    def unregister(self, pid: Pid) -> None:
        """Remove the entry of `pid`."""
        _remove_entries(state_of(self.registry, "via", _State, unique=True), cast("Process", pid), self.key)

    def __otp_watch__(self, node: Node, settle: Settle) -> Callable[[], None]:
        """Report the first process that has the key, for `node.wait_registered`; call the result to stop."""
        return _watch(self, node, settle)


class _Config(NamedTuple):
    name: Name
    keys: Kind
    partitions: int
    listeners: tuple[Name, ...]


class _State(TableState):
    """The table of a local registry, which all processes write, too."""

    __slots__ = ("config",)

    def __init__(self, config: _Config, pid: Process) -> None:
        super().__init__(config.keys, pid)
        self.config = config


class _RegistryServer(GenServer[_State]):
    @impl
    def init(self, arg: _Config) -> Ok[_State]:
        # Registered processes are linked to the registry: it ignores their ends.
        process_flag("trap_exit", True)
        return Ok(_State(arg, cast("Process", self.pid)))

    @impl
    def handle_info(self, message: Any, state: _State) -> NoReply[_State]:
        return NoReply(state)

    @impl
    def format_status(self, state: _State) -> Any:
        return {"keys": state.config.keys, "entries": len(state.table)}


class Registry(RegistryQueries):
    """A registry of processes by key; start it with `start_link`, use it by name.

    >>> import otp
    >>> async def main():
    ...     await Registry.start_link(keys="duplicate", name="topics")
    ...     Registry.register("topics", "news")
    ...     Registry.dispatch("topics", "news", lambda readers: [otp.send(one.pid, "rain") for one in readers])
    ...     return await otp.receive()
    >>> otp.run(main)
    'rain'
    """

    _takes_argument = False
    _id_from_name = True

    @classmethod
    async def start_link(cls, *, keys: Kind, name: Name, partitions: int = 1, listeners: tuple[Name, ...] = ()) -> Pid:
        """Start a registry linked to the calling process.

        As a child use `Registry.child_spec(keys=…, name=…)`.

        Args:
            keys: `"unique"` (one process per key) or `"duplicate"` (any number).
            name: the registered name by which all other functions find it.
            partitions: at least 1; exists for compatibility with Elixir.
            listeners: names of processes that receive `("register", name, key, pid, value)` and
                `("unregister", name, key, pid)`.

        Raises:
            AlreadyStarted: the name is taken.
            BadArgument: another kind of keys, or no partition.
        """
        config = _checked(keys, name, partitions, listeners)
        pid = await start_server(cls, config, name=name, link=True, handler=_RegistryServer())
        assert isinstance(pid, Pid)
        return pid

    @classmethod
    async def __otp_start_on__(cls, node: Node, arg: Any = None, *, name: Any = None, **options: Any) -> Any:
        """Start a registry that `node` owns; `arg` is a dict of options or None."""
        given: dict[str, Any] = {**(arg or {}), **options}
        unknown = given.keys() - {"keys", "partitions", "listeners"}
        if unknown or name is None:
            got = f"got {', '.join(sorted(map(text, unknown)))}" if unknown else "got no name"
            raise BadArgument(
                f"node.start(Registry, …): expected keys=, name= and perhaps partitions= and listeners=, {got}; "
                'try node.start(Registry, keys="unique", name="rooms")'
            )
        config = _checked(given.get("keys"), name, given.get("partitions", 1), given.get("listeners", ()))
        return await start_server(cls, config, name=name, handler=_RegistryServer(), node=node)

    @staticmethod
    def register(registry: Dest, key: Hashable, value: Any = None) -> Pid:
        """Register the calling process under `key`.

        Returns the registry's pid, which is linked to it.

        Raises:
            AlreadyRegistered: the registry is unique and the key is taken, even by the caller itself.
            BadArgument: no such registry.
            NotAProcess: called from outside a process.
        """
        me = current_process("Registry.register()", "name= of a start registers a server")
        state = state_of(registry, "register", _State)
        holder = _enter(state, me, key, value)
        if holder is not None:
            raise AlreadyRegistered(holder)
        return state.pid

    @staticmethod
    def unregister(registry: Dest, key: Hashable) -> None:
        """Remove the calling process's entries under `key`; no effect if it has none."""
        me = current_process("Registry.unregister()")
        _remove_entries(state_of(registry, "unregister", _State), me, key)

    @staticmethod
    def unregister_match(registry: Dest, key: Hashable, pattern: Any) -> None:
        """Remove the calling process's entries under `key` whose value matches.

        See `match`.

        >>> import otp
        >>> from otp import Registry
        >>> async def main():
        ...     await Registry.start_link(keys="duplicate", name="topics")
        ...     Registry.register("topics", "news", ("de", 1)), Registry.register("topics", "news", ("en", 2))
        ...     Registry.unregister_match("topics", "news", ("de", ...))
        ...     return Registry.values("topics", "news", otp.self())
        >>> otp.run(main)
        [('en', 2)]
        """
        me = current_process("Registry.unregister_match()")
        _remove_entries(state_of(registry, "unregister_match", _State), me, key, matcher(pattern))

    @staticmethod
    def update_value(registry: Dest, key: Hashable, fn: Callable[[Any], Any]) -> tuple[Any, Any] | None:
        """Replace the value of the calling process's unique `key` by `fn(value)`.

        Returns:
            `(new, old)`, or `None` if the caller does not have the key.
        """
        me = current_process("Registry.update_value()")
        table = state_of(registry, "update_value", _State, unique=True).table
        found = table.lookup(key)
        if not found or found[0].pid != me:
            return None
        new = fn(found[0].value)
        still = table.lookup(key)
        if not still or still[0].pid != me:  # `fn` removed the key: a new entry would outlive its process
            return None
        table.replace(key, Entry(me, new))
        return new, found[0].value

    @staticmethod
    def via(registry: Dest, key: Hashable, value: Any = None) -> Via:
        """Return a name in a unique registry, for `name=`, `send`, `call` and `cast`.

        Elixir's `{:via, Registry, {…}}`.
        """
        return Via(registry, key, value)


def _checked(keys: object, name: Name, partitions: object, listeners: tuple[Name, ...]) -> _Config:
    if keys not in get_args(Kind):
        raise BadArgument(f"Registry(keys=…): expected 'unique' or 'duplicate', got {keys!r}")
    if not isinstance(partitions, int) or isinstance(partitions, bool) or partitions < 1:
        raise BadArgument(f"Registry(partitions=…): expected an int of at least 1, got {partitions!r}")
    return _Config(name, cast("Kind", keys), partitions, tuple(listeners))


def _enter(state: _State, process: Process, key: Hashable, value: Any) -> Pid | None:
    """Add the entry and tie it to its process; return the holder of a unique key that is taken."""
    if process.status in (DEAD, EXITING):
        raise BadArgument(f"Registry.register: process {process} has ended, it cannot have the key {text(key)}")
    table = state.table
    first = not table.has(process)
    holder = table.add(key, Entry(process, value))
    if holder is not None:
        return holder
    if first:
        state.tie(process, partial(_remove_process, state))
    _notify_listeners(state, ("register", state.config.name, key, process, value))
    awaited = state.pid.runtime.awaited
    if awaited:
        for look in tuple(awaited.get(key, ())):
            look()
    return None


def _remove_entries(
    state: _State, process: Process, key: Hashable, wanted: Callable[[Any], bool] | None = None
) -> None:
    table = state.table
    removed = table.remove(key, process, wanted)
    if removed and not table.has(process):
        state.untie(process)
    for _ in range(removed):
        _notify_listeners(state, ("unregister", state.config.name, key, process))


def _remove_process(state: _State, pid: Pid) -> None:
    for key in state.table.drop(pid):
        _notify_listeners(state, ("unregister", state.config.name, key, pid))


def _notify_listeners(state: _State, message: tuple[Any, ...]) -> None:
    for name in state.config.listeners:
        listener = state.pid.runtime.whereis(name)
        if listener is not None:
            listener.send(message)


def _watch(via: Via, node: Node, settle: Settle) -> Callable[[], None]:
    """Report the first process that has the key of `via`, whose registry is resolved on `node`."""
    registry: Any = via.registry
    home: Any = node
    named = is_name_and_node(registry) and find_node(registry[1], "via")
    if isinstance(registry, Process):
        home = registry.runtime
    elif named:
        home = named
    elif isinstance(registry, (str, type)) or not hasattr(registry, "whereis"):
        via = Via((registry, node), via.key)  # a bare name refers to this node
    if type(home) is not type(node):
        raise BadArgument(f"node.wait_registered({via!r}): its node is elsewhere; expected a node of this event loop")

    def look() -> None:
        try:
            found = None if _is_starting(via.registry) else via.whereis()
        except BadArgument as error:
            settle(error)
        else:
            if found is not None:
                settle(found)

    def ended(_pid: Pid) -> None:
        settle(BadArgument(f"node.wait_registered({via!r}): the registry {registry} has ended; try its name"))

    looks = home.awaited.setdefault(via.key, [])
    looks.append(look)
    stop = watch_end(home, settle)
    if isinstance(registry, Process):
        on_exit(registry, look, ended)
    look()

    def end() -> None:
        stop()
        if isinstance(registry, Process):
            off_exit(registry, look)
        looks.remove(look)
        if not looks and home.awaited.get(via.key) is looks:
            del home.awaited[via.key]

    return end


def _is_starting(registry: Dest) -> bool:
    """Return whether the registry has no process yet, or one whose `init` has not returned."""
    p = registry if isinstance(registry, Process) else cast("Process | None", whereis(registry))
    if p is None:
        return True
    return (
        p.status not in (DEAD, EXITING) and p.state is None and p.callbacks is not None and p.callbacks.cls is Registry
    )
