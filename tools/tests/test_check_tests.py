"""The check that refuses sleeps can fail: each rule has a file that breaks it."""

from __future__ import annotations

import pytest
from tools.check_tests import check, read_allowed, waits_in

TEST, SOURCE = "otp/tests/test_x.py", "otp/src/otp/x.py"


def refused(source: str, file: str) -> list[tuple[int, str]]:
    return [(wait.line, wait.place) for wait in waits_in(source, file)]


@pytest.mark.parametrize(
    "line",
    [
        "import time\ntime.sleep(0.01)",
        "from time import sleep\nsleep(1)",
        "import time as t\nt.sleep(1)",
        "import asyncio\nasyncio.sleep(0.5)",
        "import asyncio\nasyncio.sleep(delay)",
        "from asyncio import sleep as nap\nnap(2)",
        "import anyio\nanyio.sleep(1)",
        "page\npage.wait_for_timeout(500)",
    ],
)
def test_a_sleep_in_a_test_is_refused(line: str) -> None:
    assert [(2, "module")] == refused(line, TEST)


@pytest.mark.parametrize("file", [TEST, SOURCE])
@pytest.mark.parametrize("loop", ["while not done:", "for _ in range(10):", "async for _ in ticks:"])
def test_a_loop_around_any_sleep_is_refused_everywhere(loop: str, file: str) -> None:
    source = f"import asyncio\nasync def until():\n    {loop}\n        await asyncio.sleep(0)\n"
    assert [(4, "until")] == refused(source, file)


@pytest.mark.parametrize(
    "condition", ["time.monotonic() < end", "(await count()) < 3", "not done and time.time() < end"]
)
def test_a_polling_loop_is_refused_in_tests(condition: str) -> None:
    source = f"import time\nasync def until():\n    while {condition}: pass\n"
    assert [(3, "until")] == refused(source, TEST)
    assert [] == refused(source, SOURCE)


def test_a_loop_that_waits_for_each_message_is_allowed() -> None:
    source = "async def until():\n    while states[-1:] != [1]: states.append(await socket.recv())\n"
    assert [] == refused(source, TEST)


def test_a_poll_in_a_comprehension_is_refused() -> None:
    source = "import asyncio\nasync def turns():\n    return [await asyncio.sleep(0) for _ in range(3)]\n"
    assert [(3, "turns")] == refused(source, TEST)


def test_a_single_turn_of_the_loop_and_a_sleeping_task_in_a_source_are_allowed() -> None:
    assert [] == refused("import asyncio\nasync def turn():\n    await asyncio.sleep(0)\n", TEST)
    assert [] == refused("import asyncio\nasync def nap():\n    await asyncio.sleep(5)\n", SOURCE)


def test_time_sleep_in_a_source_is_refused() -> None:
    assert [(3, "Server.wait")] == refused("import time\nclass Server:\n    def wait(self): time.sleep(1)\n", SOURCE)


def test_a_page_that_polls_is_refused() -> None:
    assert [(2, "script")] == refused("let n = 0\nsetInterval(() => n++, 1000)\n", "superlearner/src/superlearner/a.js")


def test_an_allowed_place_may_wait_and_no_other() -> None:
    source = "import time\ndef barrier(): time.sleep(1)\ndef other(): time.sleep(1)\n"
    assert [f"{TEST}:3"] == [line.partition(": ")[0] for line in check({TEST: source}, {f"{TEST}::barrier"})]


def test_virtual_time_allows_sleeps_of_tasks_and_neither_polls_nor_real_sleeps() -> None:
    source = (
        "import asyncio, time\n"
        "async def task(): await asyncio.sleep(3)\n"
        "async def poll():\n"
        "    while True: await asyncio.sleep(1)\n"
        "def real(): time.sleep(1)\n"
    )
    problems = check({TEST: source}, {"virtual:otp/tests/*::*"})
    assert [f"{TEST}:4", f"{TEST}:5"] == [line.partition(": ")[0] for line in problems]


def test_an_allowed_place_that_no_longer_waits_is_refused() -> None:
    (problem,) = check({TEST: ""}, {f"{TEST}::barrier"})
    assert f"{TEST}::barrier: nothing sleeps there" in problem


def test_an_allowed_place_needs_a_reason() -> None:
    with pytest.raises(SystemExit, match="say why"):
        read_allowed("otp/tests/test_x.py::barrier\n")
    assert {"a.py::b"} == read_allowed("# comment\n\na.py::b  because of c\n")
