"""The pytest plug-in: a marked `async def test` is the first process of a node, in virtual time.

    @pytest.mark.otp(seed=(1, 2, 3))                    # one test per seed
    async def test_the_counter_counts(node):
        counter = await start_supervised((Counter, 0))
        assert await GenServer.call(counter, "next") == 0

A test marked `simulation` or `real_nodes` has the fixtures `cluster` and `cluster_members`: its node has joined
simulated members, or programs of `superlearner cluster test run`. With both marks, it joins programs if there are any.

`otp_mode = auto` in the ini file marks every `async def` test. A failed test shows its seed and virtual time, the
processes it left running, and the command that repeats it; `otp_leaks = error` makes leaks an error. The first process
also sets up async fixtures of scope `function`. Under Hypothesis' `@given` each example has a scheduler and a node of
its own, and its own async fixtures.

Only this module of `otp` imports pytest; none imports Hypothesis.
"""

from __future__ import annotations

import copy
import difflib
import functools
import inspect
import os
import unittest
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from importlib.util import find_spec
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, Final

import pytest

from otp.testing.async_fixtures import PendingFixture, is_async_function, with_fixtures

if TYPE_CHECKING:
    from otp.cluster import Cluster
    from otp.kernel.steps.node import Node
    from otp.testing.cluster_members import ClusterMembers, Programs
    from otp.testing.run import Run
    from otp.testing.scheduler import Scheduler

__all__ = [
    "cluster",
    "cluster_members",
    "node",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_fixture_setup",
    "pytest_generate_tests",
    "pytest_pycollect_makeitem",
    "pytest_pyfunc_call",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "pytest_terminal_summary",
    "pytest_unmarked_otp_test",
    "pytest_wide_async_fixture",
]

_OPTIONS: Final = ("seed", "io", "inline", "early_timers", "causal", "max_steps")
_SEED: Final = "_otp_seed"
_LEAKS: Final = "otp left running"
_run_of: Final = pytest.StashKey["_Open"]()
_fixtures_of: Final = pytest.StashKey[list[PendingFixture]]()
"""The fixtures that the test's process sets up; only tests that run as a process have the key."""


