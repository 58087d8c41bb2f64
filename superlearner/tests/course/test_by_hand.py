"""The words of checks for hand-written processes: what they accept, and what they say about everything else."""

from __future__ import annotations

import pytest

from superlearner.course.engine.child import outcome_of, verdict_of
from superlearner.course.engine.verdict import Verdict

HEAD = """
import otp
from superlearner.course.engine.exercise import exercise, scenario
"""

ADDER = (
    HEAD
    + """
@exercise("s00.adder")
async def adder(s):
    s.step("It adds.")
    one = s.process("adder", 1)
    await one.answers(("add", 2), 3)
    s.step("It takes its time.")
    await one.answers(("later", 2), 3, at=2)
    s.step("It ignores other messages.")
    await one.ignores(("add",), "later", ("add", 2, one.pid), ("other",))
    s.step("It ends.")
    await one.stops()
"""
)
RIGHT = """
import asyncio

import otp


async def adder(start):
    while True:
        match await otp.receive():
            case ("add", number, from_, ref):
                otp.send(from_, (ref, start + number))
            case ("later", number, from_, ref):
                await asyncio.sleep(2)
                otp.send(from_, (ref, start + number))
            case "stop":
                return
"""


FIRST = '(ref, start + number))\n            case ("later'


def verdict(check: str, source: str) -> Verdict:
    return verdict_of("s00.adder", check, source, [1, 2])


@pytest.mark.parametrize(
    ("before", "after", "misconception", "said"),
    [
        ("await otp.receive()", "otp.receive()", None, "line 9: `await` is missing before the call of receive"),
        ("await asyncio.sleep", "asyncio.sleep", None, "line 13: `await` is missing before the call of sleep"),
        ("(ref, start", "(start, start", "M5", "got (1, 3), which does not begin with the reference"),
        ("(ref, start", "(otp.make_ref(), start", "M5", "got (another reference, 3), which does not begin"),
        ("(ref, start", "(ref, 0, start", None, "a tuple of exactly these two, got (ref, 0, 3)"),
        ("send(from_", "send(otp.self()", None, "the process sent a message to itself: send the answer to `from_`"),
        ("send(from_", "send(form_", None, "NameError: name 'form_' is not defined"),
        ("await asyncio.sleep(2)", "pass", None, "answered after 0 s: expected the answer after 2 s"),
        ("adder(start)", "adder()", None, "line 7: a process is started as adder(1): adder() takes 0 positional"),
        ('case "stop"', 'case ("add",):\n                1 / 0\n            case "stop"', "V4",
         "line 16: ('add',), without `from_` and `ref`, is no message of the task, and should change nothing: add"),
        ('case "stop"', 'case ("add", _, _):\n                1 / 0\n            case "stop"', "V4",
         "line 16: ('add', 2, adder), without `ref`, is no message of the task"),
        ('case "stop"', 'case ("other",):\n                1 / 0\n            case "stop"', "V4",
         "line 16: ('other',) is no message of the task"),
        (FIRST, FIRST.replace("))", ")), otp.send(from_, 7)"), None,
         "expected one answer to each request, got one more: 7"),
        ("async def adder(start):", "class adder:\n  async def adder(start):", None, "an async function, got a class"),
    ],
)  # fmt: skip
def test_a_fault_of_a_process_is_named(before: str, after: str, misconception: str | None, said: str) -> None:
    assert verdict(ADDER, RIGHT).ok
    assert before in RIGHT
    found = verdict(ADDER, RIGHT.replace(before, after))
    assert said in found.steps[-1].say
    assert found.misconceptions == (() if misconception is None else (misconception,))


CALLER = (
    HEAD
    + """
@exercise("s00.adder")
async def asks(s):
    s.step("ask is answered, or gives up.")
    client, server = s.caller(), s.inbox("server")
    call = client.call("ask", server.pid, "hello", timeout=2)
    await call.waits()
    (request,) = await server.news()
    otp.send(request[-2], (request[-1], 5))
    await call.returns(5)
    await client.call("ask", server.pid, "again", timeout=2).raises(otp.ReceiveTimeout, at=2, late="M31")
    await client.call("tell", server.pid, awaited=False).returns(None)
    again, told = await server.news()
    s.same(told, "told", "expected 'told'")
    ref = server.asks(client.pid, "question")
    s.same(len(client.messages), 1, "expected a message in the mailbox of the client")
"""
)
ASKS = """
import otp


async def ask(server, text, timeout=5):
    ref = otp.make_ref()
    otp.send(server, (text, otp.self(), ref))
    _, answer = await otp.receive(ref, timeout=timeout)
    return answer


def tell(server):
    otp.send(server, "told")
"""


@pytest.mark.parametrize(
    ("before", "after", "misconception", "said"),
    [
        ("return answer", "return 0", None, "expected ask(server, 'hello', timeout=2) to return 5, got 0"),
        ("timeout=timeout", "timeout=None", "M31", "'again', timeout=2) to end after 2 s, but it still waits after"),
        ("timeout=timeout", "timeout=9", "M31", "to end after 2 s, got it after 9 s"),
        ("timeout=timeout", "timeout=1", None, "to end after 2 s, got it after 1 s"),
        ("return answer", "return answer.x", None, "line 9: ask(server, 'hello', timeout=2) raised AttributeError"),
        # The next two answers block the thread: that this is refused is what is tested, and it never really sleeps.
        ("return answer", "import time\n    time.sleep(1)", "M7", "line 10: ask(server, 'hello', timeout=2): time.sle"),
        ("    _, a", "    import time\n    time.sleep(1)\n    _, a", "M7", "', timeout=2): time.sleep blocks the one"),
        ("return answer", "otp.exit(answer)", None, "ask(server, 'hello', timeout=2) raised Exit: 5"),
        ("return answer", "otp.spawn_link(lambda: 1 / 0)\n    await otp.receive()", "M8", "ended the process that"),
        ("async def ask(server, text, timeout=5):", "def ask(*a, **b):\n    return 1\n\n\nasync def other(server, text,"
         " timeout):", None, "to be awaited; it returned 1 at once"),
        ("def tell", "async def tell", None, "it waits for nothing: write `def tell`"),
    ],
)  # fmt: skip
def test_a_fault_of_a_client_function_is_named(before: str, after: str, misconception: str | None, said: str) -> None:
    assert verdict(CALLER, ASKS).ok
    assert before in ASKS
    found = verdict(CALLER, ASKS.replace(before, after))
    assert said in found.steps[-1].say
    assert found.misconceptions == (() if misconception is None else (misconception,))


def test_a_scenario_may_run_in_real_time() -> None:
    # A real pause is what is tested: a scenario in virtual time refuses it. The other sleeps here are virtual.
    check = HEAD + '@scenario("s00.real", real=True)\nasync def real(s):\n    import time\n    time.sleep(0.001)\n'
    assert outcome_of("s00.real", check + "    return 'slept'\n").happened == "slept"
