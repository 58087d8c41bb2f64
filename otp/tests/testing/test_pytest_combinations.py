"""The pytest plug-in beside Hypothesis, pytest-asyncio, anyio, xdist and unittest, in a separate pytest."""

from __future__ import annotations

import pytest

from otp import BadArgument, Node

pytestmark = pytest.mark.program

pytest_plugins = ["pytester"]

HEAD = """
import asyncio
import unittest
import otp, pytest
from hypothesis import assume, given, settings, strategies as st
from otp import Agent
from otp.testing import Scheduler
"""

FIXTURES = """
order = []

@pytest.fixture
async def stock():
    order.append("stock up")
    agent = await Agent.start_link(dict)
    yield agent
    order.append("stock down")
    await Agent.stop(agent)

@pytest.fixture
def shop(stock, tmp_path):
    order.append("shop up")
    yield ("shop", stock)
    order.append("shop down")
"""

OURS = ("otp.testing.pytest_plugin", "_hypothesis_pytestplugin")
OTHERS = ("pytest_asyncio.plugin", "anyio.pytest_plugin", "xdist.plugin")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No plug-ins but those that a test names."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def outcomes(
    pytester: pytest.Pytester, source: str, *options: str, plugins: tuple[str, ...] = OURS
) -> pytest.RunResult:
    pytester.makepyfile(HEAD + source)
    named = [f"-p{plugin}" for plugin in plugins]
    return pytester.runpytest_subprocess(*named, "-pno:cacheprovider", "-Werror", *options)


COMBINED = (
    FIXTURES
    + """
@pytest.fixture
async def me():
    return otp.self()

@pytest.fixture(params=[1, 2])
async def number(request):
    await asyncio.sleep(3600)
    return request.param

@pytest.mark.otp
async def test_fixtures_run_in_the_process_of_the_test(node, stock, me, shop):
    assert me == otp.self() and node.processes() == [me, stock] and shop == ("shop", stock)
    assert await Agent.get(stock, len) == 0
    order.append("test")

def test_they_end_in_reverse_order():
    assert order[:5] == ["stock up", "shop up", "test", "shop down", "stock down"]

@pytest.mark.otp(seed=(1, 2))
@pytest.mark.parametrize("letter", "ab")
async def test_parameters_of_fixtures_tests_and_seeds(number, letter):
    assert otp.monotonic() == 3600 and letter in "ab" and number in (1, 2)

runs = set()

@pytest.mark.otp
@settings(max_examples=15, deadline=None)
@given(n=st.integers(0, 100), data=st.data())
async def test_each_example_has_a_run_and_fixtures_of_its_own(stock, node, shop, n, data):
    assert otp.monotonic() == 0 and node is otp.node() and len(node.processes()) == 2
    assume(n % 2 == 0)
    await asyncio.sleep(data.draw(st.integers(1, 3)))
    assert await Agent.get(stock, len) == 0 and shop[1] is stock
    await Agent.update(stock, lambda stock: {n: 1})
    runs.add(node.creation)

def test_there_were_several_runs():
    assert len(runs) >= 15

@given(st.integers())
@settings(max_examples=3, deadline=None)
@pytest.mark.otp(seed=7)
async def test_the_mark_may_be_below(n):
    assert otp.monotonic() == 0

@pytest.mark.otp
class TestClass:
    @pytest.fixture
    async def mine(self):
        self.value = 7
        return self

    async def test_a_method(self, mine):
        assert mine is self and self.value == 7

    @pytest.mark.parametrize("letter", "ab")
    @settings(max_examples=3, deadline=None)
    @given(n=st.integers())
    async def test_a_method_with_examples(self, stock, letter, n):
        assert await Agent.get(stock, len) == 0 and isinstance(self, TestClass)

@pytest.mark.otp
@pytest.mark.usefixtures("stock")
async def test_a_fixture_that_is_not_an_argument():
    assert len(otp.processes()) == 2

@pytest.fixture
async def missing():
    pytest.skip("no database")

@pytest.mark.otp
async def test_a_fixture_may_skip(missing):
    pass

class TestCase(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.node = await self.enterAsyncContext(otp.Node("tests"))

    async def test_a_node(self):
        assert await Agent.get(await self.node.start(Agent, dict), len) == 0

    def test_a_run(self):
        async def main():
            await asyncio.sleep(3600)
            return otp.monotonic()
        self.assertEqual(Scheduler().run(main), 3600)
"""
)

WITH_OTHERS = """
import pytest_asyncio

@pytest_asyncio.fixture
async def theirs():
    yield await Agent.start_link(dict)

@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def configuration():
    await asyncio.sleep(0)
    return {"a": 1}

@pytest.mark.otp
async def test_fixtures_of_pytest_asyncio(theirs, configuration):
    assert await Agent.get(theirs, len) == 0 and configuration == {"a": 1}

@pytest.mark.asyncio
async def test_a_node_in_a_test_of_pytest_asyncio(configuration):
    async with otp.Node("tests") as node:
        assert await Agent.get(await node.start(Agent, dict), len) == 0

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_node_in_a_test_of_anyio(anyio_backend):
    async with otp.Node("tests") as node:
        assert await Agent.get(await node.start(Agent, dict), len) == 0
"""


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_async_fixtures_and_hypothesis_beside_other_plugins(pytester: pytest.Pytester, mode: str) -> None:
    pytester.makeini(f"[pytest]\nasyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = function")
    options = ("-n1",) if mode == "strict" else ()
    result = outcomes(pytester, COMBINED + WITH_OTHERS, *options, plugins=OURS + OTHERS)
    result.assert_outcomes(passed=22, skipped=1)


def test_a_failing_example_is_shrunk_and_unsupported_combinations_are_explained(pytester: pytest.Pytester) -> None:
    result = outcomes(
        pytester,
        FIXTURES
        + """
@pytest.fixture(scope="module")
async def wide():
    return 1

@pytest.fixture
async def twice():
    yield 1
    yield 2

@pytest.mark.otp
async def test_wide(wide):
    pass

@pytest.mark.otp
async def test_dynamic(request):
    request.getfixturevalue("stock")

@pytest.mark.otp
async def test_the_fixture_works_afterwards(stock):
    pass

@pytest.mark.otp
async def test_twice(twice):
    pass

@pytest.mark.otp
class TestUnit(unittest.IsolatedAsyncioTestCase):
    async def test_it(self):
        pass

@given(st.integers())
async def test_unmarked(n):
    otp.self()

@pytest.mark.otp(seed=3)
@settings(database=None, deadline=None)  # a busy machine fails no example
@given(n=st.integers())
async def test_example(n):
    await asyncio.sleep(abs(n))
    assert n < 50
""",
        "--hypothesis-seed=1",
    )
    result.assert_outcomes(passed=1, failed=4, errors=2)
    result.stdout.fnmatch_lines_random(
        [
            "expected the async fixture wide of the otp test test_wide to have the scope 'function', got 'module'*",
            "*expected the async fixture stock before the test test_dynamic begins*try it as an argument of the test",
            "*fixture twice: expected one yield, got a second one",
            "*expected @pytest.mark.otp on a function or a plain class, got the TestCase TestUnit*",
            "*assert 50 < 50",
            "seed 3, 50.0 s of virtual time",
            "expected a mark on the async def test test_unmarked, got none; try @pytest.mark.otp above it*",
        ]
    )


def test_a_node_outside_an_asyncio_loop_explains_what_it_needs() -> None:
    """As under trio, the other backend of anyio."""
    with pytest.raises(BadArgument, match=r"expected a running event loop of asyncio, got none.* anyio's asyncio"):
        Node("tests").__aenter__().send(None)