class _Open:
    """The current run of a test: that of the fixture `node`, or of an example of Hypothesis."""

    def __init__(self, item: pytest.Item) -> None:
        from otp.kernel.values.errors import BadArgument
        from otp.testing.scheduler import Scheduler

        problem = None
        try:
            self.scheduler: Scheduler = Scheduler(**_options(item))
        except BadArgument as error:
            problem = str(error)
        if problem is not None:  # outside of the handler, whose traceback pytest would show
            pytest.fail(f"@pytest.mark.otp: {problem}", pytrace=False)
        name = f"test-{os.getpid()}@127.0.0.1" if _programs_for(item) else "test"
        self.run: Run = self.scheduler.open(name=name)
        self.seed = self.scheduler.seed
        self.executes: bool = False
        item.stash[_run_of] = self


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `otp_mode` and `otp_leaks` to the ini file."""
    parser.addini(
        "otp_mode", 'otp: "auto" runs every "async def" test as a process; "strict": marked ones', default="strict"
    )
    parser.addini("otp_leaks", 'otp: what a process left running is: "report" or "error"', default="report")


def pytest_configure(config: pytest.Config) -> None:
    """Describe the mark and check the ini file."""
    config.addinivalue_line(
        "markers",
        'otp(seed=0, io="virtual", inline=None, early_timers=False, causal=True, max_steps=1_000_000): run an '
        '"async def" test as the first process of a node on otp.testing.Scheduler; seed may be a tuple',
    )
    config.addinivalue_line(
        "markers",
        "simulation(size=2, **options of SimulatedCluster): run the test on simulated members, in virtual time",
    )
    config.addinivalue_line(
        "markers",
        "real_nodes(size=2): run the test on programs of this machine: `superlearner cluster test run`; it is skipped "
        "without them, and on simulated members if it is also marked simulation",
    )
    for name, allowed in (("otp_mode", ("auto", "strict")), ("otp_leaks", ("report", "error"))):
        if config.getini(name) not in allowed:
            raise pytest.UsageError(f"{name}: expected one of {', '.join(allowed)}, got {config.getini(name)!r}")


# Collecting


@pytest.hookimpl(wrapper=True, trylast=True)  # the innermost: others see its result
def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> Generator[None, Any, Any]:
    """Make marked tests plain functions, so that no other plug-in for `async def` takes them."""
    if _is_ours(collector, name, obj):
        pytest.mark.usefixtures("node")(obj)  # pyright: ignore[reportArgumentType]
    made = yield
    for item in made if isinstance(made, list) else [made]:  # pyright: ignore[reportUnknownVariableType]
        if isinstance(item, pytest.Function) and "node" in item.fixturenames and _is_test(item):
            item.stash[_fixtures_of] = []
            item.obj = _as_examples(item, item.obj) if _is_given(item.obj) else _as_process(item, item.obj)
    return made  # pyright: ignore[reportUnknownVariableType]


def _is_ours(collector: pytest.Module | pytest.Class, name: str, obj: Any) -> bool:
    if not _is_async(obj) or not collector.istestfunction(obj, name):
        return False
    if collector.get_closest_marker("otp") is not None:
        return True
    marks = [mark.name for mark in _marks(obj)]
    if any(name in marks or collector.get_closest_marker(name) is not None for name in _STAGES):
        return True
    return "otp" in marks or (collector.config.getini("otp_mode") == "auto" and not _FOREIGN & set(marks))


def _is_async(obj: Any) -> bool:
    """Return whether a test is `async def`, also below `@given`."""
    return inspect.iscoroutinefunction(obj.hypothesis.inner_test if _is_given(obj) else obj)


def _is_given(obj: Any) -> bool:
    return inspect.isroutine(obj) and getattr(obj, "is_hypothesis_test", False) and hasattr(obj, "hypothesis")


_FOREIGN: Final = frozenset({"asyncio", "anyio", "trio"})


def _marks(obj: Any) -> list[pytest.Mark]:
    """Return the marks on a function itself."""
    marks = getattr(obj, "pytestmark", [])
    return list(marks) if isinstance(marks, list) else [marks]  # pyright: ignore[reportUnknownArgumentType]


def _is_test(item: pytest.Function) -> bool:
    if not _is_async(item.obj):
        return False
    if any(item.get_closest_marker(name) is not None for name in ("otp", *_STAGES)):
        return True
    marked = any(item.get_closest_marker(name) is not None for name in _FOREIGN)
    return item.config.getini("otp_mode") == "auto" and not marked


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Create one test for each seed of a tuple."""
    mark = metafunc.definition.get_closest_marker("otp")
    seed = None if mark is None else mark.kwargs.get("seed", 0)
    if isinstance(seed, (tuple, list, range)):
        seeds: list[Any] = list(seed)  # pyright: ignore[reportUnknownArgumentType]
        if not seeds:
            raise pytest.UsageError(f"{metafunc.definition.nodeid}: expected at least one seed, got {seed!r}")
        if _SEED not in metafunc.fixturenames:
            metafunc.fixturenames.append(_SEED)
        metafunc.parametrize(_SEED, seeds, ids=[f"seed={one}" for one in seeds])


# Running


@pytest.fixture
def node(request: pytest.FixtureRequest) -> Iterator[Node]:
    """Yield the node of the test, which is its first process; in a plain test, a node to inspect."""
    opened = _Open(request.node)
    try:
        yield opened.run.node
    finally:
        opened.run.close()


def _options(item: pytest.Item) -> dict[str, Any]:
    found = _options_of_mark(item)
    return {**found, "io": "real"} if _programs_for(item) else found


def _options_of_mark(item: pytest.Item) -> dict[str, Any]:
    mark = item.get_closest_marker("otp")
    if mark is None:
        return {}
    unknown = {name: value for name, value in mark.kwargs.items() if name not in _OPTIONS}
    if mark.args or unknown:
        got = [*map(repr, mark.args), *(f"{name}={value!r}" for name, value in unknown.items())]
        meant = [f"seed={value!r}" for value in mark.args[:1]] + [
            f"{near}={value!r}"
            for name, value in unknown.items()
            for near in difflib.get_close_matches(name, _OPTIONS, 1)
        ]
        pytest.fail(
            f"expected @pytest.mark.otp(seed=0, io='virtual', inline=None), got {', '.join(got)}; "
            f"try {', '.join(meant or _OPTIONS)}",
            pytrace=False,
        )
    options = dict(mark.kwargs)
    callspec = getattr(item, "callspec", None)
    if callspec is not None and _SEED in callspec.params:
        options["seed"] = callspec.params[_SEED]
    if not isinstance(seed := options.get("seed", 0), int):
        pytest.fail(
            f"@pytest.mark.otp: seed: expected a number or a tuple of numbers, got {seed!r}; try seed=1", pytrace=False
        )
    return options


