"""The sender of a message that a process was handling, and of the signal that ended one, by what may have sent them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

import otp
from otp.observer import LastMessages
from otp.observer.view_requests import ViewRequest
from superlearner.operations.engine.audit import AuditLog
from superlearner.operations.engine.requesters import Origin, Requests
from superlearner.restarts.cause_steps import BY_OUTSIDE, OUTSIDE, Step

pytestmark = pytest.mark.otp

SECOND = 1_000_000_000
END = 10_000 * SECOND
PID = "0.7.0"


def crash(message: str, kind: Any = "cast") -> Step:
    doing = f"in handle_{kind}({message})"
    return Step(
        1, END, "exited", PID, f"till crashed: KeyError(), {doing}", "till", "KeyError()",
        doing=doing, message=message, message_kind=kind,
    )  # fmt: skip


def end(reason: str) -> Step:
    text = f"till ended: {reason}, by {BY_OUTSIDE}"
    return Step(1, END, "exited", PID, text, "till", reason, signal_from=OUTSIDE)


def origin(step: Step, *views: ViewRequest, last: LastMessages | None = None, audit: AuditLog | None = None) -> Origin:
    return Requests("shop", audit or AuditLog(), lambda ns: ns / 1e9, views).find_origin(step, None, last)


def sender(step: Step, *views: ViewRequest, **more: Any) -> str | None:
    handled = origin(step, *views, **more).handled
    assert handled is not None
    return handled.sender


def request(method: str, sent: str | None, seconds: float, caller: otp.Pid | None = None) -> ViewRequest:
    """Return what a view sent this long before the end."""
    return ViewRequest(END - round(seconds * SECOND), method, f"<{PID}>", sent, caller)


@pytest.mark.parametrize(("method", "kind"), [("cast", "cast"), ("send", "message")])
def test_a_message_is_that_of_a_view_only_if_it_was_sent_shortly_before(method: str, kind: str) -> None:
    """Regression: one that was handled hours ago was named as the sender of each later one of that text."""
    step = crash("'tick'", kind)
    assert sender(step, request(method, "'tick'", 10_000)) is None
    assert (sender(step, request(method, "'tick'", 1)) or "").startswith("sent through otp.observe at ")


def test_the_message_of_a_sensitive_process_is_of_no_view() -> None:
    """Regression: all messages to it had the same text."""
    assert sender(crash("<sensitive>"), request("cast", None, 1)) is None


async def test_a_call_is_that_of_a_view_only_if_it_made_it() -> None:
    """Regression: an earlier one with the same text replaced the caller, which is known."""
    async with otp.Node("shop") as shop:
        worker, customer = (shop.spawn(otp.receive) for _ in range(2))
        step, earlier = crash("'sum'", "call"), request("call", "'sum'", 1, worker)
        known = LastMessages(customer, "customer", 0, ())
        assert f"from customer {customer}" == sender(step, earlier, last=known)
        made = sender(step, earlier, last=LastMessages(worker, "", 0, ()))
        assert made is not None and made.startswith("sent through otp.observe at ")


def test_a_caller_outside_any_process_is_named_by_its_line() -> None:
    """Regression: nothing said who had called."""
    last = LastMessages(None, "", 0, (), "shop.py:7 in sell")
    assert sender(crash("'sum'", "call"), last=last) == "from shop.py:7 in sell"


async def test_a_caller_on_another_node_has_its_pid_there() -> None:
    """Regression: "a process on bank" did not say which one."""
    async with otp.Node("bank") as bank:
        teller = bank.spawn(otp.receive)
        told = sender(crash("'sum'", "call"), last=LastMessages(teller, "", 0, ()))
        assert f"from process {teller} on bank" == told


@pytest.mark.parametrize(
    ("sent", "seconds", "found"),
    [("reload", 1, False), ("drop", 10_000, False), ("drop", 1, True)],
)
def test_an_end_is_that_of_a_view_only_with_its_reason_soon_after_it(sent: str, seconds: float, found: bool) -> None:
    """Regression: a signal that a process had survived was named as the one that ended it later."""
    text = origin(end("drop"), request("exit", sent, seconds)).step.text
    assert found == ("through otp.observe" in text), text
    assert found != (BY_OUTSIDE in text), text


def test_a_call_that_was_over_long_before_is_not_the_one_that_crashed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Regression: a call from the page, answered or not, was named as the sender of each later one of that text."""
    audit = AuditLog()
    monkeypatch.setattr(time, "time", lambda: END / 1e9 - 100)
    parameters = {"pid": PID, "message": "sum", "message_type": "call"}
    for outcome, found in (("ok", False), ("call_failed", False), ("timeout", True)):
        audit.record(
            user="ada", door="rest", operation="process.message", parameters=parameters, did=None,
            outcome=outcome, duration=0.1, claims="page",
        )  # fmt: skip
        step = replace(crash("'sum'", "call"), begun_ns=END - 1_000 * SECOND)
        assert found == (sender(step, audit=audit) is not None)
