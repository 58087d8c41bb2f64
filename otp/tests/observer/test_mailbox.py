"""Waiting messages are listed one by one; dropped ones do not arrive, and their callers are notified."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import otp
from otp import BadArgument, Children, GenServer, NoReply, Ok, Reply, Supervisor, impl, observer, sys, testing


class Slow(GenServer[list[Any]]):
    """Waits in its callback until it is released; returns what it has handled."""

    @impl
    def init(self, arg: Any) -> Ok[list[Any]]:
        return Ok([])

    @impl
    def handle_call(self, request: Any, caller: Any, state: list[Any]) -> Reply[list[Any]]:
        return Reply(list(state), [*state, request])

    @impl
    def handle_cast(self, request: Any, state: list[Any]) -> NoReply[list[Any]]:
        return NoReply([*state, request])

    @impl
    async def handle_info(self, message: Any, state: list[Any]) -> NoReply[list[Any]]:
        if message == "wait":
            await otp.receive(otp.Tag("go"))
        return NoReply([*state, message])


class Empty(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([])


def first_process(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    def run() -> None:
        testing.Scheduler(seed=0).run(test)

    run.__name__ = test.__name__
    return run


def here() -> Any:
    return otp.trace.node_of(otp.self())


async def filled() -> otp.Pid:
    """A server that is busy, and five messages that wait for it."""
    slow = await Slow.start_link(None)
    otp.send(slow, "wait")
    await testing.wait_all_idle()
    GenServer.cast(slow, ("add", 1))
    otp.send(slow, {"password": "hunter2"})
    GenServer.cast(slow, ("add", 2))
    GenServer.cast(slow, "stop")
    otp.send(slow, 7)
    return slow


async def handled(slow: otp.Pid) -> Any:
    otp.send(slow, ("go",))
    return await GenServer.call(slow, "what")


@first_process
async def test_messages_are_told_oldest_first_with_kind_and_tag_and_without_secrets() -> None:
    page = observer.mailbox(here(), await filled())
    assert [(0, "cast", "add"), (1, "info", "dict"), (2, "cast", "add"), (3, "cast", "stop"), (4, "info", "int")] == [
        (one.position, one.kind, one.tag) for one in page.messages
    ]
    assert ("('add', 1)", "{'password': ***}") == (page.messages[0].text, page.messages[1].text)
    assert (5, 5, False) == (page.total, page.waiting, page.partial)


@first_process
async def test_the_details_of_a_process_show_messages_with_their_kind_and_without_the_envelope() -> None:
    """Regression: the page showed `('$gen_cast', ('add', 1))`."""
    slow = await filled()
    caller = otp.spawn(lambda: GenServer.call(slow, "what"))
    await testing.wait_all_idle()
    found = observer.process(here(), slow)
    assert found is not None
    assert found.messages == (
        "cast ('add', 1)", "info {'password': ***}", "cast ('add', 2)", "cast 'stop'", "info 7",
        f"call 'what' from {caller}",
    )  # fmt: skip


@first_process
async def test_messages_are_found_by_kind_tag_and_text_and_no_secret_is_found() -> None:
    slow = await filled()

    def positions(**filter: Any) -> list[int]:
        return [one.position for one in observer.mailbox(here(), slow, **filter).messages]

    assert [1, 4] == positions(kind="info")
    assert [0, 2] == positions(tag="add")
    assert [2] == positions(tag="add", search=", 2")
    assert [] == positions(search="hunter2")
    assert [2] == positions(tag="add", offset=1, limit=5)


@first_process
async def test_a_secret_in_the_first_word_is_neither_shown_nor_found() -> None:
    slow = await filled()
    otp.send(slow, "password=hunter2")
    otp.send(slow, ("token: abc-hunter2", 1))
    page = observer.mailbox(here(), slow)
    assert ["password=***", "token: ***"] == [one.tag for one in page.messages[5:]]
    assert 0 == observer.mailbox(here(), slow, tag="password=hunter2").total
    shown = observer.mailbox(here(), slow, tag="password=hunter2", redact=None).messages
    assert ["password=hunter2"] == [one.tag for one in shown]


@first_process
async def test_what_is_dropped_does_not_come_and_the_rest_comes_in_order() -> None:
    slow = await filled()
    assert 2 == observer.drop_messages(here(), slow, tag="add")
    assert ["wait", {"password": "hunter2"}, "stop", 7] == await handled(slow)


@first_process
async def test_the_oldest_are_dropped_first_and_without_a_filter_all_are() -> None:
    slow = await filled()
    assert 1 == observer.drop_messages(here(), slow, tag="add", limit=1)
    assert ["{'password': ***}", "('add', 2)"] == [one.text for one in observer.mailbox(here(), slow).messages][:2]
    assert 4 == observer.drop_messages(here(), slow)
    assert ["wait"] == await handled(slow)


@first_process
async def test_a_call_that_is_dropped_fails_its_caller_at_once() -> None:
    slow = await filled()

    async def ask() -> Any:
        with pytest.raises(otp.CallExit) as failed:
            await GenServer.call(slow, "total", "infinity")
        return failed.value.cause_reason

    asked = otp.Task.async_(ask)
    await testing.wait_all_idle()
    (call,) = observer.mailbox(here(), slow, kind="call").messages
    assert (asked.pid, "'total'") == (call.sender, call.text)
    assert 1 == observer.drop_messages(here(), slow, kind="call")
    assert "dropped" == await otp.Task.await_(asked)


@first_process
async def test_what_the_runtime_asks_stays() -> None:
    slow = await filled()
    asked = otp.Task.async_(lambda: sys.get_state(slow))
    await testing.wait_all_idle()
    assert 5 == observer.drop_messages(here(), slow)
    assert ["system"] == [one.kind for one in observer.mailbox(here(), slow).messages]
    otp.send(slow, ("go",))
    assert ["wait"] == await otp.Task.await_(asked)


@first_process
async def test_a_selective_receive_sees_what_comes_after_a_drop() -> None:
    async def waits(parent: otp.Pid) -> None:
        otp.send(parent, await otp.receive(otp.Tag("go")))

    pid = otp.spawn_link(waits, otp.self())
    for number in range(3):
        otp.send(pid, number)
    await testing.wait_all_idle()
    assert 3 == observer.drop_messages(here(), pid)
    otp.send(pid, ("go", 1))
    assert ("go", 1) == await otp.receive()


@first_process
async def test_a_long_batch_is_dropped_in_the_middle() -> None:
    slow = await Slow.start_link(None)
    for number in range(1000):
        GenServer.cast(slow, number)
    otp.send(slow, "wait")
    for number in range(1000):
        GenServer.cast(slow, number)
    await testing.wait_all_idle()
    assert 1000 == observer.drop_messages(here(), slow)
    assert 1001 == len(await handled(slow))


@first_process
async def test_suspended_servers_lose_their_messages_too_and_go_on() -> None:
    slow = await Slow.start_link(None)
    await sys.suspend(slow)
    GenServer.cast(slow, "lost")
    await testing.wait_all_idle()
    assert 1 == observer.drop_messages(here(), slow)
    await sys.resume(slow)
    assert [] == await GenServer.call(slow, "what")


@first_process
async def test_nobody_drops_the_messages_of_a_supervisor() -> None:
    supervisor = await Empty.start_link(None)
    with pytest.raises(BadArgument, match="keep its tree right"):
        observer.drop_messages(here(), supervisor)


@first_process
async def test_a_dead_process_has_no_messages_and_a_sensitive_one_shows_none() -> None:
    async def hides() -> None:
        otp.process_flag("sensitive", True)
        await otp.receive(otp.Is("never"))

    pid = otp.spawn_link(hides)
    await testing.wait_all_idle()
    otp.send(pid, "secret")
    await testing.wait_all_idle()
    assert observer.MailboxPage((), 0, 1, True) == observer.mailbox(here(), pid)
    otp.unlink(pid)
    otp.exit(pid, "kill")
    await otp.wait_down(pid)
    assert observer.MailboxPage((), 0, 0) == observer.mailbox(here(), pid)
    assert 0 == observer.drop_messages(here(), pid)


# Memory


class Liar(list[Any]):
    def __sizeof__(self) -> int:
        raise RuntimeError("not asked")

    def __iter__(self) -> Any:
        raise RuntimeError("not asked")


@first_process
async def test_memory_follows_the_state_and_the_mailbox() -> None:
    slow = await filled()
    before = observer.memory(here(), slow)
    GenServer.cast(slow, "x" * 5000)
    grown = observer.memory(here(), slow)
    assert before is not None and grown is not None
    assert 5000 <= grown.mailbox - before.mailbox < 6000
    await handled(slow)
    after = observer.memory(here(), slow)
    assert after is not None and before.state is not None and after.state is not None
    assert after.state - before.state >= 5000
    assert after.mailbox == 0


@first_process
async def test_memory_counts_an_object_once_and_asks_no_program() -> None:
    shared = ["y" * 10_000]
    shared.append(shared)  # pyright: ignore[reportArgumentType]
    agent = await otp.Agent.start_link(lambda: Liar([shared, shared]))
    found = observer.memory(here(), agent)
    assert found is not None and found.state is not None
    assert 10_000 < found.state < 11_000
    assert found.complete


@first_process
async def test_memory_of_very_much_is_the_least_and_says_so() -> None:
    agent = await otp.Agent.start_link(lambda: [[n] for n in range(50_000)])
    found = observer.memory(here(), agent)
    assert found is not None and not found.complete
    assert found.state is not None and found.state > 400_000
    part = observer.memory(here(), agent, 100)
    assert part is not None and part.state is not None
    assert (part.complete, part.state < found.state) == (False, True)


@first_process
async def test_the_state_of_a_coroutine_is_not_known() -> None:
    found = observer.memory(here(), otp.self())
    assert found is not None and found.state is None


def test_kinds_that_match_no_message_are_refused() -> None:
    """Regression: dropping messages of the runtime, or of a misspelt kind, silently did nothing."""

    async def main() -> None:
        node, other = otp.node(), otp.spawn(otp.receive)
        with pytest.raises(otp.BadArgument, match="got 'system'; messages of the runtime are exempt"):
            observer.drop_messages(node, other, kind="system")  # type: ignore[arg-type]
        with pytest.raises(otp.BadArgument, match="expected 'call', 'cast', 'info' or None as kind, got 'calls'"):
            observer.drop_messages(node, other, kind="calls")  # type: ignore[arg-type]
        with pytest.raises(otp.BadArgument, match="'system' or None as kind, got 'calls'"):
            observer.mailbox(node, other, kind="calls")  # type: ignore[arg-type]

    testing.Scheduler().run(main)