# Clusters


_STAGES: Final = ("real_nodes", "simulation")
_SIZE: Final = 2


def _size(mark: pytest.Mark) -> int:
    """Return how many members a mark asks for."""
    size = mark.kwargs.get("size", mark.args[0] if mark.args else _SIZE)
    if type(size) is not int or size < 1 or len(mark.args) > 1:
        raise pytest.UsageError(f"@pytest.mark.{mark.name}: size: expected a number of members, got {size!r}")
    return size


def _programs() -> Programs | None:
    from otp.kernel.values.errors import BadArgument
    from otp.testing.cluster_members import programs_of

    try:
        return programs_of(os.environ)
    except BadArgument as error:
        raise pytest.UsageError(str(error)) from None


def _programs_for(item: pytest.Item) -> Programs | None:
    """Return the programs that a test joins; None if it joins none."""
    return None if item.get_closest_marker("real_nodes") is None else _programs()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests on members where there are none, or too few, and say what to try."""
    for item in items:
        if (reason := _why_skipped(item)) is not None:
            item.add_marker(pytest.mark.skip(reason=reason))


def _why_skipped(item: pytest.Item) -> str | None:
    real, simulated = (item.get_closest_marker(name) for name in _STAGES)
    if real is None and simulated is None:
        return None
    if find_spec("msgspec") is None:
        return "needs the extra otp[cluster]: pip install 'msgspec>=0.19'"
    programs = _programs()
    if real is None or (programs is None and simulated is not None):
        return None
    size = _size(real)
    if programs is None or programs.size < size:
        there = "there are none" if programs is None else f"there are {programs.size}"
        return f"needs {size} real members, {there}; try superlearner cluster test run --size {size}"
    return None


@pytest.fixture
async def cluster_members(
    request: pytest.FixtureRequest, node: Node, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[ClusterMembers]:
    """Yield the members that the test's node has joined, to kill and to stall them."""
    from otp.testing.cluster_members import join_programs, join_simulated

    item = request.node
    if (programs := _programs_for(item)) is not None:
        folder = tmp_path_factory.getbasetemp() / "incarnations"
        folder.mkdir(exist_ok=True)
        async with join_programs(node, programs, folder) as members:
            yield members
        return
    mark = item.get_closest_marker("simulation")
    if mark is None:
        pytest.fail(
            f"expected the test {item.name} with the fixture cluster to say where it runs; try "
            "@pytest.mark.simulation, @pytest.mark.real_nodes, or both",
            pytrace=False,
        )
    options = {name: value for name, value in mark.kwargs.items() if name != "size"}
    async with join_simulated(node, _size(mark), options) as members:
        yield members


@pytest.fixture
async def cluster(cluster_members: ClusterMembers) -> Cluster:
    """Return the cluster that the test's node has joined."""
    return cluster_members.cluster


def _as_process(item: pytest.Function, test: Callable[..., Any]) -> Callable[..., None]:
    @functools.wraps(test)
    def as_process(**arguments: Any) -> None:
        __tracebackhide__ = True
        _execute(item, item.stash[_run_of], test, (), arguments)

    return as_process


