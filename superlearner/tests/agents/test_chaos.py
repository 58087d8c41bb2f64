"""The same chaos on both frameworks: agents are killed while others ask them."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import otp
from otp import Registry
from otp.testing import Scheduler, advance
from superlearner.agents import by_hand, with_otp
from superlearner.agents.by_hand import AgentMonitor, AgentRegistry, ProcessAgent
from superlearner.agents.with_otp import AgentServer, AgentSupervisor

PAGE = Path(__file__).parents[3] / "docs/agents.md"
NAMES = [f"agent_{number}" for number in range(5)]
KILLS = 60
QUESTIONS = 600
SEEDS = 5
LIFTED = 1_000


class Framework(Protocol):
    """What the chaos needs of a framework."""

    async def start(self, limit: int | None) -> None: ...
    async def agents(self) -> list[Any]: ...
    def named(self, name: str) -> Any: ...
    async def ask(self, name: str) -> Any: ...
    async def whereis(self, name: str) -> Any: ...


class ByHand:
    async def start(self, limit: int | None) -> None:
        await AgentRegistry.start_link()
        self.monitor = await AgentMonitor.start_link(**({} if limit is None else {"max_restarts": limit}))
        for name in NAMES:
            await AgentMonitor.start_agent(self.monitor, name, register=True)

    async def agents(self) -> list[Any]:
        return [pid for _, pid in await AgentMonitor.list_agents(self.monitor)]

    def named(self, name: str) -> Any:
        return AgentRegistry.via(name)

    async def ask(self, name: str) -> Any:
        ProcessAgent.send_task(self.named(name), "search", {"query": name})
        return await ProcessAgent.process_next(self.named(name))

    async def whereis(self, name: str) -> Any:
        return await AgentRegistry.lookup(name)


class WithOtp:
    async def start(self, limit: int | None) -> None:
        await Registry.start_link(keys="unique", name="AgentRegistry")
        self.limit: dict[str, Any] = {} if limit is None else {"max_restarts": limit}
        self.supervisor = await AgentSupervisor.start_link(**self.limit)
        for name in NAMES:
            await AgentSupervisor.start_agent(name)

    async def agents(self) -> list[Any]:
        return await AgentSupervisor.list_agents() if otp.is_alive(self.supervisor) else []

    def named(self, name: str) -> Any:
        return Registry.via("AgentRegistry", name)

    async def ask(self, name: str) -> Any:
        AgentServer.send_task(self.named(name), "search", {"query": name})
        return await AgentServer.process_next(self.named(name))

    async def whereis(self, name: str) -> Any:
        return AgentSupervisor.whereis(name)


async def ask_on(framework: Framework, luck: random.Random, seen: Counter[str]) -> None:
    """Ask agents by name, one every 50 ms, whatever happens."""
    for _ in range(QUESTIONS):
        try:
            answer = await framework.ask(luck.choice(NAMES))
        except (otp.Exit, TimeoutError):
            seen["failed"] += 1
        else:
            seen["answered" if answer[0] == "processed" else "failed"] += 1  # "empty": the task went with its agent
        with suppress(TimeoutError):
            await otp.receive(otp.Is("the next question"), timeout=0.05)


def chaos(framework: Framework, seed: int, limit: int | None) -> Counter[str]:
    """Return what was answered and what failed, and how many agents are left."""
    seen: Counter[str] = Counter()

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        await framework.start(limit)
        luck = random.Random(seed)
        for client in range(3):
            otp.spawn(ask_on, framework, random.Random(f"{seed}/{client}"), seen)
        for _ in range(KILLS):
            await advance(0.5)
            agents = sorted(await framework.agents())
            if agents:
                otp.exit(luck.choice(agents), "kill")
        await advance(1)
        agents = await framework.agents()
        seen["left"] = len(agents)
        named = [pid for name in NAMES if (pid := await framework.whereis(name)) is not None]
        assert sorted(named) == sorted(agents)
        assert all(map(otp.is_alive, named))

    Scheduler(seed=seed).run(main)
    return seen


def figures(make: Any, limit: int | None) -> str:
    """Return a row of the table in docs/agents.md: the sums of some seeds."""
    total: Counter[str] = Counter()
    for seed in range(SEEDS):
        total += chaos(make(), seed, limit)
    return f"{total['answered']:,} | {total['failed']:,} | {total['left']} of {SEEDS * len(NAMES)}"


def test_the_page_has_the_figures_of_this_chaos() -> None:
    rows = {
        "by hand, limit lifted": figures(ByHand, LIFTED),
        "with OTP, limit lifted": figures(WithOtp, LIFTED),
        "by hand, as it is": figures(ByHand, None),
        "with OTP, as it is": figures(WithOtp, None),
    }
    table = "\n".join(f"| {name} | {row} |" for name, row in rows.items())
    assert table in PAGE.read_text(encoding="utf-8"), f"write into docs/agents.md:\n{table}"


def test_the_page_tells_how_long_the_frameworks_are() -> None:
    page = PAGE.read_text(encoding="utf-8")
    files = [[*Path(str(package.__file__)).parent.glob("*.py")] for package in (by_hand, with_otp)]
    lines = [sum(bool(line.strip()) for file in each for line in file.read_text().splitlines()) for each in files]
    by, using = (round(count, -2) for count in lines)
    assert f"| lines of code | about {by} | about {using}, " in page, f"{lines} lines are not blank"
