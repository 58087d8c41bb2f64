"""A process that is a function goes on with old code until it asks for the latest, or becomes another function.

Source: Erlang's reference manual, *Code Replacement*.
"""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import GenServer, code
from otp.testing import wait_all_idle

LOOP = """
async def loop(parent, count):
    match await otp.receive():
        case "step":
            otp.send(parent, (VERSION(), count))
            raise otp.Become(loop, parent, count + 1)
        case "upgrade":
            raise otp.Become(code.latest(loop), parent, count)
        case "call":
            return await code.latest(loop)(parent, count)

def VERSION():
    return "old"
"""


def test_a_process_goes_on_with_old_code_until_it_asks_for_the_latest(source: Any, run: Any) -> None:
    shop = source(LOOP)

    async def main() -> None:
        me = otp.self()
        pids = [otp.spawn_link(shop.module.loop, me, 0) for _ in range(2)]
        shop.write(LOOP.replace('"old"', '"new"'))
        await wait_all_idle()
        report = await code.reload(shop.module)
        assert tuple(pids) == report.still_old
        for pid, how in zip(pids, ("upgrade", "call"), strict=True):
            otp.send(pid, "step")
            assert ("old", 0) == await otp.receive()
            otp.send(pid, how)
            otp.send(pid, "step")
            assert ("new", 1) == await otp.receive()
        assert "new" == shop.module.VERSION()

    run(main)


def test_become_keeps_the_process_and_runs_its_cleanup_first(run: Any) -> None:
    async def main() -> None:
        me = otp.self()

        async def first() -> None:
            try:
                raise otp.Become(second, "told", by="first")
            finally:
                otp.send(me, "cleanup")

        def second(what: str, by: str) -> None:  # a plain function will do
            otp.send(me, (what, by, otp.self()))

        pid, ref = otp.spawn_monitor(first)
        otp.register("it", pid)
        assert ["cleanup", ("told", "first", pid)] == [await otp.receive(), await otp.receive()]
        assert otp.Down(ref, pid, "normal") == await otp.receive()

    run(main)


def test_become_with_wrong_arguments_ends_the_process(run: Any) -> None:
    async def main() -> None:
        async def first() -> None:
            raise otp.Become(second, 1, 2)

        async def second() -> None: ...

        otp.spawn_monitor(first)
        reason: Any = (await otp.receive()).reason
        assert "TypeError" == reason[0].type_name

    run(main)


def test_become_in_a_callback_is_an_error(run: Any) -> None:
    class Wrong(GenServer[None]):
        @otp.impl
        def init(self, arg: Any) -> Any:
            raise otp.Become(print)

    async def main() -> None:
        with pytest.raises(otp.StartError) as failure:
            await Wrong.start()
        assert "Become" == failure.value.reason[0].type_name

    run(main)


def test_become_and_latest_say_what_they_want() -> None:
    with pytest.raises(otp.BadArgument, match=r"Become\(fn, …\)"):
        otp.Become(3)  # type: ignore[arg-type]
    with pytest.raises(otp.BadArgument, match="top of a module"):
        code.latest(lambda: None)


def test_latest_of_what_is_gone_is_undef(source: Any, run: Any) -> None:
    shop = source(LOOP)

    async def main() -> None:
        old = shop.module.loop
        shop.write("")
        await code.reload(shop.module)
        with pytest.raises(otp.Error) as error:
            code.latest(old)
        assert ("undef", ("upgraded_module", "loop")) == error.value.reason

    run(main)
