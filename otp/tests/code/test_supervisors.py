"""Supervisors start children with the new code, and take over what their own new `init` says.

Source: OTP's release handling (`release_handler`).
"""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import GenServer, Supervisor, code
from otp.testing import wait_all_idle


def test_a_restart_runs_the_new_code_whoever_wrote_the_spec(source: Any, run: Any) -> None:
    shop = source(source.counter)

    async def main() -> None:
        counter = shop.module.Counter  # the old class, as `from shop import Counter` keeps it
        static = await Supervisor.start_link_children([counter.child_spec(1, name="static")], strategy="one_for_one")
        dynamic = await otp.DynamicSupervisor.start_link()
        pid = await otp.DynamicSupervisor.start_child(dynamic, counter.child_spec(2, name="dynamic"))
        many = counter.child_spec(3)
        assert 3 == await GenServer.call(await otp.DynamicSupervisor.start_child(dynamic, many), "next")
        otp.exit(otp.whereis("static"), "kill")
        await wait_all_idle()
        assert 1 == await GenServer.call("static", "next")
        shop.write(source.counter_2)
        await code.reload(shop.module)
        for child in (otp.whereis("static"), pid):
            otp.exit(child, "kill")
        await wait_all_idle()
        assert ("new", 1) == await GenServer.call("static", "next")
        assert ("new", 2) == await GenServer.call("dynamic", "next")
        assert ("new", 3) == await GenServer.call(await otp.DynamicSupervisor.start_child(dynamic, many), "next")
        # and the new class names the same child
        await Supervisor.terminate_child(static, shop.module.Counter)
        await Supervisor.restart_child(static, counter)
        assert ("new", 1) == await GenServer.call("static", "next")

    run(main)


def test_a_restarted_task_runs_the_new_function(source: Any, run: Any) -> None:
    shop = source("async def work(parent):\n    otp.send(parent, 'old')\n    await otp.receive()\n")

    async def main() -> None:
        task = otp.ChildSpec("task", (otp.Task.start_link, shop.module.work, otp.self()), restart="permanent")
        sup = await Supervisor.start_link_children([task], strategy="one_for_one")
        assert "old" == await otp.receive()
        shop.write("async def work(parent):\n    otp.send(parent, 'new')\n    await otp.receive()\n")
        await code.reload(shop.module)
        (child,) = await Supervisor.which_children(sup)
        otp.exit(child.pid, "kill")
        assert "new" == await otp.receive()

    run(main)


SHOP = """
class Shop(Supervisor):
    @impl
    def init(self, arg):
        return Children([Counter.child_spec(5, name="counter")], strategy="one_for_one", max_restarts=1)
"""


def test_a_supervisor_takes_over_flags_and_specs_of_its_new_init_and_keeps_its_children(source: Any, run: Any) -> None:
    shop = source(source.counter + SHOP)

    async def main() -> None:
        sup = await shop.module.Shop.start_link()
        counter = otp.whereis("counter")
        shop.write(
            (source.counter + SHOP)
            .replace("max_restarts=1", "max_restarts=9")
            .replace("child_spec(5", "child_spec(6")
            .replace("vsn = 1", "vsn = 2")
        )
        await code.reload(shop.module)
        assert 9 == (await otp.sys.get_state(sup)).max_restarts
        assert [counter] == [child.pid for child in await Supervisor.which_children(sup)]
        otp.exit(counter, "kill")
        await wait_all_idle()
        assert 6 == await GenServer.call("counter", "next")

    run(main)


def test_a_refused_upgrade_leaves_flags_and_specs_of_supervisors(source: Any, run: Any) -> None:
    shop = source(source.counter + SHOP)

    async def main() -> None:
        sup = await shop.module.Shop.start_link()
        counter = otp.whereis("counter")
        shop.write(
            (source.counter_2 + SHOP)
            .replace("max_restarts=1", "max_restarts=9")
            .replace("child_spec(5", "child_spec(6")
        )
        with pytest.raises(code.UpgradeRefused):
            await code.reload(shop.module, extra=5)
        assert 1 == (await otp.sys.get_state(sup)).max_restarts
        otp.exit(counter, "kill")
        await wait_all_idle()
        assert 5 == await GenServer.call("counter", "next")

    run(main)


PLAIN = """
class Basket(Agent):
    vsn = {vsn}
class Rooms(DynamicSupervisor):
    vsn = {vsn}
class Tasks(TaskSupervisor):
    vsn = {vsn}
"""


def test_agents_and_dynamic_supervisors_of_a_module_go_on_as_its_new_classes(source: Any, run: Any) -> None:
    """They have no callbacks of their own; that they are none of `Behaviour` refused every upgrade of their module."""
    shop = source(PLAIN.format(vsn=1))

    async def main() -> None:
        basket = await shop.module.Basket.start_link(lambda: 1)
        rooms = await shop.module.Rooms.start_link()
        tasks = await shop.module.Tasks.start_link()
        child = await otp.DynamicSupervisor.start_child(rooms, (otp.Agent, dict))
        shop.write(PLAIN.format(vsn=2))
        report = await code.reload(shop.module)
        assert {basket, rooms, tasks} == {server.pid for server in report.servers}
        assert [2, 2, 2] == [server.new_vsn for server in report.servers]
        assert 1 == await otp.Agent.get(basket, lambda state: state)
        assert [child] == [info.pid for info in await otp.DynamicSupervisor.which_children(rooms)]
        assert [] == await otp.TaskSupervisor.children(tasks)

    shop.write(PLAIN.format(vsn=1))
    run(main)