def _as_examples(item: pytest.Function, given: Any) -> Callable[..., None]:
    """Return a test of Hypothesis in which each example is a run of its own."""
    test = given.hypothesis.inner_test  # a function, also in a class

    @functools.wraps(test)
    def example(*args: Any, **arguments: Any) -> None:
        __tracebackhide__ = True
        node = item.funcargs["node"]
        opened = _Open(item)
        try:
            _execute(item, opened, test, args, arguments, {id(node): opened.run.node})
        finally:
            opened.run.close()

    @functools.wraps(given)
    def as_examples(**arguments: Any) -> None:
        __tracebackhide__ = True
        function: Any = getattr(given, "__func__", given)
        function._hypothesis_internal_use_settings = as_examples._hypothesis_internal_use_settings  # type: ignore[attr-defined]
        given.hypothesis.inner_test = example
        try:
            given(**arguments)
        finally:
            given.hypothesis.inner_test = test

    as_examples.hypothesis = copy.copy(given.hypothesis)  # type: ignore[attr-defined]
    as_examples.hypothesis.inner_test = example  # type: ignore[attr-defined]  # plain: not for other plug-ins
    signature = inspect.signature(given)
    kept = [p for p in signature.parameters.values() if p.name not in _made_for_each_example(item)]
    as_examples.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    return as_examples


def _made_for_each_example(item: pytest.Function) -> set[str]:
    """Return the fixtures that each example sets up again, about which Hypothesis need not warn."""
    definitions = item._fixtureinfo.name2fixturedefs  # pyright: ignore[reportPrivateUsage]
    made = {"node"}
    for _ in definitions:  # at most as often as fixtures depend on each other
        made |= {
            name
            for name, (*_others, found) in definitions.items()
            if found.scope == "function" and (is_async_function(found.func) or made & set(found.argnames) - {"node"})
        }
    return made


# Fixtures


@pytest.hookimpl(wrapper=True, tryfirst=True)  # the outermost: other plug-ins see a plain function
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Leave the async fixtures of a marked test, and those that use one, to the test's first process."""
    item: pytest.Item = request._pyfuncitem  # pyright: ignore[reportPrivateUsage]
    fixtures = item.stash.get(_fixtures_of, None)
    if fixtures is None or fixturedef.scope != "function" or fixturedef.argname == "node":
        return (yield)
    function = fixturedef.func
    uses_one = any(isinstance(request.getfixturevalue(name), PendingFixture) for name in fixturedef.argnames)
    if not is_async_function(function) and not uses_one:
        return (yield)
    request.getfixturevalue("node")
    if item.stash[_run_of].executes:
        sentence = (
            f"expected the async fixture {fixturedef.argname} before the test {item.name} begins, got "
            f"getfixturevalue({fixturedef.argname!r}) in the running test; try it as an argument of the test"
        )
        return (yield from _set_up_with(fixturedef, _refusal(sentence)))
    if isinstance(function, MethodType) and isinstance(request.instance, type(function.__self__)):
        function = function.__func__.__get__(request.instance)

    def prepare(**arguments: Any) -> PendingFixture:
        fixtures.append(PendingFixture(fixturedef.argname, function, arguments))
        return fixtures[-1]

    return (yield from _set_up_with(fixturedef, prepare))


def _set_up_with(fixturedef: pytest.FixtureDef[Any], function: Callable[..., Any]) -> Generator[None, Any, Any]:
    """Set up a fixture with another function; pytest cleans up after errors of that function only."""
    original, fixturedef.func = fixturedef.func, function  # type: ignore[misc]
    try:
        return (yield)
    finally:
        fixturedef.func = original  # type: ignore[misc]


def _refusal(sentence: str) -> Callable[..., None]:
    def refuse(**_arguments: Any) -> None:
        pytest.fail(sentence, pytrace=False)

    return refuse


