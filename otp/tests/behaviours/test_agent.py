"""Agent: a value in a process. "agent_test" is Elixir's test/elixir/agent_test.exs."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import (
    Agent,
    AlreadyStarted,
    BadArgument,
    CallTimeout,
    Crash,
    Exit,
    ExitSignal,
    GenServer,
    Is,
    NoProcess,
    Registry,
    ServerDown,
    StartError,
    Supervisor,
    sys,
    testing,
)
from otp.testing import wait_all_idle


def same(state: Any) -> Any:
    return state


async def nap(seconds: float) -> None:
    await otp.receive(otp.start_timer(seconds, otp.self(), None))


def fail(_: Any = None) -> Any:
    raise otp.Error("oops")


def test_an_agent_keeps_a_value(run: Any) -> None:
    """agent_test, "start_link/2 workflow with unregistered name and anonymous functions"."""

    async def main() -> None:
        agent = await Agent.start_link(dict)
        assert (agent,) == otp.process_info(otp.self(), "links")
        assert "Agent" == otp.process_info(agent, "initial_call")
        assert await Agent.update(agent, lambda state: state | {"hello": "world"}) is None
        assert "world" == await Agent.get(agent, lambda state: state["hello"], 3)
        assert "world" == await Agent.get_and_update(agent, lambda state: (state["hello"], {}), 3)
        assert {} == await Agent.get(agent, same)
        await Agent.stop(agent)
        assert not otp.is_alive(agent)

    run(main)


def test_an_agent_without_a_link_under_a_name(run: Any) -> None:
    """agent_test, "start/2 workflow with registered name and module functions"."""

    async def main() -> None:
        agent = await Agent.start(dict, name="agent")
        assert () == otp.process_info(otp.self(), "links")
        assert "agent" == otp.process_info(agent, "registered_name")
        assert Agent.cast("agent", lambda state: state | {"hello": "world"}) is None
        assert {"hello": "world"} == await Agent.get("agent", same)
        with pytest.raises(AlreadyStarted):
            await Agent.start(dict, name="agent")
        await Agent.stop("agent", "shutdown")
        assert otp.whereis("agent") is None

    run(main)


def test_an_agent_is_found_by_a_registry(run: Any) -> None:
    async def main() -> None:
        await Registry.start_link(keys="unique", name="names")
        await Agent.start_link(lambda: 1, name=Registry.via("names", "a"))
        assert 1 == await Agent.get(Registry.via("names", "a"), same)

    run(main)


def test_an_agent_stands_among_children(run: Any) -> None:
    """agent_test, "can be supervised directly", "generates child_spec/1"."""

    async def main() -> None:
        sup = await Supervisor.start_link_children([(Agent, dict), Agent.child_spec(list, name="l", id="second")])
        second, first = await Supervisor.which_children(sup)
        assert (Agent, "worker", (Agent,)) == (first.id, first.type, first.modules)
        assert "second" == second.id
        assert [] == await Agent.get("l", same)
        otp.exit(first.pid, "kill")
        await wait_all_idle()
        assert 2 == (await Supervisor.count_children(sup)).active

    run(main)


def test_functions_run_in_the_agent_one_after_the_other(run: Any) -> None:
    async def slow_add(state: int) -> int:
        await nap(1)
        return state + 1

    async def main() -> None:
        agent = await Agent.start_link(lambda: 0)
        assert agent == await Agent.get(agent, lambda _: otp.self())
        Agent.cast(agent, slow_add)
        Agent.cast(agent, lambda state: state * 10)
        assert 10 == await Agent.get(agent, same)
        assert 1.0 == otp.monotonic()

    run(main)


def test_every_function_may_be_async(run: Any) -> None:
    async def begin() -> int:
        await nap(1)
        return 1

    async def asked(state: int) -> str:
        await nap(1)
        return f"is {state}"

    async def both(state: int) -> tuple[str, int]:
        await nap(1)
        return "was 1", state + 1

    async def main() -> None:
        agent = await Agent.start_link(begin)
        assert "is 1" == await Agent.get(agent, asked)
        assert "was 1" == await Agent.get_and_update(agent, both)
        assert 2 == await Agent.get(agent, same)
        assert 3.0 == otp.monotonic()

    run(main)


def test_a_function_that_raises_ends_the_agent_and_the_call(run: Any) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        for ask in (Agent.get, Agent.update, Agent.get_and_update):
            agent = await Agent.start_link(dict)
            with pytest.raises(ServerDown) as down:
                await ask(agent, fail)
            assert Crash("oops") == down.value.cause_reason
            assert ExitSignal(agent, Crash("oops")) == await otp.receive()
        agent = await Agent.start_link(dict)
        Agent.cast(agent, fail)
        assert ExitSignal(agent, Crash("oops")) == await otp.receive()

    run(main)


def test_get_and_update_must_answer_a_pair(run: Any) -> None:
    """agent/server.ex: {:stop, {:bad_return_value, other}, state}."""

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        for wrong in (3, [1, 2], (1, 2, 3)):
            agent = await Agent.start_link(dict)
            with pytest.raises(ServerDown) as down:
                await Agent.get_and_update(agent, lambda _, wrong=wrong: wrong)
            assert ("bad_return_value", wrong) == down.value.cause_reason

    run(main)


def test_a_start_that_fails_says_why(run: Any) -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        with pytest.raises(StartError) as failed:
            await Agent.start_link(fail)
        assert Crash("oops") == failed.value.reason
        with pytest.raises(StartError) as late:
            await Agent.start(lambda: nap(9), timeout=1)
        assert "timeout" == late.value.reason

    run(main)


def test_the_time_limit_is_five_seconds_and_stands_in_the_reason(run: Any) -> None:
    """Agent.get/3: GenServer.call(agent, {:get, fun}, timeout)."""

    async def slow(_: Any) -> None:
        await nap(6)

    async def main() -> None:
        agent = await Agent.start_link(dict)
        with pytest.raises(CallTimeout) as late:
            await Agent.get(agent, slow)
        assert ("timeout", ("gen_server", "call", [agent, ("get", slow), 5])) == late.value.reason
        assert 5.0 == otp.monotonic()
        assert await Agent.get(agent, slow, "infinity") is None
        await wait_all_idle()
        assert () == otp.process_info(otp.self(), "messages")

    run(main)


def test_nobody_there(run: Any) -> None:
    async def main() -> None:
        with pytest.raises(NoProcess):
            await Agent.get("nobody", same)
        with pytest.raises(Exit) as gone:
            await Agent.stop("nobody")
        assert "noproc" == gone.value.reason
        assert Agent.cast("nobody", same) is None

    run(main)


def test_what_is_no_function_is_refused_before_it_is_sent() -> None:
    async def main() -> None:
        with pytest.raises(BadArgument, match=r"expected a function, got 0; try lambda: 0"):
            await Agent.start_link(0)  # type: ignore[arg-type]
        agent = await Agent.start_link(lambda: 0)
        for ask in (Agent.get, Agent.update, Agent.get_and_update):
            with pytest.raises(BadArgument, match="expected a function, got 3"):
                await ask(agent, 3)  # type: ignore[arg-type]
        with pytest.raises(BadArgument, match=r"Agent.cast\(agent, fn\)"):
            Agent.cast(agent, 3)  # type: ignore[arg-type]

    testing.Scheduler().run(main)


def test_an_agent_answers_its_own_requests_only() -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        agent = await Agent.start_link(dict)
        with pytest.raises(ServerDown, match="has no handle_call"):
            await GenServer.call(agent, "value")
        agent = await Agent.start_link(dict)
        otp.send(agent, "noise")
        assert {} == await Agent.get(agent, same)
        GenServer.cast(agent, "value")
        assert "has no handle_cast" in str((await otp.receive(Is(ExitSignal, pid=agent))).reason)

    testing.Scheduler().run(main)


def test_a_subclass_is_an_agent_by_another_name(run: Any) -> None:
    """agent_test, "generates child_spec/1" of `use Agent`."""

    class Basket(Agent):
        pass

    async def main() -> None:
        sup = await Supervisor.start_link_children([(Basket, dict)])
        (child,) = await Supervisor.which_children(sup)
        assert (Basket, (Basket,)) == (child.id, child.modules)
        assert {} == await Basket.get(child.pid, same)
        assert Basket.__qualname__ == otp.process_info(child.pid, "initial_call")

    run(main)


def test_a_node_owns_an_agent() -> None:
    async def main() -> None:
        async with otp.Node("shop") as node:
            await node.start(Agent, dict, name="state")
            assert {} == await Agent.get(("state", node), same)

    import asyncio

    with asyncio.Runner() as runner:
        runner.run(main())


def test_an_upgrade_may_bring_a_function_that_makes_the_new_state(run: Any) -> None:
    """agent_test, ":sys.change_code/4 with mfa", "… with raising mfa"."""

    async def main() -> None:
        agent = await Agent.start_link(dict)
        await sys.suspend(agent)
        with pytest.raises(otp.Error, match="oops"):
            await sys.change_code(agent, Agent, "vsn", fail)
        await sys.resume(agent)
        assert {} == await Agent.get(agent, same)
        await sys.suspend(agent)
        await sys.change_code(agent, Agent, "vsn", lambda state: state | {"hello": "world"})
        await sys.resume(agent)
        assert {"hello": "world"} == await Agent.get(agent, same)

    run(main)
