"""Values of the user in the runtime's hands: names that misbehave, reasons of any size, texts without their code."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

import otp
from otp import Children, GenServer, NoReply, Ok, Stop, Supervisor, impl, trace
from otp.bounded import text
from otp.kernel.values.bounded import bound_reason, bounded_text
from otp.kernel.values.reasons import Crash, ExceptionTerm
from otp.testing import wait_all_idle


class Name:
    """A name whose methods begin to raise, or whose hash changes."""

    def __init__(self) -> None:
        self.trouble = ""

    def __hash__(self) -> int:
        if self.trouble == "hash":
            raise RuntimeError("hash")
        return 2 if self.trouble == "changed" else 1

    def __eq__(self, other: object) -> bool:
        if self.trouble == "eq":
            raise RuntimeError("eq")
        return self is other

    def __repr__(self) -> str:
        raise RuntimeError("repr")


class Server(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        match request:
            case "wait":
                return NoReply(state)
            case "crash":
                raise ValueError("no")
            case "stop":
                return Stop("stopped", state, reply=None)
            case _:
                return None

    @impl
    async def handle_cast(self, request: Any, state: Any) -> Any:
        await otp.receive(otp.Is("go on"))
        return NoReply(state)


@pytest.mark.parametrize("trouble", ["hash", "changed", "eq"])
def test_a_name_that_misbehaves_does_not_hold_up_the_end_of_its_process(run: Any, errors: Any, trouble: str) -> None:
    async def main() -> Any:
        name = Name()
        server = await Server.start(name=name)
        otp.register("other", otp.self())
        ref = otp.monitor(server)
        called: list[Any] = []

        async def caller() -> None:
            try:
                await GenServer.call(server, "wait")
            except otp.ServerDown as down:
                called.append(down.cause_reason)

        otp.spawn(caller)
        await wait_all_idle()
        name.trouble = trouble
        otp.exit(server, "boom")
        name.trouble = ""
        reason = (await otp.receive(ref)).reason
        await wait_all_idle()
        return reason, called, otp.whereis(name), otp.registered()

    assert run(main) == ("boom", ["boom"], None, ["other"])
    assert errors() == []


def test_a_name_that_cannot_be_shown_does_not_hold_up_a_crash(run: Any, errors: Any) -> None:
    async def main() -> Any:
        server = await Server.start(name=Name())
        with pytest.raises(otp.ServerDown):
            await GenServer.call(server, "crash")

    run(main)
    assert ", in handle_call('crash')" in errors()[0]


class Liar:
    """A class that raises when it is asked for its class, like an unbound proxy."""

    __class__ = property(lambda self: 1 / 0)  # type: ignore[assignment]


class Word(str):
    """A text that will not be compared."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        raise LookupError

    __ne__ = __eq__


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("make", [Liar, Word])
def test_a_reason_that_raises_where_it_is_looked_at_ends_who_it_should(
    run: Any, errors: Any, make: Any, pair: bool
) -> None:
    """Such a signal raised in who sent it, such a crash was one of the runtime, such a child ended its supervisor."""

    reason = (make(), 1) if pair else make()

    async def main() -> Any:
        child = Server.child_spec(None, restart="transient")
        above = await Supervisor.start_link_children([child])
        (first,) = await Supervisor.which_children(above)
        otp.exit(first.pid, reason)
        await wait_all_idle()
        (second,) = await Supervisor.which_children(above)

        async def raises() -> None:
            await otp.receive()
            raise otp.Exit(reason)

        async def linked(pid: otp.Pid) -> None:
            otp.link(pid)
            otp.send(pid, "go")
            await otp.receive()

        pid, ref = otp.spawn_monitor(raises)
        _, other = otp.spawn_monitor(linked, pid)
        ends = [(await otp.receive(ref)).reason, (await otp.receive(other)).reason]
        return second.pid != first.pid, [end is reason for end in ends]

    assert run(main) == (True, [True, True])
    assert not [text for text in errors() if "please report this bug" in text]


class Big:
    def __init__(self) -> None:
        self.bytes = bytearray(100_000)


