"""The framework of agents with OTP, in virtual time; the tests of the source, and what it got wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import otp
from otp import Application, DynamicSupervisor, GenServer, Registry
from otp.testing import Scheduler, advance, wait_all_idle
from superlearner.agents import AgentFramework
from superlearner.agents.by_hand import Message
from superlearner.agents.with_otp import (
    AgentApplication,
    AgentDirectory,
    AgentServer,
    AgentSupervisor,
    AgentTree,
    StaticAgentSupervisor,
)

Main = Callable[[], Awaitable[Any]]


def run(main: Main, seed: int = 1) -> Any:
    return Scheduler(seed=seed).run(main)


# AgentServer


def test_an_agent_starts_idle_under_its_name_with_the_memory_it_was_given() -> None:
    async def main() -> None:
        given = {"key": "value"}
        plain = await AgentServer.start_link("Test-Agent")
        named = await AgentServer.start_link(("Test-Agent", {"memory": given}), name="test_named_agent")
        given["key"] = "changed"
        assert otp.is_alive(plain)
        assert otp.whereis("test_named_agent") == named
        assert await AgentServer.get_status(plain) == "idle"
        empty = {"name": "Test-Agent", "status": "idle", "memory": {}, "inbox": [], "processed_count": 0}
        assert await AgentServer.get_state(plain) == empty
        assert await AgentServer.get_state("test_named_agent") == empty | {"memory": {"key": "value"}}

    run(main)


def test_an_agent_remembers_recalls_and_forgets() -> None:
    async def main() -> None:
        agent = await AgentServer.start_link("Memory-Agent")
        for number in range(3):
            AgentServer.remember(agent, number, number * number)
        assert [await AgentServer.recall(agent, number) for number in (0, 1, 2, 3)] == [0, 1, 4, None]
        seen = await AgentServer.get_state(agent)
        seen["memory"]["forged"] = True
        seen["inbox"].append("forged")
        assert (await AgentServer.recall(agent, "forged"), await AgentServer.inbox_count(agent)) == (None, 0)
        AgentServer.forget_all(agent)
        assert (await AgentServer.get_state(agent))["memory"] == {}

    run(main)


def test_tasks_are_processed_in_order_and_counted() -> None:
    async def main() -> None:
        agent = await AgentServer.start_link("Task-Agent")
        assert await AgentServer.process_next(agent) == ("empty", None)
        params = {"query": "otp"}
        AgentServer.send_task(agent, "search", params)
        params["query"] = "changed"
        AgentServer.send_task(agent, "analyze", {"data": "d"})
        AgentServer.send_task(agent, "dance")
        AgentServer.send_message(agent, Message.response(9, "r"))
        AgentServer.send_message(agent, "noise")
        assert await AgentServer.inbox_count(agent) == 5
        results = [await AgentServer.process_next(agent) for _ in range(5)]
        assert [task.id for _, task, _ in results[:3]] == [1, 2, 3]
        assert [result for _, _, result in results] == [
            ("ok", "Search results for: otp"),
            ("ok", "Analysis of: d"),
            ("error", ("unknown_action", "dance")),
            ("received_response", "r"),
            ("error", ("invalid_message", "noise")),
        ]
        state = await AgentServer.get_state(agent)
        assert (state["processed_count"], state["inbox"], state["status"]) == (5, [], "idle")
        assert state["memory"] == {"last_result": ("error", ("invalid_message", "noise"))}

    run(main)


def test_unknown_requests_change_nothing() -> None:
    async def main() -> None:
        agent = await AgentServer.start_link("ann")
        before = await AgentServer.get_state(agent)
        GenServer.cast(agent, "nonsense")
        otp.send(agent, "nonsense")
        assert await GenServer.call(agent, "nonsense") == ("error", ("unknown_request", "nonsense"))
        assert await AgentServer.get_state(agent) == before

    run(main)


def test_an_agent_is_stopped_and_questions_to_it_fail() -> None:
    async def main() -> None:
        agent = await AgentServer.start("ann")
        await AgentServer.stop(agent)
        assert not otp.is_alive(agent)
        AgentServer.remember(agent, "k", 1)
        with pytest.raises(otp.NoProcess):
            await AgentServer.recall(agent, "k")

    run(main)


@pytest.mark.parametrize("arg", ["ann", ("ann", {"memory": {"k": 1}})])
def test_the_child_spec_has_the_name_in_its_id(arg: Any) -> None:
    spec = AgentServer.child_spec(arg)
    assert (spec.id, spec.restart, spec.shutdown, spec.type) == ((AgentServer, "ann"), "permanent", 5, "worker")
    assert AgentServer.child_spec(arg, id="own", restart="temporary").id == "own"


# Supervisors


def test_a_supervisor_starts_lists_counts_and_stops_agents() -> None:
    async def main() -> None:
        supervisor = await AgentSupervisor.start_link()
        assert otp.whereis("AgentSupervisor") == supervisor
        agents = [await AgentSupervisor.start_agent(name) for name in ("a", "b", "c")]
        assert sorted(await AgentSupervisor.list_agents()) == sorted(agents)
        assert await AgentSupervisor.count_agents() == (3, 3, 0, 3)
        await AgentSupervisor.stop_agent(agents[1])
        assert not otp.is_alive(agents[1])
        assert await AgentSupervisor.count_agents() == (2, 2, 0, 2)
        with pytest.raises(otp.NotFound):
            await AgentSupervisor.stop_agent(agents[1])
        assert AgentSupervisor.whereis("a") is None, "no registry runs"

    run(main)


def test_a_crashed_agent_starts_again_with_its_first_memory_and_disturbs_no_other() -> None:
    async def main() -> None:
        await Registry.start_link(keys="unique", name="AgentRegistry")
        await AgentSupervisor.start_link()
        crashed = await AgentSupervisor.start_agent("ann", memory={"a": 1})
        other = await AgentSupervisor.start_agent("bob")
        AgentServer.remember(crashed, "k", 1)
        AgentServer.remember(other, "k", 2)
        assert await AgentServer.recall(crashed, "k") == 1
        otp.exit(crashed, "kill")
        await wait_all_idle()
        again = AgentSupervisor.whereis("ann")
        assert again is not None
        assert again != crashed
        assert (await AgentServer.get_state(again))["memory"] == {"a": 1}
        assert (AgentSupervisor.whereis("bob"), await AgentServer.recall(other, "k")) == (other, 2)
        with pytest.raises(otp.AlreadyStarted) as taken:
            await AgentSupervisor.start_agent("ann")
        assert taken.value.pid == again

    run(main)


def test_the_sixth_crash_in_a_minute_ends_the_supervisor_and_one_an_hour_does_not() -> None:
    async def main(apart: float) -> bool:
        otp.process_flag("trap_exit", True)
        supervisor = await AgentSupervisor.start_link()
        await AgentSupervisor.start_agent("ann")
        for _ in range(6):
            [agent] = await AgentSupervisor.list_agents()
            otp.exit(agent, "kill")
            await wait_all_idle()
            await advance(apart)
        return otp.is_alive(supervisor)

    assert run(lambda: main(1)) is False
    assert run(lambda: main(3600)) is True


def test_a_static_supervisor_has_its_agents_under_their_names() -> None:
    async def main() -> None:
        await StaticAgentSupervisor.start_link([("ann", {"k": 1}), ("bob", None)], name="static")
        bob, ann = otp.whereis("bob"), otp.whereis("ann")
        assert [child.id for child in await otp.Supervisor.which_children("static")] in (["ann", "bob"], ["bob", "ann"])
        otp.exit(ann, "kill")
        await wait_all_idle()
        assert otp.whereis("ann") not in (None, ann)
        assert (otp.whereis("bob"), await AgentServer.recall("ann", "k")) == (bob, 1)

    run(main)


def test_the_full_workflow_of_the_source() -> None:
    async def main() -> None:
        await AgentSupervisor.start_link()
        worker = await AgentFramework.start_otp_agent("Worker", memory={"role": "search"})
        AgentFramework.otp_remember(worker, "context", "testing")
        for number in range(2):
            AgentFramework.otp_send_task(worker, "search", {"query": number})
        assert await AgentFramework.otp_inbox_count(worker) == 2
        kinds = [(await AgentFramework.otp_process_next(worker))[0] for _ in range(3)]
        assert kinds == ["processed", "processed", "empty"]
        assert (await AgentFramework.otp_get_state(worker))["processed_count"] == 2
        assert await AgentFramework.otp_recall(worker, "context") == "testing"
        assert await AgentFramework.list_otp_agents() == [worker]
        await AgentFramework.stop_otp_agent(worker)
        assert (await AgentFramework.count_otp_agents()).active == 0

    run(main)


# Directory and application


def test_the_directory_knows_agents_by_name_and_node_until_they_end() -> None:
    async def main() -> None:
        await AgentDirectory.start_link(name="AgentDirectory")
        one, two, three = [await AgentServer.start(name) for name in "123"]
        for name, node, pid in (("one", "a@h", one), ("two", "a@h", two), ("three", "b@h", three), ("two", "b@h", two)):
            await AgentDirectory.register(name, node, pid)
        assert await AgentDirectory.lookup("two") == ("b@h", two)
        assert await AgentDirectory.lookup("four") is None
        assert await AgentDirectory.agents_on_node("b@h") == {"two": two, "three": three}
        assert await AgentDirectory.all_agents() == {"one": ("a@h", one), "two": ("b@h", two), "three": ("b@h", three)}
        await AgentServer.stop(three)
        await wait_all_idle()
        assert await AgentDirectory.count() == 2
        assert await AgentDirectory.remove_node_agents("b@h") == 1
        await AgentDirectory.unregister("one")
        await AgentDirectory.unregister("one")
        assert await AgentDirectory.all_agents() == {}

    run(main)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("agents", [3, 8])
def test_after_a_kill_of_the_registry_names_and_processes_agree(agents: int, seed: int) -> None:
    async def main() -> list[Any]:
        await Application.ensure_all_started(AgentApplication)
        names = [f"agent_{number}" for number in range(agents)]
        for name in names:
            await AgentSupervisor.start_agent(name)
        registry = otp.whereis("AgentRegistry")
        assert registry is not None
        otp.exit(registry, "kill")
        await wait_all_idle()
        assert otp.whereis("AgentRegistry") not in (None, registry)
        assert [one.name for one in await Application.which_applications()] == ["agent_framework"]
        return [await AgentSupervisor.list_agents(), [AgentSupervisor.whereis(name) for name in names]]

    assert run(main, seed) == [[], [None] * agents]


def test_the_application_outlives_six_crashes_in_a_minute_and_leaves_nothing_when_it_stops() -> None:
    async def main() -> None:
        before = set(otp.processes())
        await Application.ensure_all_started(AgentApplication)
        assert {"AgentRegistry", "AgentDirectory", "AgentSupervisor"} <= set(otp.registered())
        await AgentSupervisor.start_agent("ann")
        first = otp.whereis("AgentSupervisor")
        for _ in range(6):
            for agent in await AgentSupervisor.list_agents():
                otp.exit(agent, "kill")
            await wait_all_idle()
        assert otp.whereis("AgentSupervisor") not in (None, first)
        assert await AgentSupervisor.list_agents() == []
        await Application.stop(AgentApplication)
        await wait_all_idle()
        left = [otp.process_info(pid, "registered_name") for pid in set(otp.processes()) - before]
        assert not {"AgentRegistry", "AgentDirectory", "AgentSupervisor"} & set(otp.registered())
        assert [name for name in left if name] == []

    run(main)


# The tree of exercise 3


@pytest.mark.parametrize(
    ("victim", "disturbed"), [("worker_2", 1), ("temporary", 1), ("pool", 3), ("state_store", 8), ("workers", 7)]
)
def test_a_kill_disturbs_those_that_need_the_victim(victim: str, disturbed: int) -> None:
    async def main() -> None:
        await AgentTree.start_link()
        temporary = [await AgentTree.start_temporary(name) for name in ("t1", "t2")]
        AgentTree.put("k", 1)
        assert await AgentTree.get("k") == 1
        named = ("state_store", "workers", "worker_1", "worker_2", "worker_3", "pool")
        before = {*map(otp.whereis, named), *temporary}
        assert len(before) == 8
        otp.exit(temporary[0] if victim == "temporary" else otp.whereis(victim), "kill")
        await wait_all_idle()
        assert len([pid for pid in before if not otp.is_alive(pid)]) == disturbed
        assert None not in map(otp.whereis, named)
        assert await AgentTree.get("k") == (None if victim == "state_store" else 1)
        left = (await DynamicSupervisor.count_children("pool")).active
        assert left == {"worker_2": 2, "temporary": 1}.get(victim, 0)

    run(main)


# The facade


def test_the_facade_hands_over_to_the_layer_beside_it() -> None:
    agent = AgentFramework.new_agent("ann")
    assert not AgentFramework.has_messages(agent)
    task = AgentFramework.task(1, "search", {"query": "otp"})
    agent = AgentFramework.send_message(agent, task)
    agent = AgentFramework.send_message(agent, AgentFramework.response(2, "r"))
    assert AgentFramework.has_messages(agent)
    kind, agent, message = AgentFramework.process(agent)
    assert (kind, message) == ("processed", task)
    _, agent, _ = AgentFramework.process(agent)
    assert AgentFramework.process(agent) == ("empty", agent)

    async def main() -> None:
        await AgentFramework.start_registry()
        monitor = await AgentFramework.start_monitor(delay=0)
        ann = await AgentFramework.start_agent(monitor, "ann", register=True)
        assert await AgentFramework.list_monitored_agents(monitor) == [("ann", ann)]
        assert await AgentFramework.lookup_agent("ann") == ann
        bob = await AgentFramework.start_process_agent("bob")
        AgentFramework.send_process_task(bob, "search", {"query": "q"})
        AgentFramework.remember(bob, "k", 1)
        assert await AgentFramework.recall(bob, "k") == 1
        assert (await AgentFramework.process_next_task(bob))[2] == ("ok", "Search results for: q")
        assert (await AgentFramework.get_agent_state(bob))["processed_count"] == 1
        AgentFramework.stop_agent(bob)
        await otp.wait_down(bob)

    run(main)
