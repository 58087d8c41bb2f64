"""The pytest plug-in: a marked `async def test` is the first process of a node, in virtual time.

    @pytest.mark.otp(seed=(1, 2, 3))                    # one test per seed
    async def test_the_counter_counts(node):
        counter = await start_supervised((Counter, 0))
        assert await GenServer.call(counter, "next") == 0

`otp_mode = auto` in the ini file marks every `async def` test. A failed test shows its seed and virtual time, the
processes it left running, and the command that repeats it; `otp_leaks = error` makes leaks an error.

Only this module of `otp` imports pytest.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator, Iterator
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from otp.kernel.node import Node
    from otp.testing.run import Run
    from otp.testing.scheduler import Scheduler

__all__ = [
    "node",
    "pytest_addoption",
    "pytest_configure",
    "pytest_generate_tests",
    "pytest_pycollect_makeitem",
    "pytest_pyfunc_call",
    "pytest_runtest_makereport",
    "pytest_terminal_summary",
    "pytest_unmarked_otp_test",
]

_OPTIONS: Final = ("seed", "io", "inline", "early_timers", "causal", "max_steps")
_SEED: Final = "_otp_seed"
_LEAKS: Final = "otp left running"
_run_of: Final = pytest.StashKey["_Open"]()


class _Open:
    """The state of the fixture `node` for a test."""

    def __init__(self, seed: int, scheduler: Scheduler, run: Run) -> None:
        self.seed = seed
        self.scheduler = scheduler
        self.run = run


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
            item.obj = _as_process(item, item.obj)
    return made  # pyright: ignore[reportUnknownVariableType]


def _is_ours(collector: pytest.Module | pytest.Class, name: str, obj: Any) -> bool:
    if not inspect.iscoroutinefunction(obj) or not collector.istestfunction(obj, name):
        return False
    if collector.get_closest_marker("otp") is not None:
        return True
    marks = [mark.name for mark in _marks(obj)]
    return "otp" in marks or (collector.config.getini("otp_mode") == "auto" and not _FOREIGN & set(marks))


_FOREIGN: Final = frozenset({"asyncio", "anyio", "trio"})


def _marks(obj: Any) -> list[pytest.Mark]:
    """Return the marks on a function itself."""
    marks = getattr(obj, "pytestmark", [])
    return list(marks) if isinstance(marks, list) else [marks]  # pyright: ignore[reportUnknownArgumentType]


def _is_test(item: pytest.Function) -> bool:
    if not inspect.iscoroutinefunction(item.obj):
        return False
    if item.get_closest_marker("otp") is not None:
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
    from otp.testing.scheduler import Scheduler

    options = _options(request)
    scheduler = Scheduler(**options)
    run = scheduler.open()
    request.node.stash[_run_of] = _Open(scheduler.seed, scheduler, run)
    try:
        yield run.node
    finally:
        run.close()


def _options(request: pytest.FixtureRequest) -> dict[str, Any]:
    item: pytest.Item = request.node
    mark = item.get_closest_marker("otp")
    if mark is None:
        return {}
    unknown = mark.kwargs.keys() - set(_OPTIONS)
    if mark.args or unknown:
        raise pytest.UsageError(
            f"{item.nodeid}: expected @pytest.mark.otp(seed=0, io='virtual', inline=None), got "
            f"{', '.join([*map(repr, mark.args), *sorted(unknown)])}"
        )
    options = dict(mark.kwargs)
    callspec = getattr(item, "callspec", None)
    if callspec is not None and _SEED in callspec.params:
        options["seed"] = callspec.params[_SEED]
    return options


def _as_process(item: pytest.Function, test: Callable[..., Any]) -> Callable[..., None]:
    @functools.wraps(test)
    def as_process(**arguments: Any) -> None:
        __tracebackhide__ = True
        _execute(item, test, arguments)

    return as_process


@pytest.hookimpl(specname="pytest_pyfunc_call")  # before pytest's own, after other plug-ins
def pytest_unmarked_otp_test(pyfuncitem: pytest.Function) -> object | None:
    """Explain how to mark an `async def` test that uses `otp` and that no plug-in runs."""
    if inspect.iscoroutinefunction(pyfuncitem.obj) and _speaks_of_otp(pyfuncitem):
        pytest.fail(
            f"expected a mark on the async def test {pyfuncitem.name}, got none; try @pytest.mark.otp above it, or "
            "otp_mode = auto in the ini file",
            pytrace=False,
        )
    return None


def _speaks_of_otp(item: pytest.Function) -> bool:
    used = getattr(inspect.unwrap(item.obj), "__globals__", {})
    return "node" in item.fixturenames or any(map(_is_of_otp, used.values()))


def _is_of_otp(found: object) -> bool:
    module = found.__name__ if isinstance(found, ModuleType) else None
    if isinstance(found, type | FunctionType):
        module = found.__module__
    return isinstance(module, str) and module.partition(".")[0] == "otp"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object | None:
    """Run a marked test whose function was replaced (a retry by another plug-in)."""
    if not _is_test(pyfuncitem) or _run_of not in pyfuncitem.stash:
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    _execute(pyfuncitem, pyfuncitem.obj, arguments)
    return True


def _execute(item: pytest.Function, test: Callable[..., Any], arguments: dict[str, Any]) -> None:
    __tracebackhide__ = True
    run = item.stash[_run_of].run
    run.execute(test, (), arguments)
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
