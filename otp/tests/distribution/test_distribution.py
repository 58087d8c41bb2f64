"""Processes of two nodes reach each other as if they were on one.

What is said of Erlang was seen on two nodes of OTP 25, where the rule is not in its manual.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

import otp
from otp import CallExit, Down, ExitSignal, GenServer, NodeDown, NodeUp, NoReply, Ok, Reply, Stop, impl
from otp.cluster import CannotTravel
from otp.distribution import NodeId


class Counter(GenServer[int]):
    @impl
    def init(self, arg: int) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: int) -> Any:
        match request:
            case "who":
                return Reply(caller.pid, state)
            case "stop":
                return Stop("shutdown", state, reply="bye")
            case "crash":
                raise ValueError("no")
            case "later":
                otp.spawn(lambda: GenServer.reply(caller, "late"))
                return NoReply(state)
            case "never":
                return NoReply(state)
            case _:
                return Reply((state, request), state)

    @impl
    def handle_cast(self, request: Any, state: int) -> Any:
        return NoReply(state + request)


async def echo() -> None:
    """A server that echoes messages until it is stopped."""
    while True:
        match await otp.receive():
            case ("stop", reason):
                raise otp.Exit(reason)
            case (pid, message):
                otp.send(pid, (otp.self(), message))


async def echo_at_b(both: Any) -> None:
    both.b.spawn(_named_echo)
    await both.b.wait_registered("echo")


async def _named_echo() -> None:
    otp.register("echo", otp.self())
    await echo()


def test_a_message_by_name_arrives_and_its_answer_comes_to_the_pid(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            otp.send(("echo", "b"), (otp.self(), "hello"))
            pid, message = await otp.receive()
            otp.send(pid, (otp.self(), "again"))
            again = await otp.receive()
            return message, again[1], again[0] is pid, pid.node

        await echo_at_b(both)
        assert ("hello", "again", True, "b") == await both.on(both.a, client)

    two(test)


@pytest.mark.parametrize(
    "term",
    [
        None, True, 1, -(1 << 80), 1.5, "ö", "\ud800", b"\xff", (), (1, (2, [3, (4,)])), [], [[], ()], {"a": {1: (2,)}},
        {1, 2}, frozenset({"x"}), ("$pid", 1), ["$list", 1], {"$": "$"}, otp.Crash("boom", (("f.py", 1, "f"),)),
        otp.ExceptionTerm("ValueError", ("no",), "no"), NodeUp("x", 7), otp.Timeout(), otp.Counts(1, 2, 3, 4),
        otp.RegistryEntry("lobby", "a pid", 7),  # type: ignore[arg-type]
    ],
    ids=repr,
)  # fmt: skip
def test_a_term_arrives_as_it_is(two: Any, term: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            otp.send(("echo", "b"), (otp.self(), term))
            return (await otp.receive())[1]

        await echo_at_b(both)
        got = await both.on(both.a, client)
        assert repr(term) == repr(got)
        assert type(term) is type(got)

    two(test)


def test_pids_and_refs_come_back_as_the_same(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            ref, dead = otp.make_ref(), otp.spawn(lambda: None)
            await otp.wait_down(dead)
            otp.send(("echo", "b"), (otp.self(), (otp.self(), ref, dead)))
            mine, same_ref, same_dead = (await otp.receive())[1]
            return mine is otp.self(), same_ref is ref, same_dead is dead

        await echo_at_b(both)
        assert (True, True, True) == await both.on(both.a, client)

    two(test)


@dataclass(frozen=True)
class Line:
    """A class that is not declared."""


def test_what_cannot_travel_is_an_error_at_the_sender(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            with pytest.raises(otp.BadArgument, match="expected plain terms"):
                otp.send(("echo", "b"), object())
            with pytest.raises(otp.BadArgument, match="expected plain terms"):
                await GenServer.call(("echo", "b"), object())
            with pytest.raises(CannotTravel, match=r"at \['user'\]\[1\]: expected plain terms .*, got <object>"):
                await GenServer.call(("echo", "b"), {"user": ("ada", object())})
            with pytest.raises(CannotTravel, match=r"at \[0\]\['lines'\]: expected plain terms or objects of decl"):
                otp.send(("echo", "b"), [{"lines": Line()}])
            otp.send(("echo", "b"), (otp.self(), "still there"))
            return (await otp.receive())[1]

        await echo_at_b(both)
        assert "still there" == await both.on(both.a, client)

    two(test)


def test_a_monitor_tells_the_reason_of_the_end(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            otp.send(("echo", "b"), (otp.self(), ""))
            pid, _ = await otp.receive()
            by_name, by_pid = otp.monitor(("echo", "b")), otp.monitor(pid)
            taken_back = otp.monitor(pid)
            otp.demonitor(taken_back)
            otp.send(pid, ("stop", ("shutdown", 7)))
            first, second = await otp.receive(), await otp.receive()
            later = otp.monitor(pid)
            return (
                {first, second} == {Down(by_name, ("echo", "b"), ("shutdown", 7)), Down(by_pid, pid, ("shutdown", 7))},
                await otp.receive() == Down(later, pid, "noproc"),
            )

        await echo_at_b(both)
        assert (True, True) == await both.on(both.a, client)

    two(test)


def test_a_link_carries_the_end_in_both_directions(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            otp.process_flag("trap_exit", True)
            otp.send(("echo", "b"), (otp.self(), ""))
            pid, _ = await otp.receive()
            otp.link(pid)
            otp.send(pid, ("stop", "boom"))
            got = await otp.receive() == ExitSignal(pid, "boom")
            otp.link(pid)
            return got, await otp.receive() == ExitSignal(pid, "noproc")

        await echo_at_b(both)
        assert (True, True) == await both.on(both.a, client)

        async def dies() -> None:
            otp.send(("echo", "b"), (otp.self(), ""))
            pid, _ = await otp.receive()
            otp.link(pid)
            raise otp.Exit("of mine")

        await echo_at_b(both)
        at_b = both.b.whereis("echo")
        assert at_b is not None
        both.a.spawn(dies)
        assert "of mine" == await otp.wait_down(at_b)

    two(test)


def test_a_link_taken_back_brings_nothing(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            otp.process_flag("trap_exit", True)
            otp.send(("echo", "b"), (otp.self(), ""))
            pid, _ = await otp.receive()
            otp.link(pid)
            otp.unlink(pid)
            otp.monitor(pid)
            otp.send(pid, ("stop", "boom"))
            return type(await otp.receive())

        await echo_at_b(both)
        assert Down is await both.on(both.a, client)
        assert not both.at_a._up["b"].links
        assert not both.at_b._up["a"].links

    two(test)


def test_an_exit_signal_arrives(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            otp.send(("echo", "b"), (otp.self(), ""))
            pid, _ = await otp.receive()
            ref = otp.monitor(pid)
            otp.exit(pid, "normal")
            otp.exit(pid, "kill")
            return (await otp.receive(ref)).reason

        await echo_at_b(both)
        assert "killed" == await both.on(both.a, client)

    two(test)


def test_signals_between_two_processes_stay_in_order(two: Any) -> None:
    async def test(both: Any) -> None:
        async def relay() -> None:
            otp.register("relay", otp.self())
            asker = await otp.receive()
            otp.send(asker, target[0])

        target: list[otp.Pid] = []

        async def receiver() -> Any:
            otp.process_flag("trap_exit", True)
            target.append(otp.self())
            both.b.spawn(relay)
            await both.b.wait_registered("relay")
            both.a.spawn(starts)
            got = [await otp.receive() for _ in range(101)]
            return got[:100] == list(range(100)), got[100].reason

        async def starts() -> None:
            otp.send(("relay", "b"), otp.self())
            pid = await otp.receive()
            otp.link(pid)
            for n in range(100):
                otp.send(pid, n)
            raise otp.Exit("done")

        assert (True, "done") == await both.on(both.b, receiver)

    two(test)


# Calls


async def counter_at_b(both: Any) -> None:
    await both.b.start(Counter, 5, name="counter")


def test_a_call_is_answered_now_or_later_and_knows_its_caller(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            server = ("counter", "b")
            assert "ok" == GenServer.cast(server, 2)
            first = await GenServer.call(server, ["x"])
            late = await GenServer.call(server, "later")
            return first, late, await GenServer.call(server, "who") is otp.self()

        await counter_at_b(both)
        assert ((7, ["x"]), "late", True) == await both.on(both.a, client)

    two(test)


def test_a_call_from_outside_a_process_is_answered(two: Any) -> None:
    async def test(both: Any) -> None:
        await counter_at_b(both)
        pid = await both.at_a.whereis("counter", "b")
        assert pid is not None
        assert (5, 1) == await GenServer.call(pid, 1)

    two(test)


@pytest.mark.parametrize(
    ("request_", "reason"),
    [("crash", "ValueError"), ("never", "timeout"), ("stop", None)],
)
def test_a_call_that_fails_says_why(two: Any, request_: str, reason: str | None) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            try:
                return await GenServer.call(("counter", "b"), request_, timeout=1)
            except CallExit as failed:
                return failed

        await counter_at_b(both)
        got = await both.on(both.a, client)
        if reason is None:
            assert got == "bye"
        elif reason == "timeout":
            assert got.reason == ("timeout", ("gen_server", "call", [("counter", "b"), "never", 1]))
            assert "the server is on node 'b'" in str(got)
        else:
            assert got.cause_reason.term.type_name == reason

    two(test)


def test_a_call_to_another_node_that_timed_out_is_an_event_of_the_callers_node(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            with pytest.raises(otp.CallTimeout):
                await GenServer.call(("counter", "b"), "never", timeout=0.5)
            return otp.self()

        await counter_at_b(both)
        for node in (both.a, both.b):
            otp.trace.subscribe(node, lambda event: None, kinds={"exited"})  # the ring keeps all calls then
        caller = await both.on(both.a, client)
        found = {
            node.name: [one for one in otp.trace.history(node) if one.kind == "call_timed_out"]
            for node in (both.a, both.b)
        }
        [event], none = found["a"], found["b"]
        assert (caller, "counter", None, "'never'", 0.5, []) == (
            event.pid, *(event.data[key] for key in ("name", "what", "request", "timeout")), none,
        )  # fmt: skip
        assert "b" == event.data["to"].node

    two(test)


def test_a_call_to_nobody_fails_with_noproc(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            with pytest.raises(otp.NoProcess) as failed:
                await GenServer.call(("nobody", "b"), 1)
            return failed.value.reason

        assert ("noproc", ("gen_server", "call", [("nobody", "b"), 1])) == await both.on(both.a, client)

    two(test)


def test_system_messages_and_stop_reach_a_server(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            server = ("counter", "b")
            state = await otp.sys.get_state(server)
            await otp.sys.suspend(server)
            await otp.sys.resume(server)
            await GenServer.stop(server)
            with pytest.raises(otp.Exit) as failed:
                await GenServer.stop(server)
            return state, failed.value.reason

        await counter_at_b(both)
        assert (5, "noproc") == await both.on(both.a, client)

    two(test)


@pytest.mark.parametrize("by_name", [False, True])
def test_a_server_of_another_node_is_called_and_stopped_until_the_node_is_lost(two: Any, by_name: bool) -> None:
    """As OTP's `gen_server_SUITE`: `noproc` for a server that has ended, `{nodedown, Node}` where its node is gone."""

    async def test(both: Any) -> None:
        async def client() -> Any:
            pid = await both.at_a.whereis("counter", "b")
            server: Any = ("counter", "b") if by_name else pid
            answered = await GenServer.call(server, 1)
            await GenServer.stop(server)
            with pytest.raises(otp.NoProcess):
                await GenServer.call(server, 1)
            with pytest.raises(otp.Exit) as ended:
                await GenServer.stop(server)
            both.cut()
            await both.settle()
            with pytest.raises(CallExit) as failed:
                await GenServer.call(server, 1)
            with pytest.raises(otp.Exit) as gone:
                await GenServer.stop(server)
            down = (("nodedown", "b"), ("sys", "terminate", [server, "normal", "infinity"]))
            return answered, ended.value.reason, failed.value.cause_reason, gone.value.reason == down

        await counter_at_b(both)
        assert ((5, 1), "noproc", ("nodedown", "b"), True) == await both.on(both.a, client)

    two(test)


