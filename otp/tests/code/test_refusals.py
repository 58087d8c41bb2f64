"""Refusals of an upgrade, after which everything is unchanged.

Source: OTP's release handling (`release_handler`).
"""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

import otp
from otp import Crash, ExceptionTerm, GenServer, code
from otp.testing import advance, wait_all_idle


def test_a_server_that_ends_before_it_is_asked_does_not_count(source: Any, run: Any) -> None:
    shop = source(source.counter)

    async def main() -> None:
        first, second = [await shop.module.Counter.start(n) for n in range(2)]
        shop.write(source.waiting_counter_2)
        upgrade = otp.Task.async_(code.reload, shop.module)
        await wait_all_idle()
        otp.exit(second, "kill")
        assert [first] == [server.pid for server in (await otp.Task.await_(upgrade)).servers]

    run(main)


def test_one_that_ends_in_its_code_change_refuses_and_the_others_keep_their_states(source: Any, run: Any) -> None:
    """It was taken for one that had ended by itself: the upgrade said that all had gone well."""
    shop = source(source.counter)

    async def main() -> None:
        first, second, third = [await shop.module.Counter.start(n) for n in range(3)]
        shop.write(
            source.counter_2.replace(
                "if extra", "if state == 1:\n            otp.exit(otp.self(), 'kill')\n        if extra"
            )
        )
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.reload(shop.module)
        assert (second, "killed", True) == (refused.value.server, refused.value.reason, refused.value.ended)
        assert [(first, 1), (third, 1)] == [(found.pid, found.vsn) for found in code.versions(shop.module)]
        assert [0, 2] == [await GenServer.call(pid, "next") for pid in (first, third)]

    run(main)


def test_one_that_is_ended_by_an_interrupt_refuses_and_keeps_its_state(source: Any, run: Any) -> None:
    """As the `EndlessLoop` of a watchdog, which no `except Exception` takes."""
    shop = source(source.counter)

    async def main() -> None:
        counter = await shop.module.Counter.start(5)
        shop.write(
            "class Enough(BaseException): ...\n"
            + source.counter_2.replace("if extra == state", "raise Enough\n        if extra")
        )
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.reload(shop.module)
        assert (counter, False) == (refused.value.server, refused.value.ended)
        assert 5 == await GenServer.call(counter, "next")

    run(main)


def test_a_code_change_that_waits_too_long_is_broken_off_and_keeps_its_state(source: Any, run: Any) -> None:
    shop = source(source.counter)

    async def main() -> None:
        first, second = [await shop.module.Counter.start(n) for n in (5, 6)]
        shop.write(source.waiting_counter_2.replace("sleep(1)", "sleep(60)"))
        begun = otp.monotonic()
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.reload(shop.module, timeout=2)
        assert (first, "timeout", False) == (refused.value.server, refused.value.reason, refused.value.ended)
        assert 2 == pytest.approx(otp.monotonic() - begun, abs=0.1)
        assert [5, 6] == [await GenServer.call(pid, "next") for pid in (first, second)]

    run(main)


def test_a_code_change_that_does_not_let_itself_be_broken_off_ends_with_its_server(source: Any, run: Any) -> None:
    shop = source(source.counter)
    stubborn = "while True:\n            try:\n                await asyncio.sleep(60)\n"
    stubborn += "            except asyncio.CancelledError:\n                pass\n"

    async def main() -> None:
        counter = await shop.module.Counter.start(5)
        other = await shop.module.Counter.start(6)
        shop.write(
            "import asyncio\n" + source.waiting_counter_2.replace("import asyncio; await asyncio.sleep(1)\n", stubborn)
        )
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.reload(shop.module, timeout=2)
        assert (counter, "timeout", True) == (refused.value.server, refused.value.reason, refused.value.ended)
        assert not otp.is_alive(counter)
        assert 6 == await GenServer.call(other, "next")

    run(main)


