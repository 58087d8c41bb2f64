"""A server keeps pid, mailbox and timers through an upgrade, and its new class makes its state.

Source: OTP's release handling (`release_handler`).
"""

from __future__ import annotations

import asyncio
from typing import Any

import otp
from otp import GenServer, code
from otp.testing import advance, wait_all_idle


def test_a_server_keeps_pid_mailbox_and_name_and_its_new_class_makes_its_state(source: Any, run: Any) -> None:
    shop = source(source.counter)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(41, name="counter")
        assert 41 == await GenServer.call(counter, "next")
        shop.write(source.counter_2)
        report = await code.reload(shop.module, extra="why")
        assert ("new", 42) == await GenServer.call("counter", "next")
        assert {"n": 42, "was": 1, "extra": "why"} == await otp.sys.get_state(counter)
        assert [(counter, 1, 2)] == [(who, old, new) for who, _, old, new in report.servers]
        assert [(counter, 2)] == [(found.pid, found.vsn) for found in code.versions(shop.module)]

    run(main)


def test_what_was_sent_before_is_handled_by_the_old_code(source: Any, run: Any) -> None:
    shop = source(source.counter)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(0)
        for _ in range(3):
            GenServer.cast(counter, "increment")
        shop.write(source.counter_2)
        await code.reload(shop.module)
        assert ("new", 3) == await GenServer.call(counter, "next")

    run(main)


def test_without_vsn_the_version_is_a_hash_of_the_source(source: Any, run: Any) -> None:
    unversioned = source.counter.replace("vsn = 1", "")
    shop = source(unversioned)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(0)
        first = code.vsn(shop.module.Counter)
        shop.write("# a comment more\n\n" + unversioned)
        await code.reload(shop.module)
        assert first == code.vsn(shop.module.Counter)
        shop.write(unversioned.replace("state + 1", "state + 2"))
        (changed,) = (await code.reload(shop.module)).servers
        assert first == changed.old_vsn
        assert changed.old_vsn != changed.new_vsn == code.vsn(shop.module.Counter)
        await GenServer.call(counter, "next")
        assert 2 == await GenServer.call(counter, "next")

    run(main)


def test_code_change_may_wait(source: Any, run: Any) -> None:
    shop = source(source.counter)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(1)
        shop.write(
            source.counter_2.replace("def code_change", "async def code_change").replace(
                "if extra", "import asyncio; await asyncio.sleep(60)\n        if extra"
            )
        )
        await code.reload(shop.module)
        assert ("new", 1) == await GenServer.call(counter, "next")

    run(main)


def test_a_server_that_is_debugged_stays_so(source: Any, run: Any) -> None:
    shop = source(source.counter)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(1)
        await otp.sys.statistics(counter, True)
        shop.write(source.counter_2)
        await code.reload(shop.module)
        assert ("new", 1) == await GenServer.call(counter, "next")
        found: Any = await otp.sys.statistics(counter, "get")
        assert (1, 1) == (found.messages_in, found.messages_out)

    run(main)


def test_the_upgrade_is_in_the_trace(source: Any, run: Any) -> None:
    shop = source(source.counter)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(1)
        shop.write(source.counter_2)
        await code.reload(shop.module)
        (event,) = [event for event in otp.trace.history(counter.runtime) if event.kind == "code_changed"]
        assert (counter, 1, 2) == (event.pid, event.data["old"], event.data["new"])

    run(main)


def test_a_server_whose_init_waits_is_upgraded_when_it_has_started(source: Any, run: Any) -> None:
    shop = source(
        source.counter.replace("    def init", "    async def init").replace(
            "return Ok", "import asyncio; await asyncio.sleep(1)\n        return Ok"
        )
    )

    async def main() -> None:
        starting = otp.Task.async_(shop.module.Counter.start, 1)
        await wait_all_idle()
        shop.write(source.counter_2)
        report = await code.reload(shop.module)
        counter = await otp.Task.await_(starting)
        assert [counter] == [server.pid for server in report.servers]
        assert ("new", 1) == await GenServer.call(counter, "next")

    run(main)


def test_a_server_that_is_started_meanwhile_is_upgraded_too(source: Any, run: Any) -> None:
    shop = source(source.counter)

    async def main() -> None:
        old = shop.module.Counter
        await old.start_link(1)
        shop.write(
            source.counter_2.replace("def code_change", "async def code_change").replace(
                "if extra", "import asyncio; await asyncio.sleep(1)\n        if extra"
            )
        )
        upgrade = otp.Task.async_(code.reload, shop.module)
        await wait_all_idle()
        late = await old.start_link(2)
        report = await otp.Task.await_(upgrade)
        assert late == report.servers[1].pid
        assert ("new", 2) == await GenServer.call(late, "next")

    run(main)


def test_an_upgrade_from_outside_any_process_reaches_all_nodes_of_the_loop(source: Any) -> None:
    shop = source(source.counter)

    async def program() -> None:
        async with otp.Node("one") as one, otp.Node("two") as two:
            pids = [await node.start(shop.module.Counter, 3) for node in (one, two)]
            shop.write(source.counter_2)
            assert pids == [server.pid for server in (await code.reload(shop.module)).servers]
            assert [("new", 3)] * 2 == [await GenServer.call(pid, "next") for pid in pids]

    asyncio.run(program())


MACHINE = """
class Door(otp.GenStateMachine):
    vsn = 1
    @impl
    def init(self, arg):
        return otp.MachineOk("open", arg, otp.NamedTimeout("later", 10, None))
    @impl
    def handle_event(self, event, content, state, data):
        match event:
            case ("call", caller):
                return otp.KeepStateAndData(otp.ReplyTo(caller, ("old", state, data)))
            case _:
                return otp.NextState("late", data)
"""


def test_a_state_machine_keeps_its_timers(source: Any, run: Any) -> None:
    shop = source(MACHINE)

    async def main() -> None:
        door = await shop.module.Door.start_link(1)
        shop.write(
            MACHINE.replace('"old"', '"new"')
            + """
    @impl
    def code_change(self, old_vsn, state, data, extra):
        return otp.MachineOk(state.upper(), (data, old_vsn, extra))
"""
        )
        await code.reload(shop.module, extra="x")
        assert ("new", "OPEN", (1, 1, "x")) == await shop.module.Door.call(door, "?")
        await advance(10)
        assert "late" == (await otp.sys.get_state(door))[0]

    run(main)


def test_new_code_may_run_coroutines_while_it_is_loaded(source: Any) -> None:
    """As it could when the program imported it first."""
    shop = source(source.counter)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(0)
        shop.write(f"import asyncio\nasyncio.run(asyncio.sleep(0))\n{source.counter_2}")
        await code.reload(shop.module)
        assert ("new", 0) == await GenServer.call(counter, "next")

    otp.run(main)
