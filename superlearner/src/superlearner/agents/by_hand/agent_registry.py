"""A registry of agents: a process that maps names to agents, and forgets those that end."""

from __future__ import annotations

from typing import Any

import otp
from otp import AlreadyRegistered, Down, Pid, Ref
from superlearner.agents.by_hand.asking import REGISTRY, Via, answer, ask

__all__ = ["AgentRegistry"]


async def serve(starter: Pid) -> None:
    """Run the registry under its name."""
    otp.register(REGISTRY, otp.self())
    otp.send(starter, (otp.self(), "ready"))
    names: dict[Any, tuple[Pid, Any, Ref]] = {}
    while True:
        handle(names, await otp.receive())


def handle(names: dict[Any, tuple[Pid, Any, Ref]], message: Any) -> None:
    """Handle one message; unknown ones change nothing."""
    match message:
        case ("register", name, meta, from_, ref):
            if name not in names:
                names[name] = from_, meta, otp.monitor(from_)
            answer(from_, ref, names[name][0])
        case ("unregister", name, from_, ref):
            if name in names and names[name][0] is from_:
                otp.demonitor(names.pop(name)[2], flush=True)
            answer(from_, ref, "ok")
        case ("lookup", name, from_, ref):
            answer(from_, ref, names[name][:2] if name in names else None)
        case ("list", from_, ref):
            answer(from_, ref, [(name, pid) for name, (pid, _, _) in names.items()])
        case ("broadcast", sent, from_, ref):
            for pid, _, _ in names.values():
                otp.send(pid, sent)
            answer(from_, ref, len(names))
        case ("relay", name, sent, *asker):
            if name in names:
                otp.send(names[name][0], sent)
            if asker:
                answer(asker[0], asker[1], names[name][0] if name in names else None)
        case Down(ref=ref):
            for name in [name for name, (_, _, monitor) in names.items() if monitor == ref]:
                del names[name]
        case _:
            pass


class AgentRegistry:
    """The client functions of the registry.

    >>> import otp
    >>> async def main():
    ...     await AgentRegistry.start_link()
    ...     await AgentRegistry.register("me", {"role": "host"})
    ...     return await AgentRegistry.lookup("me") == otp.self(), await AgentRegistry.list()
    >>> otp.run(main)
    (True, ['me'])
    """

    @staticmethod
    async def start_link() -> Pid:
        """Start the registry, linked to the caller. Raises `otp.AlreadyStarted` if it runs."""
        if (running := otp.whereis(REGISTRY)) is not None:
            raise otp.AlreadyStarted(running)
        pid = otp.spawn_link(serve, otp.self())
        await otp.receive(lambda message: message == (pid, "ready"))
        return pid

    @staticmethod
    def running() -> bool:
        """Return whether there is one."""
        return otp.whereis(REGISTRY) is not None

    @staticmethod
    async def register(name: Any, meta: Any = None) -> None:
        """Give the calling process a name, until it ends. Raises `otp.AlreadyRegistered` if another one has it."""
        owner = await _ask("register", name, meta)
        if owner is not otp.self():
            raise AlreadyRegistered(owner)

    @staticmethod
    async def unregister(name: Any) -> None:
        """Take the name from the calling process."""
        await _ask("unregister", name)

    @staticmethod
    async def lookup(name: Any) -> Pid | None:
        """Return the agent registered under a name."""
        found = await _ask("lookup", name)
        return None if found is None else found[0]

    @staticmethod
    async def lookup_with_meta(name: Any) -> tuple[Pid, Any] | None:
        """Return the agent registered under a name, and its metadata."""
        return await _ask("lookup", name)

    @staticmethod
    async def exists(name: Any) -> bool:
        """Return whether a process has the name."""
        return await _ask("lookup", name) is not None

    @staticmethod
    async def list() -> list[Any]:
        """Return all names, the oldest first."""
        return [name for name, _ in await _ask("list")]

    @staticmethod
    async def list_with_pids() -> list[tuple[Any, Pid]]:
        """Return all names with their processes, the oldest first."""
        return await _ask("list")

    @staticmethod
    async def count() -> int:
        """Return the number of names."""
        return len(await _ask("list"))

    @staticmethod
    async def send(name: Any, message: Any) -> bool:
        """Send a message to the agent with this name, and return whether there is one."""
        return await _ask("relay", name, message) is not None

    @staticmethod
    async def broadcast(message: Any) -> int:
        """Send a message to all; return how many they are."""
        return await _ask("broadcast", message)

    @staticmethod
    def via(name: Any) -> Via:
        """Return a value that stands for the process that has the name at the moment of use."""
        return Via(name)


async def _ask(*question: Any) -> Any:
    registry = otp.whereis(REGISTRY)
    if registry is None:
        raise otp.Exit(("agent_down", "noproc"))
    return await ask(registry, *question)