def test_a_caller_that_was_sent_away_can_be_answered_there(two: Any) -> None:
    class Delegates(GenServer[Any]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(arg)

        @impl
        def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
            otp.send(("answers", "b"), (caller, request))
            return NoReply(state)

    async def answers() -> None:
        otp.register("answers", otp.self())
        caller, request = await otp.receive()
        GenServer.reply(caller, ("there", request, caller.pid.node))

    async def test(both: Any) -> None:
        both.b.spawn(answers)
        await both.b.wait_registered("answers")
        pid = await both.a.start(Delegates)

        async def client() -> Any:
            return await GenServer.call(pid, 1)

        assert ("there", 1, "a") == await both.on(both.a, client)

    two(test)


# The connection is lost


def test_the_loss_of_a_node_tells_links_monitors_calls_then_watchers_of_nodes_each_once(two: Any) -> None:
    """As Erlang: `{'EXIT', Pid, noconnection}`, `'DOWN'` with `noconnection`, then `{nodedown, Node}`."""

    async def test(both: Any) -> None:
        async def client() -> Any:
            otp.process_flag("trap_exit", True)
            both.at_a.monitor_nodes()
            pid = await both.at_a.whereis("counter", "b")
            assert pid is not None
            otp.link(pid)
            ref = otp.monitor(pid)
            with pytest.raises(CallExit) as failed:
                await GenServer.call(pid, "cut")
            call_reason = failed.value.reason
            got = [await otp.receive() for _ in range(3)]
            otp.send(pid, "lost")
            assert otp.monitor(pid) == (await otp.receive()).ref
            await both.join()
            return (
                call_reason == (("nodedown", "b"), ("gen_server", "call", [pid, "cut"])),
                (got == [ExitSignal(pid, "noconnection"), Down(ref, pid, "noconnection"), NodeDown("b")]),
                await otp.receive() == NodeUp("b"),
                await GenServer.call(pid, 1),
            )

        class Cuts(GenServer[int]):
            @impl
            def init(self, arg: int) -> Any:
                otp.process_flag("trap_exit", True)
                return Ok(arg)

            @impl
            def handle_info(self, message: Any, state: int) -> Any:
                return NoReply(state)

            @impl
            def handle_call(self, request: Any, caller: Any, state: int) -> Any:
                if request == "cut":
                    both.cut()
                    return NoReply(state)
                return Reply(request, state)

        server = await both.b.start(Cuts, 5, name="counter")
        assert (True, True, True, 1) == await both.on(both.a, client)
        assert otp.is_alive(server)

    two(test)


def test_what_needs_a_process_of_this_node_refuses_another(two: Any) -> None:
    """As Erlang: `process_info`, `is_process_alive` and `register` are a badarg for a pid of another node."""

    async def test(both: Any) -> None:
        async def client() -> None:
            pid = await both.at_a.whereis("counter", "b")
            assert pid is not None
            for refused in (
                lambda: otp.process_info(pid),
                lambda: otp.is_alive(pid),
                lambda: otp.register("x", pid),
                lambda: otp.whereis(("counter", "b")),
            ):
                with pytest.raises(otp.BadArgument, match=r"another node|of this node|elsewhere"):
                    refused()

        await counter_at_b(both)
        await both.on(both.a, client)

    two(test)


def test_without_a_connection_everything_ends_at_once(two: Any) -> None:
    """As Erlang: `{nobody, 'no@where'} ! m` and cast drop, a call exits with `{{nodedown, Node}, _}`, a monitor
    gives `noconnection`.
    """

    async def test(both: Any) -> None:
        async def client() -> Any:
            where = ("x", "nowhere")
            otp.send(where, 1)
            GenServer.cast(where, 1)
            ref = otp.monitor(where)
            down = await otp.receive()
            with pytest.raises(CallExit) as failed:
                await GenServer.call(where, 1)
            return down == Down(ref, where, "noconnection"), failed.value.reason

        expected = (("nodedown", "nowhere"), ("gen_server", "call", [("x", "nowhere"), 1]))
        assert (True, expected) == await both.on(both.a, client)

    two(test)


def test_two_nodes_of_one_loop_meet_only_by_way_of_their_connection(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            both.cut()
            await both.settle()
            with pytest.raises(CallExit) as failed:
                await GenServer.call(("counter", "b"), 1)
            return failed.value.cause_reason, await GenServer.multi_call(["b"], "counter", 1, timeout=1)

        await counter_at_b(both)
        assert (("nodedown", "b"), ([], ["b"])) == await both.on(both.a, client)

    two(test)


def test_names_of_tuples_stay_names(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            otp.register(("room", "lobby"), otp.self())
            otp.send(("room", "lobby"), 1)
            return await otp.receive(), otp.whereis(("room", "lobby")) is otp.self()

        assert (1, True) == await both.on(both.a, client)

    two(test)


# Several nodes at once


def test_multi_call_and_abcast_reach_all_nodes(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            GenServer.abcast("counter", 1)
            everybody = await GenServer.multi_call("counter", "x", timeout=1)
            return everybody, await GenServer.multi_call(["b", "nowhere"], "counter", "x", timeout=1)

        await counter_at_b(both)
        await both.a.start(Counter, 1, name="counter")
        everybody, chosen = await both.on(both.a, client)
        assert ([("a", (2, "x")), ("b", (6, "x"))], ["test"]) == everybody  # the node of the test has no counter
        assert ([("b", (6, "x"))], ["nowhere"]) == chosen

    two(test)


def test_connect_waits_for_the_incarnation_that_is_wanted(two: Any) -> None:
    async def test(both: Any) -> None:
        with pytest.raises(TimeoutError, match=r"node b#999 is not connected to 'a' after 2 s; b#202 is"):
            await both.at_a.connect(NodeId("b", 999), timeout=2)
        await both.at_a.connect(NodeId("b", 202))

    two(test)


def test_watchers_of_nodes_learn_the_incarnation(two: Any) -> None:
    async def test(both: Any) -> None:
        async def client() -> Any:
            both.at_a.monitor_nodes()
            both.cut()
            down = await otp.receive()
            await both.join()
            return down.incarnation, (await otp.receive()).incarnation

        assert (202, 202) == await both.on(both.a, client)

    two(test)
