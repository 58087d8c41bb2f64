"""Processes, messages, names, links, timers and nodes: what type checkers are promised."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Any, assert_type

import otp
from otp import Down, GenServer, Node, Pid, ProcessInfo, Ref, TimerFired


class Rooms(Enum):
    LOBBY = "lobby"


@dataclass(frozen=True)
class Seat:
    row: int


async def greet(name: str, *, loud: bool = False) -> None:
    print(name, loud)


def spawning(pid: Pid) -> None:
    assert_type(otp.spawn(greet, "ada", loud=True), Pid)
    assert_type(otp.spawn(lambda: 1), Pid)
    assert_type(otp.spawn_link(greet, "ada"), Pid)
    assert_type(otp.spawn_monitor(greet, "ada"), tuple[Pid, Ref])
    otp.spawn(greet, 5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    otp.spawn(greet, "ada", quiet=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    otp.spawn(greet("ada"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportCallIssue]
    raise otp.Become(greet, 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def messages(pid: Pid, ref: Ref) -> None:
    assert_type(otp.self(), Pid)
    assert_type(otp.send(pid, 3), int)
    assert_type(otp.send("name", pid), Pid)
    otp.send(("name", "node"), 1)
    otp.send(Seat(3), 1)
    otp.send(Rooms.LOBBY, 1)
    otp.send(GenServer, 1)
    assert_type(await otp.receive(), Any)
    assert_type(await otp.receive(otp.Tag("done"), timeout=1), Any)
    assert_type(await otp.receive(ref, None), Any)
    assert_type(await otp.receive(lambda message: message == 1, "infinity"), Any)
    assert_type(await otp.receive(otp.AnyOf(ref, int)), Any)
    assert_type(await otp.receive(Down), Down)
    assert_type(await otp.receive(str, timeout=0), str)
    otp.receive()  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    await otp.receive("done")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await otp.receive(timeout="soon")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    otp.send(otp.whereis("name"), 1)  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
    otp.send(17, 1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]


def names(pid: Pid) -> None:
    assert_type(otp.register("name", pid), bool)
    assert_type(otp.unregister("name"), bool)
    assert_type(otp.whereis("name"), Pid | None)
    assert_type(otp.whereis(("name", otp.node())), Pid | None)
    otp.register(pid, "name")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    otp.link(otp.whereis("name"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    found = otp.whereis("name")
    if found is not None:
        otp.link(found)


async def ends(pid: Pid) -> None:
    assert_type(otp.link(pid), bool)
    assert_type(otp.unlink(pid), bool)
    assert_type(otp.monitor(pid), Ref)
    assert_type(otp.demonitor(otp.monitor("name"), flush=True), bool)
    assert_type(otp.process_flag("trap_exit", True), bool)
    assert_type(await otp.wait_down(pid, timeout=1), Any)
    assert_type(otp.is_alive(pid), bool)
    if otp.exit(pid, "kill"):
        pass
    otp.process_flag("trap_exits", True)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    otp.monitor(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    otp.is_alive("name")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    otp.wait_down(pid)  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]


def connections(pid: Pid, writer: asyncio.StreamWriter, transport: asyncio.Transport) -> None:
    otp.controlling_process(writer, pid)
    otp.controlling_process(transport, pid)
    otp.controlling_process(writer, "name")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def never_returns() -> int:
    otp.exit("shutdown")


async def what_they_say(down: Down, fired: TimerFired, signal: otp.ExitSignal) -> None:
    assert_type(down.ref, Ref)
    assert_type(down.reason, Any)
    assert_type(fired.ref, Ref)
    assert_type(signal.pid, Pid)
    if isinstance(down.item, Pid):
        assert_type(down.item.id, int)
    else:
        assert_type(down.item[1], str)


def misspelt() -> None:
    otp.spwan(greet, "ada")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def tables(pid: Pid) -> None:
    assert_type(otp.processes(), list[Pid])
    assert_type(otp.process_info(pid), ProcessInfo | None)
    assert_type(otp.process_info(pid, "message_queue_len"), int | None)
    assert_type(otp.process_info(pid, "links"), tuple[Pid, ...] | None)
    assert_type(otp.process_info(pid, "status"), str | None)
    assert_type(otp.process_info(pid, "trap_exit"), bool | None)
    assert_type(otp.process_info(pid, "parent"), Pid | None)
    assert_type(otp.process_info(pid, "dictionary"), dict[Hashable, Any] | None)
    otp.process_info(pid, "mailbox")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    otp.process_info("name")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]


def timers(pid: Pid, ref: Ref) -> None:
    assert_type(otp.send_after(1, pid, "tick"), Ref)
    assert_type(otp.start_timer(0.5, "name", "tick"), Ref)
    assert_type(otp.cancel_timer(ref), float | None)
    assert_type(otp.read_timer(ref), float | None)
    assert_type(otp.monotonic(), float)
    assert_type(otp.make_ref(), Ref)
    assert_type(otp.random, random.Random)
    otp.send_after("soon", pid, "tick")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    otp.send_after(1, otp.whereis("name"), "tick")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    otp.cancel_timer(pid)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


class Counter(GenServer[int]): ...


async def nodes(coroutine: Any) -> None:
    async with Node("shop") as node:
        assert_type(node, Node)
        assert_type(await node.start(Counter, 0, name="counter"), Pid)
        assert_type(await node.wait_registered("counter", timeout=1), Pid)
        assert_type(node.spawn(greet, "ada"), Pid)
        assert_type(node.whereis("counter"), Pid | None)
        assert_type(node.processes(), list[Pid])
        assert_type(node.parse_pid("<0.1.0>"), Pid)
        assert_type(node.call_from_thread(GenServer.call("counter", "value")), Any)
        node.start(Counter, 0)  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
        await node.start(int)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        node.spawn(greet)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


async def add(x: int, y: int = 0) -> int:
    return x + y


def plain(x: int) -> str:
    return str(x)


class Shop(otp.Application): ...


def programs() -> None:
    assert_type(otp.run(add, 1), int)
    assert_type(otp.run(add, 1, 2, node="shop", debug=True), int)
    assert_type(otp.run(plain, 1), str)
    otp.run(Shop)
    otp.run(add, "one")  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]


def errors(
    exit: otp.Exit, call: otp.CallExit, start: otp.StartError, started: otp.AlreadyStarted, thrown: otp.Throw
) -> None:
    assert_type(exit.reason, Any)
    assert_type(call.cause_reason, Any)
    assert_type(start.reason, Any)
    assert_type(started.pid, Pid)
    assert_type(thrown.value, Any)
