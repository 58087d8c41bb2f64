"""The pytest plug-in, in a separate pytest."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.program

pytest_plugins = ["pytester"]

HEAD = """
import asyncio
import otp, pytest
from otp.testing import assert_receive, start_supervised
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other plug-in that is installed here: they take two seconds to import."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def outcomes(pytester: pytest.Pytester, source: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(HEAD + source)
    ours = ("-p", "otp.testing.pytest_plugin", "-p", "no:cacheprovider", "-W", "error")
    return pytester.runpytest_subprocess(*ours, *options)


def test_it_is_there_as_soon_as_the_library_is_installed(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    pytester.makepyfile(
        HEAD + "@pytest.mark.otp\nasync def test_it(node):\n    assert node.processes() == [otp.self()]"
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_a_marked_test_is_the_first_process_of_the_node(pytester: pytest.Pytester) -> None:
    result = outcomes(
        pytester,
        """
@pytest.mark.otp
async def test_it(node, tmp_path):
    assert node.processes() == [otp.self()] and otp.self().node == "test" and tmp_path.exists()
    await asyncio.sleep(3600)
    assert otp.monotonic() == 3600.0
""",
    )
    result.assert_outcomes(passed=1)


def test_the_fixture_need_not_be_named_and_classes_and_parameters_work(pytester: pytest.Pytester) -> None:
    result = outcomes(
        pytester,
        """
@pytest.mark.otp(seed=4)
class TestAll:
    @pytest.mark.parametrize("n", [1, 2])
    async def test_it(self, n):
        await asyncio.sleep(n)
        assert otp.monotonic() == n

    def test_plain(self):
        pass
""",
    )
    result.assert_outcomes(passed=3)


def test_several_seeds_are_several_tests(pytester: pytest.Pytester) -> None:
    result = outcomes(
        pytester,
        """
seen = []

@pytest.mark.otp(seed=(1, 2, 3))
async def test_it():
    seen.append(otp.random.random())
    assert len(set(seen)) == len(seen)
""",
        "-v",
    )
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*test_it[[]seed=2[]]*"])


def test_mode_auto_takes_every_async_test_that_nobody_else_marks(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\notp_mode = auto")
    result = outcomes(
        pytester,
        """
async def test_ours():
    otp.self()

@pytest.mark.anyio
async def test_theirs(anyio_backend):
    with pytest.raises(otp.NotAProcess):
        otp.self()

@pytest.fixture
def anyio_backend():
    return "asyncio"
""",
        "-p",
        "anyio.pytest_plugin",
    )
    result.assert_outcomes(passed=2)


def test_another_async_plugin_leaves_it_alone(pytester: pytest.Pytester) -> None:
    """anyio's mode `auto` claims every async test."""
    pytester.makeini("[pytest]\nanyio_mode = auto")
    result = outcomes(
        pytester,
        """
@pytest.mark.otp
async def test_ours():
    otp.self()
""",
        "-p",
        "anyio.pytest_plugin",
    )
    result.assert_outcomes(passed=1)


def test_a_test_that_a_signal_ends_fails_with_its_reason(pytester: pytest.Pytester) -> None:
    result = outcomes(
        pytester,
        """
@pytest.mark.otp(seed=9)
async def test_it():
    def breaks():
        raise otp.Exit("boom")
    otp.spawn_link(breaks)
    await otp.receive()
""",
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Exit: boom*", "*ended by an exit signal*", "seed 9, 0.0 s of virtual time"])


def test_skip_and_fail_mean_what_they_say(pytester: pytest.Pytester) -> None:
    result = outcomes(
        pytester,
        """
@pytest.mark.otp
async def test_skip():
    pytest.skip("not today")

@pytest.mark.otp
async def test_fail():
    pytest.fail("because")

@pytest.mark.otp
@pytest.mark.xfail(strict=True)
async def test_xfail():
    assert False
""",
    )
    result.assert_outcomes(skipped=1, failed=1, xfailed=1)


LEAK = """
@pytest.mark.otp
async def test_it():
    otp.spawn(otp.receive)
"""


def test_what_a_test_left_running_is_named(pytester: pytest.Pytester) -> None:
    result = outcomes(pytester, LEAK)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*left running*", "*::test_it: process <0.3.0>, receive"])


def test_leaks_can_be_errors(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\notp_leaks = error")
    result = outcomes(pytester, LEAK)
    result.assert_outcomes(failed=1)


def test_real_time_is_possible(pytester: pytest.Pytester) -> None:
    result = outcomes(
        pytester,
        """
@pytest.mark.otp(io="real")
async def test_it():
    assert await asyncio.to_thread(len, "abc") == 3
    otp.send(otp.self(), 1)
    await assert_receive(1)
""",
    )
    result.assert_outcomes(passed=1)


def test_a_wrong_option_is_named(pytester: pytest.Pytester) -> None:
    result = outcomes(
        pytester,
        """
@pytest.mark.otp(sed=1)
async def test_it():
    pass
""",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*expected @pytest.mark.otp(seed=0*got sed*"])


def test_a_mark_that_cannot_be_applied_is_one_sentence(pytester: pytest.Pytester) -> None:
    """Regression: wrong options ended in tracebacks of the plug-in, and a marked plain function passed silently."""
    result = outcomes(
        pytester,
        """
@pytest.mark.otp(seeds=3)
async def test_misspelt(): pass

@pytest.mark.otp(3)
async def test_positional(): pass

@pytest.mark.otp(seed="x")
async def test_no_number(): pass

@pytest.mark.otp(io="nope")
async def test_no_io(): pass

@pytest.mark.otp
def test_plain(): pass

@pytest.mark.otp(seed=2)
def test_plain_with_a_node(node): assert node.processes() == []

@pytest.mark.otp
class TestMixed:
    def test_plain(self): pass
    async def test_async(self): assert otp.self()
""",
    )
    result.assert_outcomes(errors=5, passed=3)
    result.stdout.fnmatch_lines_random([
        "expected @pytest.mark.otp(seed=0*), got seeds=3; try seed=3",
        "expected @pytest.mark.otp(seed=0*), got 3; try seed=3",
        "@pytest.mark.otp: seed: expected a number or a tuple of numbers, got 'x'; try seed=1",
        "@pytest.mark.otp: io: expected \"virtual\" or \"real\", got 'nope'",
        "expected @pytest.mark.otp on an async def test, got the plain function test_plain, *; try async def*",
    ])  # fmt: skip
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


@pytest.mark.parametrize("arguments", ["node", ""])
def test_an_unmarked_test_is_told_how_to_mark_it(pytester: pytest.Pytester, arguments: str) -> None:
    """Regression: pytest named five other plug-ins, and not ours."""
    result = outcomes(pytester, f"async def test_it({arguments}): pass")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*try @pytest.mark.otp above it, or otp_mode = auto in the ini file*"])


def test_an_unmarked_test_that_does_not_speak_of_otp_is_left_to_pytest(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("async def test_it(): pass")
    result = pytester.runpytest_subprocess("-p", "otp.testing.pytest_plugin", "-p", "no:cacheprovider")
    assert "otp_mode" not in result.stdout.str()
    result.assert_outcomes(failed=1)


def test_a_failure_shows_the_lines_of_the_test_and_none_of_the_library(pytester: pytest.Pytester) -> None:
    result = outcomes(
        pytester,
        """
@pytest.mark.otp
async def test_message():
    await assert_receive("hello")

@pytest.mark.otp
async def test_call():
    await otp.GenServer.call("nobody", 1)

@pytest.mark.otp
async def test_deadlock():
    await otp.receive()

@pytest.mark.otp
async def test_linked():
    otp.spawn_link(lambda: otp.exit("boom"))
    await otp.receive()
""",
    )
    result.assert_outcomes(failed=4)
    shown = result.stdout.str()
    assert "src/otp" not in shown.replace("\\", "/")
    assert "base_events" not in shown
    assert shown.count(">       await ") == 2
    result.stdout.fnmatch_lines(["*it waited at: File*test_a_failure_shows*line 20, in test_linked*"])


def test_a_fault_that_affected_nothing_is_in_the_summary_and_can_be_a_failure(pytester: pytest.Pytester) -> None:
    source = """
from otp.testing import drop

@pytest.mark.otp
async def test_it():
    with drop(to="nobody", matching=2):
        pass
"""
    result = outcomes(pytester, source, "-W", "default")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*warnings summary*", "*UnmatchedFault: drop(to='nobody', matching=2): expected *"])
    result = outcomes(pytester, source, "-W", "error::otp.testing.UnmatchedFault")
    result.assert_outcomes(failed=1)
