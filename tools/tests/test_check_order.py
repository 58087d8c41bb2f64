"""The check of iteration orders can fail: each rule has a module that breaks it."""

from __future__ import annotations

import pytest
from tools.check_order import main, orders_in

SET = "def f(pids: set[object]):\n    "


@pytest.mark.parametrize(
    "line",
    [
        "for pid in pids: pass",
        "return [pid for pid in pids]",
        "return {pid: 1 for pid in pids}",
        "return tuple(pids)",
        "return next(iter(pids))",
        "return (*pids,)",
        "return pids.pop()",
        "return list(pids - {1})",
    ],
)
def test_an_order_of_addresses_is_refused(line: str) -> None:
    assert [2] == [number for number, _ in orders_in(SET + line)]


@pytest.mark.parametrize(
    "line",
    [
        "return sorted(pids)",
        "return sorted(pid for pid in pids)",
        "return any(pid for pid in pids)",
        "return len(pids), 1 in pids, pids | {2}",
        "return {pid for pid in pids}",
        "for pid in pids: pass  # in any order",
        "pids.discard(1)",
    ],
)
def test_iteration_without_an_order_is_allowed(line: str) -> None:
    assert [] == list(orders_in(SET + line))


@pytest.mark.parametrize(
    "source",
    [
        "class A:\n    tasks: WeakSet[object] | None\n    def f(self):\n        return tuple(self.tasks)",
        "class A:\n    def __init__(self):\n        self.tasks = WeakSet()\n    def f(self): return list(self.tasks)",
        "import asyncio\nfor task in asyncio.all_tasks(): task.cancel()",
        "def f():\n    found = {object() for _ in range(3)}\n    return list(found)",
    ],
)
def test_sets_are_recognized_by_creation_and_annotation(source: str) -> None:
    assert 1 == len(list(orders_in(source)))


@pytest.mark.parametrize("kind", ["set[int]", "set[str]", "frozenset[str]", "list[object]", "dict[object, None]"])
def test_sets_of_values_do_not_depend_on_addresses(kind: str) -> None:
    assert [] == list(orders_in(f"def f(values: {kind}):\n    return list(values)"))


def test_variables_of_other_functions_are_separate() -> None:
    assert [] == list(orders_in("def f(a: set[object]): pass\ndef g(a: list[object]):\n    return list(a)"))


def test_the_runtime_does_not_depend_on_addresses(capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == main(), capsys.readouterr().out