@pytest.hookimpl(specname="pytest_fixture_setup", wrapper=True, trylast=True)  # the innermost: no other plug-in took it
def pytest_wide_async_fixture(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Explain why a marked test cannot use an async fixture of a wider scope."""
    item: pytest.Item = request._pyfuncitem  # pyright: ignore[reportPrivateUsage]
    if fixturedef.scope != "function" and _fixtures_of in item.stash and is_async_function(fixturedef.func):
        sentence = (
            f"expected the async fixture {fixturedef.argname} of the otp test {item.name} to have the scope "
            f"'function', got {fixturedef.scope!r}: each test has a node and an event loop of its own; try "
            "scope='function', or a plain def fixture for what needs no event loop"
        )
        return (yield from _set_up_with(fixturedef, _refusal(sentence)))
    return (yield)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Explain that plain functions and the methods of a `unittest.TestCase` do not run as processes."""
    if not isinstance(item, pytest.Function) or _fixtures_of in item.stash:
        return
    if not _is_async(item.obj):
        # A mark of a class or module is for its async tests; a plain test with the fixture has a node to inspect.
        if any(mark.name == "otp" for mark in _marks(item.obj)) and "node" not in item.fixturenames:
            pytest.fail(
                f"expected @pytest.mark.otp on an async def test, got the plain function {item.name}, which runs "
                "without a node; try async def, the fixture node, or no mark",
                pytrace=False,
            )
        return
    if item.get_closest_marker("otp") and item.cls is not None and issubclass(item.cls, unittest.TestCase):
        pytest.fail(
            f"expected @pytest.mark.otp on a function or a plain class, got the TestCase {item.cls.__name__}, whose "
            "methods unittest runs; try a class without TestCase, or otp.testing.Scheduler().run(fn) in a plain method",
            pytrace=False,
        )


@pytest.hookimpl(specname="pytest_pyfunc_call")  # before pytest's own, after other plug-ins
def pytest_unmarked_otp_test(pyfuncitem: pytest.Function) -> object | None:
    """Explain how to mark an `async def` test that uses `otp` and that no plug-in runs."""
    if _fixtures_of not in pyfuncitem.stash and _is_async(pyfuncitem.obj) and _speaks_of_otp(pyfuncitem):
        pytest.fail(
            f"expected a mark on the async def test {pyfuncitem.name}, got none; try @pytest.mark.otp above it, or "
            "otp_mode = auto in the ini file",
            pytrace=False,
        )
    return None


def _speaks_of_otp(item: pytest.Function) -> bool:
    test = item.obj.hypothesis.inner_test if _is_given(item.obj) else item.obj
    used = getattr(inspect.unwrap(test), "__globals__", {})
    return "node" in item.fixturenames or any(map(_is_of_otp, used.values()))


def _is_of_otp(found: object) -> bool:
    module = found.__name__ if isinstance(found, ModuleType) else None
    if isinstance(found, type | FunctionType):
        module = found.__module__
    return isinstance(module, str) and module.partition(".")[0] == "otp"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object | None:
    """Run a marked test whose function was replaced (a retry by another plug-in)."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or _fixtures_of not in pyfuncitem.stash:
        return None
    wanted = pyfuncitem._fixtureinfo.argnames  # pyright: ignore[reportPrivateUsage]
    arguments = {name: pyfuncitem.funcargs[name] for name in wanted}
    _execute(pyfuncitem, pyfuncitem.stash[_run_of], pyfuncitem.obj, (), arguments)
    return True


def _execute(
    item: pytest.Function,
    opened: _Open,
    test: Callable[..., Any],
    args: tuple[Any, ...],
    arguments: dict[str, Any],
    instead: dict[int, Any] | None = None,
) -> None:
    __tracebackhide__ = True
    run = opened.run
    opened.executes = True
    try:
        run.execute(with_fixtures(test, item.stash[_fixtures_of], instead or {}), args, arguments)
    finally:
        opened.executes = False
    if run.leaks and item.config.getini("otp_leaks") == "error":
        pytest.fail(
            f"expected nothing to be left running, got: {'; '.join(run.leaks)}; try start_supervised, or a link",
            pytrace=False,
        )


# Reporting


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add seed, virtual time and leaked processes to the report of a marked test."""
    report = yield
    if call.when == "call" and _run_of in item.stash:
        opened = item.stash[_run_of]
        lines = [f"seed {opened.seed}, {opened.scheduler.now} s of {opened.scheduler.io} time"]
        lines += [f"left running: {leak}" for leak in opened.run.leaks]
        if opened.run.leaks:
            report.user_properties.append((_LEAKS, "; ".join(opened.run.leaks)))
        if report.failed:
            lines.append(f'again: pytest "{item.nodeid}"')
        report.sections.append(("otp", "\n".join(lines)))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what tests left running."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    found = [
        f"{report.nodeid}: {leaks}"
        for report in reports
        if isinstance(report, pytest.TestReport)
        for name, leaks in report.user_properties
        if name == _LEAKS
    ]
    if found:
        terminalreporter.section("otp: left running at the end of a test")
        for line in found:
            terminalreporter.line(line)
