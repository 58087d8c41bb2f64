"""The framework of agents by hand, in virtual time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import otp
from otp.testing import Scheduler, advance, wait_all_idle
from superlearner.agents.by_hand import Agent, AgentMonitor, AgentRegistry, Coordinator, Message, ProcessAgent

Main = Callable[[], Awaitable[Any]]


def run(main: Main, seed: int = 1) -> Any:
    return Scheduler(seed=seed).run(main)


# Values


def test_messages_are_equal_without_their_time_and_copy_what_they_are_given() -> None:
    params = {"query": "otp"}
    task = Message.task(1, "search", params)
    params["query"] = "changed"
    assert task.payload == {"action": "search", "params": {"query": "otp"}}
    assert task == Message.new("task", 1, {"action": "search", "params": {"query": "otp"}})
    assert (Message.response(1, "x").type, Message.error(1, "y").payload) == ("response", "y")
    with pytest.raises(AttributeError):
        task.id = 2  # type: ignore[misc]


def test_an_agent_as_a_value_returns_another_one_for_each_change() -> None:
    before = Agent.new("ann")
    after = before.receive_message(Message.task(1, "search")).receive_message(Message.error(2, "no")).remember("k", 1)
    assert (before.inbox_count(), before.recall("k", "none")) == (0, "none")
    assert (after.inbox_count(), after.recall("k"), after.peek_message()) == (2, 1, Message.task(1, "search"))
    assert (after.set_busy().is_busy(), after.set_waiting().state, after.is_idle()) == (True, "waiting", True)
    _, done, _ = after.set_busy().process_next()
    assert (done.recall("last_action"), done.processed_count, done.is_idle()) == ("search", 1, True)
    _, done, message = done.process_next()
    assert (done.recall("last_error"), message.id) == ("no", 2)
    assert done.process_next() == ("empty", done)
    assert done.pop_message() == (None, done)
    assert done.forget_all().recall("k") is None


# Agents


@pytest.mark.parametrize(
    ("sent", "result"),
    [
        (Message.task(1, "search", {"query": "otp"}), ("ok", "Search results for: otp")),
        (Message.task(1, "analyze", {"data": [1]}), ("ok", "Analysis of: [1]")),
        (Message.task(1, "summarize", {"text": "x" * 80}), ("ok", "x" * 50)),
        (Message.task(1, "dance"), ("error", ("unknown_action", "dance"))),
        (Message.response(1, 5), ("received_response", 5)),
        (Message.error(1, "no"), ("received_error", "no")),
        ("noise", ("error", ("invalid_message", "noise"))),
    ],
)
def test_each_message_of_the_inbox_has_its_result(sent: Any, result: Any) -> None:
    async def main() -> Any:
        ann = await ProcessAgent.start("ann")
        ProcessAgent.send_message(ann, sent)
        assert (await ProcessAgent.inbox_count(ann), await ProcessAgent.peek_task(ann)) == (1, sent)
        assert await ProcessAgent.process_next(ann) == ("processed", sent, result)
        assert await ProcessAgent.process_next(ann) == ("empty", None)
        return await ProcessAgent.get_state(ann)

    assert run(main) == {
        "name": "ann", "status": "idle", "memory": {"last_result": result}, "inbox": [], "processed_count": 1,
    }  # fmt: skip


def test_an_agent_remembers_in_order_ignores_noise_and_outlives_silence() -> None:
    async def main() -> None:
        memory = {"a": 1}
        ann = await ProcessAgent.start("ann", memory=memory)
        memory["a"] = 2
        ProcessAgent.remember(ann, "b", 1)
        ProcessAgent.remember(ann, "b", 2)
        otp.send(ann, ("what", "is", "this"))
        await advance(200)
        assert [await ProcessAgent.recall(ann, key) for key in "abc"] == [1, 2, None]
        (await ProcessAgent.get_state(ann))["memory"]["a"] = 3
        assert await ProcessAgent.recall(ann, "a") == 1
        ProcessAgent.forget_all(ann)
        assert await ProcessAgent.recall(ann, "b") is None
        assert await ProcessAgent.get_status(ann) == "idle"
        ProcessAgent.stop(ann)
        assert await otp.wait_down(ann) == "normal"

    run(main)


def test_a_question_to_a_dead_agent_fails_at_once_and_a_late_answer_answers_nothing_else() -> None:
    async def late() -> None:
        _, from_, ref = await otp.receive()
        otp.send_after(15, from_, (ref, "too late"))
        _, _, from_, ref = await otp.receive()
        otp.send(from_, (ref, "in time"))

    async def main() -> None:
        begun = otp.monotonic()
        slow = otp.spawn(late)
        with pytest.raises(TimeoutError):
            await ProcessAgent.get_state(slow, timeout=5)
        await advance(10)
        assert await ProcessAgent.recall(slow, "k") == "in time"
        await otp.wait_down(slow)
        now = otp.monotonic()
        with pytest.raises(otp.Exit) as ended:
            await ProcessAgent.get_status(slow)
        assert ended.value.reason == ("agent_down", "noproc")
        assert (otp.monotonic(), now - begun >= 10) == (now, True)
        ann = await ProcessAgent.start("ann")
        ProcessAgent.crash(ann, "boom")
        with pytest.raises(otp.Exit) as ended:
            await ProcessAgent.get_status(ann)
        assert ended.value.reason == ("agent_down", "boom")

    run(main)


def test_an_agent_delegates_by_name() -> None:
    async def main() -> None:
        await AgentRegistry.start_link()
        ann = await ProcessAgent.start("ann", register=True)
        bob = await ProcessAgent.start("bob", register=True)
        delegated = await ProcessAgent.delegate(ann, "bob", "search", {"query": "otp"})
        task = await ProcessAgent.peek_task(bob)
        assert delegated == ("delegated", "bob", task.id)
        assert task.payload["params"] == {"query": "otp"}
        assert await ProcessAgent.delegate(ann, "eve", "search") == ("error", ("agent_not_found", "eve"))
        again = await ProcessAgent.delegate(ann, "bob", "search")
        assert again[2] != delegated[2]

    run(main)


# The registry


def test_the_registry_knows_who_has_a_name_until_it_ends() -> None:
    async def main() -> None:
        assert not AgentRegistry.running()
        await AgentRegistry.start_link()
        with pytest.raises(otp.AlreadyStarted):
            await AgentRegistry.start_link()
        ann = await ProcessAgent.start("ann", register=True)
        with pytest.raises(otp.AlreadyRegistered) as taken:
            await ProcessAgent.start("ann", register=True)
        assert taken.value.pid == ann
        await AgentRegistry.register("me", {"role": "host"})
        assert await AgentRegistry.lookup_with_meta("me") == (otp.self(), {"role": "host"})
        assert await AgentRegistry.list_with_pids() == [("ann", ann), ("me", otp.self())]
        assert (await AgentRegistry.send("me", "hello"), await AgentRegistry.send("eve", "hello")) == (True, False)
        assert await AgentRegistry.broadcast("all") == await AgentRegistry.count() == 2
        assert [await otp.receive(otp.Is(word)) for word in ("hello", "all")] == ["hello", "all"]
        await AgentRegistry.unregister("me")
        await AgentRegistry.unregister("ann")  # it is somebody else's
        assert await AgentRegistry.list() == ["ann"]
        ProcessAgent.stop(ann)
        await otp.wait_down(ann)
        assert (await AgentRegistry.exists("ann"), await AgentRegistry.lookup("ann")) == (False, None)

    run(main)


def test_a_name_leads_to_whoever_has_it_and_keeps_the_order() -> None:
    async def main() -> None:
        ann = AgentRegistry.via("ann")
        ProcessAgent.remember(ann, "lost", 1)
        with pytest.raises(otp.Exit) as ended:
            await ProcessAgent.recall(ann, "lost")
        assert ended.value.reason == ("agent_down", "noproc")
        await AgentRegistry.start_link()
        with pytest.raises(otp.Exit):
            await ProcessAgent.recall(ann, "lost")
        first = await ProcessAgent.start("ann", register=True)
        for number in range(20):
            ProcessAgent.remember(ann, "n", number)
        assert await ProcessAgent.recall(ann, "n") == 19
        ProcessAgent.stop(ann)
        await otp.wait_down(first)
        await ProcessAgent.start("ann", memory={"n": "new"}, register=True)
        assert await ProcessAgent.recall(ann, "n") == "new"

    run(main)


# The monitor


REASONS = {"normal": {"always"}, "shutdown": {"always"}, ("shutdown", "x"): {"always"}, "boom": {"always", "transient"}}


@pytest.mark.parametrize("policy", ["always", "transient", "never"])
@pytest.mark.parametrize("reason", REASONS)
def test_the_policy_decides_by_the_reason(policy: Any, reason: Any) -> None:
    async def main() -> bool:
        monitor = await AgentMonitor.start_link(restart_policy=policy)
        ann = await AgentMonitor.start_agent(monitor, "ann")
        ProcessAgent.crash(ann, reason)
        await otp.wait_down(ann)
        await advance(1)
        return [name for name, pid in await AgentMonitor.list_agents(monitor) if pid != ann] == ["ann"]

    assert run(main) == (policy in REASONS[reason])


def test_a_restart_comes_after_its_delay_with_the_first_arguments() -> None:
    async def main() -> None:
        await AgentRegistry.start_link()
        monitor = await AgentMonitor.start_link()
        ann = await AgentMonitor.start_agent(monitor, "ann", memory={"a": 1}, register=True)
        with pytest.raises(otp.AlreadyStarted) as running:
            await AgentMonitor.start_agent(monitor, "ann")
        assert running.value.pid == ann
        ProcessAgent.remember(ann, "k", 1)
        begun = otp.monotonic()
        ProcessAgent.crash(ann, "boom")
        await otp.wait_down(ann)
        assert await AgentMonitor.list_agents(monitor) == []
        assert otp.monotonic() == begun, "it answers while it waits"
        await advance(0.1)
        new = await AgentRegistry.lookup("ann")
        assert new is not None
        assert new != ann
        assert [await ProcessAgent.recall(new, key) for key in "ak"] == [1, None]
        status = await AgentMonitor.status(monitor)
        assert status["agents"] == {"ann": {"pid": new, "restart_count": 1}}
        assert (status["agent_count"], status["restart_policy"], status["max_restarts"]) == (1, "always", 5)

    run(main)


def test_an_agent_that_must_register_cannot_start_without_a_registry() -> None:
    async def main() -> None:
        monitor = await AgentMonitor.start_link()
        for made in (ProcessAgent.start("ann", register=True), AgentMonitor.start_agent(monitor, "ann", register=True)):
            with pytest.raises(otp.Exit) as failed:
                await made
            assert failed.value.reason == ("agent_down", "noproc")
        assert await AgentMonitor.list_agents(monitor) == []

    run(main)


async def crash_often(monitor: otp.Pid, times: int, pause: float) -> None:
    for _ in range(times):
        found = await AgentMonitor.list_agents(monitor)
        if not found:
            return
        ProcessAgent.crash(found[0][1], "boom")
        await otp.wait_down(found[0][1])
        await advance(0.2 + pause)
        if not otp.is_alive(monitor):
            return


def test_the_rule_of_the_source_counts_for_a_whole_life() -> None:
    async def main() -> None:
        monitor = await AgentMonitor.start_link(max_restarts=5)
        await AgentMonitor.start_agent(monitor, "ann")
        await AgentMonitor.start_agent(monitor, "bob")
        await crash_often(monitor, 5, 3600)
        assert [name for name, _ in await AgentMonitor.list_agents(monitor)] == ["ann", "bob"]
        await crash_often(monitor, 1, 3600)
        assert [name for name, _ in await AgentMonitor.list_agents(monitor)] == ["bob"]

    run(main)


def test_the_rule_of_otp_counts_all_within_a_window_and_ends_everything() -> None:
    async def main() -> None:
        otp.process_flag("trap_exit", True)
        monitor = await AgentMonitor.start_link(max_restarts=3, max_seconds=5)
        pids = [await AgentMonitor.start_agent(monitor, name) for name in ("ann", "bob")]
        await crash_often(monitor, 10, 2)
        assert otp.is_alive(monitor)
        await advance(10)
        await crash_often(monitor, 4, 0)
        assert not otp.is_alive(monitor)
        assert (await otp.receive(otp.ExitSignal)).reason == "shutdown"
        assert not otp.is_alive(pids[1])

    run(main)


def test_agents_are_taken_in_let_go_and_ended_with_their_monitor() -> None:
    async def main() -> None:
        monitor = await AgentMonitor.start_link()
        own = await ProcessAgent.start("own")
        await AgentMonitor.monitor_agent(monitor, "own", own, {"memory": {"again": True}})
        other = await AgentMonitor.start_agent(monitor, "other")
        third = await AgentMonitor.start_agent(monitor, "third")
        await AgentMonitor.unmonitor_agent(monitor, "other")
        await AgentMonitor.unmonitor_agent(monitor, "third", stop_agent=True)
        await otp.wait_down(third)
        ProcessAgent.crash(own, "boom")
        await otp.wait_down(own)
        await advance(1)
        [(_, again)] = await AgentMonitor.list_agents(monitor)
        assert await ProcessAgent.recall(again, "again")
        await AgentMonitor.stop(monitor)
        assert (otp.is_alive(again), otp.is_alive(other)) == (False, True)

    run(main)


# The coordinator


async def worker() -> None:
    while True:
        _, (number, seconds), from_, ref = await otp.receive()
        if seconds == "crash" and otp.process_info(otp.self()) and not CRASHED.get(number):
            CRASHED[number] = True
            otp.exit("boom")
        with pytest.raises(TimeoutError):
            await otp.receive(lambda message: False, timeout=0 if seconds == "crash" else seconds)
        otp.send(from_, (ref, 2 * number))


CRASHED: dict[int, bool] = {}


@pytest.mark.parametrize("seed", range(5))
def test_every_task_is_done_in_order_although_workers_end(seed: int) -> None:
    async def main() -> None:
        CRASHED.clear()
        team = await Coordinator.start_link(worker, 3)
        begun = otp.monotonic()
        assert await Coordinator.run(team, [(number, 1) for number in range(3)]) == (0, 2, 4)
        assert otp.monotonic() - begun == 1, "at the same time"
        tasks = [(number, "crash" if number in (3, 11) else 0.01) for number in range(20)]
        assert await Coordinator.run(team, tasks) == tuple(range(0, 40, 2))
        assert await Coordinator.run(team, []) == ()
        await Coordinator.stop(team)
        await wait_all_idle()
        assert [pid for pid in otp.processes() if pid != otp.self()] == []

    run(main, seed)
