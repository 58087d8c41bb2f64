"""A directory of agents on several nodes."""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import otp
from otp import Down, GenServer, NoReply, Ok, Pid, Ref, Reply, impl

__all__ = ["AgentDirectory"]

DIRECTORY: Final = "AgentDirectory"
Entries: TypeAlias = "dict[Any, tuple[Any, Pid, Ref]]"


class AgentDirectory(GenServer[Entries]):
    """A server that knows on which node each agent runs, by its name; entries of agents that ended are removed.

    The source keeps entries in a table, also those of agents that ended.

    >>> import otp
    >>> async def main():
    ...     await AgentDirectory.start_link(name="AgentDirectory")
    ...     await AgentDirectory.register("ann", "a@host", otp.self())
    ...     node, pid = await AgentDirectory.lookup("ann")
    ...     return node, pid == otp.self(), await AgentDirectory.count()
    >>> otp.run(main)
    ('a@host', True, 1)
    """

    @impl
    def init(self, arg: Any) -> Ok[Entries]:
        """Begin empty."""
        return Ok({})

    @impl
    def handle_call(self, request: Any, from_: otp.From, entries: Entries) -> Reply[Entries]:
        """Change the directory or read it."""
        match request:
            case ("register", name, node, pid):
                _forget(entries, name)
                return Reply(None, entries | {name: (node, pid, otp.monitor(pid))})
            case ("unregister", name):
                _forget(entries, name)
                return Reply(None, entries)
            case ("remove", node):
                gone = [name for name, entry in entries.items() if entry[0] == node]
                for name in gone:
                    _forget(entries, name)
                return Reply(len(gone), entries)
            case _:
                return Reply({name: (node, pid) for name, (node, pid, _) in entries.items()}, entries)

    @impl
    def handle_info(self, message: Any, entries: Entries) -> NoReply[Entries]:
        """Remove the entry of an agent that ended."""
        if isinstance(message, Down):
            return NoReply({name: entry for name, entry in entries.items() if entry[2] != message.ref})
        return NoReply(entries)

    @staticmethod
    async def register(name: Any, node: Any, pid: Pid) -> None:
        """Enter an agent; an earlier entry of its name is replaced."""
        await GenServer.call(DIRECTORY, ("register", name, node, pid))

    @staticmethod
    async def unregister(name: Any) -> None:
        """Remove the entry of a name, if there is one."""
        await GenServer.call(DIRECTORY, ("unregister", name))

    @staticmethod
    async def lookup(name: Any) -> tuple[Any, Pid] | None:
        """Return the node and the pid of an agent; None if it is not entered."""
        return (await AgentDirectory.all_agents()).get(name)

    @staticmethod
    async def all_agents() -> dict[Any, tuple[Any, Pid]]:
        """Return node and pid of each agent, by name."""
        return await GenServer.call(DIRECTORY, "all")

    @staticmethod
    async def agents_on_node(node: Any) -> dict[Any, Pid]:
        """Return the agents of a node, by name."""
        return {name: pid for name, (on, pid) in (await AgentDirectory.all_agents()).items() if on == node}

    @staticmethod
    async def remove_node_agents(node: Any) -> int:
        """Remove all entries of a node; return how many there were."""
        return await GenServer.call(DIRECTORY, ("remove", node))

    @staticmethod
    async def count() -> int:
        """Return the number of entries."""
        return len(await AgentDirectory.all_agents())


def _forget(entries: Entries, name: Any) -> None:
    """Remove an entry and its monitor."""
    if name in entries:
        otp.demonitor(entries.pop(name)[2], flush=True)
