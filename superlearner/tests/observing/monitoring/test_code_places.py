"""The code behind hangs and holds: its line, who called it, and the message in hand; and the page of their evidence."""

from __future__ import annotations

import asyncio
import re
import sys
import threading
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import otp
from node_facts import LIMITS, NOW, facts, growing, only, track
from otp import GenServer, NoReply, Ok, Reply, impl
from superlearner.control.clock import time_text
from superlearner.observing.analytics import Ledger
from superlearner.observing.monitoring import detectors
from superlearner.observing.monitoring.alarms import Alarms
from superlearner.observing.monitoring.code_places import (
    CodePlace,
    RunningCode,
    find_code_of_wait,
    find_running_code,
)
from superlearner.observing.monitoring.facts import AnomalyFinding, LoopHold, PendingCallback, TimedOut, Waiter
from superlearner.observing.monitoring.monitor import Monitor
from superlearner.operations.builtin.restart_incidents import describe_incident
from superlearner.operations.builtin.system import describe_anomaly
from superlearner.operations.results.restarts import MomentFacts
from superlearner.settings.settings import Settings
from superlearner.store import MomentRow


def price_of(_item: Any) -> None:
    threading.Event().wait(0.7)


async def ask_for_price() -> None:
    await asyncio.Event().wait()


class PricingTill(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_call(self, request: Any, caller: Any, state: Any) -> Any:
        price_of(request)
        return Reply(None, state)

    @impl
    async def handle_cast(self, request: Any, state: Any) -> Any:
        state.set_result(None)
        await ask_for_price()
        return NoReply(state)


def line_of(function: Any, more: int) -> str:
    code = function.__code__
    return f"test_code_places.py:{code.co_firstlineno + more} in {code.co_name}"


def shown(finding: AnomalyFinding) -> MomentFacts:
    """Return what the page of an incident shows about its anomaly."""
    alarms = Alarms()
    [alarm], _ = alarms.update([finding], NOW)
    assert finding.incident is not None
    row = MomentRow("shop@127.0.0.1", "9f3a0c1b22d4", 2, 2, NOW, NOW, finding.incident.text)
    facts = describe_incident(row, row.line, describe_anomaly(alarm, NOW)).facts
    assert facts is not None
    return facts


def test_a_hold_in_a_helper_has_its_line_the_callback_that_called_it_and_the_message() -> None:
    async def main() -> list[AnomalyFinding]:
        async with otp.Node("held") as node:
            monitor = Monitor(Settings, Ledger())
            monitor.watch(node)
            monitor.ready()
            till = await node.start(PricingTill, None)
            await GenServer.call(till, ("price", {"password": "hunter2"}))
            turned = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0, turned.set_result, None)
            await turned
            monitor.close()
            return list(detectors.blocked_loop(monitor.facts(), Settings(anomaly_loop_held=0.3)))

    finding = only(asyncio.run(main()))
    evidence = {**finding.evidence}
    assert evidence["place"] == line_of(price_of, 1)
    assert evidence["source"] == "threading.Event().wait(0.7)"
    assert evidence["called_at"] == [line_of(PricingTill.handle_call, 2)]
    assert (evidence["callback"], evidence["message"]) == ("handle_call", "('price', {'password': ***})")
    told = shown(finding)
    assert told.where == f"{line_of(price_of, 1)}, called at {line_of(PricingTill.handle_call, 2)}"
    assert (told.source, told.handling) == (evidence["source"], f"{evidence['message']}, in handle_call")
    assert told.values is not None and told.values.startswith("The event loop was held for 0.")
    assert told.limit == "0.3 s, the setting anomaly_loop_held"


def test_a_wait_in_a_helper_has_its_line_the_callback_that_called_it_and_the_message() -> None:
    async def main() -> CodePlace | None:
        async with otp.Node("waiting") as node:
            entered = asyncio.get_running_loop().create_future()
            till = await node.start(PricingTill, entered)
            GenServer.cast(till, ("price", 3))
            await entered
            found = find_code_of_wait(node, till)
            otp.exit(till, "kill")
            return found

    assert asyncio.run(main()) == CodePlace(
        line_of(ask_for_price, 1),
        "await asyncio.Event().wait()",
        (line_of(PricingTill.handle_cast, 3),),
        "handle_cast",
        "('price', 3)",
    )
    code = CodePlace("pricing.py:9 in ask", "await reply", ("till.py:12 in handle_cast",), "handle_cast", "'go'")
    busy = PendingCallback("0.7.0", "till", "Till", "handle_cast", NOW - 7, 1, "pricing.py:9", code=code)
    told = shown(only(list(detectors.long_callback(facts(callbacks=[busy]), LIMITS))))
    assert (told.where, told.source) == ("pricing.py:9 in ask, called at till.py:12 in handle_cast", "await reply")
    assert told.handling == "'go', in handle_cast"
    waited = "The callback had run for 7 s when it was last observed. 1 message waited in the mailbox."
    assert (told.values, told.limit) == (waited, "2 s, the setting anomaly_callback")


