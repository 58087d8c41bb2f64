"""Objects of a program's own classes between nodes: declared, undeclared, of another version, and invalid."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import otp
from otp import BadArgument, CallExit, GenServer, NoReply, Ok, Reply, Request, impl
from otp.distribution import Distribution, NodeId, Session, SessionTransport, declared, travels, wire
from otp.distribution.carriers.simulated import SimulatedNetwork

COOKIE = b"a cookie of the tests"


@travels
@dataclass(frozen=True)
class Order:
    item: Any
    count: int = 1

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("a count cannot be negative")


@travels("tests.Add")
class Add(Request[int]):
    n: int
    m: int = 2


@dataclass(frozen=True)
class Unknown:
    n: int = 1


@dataclass
class Changeable:
    n: int = field(default=1)


class Till(GenServer[list[Any]]):
    @impl
    def init(self, arg):
        return Ok([])

    @impl
    def handle_call(self, request, caller, seen):
        match request:
            case "seen":
                return Reply(list(seen), seen)
            case "an undeclared reply":
                return Reply(Unknown(), seen)
            case Add(n, m):
                return Reply(n + m, seen)
            case _:
                return Reply(request, seen)

    @impl
    def handle_cast(self, request, seen):
        return NoReply([*seen, request])


Here = Callable[[Any], Any]


@asynccontextmanager
async def two(**more: Any) -> AsyncIterator[tuple[otp.Node, Any]]:
    """Two connected nodes, and the name of a till on the second one."""
    network = SimulatedNetwork()
    here, there = NodeId("here", 1), NodeId("there", 1)
    async with otp.Node("here") as a, otp.Node("there") as b:
        till = await b.start(Till, None, name="till")
        at_a = Distribution(a, SessionTransport(network.carrier(here), Session(here, COOKIE)))
        at_b = Distribution(
            b, SessionTransport(network.carrier(there), Session(there, COOKIE)), services={"till": till}, **more
        )
        async with at_a, at_b:
            await at_a.wait_connected("there")
            yield a, ("till", "there")


def on(test: Callable[[Any], Any], **more: Any) -> Any:
    """Run `await test(till)` in a process of the first node."""

    async def main() -> Any:
        async with two(**more) as (node, till):
            done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

            async def process() -> None:
                try:
                    done.set_result(await test(till))
                except BaseException as error:
                    done.set_exception(error)

            node.spawn(process)
            return await done

    return asyncio.run(asyncio.wait_for(main(), 30))


async def reason(till: Any, request: Any) -> Any:
    with pytest.raises(CallExit) as caught:
        await GenServer.call(till, request, timeout=5)
    return caught.value.cause_reason


def test_declared_objects_travel_in_calls_casts_and_replies() -> None:
    async def test(till: Any) -> None:
        order = Order({"of": [Order(("x", 2)), Add(1)]}, 3)
        assert await GenServer.call(till, order) == order
        assert await GenServer.call(till, Add(40)) == 42
        GenServer.cast(till, order)
        assert await GenServer.call(till, "seen") == [order]

    on(test)


def test_an_undeclared_class_is_refused_where_it_is_sent() -> None:
    async def test(till: Any) -> None:
        with pytest.raises(BadArgument, match=r"@otp\.distribution\.travels above class Unknown"):
            await GenServer.call(till, Unknown())
        with pytest.raises(BadArgument, match="above class Unknown"):
            GenServer.cast(till, [Unknown()])
        assert (await reason(till, "an undeclared reply"))[0] == "cannot_travel"
        assert await GenServer.call(till, "seen") == []

    on(test)


def test_an_object_that_only_the_sender_declares_is_refused_and_nothing_else_is_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(declared._by_name, "tests.Add")

    async def test(till: Any) -> None:
        GenServer.cast(till, "before")
        GenServer.cast(till, Add(1))
        GenServer.cast(till, "after")
        why = await reason(till, Add(1))
        assert (why[0], "'tests.Add'" in why[1], "@travels" in why[1]) == ("cannot_travel", True, True)
        assert await GenServer.call(till, "seen") == ["before", "after"]

    on(test)
    assert "a message of node here#1 is dropped" in caplog.text


def test_an_object_that_its_class_refuses_fails_the_call_and_keeps_the_connection() -> None:
    async def test(till: Any) -> None:
        order = Order("x")
        object.__setattr__(order, "count", -1)
        assert "a count cannot be negative" in (await reason(till, order))[1]
        assert await GenServer.call(till, "here") == "here"

    on(test)


def test_versions_of_a_class_talk_to_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    newer = declared._by_name["tests.Add"]._replace(fields=("n", "m", "later"))
    older = declared._by_name["tests.Add"]
    assert declared.made("tests.Add", {"n": 1, "later": 9}) == Add(1)  # a field that is unknown here, one not sent
    monkeypatch.setitem(declared._by_name, "tests.Add", newer)
    assert declared.made("tests.Add", {"n": 1}) == Add(1)
    monkeypatch.setitem(declared._by_name, "tests.Add", older)
    with pytest.raises(declared.NotTaken, match=r"expected Add\(n, m\)"):
        declared.made("tests.Add", {"m": 1})


def test_nodes_that_are_not_trusted_create_no_objects() -> None:
    async def test(till: Any) -> None:
        assert "not trusted" in (await reason(till, Add(1)))[1]
        assert await GenServer.call(till, "here") == "here"

    on(test, confined=True)


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (Changeable, "frozen dataclass"),
        (int, "frozen dataclass"),
        ("", "a class, or a name"),
        (7, "a class, or a name"),
    ],
)
def test_only_frozen_dataclasses_and_requests_can_be_declared(cls: Any, words: str) -> None:
    with pytest.raises(BadArgument, match=words):
        travels(cls)


def test_a_name_belongs_to_one_class_which_may_be_loaded_again() -> None:
    with pytest.raises(BadArgument, match=r"'tests\.Add' is the name of Add"):
        travels("tests.Add")(Unknown)
    assert travels("tests.Add")(Add) is Add


class Names:
    """Identities are not part of these terms."""

    confined = False

    def _unknown(self, *_: Any) -> Any:
        raise ValueError("there are no processes here")

    pid = ref = borrowed = _unknown


FLAT = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text() | st.binary()
TERMS = st.recursive(
    FLAT,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.builds(Order, inner, st.integers(0, 9))
    | st.builds(Add, inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


@given(TERMS)
@settings(max_examples=200)
def test_what_was_sent_arrives(term: Any) -> None:
    names: Any = Names()
    data = wire.encode(wire.signals.Send(7, wire.written(term, names)))
    assert wire.read(wire.decode(data).term, names) == term


@given(TERMS, st.integers(0, 10_000), st.integers(0, 255))
@settings(max_examples=200)
def test_changed_bytes_are_malformed_unknown_or_not_taken(term: Any, at: int, byte: int) -> None:
    names: Any = Names()
    data = bytearray(wire.encode(wire.signals.Send(7, wire.written([Order(term)], names))))
    data[at % len(data)] = byte
    try:
        wire.read(getattr(wire.decode(bytes(data)), "term", None), names)
    except (wire.Malformed, wire.UnknownSignal, declared.NotTaken):
        pass