def test_neither_the_ring_nor_a_supervisor_keeps_what_a_reason_held(run: Any) -> None:
    class Fails(GenServer[None]):
        @impl
        def init(self, arg: Any) -> Any:
            return Ok(None)

        @impl
        def handle_cast(self, request: Any, state: None) -> Any:
            return Stop(("bad", request), state)

    class Tree(Supervisor):
        @impl
        def init(self, arg: Any) -> Any:
            return Children([Fails.child_spec(name="fails")])

    async def main() -> Any:
        tree = await Tree.start_link()
        big = Big()
        ghost = weakref.ref(big)
        GenServer.cast("fails", big)
        del big
        await wait_all_idle()
        gc.collect()
        record = next(iter(tree.state.children))  # type: ignore[attr-defined]
        reasons = [event.data["reason"] for event in trace.history(trace.node_of(tree)) if event.kind == "exited"]
        return ghost() is None, record.last_reason[0], text(reasons[-1])[:18]

    assert run(main) == (True, "bad", "('bad', Big(bytes=")


@pytest.mark.parametrize(
    "reason",
    ["normal", None, 7, ("shutdown", 1.5), ("a", ("b", b"c")), Crash("boom", (("f.py", 1, "f"),))],
)
def test_a_small_reason_is_kept_as_it_is(reason: Any) -> None:
    assert bound_reason(reason) is reason


def test_of_a_large_reason_its_shape_is_kept_and_its_parts_are_bounded() -> None:
    words = "x" * 5_000
    crash = bound_reason(
        Crash(ExceptionTerm("ValueError", (words, 1), words), tuple(("f", n, "f") for n in range(900)))
    )
    assert type(crash) is Crash
    assert (crash.term.type_name, crash.term.args[1], len(crash.term.text), len(crash.stack)) == (
        "ValueError",
        1,
        500,
        50,
    )
    assert len(repr(crash.term.args)) < 1_000
    assert len(repr(bound_reason([0] * 10_000))) <= 500
    nested: Any = Crash(ExceptionTerm("ValueError", ("no",), "no"), (("shop.py", 7, "init"),))
    for name in ("till", "shop", "street"):  # a supervisor fails because of the one below it
        nested = ("shutdown", ("failed_to_start_child", name, nested))
    assert bound_reason(nested) is nested
    growing = ["a"]
    assert bound_reason(("call", growing)) == ("call", ["a"])
    assert bound_reason(("call", growing))[1] is not growing


def test_what_was_left_out_stays_hidden_where_it_is_a_secret() -> None:
    assert "hunter2" not in repr(bound_reason(("bad", {"password": "hunter2"})))


def test_a_text_for_the_log_runs_no_code_of_the_value_and_reads_no_more_than_it_shows() -> None:
    assert bounded_text([Name, *range(1_000_000)], 16) == "[Name, 0, 1, 2,…"
    assert bounded_text([Name()]) == "[Name(trouble='')]"
    assert bounded_text(("a", 1, "b" * 50)) == repr(("a", 1, "b" * 50))


def test_the_end_of_a_server_names_the_callback_that_led_to_it(run: Any) -> None:
    async def main() -> Any:
        seen: list[tuple[Any, Any]] = []
        trace.subscribe(
            trace.node_of(otp.self()), lambda e: seen.append((e.data["callback"], e.data["message"])), kinds={"exited"}
        )
        for request in ("crash", "stop", "unknown"):
            server = await Server.start()
            try:
                await GenServer.call(server, request)
            except otp.ServerDown:
                pass
        server = await Server.start()
        GenServer.cast(server, "work")
        await wait_all_idle()
        otp.exit(server, "boom")
        server = await Server.start()
        otp.exit(server, "boom")
        await wait_all_idle()
        return seen[:5]

    assert run(main) == [
        ("handle_call", "'crash'"),
        ("handle_call", "'stop'"),
        ("handle_call", "'unknown'"),
        ("handle_cast", "'work'"),
        (None, None),
    ]


def test_the_length_of_a_mailbox_is_that_of_its_messages(run: Any) -> None:
    async def main() -> Any:
        server = await Server.start()
        GenServer.cast(server, "work")
        for n in range(3):
            otp.send(server, n)
        lengths = [otp.process_info(server, "message_queue_len") == len(otp.process_info(server, "messages"))]
        await wait_all_idle()
        lengths.append(otp.process_info(server, "message_queue_len"))
        plain = otp.spawn(lambda: otp.receive(otp.Is("end")))
        otp.send(plain, 1)
        lengths.append(otp.process_info(plain, "message_queue_len"))
        return lengths

    assert run(main) == [True, 3, 1]


def test_an_exception_deep_in_a_reason_keeps_its_arguments() -> None:
    """Regression: a supervisor that gave up said `ConnectionRefusedError(('refused',))`, and once more above it."""
    reason: Any = Crash(ExceptionTerm("ConnectionRefusedError", ("refused",), "refused"), ())
    for _ in range(3):
        assert bound_reason(reason) is reason
        reason = ("failed_to_start_child", reason)
