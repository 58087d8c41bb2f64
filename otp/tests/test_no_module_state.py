"""No module-level runtime state: nodes, loops and threads side by side do not know each other (design part 1 §1)."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import random
import threading
import types
from typing import Any

import otp
from otp import GenServer, Ok, Reply, impl
from otp.testing import Scheduler


class Counter(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        return Reply((state, otp.self().node), state + 1)


async def program(node: otp.Node, seed: int) -> Any:
    """Names, timers, calls, links and deaths on one node, as a value."""
    source = random.Random(seed)
    counter = await node.start(Counter, 0, name="counter")
    done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def worker(n: int) -> None:
        otp.register(("worker", n), otp.self())
        await otp.receive()
        if source.random() < 0.5:
            raise otp.Exit("shutdown")

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        pids = [otp.spawn_link(worker, n) for n in range(20)]
        assert len(otp.processes()) == 22
        values = [await GenServer.call("counter", "next") for _ in range(20)]
        otp.send_after(0, otp.self(), "timer")
        timer = await otp.receive(otp.Is("timer"))
        for pid in pids:
            otp.send(pid, "go")
        reasons = [(await otp.receive(otp.ExitSignal)).reason for _ in pids]
        done.set_result((values, timer, sorted(reasons), len(otp.registered()), len(otp.processes())))

    node.spawn(main)
    result = await done
    return result, (await GenServer.call(counter, "next"))[0]


def expected(name: str, seed: int) -> Any:
    source = random.Random(seed)
    reasons = sorted("shutdown" if source.random() < 0.5 else "normal" for _ in range(20))
    return ([(n, name) for n in range(20)], "timer", reasons, 1, 2), 20


def test_twelve_nodes_in_one_loop_run_the_same_program_at_the_same_time() -> None:
    async def main() -> Any:
        nodes = [otp.Node(f"n{n}") for n in range(12)]
        for node in nodes:
            await node.__aenter__()
        results = await asyncio.gather(*(program(node, n) for n, node in enumerate(nodes)))
        for node in reversed(nodes):
            await node.close()
        return results

    assert asyncio.run(main()) == [expected(f"n{n}", n) for n in range(12)]


def test_two_schedulers_in_two_threads_run_the_same_program_at_the_same_time() -> None:
    results: dict[int, Any] = {}
    barrier = threading.Barrier(2)

    def run(seed: int) -> None:
        async def main() -> Any:
            async with otp.Node(f"t{seed}") as node:
                return await program(node, seed)

        barrier.wait(10)
        results[seed] = asyncio.run(main())

    threads = [threading.Thread(target=run, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == {n: expected(f"t{n}", n) for n in range(2)}


def test_a_deterministic_run_inside_a_thread_does_not_disturb_a_running_node() -> None:
    async def main() -> Any:
        async with otp.Node("real") as node:

            async def virtual() -> float:
                await asyncio.sleep(1000)
                return otp.monotonic()

            before = await program(node, 3)
            return before, await asyncio.to_thread(Scheduler().run, virtual), otp.processes() == node.processes()

    assert asyncio.run(main()) == (expected("real", 3), 1000.0, True)


def test_nodes_on_one_scheduler_may_send_link_and_monitor_across() -> None:
    async def main() -> Any:
        async with otp.Node("a") as a, otp.Node("b") as b:
            done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

            async def other() -> None:
                otp.register("other", otp.self())
                to = await otp.receive()
                otp.send(to, otp.self().node)
                await otp.receive()

            async def first() -> None:
                otp.process_flag("trap_exit", True)
                ref = otp.monitor(("other", "b"))
                otp.send(("other", "b"), otp.self())
                answer = await otp.receive(str)
                pid = otp.whereis(("other", b))
                otp.link(pid)
                otp.exit(pid, "boom")
                signal, down = await otp.receive(otp.ExitSignal), await otp.receive(ref)
                done.set_result((answer, signal.reason, down.item, down.reason))

            b.spawn(other)
            a.spawn(first)
            return await done

    assert asyncio.run(main()) == ("b", "boom", ("other", "b"), "boom")


def _modules() -> list[types.ModuleType]:
    return [importlib.import_module(found.name) for found in pkgutil.walk_packages(otp.__path__, "otp.")]


def test_no_module_holds_a_container_that_a_run_fills() -> None:
    """Every list, dict, set and deque at module level is the same after a run as before."""

    def snapshot() -> dict[str, Any]:
        found: dict[str, Any] = {}
        for module in _modules():
            for name, value in vars(module).items():
                if isinstance(value, (list, dict, set)) and not name.startswith("__"):
                    found[f"{module.__name__}.{name}"] = len(value)
        return found

    async def main() -> Any:
        async with otp.Node("n") as node:
            return await program(node, 1)

    asyncio.run(main())
    before = snapshot()
    asyncio.run(main())
    assert snapshot() == before
