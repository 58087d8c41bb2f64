"""An upgrade on trial is taken back when a server crashes while it lasts, and stays when none does."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import otp
from otp import Children, GenServer, Supervisor, code
from otp.testing import advance, wait_all_idle

TRIED = """
class Counter(GenServer):
    vsn = 1
    @impl
    def init(self, arg):
        return Ok(arg)
    @impl
    def handle_call(self, request, caller, state):
        return Reply(state, state)
    @impl
    def handle_cast(self, request, state):
        if request == "fail":
            pass
        return NoReply(state + 1)
    @impl
    async def code_change(self, old_vsn, state, extra):
        import asyncio
        await asyncio.sleep(1)
        return Ok(state)

class Shop(Supervisor):
    vsn = 1
    @impl
    def init(self, arg):
        specs = [Counter.child_spec(5 * n, id=name, name=name) for n, name in enumerate(("a", "b"))]
        return Children(specs, max_restarts=1)
"""


FAILS = TRIED.replace("            pass", "            raise ValueError('new')").replace("vsn = 1", "vsn = 2")


async def on_trial(shop: Any, *, sent: dict[str, Any]) -> Any:
    """Upgrade; while they are stopped, messages come. Answers the error, or None."""

    async def upgrade() -> Any:
        try:
            await code.reload(shop.module, trial=10)
        except code.UpgradeRefused as refused:
            return refused
        return None

    asked = otp.Task.async_(upgrade)
    await wait_all_idle()
    for name, message in sent.items():
        GenServer.cast(name, message)
    return await otp.Task.await_(asked, "infinity")


def test_on_trial_a_crash_takes_all_back_and_who_crashed_starts_with_the_old_code(source: Any, run: Any) -> None:
    shop = source(TRIED)

    async def main() -> None:
        sup = await shop.module.Shop.start_link()
        first, second = otp.whereis("a"), otp.whereis("b")
        shop.write(FAILS)
        refused = await on_trial(shop, sent={"a": "fail", "b": "tick"})
        assert (first, True, ()) == (refused.server, refused.ended, refused.reset)
        assert "new" in str(refused.reason)
        assert second is otp.whereis("b")
        assert 6 == await GenServer.call("b", "get")  # it has counted on
        assert first is not await otp.node().wait_registered("a")
        assert 0 == await GenServer.call("a", "get")
        assert {1} == {found.vsn for found in code.versions(shop.module)}
        GenServer.cast("a", "fail")
        assert 1 == await GenServer.call("a", "get")  # one restart of one, and no more
        assert otp.is_alive(sup)

    run(main)


def test_on_trial_a_state_that_was_made_anew_goes_back_and_is_named(source: Any, run: Any) -> None:
    shop = source(TRIED)

    async def main() -> None:
        await shop.module.Shop.start_link()
        second = otp.whereis("b")
        GenServer.cast(second, "tick")
        shop.write(FAILS.replace("return Ok(state)", "return Ok(state + 100)"))
        refused = await on_trial(shop, sent={"a": "fail", "b": "tick"})
        assert (second,) == refused.reset
        assert 6 == await GenServer.call(second, "get")

    run(main)


def test_on_trial_who_comes_through_goes_on_with_the_new_code_and_so_does_its_supervisor(source: Any, run: Any) -> None:
    shop = source(TRIED)

    async def main() -> None:
        await shop.module.Shop.start_link()
        shop.write(FAILS)
        assert None is await on_trial(shop, sent={"a": "tick"})
        assert {2} == {found.vsn for found in code.versions(shop.module)}
        assert [1, 5] == [await GenServer.call(name, "get") for name in "ab"]
        otp.exit(otp.whereis("b"), "kill")
        await wait_all_idle()
        assert 5 == await GenServer.call("b", "get")

    run(main)


def test_on_trial_one_that_still_works_when_the_time_is_over_has_not_crashed(source: Any, run: Any) -> None:
    shop = source(TRIED)

    async def main() -> None:
        await shop.module.Shop.start_link()
        slow = "            await __import__('asyncio').sleep(60)"
        shop.write(
            FAILS.replace("            raise ValueError('new')", slow).replace(
                "def handle_cast", "async def handle_cast"
            )
        )
        begun = otp.monotonic()
        assert None is await on_trial(shop, sent={"a": "fail", "b": "tick"})
        assert 12 == pytest.approx(otp.monotonic() - begun, abs=0.1)
        await advance(60)
        assert [1, 6] == [await GenServer.call(name, "get") for name in "ab"]

    run(main)


def test_on_trial_what_others_started_with_the_new_code_is_started_again_with_the_old_one(
    source: Any, run: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Its supervisor is of another module, so that it has not waited for the end of the trial."""
    shop = source(TRIED)
    caplog.set_level(logging.INFO, "otp.supervisor")

    async def main() -> None:
        spec = shop.module.Counter.child_spec
        children = [spec(5 * n, id=name, name=name) for n, name in enumerate(("a", "b"))]
        await Supervisor.start_link(Children(children, max_restarts=5))
        shop.write(FAILS)
        refused = await on_trial(shop, sent={"a": "fail", "b": "tick"})
        assert refused.ended
        await wait_all_idle()
        assert {1} == {found.vsn for found in code.versions(shop.module)}
        assert [0, 6] == [await GenServer.call(name, "get") for name in "ab"]

    run(main)
    said = [vars(record) for record in caplog.records if record.name == "otp.supervisor"]
    assert [] == [fields for fields in said if fields["otp_reason"] == "'killed'" and not fields["otp_signalled"]]