def test_one_that_somebody_resumes_meanwhile_refuses(source: Any, run: Any) -> None:
    shop = source(source.counter)

    async def main() -> None:
        first, second = [await shop.module.Counter.start_link(n) for n in range(2)]
        shop.write(
            source.counter_2.replace("def code_change", "async def code_change").replace(
                "if extra", "import asyncio; await asyncio.sleep(1)\n        if extra"
            )
        )
        otp.send_after(1.5, otp.self(), "now")
        refused: list[Any] = []

        async def upgrader() -> None:
            try:
                await code.reload(shop.module)
            except code.UpgradeRefused as refusal:
                refused.append((refusal.server, refusal.reason))

        pid = otp.spawn(upgrader)
        await otp.receive(otp.Is("now"))
        await otp.sys.resume(first)
        await otp.wait_down(pid)
        assert [(first, "resumed")] == refused
        assert [0, 1] == [await GenServer.call(server, "next") for server in (first, second)]

    run(main)


def test_one_that_refuses_leaves_everything_as_it_was(source: Any, run: Any) -> None:
    shop = source(source.counter)

    async def main() -> None:
        module: types.ModuleType = shop.module
        cls: Any = shop.module.Counter
        names = dict(vars(module))
        counters = [await cls.start_link(n) for n in range(3)]
        await otp.sys.suspend(counters[0])
        shop.write(source.counter_2)
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.reload(module, extra=1)
        assert counters[1] is refused.value.server
        assert Crash(ExceptionTerm("ValueError", ("no",), "no")) == refused.value.reason
        assert isinstance(refused.value.__cause__, ValueError)
        assert sys.modules["upgraded_module"] is module
        assert (types.ModuleType, names) == (type(module), dict(vars(module)))
        assert [(n, 1) for n in counters] == [(found.pid, found.vsn) for found in code.versions(module)]
        assert [1, 2] == [await GenServer.call(pid, "next") for pid in counters[1:]]
        # who was suspended by hand stays so
        assert "suspended" == (await otp.sys.get_status(counters[0])).status
        await otp.sys.resume(counters[0])
        assert 0 == await GenServer.call(counters[0], "next")

    run(main)


def test_a_check_says_what_a_reload_would_do_and_changes_nothing(source: Any, run: Any) -> None:
    shop = source(source.counter)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(41)
        cls = shop.module.Counter
        shop.write(source.counter_2)
        report = await code.check(shop.module)
        assert [(counter, 1, 2)] == [(who, old, new) for who, _, old, new in report.servers]
        assert cls is shop.module.Counter
        assert [(counter, cls, 1)] == list(code.versions())
        assert 41 == await GenServer.call(counter, "next")
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.check(shop.module, extra=42)
        assert counter is refused.value.server
        assert 42 == await GenServer.call(counter, "next")
        assert [(counter, 1, 2)] == [(who, old, new) for who, _, old, new in (await code.reload(shop.module)).servers]

    run(main)


def test_a_state_changed_in_place_is_brought_back(source: Any, run: Any) -> None:
    listed = source.counter.replace("Ok(arg)", "Ok([arg])")
    shop = source(listed)

    async def main() -> None:
        first = await shop.module.Counter.start_link(1)
        await shop.module.Counter.start_link(2)
        shop.write(
            listed
            + """
    @impl
    def code_change(self, old_vsn, state, extra):
        state.append("changed")
        if state[0] == 2:
            raise ValueError("no")
        return Ok(state)
"""
        )
        with pytest.raises(code.UpgradeRefused):
            await code.reload(shop.module)
        assert [1] == await otp.sys.get_state(first)

    run(main)


