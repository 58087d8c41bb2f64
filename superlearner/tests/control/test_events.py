"""Facts of an event are made once, by the first of its readers."""

from __future__ import annotations

from typing import Any

import otp
from otp import Children, Supervisor, impl
from otp.testing import Scheduler, wait_all_idle
from otp.trace import Event
from superlearner.control.events import Facts, facts_of


class Shop(Supervisor):
    @impl
    def init(self, arg: None) -> Children:
        return Children([otp.Agent.child_spec(dict, name="till", id="till")])


def test_the_readers_of_an_event_share_its_facts() -> None:
    first: list[Facts] = []
    second: list[Facts] = []

    async def main() -> None:
        node = otp.node()
        shop: Any = await Shop.start_link(None)
        old = str(otp.whereis("till"))
        for seen in (first, second):
            otp.trace.subscribe(node, lambda event, seen=seen: seen.append(facts_of(event)), kinds={"child_restarted"})
        otp.exit("till", "kill")
        await wait_all_idle()
        (facts,) = first
        assert facts is second[0]
        new = str(otp.whereis("till"))
        found = [f"<{one}>" for one in (facts.pid, facts.old, facts.child)]
        assert (found, facts.sender) == ([str(shop), old, new], None)
        assert (facts.id, facts.reason, facts.crash, facts.where) == ("till", "killed", True, None)

    Scheduler().run(main)


def test_facts_hold_no_secret_and_a_brief_reason_is_brief() -> None:
    reason = ("refused", {"password": "hunter2", "why": "x" * 100})
    facts = facts_of(Event(1, 0, "shop", "gave_up", None, 0, {"reason": reason}))
    assert "hunter2" not in facts.reason + facts.brief_reason
    assert len(facts.brief_reason) <= 80 < len(facts.reason)
    assert (facts.pid, facts.child, facts.id) == ("", None, None)
