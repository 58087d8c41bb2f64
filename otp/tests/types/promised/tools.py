"""Debugging, upgrades, the trace, the observer and the testing kit: what type checkers are promised."""

from __future__ import annotations

import types
from typing import Any, Literal, assert_type

import otp
from otp import Down, GenServer, Node, Pid, code, observer, sys, testing, trace
from otp.doors import Visitor


async def debugging(pid: Pid) -> None:
    assert_type(await sys.get_state(pid, 1), Any)
    assert_type(await sys.replace_state("name", lambda n: n + 1, timeout="infinity"), Any)
    assert_type(await sys.suspend(pid), None)
    assert_type(await sys.resume(pid, None), None)
    assert_type(await sys.statistics(pid, "get"), sys.Statistics | Literal["no_statistics"])
    assert_type(await sys.statistics(pid, True), Literal["ok"])
    assert_type(await sys.log(pid, "get"), list[Any])
    assert_type(await sys.log(pid, (True, 5)), Literal["ok"])
    assert_type((await sys.get_status(pid)).parent, Pid | None)
    assert_type(await sys.change_code(pid, GenServer, "1"), None)
    await sys.suspend(otp.whereis("name"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await sys.statistics(pid, "all")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    sys.get_state(pid)  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]


async def upgrades(module: types.ModuleType) -> None:
    report = await code.reload(module)
    assert_type(report, code.UpgradeReport)
    assert_type(report.servers[0].pid, Pid)
    assert_type(code.versions("shop"), tuple[code.RunningVersion, ...])
    await code.reload("shop", timeout=3, trial=0.5)
    await code.reload(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def events(node: Node, pid: Pid) -> None:
    def seen(event: trace.Event) -> None:
        assert_type(event.pid, Pid | None)
        assert_type(event.seq, int)
        assert_type(event.data, dict[str, Any])

    subscription = trace.subscribe(node, seen, kinds={"exited"}, limit=10)
    assert_type(subscription, trace.Subscription)
    assert_type(subscription.dropped, int)
    assert_type(trace.history(node), list[trace.Event])
    assert_type(trace.node_of(pid), Node)
    assert_type(trace.load("events.gz"), trace.Recording)
    trace.subscribe(node, print, kinds=[1])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]


async def views(node: Node, pid: Pid) -> None:
    view: observer.NodeView = observer.LocalView(node)
    assert_type(await view.info(), observer.NodeInfo)
    assert_type(await view.process("name"), observer.ProcessDetails | None)
    assert_type(await view.supervision_tree(pid), observer.Tree)
    assert_type(
        (await view.processes(kind="supervisor", sort="mailbox")).processes, tuple[observer.ProcessSummary, ...]
    )
    await view.processes(sort="size")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await view.process(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(await view.start_child(pid, (Counter, 1)), Pid | None)
    assert_type(view.events(since=None, kinds=("exited",)), observer.EventStream)
    await view.call("name")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    view.trace(1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def visits(visitor: Visitor) -> None:
    assert_type(visitor.view, observer.RemoteView)
    assert_type(await visitor.view.which_children("shop", limit=10), observer.ChildPage)
    assert_type(await visitor.view.permissions(), frozenset[str])
    await visitor.view.which_children("shop", 10)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


class Counter(GenServer[int]): ...


async def program(name: str, times: int = 1) -> list[str]:
    pid = await testing.start_supervised((Counter, 0))
    assert_type(pid, Pid)
    assert_type(await testing.assert_receive(Down), Down)
    assert_type(await testing.assert_receive(("tick", 1), timeout=5), Any)
    assert_type(await testing.refute_receive("tick"), None)
    assert_type(await testing.advance(1.5), None)
    assert_type(await testing.wait_all_idle(), None)
    assert_type(testing.mailbox(), list[Any])
    assert_type(testing.flush(str), list[str])
    assert_type(await testing.stop_supervised(pid), None)
    with testing.drop(to="counter", matching="tick", times=1) as fault:
        assert_type(fault.hits, int)
    testing.advance(1)  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    testing.wait_all_idle()  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    await testing.advance("an hour")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await testing.start_supervised(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return [name] * times


def schedulers() -> None:
    scheduler = testing.Scheduler(seed=7)
    assert_type(scheduler.run(program, "ada"), list[str])
    assert_type(scheduler.replay(program, "ada", 2), list[str])
    assert_type(scheduler.node, Node)
    assert_type(scheduler.now, float)
    with scheduler.session(program, "ada") as session:
        assert_type(session.step(), str | None)
        assert_type(session.run_until(lambda seen: seen.position > 3), bool)
        assert_type(session.run(), list[str])
    scheduler.run(program)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    testing.Scheduler(io="imaginary")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