def test_the_evidence_of_each_kind_is_told_in_sentences() -> None:
    """Regression: the page had *holds 1; worst s 8.005; what Till; newest: 1*."""
    wait = (
        Waiter("0.7.0", "till", "Till", "0.8.0", "call", "'total'"),
        Waiter("0.8.0", "stock", "Stock", "0.7.0", "call", None),
    )
    hold = LoopHold(NOW - 2, 1.5, "0.7.0", "till", "Till", starved=0.5)
    call = TimedOut(
        NOW - 5, "stock", "0.8.0", "stock", "till", "('take', 1)", "shop.py:12", 0.5, "stock was busy", "it is slow"
    )
    known = facts(
        holds=[hold, replace(hold, at=NOW - 20, seconds=0.75, starved=None)],
        cycles=[wait],
        timeouts=[call],
        points=growing(200.0),
    )
    told = {one.type: sentences_of(one) for one in detectors.detect(known, LIMITS) if one.incident is not None}
    grew = told.pop("memory_growth")
    assert told == {
        "blocked_loop": "The event loop was held twice, for up to 1.5 s. For up to 0.5 s of that, the program waited "
        f"for a processor. The newest ended at {time_text(NOW - 2)} (1.5 s) and {time_text(NOW - 20)} (0.75 s).",
        "call_cycle": "till waited for stock to answer 'total'; stock waited for till. 1 call timed out: 1 from till.",
    }
    assert grew is not None
    assert re.fullmatch(
        r"The program grew by 200 MB a minute, to [\d,]+ MB\. It had [\d,]+ processes at the start"
        r" and [\d,]+ at the end\. .+ waited in all mailboxes\.",
        grew,
    )
    grown = track([20 * n for n in range(12)])
    assert sentences_of(only(list(detectors.mailbox_growth(facts(tracks=[grown]), LIMITS)))) == (
        "Each second, 10 more messages came than it handled. 220 messages waited in the mailbox."
    )
    brief = [replace(hold, at=NOW - n, seconds=0.4, starved=None) for n in range(8)]
    assert sentences_of(only(detectors.detect(facts(holds=brief), LIMITS))) == (
        "All holds in these 10 s took 3.2 s together, the longest 0.4 s."
    )
    slow = track([200] * 12)
    slow.handled_per_s = 1.0
    assert sentences_of(only(list(detectors.mailbox_backlog(facts(tracks=[slow]), LIMITS)))) == (
        "200 messages waited in the mailbox. It handled 1 per second, so the newest would have waited for 3 min 20 s."
    )
    calls = sentences_of(only(list(detectors.call_timeouts(replace(known, cycles=[]), LIMITS))))
    assert calls == "1 call timed out: 1 from till. The newest asked for ('take', 1)."


def sentences_of(finding: AnomalyFinding) -> str | None:
    return shown(finding).values


def test_code_that_python_has_added_has_the_line_of_its_function() -> None:
    """Regression: its frames have no line, which ended the thread that looks at them."""

    def scan(_item: Any) -> None: ...

    without_line = SimpleNamespace(f_code=scan.__code__, f_lineno=None, f_back=None)
    found = find_running_code(cast("Any", without_line), None)
    assert found is not None
    assert found.place == line_of(scan, 0)
    assert found.describe().source == "def scan(_item: Any) -> None: ..."


class RecursivePrinter(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return Ok(arg)

    @impl
    def handle_cast(self, request: Any, state: Any) -> Any:
        def descend(depth: int) -> RunningCode | None:
            return descend(depth - 1) if depth else find_running_code(sys._getframe(), self.pid)

        state.set_result(descend(300))
        return NoReply(state)


def test_of_a_deep_recursion_only_the_shown_lines_are_kept() -> None:
    """Regression: each of 600 samples kept all lines, of a thousand calls some 60 MB."""

    async def main() -> RunningCode | None:
        async with otp.Node("deep") as node:
            found = asyncio.get_running_loop().create_future()
            GenServer.cast(await node.start(RecursivePrinter, found), "go")
            return await found

    code = asyncio.run(main())
    assert code is not None
    assert [function for _, _, function in code.places] == ["descend", "descend", "descend", "handle_cast"]
    assert (code.callback, code.message) == ("handle_cast", "'go'")
    assert [one.rpartition(" ")[2] for one in code.describe().called_at] == ["descend", "descend", "handle_cast"]
