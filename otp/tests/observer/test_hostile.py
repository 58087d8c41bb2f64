"""Programs that fight back: whatever they hold, name, send and end with, both views still answer."""

from __future__ import annotations

import asyncio
from collections import UserDict, namedtuple
from typing import Any

import pytest

import otp
from otp import Children, GenServer, NoReply, Ok, Supervisor, impl
from otp.observer import NodeView, TraceSpec
from otp.observer.events import shown


class Meta(type):
    """A class that refuses to say what it is."""

    def __hash__(cls) -> int:
        raise RuntimeError("asked")

    def __getattribute__(cls, name: str) -> Any:
        if name in ("__qualname__", "__name__", "__module__", "__doc__"):
            raise RuntimeError("asked")
        return super().__getattribute__(name)

    def __repr__(cls) -> str:
        raise RuntimeError("asked")


class Hostile(metaclass=Meta):
    """Every question to it is an error, also whether it is itself."""

    def __init__(self, armed: list[bool]) -> None:
        self.armed = armed

    def __hash__(self) -> int:
        return 7

    def __eq__(self, other: object) -> bool:
        if self.armed:
            raise RuntimeError("asked")
        return self is other

    def __repr__(self) -> str:
        raise RuntimeError("asked")

    __str__ = __format__ = __len__ = __iter__ = __bool__ = __index__ = __reduce__ = __repr__  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("asked")

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("asked")

    def __await__(self) -> Any:
        return (yield from asyncio.get_running_loop().create_future().__await__())


class Name:
    """A name that can be registered, and raises when it is compared later."""

    def __init__(self, armed: list[bool]) -> None:
        self.armed = armed

    def __hash__(self) -> int:
        if self.armed:
            raise RuntimeError("asked")
        return hash("top")

    __eq__ = Hostile.__eq__
    __repr__ = Hostile.__repr__


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("asked")

    __repr__ = __len__ = __eq__ = __getitem__ = encode = casefold = isascii = __str__  # type: ignore[assignment]
    __hash__ = str.__hash__


class Mapping(UserDict[Any, Any]):
    def __getitem__(self, key: Any) -> Any:
        raise RuntimeError("asked")

    __iter__ = __len__ = __repr__ = __getitem__  # type: ignore[assignment]


Record = namedtuple("Record", "password thing")


def nested(depth: int) -> Any:
    term: Any = []
    for _ in range(depth):
        term = [term]
    return term


def folded(depth: int) -> Any:
    """A term of a few objects that would be millions if written out."""
    term: Any = ("x" * 200,) * 20
    for _ in range(depth):
        term = (term,) * 20
    return term


def terms(armed: list[bool]) -> list[Any]:
    endless: dict[Any, Any] = {}
    endless["self"] = endless
    hostile = Hostile(armed)
    return [
        hostile,
        Hostile,
        Text("text"),
        Mapping(),
        Record("hunter2", hostile),
        endless,
        nested(100_000),
        "x" * 10_000_000,
        1 << 10_000_000,
        list(range(1_000_000)),
        {hostile: hostile, ("a", 1): Text("b")},
        ValueError(hostile, "password=hunter2"),
        "half \ud800 a pair",
        float("nan"),
        lambda: hostile,
    ]


class Holder(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Ok[Any]:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        raise otp.Exit(("odd", state))


class Crowd(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        armed, values = arg
        children = [
            Holder.child_spec(otp.Shared(value), id=("child", n), restart="temporary") for n, value in enumerate(values)
        ]
        named = Holder.child_spec(1, id=Name(armed), name=Name(armed))
        return Children([*children, named], strategy="one_for_one")


def test_what_would_be_millions_if_written_out_is_shown_in_part() -> None:
    assert len(str(shown(folded(10), redact=True))) < 60_000


@pytest.mark.parametrize("redact", [True, False])
def test_every_read_answers_whatever_a_program_holds(on_both_as_a_program: Any, redact: bool) -> None:
    async def awaiting(thing: Any) -> None:
        await thing

    async def test(view: NodeView) -> None:
        armed: list[bool] = []
        values = terms(armed)
        top = await Crowd.start_link((armed, values), name="top")
        otp.spawn_link(awaiting, Hostile(armed))
        armed.append(True)
        holders = [child.pid for child in (await view.which_children(top)).children]
        assert len(values) + 1 == len(holders)
        for pid, value in zip(holders, values, strict=False):
            await otp.sys.suspend(pid)
            otp.send(pid, value)
        for pid in otp.processes():
            shown = await view.process(pid, redact=redact)
            assert shown is not None
            assert len(shown.state or "") <= 2000
            assert len(await view.state(pid, redact=redact) or "") <= 10_000
        assert (await view.metrics()).mailbox_total >= len(values)
        assert (await view.info()).processes == len(otp.processes())
        assert (await view.processes(search="holder", sort="name")).total == len(holders)
        assert (await view.processes(search="x", sort="what")).total < len(otp.processes())
        assert (await view.supervision_tree()).size > len(holders)
        assert (await view.graph()).edges
        assert (await view.count_children(top)).specs == len(holders)

    on_both_as_a_program(test)


def test_every_event_is_told_whatever_a_program_ends_with(on_both_as_a_program: Any) -> None:
    async def test(view: NodeView) -> None:
        armed: list[bool] = []
        values = terms(armed)
        await Crowd.start_link((armed, values))
        holders = [pid for pid in otp.processes() if otp.process_info(pid, "initial_call") == "Holder"][: len(values)]
        armed.append(True)
        kinds = ("sent", "received", "state_changed", "callback_begun", "exited", "child_terminated")
        async with view.trace(TraceSpec(pids=tuple(holders), kinds=kinds)) as stream:
            for pid, value in zip(holders, values, strict=True):
                otp.send(pid, value)
                GenServer.cast(pid, value)
                await otp.wait_down(pid)
            ended = 0
            while ended < len(values):
                event: Any = await anext(stream)
                assert len(str(event.data.get("message"))) <= 200
                ended += event.kind == "exited"
        async with view.events() as history:
            reasons: list[Any] = []
            while len(reasons) < len(values):
                event = await anext(history)
                if event.kind == "child_terminated":
                    reasons.append(event.data["reason"])
        assert {"odd"} == {reason[0] for reason in reasons}
        assert all(len(str(reason)) < 60_000 for reason in reasons)

    on_both_as_a_program(test)
