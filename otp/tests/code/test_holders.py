"""A report says who holds old classes after a reload, and a rollback makes those the current ones again."""

from __future__ import annotations

import time
from typing import Any

import pytest

import otp
from otp import GenServer, code
from otp.code import OldObject, OldReference, UpgradeRefused
from otp.testing import Scheduler

MESSAGES = """
from dataclasses import dataclass
@dataclass
class Add:
    n: int
    class Inner:
        pass
def helper():
    return 1
ONE = 1
"""

HOLDER = """
from old_messages import Add, ONE, helper
import old_messages
DEFAULT = Add(1)
class Adder(GenServer):
    Message = Add
    @impl
    def init(self, arg):
        return Ok(arg)
    @impl
    def handle_call(self, request, caller, state):
        match request:
            case old_messages.Add(n=n):
                return Reply("matched", request)
            case _:
                return Reply("unknown", request)
class Big(Add):
    pass
"""


def test_names_in_other_modules_that_stand_for_something_old_are_reported(source: Any, run: Any) -> None:
    """Regression: `match` failed silently for whatever was made by `from messages import Add`."""
    messages = source(MESSAGES, "old_messages")
    holder = source(HOLDER, "old_holder")

    async def main() -> None:
        adder = await holder.module.Adder.start_link(0)
        assert "matched" == await GenServer.call(adder, holder.module.Add(1))
        expected = {
            OldReference("old_holder", "Add", "Add"),
            OldReference("old_holder", "helper", "helper"),
            OldReference("old_holder", "DEFAULT", "Add"),
            OldReference("old_holder", "Adder.Message", "Add"),
            OldReference("old_holder", "Big(Add)", "Add"),
        }
        assert expected == set((await code.check(messages.module)).old_references)
        report = await code.reload(messages.module)
        assert expected == set(report.old_references)
        assert "unknown" == await GenServer.call(adder, holder.module.Add(1))

        again = await code.reload(holder.module)
        assert () == again.old_references
        assert "matched" == await GenServer.call(adder, holder.module.Add(1))

    run(main)


def test_a_rollback_makes_what_others_hold_the_current_classes_again(source: Any, run: Any) -> None:
    messages = source(MESSAGES, "old_messages")
    holder = source(HOLDER, "old_holder")

    async def main() -> None:
        adder = await holder.module.Adder.start_link(0)
        messages.write(MESSAGES.replace("ONE = 1", "ONE = 2"))
        await code.reload(messages.module)
        assert (2, "unknown") == (messages.module.ONE, await GenServer.call(adder, holder.module.Add(1)))
        report = await code.rollback("old_messages")
        assert () == report.old_references
        assert (1, "matched") == (messages.module.ONE, await GenServer.call(adder, holder.module.Add(1)))
        assert messages.module.Add is holder.module.Add
        with pytest.raises(UpgradeRefused, match="no_previous_version"):
            await code.rollback("old_messages")

    run(main)


def test_states_and_mailboxes_with_objects_of_old_classes_are_reported(source: Any) -> None:
    messages = source(MESSAGES, "old_messages")
    holder = source(HOLDER, "old_holder")

    async def main() -> None:
        adder = await holder.module.Adder.start_link({"last": [messages.module.Add(1)]})
        waiting = otp.spawn(otp.receive, otp.Is("never"))
        otp.send(waiting, ("later", messages.module.Add(2)))
        plain = await holder.module.Adder.start_link(("add", 3, holder.module.Adder, len, main, otp))
        await GenServer.call(plain, "anything")
        report = await code.reload(messages.module)
        assert {OldObject(adder, "state", "Add"), OldObject(waiting, "mailbox", "Add")} == set(report.old_objects)

    Scheduler(inline=True).run(main)


def test_servers_go_back_with_their_state_and_the_newer_class_is_asked_for_it(source: Any, run: Any) -> None:
    back = """
        if old_vsn == ("down", 1):
            return Ok(state["n"])
        if extra == state:"""
    text = source.counter_2.replace("\n        if extra == state:", back)
    shop = source(source.counter)

    async def main() -> None:
        shop.write(source.counter)
        counter = await shop.module.Counter.start_link(5)
        assert 5 == await GenServer.call(counter, "next")
        shop.write(text)
        await code.reload(shop.module)
        assert ("new", 6) == await GenServer.call(counter, "next")
        report = await code.rollback(shop.module)
        assert [(counter, 2, 1)] == [(one.pid, one.old_vsn, one.new_vsn) for one in report.servers]
        assert 6 == await GenServer.call(counter, "next")
        assert [(counter, 1)] == [(one.pid, one.vsn) for one in code.versions(shop.module)]
        fresh = await shop.module.Counter.start_link(1)
        assert 1 == await GenServer.call(fresh, "next")
        await code.reload(shop.module)
        assert ("new", 7) == await GenServer.call(counter, "next")

    run(main)


def test_a_server_that_refuses_the_way_back_leaves_everything_as_it_is(source: Any, run: Any) -> None:
    shop = source(source.counter)

    async def main() -> None:
        shop.write(source.counter)
        counter = await shop.module.Counter.start_link(5)
        shop.write(source.counter_2.replace("if extra == state", 'if old_vsn == ("down", 1)'))
        await code.reload(shop.module)
        with pytest.raises(UpgradeRefused) as refused:
            await code.rollback(shop.module)
        assert counter == refused.value.server
        assert ("new", 5) == await GenServer.call(counter, "next")
        assert [2] == [one.vsn for one in code.versions(shop.module)]

    run(main)


MACHINE = """
class Door(GenStateMachine):
    vsn = {vsn}
    @impl
    def init(self, arg):
        return MachineOk("locked", arg)
    @impl
    def handle_event(self, kind, content, state, data):
        raise NotImplementedError
    @impl
    def code_change(self, old_vsn, state, data, extra):
        return MachineOk(state, (data, old_vsn))
"""


def test_a_machine_is_asked_by_its_newer_class_on_the_way_back(source: Any, run: Any) -> None:
    shop = source(MACHINE.format(vsn=1))

    async def main() -> None:
        shop.write(MACHINE.format(vsn=1))
        door = await shop.module.Door.start_link("d")
        shop.write(MACHINE.format(vsn=2).replace("(data, old_vsn)", "('two', data, old_vsn)"))
        await code.reload(shop.module)
        await code.rollback(shop.module)
        assert ("locked", ("two", ("two", "d", 1), ("down", 1))) == await otp.sys.get_state(door)
        assert [1] == [one.vsn for one in code.versions(shop.module)]

    run(main)


def test_a_look_for_holders_takes_a_moment(source: Any) -> None:
    messages = source(MESSAGES, "old_messages")
    holder = source(HOLDER, "old_holder")

    async def main() -> None:
        for _ in range(300):
            await holder.module.Adder.start_link({n: [n] * 20 for n in range(20)})
        pile = otp.spawn(otp.receive, otp.Is("never"))
        for n in range(20_000):
            otp.send(pile, ("n", n))
        begun = time.process_time()
        await code.reload(messages.module)
        assert time.process_time() - begun < 2

    Scheduler(inline=True).run(main)