@pytest.mark.parametrize("broken", ["def (", "raise RuntimeError('at import')", "import not_there_at_all"])
def test_a_broken_file_is_refused_before_anybody_is_suspended(source: Any, run: Any, broken: str) -> None:
    shop = source(
        source.counter.replace("    def handle_cast", "    async def handle_cast").replace(
            "return NoReply", "import asyncio; await asyncio.sleep(request)\n        return NoReply"
        )
    )

    async def main() -> None:
        counter = await shop.module.Counter.start_link(7)
        GenServer.cast(counter, 60)  # to suspend it would take a while
        await wait_all_idle()
        shop.write(source.counter_2 + broken)
        before = otp.monotonic()
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.reload(shop.module)
        assert before == otp.monotonic()
        assert refused.value.server is None
        assert isinstance(refused.value.__cause__, Exception)
        assert sys.modules["upgraded_module"] is shop.module
        await advance(60)
        assert 8 == await GenServer.call(counter, "next")

    run(main)


@pytest.mark.parametrize("half", ["", "class Counter: pass\n", "class Counter(GenServer): pass\n"])
def test_a_class_that_is_gone_or_half_is_refused(source: Any, run: Any, half: str) -> None:
    shop = source(source.counter)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(7)
        shop.write(half)
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.reload(shop.module)
        assert counter is refused.value.server
        assert 7 == await GenServer.call(counter, "next")

    run(main)


def test_one_that_does_not_stop_in_time_refuses_and_is_not_suspended_later(source: Any, run: Any) -> None:
    shop = source(
        source.counter.replace("    def handle_cast", "    async def handle_cast").replace(
            "return NoReply", "import asyncio; await asyncio.sleep(request)\n        return NoReply"
        )
    )

    async def main() -> None:
        busy = await shop.module.Counter.start_link(0)
        other = await shop.module.Counter.start_link(5)
        GenServer.cast(busy, 60)
        shop.write(source.counter_2)
        with pytest.raises(code.UpgradeRefused) as refused:
            await code.reload(shop.module)
        assert (busy, "timeout") == (refused.value.server, refused.value.reason)
        assert 5 == await GenServer.call(other, "next")
        await advance(60)
        assert 1 == await GenServer.call(busy, "next")

    run(main)


def test_a_server_cannot_upgrade_itself(source: Any, run: Any) -> None:
    shop = source(
        source.counter.replace("    def handle_call", "    async def handle_call").replace(
            "return Reply(state, state + 1)", "return Reply(await code.reload(__name__), state)"
        )
    )

    async def main() -> None:
        otp.process_flag("trap_exit", True)
        counter = await shop.module.Counter.start(0)
        with pytest.raises(otp.ServerDown):
            await GenServer.call(counter, "reload")

    run(main)


def test_two_upgrades_of_one_module_do_not_mix(source: Any, run: Any) -> None:
    shop = source(source.counter)

    async def main() -> None:
        await shop.module.Counter.start_link(1)
        shop.write(
            source.counter_2.replace("def code_change", "async def code_change").replace(
                "if extra", "import asyncio; await asyncio.sleep(1)\n        if extra"
            )
        )
        first = otp.Task.async_(code.reload, shop.module)
        await wait_all_idle()
        with pytest.raises(code.UpgradeRefused, match="upgrade_in_progress"):
            await code.reload(shop.module)
        assert 1 == len((await otp.Task.await_(first)).servers)

    run(main)


def test_a_caller_that_is_ended_leaves_everything_as_it_was(source: Any, run: Any) -> None:
    shop = source(source.counter)

    async def main() -> None:
        counter = await shop.module.Counter.start_link(1)
        shop.write(
            source.counter_2.replace("def code_change", "async def code_change").replace(
                "if extra", "import asyncio; await asyncio.sleep(1)\n        if extra"
            )
        )
        upgrader = otp.spawn(code.reload, shop.module)
        await wait_all_idle()
        otp.exit(upgrader, "kill")
        await advance(2)
        assert 1 == await GenServer.call(counter, "next")
        assert types.ModuleType is type(shop.module)

    run(main)


def test_what_is_no_imported_module_is_an_error_of_the_caller(run: Any) -> None:
    async def main() -> None:
        for wrong in ("not_imported_at_all", 7, types.ModuleType("not_imported_at_all")):
            with pytest.raises(otp.BadArgument, match="imported module"):
                await code.reload(wrong)  # type: ignore[arg-type]

    run(main)
